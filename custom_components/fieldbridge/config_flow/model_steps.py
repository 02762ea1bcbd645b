"""Steps that choose the model of a serial device, in the flow of a link and in that of a device."""

from typing import Any, Final

from homeassistant.data_entry_flow import FlowHandler
from homeassistant.helpers.selector import SelectOptionDict, SelectSelector, SelectSelectorConfig, SelectSelectorMode
import probatio

from ..bridge.profiles import Profile
from ..const import KIND_SERIAL
from .modbus_definition import mistakes_text, own_and_shipped

_PROFILE: Final = "profile"


class ModelSteps(FlowHandler[Any, Any, Any]):
    """Chooses a model; what becomes of it is up to the flow."""

    _model: Profile | None = None
    """The one that was chosen, or that reads what arrives."""

    async def async_take_model(self, profile: Profile) -> Any:
        """Go on with the chosen model."""
        raise NotImplementedError

    async def async_step_serial_model(self, user_input: dict[str, Any] | None = None) -> Any:
        """Choose among the profiles that are shipped and the user's own."""
        good, bad = await self.hass.async_add_executor_job(own_and_shipped, self.hass.config.config_dir, KIND_SERIAL)
        profiles = {file.profile.id: file.profile for file in good if file.profile}
        if user_input is not None:
            self._model = profiles[user_input[_PROFILE]]
            return await self.async_take_model(self._model)
        options = [SelectOptionDict(value=profile.id, label=profile.name) for profile in profiles.values()]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN, sort=True))
        return self.async_show_form(
            step_id="serial_model",
            data_schema=probatio.Schema({probatio.Required(_PROFILE): selector}),
            description_placeholders={"mistakes": mistakes_text(bad)},
        )
