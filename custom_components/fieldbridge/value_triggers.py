"""Triggers of values: they see every filtered value, whatever is written as a state, and are held to a pace."""

from datetime import timedelta
import logging
import time
from typing import Any, ClassVar, Final, override

from homeassistant.const import (
    ATTR_DEVICE_ID,
    ATTR_ENTITY_ID,
    CONF_FOR,
    CONF_OPTIONS,
    CONF_TARGET,
)
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    NumericThresholdMode,
    NumericThresholdSelector,
    NumericThresholdSelectorConfig,
)
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.trigger import Trigger, TriggerActionRunner, TriggerConfig, TriggerNotTriggeredReporter
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util
import probatio

from .bridge.channels import ValueKind
from .channel_targets import CONF_CHANNELS, TargetedChannel, async_checked, async_targeted_channels
from .value_limits import CONF_THRESHOLD, Limits, Reporter, comparable_text, text_of
from .value_watch import Occurrence, Rule, ValueWatch, When

_LOGGER = logging.getLogger(__name__)

CONF_AT_MOST_EVERY: Final = "at_most_every"
CONF_TO: Final = "to"
CONF_UNCHANGED: Final = "unchanged"

DEFAULT_AT_MOST_EVERY: Final = 1.0
"""Seconds: every run of an automation is a task, a trace and a state."""
_LEAST_AT_MOST_EVERY: Final = 0.1

_REGISTRY_EVENTS: Final = (
    er.EVENT_ENTITY_REGISTRY_UPDATED,
    dr.EVENT_DEVICE_REGISTRY_UPDATED,
    ar.EVENT_AREA_REGISTRY_UPDATED,
)
"""After these a target may mean other channels."""


def _schema(options: dict[Any, Any]) -> probatio.Schema:
    """Return the schema of a trigger with these options besides those of all."""
    common = {
        probatio.Optional(CONF_CHANNELS, default=list): probatio.All(probatio.EnsureList(), [cv.string]),
        probatio.Optional(CONF_AT_MOST_EVERY, default=DEFAULT_AT_MOST_EVERY): probatio.All(
            probatio.Coerce(float), probatio.Range(min=_LEAST_AT_MOST_EVERY, max=86400)
        ),
    }
    return probatio.Schema(
        {
            probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
            probatio.Required(CONF_OPTIONS, default=dict): {**options, **common},
        }
    )


