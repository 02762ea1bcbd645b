"""Names of choices in the language of this Home Assistant, for texts that are put together."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import translation

from ..const import DOMAIN


async def async_selector_texts(hass: HomeAssistant) -> dict[str, str]:
    """Return the texts by ``selector.options.choice``."""
    found = await translation.async_get_translations(hass, hass.config.language, "selector", [DOMAIN])
    prefix = f"component.{DOMAIN}.selector."
    return {key.removeprefix(prefix): text for key, text in found.items()}


async def async_default_title(hass: HomeAssistant, choice: str) -> str:
    """Return what a device or link is called that nobody has named."""
    return (await async_selector_texts(hass))[f"default_title.options.{choice}"]


async def async_field_texts(hass: HomeAssistant, flow: str, step: str) -> dict[str, str]:
    """Return the names of the fields of a step's form; ``flow`` is config or options."""
    found = await translation.async_get_translations(hass, hass.config.language, flow, [DOMAIN])
    prefix = f"component.{DOMAIN}.{flow}.step.{step}.data."
    return {key.removeprefix(prefix): text for key, text in found.items() if key.startswith(prefix)}
