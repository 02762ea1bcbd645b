"""The panel in a browser: messages and plot move, it can be used by keyboard, and it keeps the accessibility rules."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from importlib.resources import files
from itertools import count
from math import sin
from pathlib import Path
from random import Random
import re
from typing import Any

from playwright.async_api import Page
import pytest

from demo.home import Home, running_home
from demo.links import DOMAIN
from demo.process import free_port
from demo.pty_link import PtyLink
from demo.seed import PASSWORD, USER

from .frontend import browser
from .inspector import capture, open_panel, see_it_move

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


async def change_options(home: Home, entry_id: str, *answers: dict[str, Any]) -> None:
    """Go through the options flow of a link, one answer per step."""
    flow = "/api/config/config_entries/options/flow"
    step = await home.client.request("POST", flow, {"handler": entry_id})
    for answer in answers:
        assert step["type"] in {"menu", "form"}, step
        step = await home.client.request("POST", f"{flow}/{step['flow_id']}", answer)
    assert step["type"] == "create_entry", step


async def send_noise(port: PtyLink) -> None:
    """Send a slow wave with noise and outliers, ten messages a second, for ever."""
    random = Random(4)  # noqa: S311  - the same noise in every run
    for step in count():
        value = 40 + 10 * sin(step / 20) + random.gauss(0, 0.8) + (25 if step % 30 == 17 else 0)
        port.write(b'{"pressure": %.2f}\r\n' % value)
        await asyncio.sleep(0.1)


@asynccontextmanager
async def noisy_link(home: Home) -> AsyncIterator[str]:
    """Set up a link with a noisy signal and a median over it; gives the id of its entry."""
    with closing(PtyLink(home.hass.state / "noise")) as port:
        sending = asyncio.create_task(send_noise(port))
        try:
            answers = {"user": {"next_step_id": "serial"}, "serial": {"device": str(port.path)}}
            entry_id = await home.client.add_entry(DOMAIN, answers)
            (device,) = await home.client.command("config_entries/subentries/list", entry_id=entry_id)
            await change_options(
                home,
                entry_id,
                {"next_step_id": "filters"},
                {"channel": f"{device['subentry_id']}/pressure"},
                {"next_step_id": "add_filter"},
                {"kind": "median"},
                {"window": 7, "missing": "skip"},
                {"next_step_id": "save_filters"},
            )
            yield entry_id
        finally:
            sending.cancel()


async def test_a_person_sees_a_link_live(loopback_sockets: None, tmp_path: Path, pictures: Path) -> None:
    async with (
        running_home(tmp_path / "state", free_port()) as home,
        noisy_link(home),
        browser(home.hass.url, pictures) as frontend,
    ):
        await frontend.log_in(USER, PASSWORD)
        await open_panel(frontend)
        page = frontend.page

        await see_it_move(page)
        # Until there is something to see: the window holds half a minute.
        await page.get_by_text(re.compile(r"\b2\d\d in all")).wait_for()
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
        await capture(page)

        await page.get_by_role("tab", name="Live").focus()
        await page.keyboard.press("ArrowRight")
        recordings = page.get_by_role("region", name="Recordings and captures")
        await recordings.get_by_text("finished").wait_for()
        await frontend.picture("recordings")
        assert await violations(page) == []
        await recordings.get_by_role("button", name="Replay").click()
        await page.get_by_text("The link was made").wait_for()
        assert len(await home.client.entry_ids(DOMAIN)) == 2

        await page.evaluate("localStorage.setItem('selectedLanguage', JSON.stringify('de'))")
        await frontend.open("/fieldbridge")
        await page.get_by_role("tab", name="Aufnahmen").wait_for()
        await page.get_by_role("region", name="Nachrichten").get_by_text("gut").first.wait_for()
        assert await violations(page) == []
        assert frontend.errors == []


async def test_a_card_shows_a_device_on_a_dashboard(loopback_sockets: None, tmp_path: Path, pictures: Path) -> None:
    async with (
        running_home(tmp_path / "state", free_port()) as home,
        noisy_link(home),
        browser(home.hass.url, pictures) as frontend,
    ):
        devices = await home.client.command("config/device_registry/list")
        device_id = next(each["id"] for each in devices if each["name"] == "Serial device")
        await home.client.command("lovelace/dashboards/create", url_path="test-card", title="Card", mode="storage")
        card = {"type": "custom:fieldbridge-card", "device_id": device_id}
        view = {"title": "Card", "cards": [card]}
        await home.client.command("lovelace/config/save", url_path="test-card", config={"views": [view]})
        await frontend.log_in(USER, PASSWORD)
        await frontend.open("/test-card")
        shown = frontend.page.locator("fieldbridge-card")

        await shown.get_by_text("Pressure", exact=True).wait_for()
        await shown.get_by_role("region", name="Messages").get_by_text("pressure").wait_for()
        await frontend.picture("card")
        await shown.get_by_role("link", name="Open the live view").click()
        await frontend.page.get_by_role("tab", name="Live").wait_for()
        assert frontend.errors == []
