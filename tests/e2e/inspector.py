"""The panel as a person uses it: choose a device, see messages and plot move, capture, replay."""

import re

from playwright.async_api import Page

from .frontend import Frontend


async def open_panel(frontend: Frontend) -> None:
    """Open the panel with its live view."""
    await frontend.open("/fieldbridge")
    await frontend.page.get_by_role("tab", name="Live").wait_for()


async def look_at(page: Page, device: str) -> None:
    """Choose a device in the live view."""
    await page.get_by_role("combobox").select_option(label=device)


async def see_it_move(page: Page, value: str = "") -> None:
    """Wait until good messages come and the plot of a value, or else the first one, has moved on."""
    await page.get_by_text("The link is up").wait_for()
    await page.get_by_role("region", name="Messages").get_by_text("good").first.wait_for()
    plot = page.get_by_role("figure").filter(has_text=value).locator("svg").first
    await page.wait_for_function("node => node.querySelector('polyline.filtered')", arg=await plot.element_handle())
    drawn = await plot.locator(".filtered").get_attribute("points")
    await page.wait_for_function(
        "([node, before]) => node.querySelector('.filtered').getAttribute('points') !== before",
        arg=[await plot.element_handle(), drawn],
    )


async def capture(page: Page, link: str = "") -> None:
    """Capture messages of the shown link into a file; its name is asked for where one was captured before."""
    await page.get_by_role("button", name="Capture to file").click()
    await page.get_by_text(re.compile(rf"\b[1-9]\d* messages in .*{link}")).wait_for()
    await page.get_by_role("button", name="End the capture").click()
    await page.get_by_role("button", name="Capture to file").wait_for()


async def replay(page: Page, link: str) -> None:
    """Replay the file that was captured of a link, by pressing one button in the list of recordings."""
    await page.get_by_role("tab", name="Recordings").click()
    recordings = page.get_by_role("region", name="Recordings and captures")
    await recordings.get_by_role("button", name=re.compile(f"Replay.*{link}")).first.click()
    await page.get_by_text("The link was made").wait_for()
