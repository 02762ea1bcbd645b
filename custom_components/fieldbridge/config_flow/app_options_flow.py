"""Options of a bridge app: its settings, what its values are, when it is silent, the copy on MQTT."""

import json
from pathlib import Path
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from ..app_channels import readable
from ..app_loader import APPS_FOLDER, AppError
from ..const import CONF_APP, CONF_CHANNELS, CONF_SETTINGS, CONF_STALE_AFTER
from .app_steps import read_settings, setting_errors
from .channel_form import channel_form, channel_of_form, channel_schema, check_fit
from .options_flow import APP_MIRROR_SCHEMA, FieldbridgeOptionsFlow
from .settings_form import SettingsForm

_VALUE: Final = "value"

SILENCE_SCHEMA = probatio.Schema(
    {
        probatio.Optional(CONF_STALE_AFTER): NumberSelector(
            NumberSelectorConfig(min=1, max=604800, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="s")
        )
    }
)


class AppOptionsFlow(FieldbridgeOptionsFlow):
    """Changes the options of a bridge app."""

    _form: SettingsForm
    _device: str
    _channel: dict[str, Any]

    @override
    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Begin with the menu."""
        return await self.async_step_app()

    async def async_step_app(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose what is to be changed."""
        return self.async_show_menu(
            step_id="app", menu_options=["app_settings", "app_value", "silence", "mirror", "recordings"]
        )

    async def async_step_mirror(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the app is copied to."""
        return await self._async_ask_mirror("mirror", APP_MIRROR_SCHEMA, user_input)

    async def async_step_silence(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask when a device that publishes nothing is gone."""
        if user_input is not None:
            kept = {key: value for key, value in self.config_entry.options.items() if key != CONF_STALE_AFTER}
            return self.async_create_entry(data={**kept, **user_input})
        schema = self.add_suggested_values_to_schema(SILENCE_SCHEMA, self.config_entry.options)
        return self.async_show_form(step_id="silence", data_schema=schema)

    async def async_step_app_settings(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the settings anew."""
        stored = self.config_entry.options.get(CONF_SETTINGS, {})
        errors: dict[str, str] = {}
        error = ""
        if user_input is None:
            try:
                self._form = await self._async_settings_form()
            except AppError as err:
                return self.async_abort(reason="app_broken", description_placeholders={"error": str(err)})
            if not self._form.fields:
                return self.async_abort(reason="no_settings")
        else:
            values = self._form.values(user_input, stored)
            errors, error = await self.hass.async_add_executor_job(setting_errors, self._form, values)
            if not errors:
                return self._store(CONF_SETTINGS, values)
        return self.async_show_form(
            step_id="app_settings",
            data_schema=self._form.schema({**stored, **(user_input or {})}),
            errors=errors,
            description_placeholders={"explanation": self._form.explanation, "error": error},
        )

    async def async_step_app_value(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a value of a running app."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="app_not_running")
        devices = self.config_entry.runtime_data.link.devices
        if user_input is not None:
            self._device, path = json.loads(user_input[_VALUE])
            if self._device not in devices or path not in devices[self._device].channels:
                return self.async_abort(reason="device_gone")  # an app that was loaded anew has yet to publish it
            self._channel = devices[self._device].channels[path].to_dict()
            return await self.async_step_channel()
        options = [
            SelectOptionDict(value=json.dumps([name, key]), label=f"{readable(name)}: {channel.name}")
            for name, device in devices.items()
            for key, channel in device.channels.items()
        ]
        if not options:
            return self.async_abort(reason="no_values")
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN))
        return self.async_show_form(
            step_id="app_value", data_schema=probatio.Schema({probatio.Required(_VALUE): selector})
        )

    async def async_step_channel(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Correct what a value is."""
        key = self._channel["key"]
        errors: dict[str, str] = {}
        if user_input is not None:
            channel = channel_of_form(user_input, key)
            errors = check_fit(channel)
            if not errors:
                corrections = dict(self.config_entry.options.get(CONF_CHANNELS, {}))
                corrections[self._device] = {**corrections.get(self._device, {}), key: channel}
                return self._store(CONF_CHANNELS, corrections)
        schema = channel_schema([SelectOptionDict(value=key, label=key)])
        form = user_input or channel_form(self._channel)
        return self.async_show_form(
            step_id="channel",
            data_schema=self.add_suggested_values_to_schema(schema, form),
            errors=errors,
            description_placeholders={"device": readable(self._device)},
        )

    async def _async_settings_form(self) -> SettingsForm:
        """Return the form of a running app's settings; one that does not run is imported. Raises AppError."""
        if self.config_entry.state is ConfigEntryState.LOADED:
            settings = self.config_entry.runtime_data.link.loaded.settings
            return await self.hass.async_add_executor_job(SettingsForm, type(settings))
        folder = Path(self.hass.config.config_dir) / APPS_FOLDER
        return await self.hass.async_add_executor_job(read_settings, folder, self.config_entry.data[CONF_APP])

    def _store(self, key: str, value: dict[str, Any]) -> ConfigFlowResult:
        return self.async_create_entry(data={**self.config_entry.options, key: value})
