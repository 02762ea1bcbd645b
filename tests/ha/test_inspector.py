"""Administrators look at a link while it runs: its messages, verdicts, counters and values before and after filters."""

from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote

from homeassistant.components import frontend, websocket_api
from homeassistant.config_entries import SOURCE_IGNORE
from homeassistant.core import Context, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.fieldbridge.bridge.recordings import RecordingState
from custom_components.fieldbridge.recordings import DATA_RECORDINGS
from demo.pty_link import PtyLink

from .links import GAS_ANALYSER, GAS_FRAMES, ROOM, device, serial_entry, set_up, until, until_state

CONNECTIVITY = "binary_sensor.lab_port_connectivity"


@pytest.fixture(autouse=True)
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Where this Home Assistant keeps recordings."""
    hass.config.config_dir = str(tmp_path)
    return tmp_path / "fieldbridge" / "recordings"


@pytest.fixture
async def entry(hass: HomeAssistant, pty_link: PtyLink) -> MockConfigEntry:
    """A link with two devices that is up."""
    entry = serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER), device("Room", ROOM))
    await set_up(hass, entry)
    await until_state(hass, CONNECTIVITY, "on")
    return entry


class Page:
    """One page of the panel."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def command(self, **message: Any) -> dict[str, Any]:
        """Send a command; return the answer."""
        await self.client.send_json_auto_id(message)
        answer: dict[str, Any] = await self.client.receive_json()
        return answer

    async def event(self, **having: Any) -> dict[str, Any]:
        """Return the next event that has these keys."""
        while True:
            message = await self.client.receive_json()
            event: dict[str, Any] = message.get("event", {})
            if event and all(event.get(key) for key in having):
                return event


@pytest.fixture
async def page(hass: HomeAssistant, hass_ws_client: WebSocketGenerator, entry: MockConfigEntry) -> Page:
    """The panel of an administrator."""
    return Page(await hass_ws_client(hass))


def device_id(entry: MockConfigEntry, title: str) -> str:
    return next(each.subentry_id for each in entry.subentries.values() if each.title == title)


async def test_links_and_their_devices_are_listed(page: Page, entry: MockConfigEntry) -> None:
    answer = await page.command(type="fieldbridge/links")
    (link,) = answer["result"]["links"]
    assert (link["title"], link["kind"], link["loaded"]) == ("Lab port", "serial", True)
    assert [each["title"] for each in link["devices"]] == ["Gas analyser", "Room"]
    assert link["devices"][0]["channels"][0] == {"key": "oxygen", "name": "Oxygen", "unit": "%", "kind": "number"}


async def test_messages_come_with_bytes_text_verdict_and_values(
    page: Page, entry: MockConfigEntry, pty_link: PtyLink
) -> None:
    gas = device_id(entry, "Gas analyser")
    assert (await page.command(type="fieldbridge/inspect", entry_id=entry.entry_id, device_id=gas))["success"]
    broken = GAS_FRAMES[1].replace(b"20.", b"21.", 1)
    pty_link.write(b"\n" + GAS_FRAMES[0] + broken + b'{"temp": 20.0}\n')
    event = await page.event(frames=True)
    first, second, third = event["frames"]
    assert first["verdict"] == "ok"
    assert first["values"]["oxygen"] == pytest.approx(20.379)
    assert bytes.fromhex(first["hex"]) == GAS_FRAMES[0].rstrip()
    assert second["verdict"] == "checksum"
    assert third["text"] == '{"temp": 20.0}'
    assert third["verdict"] not in {"ok", "not_ours"}
    assert second["interval"] >= 0
    assert event["counters"]["state"] == "up"
    assert event["counters"]["link"]["frames"] == 3


