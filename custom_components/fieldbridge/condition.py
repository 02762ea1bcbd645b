"""Conditions on values: what a channel's filters said last, whatever is written as a state."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final, Unpack, override

from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import Condition, ConditionCheckParams, ConditionConfig
from homeassistant.helpers.selector import (
    NumericThresholdMode,
    NumericThresholdSelector,
    NumericThresholdSelectorConfig,
)
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.typing import ConfigType
import probatio

from .bridge.channels import ValueKind
from .channel_targets import CONF_CHANNELS, async_checked, async_targeted_channels
from .device_taps import async_coordinators, fresh_value, tappable_channels
from .shown_unit import ShownUnit
from .value_limits import CONF_THRESHOLD, Holds, Limits, Reporter, comparable_text, text_of

CONF_BEHAVIOR: Final = "behavior"
CONF_VALUE: Final = "value"
_ANY: Final = "any"
_ALL: Final = "all"


def _schema(options: dict[Any, Any]) -> probatio.Schema:
    """Return the schema of a condition with these options besides those of all."""
    common = {
        probatio.Required(CONF_BEHAVIOR, default=_ANY): probatio.In([_ANY, _ALL]),
        probatio.Optional(CONF_CHANNELS, default=list): probatio.All(probatio.EnsureList(), [cv.string]),
    }
    return probatio.Schema(
        {probatio.Required(CONF_TARGET): cv.TARGET_FIELDS, probatio.Required(CONF_OPTIONS): {**options, **common}}
    )


class ValueCondition(Condition):
    """Whether the latest values of the targeted channels are as they should be; what is not fresh does not count."""

    schema: ClassVar[probatio.Schema]
    kinds: ClassVar[frozenset[ValueKind]]

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the configuration; raises probatio.Invalid, also for what is no value that it can judge."""
        return async_checked(hass, cls.schema, config, cls.kinds)

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Judge what ``config`` targets."""
        super().__init__(hass, config)
        self._selection = TargetSelection(config.target or {})
        self._options: dict[str, Any] = config.options or {}

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        """Return whether any value, or every one, is as it should be; without a fresh value that is unknown: False."""
        results = list(self._results())
        return any(results) if self._options[CONF_BEHAVIOR] == _ANY else bool(results) and all(results)

    def _results(self) -> Iterator[bool]:
        running = async_coordinators(self._hass)
        for targeted in async_targeted_channels(self._hass, self._selection, self._options[CONF_CHANNELS]):
            coordinator = running.get(targeted.unique_prefix)
            if coordinator is None or (value := fresh_value(coordinator, targeted.key)) is None:
                continue
            channel = next((each for each in tappable_channels(coordinator) if each.key == targeted.key), None)
            if channel is None or channel.kind not in self.kinds:
                continue
            shown = ShownUnit(self._hass, targeted.entity_id)
            shown.describe(channel)
            yield self._holds(shown)(value if shown.convert is None else shown.convert(value))

    def _holds(self, shown: ShownUnit) -> Holds:
        """Return what a value in the shown unit has to fulfil."""
        raise NotImplementedError


class IsValue(ValueCondition):
    """A number is where the threshold says."""

    schema = _schema(
        {
            probatio.Required(CONF_THRESHOLD): NumericThresholdSelector(
                NumericThresholdSelectorConfig(mode=NumericThresholdMode.IS)
            )
        }
    )
    kinds = frozenset({ValueKind.NUMBER})

    @override
    def _holds(self, shown: ShownUnit) -> Holds:
        return Limits(self._hass, self._options[CONF_THRESHOLD], Reporter(None)).holds(shown)


class IsEqualTo(ValueCondition):
    """A text or a switch state is one of those named."""

    schema = _schema(
        {probatio.Required(CONF_VALUE): probatio.All(probatio.EnsureList(), probatio.Length(min=1), [comparable_text])}
    )
    kinds = frozenset({ValueKind.BINARY, ValueKind.TEXT})

    @override
    def _holds(self, shown: ShownUnit) -> Holds:
        return lambda value: text_of(value) in self._options[CONF_VALUE]


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return {"is_value": IsValue, "is_equal_to": IsEqualTo}
