"""Steps that describe a serial device by hand: how its bytes are cut, and how its messages are read."""

from collections.abc import Sequence
from typing import Any, override

from homeassistant.config_entries import ConfigFlowResult

from ..bridge.channels.recognise import Recognition
from ..bridge.channels.recognise_structure import with_sources
from ..bridge.codecs.decoders import Decoder
from ..bridge.codecs.frame import Frame
from .decoder_steps import DecoderSteps
from .framing_steps import FramingSteps


class DescribeSteps(FramingSteps, DecoderSteps):
    """Describes what recognition did not find, or found otherwise than the person knows it."""

    has_preview = True

    @property
    def recognition(self) -> Recognition:
        """What was described, or else recognised."""
        return self._by_hand or self._listening.recognition

    async def async_step_describe(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose what is described, or go back to what was recognised."""
        found = ["recognised"] if self.recognition.fields else []
        return self.async_show_menu(
            step_id="describe",
            menu_options=["framing", "decoder", "serial_model", *found],
            description_placeholders=self._listening.placeholders,
        )

    @override
    async def async_framed(self) -> ConfigFlowResult:
        """Show what the framing makes of the bytes, and what is recognised in that."""
        self._by_hand = None
        return await self.async_step_framed()

    async def async_step_framed(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on with the values that were recognised, or describe how messages are read."""
        found = ["recognised"] if self.recognition.fields else []
        return self.async_show_menu(
            step_id="framed",
            menu_options=[*found, "decoder", "framing"],
            description_placeholders=self._listening.placeholders,
        )

    @override
    def described_frames(self) -> Sequence[Frame]:
        return self._listening.frames

    @override
    def decoder_so_far(self) -> Decoder | None:
        recognition = self.recognition
        likely = [field.source for field in recognition.fields if field.certain]
        return with_sources(recognition.decoder, likely) if recognition.fields else None

    @override
    def decoder_choices(self) -> list[str]:
        return ["recognised"] if self._by_hand is not None and self._by_hand.fields else []
