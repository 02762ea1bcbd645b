"""The flow of one device behind a Bluetooth LE link: from what its characteristics send."""

from collections import deque
from typing import Any, override

from homeassistant.config_entries import ConfigEntryState, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import SelectOptionDict, TextSelector
import probatio

from ..bridge.channels import DeviceProfile
from ..bridge.channels.profile import unique_key
from ..bridge.channels.recognise import Recognition
from ..bridge.channels.recognise_messages import message_fields, recognise_messages
from ..bridge.codecs.characteristics import ServiceInfo, split_message
from ..bridge.errors import ProfileError
from ..bridge.links.ble_profiles import characteristics, with_patience
from ..presentable import given_name
from .ble_form import CONF_COMMANDED, command_fields, target_of_form
from .device_flow import DeviceFlow
from .message_fields import message_fields_schema
from .presentation import field_label, frames_text
from .recognised_form import CONF_FIELDS, make_profile
from .still_there import running_link
from .write_form import write_fields, write_of_form

_KEPT = 20
"""Values per characteristic that are looked at."""


class BleDeviceFlow(DeviceFlow):
    """Adds a device to a Bluetooth LE link."""

    _recognition: Recognition | None = None

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a device to a link that runs."""
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="link_not_loaded")
        return await self.async_step_messages()

    async def async_step_ble_command(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Say which value a person may set, and what is written for it."""
        channels = self._channels
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            name = user_input[CONF_COMMANDED].strip()
            key = name if name in channels else unique_key(name, set(channels))
            channel = channels.get(key) or {"key": key, "name": name, "source": ""}
            changed = {**channel, "write": write_of_form(user_input, target_of_form(user_input))}
            device = {**self._device, "channels": list({**channels, key: changed}.values())}
            try:
                DeviceProfile.from_dict(device)
            except ProfileError as err:
                errors, placeholders = {"base": "bad_write"}, {"error": str(err)}
            else:
                return self._store({"channels": device["channels"]})
        writable = [one for one in characteristics(self._services) if one.is_writable]
        schema = probatio.Schema({**command_fields(channels, writable), **write_fields()})
        return self.async_show_form(
            step_id="ble_command",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    @property
    @override
    def _choices(self) -> list[str]:
        return [*super()._choices, "ble_command"]

    @override
    def _source_options(self, frames: list[bytes]) -> list[SelectOptionDict]:
        decoder: Any = DeviceProfile.from_dict(self._device).decoder  # of characteristics, as on every such link
        fields = message_fields(decoder, _by_characteristic(frames))
        return [SelectOptionDict(value=field.source, label=field_label(field)) for field in fields]

    @property
    def _services(self) -> tuple[ServiceInfo, ...]:
        """What the peripheral offers, nothing when it is not connected now."""
        entry = self._get_entry()
        return entry.runtime_data.link.services if entry.state is ConfigEntryState.LOADED else ()

    async def async_step_messages(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Tick values in the last messages of the running link."""
        entry = self._get_entry()
        frames = [frame.data for frame in running_link(entry).recent_frames]
        if not frames:
            return self.async_abort(reason="nothing_heard")
        if self._recognition is None:  # what was shown is what is ticked, whatever came meanwhile
            self._recognition = await self.hass.async_add_executor_job(
                recognise_messages, _by_characteristic(frames), {}
            )
        recognition = self._recognition
        errors: dict[str, str] = {}
        if user_input is not None:
            if sources := user_input.get(CONF_FIELDS):
                profile = with_patience(make_profile(recognition, sources), entry.data)
                name = given_name(user_input[CONF_NAME], entry.title)
                return self.async_create_entry(title=name, data=profile.to_dict())
            errors["base"] = "no_fields"
        schema = probatio.Schema(
            {
                probatio.Required(CONF_NAME, default=entry.title): TextSelector(),
                **message_fields_schema(recognition),
            }
        )
        return self.async_show_form(
            step_id="messages",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"messages": frames_text(frames)},
        )


def _by_characteristic(frames: list[bytes]) -> dict[str, deque[bytes]]:
    messages: dict[str, deque[bytes]] = {}
    for frame in frames:
        reference, value = split_message(frame)
        messages.setdefault(reference, deque(maxlen=_KEPT)).append(value)
    return messages
