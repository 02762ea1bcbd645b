"""The flow of one device behind a Bluetooth LE link: from its byte stream, or from what its characteristics send."""

from collections import deque
from typing import Any, override

from homeassistant.config_entries import ConfigEntryState, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import TextSelector
import probatio

from ..bridge.channels.recognise import Recognition
from ..bridge.channels.recognise_messages import recognise_messages
from ..bridge.codecs.characteristics import split_message
from ..bridge.errors import DecodeError
from ..bridge.links.ble_profiles import with_patience
from .device_flow import DeviceFlow
from .message_fields import message_fields_schema
from .presentation import frames_text
from .recognised_form import CONF_FIELDS, make_profile

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
        if entry.data.get("stream"):
            return await self.async_step_listen_again()
        return await self.async_step_messages()

    async def async_step_messages(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Tick values in the last messages of the running link."""
        entry = self._get_entry()
        frames = [frame.data for frame in entry.runtime_data.link.recent_frames]
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
                return self.async_create_entry(title=user_input[CONF_NAME], data=profile.to_dict())
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
        try:
            reference, value = split_message(frame)
        except DecodeError:
            continue
        messages.setdefault(reference, deque(maxlen=_KEPT)).append(value)
    return messages
