"""The action that sends a frame to a serial device as it is, and waits for the answer."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_device_and_config_entry, async_register_admin_service
import probatio

from .bridge.channels.examine import examine
from .bridge.codecs.escapes import escape_bytes
from .bridge.codecs.talk import Answer, template_of
from .bridge.errors import LinkError, ProfileError, WriteError
from .bridge.links import SerialLink
from .bridge.links.exchange import NoAnswerError
from .const import DOMAIN

SERVICE_SEND_FRAME: Final = "send_frame"
ATTR_FRAME: Final = "frame"
ATTR_VALUES: Final = "values"
ATTR_ANSWER: Final = "answer"
ATTR_PREFIX: Final = "prefix"
ATTR_PATTERN: Final = "pattern"
ATTR_TIMEOUT: Final = "timeout"
MAX_FRAME: Final = 4096
"""Bytes that are sent at once."""
_MAX_TEXT: Final = 2000
"""Characters of a template, or of one value in it."""
_MAX_VALUES: Final = 64

_VALUE: Final = probatio.Any(bool, int, float, probatio.All(str, probatio.Length(max=_MAX_TEXT)))
SEND_FRAME_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(ATTR_DEVICE_ID): cv.string,
        probatio.Required(ATTR_FRAME): probatio.All(cv.string, probatio.Length(min=1, max=_MAX_TEXT)),
        probatio.Optional(ATTR_VALUES, default=dict): probatio.All(
            {probatio.All(str, probatio.Length(max=64)): _VALUE}, probatio.Length(max=_MAX_VALUES)
        ),
        probatio.Optional(ATTR_ANSWER, default=False): cv.boolean,
        probatio.Optional(ATTR_PREFIX): probatio.All(cv.string, probatio.Length(max=_MAX_TEXT)),
        probatio.Optional(ATTR_PATTERN): probatio.All(cv.string, probatio.Length(max=_MAX_TEXT)),
        probatio.Optional(ATTR_TIMEOUT, default=1.0): probatio.All(
            probatio.Coerce(float), probatio.Range(min=0.02, max=60)
        ),
    }
)


@callback
def async_setup_serial_services(hass: HomeAssistant) -> None:
    """Register the action."""
    async_register_admin_service(
        hass,
        DOMAIN,
        SERVICE_SEND_FRAME,
        _async_send_frame,
        schema=SEND_FRAME_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_send_frame(call: ServiceCall) -> ServiceResponse:
    """Send a frame; answers what was sent and, where an answer is awaited, the answer and the values in it.

    Raises ServiceValidationError for what cannot be sent, HomeAssistantError when the link or the device fails.
    """
    device, entry = async_get_device_and_config_entry(call.hass, DOMAIN, call.data[ATTR_DEVICE_ID])
    link: Any = getattr(entry, "runtime_data", None) and entry.runtime_data.link
    name = device.name_by_user or device.name or ""
    if not isinstance(link, SerialLink):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="no_serial_device", translation_placeholders={"device": name}
        )
    ids = {identifier for domain, identifier in device.identifiers if domain == DOMAIN}
    session = next((session for device_id, session in link.sessions.items() if device_id in ids), None)
    known = {} if session is None else session.values
    data, answer = _frame(call.data, known), _answer(call.data)
    timeout: float = call.data[ATTR_TIMEOUT]
    try:
        answered = await link.send_frame(data, answer, limit=timeout)
    except NoAnswerError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="frame_unanswered",
            translation_placeholders={"device": name, "seconds": f"{timeout:g}"},
        ) from err
    except LinkError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="frame_not_sent",
            translation_placeholders={"device": name, "error": str(err)},
        ) from err
    if not call.return_response:
        return None
    response: dict[str, Any] = {"sent": _shown(data), "answer": None}
    if answered is not None:
        response["answer"] = _shown(answered)
        if session is not None:
            examined = examine(session.profile, answered)
            response |= {"verdict": examined.verdict, "values": examined.values}
    return response


def _frame(data: Mapping[str, Any], known: Mapping[str, object]) -> bytes:
    """Return the bytes to send; what the call does not name is a value of the device. Raises ServiceValidationError."""
    try:
        frame = template_of(data[ATTR_FRAME], ATTR_FRAME).fill({**known, **data[ATTR_VALUES]})
    except (ProfileError, WriteError) as err:
        raise _bad_frame(str(err)) from err
    if len(frame) > MAX_FRAME:
        raise _bad_frame(f"{len(frame)} > {MAX_FRAME} B")
    return frame


def _answer(data: Mapping[str, Any]) -> Answer | None:
    """Return how the answer looks, None when none is awaited. Raises ServiceValidationError."""
    looks = {name: data[name] for name in (ATTR_PREFIX, ATTR_PATTERN) if name in data}
    if not looks and not data[ATTR_ANSWER]:
        return None
    try:
        return Answer.from_dict(looks, ATTR_ANSWER)
    except ProfileError as err:
        raise _bad_frame(str(err)) from err


def _bad_frame(error: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key="bad_frame", translation_placeholders={"error": error}
    )


def _shown(data: bytes) -> dict[str, str]:
    return {"text": escape_bytes(data), "hex": data.hex(" ")}