async def test_raw_and_filtered_values_come_as_columns(page: Page, entry: MockConfigEntry, pty_link: PtyLink) -> None:
    room = device_id(entry, "Room")
    await page.command(
        type="fieldbridge/inspect", entry_id=entry.entry_id, device_id=room, channels=["temp", "nothing"]
    )
    pty_link.write(b'\n{"temp": 20.0}\n{"temp": 21.0}\n')
    event = await page.event(frames=True)
    assert event["points"].keys() == {"temp"}
    columns = event["points"]["temp"]
    assert columns["raw"] == columns["filtered"] == [20.0, 21.0]
    assert len(columns["time"]) == 2


async def test_a_flood_is_counted_where_it_is_not_shown(page: Page, entry: MockConfigEntry, pty_link: PtyLink) -> None:
    await page.command(type="fieldbridge/inspect", entry_id=entry.entry_id)
    pty_link.write(b"\n" + b'{"temp": 20.0}\n' * 200)
    seen = 0
    while seen < 200:
        event = await page.event(frames=True)
        assert len(event["frames"]) <= 25
        seen += len(event["frames"]) + event["skipped"]
    assert seen == 200


async def test_the_page_is_told_when_the_link_or_its_device_is_gone(
    hass: HomeAssistant, page: Page, entry: MockConfigEntry
) -> None:
    room = device_id(entry, "Room")
    await page.command(type="fieldbridge/inspect", entry_id=entry.entry_id, device_id=room)
    hass.config_entries.async_remove_subentry(entry, room)
    await hass.async_block_till_done()
    assert await page.event(gone=True) == {"gone": True}
    answer = await page.command(type="fieldbridge/inspect", entry_id=entry.entry_id, device_id=room)
    assert answer["error"]["code"] == "not_found"


async def test_nothing_follows_the_link_once_the_page_is_closed(
    hass: HomeAssistant, page: Page, entry: MockConfigEntry
) -> None:
    await page.command(type="fieldbridge/inspect", entry_id=entry.entry_id)
    subscription = 1
    answer = await page.command(type="unsubscribe_events", subscription=subscription)
    while "event" in answer:
        answer = await page.client.receive_json()
    assert answer["success"]
    answer = await page.command(type="fieldbridge/links")
    assert answer["type"] == "result"


async def test_commands_are_for_administrators(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator, entry: MockConfigEntry, hass_admin_user: MockUser
) -> None:
    hass_admin_user.groups = []
    page = Page(await hass_ws_client(hass))
    for message in ({"type": "fieldbridge/links"}, {"type": "fieldbridge/inspect", "entry_id": entry.entry_id}):
        answer = await page.command(**message)
        assert answer["error"]["code"] == "unauthorized"


async def test_a_link_that_does_not_run_cannot_be_looked_at(
    hass: HomeAssistant, page: Page, entry: MockConfigEntry
) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    answer = await page.command(type="fieldbridge/inspect", entry_id=entry.entry_id)
    assert answer["error"]["code"] == "not_found"
    (link,) = (await page.command(type="fieldbridge/links"))["result"]["links"]
    assert (link["loaded"], link["devices"]) == (False, [])


