"""The step that asks a silent device, in the flow of a link and in that of a device."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from homeassistant.data_entry_flow import FlowHandler

from ..bridge.channels import DeviceProfile
from ..bridge.codecs.talk import Talk
from .asking import ASK_SCHEMA, talk_of_question
from .frame_form import CONF_FRAME, QUESTION_EXAMPLES
from .talk_form import check_talk


class AskSteps(FlowHandler[Any, Any, Any]):
    """Learns how a device is asked; listening to its answers is up to the flow."""

    _question: Mapping[str, Any] | None = None
    """How the device is asked, as it is stored."""

    async def async_step_listen_again(self, user_input: dict[str, Any] | None = None) -> Any:
        """Listen once more."""
        raise NotImplementedError

    async def async_step_ask(self, user_input: dict[str, Any] | None = None) -> Any:
        """Say what the device is asked, and how often."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            question = talk_of_question(user_input)
            errors, placeholders = check_talk(question)
            if not errors:
                self._question = question
                return await self.async_step_listen_again()
            errors = {CONF_FRAME: "bad_value"}
        return self.async_show_form(
            step_id="ask",
            data_schema=self.add_suggested_values_to_schema(ASK_SCHEMA, user_input),
            errors=errors,
            description_placeholders={**QUESTION_EXAMPLES, **placeholders},
        )

    def asked(self, profile: DeviceProfile) -> DeviceProfile:
        """Return the device as one that is asked, where it was."""
        return profile if self._question is None else replace(profile, talk=Talk.from_dict(dict(self._question)))
