"""The options of a link behind its gear: filters with a live preview, recordings that can be downloaded."""

from pathlib import Path

import pytest

from demo.home import Home, create_links
from demo.seed import PASSWORD, USER

from .frontend import browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


async def test_a_recording_is_downloaded_and_a_filter_set_behind_the_gear(home: Home, pictures: Path) -> None:
    entries = (await create_links(home)).entries
    devices = await home.client.command("config/device_registry/list")
    (device,) = (
        each
        for each in devices
        if each["config_entries"] == [entries["Gas analyser"]] and each["entry_type"] != "service"
    )
    target = {"target": {"device_id": device["id"]}}
    await home.client.command(
        "call_service", domain="fieldbridge", service="start_recording", service_data={"name": "First run"}, **target
    )
    await home.client.command("call_service", domain="fieldbridge", service="stop_recording", return_response=True)

    async with browser(home.hass.url, pictures) as frontend:
        await frontend.log_in(USER, PASSWORD)
        await frontend.configure("Gas analyser")
        await frontend.choose("Recordings")
        await frontend.step("form")
        await frontend.picture("options-1-recordings")
        async with frontend.page.expect_download() as download:
            await frontend.dialog.get_by_role("link", name="First run.csv").click()
        assert (await download.value).suggested_filename == "First run.csv"

        await frontend.configure("Gas analyser")
        await frontend.choose("Filters")
        await frontend.step("form")
        await frontend.submit()
        await frontend.choose("Add a filter")
        await frontend.step("form")
        await frontend.submit()
        form = await frontend.step("form")
        await form.get_by_text("Oxygen: 20.37").wait_for()
        await frontend.picture("options-2-preview")
        await frontend.submit()
        menu = await frontend.step("menu")
        await menu.get_by_text("Low-pass (Time constant 5 s, Usual interval 1 s)").wait_for()
        await frontend.picture("options-3-filters")
        await frontend.choose("Save")
        await frontend.step("create-entry")
        assert frontend.errors == []
