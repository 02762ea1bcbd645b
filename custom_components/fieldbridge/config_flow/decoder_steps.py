"""Steps that describe by hand how messages are read, with what that makes of the messages that came or were pasted."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant
import probatio

from ..bridge.channels.described_fields import described_fields
from ..bridge.channels.recognise import RecognisedField, Recognition
from ..bridge.codecs.decoders import Decoder
from ..bridge.codecs.escapes import parse_lines
from ..bridge.codecs.frame import Frame
from ..bridge.errors import ProfileError
from ..const import CONF_KIND, KIND_REPLAY, KIND_SERIAL
from .decoder_form import (
    CONF_PASTED,
    decoder_form,
    decoder_of_form,
    decoder_schema,
    field_of_error,
    kind_selector,
    named_sources,
)
from .decoder_preview import decoded_row, decoded_table
from .presentation import timed_frames_text
from .preview import PreviewedSteps, Send, async_repeat, async_setup_preview, typed_form

_KIND: Final = "kind"
_MOST_PASTED: Final = 100_000
"""Characters."""


def carries_frames(data: Mapping[str, Any]) -> bool:
    """Return whether the link of an entry's data delivers messages that a person can describe."""
    return data[CONF_KIND] in (KIND_SERIAL, KIND_REPLAY) or bool(data.get("stream"))  # of bytes, over Bluetooth


class DecoderSteps(PreviewedSteps):
    """Describes a decoder; where frames come from and what becomes of it is up to the flow."""

    _decoder_kind = ""
    _decoder_forms: Mapping[str, dict[str, Any]] = {}
    """The forms as they were submitted, by kind: another kind may be looked at meanwhile."""
    _by_hand: Recognition | None = None

    def described_frames(self) -> Sequence[Frame]:
        """Return the frames that the decoder is tried on."""
        raise NotImplementedError

    def decoder_so_far(self) -> Decoder | None:
        """Return the decoder that is there already."""
        return None

    def decoder_choices(self) -> list[str]:
        """Return the steps that may follow a described decoder."""
        raise NotImplementedError

    def check_decoder(self, decoder: Decoder) -> None:
        """Raise ProfileError where the decoder does not fit what else is known of the device."""

    @staticmethod
    @override
    async def async_setup_preview(hass: HomeAssistant) -> None:
        """Register the preview's command."""
        await async_setup_preview(hass)

    async def async_step_decoder(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose of what kind the messages are."""
        if user_input is not None:
            self._decoder_kind = user_input[_KIND]
            return await self.async_step_decoder_fields()
        kind = self._decoder_kind or self._form_so_far()[0]
        schema = probatio.Schema({probatio.Required(_KIND): kind_selector()})
        return self.async_show_form(
            step_id="decoder",
            data_schema=self.add_suggested_values_to_schema(schema, {_KIND: kind} if kind else None),
            description_placeholders={"frames": timed_frames_text(self.described_frames())},
        )

    async def async_step_decoder_fields(self, user_input: dict[str, Any] | None = None) -> Any:
        """Describe how a message is read; what comes of it is shown while it is described."""
        errors: dict[str, str] = {}
        reason = ""
        if user_input is not None:
            self._decoder_forms = {**self._decoder_forms, self._decoder_kind: user_input}
            try:
                decoder, fields, frames = self._read_form(user_input)
                self.check_decoder(decoder)
            except _PastedError as err:
                errors, reason = {CONF_PASTED: "bad_value"}, str(err)
            except ProfileError as err:
                errors, reason = {field_of_error(err, self._decoder_kind): "bad_value"}, str(err)
            else:
                self._by_hand = Recognition(decoder=decoder, fields=tuple(fields))
                self._table = decoded_table(decoder, fields, frames)
                return await self.async_step_decoder_values()
        kind, form = self._form_so_far()
        return self.show_previewed(
            "decoder_fields",
            decoder_schema(self._decoder_kind),
            self._decoder_forms.get(self._decoder_kind) or (form if kind == self._decoder_kind else None),
            errors,
            {"frames": timed_frames_text(self.described_frames()), "error": reason},
            self.start_decoder_preview,
        )

    async def async_step_decoder_values(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show what the decoder finds; go on with it, or describe it again, also as another kind."""
        return self.async_show_menu(
            step_id="decoder_values",
            menu_options=[*self.decoder_choices(), "decoder_fields", "decoder"],
            description_placeholders={"values": self._table},
        )

    _table = ""

    def start_decoder_preview(self, form: dict[str, Any], send: Send) -> CALLBACK_TYPE:
        """Send what the unsaved form makes of the newest message, as long as one comes.

        Raises ProfileError, probatio.Invalid.
        """
        typed = typed_form(self, form)
        return async_repeat(self.hass, lambda: decoded_row(*self._read_form(typed)), send)

    def _form_so_far(self) -> tuple[str, dict[str, Any] | None]:
        """Return the kind of the decoder that is there already, and its form filled; of none an empty kind."""
        so_far = self.decoder_so_far()
        return ("", None) if so_far is None else decoder_form(so_far)

    def _read_form(self, form: dict[str, Any]) -> tuple[Decoder, list[RecognisedField], list[bytes]]:
        """Return the decoder, its fields and the frames that it is tried on: pasted ones, else those that came."""
        decoder = decoder_of_form(self._decoder_kind, form)
        # As the device would send it: most decoders read UTF-8.
        pasted = _pasted(form.get(CONF_PASTED) or "", getattr(decoder, "encoding", "utf-8"))
        frames = pasted or [frame.data for frame in self.described_frames()]
        named = named_sources(self._decoder_kind, form)
        for source, _ in named:
            try:
                decoder.getter(source)
            except ValueError as err:
                raise ProfileError("decoder.columns", str(err)) from err
        return decoder, described_fields(decoder, frames, named), frames


class _PastedError(ProfileError):
    """What was pasted cannot be read as frames."""


def _pasted(text: str, encoding: str) -> list[bytes]:
    try:
        return parse_lines(text[:_MOST_PASTED], encoding)
    except ValueError as err:
        raise _PastedError("pasted", str(err)) from err
