"""Beginning the devices of an entry: one that cannot be read is told about, and all others go on without it."""

from contextlib import AbstractContextManager

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .bridge.channels import DeviceProfile
from .bridge.errors import ProfileError
from .const import DOMAIN
from .coordinator import FieldbridgeConfigEntry

ISSUE_BAD_PROFILE = "bad_profile"


def read_profile(subentry: ConfigSubentry) -> DeviceProfile | None:
    """Return what a device is, None when its description is wrong."""
    try:
        return DeviceProfile.from_dict(dict(subentry.data))
    except ProfileError:
        return None


@callback
def async_start_device(hass: HomeAssistant, entry: FieldbridgeConfigEntry, subentry: ConfigSubentry) -> bool:
    """Begin a device and return True; one that cannot begin has a repair that says what is wrong."""
    try:
        profile = DeviceProfile.from_dict(dict(subentry.data))
        entry.runtime_data.async_start_device(hass, entry, subentry, profile)
    except ProfileError as err:
        ir.async_create_issue(
            hass,
            DOMAIN,
            f"{ISSUE_BAD_PROFILE}_{subentry.subentry_id}",
            config_entry_id=entry.entry_id,
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key=ISSUE_BAD_PROFILE,
            translation_placeholders={"device": subentry.title, "link": entry.title, "error": str(err)},
        )
        return False
    return True


@callback
def device_issues(hass: HomeAssistant, entry: FieldbridgeConfigEntry) -> AbstractContextManager[object]:
    """Within this, all devices are looked at: repairs of devices that are right again or gone go at its end."""
    return ir.async_refresh_issues(
        hass, DOMAIN, issue_id_pattern=f"{ISSUE_BAD_PROFILE}_", config_entry_id=entry.entry_id
    )
