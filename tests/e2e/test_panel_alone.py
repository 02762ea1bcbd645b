"""The scripts of panel and card in a browser, on a Home Assistant that answers when the test says so."""

from collections.abc import AsyncIterator
import json
from pathlib import Path
from typing import Any

from playwright.async_api import Page, Route, expect
import pytest

from .frontend import browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

ORIGIN = "http://panel.test"
INTEGRATION = Path(__file__).parents[2] / "custom_components" / "fieldbridge"
TEXTS: dict[str, Any] = json.loads((INTEGRATION / "translations" / "en.json").read_text())

HASS = """
import { LiveView } from "/live.js";
import { loadTexts } from "/texts.js";
import "/card.js";

class Connection {
  listeners = {};
  open = [];  // subscriptions that Home Assistant has
  waiting = [];  // what was asked and is not answered
  addEventListener(name, listener) { (this.listeners[name] ??= new Set()).add(listener); }
  removeEventListener(name, listener) { this.listeners[name]?.delete(listener); }
  fire(name) { for (const listener of [...(this.listeners[name] ?? [])]) listener(); }
  _ask(type, found) { return new Promise((resolve, reject) => this.waiting.push({ type, resolve, reject, ...found })); }
  sendMessagePromise(message) { return this._ask(message.type, {}); }
  async subscribeMessage(callback, message, options) {
    await this._ask(message.type, { callback });
    const subscription = { type: message.type, callback, again: options?.resubscribe !== false };
    this.open.push(subscription);
    return async () => { this.open = this.open.filter((each) => each !== subscription); };
  }
  answer(result) { this.waiting.shift().resolve(result); }
  refuse(error) { this.waiting.shift().reject(error); }
  tell(event) { for (const each of this.open) each.callback(event); }
  lose() { this.open = this.open.filter((each) => each.again); this.fire("disconnected"); }
}

const texts = TEXTS;
const localize = (key, values = {}) => {
  const text = key.split(".").slice(2).reduce((node, part) => node?.[part], texts);
  return (text ?? "").replace(/\\{(\\w+)\\}/g, (_, name) => values[name]);
};
const connection = (window.connection = new Connection());
const device = { id: "room", identifiers: [["fieldbridge", "sub"]], config_entries: ["hall"], name: "Room" };
window.hass = {
  connection,
  user: { is_admin: true },
  devices: { room: device },
  entities: { "sensor.room_mode": { entity_id: "sensor.room_mode", device_id: "room" } },
  states: { "sensor.room_mode": { attributes: { friendly_name: "Mode" } } },
  formatEntityName: () => "Mode",
  formatEntityState: () => "auto",
  loadBackendTranslation: async () => localize,
};
window.texts = await loadTexts(window.hass);
window.show = () => {
  window.view = new LiveView(() => window.hass, window.texts);
  document.body.replaceChildren(window.view.element);
  window.view.connect();
};
window.event = { frames: [], skipped: 0, points: {}, counters: { state: "up", error: null, link: { frames: 3 } } };
window.links = { links: [{ entry_id: "hall", title: "Hall", devices: [] }] };
window.ready = true;
"""


@pytest.fixture
async def page(loopback_sockets: None, pictures: Path) -> AsyncIterator[Page]:
    """A page with the scripts and a Home Assistant that waits for answers."""

    async def serve(route: Route) -> None:
        name = route.request.url.removeprefix(f"{ORIGIN}/")
        if name == "hass.js":
            body = HASS.replace("TEXTS;", f"{json.dumps(TEXTS)};")
        elif name:
            body = (INTEGRATION / "frontend" / name).read_text()
        else:
            await route.fulfill(body='<script type="module" src="/hass.js"></script>', content_type="text/html")
            return
        await route.fulfill(body=body, content_type="text/javascript")

    async with browser(ORIGIN, pictures) as frontend:
        await frontend.page.route(f"{ORIGIN}/**", serve)
        await frontend.open("/")
        await frontend.page.wait_for_function("window.ready")
        yield frontend.page
        assert frontend.errors == []


async def asked(page: Page, kind: str) -> None:
    """Wait until the page has asked for something."""
    await page.wait_for_function(f"connection.waiting.some((each) => each.type === 'fieldbridge/{kind}')")


async def look(page: Page) -> None:
    """Open the live view on a link that is up."""
    await page.evaluate("show()")
    await page.evaluate("connection.answer(links)")
    await asked(page, "inspect")
    await page.evaluate("connection.answer()")
    await page.wait_for_function("connection.open.length === 1")
    await page.evaluate("connection.tell(event)")
    await page.get_by_text("The link is up").wait_for()


