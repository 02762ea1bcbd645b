"""Every due register is read exactly once, with few requests, and what a device refuses is learned."""

from collections.abc import Iterable
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from custom_components.fieldbridge.bridge.modbus import ModbusDevice, Register, RegisterType, Table
from custom_components.fieldbridge.bridge.modbus.planner import Planner, Request
from custom_components.fieldbridge.bridge.modbus.timing import LineTiming

ANY_TABLE = st.sampled_from(list(Table))


def a_register(table: Table, address: int, size: int) -> Register:
    if table.is_bits:
        return Register(table=table, address=address, type=RegisterType.BIT)
    return Register(table=table, address=address, type=RegisterType.STRING, count=size)


REGISTERS = st.lists(st.builds(a_register, ANY_TABLE, st.integers(0, 400), st.integers(1, 20)), max_size=60).map(
    lambda registers: {f"r{index}": register for index, register in enumerate(registers)}
)


def words(*addresses: int) -> dict[str, Register]:
    return {f"w{address}": Register(address=address) for address in addresses}


def planner(registers: dict[str, Register], baudrate: int | None = None, **device: Any) -> Planner:
    return Planner(registers, ModbusDevice(**device), LineTiming(baudrate))


class Simulated:
    """A device that refuses some addresses and long requests, polled until nothing is left to try."""

    def __init__(self, bad: Iterable[int] = (), limit: int = 125) -> None:
        self.bad = set(bad)
        self.limit = limit
        self.asked = 0
        self.refused = 0

    def answers(self, request: Request) -> bool:
        self.asked += 1
        good = request.count <= self.limit and not self.bad & set(range(request.address, request.end))
        self.refused += not good
        return good

    def poll(self, plan: Planner, names: Iterable[str], now: float = 0.0) -> set[str]:
        return {name for request in plan.plan(names, now) for name in self._read(plan, request, now)}

    def _read(self, plan: Planner, request: Request, now: float) -> set[str]:
        if self.answers(request):
            plan.succeeded(request, 0.02)
            return set(request.names)
        halves = plan.refused(request, now, 2)
        refused_before = self.refused
        read = {name for half in halves for name in self._read(plan, half, now)}
        if halves and self.refused == refused_before:
            plan.both_halves_answered(request, halves, 2)
        return read


@given(REGISTERS, st.sampled_from([None, 9600, 115200]), st.integers(1, 125), st.integers(1, 2000))
def test_every_due_register_is_read_exactly_once_within_the_limits(
    registers: dict[str, Register], baudrate: int | None, max_registers: int, max_bits: int
) -> None:
    requests = planner(registers, baudrate, max_registers=max_registers, max_bits=max_bits).plan(registers, 0.0)
    assert sorted(name for request in requests for name in request.names) == sorted(registers)
    for request in requests:
        inside = [registers[name] for name in request.names]
        assert all(each.table is request.table for each in inside)
        assert min(each.address for each in inside) == request.address
        assert max(each.end for each in inside) == request.end
        limit = max_bits if request.table.is_bits else max_registers
        assert request.count <= max(limit, *(each.size for each in inside))


@settings(max_examples=50)
@given(REGISTERS, st.sets(st.integers(0, 420), max_size=30), st.integers(20, 125))
def test_all_that_a_device_answers_is_read_in_the_first_poll_and_refusals_end(
    registers: dict[str, Register], bad: set[int], limit: int
) -> None:
    device, plan = Simulated(bad, limit), planner(registers)
    good = {name for name, each in registers.items() if not bad & set(range(each.address, each.end))}
    for poll in range(60):
        assert device.poll(plan, registers, float(poll)) == good
    device.refused = 0
    assert device.poll(plan, registers, 59.0) == good
    assert device.refused == 0


@given(REGISTERS, st.sets(st.integers(0, 420), max_size=30), st.integers(20, 125))
def test_what_was_learned_survives_a_restart(registers: dict[str, Register], bad: set[int], limit: int) -> None:
    device, plan = Simulated(bad, limit), planner(registers)
    for _ in range(20):
        device.poll(plan, registers)
    again = planner(registers)
    again.restore(json.loads(json.dumps(plan.knowledge())), 0.0)
    assert again.knowledge() == plan.knowledge()
    assert again.plan(registers, 0.0) == plan.plan(registers, 0.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tables", "refused", "holding", "limit", "holes", "w1"]), inner, max_size=3)
    ),
)


