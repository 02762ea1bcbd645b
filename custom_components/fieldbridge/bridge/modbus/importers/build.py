"""A device put together channel by channel, with its intervals sorted into rate classes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations
import math
from typing import Any

from ...channels import Channel, DeviceProfile
from ...channels.profile import unique_key
from ...errors import ProfileError
from ..device import DEFAULT_INTERVALS, MAX_REGISTERS, ModbusDevice, RegisterDecoder
from ..model import RateClass, Register
from .result import ImportedDevice, OldEntity

ONCE = 0.0
"""The interval of what is read once after every connect."""
_CLASSES = {
    0: (),
    1: (RateClass.NORMAL,),
    2: (RateClass.NORMAL, RateClass.SLOW),
    3: (RateClass.FAST, RateClass.NORMAL, RateClass.SLOW),
}
_MAX_DISTINCT = 40
"""Intervals that are sorted as they are; more are rounded down to powers of two first."""


class DeviceBuild:
    """Collects registers and channels under keys of their own."""

    def __init__(self, device: ModbusDevice | None = None) -> None:
        self._device = device or ModbusDevice()
        self._registers: dict[str, Register] = {}
        self._intervals: dict[str, float] = {}
        self._channels: dict[str, Channel] = {}
        self._old_entities: dict[str, OldEntity] = {}
        self._keys: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether there is no channel yet."""
        return not self._channels

    def key(self, wanted: str) -> str:
        """Return a key made from a name that is given to nobody else."""
        key = unique_key(wanted, self._keys)
        self._keys.add(key)
        return key

    def require_room(self, count: int = 1) -> None:
        """Raise ProfileError when ``count`` more registers are too many."""
        if len(self._registers) + count > MAX_REGISTERS:
            raise ProfileError("address", f"a device has at most {MAX_REGISTERS} registers")

    def add_register(self, name: str, register: Register, interval: float | None = None) -> None:
        """Add what a channel reads; raises ProfileError when there are too many.

        ``interval`` in seconds is sorted into a rate class in the end; None keeps the register's own.
        """
        self.require_room()
        self._registers[name] = register
        if interval is not None:
            self._intervals[name] = interval

    def add_channel(self, channel: Mapping[str, Any], old: OldEntity | None = None) -> None:
        """Add a channel by its JSON form; raises ProfileError."""
        if channel["source"] and channel["source"] not in self._registers:
            raise ProfileError("source", f"no register is called {channel['source']!r}")
        made = Channel.from_dict({name: value for name, value in channel.items() if value is not None}, "")
        self._channels[made.key] = made
        if old is not None:
            self._old_entities[made.key] = old

    def finish(
        self, name: str, unit: int | None, *, manufacturer: str | None = None, model: str | None = None
    ) -> ImportedDevice:
        """Return the device; raises ProfileError when its registers do not fit together."""
        classes, intervals = rate_classes(self._intervals.values())
        registers = {
            key: replace(register, rate=classes[self._intervals[key]]) if key in self._intervals else register
            for key, register in self._registers.items()
        }
        device = replace(
            self._device,
            unit=self._device.unit if unit is None else unit,
            intervals={**self._device.intervals, **intervals},
        )
        profile = DeviceProfile(
            decoder=RegisterDecoder(registers=registers, device=device),
            channels=tuple(self._channels.values()),
            manufacturer=manufacturer,
            model=model,
        )
        return ImportedDevice(name=name, unit=unit, profile=profile, old_entities=self._old_entities)


def rate_classes(intervals: Iterable[float]) -> tuple[dict[float, RateClass], dict[RateClass, float]]:
    """Return the class of each interval, and the seconds of each class.

    No value is asked for less often than before; of all ways to do that, the one with the fewest requests is taken,
    which is none more where there are three intervals or less.
    """
    counts = Counter(intervals)
    classes = {interval: RateClass.ONCE for interval in counts if interval <= ONCE}
    counts = Counter({interval: count for interval, count in counts.items() if interval > ONCE})
    distinct = sorted(counts)
    rounded = {each: _power_of_two(each) if len(distinct) > _MAX_DISTINCT else each for each in distinct}
    starts = _best_starts(sorted(set(rounded.values())), Counter({rounded[each]: counts[each] for each in distinct}))
    names = _CLASSES[len(starts)]
    for each in distinct:
        position = sum(1 for start in starts if start <= rounded[each]) - 1
        classes[each] = names[position]
    seconds = dict(zip(names, starts, strict=True))
    # A class that nobody uses keeps its usual seconds, in order with the others.
    return classes, {**{rate: DEFAULT_INTERVALS[rate] for rate in DEFAULT_INTERVALS if rate not in seconds}, **seconds}


def _best_starts(distinct: list[float], counts: Mapping[float, int]) -> tuple[float, ...]:
    """Return the smallest interval of each of at most three groups, so that polls per second are fewest."""
    if len(distinct) <= 3:
        return tuple(distinct)

    def polls(starts: tuple[float, ...]) -> float:
        return sum(count / max(start for start in starts if start <= each) for each, count in counts.items())

    first, *rest = distinct
    return min(((first, *others) for others in combinations(rest, 2)), key=polls)


def _power_of_two(seconds: float) -> float:
    return float(2 ** math.floor(math.log2(seconds)))
