"""The files of recordings: listed, downloaded, drawn, deleted, kept within limits."""

from datetime import timedelta
from html import unescape
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from homeassistant.components.media_player import BrowseError
from homeassistant.components.media_source import MediaSourceItem, Unresolvable
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.media_source import async_get_media_source
from custom_components.fieldbridge.recordings import DATA_RECORDINGS, DEFAULT_SETTINGS, Recordings
from demo.pty_link import PtyLink

from .flows import Flow
from .recordings import act, device_id, say

pytestmark = pytest.mark.usefixtures("folder")


async def test_recordings_are_listed_downloaded_by_signed_links_drawn_and_deleted(
    hass: HomeAssistant,
    room: Any,
    pty_link: PtyLink,
    folder: Path,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
) -> None:
    assert await async_setup_component(hass, "media_source", {})
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"), name="Größe 1")
    await say(hass, pty_link, 20.0)
    running = await act(hass, "list_recordings")
    assert (running["recordings"][0]["state"], "url" in running["recordings"][0]) == ("running", False)
    await act(hass, "stop_recording")

    (listed,) = (await act(hass, "list_recordings"))["recordings"]
    stranger, user = await hass_client_no_auth(), await hass_client()
    download = await stranger.get(listed["url"])
    assert download.status == HTTPStatus.OK
    assert "attachment" in download.headers["Content-Disposition"]
    assert (await download.text()) == (folder / started["name"]).read_text()
    unsigned = await stranger.get(listed["url"].split("?")[0])
    assert unsigned.status == HTTPStatus.UNAUTHORIZED
    for wrong in ("..%2Fconfiguration.yaml", "%2Fetc%2Fpasswd", f"{started['name']}.json"):
        answer = await user.get(f"/api/fieldbridge/recordings/{wrong}")
        assert answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)  # Home Assistant refuses some itself

    browser = await hass_ws_client()
    await browser.send_json_auto_id(
        {"type": "media_source/browse_media", "media_content_id": f"media-source://{DOMAIN}"}
    )
    (child,) = (await browser.receive_json())["result"]["children"]
    await browser.send_json_auto_id(
        {"type": "media_source/resolve_media", "media_content_id": child["media_content_id"]}
    )
    resolved = (await browser.receive_json())["result"]
    drawing = await stranger.get(resolved["url"])
    assert (drawing.status, drawing.content_type) == (HTTPStatus.OK, "image/svg+xml")
    assert "Temperature [°C]" in await drawing.text()

    with pytest.raises(ServiceValidationError, match="no recording"):
        await act(hass, "delete_recording", recording=[started["name"], "other.csv"])
    assert (folder / started["name"]).exists(), "one that cannot be deleted keeps all others"
    assert await act(hass, "delete_recording", recording=started["name"]) == {"deleted": [started["name"]]}
    assert not any(folder.iterdir())  # noqa: ASYNC240
    with pytest.raises(ServiceValidationError, match="no recording"):
        await act(hass, "delete_recording", recording=started["name"])


async def test_only_administrators_delete(hass: HomeAssistant, room: Any, hass_read_only_user: MockUser) -> None:
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            "delete_recording",
            {"recording": "a.csv"},
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
        )


async def test_the_options_list_recordings_with_links_and_change_their_limits(
    hass: HomeAssistant, room: Any, folder: Path, tmp_path: Path, hass_client_no_auth: ClientSessionGenerator
) -> None:
    room_id = device_id(hass, room, "Room")
    started = await act(hass, "start_recording", device_id=room_id, name="First run")
    flow = await Flow.options(hass, room, "recordings")
    assert f"- {started['name']}, " in unescape(flow.text("recordings"))
    limits = {"max_size": 1.5, "max_age": 7, "keep_free": 100}
    await flow.submit({**limits, "folder": str(tmp_path)})
    assert flow.errors == {"folder": "recording_runs"}
    await act(hass, "stop_recording")

    for refused in (str(tmp_path / "missing"), "/etc", "relative"):
        await flow.submit({**limits, "folder": refused})
        assert flow.errors == {"folder": "folder_not_allowed"}
    link = flow.text("recordings").partition('<a href="')[2].partition('" target="_blank">')[0]
    assert (await (await hass_client_no_auth()).get(unescape(link))).status == HTTPStatus.OK

    elsewhere = tmp_path / "media"
    elsewhere.mkdir()
    hass.config.allowlist_external_dirs = {str(elsewhere)}
    await flow.submit({**limits, "folder": str(elsewhere)})
    assert flow.shown["type"] == "create_entry"
    moved = await act(hass, "start_recording", device_id=room_id)
    await act(hass, "stop_recording")
    assert (elsewhere / moved["name"]).exists()
    assert (folder / started["name"]).exists()
    assert hass.data[DATA_RECORDINGS].catalogue.limits.max_bytes == 1_500_000_000


