"""From the login form to live values by clicking alone; runs with --browser."""

from collections.abc import Iterator
from pathlib import Path
import tempfile

import pytest

from demo.home import running_home
from demo.process import free_port
from demo.seed import PASSWORD, USER

from .frontend import browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose name can be read in a picture."""
    with tempfile.TemporaryDirectory(prefix="fieldbridge-") as name:
        yield Path(name)


async def test_a_serial_device_is_added_by_clicking(loopback_sockets: None, short_folder: Path, pictures: Path) -> None:
    async with (
        running_home(short_folder, free_port()) as home,
        browser(home.hass.url, pictures) as frontend,
    ):
        await frontend.log_in(USER, PASSWORD)
        await frontend.begin_flow("Fieldbridge")
        await frontend.picture("1-link")

        await frontend.choose("Serial port or TCP stream")
        await frontend.step("form")
        await frontend.enter_serial_port(str(home.serial_port.path))
        await frontend.picture("2-serial-port")
        await frontend.submit()

        listening = await frontend.step("progress")
        await listening.get_by_text("Oxygen").first.wait_for()
        await frontend.picture("3-listening")

        recognised = await frontend.step("form")
        await (
            recognised.get_by_text("What was recognised")
            .or_(frontend.page.get_by_text("What was recognised"))
            .first.wait_for()
        )
        await frontend.picture("4-recognised")
        await frontend.submit()

        created = await frontend.step("create-entry")
        name = created.get_by_role("textbox", name="Device name").last
        await name.fill("Gas analyser")
        await name.press("Tab")
        await frontend.picture("5-created")
        await frontend.submit("Finish")
        await frontend.dialog.wait_for(state="hidden")

        entities = await home.client.command("config/entity_registry/list")
        device_id = next(entity["device_id"] for entity in entities if entity["entity_id"].endswith("_oxygen"))
        await frontend.open(f"/config/devices/device/{device_id}")
        await frontend.page.get_by_text("Gas analyser", exact=True).first.wait_for()
        await frontend.page.locator("ha-device-entities-card").get_by_text("20.37").first.wait_for()
        await frontend.picture("6-device")
        assert frontend.errors == []
