"""What a flow needs of its entry, which may stop or lose the device while the dialog is open."""

from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigSubentry
from homeassistant.data_entry_flow import AbortFlow

from ..bridge.channels import DeviceProfile
from ..bridge.errors import ProfileError
from ..presentable import printable


def running_link(entry: ConfigEntry[Any]) -> Any:
    """Return the link of an entry; raises AbortFlow, which ends the flow, while it does not run."""
    if entry.state is not ConfigEntryState.LOADED:
        raise AbortFlow("link_not_loaded")
    return entry.runtime_data.link


def stored_device(entry: ConfigEntry[Any], device_id: str) -> ConfigSubentry:
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
