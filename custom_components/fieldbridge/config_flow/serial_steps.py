"""Steps of the config flow that add and change a serial link: the port is opened, listened to and described."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, override

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_DEVICE
from homeassistant.core import callback
from homeassistant.helpers.selector import BooleanSelector
import probatio

from ..bridge.channels import DeviceProfile
from ..bridge.codecs.frame import Frame
from ..bridge.errors import LinkError
from ..bridge.links.probe import LinkProbe
from ..connections.serial import make_serial
from ..const import CONF_DELIMITER, CONF_FRAMING, CONF_KIND, KIND_SERIAL
from .ask_steps import AskSteps
from .asking import AskedSource
from .baud_steps import BaudSteps
from .describe_steps import DescribeSteps
from .filter_preview import SampleSource
from .filter_steps import FilteredDevice, FilterSteps, filterable, with_channel
from .listening import MOST_LOOKS, PATIENT_LOOKS, Listening, nothing_to_stop
from .model_link_steps import ModelLinkSteps
from .presentation import hex_text
from .recognised_form import (
    CONF_FIELDS,
    CONF_NAMES,
    async_recognised_placeholders,
    fields_schema,
    make_profile,
    names_schema,
    with_names,
)
from .selector_texts import async_default_title
from .serial_form import (
    CONF_FIND,
    FIND_MODEL,
    LINE_END,
    NEW_SERIAL_SCHEMA,
    PORT_SCHEMA,
    SERIAL_SCHEMA,
    URL_EXAMPLES,
    async_port_title,
    async_serial_data,
    serial_form,
    stopbits_fit,
)
from .serial_models import serial_profiles

_DESCRIBE_FRAMING: Final = "describe_framing"
_BY_HAND: Final = "by_hand"
_SET_FILTERS: Final = "set_filters"


class SerialSteps(BaudSteps, ModelLinkSteps, AskSteps, DescribeSteps, FilterSteps):
    """Adds and changes a serial link."""

    _listening: Listening
    _draft: dict[str, Any]
    """The profile of the device that is described, while its filters are set."""
    _draft_title: str
    _seen: list[Frame]

    def __init__(self) -> None:
        """Begin with no port open."""
        super().__init__()
        self._opening = asyncio.Lock()
        self._probe: LinkProbe | None = None
        self._most_looks = MOST_LOOKS

    async def async_step_serial(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a port, open it and begin to listen."""
        errors: dict[str, str] = {}
        self._most_looks = MOST_LOOKS
        if user_input is not None:
            errors = await self._async_take_serial(user_input)
            if not errors and user_input.get(CONF_FIND) == FIND_MODEL:
                step: ConfigFlowResult = await self.async_step_serial_model()
                return step
            if not errors:
                errors = await self._async_open()
            if not errors:
                return await self.async_step_listen()
        return self._show_serial("serial", user_input, errors)

    @override
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

    @override
    async def async_step_listen_again(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Open the port once more."""
        if errors := await self._async_open():
            return self._show_serial("serial", None, errors)
        return await self.async_step_listen()

    async def async_step_listen_longer(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Open the port once more, for a device that speaks seldom."""
        self._most_looks = PATIENT_LOOKS
        return await self.async_step_listen_again()

    async def async_step_recognised(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Tick the fields that become entities."""
        recognition = self.recognition
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[_BY_HAND]:
                return await self.async_step_describe()
            if sources := user_input[CONF_FIELDS]:
                self.take_framing(self._listening.framing)
                named = with_names(recognition, sources, user_input.get(CONF_NAMES) or "")
                self._draft = self.asked(make_profile(named, sources)).to_dict()
                if user_input[_SET_FILTERS] and filterable(self._draft):
                    return await self._async_set_filters()
                return await self.async_step_create_link()
            errors[CONF_FIELDS] = "no_fields"
        schema = {
            **fields_schema(recognition),
            **names_schema(),
            probatio.Required(_SET_FILTERS, default=False): BooleanSelector(),
            probatio.Required(_BY_HAND, default=False): BooleanSelector(),
        }
        return self.async_show_form(
            step_id="recognised",
            data_schema=self.add_suggested_values_to_schema(probatio.Schema(schema), user_input),
            errors=errors,
            description_placeholders=await async_recognised_placeholders(self.hass, self._listening, recognition),
        )

    async def async_step_create_link(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the link with the device as it is described now."""
        await self._listening.source.close()
        title = await async_default_title(self.hass, "serial_device")
        return self._create_link(title, DeviceProfile.from_dict(self._draft))

    async def async_step_filters_kept(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Set the filters of another value, or make the link."""
        return self._show_filters_kept()

    async def _async_set_filters(self) -> ConfigFlowResult:
        """Open the port once more, so that the preview shows what comes; without it the frames seen have to do."""
        self._seen = list(self._listening.frames)
        self._draft_title = await async_default_title(self.hass, "serial_device")
        await self._async_open()
        result: ConfigFlowResult = await self.async_step_filters()
        return result

    @override
    def filtered_devices(self) -> Mapping[str, FilteredDevice]:
        capture = self._listening.capture
        profile = DeviceProfile.from_dict(self._draft)
        source = SampleSource.of_frames(profile, [*self._seen, *capture.recent], capture.listeners)
        return {self._draft_title: FilteredDevice(title=self._draft_title, data=self._draft, source=source)}

    @override
    def keep_channel(self, device_id: str, channel: dict[str, Any]) -> ConfigFlowResult:
        """Keep the channel for the device that is about to be made."""
        self._draft = with_channel(self._draft, channel)
        return self._show_filters_kept()

    @callback
    def _show_filters_kept(self) -> ConfigFlowResult:
        return self.async_show_menu(step_id="filters_kept", menu_options=["create_link", "filters"])

    async def async_step_nothing_arrived(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Nothing came: cable, power, baud rate."""
        return self._show_outcome("nothing_arrived", "listen_longer", "ask", "serial_model", "describe")

    async def async_step_no_frame_end(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Bytes came, but no delimiter among them."""
        return self._show_outcome("no_frame_end", "try_rates", "ask", "describe")

    async def async_step_not_recognised(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Frames came that nothing here understands."""
        return self._show_outcome("not_recognised", "try_rates", "ask", "describe")

    async def async_step_binary_found(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Binary frames came that no check proves: they may be values, or text at a wrong baud rate."""
        return self._show_outcome("binary_found", "recognised", "try_rates", "describe")

    async def async_step_link_lost(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """The port went away while it was listened to."""
        return self._show_outcome("link_lost")

    async def async_step_without_device(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the link alone; devices can be added to it later."""
        # A Modbus link has this choice, too; and how noise is cut helps nobody.
        if self._data[CONF_KIND] == KIND_SERIAL and (
            self._listening.is_framing_sure or self._listening.recognition.fields
        ):
            self.take_framing(self._listening.framing)
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
        if not stopbits_fit(data):
            return {"base": "bad_stopbits"}
        self._async_abort_entries_match({CONF_DEVICE: data[CONF_DEVICE]})
        if CONF_DELIMITER not in data and CONF_FRAMING in self._data:
            data[CONF_FRAMING] = self._data[CONF_FRAMING]
        self._data = data
        if self.source != SOURCE_RECONFIGURE:
            await self._async_take_adapter()
        self._question = None
        self._title = await async_port_title(self.hass, data[CONF_DEVICE])
        return {}

    async def _async_open(self) -> dict[str, str]:
        """Open the chosen port and listen; return errors. What this flow had opened before is closed."""
        async with self._opening:  # a dialog may ask twice, and the port can be had once
            if self._probe is not None:
                await self._probe.close()
            return await self._async_open_probe()

    async def _async_open_probe(self) -> dict[str, str]:
        self._by_hand = None
        transport = make_serial(self._data)
        probe = self._probe = LinkProbe(transport)
        source = probe if self._question is None else AskedSource(probe, transport.send, dict(self._question))
        # Who wrote how messages end knows better than what was recognised.
        self._listening = Listening(
            self.hass,
            source,
            finds_framing=self._data.get(CONF_DELIMITER) == LINE_END,
            profiles=partial(serial_profiles, self.hass.config.config_dir),
            most_looks=self._most_looks,
        )
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
        if form[_DESCRIBE_FRAMING] and not errors:
            # The port stays open, so that its bytes show what comes of the description; afterwards the link goes on.
            self._stop_listening = self._stop_reframing
            return await self.async_step_framing()
        await self._listening.source.close()
        if errors:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
            return self._show_serial("reconfigure_serial", form, errors)
        return await self._async_relinked()

    @override
    async def async_framed(self) -> ConfigFlowResult:
        """Store the framing of a link that is there; show that of a new one."""
        if self.source != SOURCE_RECONFIGURE:
            return await super().async_framed()
        self.take_framing(self._listening.framing)
        self._stop_listening = nothing_to_stop
        await self._listening.source.close()
        return await self._async_relinked()

    @callback
    def _stop_reframing(self) -> None:
        self._listening.stop()
        self.hass.config_entries.async_schedule_reload(self._get_reconfigure_entry().entry_id)

    async def _async_relinked(self) -> ConfigFlowResult:
        """Store the changed link."""
        entry = self._get_reconfigure_entry()
        was_given = entry.title != await async_port_title(self.hass, entry.data[CONF_DEVICE])
        title = entry.title if was_given else self._title
        return self._update_link(entry, data=self._data, title=title, **self._without_adapter(entry))

    @callback
    def _show_serial(self, step_id: str, form: dict[str, Any] | None, errors: dict[str, str]) -> ConfigFlowResult:
        suggested = form or (serial_form(self._data) if self._data else None)
        if step_id == KIND_SERIAL:
            schema = NEW_SERIAL_SCHEMA
        else:
            schema = PORT_SCHEMA if CONF_FRAMING in self._get_reconfigure_entry().data else SERIAL_SCHEMA
            schema = schema.extend({probatio.Required(_DESCRIBE_FRAMING, default=False): BooleanSelector()})
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
            description_placeholders={"url_examples": URL_EXAMPLES, **self._placeholders},
        )

    @callback
    def _show_outcome(self, step_id: str, *choices: str) -> ConfigFlowResult:
        """Show what was seen and what can be done about it."""
        source = self._listening.source
        return self.async_show_menu(
            step_id=step_id,
            menu_options=["listen_again", *choices, KIND_SERIAL, "without_device"],
            description_placeholders={
                **self._listening.placeholders,
                "bytes": hex_text(source.capture.tail),
                "error": str(source.lost or ""),
            },
        )
