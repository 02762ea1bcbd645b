"""A Modbus link polls with few requests, writes first, and never shows what is not there."""

import asyncio

from modbus_connection.tmodbus import ModbusConnection
import pytest
from tmodbus.server import RequestContext

from custom_components.fieldbridge.bridge.channels import DeviceSession, Write, WriteControl
from custom_components.fieldbridge.bridge.errors import LinkError, WriteError
from custom_components.fieldbridge.bridge.health.link_status import LinkState
from custom_components.fieldbridge.bridge.modbus import ModbusDevice, RateClass, Register, RegisterType, Table
from custom_components.fieldbridge.bridge.transports.modbus import ModbusOptions, ModbusTransport, modbus_params

from .modbus_bus import Bus, asking, number, profile, running, tcp_server, within, words

pytestmark = pytest.mark.usefixtures("socket_enabled")


def filled(*units: int) -> Bus:
    bus = Bus(*(units or (1,)))
    for unit in bus.units.values():
        for table in Table:
            unit.tables[table].update({address: address % 2 if table.is_bits else address for address in range(300)})
    return bus


def up(session: DeviceSession) -> bool:
    return session.available


async def test_all_that_is_due_is_read_with_the_fewest_requests() -> None:
    bus = filled()
    registers = words(0, 1, 30, 99) | {
        "coil": Register(address=3, table=Table.COIL, type=RegisterType.BIT),
        "float": Register(address=200, table=Table.INPUT, type=RegisterType.FLOAT32),
    }
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(registers))
        await run.until(lambda: up(session))
        assert [(seen.what, seen.address, seen.count) for seen in bus.log] == [
            ("read holding", 0, 100),
            ("read input", 200, 2),
            ("read coil", 3, 1),
        ]
        assert session.values | {"float": 0} == {"w0": 0, "w1": 1, "w30": 30, "w99": 99, "coil": True, "float": 0}
        assert run.link.status.state is LinkState.UP
        assert run.link.recent_frames[2].data == b"1 coil 3: 1"


async def test_each_rate_class_is_read_in_its_own_time() -> None:
    bus = filled()
    registers = {rate.value: Register(address=index, rate=rate) for index, rate in enumerate(RateClass)}
    intervals = {RateClass.FAST: 2.0, RateClass.NORMAL: 10.0, RateClass.SLOW: 60.0}
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(registers, device=ModbusDevice(intervals=intervals)))
        await run.until(lambda: up(session))
        bus.log.clear()
        for second in (2, 4, 6, 8, 10):
            await run.clock.advance(2.0)
            await run.until(lambda second=second: len(bus.log) == second // 2)  # type: ignore[misc]
        assert [(seen.address, seen.count) for seen in bus.log] == [(0, 1)] * 4 + [(0, 2)]


async def test_what_nobody_looks_at_leaves_the_plan() -> None:
    bus = filled()
    async with tcp_server(bus) as port, running(port) as run:
        run.add("a", profile(words(0, 50, 99)))
        run.link.want("a", ["w50"])
        await run.until(lambda: bool(bus.log))
        assert [(seen.address, seen.count) for seen in bus.log] == [(50, 1)]


async def test_a_write_waits_for_one_request_only_and_a_poll_does_not_take_it_back() -> None:
    bus = filled()
    gate = bus.units[1].gate = asyncio.Event()
    registers = words(*range(0, 300, 3))
    writes = {"w3": number(register="w3")}
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(registers, device=ModbusDevice(max_registers=10), writes=writes))
        await within(bus.seen.wait())
        shown: list[object] = []
        session.on_value("w3", shown.append)
        writing = asyncio.create_task(session.write("w3", 7777))
        await asyncio.sleep(0)
        gate.set()
        await within(writing)
        assert [seen.what for seen in bus.log[:3]] == ["read holding", "write one holding", "read holding"]
        await run.until(lambda: len(bus.log) == 27)
        await run.until(lambda: session.value("w297") == 297)
        assert shown == [7777]


