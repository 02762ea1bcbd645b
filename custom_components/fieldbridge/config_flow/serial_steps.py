"""Steps of the config flow that add and change a serial link: the port is opened, listened to and described."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_DEVICE
from homeassistant.core import callback
import probatio

from ..bridge.errors import LinkError
from ..bridge.links.probe import LinkProbe
from ..connections.serial import make_serial
from ..const import KIND_SERIAL
from .link_steps import LinkSteps
from .listening import Listening
from .presentation import hex_text
from .recognised_form import CONF_FIELDS, DEVICE_TITLE, fields_schema, make_profile, recognised_placeholders
from .serial_form import SERIAL_SCHEMA, URL_EXAMPLES, async_port_title, async_serial_data, serial_form


class SerialSteps(LinkSteps):
    """Adds and changes a serial link."""

    _listening: Listening

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

    async def async_step_reconfigure_serial(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Try the new settings on the port, which the running link frees for that time."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._async_take_serial(user_input)
            if not errors:
                return await self._async_relink(user_input)
        return self._show_serial("reconfigure_serial", user_input, errors)

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
    def _show_serial(self, step_id: str, form: dict[str, Any] | None, errors: dict[str, str]) -> ConfigFlowResult:
        suggested = form or (serial_form(self._data) if self._data else None)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(SERIAL_SCHEMA, suggested),
            errors=errors,
            description_placeholders={"url_examples": URL_EXAMPLES, **self._placeholders},
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
