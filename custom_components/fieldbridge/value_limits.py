"""What values are compared with: limits in the unit in which a channel is shown, and texts."""

from collections.abc import Callable
from typing import Any, Final, TypeGuard

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.automation import ThresholdConfig
from homeassistant.helpers.selector import NumericThresholdType
from homeassistant.helpers.trigger import NotTriggeredInfo, TriggerNotTriggeredReporter

from .bridge.channels import Value
from .shown_unit import ShownUnit

CONF_THRESHOLD: Final = "threshold"

type Holds = Callable[[Value], bool]


class Reporter:
    """Tells the trace of an automation why values are not judged: once, until they are or the reason is another."""

    def __init__(self, did_not_trigger: TriggerNotTriggeredReporter | None) -> None:
        self._did_not_trigger = did_not_trigger
        self._told: str | None = None

    def __call__(self, reason: str | None, **data: Any) -> None:
        """Tell ``reason``, None for values that can be judged."""
        if reason != self._told and reason is not None and self._did_not_trigger is not None:
            self._did_not_trigger(NotTriggeredInfo(reason=reason, data=data))
        self._told = reason


class Limits:
    """A threshold as the form has it: above, below, between or outside of numbers or of what entities show."""

    def __init__(self, hass: HomeAssistant, threshold: dict[str, Any], report: Reporter) -> None:
        self._hass = hass
        self._type = NumericThresholdType(threshold["type"])
        keys = ("value",) if "value" in threshold else ("value_min", "value_max")
        limits = [ThresholdConfig.from_config(threshold.get(key)) for key in keys]
        self._limits = [limit for limit in limits if limit is not None]
        self._report = report

    def holds(self, shown: ShownUnit) -> Holds:
        """Return whether a value is where the threshold says, by the limits of now."""
        numbers = []
        for limit in self._limits:
            if (number := self._number(limit, shown)) is None:
                return _never
            numbers.append(number)
        self._report(None)
        match self._type:
            case NumericThresholdType.ANY:
                return _always
            case NumericThresholdType.ABOVE:
                (low,) = numbers
                return lambda value: _is_number(value) and value > low
            case NumericThresholdType.BELOW:
                (high,) = numbers
                return lambda value: _is_number(value) and value < high
            case NumericThresholdType.BETWEEN:
                low, high = numbers
                return lambda value: _is_number(value) and low <= value <= high
            case NumericThresholdType.OUTSIDE:
                low, high = numbers
                return lambda value: _is_number(value) and not low <= value <= high

    def _number(self, limit: ThresholdConfig, shown: ShownUnit) -> float | None:
        """Return a limit in the unit of the values, None with a report when it is not to be had."""
        if limit.number is not None:
            number, unit = limit.number, limit.unit if isinstance(limit.unit, str) else None
        else:
            state = self._hass.states.get(limit.entity or "")
            if state is None:
                self._report("threshold_entity_not_found", entity_id=limit.entity)
                return None
            try:
                number = float(state.state)
            except ValueError:
                self._report("threshold_value_not_numeric", entity_id=limit.entity, value=state.state)
                return None
            unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
        if (converted := shown.limit(number, unit)) is None:
            self._report("threshold_unit_not_supported", entity_id=limit.entity, unit=unit)
        return converted


def comparable_text(value: Any) -> str:
    """Return a text to compare with; YAML reads a bare on or off as a truth value."""
    return text_of(value) if isinstance(value, bool) else cv.string(value)


def text_of(value: Value) -> str:
    """Return what a value is compared as."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _is_number(value: Value) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _always(_: Value) -> bool:
    return True


def _never(_: Value) -> bool:
    return False
