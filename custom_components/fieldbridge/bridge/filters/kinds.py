"""The contract of every filter: two faces (one value, one chunk) over one state.

* A *map* gives one value out for one in.
* A *gate* lets a value through or not: ``update`` returns None for nothing, ``block`` what is kept and where it was.
* A *timed* filter is a gate that also speaks when no sample comes: whoever owns it calls ``flush(now)`` at ``due``.

``update`` is plain Python: one sample is too little for an array. ``block`` takes float64 arrays of shape ``(n,)`` or
``(n, channels)``; a filter that was given several channels keeps one state for each. Both faces give the same values,
bit for bit, however a stream is cut. Filters with a *reordered* form (``exact=False``) use it for long chunks; it is
equal within 1e-12 of the largest magnitude in chunk and state. A missing value (NaN, infinity) never enters a state.

numpy is imported by the first ``block``, never by importing this package.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
import math
import time
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, override

from .checks import one_of, spelled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    type Array = np.ndarray[Any, np.dtype[np.float64]]
    type Indices = np.ndarray[Any, np.dtype[np.intp]]

SKIP, HOLD, PASS, REJECT = "skip", "hold", "pass", "reject"

FEW_SAMPLES = 8
"""Chunks shorter than this go sample by sample: a kernel call costs as much as several plain updates."""

FEW_ROWS = 32
"""Chunks of several channels with fewer rows go sample by sample: there is a call for every channel."""

MIXED_CHANNELS = "this filter carries {} channels, got {}"


class Kept(NamedTuple):
    """What a gate let through of a chunk."""

    values: Array
    indices: Indices
    """Position in the chunk of the sample at which each value came out."""


class SignalFilter(ABC):
    """What all kinds share: parameters, missing values, channels, state."""

    __slots__ = ("_channels", "_last_time", "missing")

    _channels: tuple[Any, ...]
    kind: ClassVar[str]
    """Name under which the registry knows the class."""
    parameters: ClassVar[tuple[str, ...]] = ()
    """Constructor arguments, each readable as an attribute of the same name."""
    state_fields: ClassVar[tuple[str, ...]] = ("_value",)
    """Attributes that are saved and restored; all are cleared by ``reset``."""
    policies: ClassVar[tuple[str, ...]] = (SKIP, HOLD, REJECT)

    def __init__(self, missing: str = SKIP) -> None:
        self.missing = one_of("missing", missing, self.policies)
        self._last_time: float | None = None
        self.reset()

    @property
    @abstractmethod
    def value(self) -> float | None:
        """Last value given out, None before the first."""

    @property
    def channels(self) -> tuple[Self, ...]:
        """One filter per channel once a chunk of several channels was seen, else empty."""
        return self._channels

    def reset(self) -> None:
        """Forget all history."""
        self._channels = ()
        self._last_time = None
        self._clear()

    def follow(self, time: float) -> None:
        """Let the next chunk's time stamps go on from a sample at ``time`` that came by ``update``."""
        self._last_time = time

    @abstractmethod
    def _clear(self) -> None:
        """Set every state field to its initial value."""

    def clone(self) -> Self:
        """Return a filter with the same parameters and no history."""
        return type(self)(**{name: getattr(self, name) for name in self.parameters}, missing=self.missing)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form of kind and parameters."""
        data: dict[str, Any] = {"kind": self.kind}
        data |= {name: _jsonable(getattr(self, name)) for name in self.parameters}
        return data if self.missing == SKIP else data | {"missing": self.missing}

    def to_state(self) -> dict[str, Any]:
        """Return the history in JSON form; times are left out, since no clock survives a restart."""
        if self._channels:
            return {"kind": self.kind, "channels": [channel.to_state() for channel in self._channels]}
        return {"kind": self.kind} | {name.lstrip("_"): _jsonable(getattr(self, name)) for name in self.state_fields}

    def from_state(self, state: dict[str, Any]) -> None:
        """Continue from what ``to_state`` returned; raises ValueError when it is of another kind of filter."""
        if state.get("kind") != self.kind:
            raise ValueError(f"state of {state.get('kind')!r} cannot continue {self.kind!r}")
        if "channels" in state:
            restored = tuple(self.clone() for _ in state["channels"])
            for channel, part in zip(restored, state["channels"], strict=True):
                channel.from_state(part)
            self.reset()
            self._channels = restored
            return
        fields = {name: state.get(name.lstrip("_"), _ABSENT) for name in self.state_fields}
        if any(value is _ABSENT for value in fields.values()):
            raise ValueError(f"state of {self.kind!r} is incomplete")
        self.reset()
        for name, value in fields.items():
            current = getattr(self, name)
            setattr(self, name, deque(value, current.maxlen) if isinstance(current, deque) else value)

    @override
    def __repr__(self) -> str:
        # The order of operations is no property of the result.
        arguments = "".join(f"{name}={getattr(self, name)!r}, " for name in self.parameters if name != "exact")
        return f"{type(self).__name__}({arguments}value={self.value})"

    def _chunk(self, values: ArrayLike, times: ArrayLike | None) -> tuple[Array, Array | None]:
        """Return values and times as contiguous float64; raises ValueError for shapes and times that make no sense."""
        import numpy as np

        chunk = np.ascontiguousarray(values, dtype=np.float64)
        if times is None and chunk.ndim == 1 and not self._channels:
            return chunk, None
        if chunk.ndim not in {1, 2}:
            raise ValueError(f"values must have the shape (n,) or (n, channels), got {chunk.shape}")
        channels = chunk.shape[1] if chunk.ndim == 2 else 0
        if self._channels and channels != len(self._channels):
            raise ValueError(MIXED_CHANNELS.format(len(self._channels), channels or 1))
        if channels and not self._channels:
            if self.value is not None:
                raise ValueError(MIXED_CHANNELS.format(1, channels))
            self._channels = tuple(self.clone() for _ in range(channels))
        if times is None:
            return chunk, None
        stamps = np.ascontiguousarray(times, dtype=np.float64)
        if stamps.shape != chunk.shape[:1]:
            raise ValueError(f"times must have the shape {chunk.shape[:1]}, got {stamps.shape}")
        if len(stamps) and (np.any(stamps[1:] < stamps[:-1]) or not np.isfinite(stamps).all()):
            raise ValueError("times must be finite and must not go back")
        return chunk, stamps

    def _intervals(self, times: Array | None, n: int) -> list[float | None]:
        """Return the seconds between each sample and the one before, None where they are not known."""
        if times is None:
            return [None] * n
        stamps = times.tolist()
        intervals: list[float | None] = []
        for now in stamps:
            intervals.append(None if self._last_time is None else now - self._last_time)
            self._last_time = now
        return intervals


class MapFilter(SignalFilter):
    """One value out for one in. A missing value gives NaN (skip), the last value (hold) or ValueError (reject)."""

    __slots__ = ("_value",)

    @property
    @override
    def value(self) -> float | None:
        return self._value

    @override
    def _clear(self) -> None:
        self._value: float | None = None

    @abstractmethod
    def update(self, raw: float, dt: float | None = None) -> float:
        """Take one sample and return the filtered value; ``dt`` in seconds since the one before where it is known."""

    def update_many(self, values: Sequence[float], intervals: Sequence[float]) -> list[float]:
        """Take finite samples, each with its ``dt``, as ``update`` would one after the other; for small batches."""
        return list(map(self.update, values, intervals, strict=True))

    def block(self, values: ArrayLike, times: ArrayLike | None = None) -> Array:
        """Take a chunk, ``(n,)`` or ``(n, channels)``, and return one of the same shape; ``times`` in seconds."""
        chunk, stamps = self._chunk(values, times)
        if chunk.ndim == 2:
            return self._block_channels(chunk, stamps)
        return self._block_plain(chunk, stamps) if len(chunk) < FEW_SAMPLES else self._block(chunk, stamps)

    def history(self) -> list[float] | None:
        """Return the history as numbers for a kernel, None while there is not enough of it."""
        return None if self._value is None else [self._value]

    def continue_from(self, numbers: list[float]) -> None:
        """Take back the history that ``history`` returned and a kernel has carried on."""
        self._value = numbers[0]

    def _block(self, chunk: Array, times: Array | None) -> Array:
        """Filter a chunk that is long enough for arrays; overridden where a kernel is faster."""
        return self._block_plain(chunk, times)

    def _block_plain(self, chunk: Array, times: Array | None) -> Array:
        """Filter a chunk sample by sample."""
        import numpy as np

        update = self.update
        if times is None:
            return np.array([update(raw) for raw in chunk.tolist()], dtype=np.float64)
        intervals = self._intervals(times, len(chunk))
        return np.array([update(raw, dt) for raw, dt in zip(chunk.tolist(), intervals, strict=True)], dtype=np.float64)

    def _block_channels(self, chunk: Array, times: Array | None) -> Array:
        """Filter several channels; overridden where they can share a pass."""
        import numpy as np

        if times is None and len(chunk) < FEW_ROWS:
            columns = zip(self._channels, chunk.T.tolist(), strict=True)
            return np.array([[channel.update(raw) for raw in column] for channel, column in columns]).T
        out = np.empty_like(chunk)
        for column, channel in enumerate(self._channels):
            out[:, column] = channel.block(chunk[:, column], times)
        return out

    def _absent(self, raw: float) -> float:
        """Return what stands for a missing value; raises ValueError when it is rejected."""
        if self.missing == REJECT:
            raise ValueError(f"raw must be finite, got {spelled(raw)}")
        return math.nan if self.missing == SKIP or self._value is None else self._value


class GateFilter(SignalFilter):
    """Lets a value through or not; a missing one is dropped (skip, hold), passed (pass) or a ValueError (reject)."""

    __slots__ = ("_value",)

    policies: ClassVar[tuple[str, ...]] = (SKIP, HOLD, PASS, REJECT)

    @property
    @override
    def value(self) -> float | None:
        return self._value

    @override
    def _clear(self) -> None:
        self._value: float | None = None

    @abstractmethod
    def update(self, raw: float, dt: float | None = None) -> float | None:
        """Take one sample and return the value to pass on, or None for nothing."""

    def block(self, values: ArrayLike, times: ArrayLike | None = None) -> Kept | list[Kept]:
        """Take a chunk and return what is kept of it; of several channels one result for each."""
        chunk, stamps = self._chunk(values, times)
        if chunk.ndim == 2:
            return [
                channel.block_of_one(chunk[:, column].copy(), stamps) for column, channel in enumerate(self._channels)
            ]
        return self.block_of_one(chunk, stamps)

    def block_of_one(self, chunk: Array, times: Array | None) -> Kept:
        """Take a chunk of one channel that is known to be contiguous float64, with times that do not go back."""
        return self._block_plain(chunk, times) if len(chunk) < FEW_SAMPLES else self._block(chunk, times)

    def _block(self, chunk: Array, times: Array | None) -> Kept:
        """Pass a chunk that is long enough for arrays; overridden where a kernel is faster."""
        return self._block_plain(chunk, times)

    def _block_plain(self, chunk: Array, times: Array | None) -> Kept:
        """Pass a chunk sample by sample."""
        intervals = self._intervals(times, len(chunk))
        kept = [
            (value, index)
            for index, (raw, dt) in enumerate(zip(chunk.tolist(), intervals, strict=True))
            if (value := self.update(raw, dt)) is not None
        ]
        return kept_of(kept)

    def _absent(self, raw: float) -> float | None:
        """Return what stands for a missing value; raises ValueError when it is rejected."""
        if self.missing == REJECT:
            raise ValueError(f"raw must be finite, got {spelled(raw)}")
        return math.nan if self.missing == PASS else None


class ClockedGate(GateFilter):
    """A gate that measures time: by the ``dt`` of the samples where they have one, else by the injected clock."""

    __slots__ = ("_now", "clock")

    def __init__(self, missing: str = SKIP, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        super().__init__(missing)

    @override
    def _clear(self) -> None:
        super()._clear()
        self._now: float | None = None

    @override
    def clone(self) -> Self:
        twin = super().clone()
        twin.clock = self.clock
        return twin

    @property
    def now(self) -> float | None:
        """Time of the last sample in the clock's seconds."""
        return self._now

    @override
    def follow(self, time: float) -> None:
        if self._now is not None:  # the first sample is its own anchor
            self._last_time = time

    def _tick(self, dt: float | None) -> float:
        """Return the time of the sample that has just come."""
        self._now = self.clock() if dt is None or self._now is None else self._now + dt
        return self._now

    @override
    def _block_plain(self, chunk: Array, times: Array | None) -> Kept:
        # Time stamps are of the same clock, so they need no anchor.
        if times is not None and self._last_time is None and len(times):
            self._now = self._last_time = float(times[0])
        return super()._block_plain(chunk, times)


