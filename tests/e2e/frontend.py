"""Home Assistant's frontend as a person sees it: texts to click on, fields by their label, pictures of the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import os
from pathlib import Path
import re
import shutil

from playwright.async_api import Error, Locator, Page, async_playwright

_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
_TIMEOUT = 30_000
"""Milliseconds until a click gives up; the frontend's first load takes ten seconds on a busy machine."""
_STEPS = "step-flow-form, step-flow-menu, step-flow-progress, step-flow-abort, step-flow-create-entry"


class Frontend:
    """One browser window on a Home Assistant."""

    def __init__(self, page: Page, url: str, pictures: Path) -> None:
        self.page = page
        self.errors: list[str] = []
        self._url = url
        self._pictures = pictures
        page.set_default_timeout(_TIMEOUT)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def open(self, path: str) -> None:
        """Go to a page of the frontend."""
        try:
            await self.page.goto(self._url + path, wait_until="domcontentloaded")
        except Error as err:
            if "ERR_ABORTED" not in str(err):
                raise
            # A dialog that closed at this moment went back in the history, and took the place of this.
            await self.page.goto(self._url + path, wait_until="domcontentloaded")

    async def log_in(self, user: str, password: str) -> None:
        """Log in through the form."""
        await self.open("/")
        await self.page.locator("input[name=username]").fill(user)
        await self.page.locator("input[name=password]").fill(password)
        await self.page.locator("input[name=password]").press("Enter")
        await self.page.locator("home-assistant-main").wait_for(state="attached")

    async def picture(self, name: str) -> None:
        """Leave a picture of the window."""
        # Dialogs and charts fade in.
        await self.page.wait_for_timeout(600)
        await self.page.screenshot(path=self._pictures / f"{name}.png")

    @property
    def dialog(self) -> Locator:
        """The dialog of a config flow."""
        return self.page.locator("dialog-data-entry-flow")

    async def begin_flow(self, integration: str) -> None:
        """Open the config flow of an integration through the list of all integrations."""
        await self.open("/config/integrations/dashboard")
        await self.page.get_by_text("Add integration", exact=True).click()
        choice = self.page.locator("dialog-add-integration")
        await choice.locator("ha-input-search input").fill(integration)
        await choice.locator("ha-integration-list-item", has_text=integration).first.click()
        await self.step("menu")

    async def configure(self, title: str) -> None:
        """Open the options of an entry by its gear."""
        await self.open("/config/integrations/integration/fieldbridge")
        entry = self.page.locator("ha-config-entry-row").filter(has_text=title).first
        await entry.get_by_role("button", name="Configure").first.click()
        await self.step("menu")

    async def step(self, kind: str, timeout: float = _TIMEOUT) -> Locator:  # noqa: ASYNC109  - Playwright's own
        """Return the step of the flow once it is of this kind (menu, form, progress, create-entry)."""
        await self.dialog.locator(_STEPS).first.wait_for(timeout=timeout)
        step = self.dialog.locator(f"step-flow-{kind}")
        await step.wait_for(timeout=timeout)
        return step

    async def choose(self, option: str) -> None:
        """Click an option of a menu."""
        await (await self.step("menu")).get_by_text(option, exact=True).click()

    async def submit(self, text: str = "Submit") -> None:
        """Click the button of a form."""
        await self.dialog.locator("ha-button").filter(has_text=re.compile(rf"^\s*{text}\s*$")).first.click()

    async def finish(self) -> None:
        """Leave names and areas of the new devices as they are."""
        await self.step("create-entry")
        await self.submit("Skip and finish")
        await self.dialog.wait_for(state="hidden")

    async def enter_serial_port(self, path: str) -> None:
        """Type a path into the picker of serial ports."""
        picker = self.dialog.locator("ha-selector-serial_port")
        field = picker.locator("input:visible")
        await picker.get_by_role("button").or_(field).first.wait_for()
        if not await field.count():
            await picker.get_by_role("button").first.click()
            await self.dialog.get_by_role("option", name="Enter manually").click()
            await self.dialog.get_by_role("option", name="Enter manually").wait_for(state="detached")
        await field.last.fill(path)
        # The field reports a value when it is left.
        await field.last.press("Tab")


@asynccontextmanager
async def browser(url: str, pictures: Path) -> AsyncIterator[Frontend]:
    """Open headless Chromium ($CHROMIUM, else the one on PATH)."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert program, "no Chromium: scripts/test --browser provides one"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, headless=True, args=_OPTIONS)
        try:
            context = await chromium.new_context(viewport={"width": 1280, "height": 860}, locale="en-US")
            yield Frontend(await context.new_page(), url, pictures)
        finally:
            await chromium.close()
