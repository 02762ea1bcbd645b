"""The device that an options flow changes, as its entry stores it now."""

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.data_entry_flow import AbortFlow

from ..bridge.channels import DeviceProfile
from ..bridge.errors import ProfileError
from ..presentable import printable


def stored_device(entry: ConfigEntry, device_id: str) -> ConfigSubentry:
    """Return a device; raises AbortFlow, which ends the flow, when it was deleted meanwhile or cannot be read."""
    device = entry.subentries.get(device_id)
    if device is None:
        raise AbortFlow("device_gone")
    try:
        DeviceProfile.from_dict(dict(device.data))
    except ProfileError as err:
        # A form would only hide what is wrong.
        raise AbortFlow("bad_profile", {"error": printable(str(err))}) from err
    return device