@given(JSON)
def test_damaged_knowledge_is_ignored(data: Any) -> None:
    plan = planner(words(1, 5))
    plan.restore(data, 0.0)
    assert sorted(name for request in plan.plan(words(1, 5), 1e9) for name in request.names) == ["w1", "w5"]


def test_on_a_slow_line_a_wide_gap_is_not_read_over() -> None:
    near, far = words(0, 15), words(0, 60)
    assert len(planner(near, 9600).plan(near, 0.0)) == 1
    assert len(planner(far, 9600).plan(far, 0.0)) == 2
    assert len(planner(far, 115200).plan(far, 0.0)) == 1
    assert len(planner(far).plan(far, 0.0)) == 1


def test_a_gateway_with_a_slow_line_behind_it_is_found_out_from_its_answers() -> None:
    timing = LineTiming()
    assert timing.break_even_gap == 125
    for count in (1, 10, 50, 100) * 10:
        timing.observe(Table.HOLDING, count, 0.04 + count * 0.002)
    assert 15 <= timing.break_even_gap <= 25


def test_a_hole_is_asked_for_once_and_then_left_out() -> None:
    registers = words(0, 1, 10, 11)
    device, plan = Simulated(bad=[5]), planner(registers)
    assert device.poll(plan, registers) == set(registers)
    assert device.asked == 3
    device.asked = 0
    assert device.poll(plan, registers) == set(registers)
    assert device.asked == 2
    assert plan.knowledge()["tables"]["holding"]["holes"] == [[2, 10]]


def test_the_longest_request_that_a_device_takes_is_learned() -> None:
    registers = words(*range(200))
    device, plan = Simulated(limit=50), planner(registers)
    for _ in range(10):
        device.poll(plan, registers)
    device.asked = 0
    device.poll(plan, registers)
    assert (device.asked, plan.limit(Table.HOLDING)) == (4, 50)


def test_a_register_that_is_always_refused_is_left_out_and_tried_again_later() -> None:
    registers = words(0, 1, 2)
    device, plan = Simulated(bad=[1]), planner(registers)
    device.poll(plan, registers, 0.0)
    device.poll(plan, registers, 10.0)
    assert [request.names for request in plan.plan(registers, 20.0) if "w1" in request.names] == []
    device.bad.clear()
    assert device.poll(plan, registers, 80.0) == set(registers)
    device.asked = 0
    assert device.poll(plan, registers, 90.0) == set(registers)
    assert not plan.quarantine


def test_registers_that_were_refused_together_come_back_together() -> None:
    registers = words(0, 1, 2, 50)
    device, plan = Simulated(bad=range(3)), planner(registers)
    for now in (0.0, 10.0, 80.0, 210.0):
        assert device.poll(plan, registers, now) == {"w50"}
    device.bad.clear()
    plan.quarantine["w0"].until = 300.0
    assert device.poll(plan, registers, 300.0) >= {"w0", "w50"}
    assert device.poll(plan, registers, 302.0) == set(registers)
    assert not plan.quarantine


def test_a_device_that_refuses_everything_is_not_left_alone_the_longer_the_longer_it_does() -> None:
    registers = words(0, 1, 2)
    device, plan = Simulated(bad=range(3)), planner(registers)
    for now in range(0, 3600, 10):
        assert device.poll(plan, registers, float(now)) == set()
    device.bad.clear()
    for now in (3600, 3670):
        device.poll(plan, registers, float(now))
    assert device.poll(plan, registers, 3680.0) == set(registers)


def test_no_request_reads_over_a_register_that_is_left_out() -> None:
    registers = words(0, 1, 2)
    device, plan = Simulated(bad=[1]), planner(registers)
    for now in (0.0, 10.0):
        device.poll(plan, registers, now)
    assert [(each.address, each.count) for each in plan.plan(registers, 20.0)] == [(0, 1), (2, 1)]
    assert plan.knowledge() == {"tables": {}, "refused": {"w1": 2}}


def test_a_failure_that_may_have_passed_teaches_only_when_it_comes_again() -> None:
    registers = words(0, 10)
    plan = planner(registers)
    (request,) = plan.plan(registers, 0.0)
    halves = plan.refused(request, 0.0, 4)
    plan.both_halves_answered(request, halves, 4)
    assert plan.plan(registers, 0.0) == [request]
    plan.both_halves_answered(request, halves, 4)
    assert plan.plan(registers, 0.0) == halves
