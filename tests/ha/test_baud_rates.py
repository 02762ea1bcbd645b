"""A wrong baud rate: the usual ones are tried when a person agrees, and the one that can be read is proposed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import random
import termios

from homeassistant.core import HomeAssistant

from demo.pty_link import PtyLink

from .test_config_flow_serial import only_entry, port_is_free, serial_flow

NOISE = ("no_frame_end", "not_recognised", "binary_found")
LINE = b"T=21.5;H=40\r\n"


@asynccontextmanager
async def device_at(link: PtyLink, speed: int, line: bytes = LINE) -> AsyncIterator[None]:
    """A device that is understood only by who sets its speed; others see noise."""
    noise = random.Random(4)  # noqa: S311

    async def speak() -> None:
        while True:
            is_right = link.speed == speed
            link.write(line if is_right else bytes(noise.randrange(0x80, 0x100) for _ in line))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(speak())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_the_rate_with_which_the_bytes_can_be_read_is_proposed_and_taken(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    async with device_at(pty_link, termios.B19200):
        flow = await serial_flow(hass, pty_link.path)
        await flow.until(*NOISE)

        await flow.choose("try_rates")
        assert flow.text("rate") == "115200"
        await flow.until("rate_found")
        assert flow.text("rate") == "19200"
        assert flow.text("results").splitlines()[-1].startswith("  19200: 100%")

        await flow.choose("use_rate")
        await flow.until("recognised")
        await flow.submit({"fields": ["T", "H"]})

    assert only_entry(hass).data["baudrate"] == 19200


async def test_a_dialog_that_asks_twice_has_the_port_once(hass: HomeAssistant, pty_link: PtyLink) -> None:
    async with device_at(pty_link, termios.B19200):
        flow = await serial_flow(hass, pty_link.path)
        await flow.until(*NOISE)
        await flow.choose("try_rates")
        await flow.until("rate_found")
        await asyncio.gather(flow.choose("use_rate"), flow.refresh())
        await flow.refresh()
        await flow.until("recognised")
        flow.close()

        assert await port_is_free(pty_link.path)


async def test_seven_bits_with_parity_are_found_out(hass: HomeAssistant, pty_link: PtyLink) -> None:
    with_parity = bytes(byte | 0x80 * (byte.bit_count() % 2) for byte in LINE)
    async with device_at(pty_link, termios.B115200, with_parity):
        flow = await serial_flow(hass, pty_link.path)
        await flow.until(*NOISE)
        await flow.choose("try_rates")
        await flow.until("rate_found")
    # A pseudo-terminal cannot be opened with parity; what would be used is what the search has found.
    assert flow.text("results").splitlines()[-1].startswith(" 115200 7E1: 100%")
    assert flow.shown["menu_options"] == ["use_rate", "serial"]


async def test_where_no_rate_makes_sense_it_is_said(hass: HomeAssistant, pty_link: PtyLink) -> None:
    async with device_at(pty_link, 0):
        flow = await serial_flow(hass, pty_link.path)
        await flow.until(*NOISE)
        await flow.choose("try_rates")
        await flow.until("no_rate_found")

    assert len(flow.text("results").splitlines()) == 12
    assert await port_is_free(pty_link.path)


async def test_closing_the_dialog_ends_the_trying_and_frees_the_port(hass: HomeAssistant, pty_link: PtyLink) -> None:
    async with device_at(pty_link, 0):
        flow = await serial_flow(hass, pty_link.path)
        await flow.until(*NOISE)
        await flow.choose("try_rates")
        await flow.refresh()
        flow.close()

        assert await port_is_free(pty_link.path)


async def test_binary_frames_without_a_check_may_be_noise_and_that_is_said(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    flow = await serial_flow(hass, pty_link.path)
    await asyncio.sleep(0.1)
    for number in range(4):
        pty_link.write(bytes([0x0B, 0x81, number * 3, 0x99]))
        await asyncio.sleep(0.05)
    await flow.until("binary_found")
    assert {"recognised", "try_rates"} <= set(flow.shown["menu_options"])

    await flow.choose("recognised")
    await flow.submit({"fields": flow.default("fields")})

    (device,) = only_entry(hass).subentries.values()
    assert [channel["source"] for channel in device.data["channels"]] == ["u8_2"]


async def test_a_port_that_goes_while_rates_are_tried_is_told(hass: HomeAssistant, pty_link: PtyLink) -> None:
    async with device_at(pty_link, 0):
        flow = await serial_flow(hass, pty_link.path)
        await flow.until(*NOISE)
        pty_link.unplug()
        await flow.choose("try_rates")
        await flow.until("no_rate_found")

    assert str(pty_link.path) in flow.text("error")
    await flow.refresh()  # as a browser does that is late
    assert str(pty_link.path) in flow.text("error")
