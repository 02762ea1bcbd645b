"""Steps that describe by hand how the bytes of a serial link are cut, tried on the bytes that came."""

from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import ATTR_FRIENDLY_NAME, STATE_UNKNOWN, Platform
from homeassistant.core import CALLBACK_TYPE
import probatio

from ..bridge.channels.recognise_stream import cut_chunks
from ..bridge.errors import ProfileError
from ..connections.serial import link_framing
from ..const import DOMAIN
from .framing_form import framing_error_field, framing_form, framing_kind_selector, framing_of_form, framing_schema
from .link_steps import LinkSteps
from .listening import Listening
from .presentation import NOTHING, dotted, framing_text, hex_text
from .preview import Send, async_offer_preview, async_repeat, typed_form
from .selector_texts import async_selector_texts

_KIND: Final = "kind"


class FramingSteps(LinkSteps):
    """Describes the framing of a link; what is cut by it is looked at anew."""

    _listening: Listening
    _framing_kind = ""

    async def async_framed(self) -> ConfigFlowResult:
        """Go on with the framing that was described."""
        raise NotImplementedError

    async def async_step_framing(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose how messages begin and end."""
        if user_input is not None:
            self._framing_kind = user_input[_KIND]
            return await self.async_step_framing_fields()
        schema = probatio.Schema({probatio.Required(_KIND): framing_kind_selector()})
        return self.async_show_form(
            step_id="framing",
            data_schema=self.add_suggested_values_to_schema(schema, {_KIND: self._framing_so_far[_KIND]}),
            description_placeholders=await self._async_framing_placeholders(),
        )

    async def async_step_framing_fields(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Describe marks, lengths and check; the messages that come of it are counted while they are described."""
        errors: dict[str, str] = {}
        reason = ""
        so_far = self._framing_so_far
        if user_input is not None:
            try:
                framing = framing_of_form(self._framing_kind, user_input, so_far)
            except ProfileError as err:
                errors, reason = {framing_error_field(err, self._framing_kind): "bad_value"}, str(err)
            else:
                await self._listening.async_cut(framing)
                return await self.async_framed()
        stored = framing_form(so_far) if so_far[_KIND] == self._framing_kind else None
        async_offer_preview(self.hass, self.flow_id, self.start_framing_preview)
        return self.async_show_form(
            step_id="framing_fields",
            data_schema=self.add_suggested_values_to_schema(framing_schema(self._framing_kind), user_input or stored),
            errors=errors,
            description_placeholders={**await self._async_framing_placeholders(), "error": reason},
            preview=DOMAIN,
        )

    def start_framing_preview(self, form: dict[str, Any], send: Send) -> CALLBACK_TYPE:
        """Send how many messages the unsaved form makes of the bytes, and the newest one.

        Raises ProfileError, probatio.Invalid.
        """
        framing = framing_of_form(self._framing_kind, typed_form(self, form), self._framing_so_far)

        def row() -> dict[str, Any]:
            frames = cut_chunks(list(self._listening.capture.chunks), framing)
            name = dotted(frames[-1].data) if frames else NOTHING
            state = str(len(frames)) if frames else STATE_UNKNOWN
            return {"state": state, "attributes": {ATTR_FRIENDLY_NAME: name}, "domain": Platform.SENSOR.value}

        return async_repeat(self.hass, row, send)

    @property
    def _framing_so_far(self) -> dict[str, Any]:
        return self._listening.framing or link_framing(self._data)

    async def _async_framing_placeholders(self) -> dict[str, str]:
        texts = await async_selector_texts(self.hass)
        return {"bytes": hex_text(self._listening.capture.tail), "framing": framing_text(self._framing_so_far, texts)}
