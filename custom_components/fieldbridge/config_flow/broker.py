"""Whether a broker of the user's lets us in."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType

from ..bridge.errors import LinkError
from ..bridge.mqtt import MqttAuthError
from ..mqtt_mirror import async_broker_client

USERNAME_SELECTOR: Final = TextSelector(TextSelectorConfig(autocomplete="username"))
PASSWORD_SELECTOR: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
)


async def async_check_broker(hass: HomeAssistant, mirror: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Connect once to the broker of the mirror's options; return form errors and their placeholders."""
    client = await async_broker_client(hass, mirror)
    try:
        await client.check()
    except MqttAuthError:
        return {"base": "invalid_auth"}, {}
    except LinkError as err:
        return {"base": "cannot_connect"}, {"error": str(err)}
    return {}, {}