class TimedFilter(ClockedGate):
    """A gate that also speaks when no sample comes: call ``flush`` at ``due``, and again while ``due`` has passed."""

    __slots__ = ("due",)

    @override
    def _clear(self) -> None:
        super()._clear()
        self.due: float | None = None
        """Time at which ``flush`` has something to do, None when it has not."""

    def flush(self, now: float) -> float | None:
        """Return the value that is due at ``now``, or None; NaN says that the signal is missing."""
        return None if self.due is None or now < self.due else self._emit(now)

    @abstractmethod
    def _emit(self, now: float) -> float | None:
        """Return the value that is due and set the next time."""


def complete(chunk: Array) -> bool:
    """Return True when no value of a chunk is missing."""
    import numpy as np

    return bool(np.isfinite(chunk).all())


@cache
def nowhere() -> Indices:
    """Return the indices of nothing that was kept."""
    import numpy as np

    return np.empty(0, dtype=np.intp)


def kept_of(pairs: list[tuple[float, int]]) -> Kept:
    """Return the kept ``(value, index)`` pairs as arrays."""
    import numpy as np

    return Kept(
        np.array([value for value, _ in pairs], dtype=np.float64),
        np.array([index for _, index in pairs], dtype=np.intp),
    )


_ABSENT = object()


def _jsonable(value: Any) -> Any:
    """Return lists for what JSON has no word for; copies, so that later samples do not change them."""
    if isinstance(value, deque | tuple | list):
        return [_jsonable(item) for item in value]
    return value
