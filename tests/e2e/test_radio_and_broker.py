"""Devices over Bluetooth (mocked BlueZ) and over MQTT (mosquitto), set up and looked at by clicking alone."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from itertools import count
import json
from math import sin
from pathlib import Path

import aiomqtt
import pytest

from demo.home import Home, running_home
from demo.links import DOMAIN
from demo.process import free_port
from demo.seed import PASSWORD, USER
from tests.bluez import MockBlueZ, Peripheral, heart_rate_strap, room_sensor
from tests.mosquitto import Mosquitto

from .frontend import Frontend, browser
from .inspector import capture, look_at, open_panel, replay, see_it_move

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAUSE = 0.2
"""Seconds between two messages of a device."""
LOOKED_AT = (("Strap", "Strap", "Heart rate"), ("cellar", "Meter", "Power"))
"""Beginning of a link's name, its device, and a value that moves."""


async def beat(bluez: MockBlueZ, strap: Peripheral) -> None:
    """Notify heart rates for ever."""
    for step in count():
        bluez.notify(strap["2a37"], bytes([0, round(90 + 30 * sin(step / 15))]))
        await asyncio.sleep(PAUSE)


async def measure(broker: Mosquitto) -> None:
    """Publish what a meter measures for ever."""
    async with aiomqtt.Client(broker.host, broker.port) as client:
        for step in count():
            values = {"power": round(1500 + 400 * sin(step / 15), 1), "voltage": round(230 + sin(step / 7), 1)}
            await client.publish("cellar/meter", json.dumps(values))
            await asyncio.sleep(PAUSE)


@asynccontextmanager
async def meanwhile(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Let a device speak while the context lasts."""
    speaking = asyncio.create_task(work)
    try:
        yield
    finally:
        speaking.cancel()
        with suppress(asyncio.CancelledError):
            await speaking


async def add_discovered(frontend: Frontend, name: str) -> None:
    """Add a device that Home Assistant discovered: one press, one confirmation."""
    await frontend.open("/config/integrations/dashboard")
    await frontend.page.get_by_text(name, exact=True).wait_for()
    await frontend.picture("ble-discovered")
    await frontend.page.get_by_role("button", name="Add", exact=True).click()
    await (await frontend.step("form")).get_by_text("Heart rate").wait_for()
    await frontend.submit()
    await frontend.finish()


async def add_peripheral(frontend: Frontend, name: str) -> None:
    """Add a device from the list of what is heard, with its known values."""
    await frontend.begin_flow("Fieldbridge")
    await frontend.choose("Bluetooth LE device")
    await (await frontend.step("form")).get_by_text(name).click()
    await frontend.submit()
    await (await frontend.step("menu")).get_by_text("Environmental Sensing").wait_for()
    await frontend.picture("ble-services")
    await frontend.choose("Use the known values")
    await frontend.step("form")
    await frontend.submit()
    await (await frontend.step("progress")).get_by_text("Temperature = 23.45").wait_for()
    await frontend.picture("ble-values")
    await (await frontend.step("form")).get_by_text("Humidity = 40.0").wait_for()
    await frontend.submit()
    await frontend.finish()


async def add_topics(frontend: Frontend, broker: Mosquitto) -> None:
    """Add the only device of a broker, with everything that it says."""
    await frontend.begin_flow("Fieldbridge")
    await frontend.choose("MQTT topics")
    form = await frontend.step("form")
    await form.locator("ha-select").first.click()
    await frontend.page.get_by_text("Another broker").first.click()
    await form.get_by_role("button", name="Add Topics").click()
    await form.locator("ha-input-multi input").fill("cellar/#")
    await form.get_by_role("textbox", name="Host").fill(broker.host)
    port = form.get_by_role("spinbutton", name="Port")
    await port.fill(str(broker.port))
    await port.press("Tab")
    await frontend.submit()
    await (await frontend.step("progress")).get_by_text("cellar/meter").first.wait_for()
    await (await frontend.step("form")).get_by_text("cellar/+").first.wait_for()
    await frontend.picture("mqtt-grouping")
    await frontend.submit()
    await (await frontend.step("form")).get_by_text("Voltage = 2").wait_for()
    await frontend.picture("mqtt-values")
    await frontend.submit()
    await frontend.finish()


async def until_numbers(home: Home, entry_id: str) -> None:
    """Wait until a device behind a link shows a number."""
    async with asyncio.timeout(20):
        while True:
            states = (await home.client.states(entry_id)).values()
            if any(state["state"].replace(".", "", 1).isdecimal() for state in states):
                return
            await asyncio.sleep(0.2)


async def test_devices_of_radio_and_broker_are_set_up_and_seen_live(
    loopback_sockets: None, bluez: MockBlueZ, mosquitto: Mosquitto, tmp_path: Path, pictures: Path
) -> None:
    strap = bluez.add(heart_rate_strap())
    bluez.add(room_sensor())
    async with (
        meanwhile(beat(bluez, strap)),
        meanwhile(measure(mosquitto)),
        running_home(tmp_path / "state", free_port()) as home,
        browser(home.hass.url, pictures) as frontend,
    ):
        await home.client.add_entry("bluetooth", {})
        await frontend.log_in(USER, PASSWORD)
        await add_discovered(frontend, "Strap")
        await add_peripheral(frontend, "Room")
        await add_topics(frontend, mosquitto)
        assert len(await home.client.entry_ids(DOMAIN)) == 3

        await open_panel(frontend)
        for link, device, value in LOOKED_AT:
            await look_at(frontend.page, device)
            await see_it_move(frontend.page, value)
            await capture(frontend.page, link)
        before = await home.client.entry_ids(DOMAIN)
        for link, _, _ in LOOKED_AT:
            await replay(frontend.page, link)
        for entry_id in await home.client.entry_ids(DOMAIN) - before:
            await until_numbers(home, entry_id)
        assert len(await home.client.entry_ids(DOMAIN)) == 5
        assert frontend.errors == []
    assert not bluez.connected
