"""A device that speaks only when asked, by clicking alone: asked, recognised, told and set; runs with --browser."""

from contextlib import closing
from pathlib import Path
import tempfile

import pytest

from demo.home import running_home
from demo.process import free_port
from demo.pty_link import PtyLink
from demo.seed import PASSWORD, USER
from tests.ha.links import until
from tests.lamp import Lamp, serving

from .frontend import Frontend, browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


async def enter(frontend: Frontend, name: str, value: str) -> None:
    """Fill a field of the form on the screen, and leave it."""
    field = frontend.dialog.get_by_role("textbox", name=name).first
    await field.fill(value)
    await field.press("Tab")


async def add_by_asking(frontend: Frontend, port: PtyLink) -> None:
    """Listen to a silent port, then ask."""
    await frontend.begin_flow("Fieldbridge")
    await frontend.choose("Serial port or TCP stream")
    await frontend.step("form")
    await frontend.enter_serial_port(str(port.path))
    await frontend.submit()
    await frontend.dialog.get_by_text("Nothing arrived").first.wait_for()
    await frontend.choose("Ask the device")
    await enter(frontend, "Frame", "B?\\r")
    await frontend.picture("9-ask")
    await frontend.submit()
    await frontend.dialog.get_by_text("What was recognised").first.wait_for()
    await frontend.submit()
    await frontend.step("create-entry")
    await frontend.submit("Skip and finish")
    await frontend.dialog.wait_for(state="hidden")


async def change_device(frontend: Frontend, choice: str) -> None:
    """Open the menu of the device."""
    await frontend.open("/config/integrations/integration/fieldbridge")
    await frontend.page.locator("ha-config-sub-entry-row").get_by_role("button", name="Change device").first.click()
    await frontend.choose(choice)


async def add_question(frontend: Frontend) -> None:
    """Ask for something else as well."""
    await frontend.dialog.get_by_role("button", name="Add", exact=True).last.click()
    dialog = frontend.page.locator("dialog-form")
    await dialog.get_by_role("textbox", name="Frame").fill("L?\\r")
    await dialog.get_by_role("spinbutton", name="Every").fill("0.5")
    await dialog.get_by_role("spinbutton", name="Every").press("Tab")
    await frontend.picture("10-question")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await frontend.submit()
    await frontend.dialog.get_by_text("4c 3f 0d").wait_for()
    await frontend.choose("Save")
    await frontend.step("abort")


async def describe_setting(frontend: Frontend) -> None:
    """Let the brightness be set, and be shown only when a reading says so."""
    await frontend.submit()  # the only value is chosen already
    await frontend.dialog.get_by_text("The frame that sets it").first.wait_for()
    await enter(frontend, "Frame", "B={value:d}\\r")
    await frontend.dialog.get_by_text("The next reading shows it").click()
    await frontend.page.set_viewport_size({"width": 1000, "height": 1500})  # the whole form on one picture
    await frontend.picture("11-frame")
    await frontend.submit()
    await frontend.dialog.get_by_text("B=100\\r").first.wait_for()
    await frontend.choose("Save")
    await frontend.step("abort")


async def test_a_silent_device_is_asked_told_and_set_by_clicking(loopback_sockets: None, pictures: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fieldbridge-") as folder, closing(PtyLink(Path(folder) / "lamp")) as port:
        lamp = Lamp(port)
        async with (
            serving(lamp),
            running_home(Path(folder) / "home", free_port()) as home,
            browser(home.hass.url, pictures) as frontend,
        ):
            await frontend.log_in(USER, PASSWORD)
            await add_by_asking(frontend, port)
            await change_device(frontend, "What the device is told and asked")
            await add_question(frontend)
            await change_device(frontend, "How a value is set")
            await describe_setting(frontend)

            entities = await home.client.command("config/entity_registry/list")
            device_id = next(each["device_id"] for each in entities if each["entity_id"].startswith("number."))
            await frontend.open(f"/config/devices/device/{device_id}")
            field = frontend.page.locator("hui-number-entity-row").get_by_role("spinbutton")
            await field.fill("70")
            await field.press("Tab")
            await until(lambda: lamp.brightness == 70)
            await until(lambda: b"L?" in lamp.heard)
            await frontend.picture("12-set")
            assert frontend.errors == []