async def test_a_folder_that_cannot_be_read_is_said_and_can_be_changed(
    hass: HomeAssistant, room: Any, folder: Path
) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("no folder")  # noqa: ASYNC240
    with pytest.raises(HomeAssistantError, match="cannot be listed"):
        await act(hass, "list_recordings")

    flow = await Flow.options(hass, room, "recordings")
    assert "cannot be listed" in unescape(flow.text("recordings"))
    folder.unlink()  # noqa: ASYNC240


async def test_settings_of_recordings_are_kept_over_a_restart(hass: HomeAssistant, room: Any) -> None:
    await hass.data[DATA_RECORDINGS].async_set({**DEFAULT_SETTINGS, "max_age": 7})

    again = Recordings(hass)
    await again.async_load()
    await again.async_ready()

    assert again.catalogue.limits.max_age == timedelta(days=7)


async def test_what_runs_is_neither_downloaded_nor_drawn_and_a_capture_has_no_drawing(
    hass: HomeAssistant, room: Any, folder: Path, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"))
    path = f"/api/fieldbridge/recordings/{quote(started['name'])}"
    assert (await client.get(path)).status == HTTPStatus.CONFLICT
    assert (await client.get(f"{path}/plot.svg")).status == HTTPStatus.CONFLICT
    await act(hass, "stop_recording")
    drawings = [await (await client.get(f"{path}/plot.svg")).text() for _ in range(2)]
    assert drawings[0] == drawings[1]

    (folder / started["name"]).write_text("t_utc,device\nsoon,Room\n")
    assert (await client.get(f"{path}/plot.svg")).status == HTTPStatus.UNPROCESSABLE_ENTITY
    (folder / "odd.capture").write_text("x")
    assert (await client.get("/api/fieldbridge/recordings/odd.capture/plot.svg")).status == HTTPStatus.NOT_FOUND


async def test_old_recordings_are_deleted_but_never_one_that_a_link_replays(
    hass: HomeAssistant, room: Any, folder: Path
) -> None:
    recordings = hass.data[DATA_RECORDINGS]
    names = []
    for name in ("first", "second"):
        names.append((await act(hass, "start_recording", device_id=device_id(hass, room, "Room"), name=name))["name"])
        await act(hass, "stop_recording")
    await hass.async_block_till_done()  # each that ends makes room on its own
    replayed = MockConfigEntry(
        domain=DOMAIN,
        data={"kind": "replay", "recording": names[0], "pace": "1", "repeats": 0},
        disabled_by=ConfigEntryDisabler.USER,
    )
    replayed.add_to_hass(hass)

    await recordings.async_set({**DEFAULT_SETTINGS, "max_size": 1e-9})

    assert {path.name for path in folder.iterdir()} == {names[0], f"{names[0]}.json"}  # noqa: ASYNC240


async def test_a_folder_that_cannot_be_pruned_is_logged_once_until_it_can_be_again(
    hass: HomeAssistant, room: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recordings = hass.data[DATA_RECORDINGS]
    folder.parent.mkdir(exist_ok=True)

    def told() -> int:
        return caplog.text.count("Old recordings cannot be deleted")

    folder.write_text("no folder")  # noqa: ASYNC240
    for _ in range(3):
        await recordings.async_set(DEFAULT_SETTINGS)
    assert told() == 1

    folder.unlink()  # noqa: ASYNC240
    await recordings.async_set(DEFAULT_SETTINGS)
    folder.write_text("no folder")  # noqa: ASYNC240
    await recordings.async_set(DEFAULT_SETTINGS)
    assert told() == 2
    folder.unlink()  # noqa: ASYNC240


async def test_the_media_browser_refuses_what_is_not_there(hass: HomeAssistant, room: Any) -> None:
    source = await async_get_media_source(hass)

    with pytest.raises(Unresolvable):
        await source.async_resolve_media(MediaSourceItem(hass, DOMAIN, "missing.csv", None))
    with pytest.raises(BrowseError):
        await source.async_browse_media(MediaSourceItem(hass, DOMAIN, "missing.csv", None))
