"""A device as text that a person keeps or shares: a profile of ours, and Home Assistant's own Modbus YAML."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT

from ..bridge.channels import DeviceProfile
from ..bridge.channels.profile import unique_key
from ..bridge.modbus import RegisterDecoder
from ..bridge.modbus.core_export import export_core_yaml
from ..bridge.profiles import KINDS, Profile, export_profile
from ..const import (
    CONF_BAUDRATE,
    CONF_BYTESIZE,
    CONF_CONNECT_DELAY,
    CONF_KIND,
    CONF_MESSAGE_SPACING,
    CONF_PARITY,
    CONF_STOPBITS,
    CONF_TIMEOUT,
    CONF_TRANSPORT,
    KIND_SERIAL,
)

_CORE_TYPES: Final = {"tcp": "tcp", "udp": "udp", "rtu_over_tcp": "rtuovertcp", "rtu": "serial"}


def is_exportable(entry: ConfigEntry) -> bool:
    """Whether devices behind an entry can be written as profiles."""
    return entry.data[CONF_KIND] in KINDS


def profile_text(entry: ConfigEntry, subentry: ConfigSubentry) -> str:
    """Return the device as a profile in YAML; blocking."""
    device = DeviceProfile.from_dict(dict(subentry.data))
    return export_profile(
        Profile(
            id=unique_key(subentry.title, set())[:64],
            name=subentry.title,
            # A byte stream over Bluetooth is what a serial port is.
            kind=KIND_SERIAL if entry.data.get("stream") else entry.data[CONF_KIND],
            version=1,
            source="Fieldbridge",
            device=device,
        )
    )


def core_text(entry: ConfigEntry, subentry: ConfigSubentry) -> str | None:
    """Return a Modbus device as Home Assistant's own YAML, with what is lost as comments; blocking.

    None for other devices, and for TLS, which Home Assistant's YAML does not have.
    """
    device = DeviceProfile.from_dict(dict(subentry.data))
    transport = _CORE_TYPES.get(entry.data.get(CONF_TRANSPORT, ""))
    if not isinstance(device.decoder, RegisterDecoder) or transport is None:
        return None
    connection = _connection(entry.data, transport)
    text, remarks = export_core_yaml(entry.title, connection, [(device.decoder.device.unit, device)])
    comments = [f"# {remark.place}: {remark.reason}: {remark.detail}".splitlines()[0] for remark in remarks]
    return "\n".join([*comments, text])


def _connection(data: Mapping[str, Any], transport: str) -> dict[str, Any]:
    """Return an entry's connection in the words of Home Assistant's YAML, which knows whole seconds only."""
    timing = {
        "timeout": max(1, round(data.get(CONF_TIMEOUT, 3))),
        "delay": round(data.get(CONF_CONNECT_DELAY, 0)),
    }
    if CONF_MESSAGE_SPACING in data:  # else it is left to the line
        timing["message_wait_milliseconds"] = round(data[CONF_MESSAGE_SPACING] * 1000)
    if transport != "serial":
        return {"type": transport, "host": data[CONF_HOST], "port": data[CONF_PORT], **timing}
    line = {key: data[key] for key in (CONF_BAUDRATE, CONF_BYTESIZE, CONF_PARITY, CONF_STOPBITS)}
    return {"type": transport, "method": "rtu", "port": data[CONF_DEVICE], **line, **timing}
