"""Commands from Home Assistant to a device of a bridge app, and how they end."""

import asyncio
from typing import Final

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .app_link import AppLink
from .bridge.runners.commands import Outcome
from .const import DOMAIN

PATIENCE: Final = 10.0
"""Seconds that an action waits for the handler."""


async def async_send_command(
    link: AppLink, device: str, payload: str, sub_topic: str | None = None, *, shown: str | None = None
) -> Outcome | None:
    """Send a command and wait; returns how it ended, None when it is still queued or handled when patience is over.

    ``shown`` is the device's name in texts. Raises ServiceValidationError for a device that takes no commands,
    HomeAssistantError with the app's words when its handler fails.
    """
    shown = shown or device
    try:
        outcome = link.send_command(device, payload, sub_topic)
    except LookupError as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="no_commands", translation_placeholders={"device": shown}
        ) from err
    await asyncio.wait([outcome], timeout=PATIENCE)
    if not outcome.done():
        return None
    ended = outcome.result()
    if ended.error is not None:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="command_failed",
            translation_placeholders={"device": shown, "error": str(ended.error) or type(ended.error).__name__},
        ) from ended.error
    return ended
