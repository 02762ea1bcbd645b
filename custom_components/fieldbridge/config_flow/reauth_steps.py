"""Steps of the config flow that ask for new credentials."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_USERNAME
import probatio

from ..const import CONF_MIRROR, REAUTH_OF_LINK
from .broker import PASSWORD_SELECTOR, USERNAME_SELECTOR, async_check_broker
from .link_steps import LinkSteps

REAUTH_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_USERNAME): USERNAME_SELECTOR,
        probatio.Required(probatio.Secret(CONF_PASSWORD)): PASSWORD_SELECTOR,
    }
)


class ReauthSteps(LinkSteps):
    """Asks for the credentials of a broker that refuses those it had."""

    _of_link = False

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """The broker of the link itself, or of its copy, refuses its credentials."""
        self._of_link = REAUTH_OF_LINK in entry_data
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for new credentials and try them."""
        entry = self._get_reauth_entry()
        broker = entry.data if self._of_link else entry.options[CONF_MIRROR]
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            broker = {**broker, **user_input}
            errors, placeholders = await async_check_broker(self.hass, broker)
            if not errors:
                if self._of_link:
                    return self._update_link(entry, data=broker)
                return self._update_link(entry, options={**entry.options, CONF_MIRROR: broker})
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=self.add_suggested_values_to_schema(
                REAUTH_SCHEMA, {CONF_USERNAME: broker.get(CONF_USERNAME, "")}
            ),
            errors=errors,
            description_placeholders={CONF_HOST: broker[CONF_HOST], **placeholders},
        )
