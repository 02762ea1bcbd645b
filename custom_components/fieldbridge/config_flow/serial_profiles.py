"""Profiles of serial devices in flows: which fits an adapter, and what the link has to be set to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from homeassistant.const import CONF_DEVICE
from homeassistant.core import HomeAssistant

from ..bridge.profiles import Profile, list_profiles
from ..const import CONF_KIND, DOMAIN, KIND_SERIAL

_SETTINGS: Final = ("baudrate", "bytesize", "parity", "stopbits", "xonxoff", "rtscts", "framing")
"""What a profile may say about the link, under the names of the entry's data."""
CONF_USB: Final = "usb"


async def async_serial_profiles(hass: HomeAssistant) -> list[Profile]:
    """Return the profiles of serial devices, the user's own first."""
    folder = Path(hass.config.path(DOMAIN, "profiles"))
    files = await hass.async_add_executor_job(list_profiles, folder)
    return [file.profile for file in files if file.profile and file.profile.kind == KIND_SERIAL]


def link_data_of(profile: Profile, device: str) -> dict[str, Any]:
    """Return the data of an entry for the port ``device`` that is set as the profile asks."""
    settings = {name: profile.link[name] for name in _SETTINGS if name in profile.link}
    return {CONF_KIND: KIND_SERIAL, CONF_DEVICE: device, "baudrate": 9600, **settings}


def names_adapter(profile: Profile, adapter: Mapping[str, str | None]) -> bool:
    """Whether the profile is for devices behind this adapter: ids are equal, texts contained."""
    return any(
        (wanted["vid"], wanted["pid"]) == (adapter["vid"], adapter["pid"])
        and all(
            wanted[name].lower() in (adapter[name] or "").lower()
            for name in ("manufacturer", "description")
            if name in wanted
        )
        for wanted in profile.link.get(CONF_USB, ())
    )
