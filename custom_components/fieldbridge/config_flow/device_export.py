"""A device as text that a person keeps or shares: a profile of ours, and Home Assistant's own Modbus YAML."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT

from ..bridge.channels import DeviceProfile
from ..bridge.channels.profile import unique_key
from ..bridge.codecs.framing import MAX_FRAME_LENGTH
from ..bridge.errors import ProfileError
from ..bridge.modbus import RegisterDecoder
from ..bridge.modbus.core_export import export_core_yaml
from ..bridge.profiles import KINDS, Profile, export_profile, read_profile
from ..connections.serial import link_framing
from ..const import (
    CONF_BAUDRATE,
    CONF_BYTESIZE,
    CONF_CONNECT_DELAY,
    CONF_FRAMING,
    CONF_KIND,
    CONF_MAX_LENGTH,
    CONF_MESSAGE_SPACING,
    CONF_PARITY,
    CONF_STOPBITS,
    CONF_TIMEOUT,
    CONF_TRANSPORT,
    KIND_SERIAL,
)
from .modbus_definition import PROFILES_FOLDER

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
            link=_link(entry.data),
        )
    )


def save_profile(config_dir: str, text: str) -> str:
    """Write a profile into the user's folder and return the name of its file; blocking.

    Raises ProfileError for what is no profile, and FileExistsError where there is a file of its id already.
    """
    found = read_profile(text)
    if found.profile is None:
        raise ProfileError("", "; ".join(map(str, found.mistakes)))
    folder = Path(config_dir) / PROFILES_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{found.profile.id}.yaml"
    with (folder / name).open("x", encoding="utf-8") as file:
        file.write(text)
    return name


def _link(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a profile says about the link: how a serial port is set and how its bytes are cut."""
    if data[CONF_KIND] != KIND_SERIAL:
        return {}
    port = {key: data[key] for key in (CONF_BAUDRATE, CONF_BYTESIZE, CONF_PARITY, CONF_STOPBITS) if key in data}
    framing = {
        key: value for key, value in link_framing(data).items() if (key, value) != (CONF_MAX_LENGTH, MAX_FRAME_LENGTH)
    }
    return {**port, CONF_FRAMING: framing}


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
