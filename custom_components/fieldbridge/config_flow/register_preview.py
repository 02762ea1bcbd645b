"""What registers say now: read, decoded and converted, once for a text or again and again for the row under a form."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from homeassistant.const import ATTR_FRIENDLY_NAME, ATTR_UNIT_OF_MEASUREMENT, STATE_UNKNOWN, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from ..bridge.channels import Channel
from ..bridge.errors import LinkError
from ..bridge.modbus import RegisterDecoder
from ..bridge.modbus.requests import RequestError
from ..const import DOMAIN
from ..presentable import printable
from .presentation import NOTHING
from .preview import Send
from .register_browser import describe
from .register_scan import Read

INTERVAL: Final = 1.0
"""Seconds between two readings while a form is on the screen."""
_MOST_VALUES: Final = 4
"""In one row."""


async def async_values_text(
    read: Read, decoder: RegisterDecoder, channels: Sequence[Channel], *, with_words: bool = False
) -> str:
    """Return what the channels say, one per line; ``with_words`` with every other reading of their registers."""
    lines = [await _async_line(read, decoder, channel, with_words=with_words) for channel in channels]
    return "\n".join(f"- {line}" for line in lines)


@callback
def start_register_preview(
    hass: HomeAssistant,
    reading: Callable[[], AbstractAsyncContextManager[Read]],
    decoder: RegisterDecoder,
    channels: Sequence[Channel],
    send: Send,
) -> CALLBACK_TYPE:
    """Read the channels again and again and send what they would show, until the returned function is called."""
    task = hass.async_create_background_task(
        _async_send(reading, decoder, channels[:_MOST_VALUES], send), f"{DOMAIN} register preview"
    )

    @callback
    def stop() -> None:
        task.cancel()

    return stop


async def _async_send(
    reading: Callable[[], AbstractAsyncContextManager[Read]],
    decoder: RegisterDecoder,
    channels: Sequence[Channel],
    send: Send,
) -> None:
    sent: dict[str, Any] = {}
    while True:
        try:
            async with reading() as read:
                while True:
                    if (row := await _async_row(read, decoder, channels)) != sent:
                        sent = row
                        send(row)
                    await asyncio.sleep(INTERVAL)
        except LinkError as err:
            send({"error": str(err)})
            sent = {}
            await asyncio.sleep(INTERVAL)


async def _async_row(read: Read, decoder: RegisterDecoder, channels: Sequence[Channel]) -> dict[str, Any]:
    """Return the entity row of the frontend: the values as the state, and the words in its name."""
    attributes: dict[str, str] = {}
    if not channels:
        return {"state": STATE_UNKNOWN, "attributes": attributes, "domain": Platform.SENSOR.value}
    try:
        read_ones = [await _async_value(read, decoder, channel) for channel in channels]
    except RequestError as err:
        return {"error": str(err)}
    if len(channels) == 1 and (unit := channels[0].unit):
        attributes[ATTR_UNIT_OF_MEASUREMENT] = unit
    words = " ".join(f"0x{word:04X}" for words, _ in read_ones for word in words)
    attributes[ATTR_FRIENDLY_NAME] = printable(f"{', '.join(channel.name for channel in channels)}: {words}")
    state = ", ".join(value for _, value in read_ones)
    return {"state": printable(state), "attributes": attributes, "domain": Platform.SENSOR.value}


async def _async_line(read: Read, decoder: RegisterDecoder, channel: Channel, *, with_words: bool) -> str:
    name = printable(channel.name)
    if not channel.source:
        return name
    try:
        words, value = await _async_value(read, decoder, channel)
    except RequestError as err:
        return f"{name}: ({err})"
    unit = f" {channel.unit}" if channel.unit else ""
    register = decoder.registers[channel.source]
    shown = f"   ({describe(register.table, register.address, words[:2])})" if words and with_words else ""
    return f"{name} = {printable(f'{value}{unit}')}{shown}"


async def _async_value(read: Read, decoder: RegisterDecoder, channel: Channel) -> tuple[Sequence[int], str]:
    """Return the words of a channel's register and what the channel shows of them; raises RequestError, LinkError."""
    raw = {}
    words: dict[str, Sequence[int]] = {channel.source: ()}
    for name in sorted(decoder.words_of(channel.source)):
        register = decoder.registers[name]
        words[name] = await read(register.table, register.address, register.size)
        try:
            raw[name] = register.decode(words[name])
        except ValueError as err:
            return words[name], f"({err})"
    value = decoder.combine(raw)[channel.source]
    try:
        shown = NOTHING if value is None else _text(channel.converter()(value))
    except ValueError as err:
        shown = f"({err})"
    return words[channel.source], shown


def _text(value: object) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)