async def test_a_write_that_still_waits_when_the_link_ends_is_refused_and_never_sent() -> None:
    bus = filled()
    async with tcp_server(bus) as port:
        # Home Assistant's connection: it is not ended with the link, and a unit that is taken now is never given back.
        connection = ModbusConnection(modbus_params("tcp", host="127.0.0.1", port=port))
        async with running(port, transport=ModbusTransport(connection.for_unit)) as run:
            session = run.add("a", profile(words(0), writes={"w0": number(register="w0")}))
            await run.until(lambda: up(session))
            gate = bus.units[1].gate = asyncio.Event()
            bus.seen.clear()
            reading = asyncio.create_task(run.link.read_registers(1, Table.HOLDING, 5, 1))
            await within(bus.seen.wait())
            writing = asyncio.create_task(session.write("w0", 77))
            await asyncio.sleep(0)
        gate.set()
        assert await within(reading) == [5]
        with pytest.raises(LinkError):
            await within(writing)
        await connection.close()
    assert [seen for seen in bus.log if seen.what.startswith("write")] == []


async def test_who_asks_while_a_poll_is_under_way_is_told_after_everything_was_read_since() -> None:
    bus = filled()
    registers = words(0, rate=RateClass.FAST) | words(200, rate=RateClass.SLOW)
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(registers))
        await run.until(lambda: up(session) and run.link.status.state is LinkState.UP)
        gate = bus.units[1].gate = asyncio.Event()
        bus.seen.clear()
        await run.clock.advance(2)
        await within(bus.seen.wait())
        bus.units[1].tables[Table.HOLDING][200] = 9
        polling = asyncio.create_task(run.link.poll_now("a"))
        await asyncio.sleep(0)
        gate.set()
        await within(polling)
        assert session.value("w200") == 9


async def test_a_slow_device_is_read_back_after_its_delay_and_polls_do_not_show_the_old_value() -> None:
    bus = filled()
    writes = {"w1": number(register="w1", confirm_after=5)}
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(words(0, 1, rate=RateClass.FAST), writes=writes))
        await run.until(lambda: up(session))
        shown: list[object] = []
        session.on_value("w1", shown.append)
        writing = asyncio.create_task(session.write("w1", 500))
        await within(_written(bus))
        bus.units[1].tables[Table.HOLDING].update({0: 10, 1: 1})  # still the old value
        await run.clock.advance(2.0)
        await run.until(lambda: session.value("w0") == 10)
        assert shown == []
        bus.units[1].tables[Table.HOLDING][1] = 500
        await run.clock.advance(3.0)
        await within(writing)
        assert shown == [500]


async def test_a_write_is_verified_from_another_register() -> None:
    bus = filled()
    switch = Write(control=WriteControl.SWITCH, on=1, off=0, target={"register": {"address": 10}, "verify": "w1"})
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(words(0, 1), writes={"w1": switch}))
        await run.until(lambda: up(session))
        bus.units[1].tables[Table.HOLDING][1] = 0
        await within(session.write("w1", True))
        assert bus.units[1].tables[Table.HOLDING][10] == 1
        assert session.value("w1") == 0


async def test_writing_one_bit_keeps_the_others() -> None:
    bus = filled()
    bus.units[1].tables[Table.HOLDING][5] = 0b1010
    registers = {"bit": Register(address=5, type=RegisterType.BIT, bit=2)}
    switch = Write(control=WriteControl.SWITCH, target={"register": "bit"})
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(registers, writes={"bit": switch}))
        await run.until(lambda: up(session))
        await within(session.write("bit", True))
        assert bus.units[1].tables[Table.HOLDING][5] == 0b1110
        assert session.value("bit") is True


async def test_several_registers_are_written_at_once_in_the_order_they_are_read() -> None:
    bus = filled()
    registers = {"set": Register(address=20, type=RegisterType.INT32, word_order="little", scale_register="sf")}
    registers["sf"] = Register(address=22, type=RegisterType.INT16)
    bus.units[1].tables[Table.HOLDING].update({20: 0, 21: 0, 22: 0xFFFF})
    control = Write(control=WriteControl.NUMBER, minimum=-1e6, maximum=1e6, target={"register": "set"})
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(registers, writes={"set": control}))
        await run.until(lambda: up(session))
        await within(session.write("set", -1234.5))
        assert session.value("set") == -1234.5
        assert ("write several holding", 20) in [(seen.what, seen.address) for seen in bus.log]
        low, high = (bus.units[1].tables[Table.HOLDING][address] for address in (20, 21))
        assert (high << 16 | low) - (1 << 32) == -12345


