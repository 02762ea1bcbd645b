"""Serial ports and serial servers, taken through serialx."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.const import CONF_DEVICE
from homeassistant.exceptions import HomeAssistantError

from ..bridge.codecs.framing import MAX_FRAME_LENGTH, DelimiterFramer, Framer, framer_from_dict, parse_delimiter
from ..bridge.errors import LinkError
from ..bridge.transports.serial import SerialSettings, SerialTransport
from ..const import (
    CONF_BAUDRATE,
    CONF_BYTESIZE,
    CONF_DELIMITER,
    CONF_FRAMING,
    CONF_MAX_LENGTH,
    CONF_PARITY,
    CONF_RTSCTS,
    CONF_STOPBITS,
    CONF_XONXOFF,
)

LINES: Final[dict[str, Any]] = {"kind": "line"}
"""The framing where nothing else is known."""


class HomeAssistantSerial(SerialTransport):
    """A serial port whose URL Home Assistant may have to resolve (``esphome-hass://``)."""

    @override
    async def open(self) -> None:
        """Open the port. Raises LinkError, also while the integration behind the URL is not loaded."""
        try:
            await super().open()
        except HomeAssistantError as err:
            raise LinkError(f"{self.settings.display_url}: {err}") from err


def make_serial(data: Mapping[str, Any]) -> HomeAssistantSerial:
    """Return the serial transport that a config entry's data, or a flow's input, describes."""
    settings = SerialSettings(
        url=data[CONF_DEVICE],
        baudrate=int(data.get(CONF_BAUDRATE, 9600)),
        bytesize=int(data.get(CONF_BYTESIZE, 8)),
        parity=data.get(CONF_PARITY, "N"),
        stopbits=float(data.get(CONF_STOPBITS, 1)),
        xonxoff=data.get(CONF_XONXOFF, False),
        rtscts=data.get(CONF_RTSCTS, False),
    )
    return HomeAssistantSerial(settings, make_framer(data))


def link_framing(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the link of an entry's data cuts its bytes; a byte stream over Bluetooth does so as well."""
    data = data.get("stream") or data
    if CONF_FRAMING in data:
        return dict(data[CONF_FRAMING])
    delimiter = data.get(CONF_DELIMITER, "\\n")
    return dict(LINES) if delimiter == "\\n" else {"kind": "delimiter", "delimiter": delimiter}


def make_framer(data: Mapping[str, Any]) -> Framer:
    """Return what cuts the bytes of a serial link: any framing, or a delimiter. Raises ValueError."""
    if CONF_FRAMING in data:
        return framer_from_dict(data[CONF_FRAMING])
    return DelimiterFramer(
        parse_delimiter(data.get(CONF_DELIMITER, "\\n")),
        max_length=int(data.get(CONF_MAX_LENGTH, MAX_FRAME_LENGTH)),
    )
