"""A gas analyser, a balance and an inertial sensor of which nobody has a data sheet: from the port to every channel."""

import asyncio
from collections.abc import Iterator
import csv
from pathlib import Path

from homeassistant.core import HomeAssistant
import pytest

from demo.pty_link import PtyLink

from .flows import Flow
from .links import until, until_state
from .test_config_flow_serial import only_entry, serial_flow

DATA = Path(__file__).parents[1] / "data"
GAS = (DATA / "gas-analyser-5ch.bin").read_bytes().splitlines(keepends=True)
GAS_POSITIONS = {"Oxygen": 7, "CO": 15, "CO2": 23, "E1": 31, "E2": 39}
FIRST = 5
"""Frames that come while the flow listens; what follows is shown by the entities."""


def rows_of(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a recording."""
    with (DATA / name).open() as file:
        yield from csv.DictReader(file)


async def listened(hass: HomeAssistant, link: PtyLink, frames: list[bytes], pause: float) -> Flow:
    """Return the flow at the values that were recognised in ``frames``."""
    flow = await serial_flow(hass, link.path)
    await asyncio.sleep(0.1)
    for frame in frames:
        link.write(frame)
        await asyncio.sleep(pause)
    return await flow.until("recognised")


async def shown(hass: HomeAssistant, link: PtyLink, frame: bytes) -> dict[str, float]:
    """Let the new link read one more frame and return what its entities show, by name."""
    await hass.async_block_till_done()
    await until_state(hass, "binary_sensor.ttydevice_connectivity", "on")
    await asyncio.sleep(0.1)
    link.write(frame)
    (device,) = only_entry(hass).subentries.values()
    names = {channel["name"] for channel in device.data["channels"]}

    def states() -> dict[str, float]:
        return {
            name.removeprefix("Serial device "): float(state.state)
            for state in hass.states.async_all("sensor")
            if (name := state.attributes["friendly_name"]).startswith("Serial device")
            and state.state not in ("unknown", "unavailable")
        }

    await until(lambda: set(states()) == names, "every channel has a value")
    return states()


async def test_every_channel_of_the_gas_analyser_is_right(hass: HomeAssistant, pty_link: PtyLink) -> None:
    flow = await listened(hass, pty_link, GAS[:FIRST], 0.01)
    assert flow.text("check") == "sum16"
    await flow.submit({"fields": flow.default("fields")})

    fields = GAS[FIRST].split(b";")
    expected = {name: float(fields[position]) for name, position in GAS_POSITIONS.items()}
    assert await shown(hass, pty_link, GAS[FIRST]) == expected
    units = {state.attributes.get("unit_of_measurement") for state in hass.states.async_all("sensor")}
    assert units >= {"%", "mA"}


async def test_the_weight_of_the_balance_is_right_through_its_disturbance(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    rows = list(rows_of("balance-10hz.csv"))
    flow = await listened(hass, pty_link, [bytes.fromhex(row["raw"]) for row in rows[:FIRST]], 0.03)
    assert flow.text("check") == "sum8"
    assert "f32_3" in flow.default("fields")
    await flow.submit({"fields": ["f32_3"], "names": "Weight [g]"})

    (device,) = only_entry(hass).subentries.values()
    (weight,) = device.data["channels"]
    assert (weight["unit"], weight["device_class"]) == ("g", "weight")
    values = await shown(hass, pty_link, bytes.fromhex(rows[FIRST]["raw"]))
    assert values == {"Weight": pytest.approx(float(rows[FIRST]["value"]), abs=0.001)}

    session = next(iter(only_entry(hass).runtime_data.link.sessions.values()))
    seen: list[float] = []
    session.on_samples(lambda samples: seen.extend(float(sample.raw["weight"]) for sample in samples))
    for row in rows[FIRST + 1 :]:
        pty_link.write(bytes.fromhex(row["raw"]))
        await asyncio.sleep(0)
    await until(lambda: len(seen) == len(rows) - FIRST - 1, "every reply is read")
    assert seen == [pytest.approx(float(row["value"]), abs=0.001) for row in rows[FIRST + 1 :]]
    assert min(seen) < 50 < max(seen)  # the disturbance was there
    assert only_entry(hass).runtime_data.link.statistics()["checksum"] == 0


async def test_a_bit_of_the_balance_is_described_beside_its_weight(hass: HomeAssistant, pty_link: PtyLink) -> None:
    rows = list(rows_of("balance-10hz.csv"))
    flow = await listened(hass, pty_link, [bytes.fromhex(row["raw"]) for row in rows[:FIRST]], 0.03)
    await flow.submit({"fields": [], "by_hand": True})
    await flow.choose("decoder")
    assert flow.suggested("kind") == "structure"
    await flow.submit({"kind": "structure"})
    assert {"name": "f32_3", "type": "f32", "offset": 3} in flow.suggested("layout")
    assert len(flow.suggested("layout")) < 4  # what is likely, not every reading
    layout = [
        {"name": "weight", "type": "f32", "offset": 3},
        {"name": "state", "type": "u8", "offset": 10, "bits": "stable 6"},
    ]
    await flow.submit({"layout": layout, "little_endian": False, "length": 12})
    await flow.choose("recognised")
    await flow.submit({"fields": ["weight", "state.stable"], "names": "Weight [g]\nStable"})

    values = await shown(hass, pty_link, bytes.fromhex(rows[FIRST]["raw"]))
    assert values["Stable"] == float(rows[FIRST]["stable"])
    assert values["Weight"] == pytest.approx(float(rows[FIRST]["value"]), abs=0.001)


async def test_every_channel_of_the_inertial_sensor_is_right_with_the_head_of_its_table(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    rows = [list(row.values()) for row in rows_of("imu-100hz.csv")]
    head = list(next(rows_of("imu-100hz.csv")))
    lines = [f"{','.join(row)}\r\n".encode() for row in rows]
    flow = await listened(hass, pty_link, lines[:20], 0.01)
    ticked = flow.default("fields")
    assert ticked == [str(position) for position in range(10)]
    await flow.submit({"fields": ticked[1:], "names": "\n".join(head[1:])})

    values = await shown(hass, pty_link, lines[20])
    names = [name.partition(" (")[0] for name in head[1:]]
    assert values == {
        name: pytest.approx(float(text), abs=1e-6) for name, text in zip(names, rows[20][1:], strict=True)
    }
    (device,) = only_entry(hass).subentries.values()
    units = [channel["unit"] for channel in device.data["channels"]]
    assert units == ["°/s"] * 3 + ["g"] * 3 + ["μT"] * 3
    assert {channel["device_class"] for channel in device.data["channels"]} == {None}
