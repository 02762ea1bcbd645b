"""Whether a broker of the user's lets us in."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import Optional, Required
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers.field_visibility import FieldCondition
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from ..bridge.errors import LinkError
from ..bridge.mqtt import MqttAuthError
from ..brokers import async_broker_client
from ..const import CONF_CERTIFICATE, CONF_TLS

USERNAME_SELECTOR: Final = TextSelector(TextSelectorConfig(autocomplete="username"))
PASSWORD_SELECTOR: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
)


def broker_fields(foreign: FieldCondition) -> dict[probatio.Marker, Any]:
    """Return the fields of a broker of the user's, shown where ``foreign`` holds."""
    return {
        Required(CONF_HOST, visible=foreign): TextSelector(),
        Required(CONF_PORT, default=1883, visible=foreign): probatio.All(
            NumberSelector(NumberSelectorConfig(min=1, max=65535, step=1, mode=NumberSelectorMode.BOX)),
            probatio.Coerce(int),
        ),
        Optional(CONF_USERNAME, visible=foreign): USERNAME_SELECTOR,
        Optional(CONF_PASSWORD, visible=foreign): PASSWORD_SELECTOR,
        Required(CONF_TLS, default=False, visible=foreign): BooleanSelector(),
        Optional(CONF_CERTIFICATE, visible=foreign): TextSelector(TextSelectorConfig(multiline=True)),
    }


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


def keep_password(broker: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Fill an empty password with the stored one, for the same login only."""
    same_login = all(broker.get(key) == stored.get(key) for key in (CONF_HOST, CONF_PORT, CONF_USERNAME))
    if same_login and CONF_USERNAME in broker and not broker.get(CONF_PASSWORD):
        broker[CONF_PASSWORD] = stored.get(CONF_PASSWORD)
