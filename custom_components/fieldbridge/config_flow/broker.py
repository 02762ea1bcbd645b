"""Whether a broker of the user's lets us in."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType

from ..bridge.errors import LinkError
from ..bridge.mqtt import MqttAuthError
from ..brokers import async_broker_client
from ..const import CONF_CERTIFICATE

USERNAME_SELECTOR: Final = TextSelector(TextSelectorConfig(autocomplete="username"))
PASSWORD_SELECTOR: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
)


async def async_check_broker(hass: HomeAssistant, broker: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Connect once to the broker that is named; return form errors and their placeholders."""
    try:
        client = await async_broker_client(hass, broker)
        await client.check()
    except ConfigEntryError as err:
        reason = (err.translation_placeholders or {}).get("error", "")
        return {CONF_CERTIFICATE: "bad_certificate"}, {"error": reason}
    except MqttAuthError:
        return {"base": "invalid_auth"}, {}
    except LinkError as err:
        return {"base": "cannot_connect"}, {"error": str(err)}
    return {}, {}
