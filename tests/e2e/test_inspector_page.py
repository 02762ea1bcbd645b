"""The panel in a browser: messages and plot move, it can be used by keyboard, and it keeps the accessibility rules."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.async_api import Page
import pytest

from demo.home import create_links, running_home
from demo.process import free_port
from demo.seed import PASSWORD, USER

from .frontend import Frontend, browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# The frontend around the panel is Home Assistant's; what is judged is ours.
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


async def violations(page: Page) -> list[str]:
    """Return the accessibility rules that the panel breaks, with the place."""
    panel = page.locator("fieldbridge-panel")
    # As an argument of its own: the panel lives behind shadow roots that a selector of axe does not enter.
    await page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
    found: list[dict[str, Any]] = await panel.evaluate(
        "async (panel, options) => (await axe.run(panel, options)).violations", RULES
    )
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


async def open_panel(frontend: Frontend) -> None:
    await frontend.open("/fieldbridge")
    await frontend.page.get_by_role("tab", name="Live").wait_for()


async def test_a_person_sees_a_link_live(loopback_sockets: None, tmp_path: Path, pictures: Path) -> None:
    async with (
        running_home(tmp_path / "state", free_port(), frame_interval=0.2) as home,
        browser(home.hass.url, pictures) as frontend,
    ):
        await create_links(home)
        await frontend.log_in(USER, PASSWORD)
        await open_panel(frontend)
        page = frontend.page

        await page.get_by_text("The link is up").wait_for()
        table = page.get_by_role("region", name="Messages")
        await table.get_by_text("good").first.wait_for()
        plot = page.get_by_role("img").first
        await page.wait_for_function("node => node.querySelector('polyline.filtered')", arg=await plot.element_handle())
        drawn = await plot.locator(".filtered").get_attribute("points")
        await page.wait_for_function(
            "([node, before]) => node.querySelector('.filtered').getAttribute('points') !== before",
            arg=[await plot.element_handle(), drawn],
        )
        await frontend.picture("inspector")
        assert await violations(page) == []

        pause = page.get_by_role("button", name="Pause")
        await pause.focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Go on").wait_for()

        await page.emulate_media(color_scheme="dark")
        await frontend.picture("inspector-dark")
        assert await violations(page) == []

        await page.get_by_role("button", name="Go on").click()
        await page.get_by_role("button", name="Capture to file").click()
        await page.get_by_text("messages in").wait_for()
        await page.get_by_role("button", name="End the capture").click()
        await page.get_by_role("button", name="Capture to file").wait_for()

        await page.get_by_role("tab", name="Live").focus()
        await page.keyboard.press("ArrowRight")
        recordings = page.get_by_role("region", name="Recordings and captures")
        await recordings.get_by_text("finished").wait_for()
        await frontend.picture("recordings")
        assert await violations(page) == []
        await recordings.get_by_role("button", name="Replay").click()
        await page.get_by_text("The link was made").wait_for()
        entries = await home.client.command("config_entries/get", domain="fieldbridge")
        assert len(entries) == 3
        assert frontend.errors == []
