"""The flow of one device: found by listening to the running link, or chosen from simulated signals."""

from collections.abc import Sequence
from typing import Any, override

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.selector import TextSelector
import probatio

from ..bridge.channels import DeviceProfile
from ..bridge.codecs.decoders import Decoder
from ..bridge.links import FrameLink
from ..bridge.profiles import Profile
from ..const import CONF_KIND, CONF_SIGNALS, KIND_SIMULATED
from ..presentable import given_name
from ..presets import simulated_profile
from .device_describe_steps import DeviceDescribeSteps
from .listening import FrameSource, Listening, RunningLink, nothing_to_stop
from .recognised_form import (
    CONF_FIELDS,
    CONF_NAMES,
    SECTION_CONDITION,
    BadConditionError,
    async_recognised_placeholders,
    condition_schema,
    fields_schema,
    make_profile,
    names_schema,
    read_condition,
    with_names,
)
from .selector_texts import async_default_title
from .simulated_form import signals_selector
from .still_there import running_link


class DeviceFlow(DeviceDescribeSteps):
    """Adds a device to a link; the steps that change one are inherited."""

    _listening: Listening
    other_ways: tuple[str, ...] = ("decoder",)
    """Steps that describe a device of which nothing was recognised."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        super().__init__()
        self._stop_listening: CALLBACK_TYPE = nothing_to_stop

    @callback
    @override
    def async_remove(self) -> None:
        """Stop listening: the dialog was closed, or the flow is over."""
        self._stop_listening()

    def known_models(self) -> Sequence[Profile]:
        """Return the models that are looked for in what arrives; blocking."""
        return ()

    def source_of(self, link: FrameLink) -> FrameSource:
        """Return where the frames of a running link come from."""
        return RunningLink(link)

    def complete(self, profile: DeviceProfile) -> DeviceProfile:
        """Return the recognised device with what else is known of it."""
        return profile

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a device to a link that runs."""
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="link_not_loaded")
        if entry.data[CONF_KIND] == KIND_SIMULATED:
            return await self.async_step_simulated()
        return await self.async_step_listen_again()

    async def async_step_simulated(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose from the signals that the link generates."""
        errors: dict[str, str] = {}
        title = await async_default_title(self.hass, "simulated_device")
        if user_input is not None:
            if signals := user_input[CONF_SIGNALS]:
                return self.async_create_entry(
                    title=given_name(user_input[CONF_NAME], title),
                    data=simulated_profile(signals).to_dict(),
                )
            errors[CONF_SIGNALS] = "no_signals"
        signals = self._get_entry().data[CONF_SIGNALS]
        schema = probatio.Schema(
            {
                probatio.Required(CONF_NAME, default=title): TextSelector(),
                probatio.Required(CONF_SIGNALS, default=signals): signals_selector(signals),
            }
        )
        return self.async_show_form(
            step_id="simulated", data_schema=self.add_suggested_values_to_schema(schema, user_input), errors=errors
        )

    async def async_step_listen_again(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Listen to the running link."""
        self._begin_listening()
        return await self.async_step_listen()

    async def async_step_listen(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show what arrives, until it is understood or time is up."""
        if self._listening.finished:
            return self.async_show_progress_done(next_step_id=self._listening.outcome)
        return self.async_show_progress(
            step_id="listen",
            progress_action="listening",
            progress_task=self._listening.look(),
            description_placeholders=self._listening.placeholders,
        )

    async def async_step_recognised(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Name the device and tick the fields that become entities."""
        recognition = self._by_hand or self._listening.recognition
        frames = list(self._listening.capture.frames)
        title = await async_default_title(self.hass, "serial_device")
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                condition = read_condition(user_input[SECTION_CONDITION], recognition.decoder, frames)
            except BadConditionError as err:
                errors["base"] = err.translation_key
            if not user_input[CONF_FIELDS]:
                errors[CONF_FIELDS] = "no_fields"
            if not errors:
                named = with_names(recognition, user_input[CONF_FIELDS], user_input.get(CONF_NAMES) or "")
                profile = self.complete(make_profile(named, user_input[CONF_FIELDS], condition))
                name = given_name(user_input[CONF_NAME], title)
                return self.async_create_entry(title=name, data=profile.to_dict())
        schema = probatio.Schema(
            {
                probatio.Required(CONF_NAME, default=title): TextSelector(),
                **fields_schema(recognition),
                **names_schema(),
                **condition_schema(recognition.decoder, frames),
            }
        )
        return self.async_show_form(
            step_id="recognised",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders=await async_recognised_placeholders(self.hass, self._listening, recognition),
        )

    @override
    async def async_step_decoder(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose of what kind the messages are, also without having listened."""
        if self.source != SOURCE_RECONFIGURE and not hasattr(self, "_listening"):
            self._begin_listening()
        step: SubentryFlowResult = await super().async_step_decoder(user_input)
        return step

    @override
    def decoder_so_far(self) -> Decoder | None:
        if self.source == SOURCE_RECONFIGURE:
            return super().decoder_so_far()
        return self._listening.recognition.decoder if self._listening.recognition.fields else None

    @callback
    def _begin_listening(self) -> None:
        self._stop_listening()
        self._by_hand = None
        source = self.source_of(running_link(self._get_entry()))
        self._listening = Listening(self.hass, source, profiles=self.known_models)
        self._stop_listening = self._listening.stop

    async def async_step_nothing_arrived(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """No frames came in on the link."""
        return self._show_outcome("nothing_arrived")

    async def async_step_not_recognised(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Frames came that nothing here understands."""
        return self._show_outcome("not_recognised")

    @callback
    def _show_outcome(self, step_id: str) -> SubentryFlowResult:
        return self.async_show_menu(
            step_id=step_id,
            menu_options=["listen_again", *self.other_ways],
            description_placeholders=self._listening.placeholders,
        )