async def test_a_view_that_was_left_follows_nothing_whatever_answers_come_later(page: Page) -> None:
    await page.evaluate("show()")
    await page.evaluate("view.disconnect()")
    await page.evaluate("connection.answer(links)")
    assert await page.evaluate("connection.waiting.length") == 0

    await page.evaluate("show()")
    await page.evaluate("connection.answer(links)")
    await asked(page, "inspect")
    await page.evaluate("view.disconnect()")
    await page.evaluate("connection.answer()")
    assert await page.evaluate("connection.open.length") == 0

    await look(page)
    await page.get_by_role("button", name="Capture to file").click()
    await asked(page, "capture")
    await page.evaluate("view.disconnect()")
    await page.evaluate("connection.answer()")
    assert await page.evaluate("connection.open.length") == 0
    assert await page.evaluate("Object.values(connection.listeners).every((each) => each.size === 0)")


async def test_after_a_lost_connection_a_view_shows_nothing_old_and_tries_until_the_link_runs(page: Page) -> None:
    await look(page)
    await page.get_by_text("3 in all").wait_for()
    await page.evaluate("connection.lose()")
    await page.get_by_text("The connection to Home Assistant is lost").wait_for()
    await expect(page.get_by_text("3 in all")).to_have_count(0)

    await page.evaluate("connection.fire('ready')")
    await asked(page, "inspect")
    await page.evaluate("connection.refuse({ code: 'unknown_command', message: 'Unknown command.' })")
    await page.get_by_text("Fieldbridge is not running (Unknown command.)").wait_for()
    await asked(page, "inspect")
    await page.evaluate("connection.answer()")
    await page.wait_for_function("connection.open.length === 1")
    await page.evaluate("connection.tell(event)")
    await page.get_by_text("The link is up").wait_for()


async def test_a_capture_that_is_over_is_not_begun_again_with_the_connection(page: Page) -> None:
    await look(page)
    await page.get_by_role("button", name="Capture to file").click()
    await asked(page, "capture")
    await page.evaluate("connection.answer()")
    await page.wait_for_function("connection.open.length === 2")
    report = "{ name: 'Hall.capture', rows: 3, dropped: 0, error: null, end: 'disk_full', done: true }"
    await page.evaluate(f"connection.open.at(-1).callback({report})")
    await page.get_by_text("The capture ended: Disk is full").wait_for()
    assert await page.evaluate("connection.open.map((each) => each.type)") == ["fieldbridge/inspect"]

    await page.get_by_role("button", name="Capture to file").click()
    await asked(page, "capture")
    await page.evaluate("connection.answer()")
    await page.wait_for_function("connection.open.length === 2")
    await page.evaluate("connection.lose()")
    await page.get_by_role("button", name="Capture to file").wait_for()
    assert await page.evaluate("connection.open.length") == 0


async def test_two_clicks_begin_and_end_one_capture(page: Page) -> None:
    await look(page)
    await page.get_by_role("button", name="Capture to file").click()
    await page.get_by_role("button", name="End the capture").click()
    await asked(page, "capture")
    await page.evaluate("connection.answer()")
    await page.get_by_role("button", name="Capture to file").wait_for()
    assert await page.evaluate("connection.open.map((each) => each.type)") == ["fieldbridge/inspect"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            {
                "code": "home_assistant_error",
                "message": "in English",
                "translation_domain": "fieldbridge",
                "translation_key": "recording_unreadable",
                "translation_placeholders": {"name": "a.csv", "error": "No such file"},
            },
            "a.csv cannot be read: No such file",
        ),
        ({"code": "unauthorized", "message": "Unauthorized"}, "Only administrators may do this (Unauthorized)"),
        (
            {"error": {"code": 3, "message": "Connection lost"}},
            "The connection to Home Assistant is lost (Connection lost)",
        ),
        ({"code": "home_assistant_error", "message": "of another integration"}, "of another integration"),
    ],
)
async def test_errors_are_told_in_the_language_of_the_page_with_their_detail(
    page: Page, error: dict[str, Any], text: str
) -> None:
    assert await page.evaluate("(error) => texts.error(error)", error) == text


async def test_a_card_shows_messages_of_now_only_and_values_after_every_change_of_its_settings(page: Page) -> None:
    await page.evaluate(
        """() => {
          window.card = document.createElement("fieldbridge-card");
          card.setConfig({ device_id: "room" });
          card.hass = hass;
          document.body.replaceChildren(card);
        }"""
    )
    await asked(page, "inspect")
    await page.evaluate("connection.answer()")
    await page.wait_for_function("connection.open.length === 1")
    await page.evaluate("connection.tell({ frames: [{ text: 'mode=auto' }] })")
    await page.get_by_text("mode=auto").wait_for()
    await page.evaluate("connection.tell({ gone: true })")
    await expect(page.get_by_text("mode=auto")).to_be_hidden()
    assert await page.evaluate("connection.open.length") == 0
    await asked(page, "inspect")
    await page.evaluate("connection.answer()")
    await page.wait_for_function("connection.open.length === 1")

    await page.evaluate("card.setConfig({ device_id: 'room', grid_options: {} })")
    await asked(page, "inspect")
    await page.get_by_text("auto", exact=True).wait_for()
    await page.evaluate("card.remove()")
    await page.evaluate("connection.answer()")
    assert await page.evaluate("connection.open.length") == 0
