"""The form of a simulated link: which signals, and how often."""

from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from ..const import CONF_INTERVAL, CONF_SIGNALS
from ..presets import PRESETS


def signals_selector(keys: list[str]) -> SelectSelector:
    """Return a selector of several signals."""
    return SelectSelector(
        SelectSelectorConfig(options=keys, multiple=True, mode=SelectSelectorMode.LIST, translation_key=CONF_SIGNALS)
    )


SIMULATED_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_SIGNALS, default=list(PRESETS)): signals_selector(list(PRESETS)),
        probatio.Required(CONF_INTERVAL, default=1): NumberSelector(
            NumberSelectorConfig(min=0.1, max=60, step=0.1, mode=NumberSelectorMode.BOX, unit_of_measurement="s")
        ),
    }
)
