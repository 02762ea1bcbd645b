"""All entities together write numbers up to a ceiling, in turn; nothing is lost and nothing but numbers waits."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
import heapq
import itertools
from typing import Any, cast

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, ValueKind
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder
from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.write_budget import WriteBudget, async_write_budget

from .links import device, set_up, until_state


class Loop:
    """The time and the timers of an event loop, moved by hand."""

    def __init__(self) -> None:
        self._now = 0.0
        self._order = itertools.count()
        self._calls: list[tuple[float, int, Callable[[], None], Handle]] = []

    def time(self) -> float:
        """Return the time."""
        return self._now

    def call_later(self, delay: float, call: Callable[[], None]) -> Handle:
        """Call later."""
        handle = Handle()
        heapq.heappush(self._calls, (self._now + delay, next(self._order), call, handle))
        return handle

    def advance(self, seconds: float) -> None:
        """Move on, with all calls that are due."""
        end = self._now + seconds
        while self._calls and self._calls[0][0] <= end:
            self._now, _, call, handle = heapq.heappop(self._calls)
            if not handle.cancelled:
                call()
        self._now = end


class Handle:
    """A call that can be taken back."""

    cancelled = False

    def cancel(self) -> None:
        """Take it back."""
        self.cancelled = True


def state_of(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state


def submit(budget: WriteBudget, owner: object, write: Callable[[], None]) -> None:
    """Write now or when it is the owner's turn."""
    if budget.admit(owner, write):
        write()


def budget_of(loop: Loop, rate: float) -> WriteBudget:
    return WriteBudget(cast(asyncio.AbstractEventLoop, loop), rate)


def test_a_burst_passes_and_then_the_rate() -> None:
    loop = Loop()
    budget = budget_of(loop, 10)
    written: list[int] = []
    for number in range(100):
        submit(budget, number, partial(written.append, number))
    assert len(written) == 20
    loop.advance(1)
    assert 29 <= len(written) <= 31
    loop.advance(10)
    assert written == list(range(100))
    assert budget.waiting == 0


def test_an_entity_has_one_place_in_the_queue_however_often_it_asks() -> None:
    loop = Loop()
    budget, written = budget_of(loop, 10), Counter[str]()
    for _ in range(200):
        for name in ("fast", "fast", "fast", "slow"):
            submit(budget, name, partial(written.update, [name]))
        loop.advance(0.05)

    assert written["slow"] > 0.4 * written.total()
    assert written.total() <= 20 + 10 * 10 + 1


def test_the_last_value_of_five_thousand_entities_is_out_within_a_minute() -> None:
    loop = Loop()
    budget = budget_of(loop, 50)
    written: list[int] = []
    for number in range(5000):
        submit(budget, number, partial(written.append, number))
    loop.advance(60)

    assert len(written) == 5000


def test_who_leaves_the_queue_writes_nothing() -> None:
    loop = Loop()
    budget = budget_of(loop, 1)
    written: list[int] = []
    for number in range(5):
        submit(budget, number, partial(written.append, number))
    for number in (2, 3, 4):
        budget.withdraw(number)
    loop.advance(60)

    assert written == [0, 1]


async def test_availability_first_values_and_switch_states_never_wait(hass: HomeAssistant) -> None:
    kinds: dict[str, Any] = {"power": ValueKind.NUMBER, "door": ValueKind.BINARY, "mode": ValueKind.TEXT}
    channels = tuple(Channel(key=key, name=key, source=key, kind=kind, min_interval=0) for key, kind in kinds.items())
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Hall",
        data={"kind": "simulated", "signals": ["humidity"], "interval": 3600},
        subentries_data=[device("Meter", DeviceProfile(decoder=JsonDecoder(), channels=channels))],
    )
    await set_up(hass, entry)
    (session,) = entry.runtime_data.link.sessions.values()
    budget = async_write_budget(hass)
    for number in range(int(budget.rate * 2)):
        submit(budget, number, lambda: None)  # others have used the whole budget

    session.accept([Frame(0.0, b'{"power": 1, "door": false, "mode": "a"}')])
    session.accept([Frame(0.0, b'{"power": 2, "door": true, "mode": "b"}')])
    states = {
        key: hass.states.get(f"{domain}.meter_{key}") for domain, key in (("sensor", "power"), ("sensor", "mode"))
    }
    assert states["power"] is not None
    assert states["power"].state == "1"
    assert states["mode"] is not None
    assert states["mode"].state == "b"
    door = hass.states.get("binary_sensor.meter_door")
    assert door is not None
    assert door.state == "on"
    session.link_lost()
    power = hass.states.get("sensor.meter_power")
    assert power is not None
    assert power.state == STATE_UNAVAILABLE
    session.accept([Frame(0.0, b'{"power": 2}')])
    await until_state(hass, "sensor.meter_power", "2")