async def test_the_panel_goes_with_the_last_link_and_comes_with_the_next(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    assert frontend.async_panel_exists(hass, "fieldbridge")
    await hass.config_entries.async_remove(entry.entry_id)
    assert not frontend.async_panel_exists(hass, "fieldbridge")
    await set_up(hass, MockConfigEntry(domain="fieldbridge", data={"kind": "simulated", "signals": [], "interval": 1}))
    assert frontend.async_panel_exists(hass, "fieldbridge")


async def test_a_discovery_that_is_ignored_keeps_no_panel(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    MockConfigEntry(domain="fieldbridge", source=SOURCE_IGNORE, unique_id="usb").add_to_hass(hass)
    await hass.config_entries.async_remove(entry.entry_id)
    assert not frontend.async_panel_exists(hass, "fieldbridge")


async def test_the_panel_leaves_the_gear_of_a_link_to_its_options(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """The frontend offers options nowhere else, and not there for an integration with a panel of its own."""
    assert hass.data[frontend.DATA_PANELS]["fieldbridge"].config_panel_domain is None
    assert entry.supports_options


async def test_the_files_of_the_panel_are_served(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    panel = hass.data[frontend.DATA_PANELS]["fieldbridge"]
    assert panel.config is not None
    url = panel.config["_panel_custom"]["module_url"]
    client = await hass_client()
    for name in ("panel.js", "live.js", "plot.js", "styles.js", "texts.js", "card.js", "recordings.js"):
        answer = await client.get(url.replace("panel.js", name))
        assert answer.status == 200
        assert "javascript" in answer.headers["Content-Type"]


async def recordings(hass: HomeAssistant) -> list[dict[str, Any]]:
    answer = await hass.services.async_call("fieldbridge", "list_recordings", {}, blocking=True, return_response=True)
    assert answer is not None
    listed: Any = answer["recordings"]
    return listed  # type: ignore[no-any-return]


async def test_a_capture_lasts_until_the_page_goes_and_can_be_replayed(
    hass: HomeAssistant, page: Page, entry: MockConfigEntry, pty_link: PtyLink
) -> None:
    await page.client.send_json_auto_id({"type": "fieldbridge/capture", "entry_id": entry.entry_id})
    started = await page.client.receive_json()
    assert started["success"]
    link = entry.runtime_data.link
    pty_link.write(b"\n" + GAS_FRAMES[0] + GAS_FRAMES[1] + b'{"temp": 20.0, "mode": "auto"}\n')
    await until(lambda: link.statistics()["frames"] == 3)
    await page.client.send_json_auto_id({"type": "unsubscribe_events", "subscription": started["id"]})
    done = await page.event(done=True)
    assert (done["rows"], done["dropped"], done["end"]) == (3, 0, "stopped")
    (listed,) = await recordings(hass)
    assert (listed["kind"], listed["name"], listed["state"]) == ("capture", done["name"], "finished")

    answer = await page.command(type="fieldbridge/replay", recording=done["name"])
    while "event" in answer:
        answer = await page.client.receive_json()
    replay = hass.config_entries.async_get_entry(answer["result"]["entry_id"])
    assert replay is not None
    assert replay.data["kind"] == "replay"
    assert [each.title for each in replay.subentries.values()] == ["Gas analyser (replay)", "Room (replay)"]
    refused = await page.command(type="fieldbridge/replay", recording="../secrets.yaml")
    assert not refused["success"]


async def test_private_fields_are_masked_in_captures_unless_they_are_asked_for(
    hass: HomeAssistant, page: Page, entry: MockConfigEntry, pty_link: PtyLink, folder: Path
) -> None:
    room = next(each for each in entry.subentries.values() if each.title == "Room")
    channels = tuple(replace(channel, private=channel.key == "mode") for channel in ROOM.channels)
    hass.config_entries.async_update_subentry(entry, room, data=replace(ROOM, channels=channels).to_dict())
    await hass.async_block_till_done()
    contents: list[str] = []
    for private in (False, True):
        await page.client.send_json_auto_id(
            {"type": "fieldbridge/capture", "entry_id": entry.entry_id, "private": private}
        )
        started = await page.client.receive_json()
        while "event" in started:
            started = await page.client.receive_json()
        pty_link.write(b'\n{"temp": 20.0, "mode": "home"}\n')
        await until(lambda: len(entry.runtime_data.link.recent_frames) > len(contents))
        await page.client.send_json_auto_id({"type": "unsubscribe_events", "subscription": started["id"]})
        done = await page.event(done=True)
        contents.append(await hass.async_add_executor_job((folder / done["name"]).read_text))
    assert b"home".hex() not in contents[0]
    assert b"****".hex() in contents[0]
    assert b"home".hex() in contents[1]


async def test_a_capture_that_begins_while_its_page_goes_ends_at_once(
    hass: HomeAssistant, page: Page, entry: MockConfigEntry, hass_admin_user: MockUser
) -> None:
    catalogue = hass.data[DATA_RECORDINGS].catalogue
    connection = websocket_api.ActiveConnection(Mock(), hass, lambda _: None, hass_admin_user, Mock(), None)
    connection.async_handle({"id": 5, "type": "fieldbridge/capture", "entry_id": entry.entry_id})
    connection.async_handle_close()
    await until(lambda: [info for info in catalogue.entries() if info.state is RecordingState.FINISHED])
    assert connection.subscriptions == {}
    assert not catalogue.is_busy


async def test_a_capture_that_cannot_begin_leaves_nothing_to_end(
    hass: HomeAssistant, page: Page, entry: MockConfigEntry, folder: Path
) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("no folder")  # noqa: ASYNC240
    started = await page.command(type="fieldbridge/capture", entry_id=entry.entry_id)
    assert started["error"]["translation_key"] == "recording_not_started"
    answer = await page.command(type="unsubscribe_events", subscription=started["id"])
    assert answer["error"]["code"] == "not_found"


async def test_what_cannot_be_replayed_says_why(
    hass: HomeAssistant, page: Page, entry: MockConfigEntry, folder: Path
) -> None:
    folder.mkdir(parents=True)  # noqa: ASYNC240
    (folder / "odd.capture").write_text("no capture\n")
    answer = await page.command(type="fieldbridge/replay", recording="odd.capture")
    assert answer["error"]["translation_key"] == "recording_unreadable"
    assert answer["error"]["translation_placeholders"].keys() == {"name", "error"}

    answer = await page.command(type="fieldbridge/replay", recording="gone.csv")
    assert answer["error"]["translation_key"] == "not_replayable"

    (folder / "odd.capture").unlink()
    folder.rmdir()  # noqa: ASYNC240
    folder.write_text("no folder")  # noqa: ASYNC240
    answer = await page.command(type="fieldbridge/replay", recording="odd.capture")
    assert answer["error"]["translation_key"] == "recordings_unreadable"
    assert "Not a directory" in answer["error"]["translation_placeholders"]["error"]


async def test_what_cannot_be_looked_at_has_a_text_of_its_own(page: Page, entry: MockConfigEntry) -> None:
    answer = await page.command(type="fieldbridge/inspect", entry_id=entry.entry_id, device_id="gone")
    assert (answer["error"]["code"], answer["error"]["translation_key"]) == ("not_found", "device_not_found")
    answer = await page.command(type="fieldbridge/inspect", entry_id="gone")
    assert (answer["error"]["code"], answer["error"]["translation_key"]) == ("not_found", "link_not_loaded")


async def test_captures_are_listed_and_downloaded_by_administrators_and_automations_only(
    hass: HomeAssistant,
    page: Page,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_read_only_access_token: str,
    hass_read_only_user: MockUser,
) -> None:
    started = await page.command(type="fieldbridge/capture", entry_id=entry.entry_id)
    await page.client.send_json_auto_id({"type": "unsubscribe_events", "subscription": started["id"]})
    done = await page.event(done=True)
    anyone, administrator = await hass_client(hass_read_only_access_token), await hass_client()
    url = f"/api/fieldbridge/recordings/{quote(done['name'])}"
    assert (await anyone.get(url)).status == HTTPStatus.FORBIDDEN
    assert (await administrator.get(url)).status == HTTPStatus.OK

    (listed,) = await recordings(hass)
    assert (await (await hass_client_no_auth()).get(listed["url"])).status == HTTPStatus.OK
    answer = await hass.services.async_call(
        "fieldbridge",
        "list_recordings",
        {},
        blocking=True,
        return_response=True,
        context=Context(user_id=hass_read_only_user.id),
    )
    assert answer is not None
    assert answer["recordings"] == []
