"""A Modbus device by clicking alone: the link, registers seen live, a value that is set; runs with --browser."""

from pathlib import Path
import tempfile
from typing import Literal

import pytest

from custom_components.fieldbridge.bridge.modbus import Table
from demo.home import running_home
from demo.process import free_port
from demo.seed import PASSWORD, USER
from tests.bridge.links.modbus_bus import Bus, tcp_server
from tests.ha.links import until
from tests.ha.modbus_links import Meter

from .frontend import Frontend, browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


async def enter(frontend: Frontend, role: Literal["textbox", "spinbutton"], name: str, value: str) -> None:
    """Fill a field of the form on the screen, and leave it."""
    field = frontend.dialog.get_by_role(role, name=name).first
    await field.fill(value)
    await field.press("Tab")


async def add_link(frontend: Frontend, port: int) -> None:
    """Describe the connection; the device says who it is."""
    await frontend.begin_flow("Fieldbridge")
    await frontend.choose("Modbus")
    await enter(frontend, "textbox", "Host", "127.0.0.1")
    await enter(frontend, "spinbutton", "Port", str(port))
    await frontend.submit()
    await frontend.dialog.get_by_text("Acme M1").wait_for()


async def tick_power(frontend: Frontend, held: dict[int, int]) -> None:
    """Tick a register in the browser, and see its value change with the type and with the device."""
    await frontend.choose("Look through the registers")
    await enter(frontend, "spinbutton", "First address", "100")
    await enter(frontend, "spinbutton", "Number", "4")
    await frontend.submit()
    await frontend.dialog.get_by_text("102: 0x449A").click()
    await enter(frontend, "textbox", "Name", "Power")
    await frontend.dialog.locator("ha-select").filter(has_text="Type").first.click()
    await frontend.page.get_by_text("Float, 32 bits", exact=True).last.click()
    preview = frontend.dialog.locator("flow-preview-generic")
    await preview.get_by_text("Power: 0x449A 0x4000").wait_for()
    await preview.get_by_text("1234", exact=True).wait_for()
    await frontend.page.set_viewport_size({"width": 1000, "height": 1380})  # the whole form on one picture
    await frontend.picture("7-registers")
    held[102] = 0x451A  # the device goes on while its form is filled
    await preview.get_by_text("2468", exact=True).wait_for()
    await frontend.submit()


async def describe_mode(frontend: Frontend) -> None:
    """Describe a register by hand, and let it be set."""
    await frontend.choose("Add one by hand")
    await enter(frontend, "textbox", "Name", "Mode")
    await enter(frontend, "spinbutton", "Address", "7")
    await frontend.dialog.locator("flow-preview-generic").get_by_text("Mode: 0x0003").wait_for()
    await frontend.submit()
    await frontend.choose("Let the last one be set")
    await frontend.dialog.get_by_text("Setting Mode").wait_for()
    await frontend.submit()
    await frontend.choose("Done")
    await frontend.step("create-entry")


async def test_registers_are_found_named_and_set_by_clicking(loopback_sockets: None, pictures: Path) -> None:
    bus = Bus(1)
    held = bus.units[1].tables[Table.HOLDING]
    held.update({7: 3, 100: 2301, 102: 0x449A, 103: 0x4000})
    meter = Meter(bus)
    meter.identity = {0: b"Acme", 1: b"M1", 2: b"1.0"}
    with tempfile.TemporaryDirectory(prefix="fieldbridge-") as folder:
        async with (
            tcp_server(meter) as port,
            running_home(Path(folder), free_port()) as home,
            browser(home.hass.url, pictures) as frontend,
        ):
            await frontend.log_in(USER, PASSWORD)
            await add_link(frontend, port)
            await tick_power(frontend, held)
            await describe_mode(frontend)
            await frontend.submit("Skip and finish")
            await frontend.dialog.wait_for(state="hidden")

            entities = await home.client.command("config/entity_registry/list")
            device_id = next(each["device_id"] for each in entities if each["entity_id"] == "number.acme_m1_mode")
            await frontend.open(f"/config/devices/device/{device_id}")
            await frontend.page.get_by_text("2,468").first.wait_for()
            mode = frontend.page.locator("hui-number-entity-row").get_by_role("spinbutton")
            await mode.fill("4")
            await mode.press("Tab")
            await until(lambda: held[7] == 4)
            await frontend.picture("8-modbus-device")
            assert frontend.errors == []
