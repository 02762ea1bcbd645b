"""Actions: a command to a device of a bridge app."""

import json
from typing import Final

from homeassistant.const import ATTR_COMMAND, ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_device_and_config_entry
from homeassistant.util.json import JsonValueType
import probatio

from .app_commands import PATIENCE, async_send_command
from .bridge.payloads import to_json
from .const import CONF_KIND, DOMAIN, KIND_APP
from .coordinator import app_device_name
from .modbus_services import async_setup_modbus_services
from .recording_services import async_setup_recording_services
from .serial_services import async_setup_serial_services

SERVICE_SEND_COMMAND: Final = "send_command"
ATTR_SUB_TOPIC: Final = "sub_topic"


def _sub_topic(value: object) -> str:
    """Return one segment of a topic. Raises probatio.Invalid."""
    text = cv.string(value)
    if not text or set(text) & set("/+#"):
        raise probatio.Invalid("a sub-topic is one segment without '/', '+' and '#'")
    return text


SEND_COMMAND_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(ATTR_DEVICE_ID): cv.string,
        probatio.Required(ATTR_COMMAND): object,
        probatio.Optional(ATTR_SUB_TOPIC): _sub_topic,
    }
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    hass.services.async_register(
        DOMAIN,
        SERVICE_SEND_COMMAND,
        _async_send_command,
        schema=SEND_COMMAND_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    async_setup_recording_services(hass)
    async_setup_modbus_services(hass)
    async_setup_serial_services(hass)


async def _async_send_command(call: ServiceCall) -> ServiceResponse:
    """Send a command to a device, a text as it is, the rest as JSON; answers the state that its handler returns.

    Raises HomeAssistantError when the handler fails or takes long, ServiceValidationError for what takes no commands.
    """
    device, entry = async_get_device_and_config_entry(call.hass, DOMAIN, call.data[ATTR_DEVICE_ID])
    name = app_device_name(entry, device) if entry.data[CONF_KIND] == KIND_APP else None
    if name is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="no_app_device",
            translation_placeholders={"device": device.name or ""},
        )
    command = call.data[ATTR_COMMAND]
    payload = command if isinstance(command, str) else to_json(command)
    shown, sub_topic = device.name or name, call.data.get(ATTR_SUB_TOPIC)
    outcome = await async_send_command(entry.runtime_data.link, name, payload, sub_topic, shown=shown)
    if outcome is None:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="command_queued",
            translation_placeholders={"device": shown, "seconds": f"{PATIENCE:.0f}"},
        )
    # Through JSON, as the state goes everywhere else: a handler may return dates or numbers of numpy.
    state: JsonValueType = json.loads(to_json(outcome.state))
    return {"state": state} if call.return_response else None
