"""The form of a device's name, origin and silence."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import CONF_MODEL, CONF_NAME
from homeassistant.data_entry_flow import Required
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import probatio

_MANUFACTURER: Final = "manufacturer"
_SILENCE: Final = "silence"
_STALE_AFTER: Final = "stale_after"
LEARNED: Final = "learned"
_FIXED: Final = "fixed"
EVENT_LIKE: Final = "event_like"

_FIXED_ONLY: Final[FieldCondition] = {"field": _SILENCE, "operator": ConditionOperator.EQ, "value": _FIXED}


def silence_fields(default: str) -> dict[probatio.Marker, Any]:
    """Return the fields that ask what silence means."""
    return {
        probatio.Required(_SILENCE, default=default): SelectSelector(
            SelectSelectorConfig(
                options=[LEARNED, _FIXED, EVENT_LIKE], translation_key=_SILENCE, mode=SelectSelectorMode.LIST
            )
        ),
        Required(_STALE_AFTER, default=60, visible=_FIXED_ONLY): NumberSelector(
            NumberSelectorConfig(min=1, max=604800, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="s")
        ),
    }


def silence_of_form(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a device stores about its silence."""
    return {
        "event_like": form[_SILENCE] == EVENT_LIKE,
        _STALE_AFTER: form[_STALE_AFTER] if form[_SILENCE] == _FIXED else None,
    }


GENERAL_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_NAME): TextSelector(),
        probatio.Optional(_MANUFACTURER): TextSelector(),
        probatio.Optional(CONF_MODEL): TextSelector(),
        **silence_fields(LEARNED),
    }
)


def general_form(title: str, device: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form filled with a stored device."""
    form = {key: device[key] for key in (_MANUFACTURER, CONF_MODEL, _STALE_AFTER) if device[key] is not None}
    silence = EVENT_LIKE if device["event_like"] else _FIXED if _STALE_AFTER in form else LEARNED
    return {CONF_NAME: title, _SILENCE: silence, **form}


def general_of_form(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form changes in a stored device."""
    return {
        _MANUFACTURER: form.get(_MANUFACTURER),
        CONF_MODEL: form.get(CONF_MODEL),
        **silence_of_form(form),
    }
