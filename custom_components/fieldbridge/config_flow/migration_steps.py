"""Steps of the config flow that take over a hub of the Modbus YAML: a dry run, then an entry that waits."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, ConfigSubentryData
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT
from homeassistant.core import callback
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig, SelectSelectorMode
import probatio

from ..bridge.modbus.migration import Step
from ..const import CONF_MIGRATION, SUBENTRY_DEVICE
from ..modbus_migration import RunningHub, async_running_hubs, migration_data
from ..presentable import printable
from .link_steps import LinkSteps

_HUB = "hub"
_SHOWN = 200
"""Lines of a dry run; more help nobody."""


class MigrationSteps(LinkSteps):
    """Makes a link from a hub that runs in YAML."""

    _hubs: list[RunningHub]
    _hub: RunningHub

    async def async_step_modbus_yaml(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the hub, where there are several."""
        if user_input is None:
            self._hubs = await async_running_hubs(self.hass)
            if not self._hubs:
                return self.async_abort(reason="no_modbus_yaml")
        if user_input is not None or len(self._hubs) == 1:
            name = self._hubs[0].name if user_input is None else user_input[_HUB]
            self._hub = next(hub for hub in self._hubs if hub.name == name)
            self._data, self._title = self._hub.data, self._hub.name
            return await self.async_step_modbus_yaml_plan()
        names = [hub.name for hub in self._hubs]
        selector = SelectSelector(SelectSelectorConfig(options=names, mode=SelectSelectorMode.LIST))
        schema = probatio.Schema({probatio.Required(_HUB, default=names[0]): selector})
        return self.async_show_form(step_id="modbus_yaml", data_schema=schema)

    async def async_step_modbus_yaml_plan(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what becomes of every entity; nothing has changed yet."""
        self._abort_if_taken()
        if user_input is None:
            return self.async_show_form(
                step_id="modbus_yaml_plan",
                data_schema=probatio.Schema({}),
                description_placeholders=self._describe_plan(),
            )
        subentries = [
            ConfigSubentryData(
                subentry_type=SUBENTRY_DEVICE, title=device.name, data=device.profile.to_dict(), unique_id=None
            )
            for device in self._hub.imported.devices
        ]
        data = {**self._data, CONF_MIGRATION: migration_data(self._hub)}
        return self.async_create_entry(title=self._title, data=data, subentries=subentries)

    @callback
    def _abort_if_taken(self) -> None:
        keys = (CONF_DEVICE,) if CONF_DEVICE in self._data else (CONF_HOST, CONF_PORT)
        self._async_abort_entries_match({key: self._data[key] for key in keys})

    def _describe_plan(self) -> dict[str, str]:
        hub = self._hub
        remarks = [
            f"- {printable(each.place)}: {each.reason} {printable(each.detail)}" for each in hub.imported.remarks
        ]
        return {
            "hub": printable(hub.name),
            "count": str(len(hub.plan.steps)),
            "devices": str(len(hub.imported.devices)),
            "entities": _lines([_step_line(hub, step) for step in hub.plan.steps]),
            "remarks": _lines(remarks),
        }


def _step_line(hub: RunningHub, step: Step) -> str:
    changes = "; ".join(f"{change.what}: {change.old or '-'} → {change.new or '-'}" for change in step.changes)
    device = printable(hub.imported.devices[step.device].name)
    return f"- {step.entity_id} → {device}, {step.channel}{f' ({printable(changes)})' if changes else ''}"


def _lines(lines: list[str]) -> str:
    more = len(lines) - _SHOWN
    return "\n".join([*lines[:_SHOWN], *([f"- … +{more}"] if more > 0 else [])]) or "-"
