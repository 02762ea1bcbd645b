"""The config flow: one menu of link kinds; each is tried, listened to and described before an entry is made."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PASSWORD, CONF_USERNAME
from homeassistant.core import CALLBACK_TYPE, callback
import probatio

from ..bridge.channels import DeviceProfile
from ..bridge.errors import LinkError
from ..bridge.links.probe import LinkProbe
from ..connections import make_serial
from ..const import (
    CONF_KIND,
    CONF_MIRROR,
    CONF_SIGNALS,
    DOMAIN,
    KIND_APP,
    KIND_SERIAL,
    KIND_SIMULATED,
    SUBENTRY_DEVICE,
)
from ..presets import simulated_profile
from .app_options_flow import AppOptionsFlow
from .app_steps import AppSteps
from .broker import PASSWORD_SELECTOR, USERNAME_SELECTOR, async_check_broker
from .device_flow import DeviceFlow
from .listening import Listening, nothing_to_stop
from .options_flow import FieldbridgeOptionsFlow
from .presentation import hex_text
from .recognised_form import CONF_FIELDS, DEVICE_TITLE, fields_schema, make_profile, recognised_placeholders
from .serial_form import SERIAL_SCHEMA, URL_EXAMPLES, async_port_title, async_serial_data, serial_form
from .simulated_form import SIMULATED_DEVICE_TITLE, SIMULATED_SCHEMA, SIMULATED_TITLE

REAUTH_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_USERNAME): USERNAME_SELECTOR,
        probatio.Required(probatio.Secret(CONF_PASSWORD)): PASSWORD_SELECTOR,
    }
)


class ConfigFlow(AppSteps, domain=DOMAIN):
    """Makes and changes links."""

    _listening: Listening

    def __init__(self) -> None:
        """Begin with nothing chosen."""
        self._data: dict[str, Any] = {}
        self._title = ""
        self._stop_listening: CALLBACK_TYPE = nothing_to_stop
        self._placeholders: dict[str, str] = {}

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Every link carries devices; those of an app are the app's."""
        return {} if config_entry.data[CONF_KIND] == KIND_APP else {SUBENTRY_DEVICE: DeviceFlow}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the flow of mirror and diagnostics, for an app of its settings, too."""
        return AppOptionsFlow() if config_entry.data[CONF_KIND] == KIND_APP else FieldbridgeOptionsFlow()

    @callback
    @override
    def async_remove(self) -> None:
        """Free the port: the dialog was closed, or the flow is over."""
        self._stop_listening()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the kind of link."""
        return self.async_show_menu(step_id="user", menu_options=[KIND_SERIAL, KIND_APP, KIND_SIMULATED])

    # ---- serial ----

    async def async_step_serial(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a port, open it and begin to listen."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._async_take_serial(user_input)
            if not errors:
                errors = await self._async_open()
            if not errors:
                return await self.async_step_listen()
        return self._show_serial("serial", user_input, errors)

    async def async_step_listen(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what arrives, until it is understood or time is up."""
        if self._listening.finished:
            return self.async_show_progress_done(next_step_id=self._listening.outcome)
        return self.async_show_progress(
            step_id="listen",
            progress_action="listening",
            progress_task=self._listening.look(),
            description_placeholders=self._listening.placeholders,
        )

    async def async_step_listen_again(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Open the port once more."""
        if errors := await self._async_open():
            return self._show_serial("serial", None, errors)
        return await self.async_step_listen()

    async def async_step_recognised(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Tick the fields that become entities."""
        recognition = self._listening.recognition
        errors: dict[str, str] = {}
        if user_input is not None:
            if sources := user_input[CONF_FIELDS]:
                return self._create_link(DEVICE_TITLE, make_profile(recognition, sources))
            errors[CONF_FIELDS] = "no_fields"
        return self.async_show_form(
            step_id="recognised",
            data_schema=probatio.Schema(fields_schema(recognition)),
            errors=errors,
            description_placeholders=recognised_placeholders(self._listening, recognition),
        )

    async def async_step_nothing_arrived(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Nothing came: cable, power, baud rate."""
        return self._show_outcome("nothing_arrived")

    async def async_step_no_frame_end(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Bytes came, but no delimiter among them."""
        return self._show_outcome("no_frame_end")

    async def async_step_not_recognised(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Frames came that nothing here understands."""
        return self._show_outcome("not_recognised")

    async def async_step_link_lost(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """The port went away while it was listened to."""
        return self._show_outcome("link_lost")

    async def async_step_without_device(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the link alone; devices can be added to it later."""
        return self._create_link()

    # ---- simulated ----

    async def async_step_simulated(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose generated signals."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_SIGNALS]:
                self._data, self._title = {CONF_KIND: KIND_SIMULATED, **user_input}, SIMULATED_TITLE
                return self._create_link(SIMULATED_DEVICE_TITLE, simulated_profile(user_input[CONF_SIGNALS]))
            errors[CONF_SIGNALS] = "no_signals"
        return self._show_simulated("simulated", user_input, errors)

    # ---- reconfigure ----

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change the settings of a link in the form that it was made with."""
        self._data = dict(self._get_reconfigure_entry().data)
        if self._data[CONF_KIND] == KIND_APP:
            return self.async_abort(reason="app_has_options")
        if self._data[CONF_KIND] == KIND_SIMULATED:
            return await self.async_step_reconfigure_simulated()
        return await self.async_step_reconfigure_serial()

    async def async_step_reconfigure_serial(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Try the new settings on the port, which the running link frees for that time."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._async_take_serial(user_input)
            if not errors:
                return await self._async_relink(user_input)
        return self._show_serial("reconfigure_serial", user_input, errors)

    async def async_step_reconfigure_simulated(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose other signals or another pace."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_SIGNALS]:
                return self._update_link(self._get_reconfigure_entry(), data_updates=user_input)
            errors[CONF_SIGNALS] = "no_signals"
        return self._show_simulated("reconfigure_simulated", user_input or self._data, errors)

    # ---- reauth ----

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """The mirror's broker refuses its credentials."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for new credentials and try them."""
        entry = self._get_reauth_entry()
        mirror = entry.options[CONF_MIRROR]
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            mirror = {**mirror, **user_input}
            errors, placeholders = await async_check_broker(self.hass, mirror)
            if not errors:
                return self._update_link(entry, options={**entry.options, CONF_MIRROR: mirror})
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=self.add_suggested_values_to_schema(
                REAUTH_SCHEMA, {CONF_USERNAME: mirror.get(CONF_USERNAME, "")}
            ),
            errors=errors,
            description_placeholders={CONF_HOST: mirror[CONF_HOST], **placeholders},
        )

    # ---- what the steps share ----

    async def _async_take_serial(self, form: dict[str, Any]) -> dict[str, str]:
        """Keep the filled form as entry data; return errors. Aborts when another entry has the port."""
        try:
            data = await async_serial_data(self.hass, form)
        except ValueError:
            return {"baudrate": "bad_baudrate"}
        try:
            make_serial(data)
        except ValueError:
            return {"base": "bad_delimiter"}
        self._async_abort_entries_match({CONF_DEVICE: data[CONF_DEVICE]})
        self._data = data
        self._title = await async_port_title(self.hass, data[CONF_DEVICE])
        return {}

    async def _async_open(self) -> dict[str, str]:
        """Open the chosen port and listen; return errors."""
        probe = LinkProbe(make_serial(self._data))
        self._listening = Listening(self.hass, probe)
        self._stop_listening = self._listening.stop
        try:
            await probe.open()
        except LinkError as err:
            self._placeholders = {"error": str(err)}
            return {"base": "cannot_open"}
        return {}

    async def _async_relink(self, form: dict[str, Any]) -> ConfigFlowResult:
        """Try the new settings while the link rests; go on with the old ones when they fail."""
        entry = self._get_reconfigure_entry()
        if entry.state in (ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY):
            await self.hass.config_entries.async_unload(entry.entry_id)
        errors = await self._async_open()
        await self._listening.source.close()
        if errors:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
            return self._show_serial("reconfigure_serial", form, errors)
        was_given = entry.title != await async_port_title(self.hass, entry.data[CONF_DEVICE])
        title = entry.title if was_given else self._title
        return self._update_link(entry, data=self._data, title=title)

    @callback
    def _update_link(self, entry: ConfigEntry, **changes: Any) -> ConfigFlowResult:
        """Store changes; a loaded link hears of them and reloads itself, any other is loaded."""
        hears_of_it = bool(entry.update_listeners)
        result = self.async_update_and_abort(entry, **changes)
        if not hears_of_it:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result

    @callback
    def _show_serial(self, step_id: str, form: dict[str, Any] | None, errors: dict[str, str]) -> ConfigFlowResult:
        suggested = form or (serial_form(self._data) if self._data else None)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(SERIAL_SCHEMA, suggested),
            errors=errors,
            description_placeholders={"url_examples": URL_EXAMPLES, **self._placeholders},
        )

    @callback
    def _show_simulated(self, step_id: str, form: dict[str, Any] | None, errors: dict[str, str]) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(SIMULATED_SCHEMA, form),
            errors=errors,
        )

    @callback
    def _show_outcome(self, step_id: str) -> ConfigFlowResult:
        """Show what was seen and what can be done about it."""
        source = self._listening.source
        return self.async_show_menu(
            step_id=step_id,
            menu_options=["listen_again", KIND_SERIAL, "without_device"],
            description_placeholders={
                **self._listening.placeholders,
                "bytes": hex_text(source.capture.tail),
                "error": str(source.lost or ""),
            },
        )

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
