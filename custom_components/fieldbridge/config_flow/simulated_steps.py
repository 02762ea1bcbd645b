"""Steps of the config flow that add and change generated signals."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import callback

from ..const import CONF_KIND, CONF_SIGNALS, KIND_SIMULATED
from ..presets import simulated_profile
from .link_steps import LinkSteps
from .selector_texts import async_default_title
from .simulated_form import SIMULATED_SCHEMA


class SimulatedSteps(LinkSteps):
    """Adds and changes a link of generated signals."""

    async def async_step_simulated(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose generated signals."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_SIGNALS]:
                self._data = {CONF_KIND: KIND_SIMULATED, **user_input}
                self._title = await async_default_title(self.hass, "simulated_link")
                title = await async_default_title(self.hass, "simulated_device")
                return self._create_link(title, simulated_profile(user_input[CONF_SIGNALS]))
            errors[CONF_SIGNALS] = "no_signals"
        return self._show_simulated("simulated", user_input, errors)

    async def async_step_reconfigure_simulated(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose other signals or another pace."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_SIGNALS]:
                return self._update_link(self._get_reconfigure_entry(), data_updates=user_input)
            errors[CONF_SIGNALS] = "no_signals"
        return self._show_simulated("reconfigure_simulated", user_input or self._data, errors)

    @callback
    def _show_simulated(self, step_id: str, form: dict[str, Any] | None, errors: dict[str, str]) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(SIMULATED_SCHEMA, form),
            errors=errors,
        )
