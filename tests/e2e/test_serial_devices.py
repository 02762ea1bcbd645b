"""A gas analyser, a balance and an inertial sensor without a data sheet, by clicking alone; runs with --browser."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
import csv
from dataclasses import dataclass
from pathlib import Path
import tempfile
from typing import Any

import pytest

from demo.home import Home, running_home
from demo.links import DOMAIN
from demo.process import free_port
from demo.pty_link import PtyLink
from demo.seed import PASSWORD, USER

from .frontend import Frontend, browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Device:
    """What a device sends, what a person types for it, and what its channels may show."""

    name: str
    frames: Sequence[bytes]
    pause: float
    """Seconds from frame to frame."""
    seen: str
    """A text of the step that shows what was recognised."""
    names: str
    """Typed where the device sends no names."""
    values: dict[str, list[float]]
    """What each channel is in each frame."""


def gas_analyser() -> Device:
    frames = (DATA / "gas-analyser-5ch.bin").read_bytes().splitlines(keepends=True)
    positions = {"Oxygen": 7, "CO": 15, "CO2": 23, "E1": 31, "E2": 39}
    values = {name: [float(frame.split(b";")[place]) for frame in frames] for name, place in positions.items()}
    return Device("Gas analyser", frames, 0.5, "Oxygen = 20.3", "", values)


def balance() -> Device:
    with (DATA / "balance-10hz.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["stable"] == "0"][:50]
    frames = [bytes.fromhex(row["raw"]) for row in rows]
    values = {"Weight": [float(row["value"]) for row in rows]}
    return Device("Balance", frames, 0.1, "Byte 3 f32 = ", "Weight [g]", values)


def inertial_sensor() -> Device:
    with (DATA / "imu-100hz.csv").open() as file:
        head, *rows = list(csv.reader(file))
    values = {text.partition(" (")[0]: [float(row[place]) for row in rows] for place, text in enumerate(head)}
    frames = [f"{','.join(row)}\r\n".encode() for row in rows]
    return Device("IMU", frames, 0.01, "Field 10 = ", "\n".join(head), values)


@asynccontextmanager
async def sending(device: Device, folder: Path) -> AsyncIterator[Path]:
    """A port on which the device sends its frames again and again."""
    with closing(PtyLink(folder / device.name.lower().replace(" ", "-"))) as port:

        async def send() -> None:
            while True:
                for frame in device.frames:
                    port.write(frame)
                    await asyncio.sleep(device.pause)

        task = asyncio.create_task(send())
        try:
            yield port.path
        finally:
            task.cancel()
            await asyncio.wait([task])


async def add(frontend: Frontend, device: Device, port: Path) -> None:
    """Set the device up as a person would: the port, a look at what was recognised, names."""
    await frontend.begin_flow("Fieldbridge")
    await frontend.choose("Serial port or TCP stream")
    await frontend.step("form")
    await frontend.enter_serial_port(str(port))
    await frontend.submit()
    form = await frontend.step("form")
    await frontend.dialog.get_by_text("What was recognised").first.wait_for()
    await frontend.dialog.get_by_text(device.seen).first.wait_for()
    if device.names:
        names = form.locator("textarea")
        await names.fill(device.names)
        await names.press("Tab")
    await frontend.page.set_viewport_size({"width": 1000, "height": 1300})
    await frontend.picture(f"serial-{device.name.lower().replace(' ', '-')}")
    await frontend.page.set_viewport_size({"width": 1280, "height": 860})
    await frontend.submit()
    created = await frontend.step("create-entry")
    name = created.get_by_role("textbox", name="Device name").last
    await name.fill(device.name)
    await name.press("Tab")
    await frontend.submit("Finish")
    await frontend.dialog.wait_for(state="hidden")


async def channels(home: Home, entry_id: str) -> dict[str, Any]:
    """Return the states of an entry's sensors by the name of their channel."""
    states = await home.client.states(entry_id)
    return {
        state["attributes"]["friendly_name"].removeprefix("Serial device").removeprefix(" "): state["state"]
        for entity_id, state in states.items()
        if entity_id.startswith("sensor.")
    }


async def assert_right(home: Home, device: Device, entry_id: str) -> None:
    """Every channel shows what one of the frames says, and nothing else is there."""
    shown = await channels(home, entry_id)
    async with asyncio.timeout(40):
        while len(shown) < len(device.values) or {"unknown", "unavailable"} & {*shown.values()}:
            await asyncio.sleep(0.5)
            shown = await channels(home, entry_id)
    for name, values in device.values.items():
        (state,) = [state for shown_name, state in shown.items() if shown_name.endswith(name)]
        assert any(abs(float(state) - value) < 0.001 for value in values), (name, state)
    assert len(shown) == len(device.values)


async def test_three_devices_without_a_data_sheet_are_set_up_by_clicking(
    loopback_sockets: None, pictures: Path
) -> None:
    with tempfile.TemporaryDirectory(prefix="fieldbridge-") as name:
        async with (
            AsyncExitStack() as stack,
            running_home(Path(name), free_port()) as home,
            browser(home.hass.url, pictures) as frontend,
        ):
            await frontend.log_in(USER, PASSWORD)
            for device in (balance(), inertial_sensor(), gas_analyser()):
                port = await stack.enter_async_context(sending(device, Path(name)))
                before = await home.client.entry_ids(DOMAIN)
                await add(frontend, device, port)
                (entry_id,) = await home.client.entry_ids(DOMAIN) - before
                await assert_right(home, device, entry_id)
            assert frontend.errors == []


async def test_framing_and_messages_are_described_by_hand_with_a_live_row(
    loopback_sockets: None, pictures: Path
) -> None:
    with tempfile.TemporaryDirectory(prefix="fieldbridge-") as name:
        async with (
            sending(balance(), Path(name)) as port,
            running_home(Path(name), free_port()) as home,
            browser(home.hass.url, pictures) as frontend,
        ):
            await frontend.log_in(USER, PASSWORD)
            await frontend.begin_flow("Fieldbridge")
            await frontend.choose("Serial port or TCP stream")
            await frontend.step("form")
            await frontend.enter_serial_port(str(port))
            await frontend.submit()
            await frontend.dialog.get_by_text("What was recognised").first.wait_for()
            await frontend.dialog.locator("ha-switch").last.click()  # by hand
            await frontend.submit()

            await frontend.choose("Where messages begin and end")
            await frontend.step("form")
            await frontend.submit()
            preview = frontend.dialog.locator("flow-preview-generic")
            await preview.get_by_text("20", exact=True).wait_for()
            length = frontend.dialog.get_by_role("spinbutton", name="Length").first
            await length.fill("13")
            await length.press("Tab")
            await preview.get_by_text("20", exact=True).wait_for(state="detached")  # its checksum fails everywhere
            await length.fill("12")
            await length.press("Tab")
            await preview.get_by_text("20", exact=True).wait_for()
            await frontend.submit()

            await frontend.choose("Describe how a message is read")
            await frontend.step("form")
            await frontend.submit()
            await preview.get_by_text("F32 3 = ").wait_for()
            await frontend.page.set_viewport_size({"width": 1000, "height": 1300})
            await frontend.picture("serial-by-hand")
            pasted = frontend.dialog.locator("textarea").last
            await pasted.fill("0b 41 48 42 c8 00 00 00 30 42 05 00")
            await pasted.press("Tab")
            await preview.get_by_text("F32 3 = 100").wait_for()
            await frontend.submit()
            await frontend.choose("Choose values")
            await frontend.step("form")
            await frontend.submit()
            await frontend.finish()
            assert frontend.errors == []
