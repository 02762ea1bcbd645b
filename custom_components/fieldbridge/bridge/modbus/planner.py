"""Which request reads what: the fewest requests for the registers that are due.

Registers are read together while the gap between them costs less time than another request, the device takes requests
of that length, and no hole is known to lie between them. What a device refuses teaches its holes and its limit; the
knowledge has a JSON form, so that it is learned once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

from .device import ModbusDevice
from .model import MAX_ADDRESS, Register, Table
from .timing import LineTiming

_USUAL_LIMITS = (1000, 500, 256, 125, 100, 80, 64, 60, 50, 40, 32, 30, 25, 20, 16, 12, 10, 8, 4, 2, 1)
"""Addresses per request that devices are made for; a refused longer request leads to the next one."""
_FIRST_PAUSE = 60.0
_LONGEST_PAUSE = 3600.0
"""Seconds until a quarantined register is asked for again; doubled from the first to the longest."""
_STRIKES = 2
"""Refusals in a row after which a register is left out."""
_MAX_HOLES = 1000
_ABOUT_ADDRESSES = {2, 3}
"""Exception codes: illegal data address, and illegal data value for a length."""


@dataclass(frozen=True, slots=True)
class Request:
    """One read request and the registers that it answers."""

    table: Table
    address: int
    count: int
    names: tuple[str, ...]

    @property
    def end(self) -> int:
        """The first address behind the request."""
        return self.address + self.count


@dataclass(slots=True)
class Quarantine:
    """A register that the device refuses: how often it did, and when it may be asked for again."""

    strikes: int = 0
    until: float = 0.0
    """Monotonic seconds; 0: it is asked for, though alone."""
    code: int | None = None
    answers: int = 0
    """How many requests the device had answered by the last strike."""

    @property
    def is_left_out(self) -> bool:
        """Whether it is asked for now and then only."""
        return self.strikes >= _STRIKES


@dataclass(slots=True)
class _TableKnowledge:
    limit: int
    holes: set[tuple[int, int]] = field(default_factory=set)
    """Ranges [first, end) that no request may lie across; an empty range is a border."""

    def allows(self, start: int, end: int, known: int, refused: set[tuple[int, int]]) -> bool:
        """Whether a request from ``start`` that ended at ``known`` may be extended to ``end``."""
        if end - start > self.limit:
            return False
        holes = chain(self.holes, refused)
        return not any(start < hole_end and end > hole and hole_end >= known for hole, hole_end in holes)


class Planner:
    """Plans the requests for one device and learns from how they end."""

    def __init__(self, registers: Mapping[str, Register], device: ModbusDevice, timing: LineTiming) -> None:
        self._registers = registers
        self._device = device
        self._timing = timing
        self._tables = {table: _TableKnowledge(self._device_limit(table)) for table in Table}
        self.quarantine: dict[str, Quarantine] = {}
        self._plans: dict[tuple[str, ...], list[Request]] = {}
        self._planned_gap = -1
        self._suspects: set[Request] = set()
        """Requests that were refused once for a reason that may have passed."""
        self._answers = 0

    def plan(self, names: Iterable[str], now: float) -> list[Request]:
        """Return the requests that read ``names`` by ``now`` (monotonic seconds); quarantined ones are left out."""
        due = tuple(sorted(name for name in names if self._is_asked(name, now)))
        if (gap := self._max_gap()) != self._planned_gap:
            self._plans.clear()
            self._planned_gap = gap
        if (plan := self._plans.get(due)) is None:
            plan = self._plans[due] = self._merge(due, gap)
        return plan

    def succeeded(self, request: Request, seconds: float) -> None:
        """Learn from an answer that took ``seconds``; its registers are good again."""
        self._answers += 1
        self._timing.observe(request.table, request.count, seconds)
        self._suspects.discard(request)
        if self.quarantine and (good := [each for name in request.names if (each := self.quarantine.pop(name, None))]):
            self._plans.clear()
            if any(
                each.is_left_out for each in good
            ):  # what it was refused for has passed, perhaps for the others as well
                for each in self.quarantine.values():
                    each.until = 0.0

    def single(self, name: str) -> Request:
        """Return the request for one register alone."""
        register = self._registers[name]
        return Request(register.table, register.address, register.size, (name,))

    def refused(self, request: Request, now: float, code: int | None = None) -> list[Request]:
        """Learn from a refusal and return the smaller requests to try instead; none for a single register.

        Call ``both_halves_answered`` when none of them was refused.
        """
        halves = self.halves(request)
        for name in request.names if not halves else ():
            self._strike(name, now, code)
        return halves

    def halves(self, request: Request) -> list[Request]:
        """Return the request cut between two registers near its middle, nothing when it cannot be cut."""
        spans = sorted((self._registers[name].address, self._registers[name].end, name) for name in request.names)
        borders = [index for index in range(1, len(spans)) if spans[index][:2] != spans[index - 1][:2]]
        if not borders:
            return []
        middle = request.address + request.count / 2
        border = min(borders, key=lambda index: abs(spans[index][0] - middle))
        return [_request(request.table, part) for part in (spans[:border], spans[border:])]

    def both_halves_answered(self, request: Request, halves: Sequence[Request], code: int | None) -> None:
        """Learn why ``request`` was refused though its parts were not: a hole between them, or its length.

        ``code``: of the exception. One that does not speak of addresses or lengths has to come twice.
        """
        if code not in _ABOUT_ADDRESSES and request not in self._suspects:
            self._suspects.add(request)
            return
        self.never_answered(request, halves)

    def never_answered(self, request: Request, halves: Sequence[Request]) -> None:
        """Learn that ``request`` is not to be asked for, though its halves are answered."""
        self._suspects.discard(request)
        first, second = sorted(halves, key=lambda half: half.address)
        knowledge = self._tables[request.table]
        if first.end < second.address and len(knowledge.holes) < _MAX_HOLES:
            knowledge.holes.add((first.end, second.address))
        elif request.count > 1:
            knowledge.limit = next(limit for limit in _USUAL_LIMITS if limit < request.count)
        self._plans.clear()

    def limit(self, table: Table) -> int:
        """Return how many addresses one request may have, as known so far."""
        return self._tables[table].limit

    def knowledge(self) -> dict[str, Any]:
        """Return what was learned, as JSON."""
        tables = {
            str(table): {"limit": known.limit, "holes": sorted(list(hole) for hole in known.holes)}
            for table, known in self._tables.items()
            if known.holes or known.limit != self._device_limit(table)
        }
        refused = {name: each.code for name, each in sorted(self.quarantine.items()) if each.is_left_out}
        return {"tables": tables, "refused": refused}

    def restore(self, data: Any, now: float) -> None:
        """Take over what ``knowledge`` returned; anything else is ignored, since it can be learned again."""
        tables = data.get("tables") if isinstance(data, dict) else None
        for name, known in tables.items() if isinstance(tables, dict) else ():
            if name not in set(Table) or not isinstance(known, dict):
                continue
            knowledge = self._tables[Table(name)]
            limit, holes = known.get("limit"), known.get("holes")
            if type(limit) is int and limit >= 1:
                knowledge.limit = min(limit, knowledge.limit)
            good = [hole for hole in holes if _is_range(hole)] if isinstance(holes, list) else []
            knowledge.holes |= {(hole[0], hole[1]) for hole in good[:_MAX_HOLES]}
        refused = data.get("refused") if isinstance(data, dict) else None
        for name, code in refused.items() if isinstance(refused, dict) else ():
            if name in self._registers:
                known_code = code if type(code) is int else None
                self.quarantine[name] = Quarantine(_STRIKES, now + _FIRST_PAUSE, known_code)
        self._plans.clear()

    def _device_limit(self, table: Table) -> int:
        return self._device.max_bits if table.is_bits else self._device.max_registers

    def _max_gap(self) -> int:
        return self._timing.break_even_gap if self._device.max_gap is None else self._device.max_gap

    def _is_asked(self, name: str, now: float) -> bool:
        entry = self.quarantine.get(name)
        return entry is None or now >= entry.until

    def _merge(self, names: Sequence[str], gap: int) -> list[Request]:
        """Go through the tables once from low to high addresses; extending as far as allowed gives the fewest."""
        probed = {name for name in names if name in self.quarantine}
        requests = []
        for table in Table:
            refused = {
                (each.address, each.end) for name in self.quarantine if (each := self._registers[name]).table is table
            }
            spans = sorted(
                (register.address, register.end, name)
                for name in names
                if (register := self._registers[name]).table is table and register.size and name not in probed
            )
            requests += _extend(table, spans, gap, partial(self._tables[table].allows, refused=refused))
        # A suspect is asked for alone: it must not cost the others their answer.
        return [*requests, *(self.single(name) for name in sorted(probed))]

    def _strike(self, name: str, now: float, code: int | None) -> None:
        entry = self.quarantine.setdefault(name, Quarantine())
        # A device that refuses everything is not to be waited for the longer, the longer it does.
        if entry.strikes < _STRIKES or entry.answers != self._answers:
            entry.strikes += 1
        entry.code, entry.answers = code, self._answers
        if entry.is_left_out:
            pause = min(_FIRST_PAUSE * 2.0 ** min(entry.strikes - _STRIKES, 10), _LONGEST_PAUSE)
            entry.until = now + pause
        self._plans.clear()


def _extend(
    table: Table, spans: Sequence[tuple[int, int, str]], gap: int, allows: Callable[[int, int, int], bool]
) -> list[Request]:
    requests: list[Request] = []
    part: list[tuple[int, int, str]] = []
    start = end = 0
    for span in spans:
        longer = max(end, span[1])
        if part and span[0] - end <= gap and (longer == end or allows(start, longer, end)):
            part.append(span)
            end = longer
            continue
        if part:
            requests.append(_request(table, part))
        part, (start, end) = [span], span[:2]
    return [*requests, _request(table, part)] if part else requests


def _request(table: Table, spans: Sequence[tuple[int, int, str]]) -> Request:
    start, end = spans[0][0], max(span[1] for span in spans)
    return Request(table, start, end - start, tuple(name for _, _, name in spans))


def _is_range(hole: Any) -> bool:
    if not isinstance(hole, list) or len(hole) != 2 or any(type(end) is not int for end in hole):
        return False
    return bool(0 <= hole[0] <= hole[1] <= MAX_ADDRESS + 1)
