"""Steps that choose the model of a serial device, in the flow of a link and in that of a device."""

from typing import Any, Final

from homeassistant.data_entry_flow import FlowHandler
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.errors import ProfileError
from ..bridge.profiles import Profile
from ..const import KIND_SERIAL
from ..presentable import printable
from .modbus_definition import mistakes_text, own_and_shipped
from .serial_models import read_serial_profile

_PROFILE: Final = "profile"
_DEFINITION: Final = "definition"


class ModelSteps(FlowHandler[Any, Any, Any]):
    """Chooses a model; what becomes of it is up to the flow."""

    _model: Profile
    """The one that was chosen, or that reads what arrives."""

    async def async_take_model(self, profile: Profile) -> Any:
        """Go on with the chosen model."""
        raise NotImplementedError

    async def async_step_serial_model(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose among the profiles that are shipped and the user's own, or paste one that somebody exported."""
        errors: dict[str, str] = {}
        error = ""
        good, bad = await self.hass.async_add_executor_job(own_and_shipped, self.hass.config.config_dir, KIND_SERIAL)
        profiles = {file.profile.id: file.profile for file in good if file.profile}
        if user_input is not None:
            chosen: Profile | None
            try:
                if pasted := user_input.get(_DEFINITION, "").strip():
                    chosen = await self.hass.async_add_executor_job(read_serial_profile, pasted)
                else:
                    chosen = profiles.get(user_input.get(_PROFILE, ""))
            except ProfileError as err:
                errors, error = {_DEFINITION: "bad_definition"}, printable(str(err))
            else:
                if chosen is not None:
                    self._model = chosen
                    return await self.async_take_model(chosen)
                errors[_PROFILE] = "no_model"
        options = [SelectOptionDict(value=profile.id, label=profile.name) for profile in profiles.values()]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN, sort=True))
        return self.async_show_form(
            step_id="serial_model",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema(
                    {
                        probatio.Optional(_PROFILE): selector,
                        probatio.Optional(_DEFINITION): TextSelector(TextSelectorConfig(multiline=True)),
                    }
                ),
                user_input,
            ),
            errors=errors,
            description_placeholders={"mistakes": mistakes_text(bad), "error": error},
        )
