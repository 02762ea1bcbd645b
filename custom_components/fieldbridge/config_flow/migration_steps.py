"""Steps of the config flow that take over a hub of Modbus YAML: a dry run, then an entry that waits."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, ConfigSubentryData
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT
from homeassistant.core import callback
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig, SelectSelectorMode
import probatio

from ..bridge.errors import ProfileError
from ..bridge.modbus.migration import Step
from ..const import CONF_MIGRATION, SUBENTRY_DEVICE
from ..modbus_migration import YamlHub, async_pasted_hubs, async_running_hubs, migration_data
from ..presentable import printable
from .link_steps import LinkSteps
from .modbus_definition import DEFINITION_SCHEMA, given_text
from .presentation import NOTHING
from .selector_texts import async_selector_texts

_HUB = "hub"
_SHOWN = 1000
"""Lines of a dry run; more help nobody."""


class MigrationSteps(LinkSteps):
    """Makes a link from a hub of Modbus YAML."""

    _hubs: list[YamlHub]
    _hub: YamlHub

    async def async_step_modbus_yaml(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose where the YAML is."""
        return self.async_show_menu(step_id="modbus_yaml", menu_options=["modbus_yaml_running", "modbus_yaml_pasted"])

    async def async_step_modbus_yaml_running(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take the configuration of this Home Assistant."""
        self._hubs = await async_running_hubs(self.hass)
        return await self.async_step_modbus_yaml_hub()

    async def async_step_modbus_yaml_pasted(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a text or a file, such as the configuration of another Home Assistant."""
        errors: dict[str, str] = {}
        placeholders = {"error": ""}
        if user_input is not None:
            try:
                text = await self.hass.async_add_executor_job(given_text, self.hass, user_input)
                self._hubs = await async_pasted_hubs(self.hass, text)
            except ProfileError as err:
                errors["base"], placeholders["error"] = "bad_definition", str(err)
            else:
                return await self.async_step_modbus_yaml_hub()
        return self.async_show_form(
            step_id="modbus_yaml_pasted",
            data_schema=self.add_suggested_values_to_schema(DEFINITION_SCHEMA, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_modbus_yaml_hub(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the hub, where there are several."""
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
        return self.async_show_form(step_id="modbus_yaml_hub", data_schema=schema)

    async def async_step_modbus_yaml_plan(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what becomes of every entity; nothing has changed yet."""
        self._abort_if_taken()
        if user_input is None:
            return self.async_show_form(
                step_id="modbus_yaml_plan",
                data_schema=probatio.Schema({}),
                description_placeholders=await self._async_describe_plan(),
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

    async def _async_describe_plan(self) -> dict[str, str]:
        hub = self._hub
        texts = await async_selector_texts(self.hass)
        remarks = [
            f"- {printable(each.place)}: {texts[f'import_reason.options.{each.reason}']} {printable(each.detail)}"
            for each in hub.imported.remarks
        ]
        return {
            "hub": printable(hub.name),
            "count": str(len(hub.plan.steps)),
            "devices": str(len(hub.imported.devices)),
            "entities": _lines([_step_line(hub, step, texts) for step in hub.plan.steps]),
            "remarks": _lines(remarks),
        }


def _step_line(hub: YamlHub, step: Step, texts: dict[str, str]) -> str:
    changes = "; ".join(
        f"{texts[f'migration_difference.options.{change.what}']}: {change.old or NOTHING} → {change.new or NOTHING}"
        for change in step.changes
    )
    device = printable(hub.imported.devices[step.device].name)
    return f"- {step.entity_id} → {device}, {step.channel}{f' ({printable(changes)})' if changes else ''}"


def _lines(lines: list[str]) -> str:
    more = len(lines) - _SHOWN
    return "\n".join([*lines[:_SHOWN], *([f"- … +{more}"] if more > 0 else [])]) or NOTHING
