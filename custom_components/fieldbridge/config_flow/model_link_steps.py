"""Steps that make a serial link for a device of a known model: chosen, or found in what arrives."""

from typing import Any, override

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import callback

from ..bridge.profiles import Profile
from ..bridge.profiles.matching import framing_of
from ..const import CONF_DELIMITER, CONF_FRAMING, CONF_MAX_LENGTH, KIND_SERIAL
from .link_steps import LinkSteps
from .listening import Listening
from .model_steps import ModelSteps
from .model_trial import ModelTrial
from .serial_models import model_placeholders, model_title, port_settings


class ModelLinkSteps(LinkSteps, ModelSteps):
    """Makes a link for a model; the port is tried with it first."""

    _listening: Listening
    _trial: ModelTrial

    @override
    async def async_take_model(self, profile: Profile) -> ConfigFlowResult:
        """Set the port as the model needs it and look for its values."""
        self._data |= port_settings(profile)
        return await self.async_step_try_model()

    async def async_step_try_model(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Begin to run the link with the model."""
        self.take_framing(framing_of(self._model))
        self._trial = ModelTrial(self.hass, self._data, self._model)
        self._stop_listening = self._trial.stop
        return await self.async_step_model_trial()

    async def async_step_model_trial(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what arrives, until values of the model are among it or time is up."""
        if self._trial.finished:
            found = bool(self._trial.understood)
            return self.async_show_progress_done(next_step_id="model_found" if found else "model_silent")
        return self.async_show_progress(
            step_id="model_trial",
            progress_action="trying_model",
            progress_task=self._trial.look(),
            description_placeholders=self._trial.placeholders,
        )

    async def async_step_model_found(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the values of the model."""
        return self.async_show_menu(
            step_id="model_found",
            menu_options=["use_model", "serial_model"],
            description_placeholders=self._trial.placeholders,
        )

    async def async_step_model_silent(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say that nothing of the model arrived, and offer what can be done about it."""
        return self.async_show_menu(
            step_id="model_silent",
            menu_options=["try_model", "serial_model", KIND_SERIAL, "use_model"],
            description_placeholders=self._trial.placeholders,
        )

    async def async_step_model_fits(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Propose the model that reads what arrives."""
        self._model = self._listening.models[0]
        others = ["recognised"] if self._listening.recognition.fields else []
        return self.async_show_menu(
            step_id="model_fits",
            menu_options=["use_fitting_model", *others, "serial_model", "describe"],
            description_placeholders=model_placeholders(self._model, self._listening.fitting_frames),
        )

    async def async_step_use_fitting_model(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the link with the model; the port stays as it could be read."""
        if self._listening.finds_framing:
            self.take_framing(framing_of(self._model))
        return await self.async_step_use_model()

    async def async_step_use_model(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the link with a device of the model."""
        return self._create_link(model_title(self._model), self._model.device)

    @callback
    def take_framing(self, framing: dict[str, Any] | None) -> None:
        """Let the link cut its bytes by another framing; None leaves it as the form described it."""
        if framing is not None:
            length = {CONF_MAX_LENGTH: self._data.pop(CONF_MAX_LENGTH)} if CONF_MAX_LENGTH in self._data else {}
            self._data.pop(CONF_DELIMITER, None)
            self._data[CONF_FRAMING] = {**length, **framing}
