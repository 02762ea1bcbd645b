"""The flow of a device that is a group of topics."""

from typing import Any, override

from homeassistant.config_entries import ConfigEntryState, SubentryFlowResult
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.selector import SelectOptionDict

from ..bridge.channels import DeviceProfile
from ..bridge.channels.profile import unique_key
from ..bridge.channels.topic_groups import fields_of
from ..bridge.codecs.topics import TopicDecoder, unpack
from ..bridge.errors import ProfileError
from ..bridge.links.mqtt_link import MqttLink
from ..const import CONF_TOPICS
from .device_edit_flow import DeviceEditFlow
from .listening import nothing_to_stop
from .mqtt_form import (
    COMMAND_SCHEMA,
    CONF_BASE,
    CONF_TOPIC,
    TOPICS_SCHEMA,
    command_form,
    command_of_form,
    topics_form,
    topics_of_form,
)
from .mqtt_listening import TopicListening
from .presentation import field_label
from .still_there import running_link
from .topic_steps import FoundDevice, TopicSteps
from .write_form import CONF_COMMANDED, commanded_schema, only_written


class MqttDeviceFlow(TopicSteps, DeviceEditFlow):
    """Adds a device from the topics of a running link; the steps that change one are inherited."""

    _several_devices = False

    def __init__(self) -> None:
        """Begin with nothing heard."""
        super().__init__()
        self._stop_listening: CALLBACK_TYPE = nothing_to_stop
        self._commanded = ""

    @callback
    @override
    def async_remove(self) -> None:
        """Stop listening: the dialog was closed, or the flow is over."""
        self._stop_listening()

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a device to a link that runs."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            gone: SubentryFlowResult = self.async_abort(reason="link_not_loaded")
            return gone
        return await self.async_step_mqtt_listen_again()

    async def async_step_mqtt_listen_again(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Listen to the running link."""
        self._stop_listening()
        self._topics = TopicListening(self.hass)
        self._stop_listening = self._topics.stop
        self._topics.follow(self._link)
        result: SubentryFlowResult = await self.async_step_mqtt_listen()
        return result

    async def async_step_mqtt_nothing(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Nothing was said on the topics of the link."""
        result: SubentryFlowResult = self.async_show_menu(step_id="mqtt_nothing", menu_options=["mqtt_listen_again"])
        return result

    async def async_step_mqtt_topics(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change where the device speaks, and where it is said that it is there."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        subentry = self._get_reconfigure_subentry()
        if user_input is not None:
            decoder = topics_of_form(user_input)
            errors, placeholders = _errors_of({**self._device, "decoder": decoder})
            if decoder["base"] in self._taken_bases() - {subentry.unique_id}:
                errors = {CONF_BASE: "topics_taken"}
            if not errors:
                stored: SubentryFlowResult = self.async_update_and_abort(
                    self._get_entry(), subentry, unique_id=decoder["base"], data_updates={"decoder": decoder}
                )
                return stored
        form = user_input or topics_form(self._decoder)
        result: SubentryFlowResult = self.async_show_form(
            step_id="mqtt_topics",
            data_schema=self.add_suggested_values_to_schema(TOPICS_SCHEMA, form),
            errors=errors,
            description_placeholders=placeholders,
        )
        return result

    async def async_step_mqtt_command(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose the value that is commanded, or name a new one that is only written."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if name := user_input[CONF_COMMANDED].strip():
                self._commanded = name
                return await self.async_step_mqtt_write()
            errors[CONF_COMMANDED] = "name_missing"
        result: SubentryFlowResult = self.async_show_form(
            step_id="mqtt_command", data_schema=commanded_schema(self._channels), errors=errors
        )
        return result

    async def async_step_mqtt_write(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Say what a person may choose, and which message carries it."""
        channels = self._channels
        key = self._commanded if self._commanded in channels else unique_key(self._commanded, set(channels))
        channel = channels.get(key) or only_written(key, self._commanded)
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {"channel": channel["name"]}
        if user_input is not None:
            try:
                changed = {**channel, "write": command_of_form(user_input)}
            except ValueError:
                errors[CONF_TOPIC] = "no_command_topic"
            else:
                device = {**self._device, "channels": list({**channels, key: changed}.values())}
                errors, reasons = _errors_of(device)
                if not errors:
                    return self._store({"channels": device["channels"]})
                placeholders |= reasons
        result: SubentryFlowResult = self.async_show_form(
            step_id="mqtt_write",
            data_schema=self.add_suggested_values_to_schema(COMMAND_SCHEMA, user_input or command_form(channel)),
            errors=errors,
            description_placeholders=placeholders,
        )
        return result

    @property
    @override
    def _choices(self) -> list[str]:
        return [*super()._choices, "mqtt_topics", "mqtt_command"]

    @override
    def _source_options(self, frames: list[bytes]) -> list[SelectOptionDict]:
        heard = dict(map(unpack, frames))
        fields = fields_of(self._decoder.base, heard)
        return [SelectOptionDict(value=field.source, label=field_label(field)) for field in fields]

    @override
    def _recent_frames(self) -> list[bytes]:
        """Return the last message of each topic of the device, none when the link is not loaded."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return []
        return [frame.data for frame in self._link.last_messages(self._get_reconfigure_subentry().subentry_id)]

    @property
    def _decoder(self) -> TopicDecoder:
        return TopicDecoder.from_dict(self._device["decoder"])

    @property
    def _link(self) -> MqttLink:
        link: MqttLink = running_link(self._get_entry())
        return link

    @override
    def _trees(self) -> list[str]:
        trees: list[str] = self._get_entry().data[CONF_TOPICS]
        return trees

    @override
    def _taken_bases(self) -> set[str]:
        return {subentry.unique_id for subentry in self._get_entry().subentries.values() if subentry.unique_id}

    @override
    async def _finish(self, devices: list[FoundDevice]) -> SubentryFlowResult:
        (name, base, profile) = devices[0]
        return self.async_create_entry(title=name, data=profile.to_dict(), unique_id=base)


def _errors_of(device: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return form errors of a stored device, and their placeholders."""
    try:
        DeviceProfile.from_dict(device)
    except ProfileError as err:
        return {"base": "bad_value"}, {"error": str(err)}
    return {}, {}
