"""Steps of the flow of a device on a link of frames: how its messages are read, and which of them are its own."""

from collections.abc import Sequence
from typing import Any, override

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState, SubentryFlowResult
import probatio

from ..bridge.channels import DeviceProfile
from ..bridge.channels.profile import FrameCondition
from ..bridge.codecs.decoders import Decoder
from ..bridge.codecs.frame import Frame
from .decoder_steps import DecoderSteps, carries_frames
from .device_edit_flow import DeviceEditFlow
from .presentation import frames_text
from .recognised_form import SECTION_CONDITION, BadConditionError, condition_form, condition_schema, read_condition


class DeviceDescribeSteps(DeviceEditFlow, DecoderSteps):
    """Describes the messages of a device that is added, or changes those of one that is there."""

    @override
    def described_frames(self) -> Sequence[Frame]:
        entry = self._get_entry()
        return entry.runtime_data.link.recent_frames if entry.state is ConfigEntryState.LOADED else []

    @override
    def decoder_so_far(self) -> Decoder | None:
        return DeviceProfile.from_dict(self._device).decoder if self.source == SOURCE_RECONFIGURE else None

    @override
    def decoder_choices(self) -> list[str]:
        if self.source == SOURCE_RECONFIGURE:
            return ["save_decoder"]
        return ["recognised"] if self._by_hand is not None and self._by_hand.fields else []

    @override
    def check_decoder(self, decoder: Decoder) -> None:
        if self.source == SOURCE_RECONFIGURE:
            DeviceProfile.from_dict({**self._device, "decoder": decoder.to_dict()})

    async def async_step_save_decoder(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Store how the messages are read."""
        if self._by_hand is None:
            return await self.async_step_reconfigure()
        return self._store({"decoder": self._by_hand.decoder.to_dict()})

    async def async_step_condition(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change which messages of the link are the device's."""
        decoder = DeviceProfile.from_dict(self._device).decoder
        frames = [frame.data for frame in self.described_frames()]
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                condition = read_condition(user_input[SECTION_CONDITION], decoder, frames)
            except BadConditionError as err:
                errors["base"] = err.translation_key
            else:
                return self._store({"condition": _stored(condition)})
        schema = probatio.Schema(condition_schema(decoder, frames, collapsed=False))
        return self.async_show_form(
            step_id="condition",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or condition_form(self._device["condition"])
            ),
            errors=errors,
            description_placeholders={"frames": frames_text(frames)},
        )

    @property
    @override
    def _choices(self) -> list[str]:
        described = ["decoder", "condition"] if carries_frames(self._get_entry().data) else []
        return [*super()._choices, *described]


def _stored(condition: FrameCondition | None) -> dict[str, Any] | None:
    return None if condition is None else condition.to_dict()
