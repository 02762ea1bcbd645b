"""What the steps of all kinds of links share: their data so far, and how entries are made and changed."""

import asyncio
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigFlow, ConfigFlowResult, ConfigSubentryData
from homeassistant.const import CONF_DEVICE
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.data_entry_flow import UnknownFlow

from ..bridge.channels import DeviceProfile
from ..connections.adapters import async_adapter_id
from ..const import SUBENTRY_DEVICE
from .listening import nothing_to_stop


class LinkSteps(ConfigFlow):
    """Makes and changes the entry of a link."""

    def __init__(self) -> None:
        """Begin with nothing chosen."""
        self._data: dict[str, Any] = {}
        self._title = ""
        self._stop_listening: CALLBACK_TYPE = nothing_to_stop
        self._placeholders: dict[str, str] = {}
        self._is_made = False
        self._over = asyncio.Event()
        """Set when the flow is removed."""

    async def _async_make_once(self) -> None:
        """Let one call through to make the entry; raises UnknownFlow for others once the flow is over.

        A step that makes an entry right after a progress step is asked for by Home Assistant and by the dialog, and
        the second time while the entry is set up. An abort would end the flow before its entry is there.
        """
        if self._is_made:
            await self._over.wait()
            raise UnknownFlow
        self._is_made = True

    async def _async_take_adapter(self) -> None:
        """Take the adapter at the chosen port: it is not offered as discovered any more. Aborts when a link has it."""
        adapter = await async_adapter_id(self.hass, self._data[CONF_DEVICE])
        await self.async_set_unique_id(adapter, raise_on_progress=False)
        self._abort_if_unique_id_configured()

    @callback
    def _without_adapter(self, entry: ConfigEntry) -> dict[str, Any]:
        """Return the change of an entry that is given another port: which adapter is there has to be found out."""
        return {} if self._data.get(CONF_DEVICE) == entry.data.get(CONF_DEVICE) else {"unique_id": None}

    @callback
    def _update_link(self, entry: ConfigEntry, **changes: Any) -> ConfigFlowResult:
        """Store changes; a loaded link hears of them and reloads itself, any other is loaded."""
        hears_of_it = bool(entry.update_listeners)
        result = self.async_update_and_abort(entry, **changes)
        if not hears_of_it:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result

    @callback
    def _create_link(self, device_title: str = "", profile: DeviceProfile | None = None) -> ConfigFlowResult:
        """Make the entry, with one device where one was described."""
        if CONF_DEVICE in self._data:
            # Another flow may have taken the port while this one listened.
            self._async_abort_entries_match({CONF_DEVICE: self._data[CONF_DEVICE]})
        subentries = (
            [
                ConfigSubentryData(
                    subentry_type=SUBENTRY_DEVICE, title=device_title, data=profile.to_dict(), unique_id=None
                )
            ]
            if profile
            else []
        )
        return self.async_create_entry(title=self._title, data=self._data, subentries=subentries)
