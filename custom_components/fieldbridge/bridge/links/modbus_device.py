"""One Modbus device behind a link: what is due, what was read, and what its silence means."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
import logging

from ..channels import DeviceSession
from ..modbus import RateClass, RegisterDecoder, Table
from ..modbus.device import Values, decode_or_none
from ..modbus.planner import Planner, Request
from ..modbus.timing import LineTiming
from ..retry import ExponentialBackoff

_LOGGER = logging.getLogger(__name__)
_LISTED = 10
"""Names in one line of the log."""
_LONGEST_PAUSE = 60.0
"""Seconds between two tries on a device that does not answer."""
_SUSPICIOUS = 2
"""Times in a row that a request may stay without answer before its parts are asked for."""
_POLLED = (RateClass.FAST, RateClass.NORMAL, RateClass.SLOW)


class PolledDevice:
    """Turns what the poller reads into values and availability of one session."""

    def __init__(
        self,
        session: DeviceSession,
        decoder: RegisterDecoder,
        timing: LineTiming,
        now: float,
        on_values: Callable[[], None] = lambda: None,
    ) -> None:
        self.session = session
        self._on_values = on_values
        self.decoder = decoder
        self.settings = decoder.device
        self.planner = Planner(decoder.registers, decoder.device, timing)
        self.failures = 0
        """Polls in a row without any answer."""
        self.retry_at = 0.0
        """Monotonic seconds before which a device that did not answer is left alone."""
        self.unanswered: Counter[Request] = Counter()
        """Times in a row that a request stayed without answer."""
        self._latest: Values = {}
        self._image: Values = {}
        self._held: Counter[str] = Counter()
        self._overwritten: set[str] = set()
        """Read by the poll under way, but written meanwhile."""
        self._missed: Counter[str] = Counter()
        self._left_out: set[str] = set()
        self._once: set[str] = set()
        self._next = dict.fromkeys(_POLLED, now)
        self._backoff = ExponentialBackoff(max(min(self.settings.intervals.values()), 1.0), _LONGEST_PAUSE)
        self._dependents = _dependents(decoder)
        channels = session.profile.channels
        self._keys: dict[str, list[str]] = defaultdict(list)
        for channel in channels:
            if channel.source:
                self._keys[channel.source].append(channel.key)
        self._converters = [(each.source, each.converter()) for each in channels if each.source]
        self._is_only_written = not self._keys
        self.by_rate: dict[RateClass, set[str]] = {}
        self.want(None)

    def want(self, keys: Collection[str] | None) -> None:
        """Read only what the channels in ``keys`` need, None for all; what nobody looks at leaves the plan."""
        fastest: dict[str, RateClass] = {}
        order = list(RateClass)
        for channel in self.session.profile.channels:
            if not channel.source or (keys is not None and channel.key not in keys):
                continue
            rate = self.decoder.registers[channel.source].rate
            for name in self.decoder.words_of(channel.source):
                fastest[name] = min(fastest.get(name, rate), rate, key=order.index)
        self.by_rate = {rate: {name for name, each in fastest.items() if each is rate} for rate in RateClass}

    @property
    def next_poll(self) -> float:
        """When something is due, monotonic seconds; infinite for a device that nobody looks at."""
        used = [rate for rate in _POLLED if self.by_rate[rate]]
        if self.by_rate[RateClass.ONCE] - self._once:
            used.append(RateClass.NORMAL)
        if self._is_only_written:
            used = [RateClass.NORMAL]  # nothing is asked, but it is there while the link is up
        return max(min((self._next[rate] for rate in used), default=float("inf")), self.retry_at)

    def ask_now(self, now: float) -> None:
        """Make everything due."""
        self._next = dict.fromkeys(_POLLED, now)
        self.retry_at = 0.0

    def reconnected(self) -> None:
        """The link is back: what is read once is read again, and nobody is left alone for what happened before."""
        self._once.clear()
        self.retry_at = 0.0

    def begin(self, now: float) -> tuple[set[str], list[Request]]:
        """Begin a poll; return what is due and the requests for it, those that stayed without answer last."""
        due = self.by_rate[RateClass.ONCE] - self._once
        for rate in _POLLED:
            if (late := now - self._next[rate]) >= 0:
                due |= self.by_rate[rate]
                interval = self.settings.intervals[rate]
                # An absolute grid: the period does not drift by the time that a poll takes.
                self._next[rate] += interval * (late // interval + 1)
        self._image = {}
        self._overwritten = set()
        requests = self.planner.plan(due, now)
        return due, sorted(requests, key=self.unanswered.__getitem__) if self.unanswered else requests

    def knock(self, requests: Sequence[Request]) -> Request | None:
        """Return the request by which a device that fell silent is asked whether it is back, None where that is open.

        It is for one register, each time another: the device may ignore some, and is not to be blamed for long ones.
        """
        names = [name for request in requests for name in request.names]
        if self.failures < _SUSPICIOUS or not names:
            return None
        return self.planner.single(names[self.failures % len(names)])

    def is_suspicious(self, request: Request) -> bool:
        """Whether a request stayed without answer so often that its parts are to be asked for instead."""
        return self.unanswered[request] >= _SUSPICIOUS

    def store(self, request: Request, words: Sequence[int]) -> None:
        """Take the answer to a request; what is being written meanwhile keeps its newer value."""
        self.unanswered.pop(request, None)
        registers, start = self.decoder.registers, request.address
        for name in request.names:
            if name not in self._held:
                register = registers[name]
                self._image[name] = decode_or_none(register, words[register.address - start : register.end - start])

    def written(self, table: Table, address: int, end: int) -> list[str]:
        """Forget what a poll under way read before a write, and keep it away until ``release``; return the names."""
        names = [
            name
            for name, register in self.decoder.registers.items()
            if register.table is table and register.address < end and address < register.end
        ]
        self.hold(names)
        return names

    def hold(self, names: Iterable[str]) -> None:
        """Take no polled value of ``names`` until ``release``."""
        for name in names:
            self._held[name] += 1
            self._image.pop(name, None)
            self._overwritten.add(name)

    def release(self, names: Iterable[str]) -> None:
        """Take polled values of ``names`` again."""
        for name in names:
            self._held[name] -= 1
            if not self._held[name]:
                del self._held[name]

    def finish(self, due: set[str], now: float, *, answered: bool, failed: bool) -> int:
        """End a poll: tell the values, count what is missing; returns the number of values that were read.

        ``answered``: by a value or a refusal. ``failed``: it stayed silent or was busy.
        """
        self._once |= self._image.keys() & self.by_rate[RateClass.ONCE]
        read = len(self._image)
        self.take(self._image, now)
        if self._is_only_written:
            self.session.take({}, now)
        if answered or read:
            self.failures = 0
            self.retry_at = 0.0
        elif failed:
            self.failed(now)
        self._count_missing(due)
        self._tell_left_out()
        self._image = {}
        return read

    def _tell_left_out(self) -> None:
        left_out = {name for name, each in self.planner.quarantine.items() if each.is_left_out}
        if refused := left_out - self._left_out:
            _LOGGER.warning("Unit %d does not give %s; asked for now and then", self.settings.unit, _listed(refused))
        if good := self._left_out - left_out:
            _LOGGER.info("Unit %d gives %s again", self.settings.unit, _listed(good))
        self._left_out = left_out

    def failed(self, now: float) -> None:
        """A poll had no answer at all: leave the device alone for a while, and believe it after its tolerance."""
        self.failures += 1
        self.retry_at = now + self._backoff.delay(self.failures)
        if self.failures == self.settings.tolerance + 1:
            self.session.link_lost()

    def take(self, raw: Values, now: float) -> None:
        """Tell the session raw values by register, with scale factors and sums worked out."""
        if not raw:
            return
        self._latest |= raw
        values = raw
        if self._dependents:
            affected = set(raw).union(*(self._dependents.get(name, ()) for name in raw))
            combined = self.decoder.combine(self._latest)
            values = {name: combined[name] for name in affected if name in combined}
        if self.settings.all_or_nothing and self._is_implausible(values):
            self.session.counters.rejected["implausible"] += 1
            return
        self.session.take(values, now)
        self._on_values()

    def _is_implausible(self, values: Values) -> bool:
        for source, convert in self._converters:
            if (value := values.get(source)) is None:
                continue
            try:
                convert(value)
            except ValueError:
                return True
        return False

    def _count_missing(self, due: set[str]) -> None:
        for name in self._missed.keys() & self._image.keys():
            del self._missed[name]
        lost: list[str] = []
        for name in due - self._image.keys() - self._overwritten - self._held.keys():
            self._missed[name] += 1
            if self._missed[name] == self.settings.tolerance + 1:
                for shown in (name, *self._dependents.get(name, ())):
                    lost += self._keys.get(shown, ())
        if lost:
            self.session.lost(lost)


def _listed(names: set[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{', '.join(sorted(names)[:_LISTED])}{more}"


def _dependents(decoder: RegisterDecoder) -> dict[str, set[str]]:
    """Return by name the registers whose value is made with it."""
    dependents: dict[str, set[str]] = {}
    for name, register in decoder.registers.items():
        if register.needs:
            for part in decoder.words_of(name) | set(register.needs):
                dependents.setdefault(part, set()).add(name)
    return dependents
