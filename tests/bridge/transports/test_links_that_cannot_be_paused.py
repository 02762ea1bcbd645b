"""A proxy such as ESPHome's delivers before the port is handed out and cannot be paused: nothing is lost, no error."""

from collections.abc import Iterator
from typing import override

import pytest
import serialx

from custom_components.fieldbridge.bridge.codecs.framing import FramingCounters
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.transports.counters import TransportCounters

from .listener import Listener

BURST = b"".join(b"%d\n" % number for number in range(5000))


class PushingTransport(serialx.BaseSerialTransport):
    """Delivers two lines while it connects, a burst when told, and has no pause_reading()."""

    opened: list[PushingTransport]

    @override
    async def _connect(self, *, path: str | None, **kwargs: object) -> None:
        if path == "pushing://asleep":
            raise TimeoutError
        self.opened.append(self)
        self._call_protocol_connection_made()
        self.push(b"early\nlin")

    def push(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def vanish(self) -> None:
        self._call_protocol_connection_lost(OSError("proxy gone"))

    @override
    def close(self) -> None:
        self._call_protocol_connection_lost(None)

    @override
    async def _flush(self) -> None:
        raise NotImplementedError

    @override
    async def _get_modem_pins(self) -> serialx.ModemPins:
        raise NotImplementedError

    @override
    async def _set_modem_pins(self, modem_pins: object) -> None:
        raise NotImplementedError

    @override
    async def _reconfigure_port(self, update: object) -> None:
        raise NotImplementedError


@pytest.fixture
def pushing() -> Iterator[list[PushingTransport]]:
    PushingTransport.opened = []
    unregister = serialx.register_uri_handler(
        scheme="pushing://",
        unique_scheme="pushing://",
        sync_cls=serialx.BaseSerial,  # type: ignore[type-abstract]  # never used
        async_transport_cls=PushingTransport,
    )
    yield PushingTransport.opened
    unregister()


@pytest.mark.usefixtures("pushing")
async def test_a_proxy_that_does_not_answer_is_a_link_error_that_says_so() -> None:
    listener = Listener("pushing://asleep")
    with pytest.raises(LinkError, match="pushing://asleep: no answer in time"):
        await listener.transport.open()
    await listener.close()

    assert listener.losses == []


async def test_what_came_before_the_start_is_read_at_the_start(pushing: list[PushingTransport]) -> None:
    listener = Listener("pushing://")
    await listener.transport.open()
    assert listener.transport.counters.bytes_received == 0
    await listener.transport.start_scan()
    pushing[0].push(b"e 2\n")
    await listener.until(frames=1)
    await listener.close()

    assert listener.data == [b"line 2"]
    assert listener.transport.counters == TransportCounters(
        bytes_received=13, frames=1, framing=FramingCounters(partial=1)
    )


async def test_a_burst_is_delivered_in_order_before_the_loss_is_told(pushing: list[PushingTransport]) -> None:
    listener = Listener("pushing://")
    await listener.start()
    pushing[0].push(b"\n" + BURST[:10_000])
    pushing[0].push(BURST[10_000:])
    pushing[0].vanish()
    assert listener.losses == []
    await listener.until(losses=1)
    await listener.close()

    assert listener.data[-5000:] == BURST.split()
    assert listener.transport.counters.framing.partial == 1
    assert [str(loss) for loss in listener.losses] == ["pushing://: proxy gone"]


async def test_a_loss_before_the_start_is_told_at_the_start(pushing: list[PushingTransport]) -> None:
    listener = Listener("pushing://")
    await listener.transport.open()
    pushing[0].vanish()
    await listener.transport.start_scan()
    await listener.until(losses=1)
    await listener.close()

    assert len(listener.losses) == 1
