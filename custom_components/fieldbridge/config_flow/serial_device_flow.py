"""The flow of one device behind a serial link: it can also be asked, and its values can be set."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntryState, SubentryFlowResult
from homeassistant.core import callback

from ..bridge.channels import DeviceProfile, ValueKind, WriteControl
from ..bridge.channels.profile import unique_key
from ..bridge.links import FrameLink, SerialLink
from ..bridge.profiles import Profile
from ..bridge.profiles.matching import framing_of, same_framing
from ..connections.serial import link_framing
from ..presentable import printable
from .ask_steps import AskSteps
from .asking import AskedSource
from .device_flow import DeviceFlow
from .frame_form import (
    FRAME_EXAMPLES,
    FRAME_SCHEMA,
    QUESTION_EXAMPLES,
    check_frame,
    frame_form,
    frame_preview,
    write_of_frame_form,
)
from .listening import FrameSource
from .model_steps import ModelSteps
from .presentation import framing_text
from .selector_texts import async_selector_texts
from .serial_models import model_placeholders, model_title, serial_profiles
from .talk_form import TALK_SCHEMA, check_talk, talk_form, talk_of_form, talk_preview
from .write_form import CONF_COMMANDED, CONF_CONTROL, commanded_schema, only_written

_KIND_OF_CONTROL: Final = {WriteControl.NUMBER: ValueKind.NUMBER, WriteControl.SWITCH: ValueKind.BINARY}
"""Kinds of values that are only written; all others are texts."""


class SerialDeviceFlow(DeviceFlow, ModelSteps, AskSteps):
    """Adds a device to a serial link, and says how it is talked to."""

    other_ways = ("ask", "serial_model", "decoder")
    _commanded = ""
    _frame_form: Mapping[str, Any] | None = None
    _talk_form: Mapping[str, Any] | None = None
    _checked_talk: dict[str, Any] | None = None

    @override
    def known_models(self) -> Sequence[Profile]:
        return serial_profiles(self.hass.config.config_dir)

    @override
    def source_of(self, link: FrameLink) -> FrameSource:
        source = super().source_of(link)
        if self._question is None or not isinstance(link, SerialLink):
            return source
        return AskedSource(source, link.send_frame, dict(self._question))

    @override
    def complete(self, profile: DeviceProfile) -> DeviceProfile:
        return self.asked(profile)

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose how a device of a link that runs is described."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="link_not_loaded")
        return await self.async_step_add_device()

    async def async_step_add_device(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Listen to what arrives, or say what the device is."""
        return self.async_show_menu(step_id="add_device", menu_options=["listen_again", *self.other_ways])

    async def async_step_model_fits(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Propose the model that reads what arrives."""
        self._model = self._listening.models[0]
        others = ["recognised"] if self._listening.recognition.fields else []
        return self.async_show_menu(
            step_id="model_fits",
            menu_options=["use_model", *others, *self.other_ways],
            description_placeholders=model_placeholders(self._model, self._listening.frames),
        )

    @override
    async def async_take_model(self, profile: Profile) -> SubentryFlowResult:
        """Add the device, unless the link does not cut the bytes as it needs it."""
        if same_framing(framing_of(profile), link_framing(self._get_entry().data)):
            return await self.async_step_use_model()
        texts = await async_selector_texts(self.hass)
        return self.async_show_menu(
            step_id="model_differs",
            menu_options=["use_model", "serial_model"],
            description_placeholders={
                "model": printable(profile.name),
                "framing": framing_text(framing_of(profile), texts),
                "link_framing": framing_text(link_framing(self._get_entry().data), texts),
            },
        )

    async def async_step_model_differs(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Stay where the choice is."""
        step: SubentryFlowResult = await self.async_step_serial_model()
        return step

    async def async_step_use_model(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a device of the model."""
        return self.async_create_entry(title=model_title(self._model), data=self._model.device.to_dict())

    async def async_step_set_value(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose the value that is set, or name a new one that is only written."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if name := user_input[CONF_COMMANDED].strip():
                self._commanded, self._frame_form = name, None
                return await self.async_step_set_frame()
            errors[CONF_COMMANDED] = "name_missing"
        return self.async_show_form(step_id="set_value", data_schema=commanded_schema(self._channels), errors=errors)

    async def async_step_set_frame(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Say what a person may choose, which frame carries it, and what proves that it was taken."""
        channels = self._channels
        known = (key for key, each in channels.items() if self._commanded in (key, each["name"]))
        key = next(known, None) or unique_key(self._commanded, set(channels))
        channel = channels.get(key) or only_written(key, self._commanded)
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            self._frame_form = user_input
            write = write_of_frame_form(user_input, channel.get("write"))
            changed = {**channels, key: {**_with_kind(channel, user_input[CONF_CONTROL]), "write": write}}
            if write is None and not channel["source"]:
                del changed[key]
            device = {**self._device, "channels": list(changed.values())}
            if write is None:
                return self._store({"channels": device["channels"]})
            errors, placeholders = check_frame(device, key)
            if not errors:
                self._checked_key, self._checked_device = key, device
                return await self.async_step_check_frame()
        return self.async_show_form(
            step_id="set_frame",
            data_schema=self.add_suggested_values_to_schema(FRAME_SCHEMA, self._frame_form or frame_form(channel)),
            errors=errors,
            description_placeholders={"channel": channel["name"], **FRAME_EXAMPLES, **placeholders},
        )

    async def async_step_check_frame(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show what would be sent; store, or change it again."""
        return self.async_show_menu(
            step_id="check_frame",
            menu_options=["save_channel", "set_frame"],
            description_placeholders={
                "frames": frame_preview(self._checked_device, self._checked_key, self._known_values())
            },
        )

    async def async_step_talk(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Say what the device is told when the link comes up, and what it is asked."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            self._talk_form = user_input
            self._checked_talk = talk_of_form(user_input)
            errors, placeholders = check_talk(self._checked_talk)
            if not errors:
                return await self.async_step_check_talk()
        return self.async_show_form(
            step_id="talk",
            data_schema=self.add_suggested_values_to_schema(TALK_SCHEMA, self._talk_form or talk_form(self._device)),
            errors=errors,
            description_placeholders={**QUESTION_EXAMPLES, **placeholders},
        )

    async def async_step_check_talk(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show what would be sent; store, or change it again."""
        return self.async_show_menu(
            step_id="check_talk",
            menu_options=["save_talk", "talk"],
            description_placeholders={"frames": talk_preview(self._checked_talk)},
        )

    async def async_step_save_talk(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Store what the device is told and asked."""
        return self._store({"talk": self._checked_talk})

    @property
    @override
    def _choices(self) -> list[str]:
        return [*super()._choices, "set_value", "talk"]

    @callback
    def _known_values(self) -> dict[str, object]:
        """Return the values of the device now, none when the link is not loaded."""
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return {}
        session = entry.runtime_data.link.sessions.get(self._get_reconfigure_subentry().subentry_id)
        return {} if session is None else dict(session.values)


def _with_kind(channel: Mapping[str, Any], control: str) -> dict[str, Any]:
    """Return a channel that is only written as one of the kind that its control sets."""
    if channel["source"]:
        return dict(channel)
    return {**channel, "kind": _KIND_OF_CONTROL.get(WriteControl(control), ValueKind.TEXT).value}