async def test_one_register_is_written_by_the_function_for_several_where_the_device_knows_no_other() -> None:
    bus = filled()
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(words(1), writes={"w1": number(register="w1", method="multiple")}))
        await run.until(lambda: up(session))
        await within(session.write("w1", 5))
        assert [seen.count for seen in bus.log if seen.what == "write several holding"] == [1]
        assert bus.units[1].tables[Table.HOLDING][1] == 5


async def test_a_refused_write_says_why_and_shows_what_is() -> None:
    bus = filled()
    bus.units[1].bad = {40}
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(words(1), writes={"w1": number(register={"address": 40})}))
        await run.until(lambda: up(session))
        with pytest.raises(WriteError, match="illegal data address"):
            await within(session.write("w1", 5))
        assert session.value("w1") == 1


async def test_a_hole_costs_its_own_registers_only(caplog: pytest.LogCaptureFixture) -> None:
    bus = filled()
    bus.units[1].bad = {50}
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(words(0, 49, 50, 51, 90)))
        await run.until(lambda: session.value("w90") == 90)
        await run.poll("a")
        await run.poll("a")
        assert session.values == {"w0": 0, "w49": 49, "w50": None, "w51": 51, "w90": 90}
        assert not session.is_available("w50")
        assert run.link.statistics()["refused_registers"] == {"a": {"w50": 2}}
        bus.log.clear()
        await run.poll("a")
        assert len(bus.log) == 2
        assert run.link.knowledge("a")["refused"] == {"w50": 2}
        assert [message for message in caplog.messages if "w50" in message] == [
            "Unit 1 does not give w50; asked for now and then"
        ]


async def test_a_silent_unit_is_unavailable_after_its_tolerance_and_never_zero() -> None:
    bus = filled()
    async with asking(bus) as run:
        session = run.add("a", profile(words(7), device=ModbusDevice(tolerance=1)))
        await run.until(lambda: up(session))
        shown: list[object] = []
        session.on_value("w7", shown.append)
        bus.units[1].silent = True
        await run.poll("a")
        assert up(session)
        await run.poll("a")
        assert not up(session)
        assert shown == []
        assert run.link.status.state is LinkState.UP
        bus.units[1].silent = False
        await run.poll("a")
        assert (up(session), session.value("w7")) == (True, 7)


@pytest.mark.parametrize("fault", ["silent", "busy"])
async def test_a_dead_unit_costs_the_others_one_time_out_per_step_of_its_back_off(fault: str) -> None:
    bus = filled(1, 2)
    setattr(bus.units[1], fault, True)
    async with asking(bus) as run:
        run.add("dead", profile(words(1, 200, rate=RateClass.FAST), device=ModbusDevice(unit=1)))
        alive = run.add("alive", profile(words(1, rate=RateClass.FAST), device=ModbusDevice(unit=2)))
        await run.until(lambda: up(alive))
        for _ in range(30):
            before = len([seen for seen in bus.log if seen.unit == 2])
            await run.clock.advance(2.0)
            await run.until(lambda: len([seen for seen in bus.log if seen.unit == 2]) > before)  # noqa: B023
        tries = len([seen for seen in bus.log if seen.unit == 1])
        assert tries <= 8
        assert run.link.statistics()[fault] >= tries - 1


async def test_a_block_that_is_never_answered_is_read_in_parts() -> None:
    bus = filled()

    async def swallow(unit: int, request: object) -> object:
        if getattr(request, "quantity", 0) > 20:
            bus.units[1].silent = True
        try:
            return await bus(unit, request)
        finally:
            bus.units[1].silent = False

    async with asking(swallow) as run:
        session = run.add("a", profile(words(0, 30)))
        for _ in range(4):
            await run.until(lambda: run.link.status.state is LinkState.UP)
            await run.poll("a")
        assert session.values == {"w0": 0, "w30": 30}