class ValueTrigger(Trigger):
    """Watches every value of the targeted channels, as long as they are targeted."""

    schema: ClassVar[probatio.Schema]
    kinds: ClassVar[frozenset[ValueKind]]
    happened: ClassVar[str]
    """Completes the sentence that begins with the entity."""

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the configuration; raises probatio.Invalid, also for what is no value that it can watch."""
        return async_checked(hass, cls.schema, config, cls.kinds)

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Watch what ``config`` targets."""
        super().__init__(hass, config)
        self._selection = TargetSelection(config.target or {})
        self._options: dict[str, Any] = config.options or {}
        self._duration: timedelta | None = self._options.get(CONF_FOR)

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Run the action with each value that counts, until the returned function is called."""
        watches: dict[TargetedChannel, ValueWatch] = {}
        has_any = True

        @callback
        def follow_targets(_: Event[Any] | None = None) -> None:
            nonlocal has_any
            targeted = async_targeted_channels(self._hass, self._selection, self._options[CONF_CHANNELS])
            for lost in watches.keys() - targeted:
                watches.pop(lost).stop()
            for channel in targeted - watches.keys():
                watches[channel] = watch = self._watch(channel, run_action, did_not_trigger)
                watch.start()
            if has_any != bool(watches):
                has_any = bool(watches)
                self._tell_whether_targeted(has_any)

        follow_targets()
        unsubscribes = [self._hass.bus.async_listen(event, follow_targets) for event in _REGISTRY_EVENTS]

        @callback
        def remove() -> None:
            for unsubscribe in unsubscribes:
                unsubscribe()
            for watch in watches.values():
                watch.stop()
            watches.clear()

        return remove

    def _watch(
        self,
        channel: TargetedChannel,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None,
    ) -> ValueWatch:
        @callback
        def tell(occurrence: Occurrence, unit: str | None, left_out: int) -> None:
            ago = timedelta(seconds=time.monotonic() - occurrence.time)
            data = {
                ATTR_DEVICE_ID: channel.device_id,
                ATTR_ENTITY_ID: channel.entity_id,
                "channel": channel.key,
                "value": occurrence.value,
                "previous_value": occurrence.previous,
                "unit": unit,
                "time": dt_util.now() - ago,
                "left_out": left_out,
                CONF_FOR: self._duration,
            }
            run_action(data, f"value of {channel.entity_id} {self.happened}")

        return ValueWatch(self._hass, channel, self._rule(Reporter(did_not_trigger)), tell)

    def _rule(self, report: Reporter) -> Rule:
        """Return what counts."""
        raise NotImplementedError

    def _tell_whether_targeted(self, has_any: bool) -> None:
        target = self._selection
        ids = target.entity_ids | target.device_ids | target.area_ids | target.floor_ids | target.label_ids
        if has_any:
            _LOGGER.info("The target of a trigger has values again: %s", ", ".join(sorted(ids)))
        else:
            _LOGGER.warning("The target of a trigger has no value of a Fieldbridge device: %s", ", ".join(sorted(ids)))


class ValueCrossedThreshold(ValueTrigger):
    """A number came to be where the threshold says, having been elsewhere before."""

    schema = _schema(
        {
            probatio.Required(CONF_THRESHOLD): NumericThresholdSelector(
                NumericThresholdSelectorConfig(mode=NumericThresholdMode.CROSSED)
            ),
            probatio.Optional(CONF_FOR): cv.positive_time_period,
        }
    )
    kinds = frozenset({ValueKind.NUMBER})
    happened = "crossed its threshold"

    @override
    def _rule(self, report: Reporter) -> Rule:
        """Return what counts: to enter the range, and to stay there as long as is asked for."""
        limits = Limits(self._hass, self._options[CONF_THRESHOLD], report)
        return Rule(
            when=When.ENTERS,
            holds=limits.holds,
            at_most_every=self._options[CONF_AT_MOST_EVERY],
            duration=self._duration,
        )


class ValueChanged(ValueTrigger):
    """A value is another one than before, or comes at all."""

    schema = _schema(
        {
            probatio.Optional(CONF_THRESHOLD, default={"type": "any"}): NumericThresholdSelector(
                NumericThresholdSelectorConfig(mode=NumericThresholdMode.CHANGED)
            ),
            probatio.Optional(CONF_UNCHANGED, default=False): cv.boolean,
        }
    )
    kinds = frozenset(ValueKind)
    happened = "changed"

    @override
    def _rule(self, report: Reporter) -> Rule:
        """Return what counts: another value in the range, or every one."""
        limits = Limits(self._hass, self._options[CONF_THRESHOLD], report)
        return Rule(
            when=When.ARRIVES if self._options[CONF_UNCHANGED] else When.CHANGES,
            holds=limits.holds,
            at_most_every=self._options[CONF_AT_MOST_EVERY],
        )


class ValueBecame(ValueTrigger):
    """A text or a switch state came to be one of those named, having been another before."""

    schema = _schema(
        {
            probatio.Required(CONF_TO): probatio.All(probatio.EnsureList(), probatio.Length(min=1), [comparable_text]),
            probatio.Optional(CONF_FOR): cv.positive_time_period,
        }
    )
    kinds = frozenset({ValueKind.BINARY, ValueKind.TEXT})
    happened = "became another"

    @override
    def _rule(self, report: Reporter) -> Rule:
        """Return what counts: one of the texts after another text, and to stay as long as is asked for."""
        texts = frozenset(self._options[CONF_TO])
        return Rule(
            when=When.ENTERS,
            holds=lambda _: lambda value: text_of(value) in texts,
            at_most_every=self._options[CONF_AT_MOST_EVERY],
            duration=self._duration,
        )


VALUE_TRIGGERS: Final[dict[str, type[Trigger]]] = {
    "value_crossed_threshold": ValueCrossedThreshold,
    "value_changed": ValueChanged,
    "value_became": ValueBecame,
}
