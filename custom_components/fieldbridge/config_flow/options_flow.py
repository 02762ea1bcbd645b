"""Options of a link: the copy on MQTT, and what diagnostics may hold."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_PASSWORD
from homeassistant.data_entry_flow import Optional, Required
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import probatio

from ..acceleration import NotAcceleratedError, async_install_numba
from ..bridge.links import Link
from ..const import (
    CONF_ACCELERATED,
    CONF_COMMANDS,
    CONF_DIAGNOSTIC_FRAMES,
    CONF_DIAGNOSTIC_PRIVATE,
    CONF_KIND,
    CONF_MIRROR,
    CONF_PREFIX,
    KIND_MODBUS,
    MIRROR_BROKER,
    MIRROR_HOME_ASSISTANT,
    MIRROR_NONE,
    SUBENTRY_DEVICE,
)
from ..mqtt_mirror import async_mirror_prefix
from .broker import async_check_broker, broker_fields, keep_password
from .decoder_options_steps import DecoderOptionsSteps
from .decoder_steps import carries_frames
from .filter_preview import SampleSource
from .filter_steps import FilteredDevice, FilterSteps, with_channel
from .recording_steps import RecordingSteps
from .register_options_steps import RegisterOptionsSteps
from .still_there import stored_device

_BROKER_ONLY: Final[FieldCondition] = {"field": CONF_MIRROR, "operator": ConditionOperator.EQ, "value": MIRROR_BROKER}
_MIRRORED: Final[FieldCondition] = {"field": CONF_MIRROR, "operator": ConditionOperator.NOT_EQ, "value": MIRROR_NONE}

APP_MIRROR_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_MIRROR, default=MIRROR_NONE): SelectSelector(
            SelectSelectorConfig(
                options=[MIRROR_NONE, MIRROR_HOME_ASSISTANT, MIRROR_BROKER],
                translation_key=CONF_MIRROR,
                mode=SelectSelectorMode.DROPDOWN,
            )
        ),
        **broker_fields(_BROKER_ONLY),
        Optional(CONF_PREFIX, visible=_MIRRORED): TextSelector(),
    }
)
OPTIONS_SCHEMA = APP_MIRROR_SCHEMA.extend(
    {
        Required(CONF_COMMANDS, default=False, visible=_MIRRORED): BooleanSelector(),
        probatio.Required(CONF_DIAGNOSTIC_FRAMES, default=False): BooleanSelector(),
        probatio.Required(CONF_DIAGNOSTIC_PRIVATE, default=False): BooleanSelector(),
    }
)
_DIAGNOSTIC: Final[tuple[str, ...]] = (CONF_DIAGNOSTIC_FRAMES, CONF_DIAGNOSTIC_PRIVATE)
ACCELERATION_SCHEMA = probatio.Schema({probatio.Required(CONF_ACCELERATED, default=False): BooleanSelector()})


class FieldbridgeOptionsFlow(RecordingSteps, RegisterOptionsSteps, DecoderOptionsSteps, FilterSteps):
    """Changes the options of a link, the filters of its devices and their registers."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose what is to be changed."""
        registers = ["registers"] if self.config_entry.data[CONF_KIND] == KIND_MODBUS else []
        messages = ["messages"] if carries_frames(self.config_entry.data) else []
        choices = ["settings", *registers, *messages, "filters", "recordings", "acceleration"]
        return self.async_show_menu(step_id="init", menu_options=choices)

    async def async_step_settings(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the link is copied to and what diagnostics may hold."""
        return await self._async_ask_mirror("settings", OPTIONS_SCHEMA, user_input)

    @override
    async def async_step_filters(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a channel of the running link."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="link_not_loaded")
        result: ConfigFlowResult = await super().async_step_filters(user_input)
        return result

    async def async_step_acceleration(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for compiled filters, and say where they cannot be had."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                if user_input[CONF_ACCELERATED]:
                    await async_install_numba(self.hass)
            except NotAcceleratedError as err:
                errors[CONF_ACCELERATED] = err.translation_key
            else:
                return self.async_create_entry(data={**self.config_entry.options, **user_input})
        schema = self.add_suggested_values_to_schema(ACCELERATION_SCHEMA, user_input or self.config_entry.options)
        return self.async_show_form(step_id="acceleration", data_schema=schema, errors=errors)

    @override
    def filtered_devices(self) -> Mapping[str, FilteredDevice]:
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return {}
        link: Link = self.config_entry.runtime_data.link
        return {
            subentry.subentry_id: FilteredDevice(
                title=subentry.title,
                data=subentry.data,
                source=SampleSource(profile=session.profile, frames=link.recent_frames, subscribe=session.on_samples),
            )
            for subentry in self.config_entry.get_subentries_of_type(SUBENTRY_DEVICE)
            if (session := link.sessions.get(subentry.subentry_id)) is not None
        }

    @override
    def keep_channel(self, device_id: str, channel: dict[str, Any]) -> ConfigFlowResult:
        """Store the channel in its device; the link notices and rebuilds that device alone."""
        subentry = stored_device(self.config_entry, device_id)
        self.hass.config_entries.async_update_subentry(
            self.config_entry, subentry, data=with_channel(subentry.data, channel)
        )
        return self.async_create_entry(data=dict(self.config_entry.options))

    async def _async_ask_mirror(
        self, step_id: str, schema: probatio.Schema, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        """Ask, try the broker, and store; other options stay."""
        stored = self.config_entry.options.get(CONF_MIRROR, {})
        errors: dict[str, str] = {}
        placeholders = {"prefix": await async_mirror_prefix(self.hass, self.config_entry)}
        if user_input is not None:
            mirror = _mirror_of_form(user_input, stored)
            errors, reasons = await self._async_check(mirror)
            if not errors:
                others = {key: user_input[key] for key in _DIAGNOSTIC if key in user_input}
                return self.async_create_entry(data={**self.config_entry.options, CONF_MIRROR: mirror, **others})
            placeholders |= reasons
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, user_input or self._stored_form(stored)),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def _async_check(self, mirror: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        """Return form errors and their placeholders."""
        if mirror[CONF_KIND] == MIRROR_HOME_ASSISTANT and not self.hass.config_entries.async_loaded_entries("mqtt"):
            return {CONF_MIRROR: "mqtt_not_set_up"}, {}
        if mirror[CONF_KIND] == MIRROR_BROKER:
            return await async_check_broker(self.hass, mirror)
        return {}, {}

    def _stored_form(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the form filled with the stored options; a password is never sent back to a browser."""
        shown = {key: value for key, value in stored.items() if key not in (CONF_KIND, CONF_PASSWORD)}
        return {
            **shown,
            CONF_MIRROR: stored.get(CONF_KIND, MIRROR_NONE),
            **{key: self.config_entry.options.get(key, False) for key in _DIAGNOSTIC},
        }


def _mirror_of_form(form: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mirror that the form describes; an empty password means the stored one, for the same login only."""
    mirror = {key: value for key, value in form.items() if key not in (CONF_MIRROR, *_DIAGNOSTIC)}
    mirror[CONF_KIND] = form[CONF_MIRROR]
    keep_password(mirror, stored)
    return mirror
