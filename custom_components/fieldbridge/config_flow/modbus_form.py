"""The form of a Modbus link, and how it maps to what an entry stores."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components import usb
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import Optional, Required, section
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    BooleanSelector,
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

from ..const import (
    CONF_BAUDRATE,
    CONF_BYTESIZE,
    CONF_CLOSE_AFTER_POLL,
    CONF_CONNECT_DELAY,
    CONF_KIND,
    CONF_MESSAGE_SPACING,
    CONF_PARITY,
    CONF_STOPBITS,
    CONF_TIMEOUT,
    CONF_TRANSPORT,
    CONF_VERIFY,
    KIND_MODBUS,
)
from .serial_form import baudrate_of

CONF_UNIT: Final = "unit"
SECTION_LINE: Final = "line"
SECTION_TIMING: Final = "timing"
_TRANSPORTS: Final = ["tcp", "rtu", "rtu_over_tcp", "udp", "tls"]
_PORTS: Final = {"tcp": 502, "udp": 502, "rtu_over_tcp": 502, "tls": 802}
_BAUDRATES: Final = ["1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200"]
_SERIAL_ONLY: Final[FieldCondition] = {"field": CONF_TRANSPORT, "operator": ConditionOperator.EQ, "value": "rtu"}
_NETWORK_ONLY: Final[FieldCondition] = {"field": CONF_TRANSPORT, "operator": ConditionOperator.NOT_EQ, "value": "rtu"}
_TLS_ONLY: Final[FieldCondition] = {"field": CONF_TRANSPORT, "operator": ConditionOperator.EQ, "value": "tls"}


def _select(options: list[str], translation_key: str | None = None) -> SelectSelector:
    config = SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN)
    if translation_key:
        config["translation_key"] = translation_key
    return SelectSelector(config)


def _seconds(maximum: float) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(min=0, max=maximum, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="s")
    )


UNIT_SELECTOR: Final = probatio.All(
    NumberSelector(NumberSelectorConfig(min=0, max=255, step=1, mode=NumberSelectorMode.BOX)), probatio.Coerce(int)
)

LINK_FIELDS: Final[dict[Any, Any]] = {
    probatio.Required(CONF_TRANSPORT, default="tcp"): _select(_TRANSPORTS, CONF_TRANSPORT),
    Optional(CONF_HOST, visible=_NETWORK_ONLY): TextSelector(),
    Optional(CONF_PORT, visible=_NETWORK_ONLY): probatio.All(
        NumberSelector(NumberSelectorConfig(min=1, max=65535, step=1, mode=NumberSelectorMode.BOX)),
        probatio.Coerce(int),
    ),
    Optional(CONF_VERIFY, default=True, visible=_TLS_ONLY): BooleanSelector(),
    Optional(CONF_DEVICE, visible=_SERIAL_ONLY): SerialPortSelector(),
    Required(SECTION_LINE, visible=_SERIAL_ONLY): section(
        probatio.Schema(
            {
                probatio.Required(CONF_BAUDRATE, default="9600"): SelectSelector(
                    SelectSelectorConfig(options=_BAUDRATES, custom_value=True, mode=SelectSelectorMode.DROPDOWN)
                ),
                probatio.Required(CONF_BYTESIZE, default="8"): _select(["7", "8"]),
                probatio.Required(CONF_PARITY, default="n"): _select(["n", "e", "o"], CONF_PARITY),
                probatio.Required(CONF_STOPBITS, default="1"): _select(["1", "2"]),
            }
        ),
        {"collapsed": True},
    ),
    probatio.Required(SECTION_TIMING): section(
        probatio.Schema(
            {
                probatio.Required(CONF_TIMEOUT, default=3.0): probatio.All(_seconds(60), probatio.Range(min=0.1)),
                probatio.Optional(CONF_MESSAGE_SPACING): _seconds(10),
                probatio.Required(CONF_CONNECT_DELAY, default=0.0): _seconds(60),
                probatio.Required(CONF_CLOSE_AFTER_POLL, default=False): BooleanSelector(),
            }
        ),
        {"collapsed": True},
    ),
}
RECONFIGURE_SCHEMA: Final = probatio.Schema(LINK_FIELDS)
MODBUS_SCHEMA: Final = probatio.Schema({**LINK_FIELDS, probatio.Required(CONF_UNIT, default=1): UNIT_SELECTOR})


async def async_modbus_data(hass: HomeAssistant, form: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the entry data that the filled form describes, and form errors."""
    transport = form[CONF_TRANSPORT]
    data: dict[str, Any] = {CONF_KIND: KIND_MODBUS, CONF_TRANSPORT: transport, **form[SECTION_TIMING]}
    if transport != "rtu":
        host = (form.get(CONF_HOST) or "").strip()
        data |= {CONF_HOST: host, CONF_PORT: form.get(CONF_PORT) or _PORTS[transport]}
        if transport == "tls":
            data[CONF_VERIFY] = form[CONF_VERIFY]
        return data, {} if host else {CONF_HOST: "host_missing"}
    device = (form.get(CONF_DEVICE) or "").strip()
    if not device:
        return data, {CONF_DEVICE: "device_missing"}
    line = form[SECTION_LINE]
    try:
        baudrate = baudrate_of(line[CONF_BAUDRATE])
    except ValueError:
        return data, {"base": "bad_baudrate"}
    if device.startswith("/dev/"):
        # Its number changes with the order of plugging, and connections are shared by the path as it is written.
        device = await hass.async_add_executor_job(usb.get_serial_by_id, device)
    data |= {
        CONF_DEVICE: device,
        CONF_BAUDRATE: baudrate,
        CONF_BYTESIZE: int(line[CONF_BYTESIZE]),
        CONF_PARITY: line[CONF_PARITY].upper(),
        CONF_STOPBITS: int(line[CONF_STOPBITS]),
    }
    return data, {}


def modbus_form(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form filled with an entry's data."""
    line = {
        key: str(data[key]).lower() for key in (CONF_BAUDRATE, CONF_BYTESIZE, CONF_PARITY, CONF_STOPBITS) if key in data
    }
    timing = (CONF_TIMEOUT, CONF_MESSAGE_SPACING, CONF_CONNECT_DELAY, CONF_CLOSE_AFTER_POLL)
    shown = {key: data[key] for key in (CONF_TRANSPORT, CONF_HOST, CONF_PORT, CONF_VERIFY, CONF_DEVICE) if key in data}
    return {**shown, SECTION_LINE: line, SECTION_TIMING: {key: data[key] for key in timing if key in data}}


def modbus_title(data: Mapping[str, Any]) -> str:
    """Return what the link is called."""
    return data[CONF_DEVICE].rpartition("/")[2] if CONF_DEVICE in data else f"{data[CONF_HOST]}:{data[CONF_PORT]}"