async def test_one_implausible_value_discards_the_whole_poll_where_that_is_wanted() -> None:
    bus = filled()
    async with tcp_server(bus) as port, running(port) as run:
        device = ModbusDevice(all_or_nothing=True)
        session = run.add("a", profile(words(1, 2), device=device, minimum=0, maximum=100))
        await run.until(lambda: up(session))
        bus.units[1].tables[Table.HOLDING].update({1: 50, 2: 60_000})
        await run.poll("a")
        assert session.values == {"w1": 1, "w2": 2}
        assert session.counters.rejected == {"implausible": 1}


async def test_a_sum_and_a_scale_factor_follow_their_parts() -> None:
    bus = filled()
    bus.units[1].tables[Table.HOLDING].update({1: 5, 2: 3, 3: 215, 4: 0xFFFF})
    registers = {
        "low": Register(address=1),
        "high": Register(address=2),
        "total": Register(type=RegisterType.SUM, sum_of={"low": 1, "high": 1000}),
        "value": Register(address=3, scale_register="sf"),
        "sf": Register(address=4, type=RegisterType.INT16),
    }
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(registers))
        run.link.want("a", ["total", "value"])
        await run.until(lambda: session.value("total") == 3005)
        assert session.value("value") == 21.5


async def test_devices_come_and_go_while_the_link_runs() -> None:
    bus = filled(1, 2)
    async with tcp_server(bus) as port, running(port) as run:
        first = run.add("a", profile(words(1)))
        await run.until(lambda: up(first))
        second = run.add("b", profile(words(2), device=ModbusDevice(unit=2)))
        await run.until(lambda: up(second))
        await run.link.remove_device("b")
        bus.log.clear()
        await run.clock.advance(30.0)
        await run.poll("a")
        assert {seen.unit for seen in bus.log} == {1}


async def test_raw_registers_are_read_in_as_many_requests_as_needed_and_written() -> None:
    bus = filled()
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(words(260)))
        await run.until(lambda: up(session))
        assert await within(run.link.read_registers(1, Table.HOLDING, 0, 300)) == list(range(300))
        await within(run.link.write_registers("a", Table.HOLDING, 260, [1, 2]))
        await run.until(lambda: session.value("w260") == 1)
        with pytest.raises(ValueError, match="addresses"):
            await run.link.read_registers(1, Table.HOLDING, 65_000, 1000)


async def test_a_link_that_has_ended_opens_its_connection_for_nobody() -> None:
    bus = filled()
    async with tcp_server(bus) as port:
        async with running(port) as run:
            session = run.add("a", profile(words(1)))
            await run.until(lambda: up(session))
        before = len(bus.log)
        requests = (
            run.link.read_registers(1, Table.HOLDING, 0, 1),
            run.link.write_registers("a", Table.HOLDING, 0, [1]),
            run.link.identify(1),
        )
        for request in requests:
            with pytest.raises(LinkError):
                await within(request)
        assert len(bus.log) == before


async def test_a_server_that_is_gone_is_a_link_that_is_down_until_it_is_back() -> None:
    bus = filled()
    async with tcp_server(bus) as port, running(port) as run:
        session = run.add("a", profile(words(1), device=ModbusDevice(tolerance=0)))
        await run.until(lambda: up(session))
    async with running(port) as run:
        session = run.add("a", profile(words(1), device=ModbusDevice(tolerance=0)))
        await run.until(lambda: run.link.status.state is LinkState.DOWN)
        with pytest.raises(LinkError):
            await run.poll("a")
        assert not up(session)


async def test_the_connection_is_given_free_between_polls_where_that_is_wanted() -> None:
    bus = filled()
    clients = Clients(bus)
    async with (
        tcp_server(clients) as port,
        running(port, options=ModbusOptions(close_after_poll=True)) as run,
    ):
        session = run.add("a", profile(words(1)))
        await run.until(lambda: up(session))
        await run.poll("a")
        await run.poll("a")
    assert len(clients.peers) > 1


class Clients:
    """Notes who asks."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.peers: set[object] = set()

    async def __call__(self, unit_id: int, request: object, context: RequestContext) -> object:
        self.peers.add(context.peer_addr)
        return await self._bus(unit_id, request)


async def _written(bus: Bus) -> None:
    while not any(seen.what.startswith("write") for seen in bus.log):
        bus.seen.clear()
        await bus.seen.wait()
