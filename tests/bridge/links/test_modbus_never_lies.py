"""Whatever goes wrong with requests, no value is shown under another name, and all are there when it is over."""

import asyncio
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from modbus_connection import ModbusConnectionError, ModbusExceptionError, ModbusProtocolError
import pytest

from custom_components.fieldbridge.bridge.modbus import ModbusDevice, RateClass
from custom_components.fieldbridge.bridge.transports.modbus import ModbusOptions, ModbusTransport

from .modbus_bus import PATIENCE, Running, profile, running, words

FAULTS = ("none", "silent", "short", "garbled", "gone", *range(1, 12))
"""Numbers are exception codes."""


class Fickle:
    """A unit whose registers hold their own address; requests fail as told, and none when nothing is told any more."""

    connected = True

    def __init__(self, faults: Iterator[Any]) -> None:
        self._faults = faults

    async def read_holding_registers(self, address: int, count: int) -> list[int]:
        """Answer, or fail with the next fault."""
        match next(self._faults, "none"):
            case "none":
                return list(range(address, address + count))
            case "silent":
                await asyncio.Event().wait()
            case "short":
                return list(range(address, address + count - 1))
            case "garbled":
                raise ModbusProtocolError("wrong check")
            case "gone":
                raise ModbusConnectionError("the connection was lost")
            case code:
                raise ModbusExceptionError.from_code(int(code), "refused")
        raise AssertionError("unreachable")

    def set_message_spacing(self, seconds: float) -> None:
        """Take the setting."""

    def require_timeout(self, seconds: float | None) -> None:
        """Take the setting."""

    def require_connect_delay(self, seconds: float | None) -> None:
        """Take the setting."""

    async def disconnect(self) -> None:
        """Do nothing."""


async def poll(run: Running) -> None:
    """Poll while time passes, and let some more pass: a link that is down waits, and so does what was refused."""
    polling = asyncio.ensure_future(run.link.poll_now("a"))
    while not polling.done():
        await run.clock.advance(0.01)
        await asyncio.sleep(0.001)  # a deadline is real time
    polling.exception()
    await run.clock.advance(5.0)


async def suffer(addresses: set[int], faults: list[Any], *, numbered: bool) -> None:
    left = iter(faults)
    unit: Any = Fickle(left)
    transport = ModbusTransport(lambda _: unit, ModbusOptions(timeout=0.005), numbered=numbered)
    device = ModbusDevice(max_gap=10, max_registers=50, tolerance=0, intervals={RateClass.NORMAL: 1.0})
    async with running(0, transport=transport) as run:
        session = run.add("a", profile(words(*addresses), device=device))
        shown: list[tuple[int, object]] = []
        for address in addresses:
            session.on_value(f"w{address}", lambda value, address=address: shown.append((address, value)))  # type: ignore[misc]
        async with asyncio.timeout(PATIENCE):
            while unit_is_fickle(left, faults):
                await poll(run)
            while not all(session.is_available(f"w{address}") for address in addresses):
                await poll(run)
        assert all(value in (None, address) for address, value in shown)
        assert session.values == {f"w{address}": address for address in addresses}


def unit_is_fickle(left: Iterator[Any], faults: list[Any]) -> bool:
    """Whether faults are left."""
    return bool(faults) and left.__length_hint__() > 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("numbered", [True, False])
@settings(max_examples=10, deadline=None)
@given(st.sets(st.integers(0, 200), min_size=1, max_size=30), st.lists(st.sampled_from(FAULTS), max_size=20))
def test_no_value_is_shown_under_another_name_whatever_goes_wrong(
    numbered: bool, addresses: set[int], faults: list[Any]
) -> None:
    asyncio.run(suffer(addresses, faults, numbered=numbered))
