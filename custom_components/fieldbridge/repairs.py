"""Repairs: what a person has to decide, or can mend with one click."""

from collections.abc import Mapping
from typing import override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import probatio

from .bridge.errors import BridgeError
from .const import CONF_MIGRATION, CONF_PACKAGES, DOMAIN
from .modbus_migration import async_drop_hub
from .recordings import ATTR_RECORDING, DATA_RECORDINGS


class ReloadFlow(ConfirmRepairFlow):
    """Runs an app anew after its file was mended."""

    def __init__(self, entry_id: str) -> None:
        """Reload the entry on confirmation."""
        super().__init__()
        self._entry_id = entry_id

    @override
    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Reload once it was confirmed."""
        if user_input is not None and self.hass.config_entries.async_get_entry(self._entry_id) is not None:
            self.hass.config_entries.async_schedule_reload(self._entry_id)
        return await super().async_step_confirm(user_input)


class PackagesFlow(ReloadFlow):
    """Agrees to the packages that an app's file asks for now."""

    def __init__(self, entry_id: str, packages: list[str]) -> None:
        """Let the entry install ``packages``."""
        super().__init__(entry_id)
        self._packages = packages

    @override
    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Note the packages once it was confirmed, and reload."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if user_input is not None and entry is not None:
            data = {**entry.data, CONF_PACKAGES: self._packages}
            self.hass.config_entries.async_update_entry(entry, data=data)
        return await super().async_step_confirm(user_input)


class InterruptedRecordingFlow(RepairsFlow):
    """Keeps or deletes a recording that was interrupted."""

    def __init__(self, name: str, placeholders: Mapping[str, str]) -> None:
        """Ask about the recording ``name``."""
        super().__init__()
        self._name = name
        self._placeholders = placeholders

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask."""
        return self.async_show_menu(
            step_id="init", menu_options=["keep", "delete"], description_placeholders=self._placeholders
        )

    async def async_step_keep(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Leave it where it is."""
        return self.async_create_entry(data={})

    async def async_step_delete(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Delete it, unless that happened meanwhile."""
        try:
            await self.hass.data[DATA_RECORDINGS].async_delete(self._name)
        except LookupError:
            pass
        except (BridgeError, OSError) as err:
            return self.async_abort(reason="not_deleted", description_placeholders={"error": str(err)})
        return self.async_create_entry(data={})


class MigrationFlow(RepairsFlow):
    """Takes the entities of a Modbus hub over once its lines are removed."""

    def __init__(self, entry_id: str, placeholders: dict[str, str]) -> None:
        """Continue the migration that the entry waits for."""
        super().__init__()
        self._entry_id = entry_id
        self._placeholders = placeholders

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin with the question."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Let Home Assistant drop the hub, and look whether it is gone."""
        errors: dict[str, str] = {}
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None:  # removed while the dialog was open
            return self.async_create_entry(data={})
        if user_input is not None:
            try:
                where = await async_drop_hub(self.hass, entry)
            except HomeAssistantError as err:
                errors["base"] = "yaml_unreadable"
                self._placeholders |= {"error": str(err)}
            else:
                if where is None:
                    self.hass.config_entries.async_schedule_reload(self._entry_id)
                    return self.async_create_entry(data={})
                errors["base"] = "hub_still_there"
                self._placeholders |= {"where": where}
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            errors=errors,
            description_placeholders=self._placeholders,
        )


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that mends an issue."""
    assert data is not None  # noqa: S101 - every issue of ours names its entry
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    placeholders = dict(issue.translation_placeholders or {}) if issue else {}
    if ATTR_RECORDING in data:
        return InterruptedRecordingFlow(str(data[ATTR_RECORDING]), placeholders)
    entry_id = str(data["entry_id"])
    if CONF_MIGRATION in data:
        return MigrationFlow(entry_id, placeholders)
    if CONF_PACKAGES in data:
        return PackagesFlow(entry_id, str(data[CONF_PACKAGES]).splitlines())
    return ReloadFlow(entry_id)
