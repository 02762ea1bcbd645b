"""A value of a device runs an automation, made by clicking alone; runs with --browser."""

from pathlib import Path

import pytest

from demo.home import Home, create_links
from demo.seed import PASSWORD, USER

from .frontend import browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

AUTOMATION = "automation.new_automation"


async def has_run(home: Home) -> bool:
    """Whether the automation is there and was triggered."""
    states = {state["entity_id"]: state for state in await home.client.get("/api/states")}
    return AUTOMATION in states and states[AUTOMATION]["attributes"]["last_triggered"] is not None


async def test_an_automation_on_a_value_is_made_by_clicking(home: Home, pictures: Path) -> None:
    await create_links(home)
    async with browser(home.hass.url, pictures) as frontend:
        await frontend.log_in(USER, PASSWORD)
        await frontend.page.set_viewport_size({"width": 1400, "height": 1300})  # the whole form on one picture
        await frontend.open("/config/automation/edit/new")
        await frontend.page.get_by_text("Add trigger").first.click()
        choice = frontend.page.locator("add-automation-element-dialog")
        await choice.get_by_text("Devices", exact=True).click()
        await choice.get_by_text("Gas analyser", exact=True).first.click()
        await frontend.picture("automation-1-triggers")
        await choice.get_by_text("Value crossed threshold").first.click()
        limit = frontend.page.locator("ha-selector-numeric_threshold").get_by_role("spinbutton")
        while await limit.input_value() != "0.5":  # the form is drawn anew when its defaults have come
            await limit.fill("0.5")
            await frontend.page.wait_for_timeout(1000)
        await frontend.picture("automation-2-threshold")
        # Any first crossing of a recording depends on when one looks; every change comes for certain.
        await frontend.page.get_by_text("Add trigger").first.click()
        await choice.get_by_text("Devices", exact=True).click()
        await choice.get_by_text("Gas analyser", exact=True).first.click()
        await choice.get_by_text("Value changed").first.click()
        await frontend.page.get_by_role("button", name="Save").first.click()
        await frontend.page.locator("ha-dialog-automation-save").get_by_role("button", name="Save").click()
        await frontend.page.locator("ha-dialog-automation-save").wait_for(state="hidden")

        while not await has_run(home):  # the test's own time limit ends this
            await frontend.page.wait_for_timeout(200)
        await frontend.picture("automation-3-ran")
        assert frontend.errors == []
    stored = await home.client.command("automation/config", entity_id=AUTOMATION)
    crossed, changed = stored["config"]["triggers"]
    assert crossed["options"]["threshold"] == {
        "type": "above",
        "value": {"active_choice": "number", "number": 0.5},
    }
    assert changed["options"]["threshold"] == {"type": "any"}
