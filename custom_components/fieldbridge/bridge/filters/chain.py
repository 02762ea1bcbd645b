"""Several filters one after the other, and several side by side."""

from collections.abc import Callable, Sequence
import math
from typing import TYPE_CHECKING, Any, ClassVar, override

from .calibration import Linear, Multiply, Offset
from .kinds import FEW_SAMPLES, Kept, MapFilter, TimedFilter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .kinds import Array, GateFilter
    from .program import Program

    type Stage = MapFilter | GateFilter


class Chain:
    """Filters in a row, with the faces of a single one: a map if all are maps, else a gate that may be timed.

    Runs of offsets and factors are one pass. The interval that a stage behind a gate sees is the time since the last
    value that reached it. What a timed stage calls missing (NaN) goes straight to the end.
    """

    __slots__ = (
        "_channels",
        "_declared",
        "_maps",
        "_planned",
        "_program",
        "_segment_of",
        "_segments",
        "_stages",
        "_timed",
        "_updates",
        "_waited",
    )

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._declared = tuple(stages)
        self._stages: tuple[Any, ...] = tuple(_merged(stages))
        # Which of them are maps; to ask an abstract class with every chunk would cost more than a stage.
        self._maps = tuple(isinstance(stage, MapFilter) for stage in self._stages)
        self._updates = tuple(stage.update for stage in self._stages)
        self._timed = [stage for stage in self._stages if isinstance(stage, TimedFilter)]
        self._segments = _segments(self._stages)
        self._segment_of = [number for number, segment in enumerate(self._segments) for _ in segment]
        self._channels: tuple[Chain, ...] = ()
        # The first stages as one kernel call; which of them is known with the first chunk.
        self._program: Program | None = None
        self._planned = False
        # Seconds since each segment got a value; used once samples come with an interval.
        self._waited = [0.0] * len(self._segments)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The filters as they are run."""
        self.collect()
        return self._stages

    @property
    def is_map(self) -> bool:
        """True when there is one value out for each one in."""
        return all(self._maps)

    @property
    def is_timed(self) -> bool:
        """True when a stage may speak without a sample."""
        return bool(self._timed)

    @property
    def value(self) -> float | None:
        """Last value of the last stage, None before the first."""
        self.collect()
        return self._stages[-1].value if self._stages else None

    @property
    def channels(self) -> tuple[Chain, ...]:
        """The parts behind the first gate, one per channel, once a chunk of several channels was seen."""
        return self._channels

    @property
    def due(self) -> float | None:
        """Time at which ``flush`` has something to do, None when it has not."""
        if not self._timed and not self._channels:
            return None
        times = [due for stage in self._timed if (due := stage.due) is not None]
        times += [due for channel in self._channels if (due := channel.due) is not None]
        return min(times, default=None)

    def update(self, raw: float, dt: float | None = None) -> float | None:
        """Take one sample, ``dt`` seconds after the one before where that is known; return the value or None."""
        if self._program is not None:
            self.collect()
        if dt is None or len(self._waited) == 1:
            value = raw
            for update in self._updates:
                result = update(value, dt)
                if result is None:
                    return None
                value = result
            return value
        waited = self._waited
        for place in range(len(waited)):
            waited[place] += dt
        return self._run(0, raw)

    def updates(self) -> tuple[Callable[[float, float | None], float | None], ...]:
        """Return what ``update`` calls one after the other until None is returned, for who takes many samples."""
        self.collect()
        return self._updates if len(self._waited) == 1 else (self.update,)

    @property
    def maps(self) -> tuple[MapFilter, ...]:
        """The filters as they are run when all of them are maps, else nothing.

        For who feeds them by himself: ``collect`` comes before, when the chain took a chunk.
        """
        return self._stages if all(self._maps) else ()

    def collect(self) -> None:
        """Bring the history back into the filters, where everything but a chunk looks for it."""
        if self._program is not None:
            self._program.store(self._stages)

    def _run(self, first: int, value: float) -> float | None:
        """Send a value through the segments from ``first`` on, each with the time it has waited."""
        for place in range(first, len(self._segments)):
            seconds, self._waited[place] = self._waited[place], 0.0
            for stage in self._segments[place]:
                result = stage.update(value, seconds)
                if result is None:
                    return None
                value = result
        return value

    def block(self, values: ArrayLike, times: ArrayLike | None = None) -> Array | Kept | list[Kept]:
        """Take a chunk: an array of the same shape from a map, what is kept from a gate (per channel of several)."""
        return self._block(values, times, None)

    def block_since(self, values: ArrayLike, times: Sequence[float], before: float) -> Array | Kept:
        """Take a chunk of one channel with time stamps, after samples that came by ``update``, the last at ``before``.

        So a stream can be taken sample by sample where it is slow and in chunks where it is fast.
        """
        for waited, segment in zip(self._waited, self._segments, strict=True):
            for stage in segment:
                stage.follow(before - waited)
        reached = [before - waited for waited in self._waited]
        reached[0] = times[-1]
        kept = self._block(values, times, reached)
        self._waited = [times[-1] - last for last in reached]
        assert not isinstance(kept, list)  # noqa: S101 - of one channel
        return kept

    def _block(
        self, values: ArrayLike, times: ArrayLike | None, reached: list[float] | None
    ) -> Array | Kept | list[Kept]:
        """Take a chunk; ``reached`` is told when the last value came to each segment."""
        stamps = None if times is None else _as_array(times)
        indices: Any = None
        fused = self._run_program(values, stamps)
        if fused is None:
            chunk, first = _as_array(values), 0
        else:
            chunk, indices, first = fused
            stamps = stamps if stamps is None or indices is None else stamps[indices]
        for place in range(first, len(self._stages)):
            if indices is not None and not len(indices):
                break
            stage = self._stages[place]
            if reached is not None and stamps is not None:
                reached[self._segment_of[place]] = float(stamps[-1])
            if self._maps[place]:
                chunk = stage.block(chunk, stamps)
                continue
            if chunk.ndim == 2:
                return self._split(place, chunk, stamps)
            # Whether shape and times make sense was looked at by the first stage.
            kept = stage.block_of_one(chunk, None) if place and stamps is None else stage.block(chunk, stamps)
            assert isinstance(kept, Kept)  # noqa: S101 - of one channel
            if not len(kept.indices):
                return kept
            chunk, stamps = kept.values, None if stamps is None else stamps[kept.indices]
            indices = kept.indices if indices is None else indices[kept.indices]
        return chunk if indices is None else Kept(chunk, indices)

    def _run_program(self, values: ArrayLike, times: Array | None) -> tuple[Array, Any, int] | None:
        """Return chunk, kept indices and the next stage after the program, None when the stages go one by one."""
        if not self._planned:
            self._plan(_as_array(values))
        program = self._program
        if program is None:
            return None
        result = program.run(self._stages, values) if times is None or not program.uses_time else None
        if result is None:
            program.store(self._stages)
            return None
        return *result, program.length

    def _plan(self, chunk: Array) -> None:
        if chunk.ndim not in {1, 2} or len(chunk) < FEW_SAMPLES:
            return
        from .program import program_of  # imports numpy

        # Channels that part at a gate go on in chains of their own.
        maps = self._maps.index(False) if False in self._maps else None
        self._program = program_of(self._stages if chunk.ndim == 1 else self._stages[:maps])
        self._planned = True

    def _split(self, place: int, chunk: Array, times: Array | None) -> list[Kept]:
        """From the first gate on each channel goes its own way."""
        if not self._channels:
            self._channels = tuple(Chain([s.clone() for s in self._stages[place:]]) for _ in range(chunk.shape[1]))
        kept = [
            channel.block(chunk[:, column], times)
            for channel, column in zip(self._channels, range(chunk.shape[1]), strict=True)
        ]
        return [part for part in kept if isinstance(part, Kept)]

    def flush(self, now: float) -> float | None:
        """Return what the stage gives that is due first; call again while ``due`` has passed. For one channel."""
        ready = [stage for stage in self._timed if (due := stage.due) is not None and due <= now]
        if not ready:
            return None
        stage = min(ready, key=lambda candidate: candidate.due or 0.0)
        gap = now - (now if stage.now is None else stage.now)
        value = stage.flush(now)
        if value is None or math.isnan(value):
            return value
        segment = next(number for number, part in enumerate(self._segments) if stage in part) + 1
        for number in range(segment, len(self._waited)):
            self._waited[number] = max(self._waited[number] + gap, 0.0)
        result = self._run(segment, value)
        # The next sample's interval begins at the sample before, not at this moment.
        for number in range(segment, len(self._waited)):
            self._waited[number] -= gap
        return result

    def reset(self) -> None:
        """Forget all history."""
        self._program, self._planned = None, False
        for stage in self._stages:
            stage.reset()
        self._channels = ()
        self._waited = [0.0] * len(self._segments)

    def clone(self) -> Chain:
        """Return a chain of the same filters with no history."""
        return Chain([stage.clone() for stage in self._declared])

    def to_list(self) -> list[dict[str, Any]]:
        """Return the filters in JSON form, as they were declared."""
        return [stage.to_dict() for stage in self._declared]

    def to_state(self) -> dict[str, Any]:
        """Return the history of all stages in JSON form."""
        self.collect()
        state: dict[str, Any] = {"stages": [stage.to_state() for stage in self._stages]}
        if self._channels:
            state["channels"] = [channel.to_state() for channel in self._channels]
        return state

    def from_state(self, state: dict[str, Any]) -> None:
        """Continue from what ``to_state`` returned; raises ValueError when the chain was another, and then is reset."""
        self._program, self._planned = None, False
        try:
            for stage, part in zip(self._stages, state["stages"], strict=True):
                stage.from_state(part)
            gate = self._maps.index(False) if False in self._maps else 0
            channels = []
            for part in state.get("channels", ()):
                channel = Chain([stage.clone() for stage in self._stages[gate:]])
                channel.from_state(part)
                channels.append(channel)
        except (KeyError, TypeError, ValueError) as err:
            self.reset()
            raise ValueError(f"the state is of another chain of filters: {err}") from err
        self._channels = tuple(channels)

    @override
    def __repr__(self) -> str:
        return f"Chain({list(self._declared)!r})"


class AnyOf(TimedFilter):
    """Chains side by side: every one sees every sample, and the first value that one gives is let through."""

    __slots__ = ("chains",)

    kind: ClassVar[str] = "any_of"

    def __init__(self, chains: Sequence[Chain]) -> None:
        if not chains:
            raise ValueError("filters must not be empty")
        self.chains = tuple(chains)
        super().__init__()

    @override
    def _clear(self) -> None:
        super()._clear()
        for chain in self.chains:
            chain.reset()

    @override
    def clone(self) -> AnyOf:
        return AnyOf([chain.clone() for chain in self.chains])

    @override
    def update(self, raw: float, dt: float | None = None) -> float | None:
        self._tick(dt)
        return self._first([chain.update(raw, dt) for chain in self.chains])

    @override
    def flush(self, now: float) -> float | None:
        return self._emit(now)

    @override
    def _emit(self, now: float) -> float | None:
        return self._first([chain.flush(now) for chain in self.chains])

    def _first(self, results: list[float | None]) -> float | None:
        self.due = min((due for chain in self.chains if (due := chain.due) is not None), default=None)
        value = next((result for result in results if result is not None), None)
        if value is not None and not math.isnan(value):
            self._value = value
        return value

    @override
    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "filters": [chain.to_list() for chain in self.chains]}

    @override
    def to_state(self) -> dict[str, Any]:
        return {**super().to_state(), "chains": [chain.to_state() for chain in self.chains]}

    @override
    def from_state(self, state: dict[str, Any]) -> None:
        super().from_state(state)
        for chain, part in zip(self.chains, state["chains"], strict=True):
            chain.from_state(part)


def _as_array(values: ArrayLike) -> Array:
    import numpy as np

    return np.ascontiguousarray(values, dtype=np.float64)


def _merged(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages with each run of offsets, factors and lines as one line."""
    result: list[Stage] = []
    for stage in stages:
        line = _as_line(stage)
        before = _as_line(result[-1]) if result else None
        if line is None or before is None or before.missing != line.missing:
            result.append(stage)
            continue
        slope, offset = before.slope * line.slope, before.offset * line.slope + line.offset
        if math.isfinite(slope) and math.isfinite(offset):
            result[-1] = Linear(slope, offset, missing=line.missing)
        else:
            result.append(stage)
    return result


def _as_line(stage: Stage) -> Linear | None:
    match stage:
        case Linear():
            return stage
        case Offset():
            return Linear(1.0, stage.amount, missing=stage.missing)
        case Multiply():
            return Linear(stage.factor, 0.0, missing=stage.missing)
    return None


def _segments(stages: Sequence[Stage]) -> list[list[Stage]]:
    """Return the stages in runs that see the same samples: each ends with a gate."""
    segments: list[list[Stage]] = [[]]
    for stage in stages:
        segments[-1].append(stage)
        if not isinstance(stage, MapFilter):
            segments.append([])
    return segments if segments[-1] or len(segments) == 1 else segments[:-1]
