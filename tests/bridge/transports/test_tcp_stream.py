"""A real TCP server: nothing is lost from the first byte to the last, and the end is told once and after them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
import socket
import time
from typing import Any

import pytest

from custom_components.fieldbridge.bridge.codecs.framing import DelimiterFramer, FramingCounters, framer_from_dict
from custom_components.fieldbridge.bridge.errors import LinkClosedError, LinkError
from custom_components.fieldbridge.bridge.transports.counters import TransportCounters
from custom_components.fieldbridge.bridge.transports.serial import SerialSettings, SerialTransport
from demo.pty_link import PtyLink

from .listener import Listener

pytestmark = pytest.mark.usefixtures("loopback_sockets")

type Serve = Callable[[asyncio.StreamWriter], Awaitable[None]]

BURST = b"".join(b"%d;20.4\n" % number for number in range(100_000))
"""A bit over one megabyte."""


@contextlib.asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """Serve every connection with ``serve`` and close it when that returns; yields the URL."""
    async with asyncio.TaskGroup() as serving:
        tasks: list[asyncio.Task[None]] = []

        async def handle(writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(ConnectionError):
                await serve(writer)

        listening = await asyncio.start_server(
            lambda _, writer: tasks.append(serving.create_task(handle(writer))), "127.0.0.1", 0
        )
        async with listening:
            yield f"socket://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            for task in tasks:
                task.cancel()


async def send_and_stay(data: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(data)
    await writer.drain()
    await asyncio.Event().wait()


async def send_and_close(data: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(data)
    await writer.drain()


async def test_what_arrives_between_opening_and_starting_is_delivered() -> None:
    sent = asyncio.Event()

    async def greet(writer: asyncio.StreamWriter) -> None:
        await send_and_close(b"hello\nwor", writer)
        sent.set()
        await asyncio.Event().wait()

    async with server(greet) as url:
        listener = Listener(url)
        await listener.transport.open()
        await sent.wait()
        await listener.transport.start_scan()
        await listener.until(frames=1)
        await listener.close()

    assert listener.data == [b"hello"]
    assert listener.transport.counters == TransportCounters(
        bytes_received=9, frames=1, framing=FramingCounters(partial=1)
    )


async def test_the_end_of_file_is_told_once_and_does_not_spin_as_the_serial_sensor_of_home_assistant_does() -> None:
    async with server(lambda writer: send_and_close(b"last\n", writer)) as url:
        listener = Listener(url)
        await listener.start()
        await listener.until(losses=1)
        before = time.thread_time()
        await asyncio.sleep(0.2)
        spent = time.thread_time() - before
        await listener.close()

    assert listener.data == [b"last"]
    assert [type(loss) for loss in listener.losses] == [LinkClosedError]
    assert spent < 0.1


async def test_the_end_is_told_after_the_last_of_a_megabyte() -> None:
    async with server(lambda writer: send_and_close(BURST, writer)) as url:
        listener = Listener(url)
        await listener.start()
        await listener.until(losses=1)
        at_the_end = len(listener.frames)
        await listener.close()

    assert at_the_end == len(listener.frames) == listener.transport.counters.frames == 100_000
    assert listener.transport.counters.bytes_received == len(BURST)
    assert len(listener.losses) == 1


async def test_a_megabyte_at_once_does_not_hold_the_loop() -> None:
    """The server writes from a thread of its own, so that the loop's CPU time is the reader's alone."""
    listening = socket.create_server(("127.0.0.1", 0))

    def send_burst() -> None:
        with listening, listening.accept()[0] as connection:
            connection.sendall(BURST)

    listener = Listener(f"socket://127.0.0.1:{listening.getsockname()[1]}")
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(send_burst))
        await listener.start()
        longest, before = 0.0, time.thread_time()
        while not listener.losses:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, before = max(longest, now - before), now
    await listener.close()

    assert len(listener.frames) == 100_000
    # One turn of the loop may hold several callbacks: it bounds each of them.
    assert longest < 0.01


async def test_nothing_is_delivered_after_close_although_much_is_waiting() -> None:
    async with server(lambda writer: send_and_stay(BURST, writer)) as url:
        listener = Listener(url)
        await listener.start()
        await listener.until(frames=1)
        await listener.transport.close()
        count = len(listener.frames)
        for _ in range(100):
            await asyncio.sleep(0)

    assert len(listener.frames) == count < 100_000
    assert listener.losses == []


async def test_a_stream_begins_with_its_connection_also_after_reconnecting() -> None:
    async with server(lambda writer: send_and_close(b"first\nhal", writer)) as url:
        listener = Listener(url)
        for round_ in (1, 2):
            await listener.start(silence=0.0)
            await listener.until(losses=round_)
            await listener.close()

    assert listener.data == [b"first", b"first"]
    assert listener.transport.counters.framing.partial == 2  # the half that each connection left


@pytest.mark.parametrize(
    ("form", "sent", "shown"),
    [
        ({"kind": "marks", "start": "\\x02", "end": "\\x03"}, b"est\x03\x02one\x03", b"\x02one\x03"),
        ({"kind": "escaped", "start": "~", "end": "~", "escape": "}"}, b"est~~one~", b"one"),
        ({"kind": "fixed", "length": 5, "start": "AB", "end": "Z"}, b"sZAB12Z", b"AB12Z"),
        ({"kind": "line", "check": {"algorithm": "sum8", "encoding": "hex"}}, b"0.3C3\n20.3C3\n", b"20.3C3"),
    ],
)
async def test_behind_a_serial_server_the_rest_of_a_frame_is_not_shown_where_a_mark_or_check_tells(
    form: dict[str, Any], sent: bytes, shown: bytes
) -> None:
    async with server(lambda writer: send_and_stay(sent, writer)) as url:
        listener = Listener(url, framer_from_dict(form))
        await listener.start(silence=0.0)
        await listener.until(frames=1)
        await listener.close()

    assert listener.data == [shown]


async def test_behind_a_serial_server_what_came_without_a_pause_before_it_is_not_shown_where_pauses_end_frames() -> (
    None
):
    first_heard = asyncio.Event()

    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b"est")
        await first_heard.wait()
        await send_and_stay(b"whole", writer)

    async with server(cut) as url:
        listener = Listener(url, framer_from_dict({"kind": "silence", "gap": 0.02}))
        await listener.start(silence=0.0)
        await listener.shows_bytes()
        listener.clock.advance(1.0)
        first_heard.set()
        await listener.until(frames=1)
        await listener.close()

    assert listener.data == [b"whole"]
    assert listener.transport.counters.framing.partial == 1


async def test_a_connection_that_is_reset_is_a_lost_link() -> None:
    async def reset(writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()
        await asyncio.sleep(0)

    async with server(reset) as url:
        listener = Listener(url)
        await listener.start()
        await listener.until(losses=1)
        await listener.close()

    assert len(listener.losses) == 1
    assert url in str(listener.losses[0])


async def test_a_refused_connection_names_the_address() -> None:
    async with server(lambda writer: send_and_close(b"", writer)) as url:
        pass
    listener = Listener(url)
    with pytest.raises(LinkError, match=url):
        await listener.transport.open()
    await listener.close()

    assert listener.losses == []


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("/dev/nothing_here?password=geheim", "No such file"),
        ("/dev/null?key=geheim", "No such file|Not a directory"),
        ("/dev/null", "Inappropriate ioctl"),
        ("foo://somewhere?key=geheim", "foo://"),
        ("socket://127.0.0.1?password=geheim", "host and port"),
        ("socket://127.0.0.1:99999?noise_psk=geheim", "out of range"),
        ("rfc2217://127.0.0.1:1?password=geheim", "refused|111|Connect call failed"),
        ("", "No such file"),
    ],
)
async def test_what_cannot_be_opened_is_a_link_error_with_a_clear_text_and_without_secrets(url: str, text: str) -> None:
    transport = SerialTransport(SerialSettings(url=url), DelimiterFramer())
    with pytest.raises(LinkError, match=text) as error:
        await transport.open()
    await transport.close()

    assert "geheim" not in str(error.value)
    assert str(error.value).startswith(transport.settings.display_url)


@pytest.mark.parametrize("wrong", [{"parity": "X"}, {"stopbits": 3}])
async def test_impossible_settings_are_a_link_error(wrong: dict[str, Any], pty_link: PtyLink) -> None:
    settings = SerialSettings(url=str(pty_link.path), **wrong)
    with pytest.raises(LinkError):
        await SerialTransport(settings, DelimiterFramer()).open()
