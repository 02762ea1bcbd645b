"""Hear of triggers as automations do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.trigger import async_initialize_triggers, async_validate_trigger_config
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.fieldbridge.const import DOMAIN

from .tank import LEVEL

ABOVE_50 = {"type": "above", "value": {"number": 50}}


class Heard(list[dict[str, Any]]):
    """The data of a trigger, run by run."""

    stop: Callable[[], None]

    @property
    def values(self) -> list[Any]:
        return [each["value"] for each in self]


async def listen(hass: HomeAssistant, name: str, target: dict[str, Any] | None = None, **options: Any) -> Heard:
    """Hear of a trigger as an automation does."""
    raw = {"trigger": f"fieldbridge.{name}", "target": target or {"entity_id": LEVEL}, "options": options}
    config = await async_validate_trigger_config(hass, cv.TRIGGER_SCHEMA([raw]))
    heard = Heard()

    @callback
    def hear(variables: dict[str, Any], context: Any = None) -> None:
        heard.append(variables["trigger"])

    stop = await async_initialize_triggers(hass, config, hear, DOMAIN, "test", lambda *_: None)
    assert stop is not None
    heard.stop = stop
    return heard


@callback
def nothing(variables: dict[str, Any], context: Any = None) -> None:
    """An automation without actions."""


async def after(hass: HomeAssistant, seconds: float) -> None:
    """Let time pass for timers."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))
    await hass.async_block_till_done()
