"""Where links are taken from Home Assistant; the only module that turns an entry's data into a transport."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.const import CONF_DEVICE
from homeassistant.exceptions import HomeAssistantError

from .bridge.codecs.framing import MAX_FRAME_LENGTH, DelimiterFramer, parse_delimiter
from .bridge.errors import LinkError
from .bridge.links import FrameTransport
from .bridge.transports.serial import SerialSettings, SerialTransport
from .bridge.transports.simulated import SimulatedTransport
from .const import (
    CONF_BAUDRATE,
    CONF_BYTESIZE,
    CONF_DELIMITER,
    CONF_INTERVAL,
    CONF_KIND,
    CONF_MAX_LENGTH,
    CONF_PARITY,
    CONF_RTSCTS,
    CONF_SIGNALS,
    CONF_STOPBITS,
    CONF_XONXOFF,
    KIND_SIMULATED,
)
from .presets import PRESETS


class HomeAssistantSerial(SerialTransport):
    """A serial port whose URL Home Assistant may have to resolve (``esphome-hass://``)."""

    @override
    async def open(self) -> None:
        """Open the port. Raises LinkError, also while the integration behind the URL is not loaded."""
        try:
            await super().open()
        except HomeAssistantError as err:
            raise LinkError(f"{self.settings.display_url}: {err}") from err


def make_transport(data: Mapping[str, Any]) -> FrameTransport:
    """Return the transport that a config entry's data describes, not opened yet."""
    if data[CONF_KIND] == KIND_SIMULATED:
        signals = tuple(PRESETS[key].signal for key in data[CONF_SIGNALS])
        return SimulatedTransport(signals, interval=data[CONF_INTERVAL])
    return make_serial(data)


def make_serial(data: Mapping[str, Any]) -> HomeAssistantSerial:
    """Return the serial transport that a config entry's data, or a flow's input, describes."""
    framer = DelimiterFramer(
        parse_delimiter(data.get(CONF_DELIMITER, "\\n")),
        max_length=int(data.get(CONF_MAX_LENGTH, MAX_FRAME_LENGTH)),
    )
    settings = SerialSettings(
        url=data[CONF_DEVICE],
        baudrate=int(data.get(CONF_BAUDRATE, 9600)),
        bytesize=int(data.get(CONF_BYTESIZE, 8)),
        parity=data.get(CONF_PARITY, "N"),
        stopbits=float(data.get(CONF_STOPBITS, 1)),
        xonxoff=data.get(CONF_XONXOFF, False),
        rtscts=data.get(CONF_RTSCTS, False),
    )
    return HomeAssistantSerial(settings, framer)
