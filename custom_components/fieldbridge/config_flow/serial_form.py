"""The form of a serial port, and how it maps to what an entry stores."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components import usb
from homeassistant.const import CONF_DEVICE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    SerialPortSelector,
    TextSelector,
)
import probatio

from ..bridge.codecs.framing import MAX_FRAME_LENGTH
from ..bridge.transports.serial import shown_url
from ..const import (
    CONF_BAUDRATE,
    CONF_BYTESIZE,
    CONF_DELIMITER,
    CONF_KIND,
    CONF_MAX_LENGTH,
    CONF_PARITY,
    CONF_RTSCTS,
    CONF_STOPBITS,
    CONF_XONXOFF,
    KIND_SERIAL,
)

SECTION_PORT: Final = "port_settings"
SECTION_FRAMING: Final = "framing"
_FLOW_CONTROL: Final = "flow_control"
URL_EXAMPLES: Final = "socket://host:port, rfc2217://host:port"
LINE_END: Final = "\\n"
"""Where messages end unless somebody knows better."""
MAX_BAUDRATE: Final = 20_000_000
_BAUDRATES = ["1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200", "230400", "460800", "921600"]


def _select(options: list[str], translation_key: str | None = None) -> SelectSelector:
    config = SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN)
    if translation_key:
        config["translation_key"] = translation_key
    return SelectSelector(config)


CONF_FIND: Final = "find"
FIND_MODEL: Final = "model"
_FIND_BY_LISTENING: Final = "listen"

PORT_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_DEVICE): SerialPortSelector(),
        probatio.Required(CONF_BAUDRATE, default="9600"): SelectSelector(
            SelectSelectorConfig(options=_BAUDRATES, custom_value=True, mode=SelectSelectorMode.DROPDOWN)
        ),
        probatio.Required(SECTION_PORT): section(
            probatio.Schema(
                {
                    probatio.Required(CONF_BYTESIZE, default="8"): _select(["5", "6", "7", "8"]),
                    probatio.Required(CONF_PARITY, default="n"): _select(["n", "e", "o"], CONF_PARITY),
                    probatio.Required(CONF_STOPBITS, default="1"): _select(["1", "1.5", "2"]),
                    probatio.Required(_FLOW_CONTROL, default="none"): _select(
                        ["none", CONF_RTSCTS, CONF_XONXOFF], _FLOW_CONTROL
                    ),
                }
            ),
            {"collapsed": True},
        ),
    }
)
"""What every serial link asks for."""
SERIAL_SCHEMA = PORT_SCHEMA.extend(
    {
        probatio.Required(SECTION_FRAMING): section(
            probatio.Schema(
                {
                    probatio.Required(CONF_DELIMITER, default=LINE_END): TextSelector(),
                    probatio.Required(CONF_MAX_LENGTH, default=MAX_FRAME_LENGTH): NumberSelector(
                        NumberSelectorConfig(
                            min=1, max=65536, step=1, mode=NumberSelectorMode.BOX, unit_of_measurement="B"
                        )
                    ),
                }
            ),
            {"collapsed": True},
        ),
    }
)
"""With the end of messages, where no other framing is known."""
NEW_SERIAL_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_FIND, default=_FIND_BY_LISTENING): SelectSelector(
            SelectSelectorConfig(
                options=[_FIND_BY_LISTENING, FIND_MODEL], translation_key=CONF_FIND, mode=SelectSelectorMode.LIST
            )
        ),
        **SERIAL_SCHEMA.schema,
    }
)


def baudrate_of(text: str) -> int:
    """Return the baud rate that was chosen or written. Raises ValueError."""
    baudrate = int(text)
    if not 1 <= baudrate <= MAX_BAUDRATE:
        raise ValueError("no port is that fast or slow")
    return baudrate


async def async_serial_data(hass: HomeAssistant, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry data that the filled form describes. Raises ValueError for a bad baud rate."""
    port, framing = form[SECTION_PORT], form.get(SECTION_FRAMING)
    stopbits = float(port[CONF_STOPBITS])
    baudrate = baudrate_of(form[CONF_BAUDRATE])
    return {
        CONF_KIND: KIND_SERIAL,
        CONF_DEVICE: await _async_stable_path(hass, form[CONF_DEVICE].strip()),
        CONF_BAUDRATE: baudrate,
        CONF_BYTESIZE: int(port[CONF_BYTESIZE]),
        CONF_PARITY: port[CONF_PARITY].upper(),
        CONF_STOPBITS: int(stopbits) if stopbits.is_integer() else stopbits,
        CONF_XONXOFF: port[_FLOW_CONTROL] == CONF_XONXOFF,
        CONF_RTSCTS: port[_FLOW_CONTROL] == CONF_RTSCTS,
        **(
            {}
            if framing is None
            else {CONF_DELIMITER: framing[CONF_DELIMITER], CONF_MAX_LENGTH: int(framing[CONF_MAX_LENGTH])}
        ),
    }


def stopbits_fit(data: Mapping[str, Any]) -> bool:
    """Whether the port can have these stop bits: one and a half cannot be asked of a port of Linux or ESPHome."""
    device: str = data[CONF_DEVICE]
    return data[CONF_STOPBITS] != 1.5 or device.startswith("rfc2217://")


def serial_form(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form filled with an entry's data."""
    flow_control = next((key for key in (CONF_RTSCTS, CONF_XONXOFF) if data.get(key)), "none")
    port = {key: str(data[key]).lower() for key in (CONF_BYTESIZE, CONF_PARITY, CONF_STOPBITS) if key in data}
    return {
        CONF_DEVICE: data[CONF_DEVICE],
        CONF_BAUDRATE: str(data[CONF_BAUDRATE]),
        SECTION_PORT: {**port, _FLOW_CONTROL: flow_control},
        SECTION_FRAMING: {key: data[key] for key in (CONF_DELIMITER, CONF_MAX_LENGTH) if key in data},
    }


async def async_port_title(hass: HomeAssistant, device: str) -> str:
    """Return what the adapter calls itself, else its file name or its URL without secrets."""
    for port in await usb.async_scan_serial_ports(hass):
        if port.device == device and port.description:
            return port.description
    return device.rpartition("/")[2] if device.startswith("/") else shown_url(device)


async def _async_stable_path(hass: HomeAssistant, device: str) -> str:
    """Return the /dev/serial/by-id path of a local adapter: its number changes with the order of plugging."""
    if not device.startswith("/dev/"):
        return device
    return await hass.async_add_executor_job(usb.get_serial_by_id, device)
