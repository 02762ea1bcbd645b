"""Recordings in Home Assistant: begun by action or switch, complete whatever happens, told of and within limits."""

from collections.abc import AsyncIterator
import csv
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
import shutil
from typing import Any
from urllib.parse import quote

from homeassistant.components.media_player import BrowseError
from homeassistant.components.media_source import MediaSourceItem, Unresolvable
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pyarrow.parquet as pq
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.fieldbridge import recording_services
from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.media_source import async_get_media_source
from custom_components.fieldbridge.recordings import DATA_RECORDINGS, DEFAULT_SETTINGS, Recordings
from demo.pty_link import PtyLink

from .apps import app_entry, write_app
from .flows import Flow
from .links import GAS_ANALYSER, ROOM, device, serial_entry, set_up, until, until_state

SWITCH = "switch.room_recording"


@pytest.fixture(autouse=True)
async def folder(hass: HomeAssistant, tmp_path: Path) -> AsyncIterator[Path]:
    """Where this Home Assistant keeps recordings."""
    hass.config.config_dir = str(tmp_path)
    yield tmp_path / "fieldbridge" / "recordings"
    if DATA_RECORDINGS in hass.data:
        await act(hass, "stop_recording")


@pytest.fixture
async def room(hass: HomeAssistant, pty_link: PtyLink) -> Any:
    """A link with two devices that run."""
    entry = serial_entry(pty_link.path, device("Room", ROOM), device("Gas analyser", GAS_ANALYSER))
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty_link.write(b"\n")
    return entry


async def act(hass: HomeAssistant, action: str, **data: Any) -> Any:
    """Call an action and return its answer."""
    return await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)


def device_id(hass: HomeAssistant, entry: Any, title: str) -> str:
    """Return the id of a device."""
    for subentry in entry.subentries.values():
        if subentry.title == title:
            devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
            return next(each.id for each in devices if (DOMAIN, subentry.subentry_id) in each.identifiers)
    raise AssertionError(title)


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file that belong to a device."""
    with (folder / name).open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["device"]]


def values(folder: Path, name: str, column: str) -> list[str]:
    """Return one column."""
    return [row[column] for row in rows(folder, name)]


async def say(hass: HomeAssistant, pty: PtyLink, temperature: float) -> None:
    """Send a temperature and wait until it is taken."""
    pty.write(b'{"temp": %.1f, "door": true, "mode": "%.1f"}\n' % (temperature, temperature))
    await until_state(hass, "sensor.room_mode", f"{temperature:.1f}")


async def test_the_action_records_a_device_and_answers_with_what_came_of_it(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"), name="../Heating: up")
    assert (started["state"], started["name"]) == ("running", "Heating_ up.csv")
    await say(hass, pty_link, 20.0)
    await say(hass, pty_link, 21.5)

    stopped = await act(hass, "stop_recording", recording="Heating_ up.csv")

    (summary,) = stopped["recordings"]
    assert (summary["end"], summary["rows"], summary["dropped"]) == ("stopped", 2, 0)
    assert values(folder, "Heating_ up.csv", "temp") == ["20.0", "21.5"]
    assert values(folder, "Heating_ up.csv", "door") == ["true", "true"]


async def test_an_entity_records_its_channel_alone(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    started = await act(hass, "start_recording", entity_id="sensor.room_temperature", layout="long")
    await say(hass, pty_link, 20.0)
    await act(hass, "stop_recording", entity_id="sensor.room_temperature")

    (row,) = rows(folder, started["name"])
    assert (row["channel"], row["value"], row["unit"]) == ("temp", "20.0", "°C")


async def test_channels_are_chosen_by_name_or_key(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    room_id = device_id(hass, room, "Room")
    started = await act(hass, "start_recording", device_id=room_id, channels=["Temperature", "mode"])
    await say(hass, pty_link, 20.0)
    await act(hass, "stop_recording")

    assert list(rows(folder, started["name"])[0]) == ["t_utc", "monotonic_ns", "device", "temp", "mode", "event"]
    with pytest.raises(ServiceValidationError, match="no such"):
        await act(hass, "start_recording", device_id=room_id, channels=["no such"])


async def test_a_rate_and_a_duration_end_by_themselves(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    await say(hass, pty_link, 20.0)
    started = await act(
        hass, "start_recording", device_id=device_id(hass, room, "Room"), rate=50, duration={"seconds": 0.2}
    )
    recordings = hass.data[DATA_RECORDINGS].catalogue
    await until(lambda: not recordings.running)

    assert values(folder, started["name"], "temp") == ["20.0"] * 10


async def test_a_change_of_one_device_interrupts_no_recording_of_another(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"))
    await say(hass, pty_link, 20.0)
    other = next(subentry for subentry in room.subentries.values() if subentry.title == "Gas analyser")
    changed = {**other.data, "channels": [{**other.data["channels"][0], "name": "O2", "precision": 1}]}
    hass.config_entries.async_update_subentry(room, other, data=changed)
    pty_link.write(b'{"temp": 21.0, "mode": "during"}\n')
    await hass.async_block_till_done()
    await say(hass, pty_link, 22.0)

    await act(hass, "stop_recording")

    assert values(folder, started["name"], "temp") == ["20.0", "21.0", "22.0"]


async def test_a_recording_goes_on_when_its_own_device_is_changed_or_its_link_reloaded(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"))
    await say(hass, pty_link, 20.0)
    own = next(subentry for subentry in room.subentries.values() if subentry.title == "Room")
    hass.config_entries.async_update_subentry(room, own, data={**own.data, "model": "Other"})
    await hass.async_block_till_done()
    await say(hass, pty_link, 21.0)

    assert await hass.config_entries.async_reload(room.entry_id)
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty_link.write(b"\n")
    await say(hass, pty_link, 22.0)
    await act(hass, "stop_recording")

    assert values(folder, started["name"], "temp") == ["20.0", "21.0", "22.0"]
    with (folder / started["name"]).open(newline="") as file:
        events = [row["event"] for row in csv.DictReader(file) if not row["device"]]
    assert events == ["Room: back, or changed", "Room: gone", "Room: back, or changed"]


async def test_a_recording_whose_devices_are_gone_for_good_ends(hass: HomeAssistant, room: Any) -> None:
    await act(hass, "start_recording", device_id=device_id(hass, room, "Room"))
    (recording,) = hass.data[DATA_RECORDINGS].catalogue.running
    await hass.config_entries.async_unload(room.entry_id)
    assert recording.end is None

    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await until(lambda: recording.end)

    assert recording.end == "devices_gone"


async def test_the_switch_records_and_the_event_tells_of_the_end(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    await hass.services.async_call("switch", "turn_on", {"entity_id": SWITCH}, blocking=True)
    await until_state(hass, SWITCH, STATE_ON)
    await say(hass, pty_link, 20.0)
    await hass.services.async_call("switch", "turn_off", {"entity_id": SWITCH}, blocking=True)
    await until_state(hass, SWITCH, STATE_OFF)

    event = hass.states.get("event.room_recording_finished")
    assert event is not None
    assert (event.attributes["event_type"], event.attributes["rows"]) == ("stopped", 1)
    assert values(folder, event.attributes["name"], "temp") == ["20.0"]
    other = hass.states.get("event.gas_analyser_recording_finished")
    assert other is not None
    assert other.state == "unknown"


async def test_the_end_of_home_assistant_completes_recordings(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"))
    (recording,) = hass.data[DATA_RECORDINGS].catalogue.running
    await say(hass, pty_link, 20.0)

    await hass.async_stop(force=True)

    assert recording.end == "shutdown"
    assert values(folder, started["name"], "temp") == ["20.0"]


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


@pytest.mark.parametrize("choice", ["keep", "delete"])
async def test_an_interrupted_recording_is_made_whole_and_asked_about(
    hass: HomeAssistant, pty_link: PtyLink, folder: Path, hass_client: ClientSessionGenerator, choice: str
) -> None:
    assert await async_setup_component(hass, "repairs", {})
    folder.mkdir(parents=True)  # noqa: ASYNC240
    (folder / "run.csv.part").write_text("t_utc,monotonic_ns,device,temp,event\n2026-11-21T12:00:00+00:00,1,Room,2")
    await set_up(hass, serial_entry(pty_link.path, device("Room", ROOM)))
    await hass.data[DATA_RECORDINGS].async_ready()

    issue_id = "recording_interrupted_run.csv"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.is_fixable
    client = await hass_client()
    begun = await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue_id})
    flow = await begun.json()
    assert flow["menu_options"] == ["keep", "delete"]
    done = await client.post(f"/api/repairs/issues/fix/{flow['flow_id']}", json={"next_step_id": choice})
    assert (await done.json())["type"] == "create_entry"

    assert (folder / "run.csv").exists() is (choice == "keep")
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None


async def test_a_disk_that_fails_is_a_repair_until_the_next_recording_begins(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    recordings = hass.data[DATA_RECORDINGS]
    room_id = device_id(hass, room, "Room")
    await act(hass, "start_recording", device_id=room_id)
    await say(hass, pty_link, 20.0)
    await hass.async_add_executor_job(shutil.rmtree, folder)  # as if the disk was taken away

    (summary,) = (await act(hass, "stop_recording"))["recordings"]

    assert summary["end"] == "write_failed"
    assert ir.async_get(hass).async_get_issue(DOMAIN, "recording_disk_full") is not None

    await recordings.async_set({**DEFAULT_SETTINGS, "keep_free": 2**40})
    with pytest.raises(HomeAssistantError, match="have to stay free"):
        await act(hass, "start_recording", device_id=room_id)
    await recordings.async_set(DEFAULT_SETTINGS)
    await act(hass, "start_recording", device_id=room_id)
    assert ir.async_get(hass).async_get_issue(DOMAIN, "recording_disk_full") is None


async def test_what_cannot_be_recorded_is_said(hass: HomeAssistant, room: Any) -> None:
    for target in ({}, {"entity_id": "light.kitchen"}, {"entity_id": SWITCH}):
        with pytest.raises(ServiceValidationError, match="None of the targets"):
            await act(hass, "start_recording", **target)


async def test_the_options_list_recordings_with_links_and_change_their_limits(
    hass: HomeAssistant, room: Any, folder: Path, tmp_path: Path, hass_client_no_auth: ClientSessionGenerator
) -> None:
    room_id = device_id(hass, room, "Room")
    started = await act(hass, "start_recording", device_id=room_id, name="First run")
    flow = await Flow.options(hass, room, "recordings")
    assert f"- {started['name']}, " in flow.text("recordings")
    limits = {"max_size": 1.5, "max_age": 7, "keep_free": 100}
    await flow.submit({**limits, "folder": str(tmp_path)})
    assert flow.errors == {"folder": "recording_runs"}
    await act(hass, "stop_recording")

    for refused in (str(tmp_path / "missing"), "/etc", "relative"):
        await flow.submit({**limits, "folder": refused})
        assert flow.errors == {"folder": "folder_not_allowed"}
    link = flow.text("recordings").partition("](")[2].partition(")")[0]
    assert (await (await hass_client_no_auth()).get(link)).status == HTTPStatus.OK

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


async def test_settings_of_recordings_are_kept_over_a_restart(hass: HomeAssistant, room: Any) -> None:
    await hass.data[DATA_RECORDINGS].async_set({**DEFAULT_SETTINGS, "max_age": 7})

    again = Recordings(hass)
    await again.async_load()
    await again.async_ready()

    assert again.catalogue.limits.max_age == timedelta(days=7)


async def test_sensors_show_rate_losses_and_size_once_they_are_enabled(
    hass: HomeAssistant, room: Any, pty_link: PtyLink
) -> None:
    registry = er.async_get(hass)
    names = [f"sensor.room_recording_{what}" for what in ("rate", "dropped", "size")]
    for name in names:
        registered = registry.async_get(name)
        assert registered is not None
        assert registered.disabled_by is er.RegistryEntryDisabler.INTEGRATION
        registry.async_update_entity(name, disabled_by=None)
    await hass.config_entries.async_reload(room.entry_id)
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty_link.write(b"\n")
    assert [hass.states.get(name).state for name in names] == ["unknown"] * 3  # type: ignore[union-attr]

    await act(hass, "start_recording", device_id=device_id(hass, room, "Room"))
    await say(hass, pty_link, 20.0)
    await act(hass, "stop_recording")

    rate, dropped, size = (hass.states.get(name) for name in names)
    assert rate is not None
    assert dropped is not None
    assert size is not None
    assert (rate.state, dropped.state) == ("0.0", "0")
    assert float(size.state) > 50


async def test_parquet_is_refused_with_a_reason_where_it_cannot_be_installed(
    hass: HomeAssistant, room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_services, "PARQUET_REQUIREMENT", "no-such-package-for-fieldbridge==1")
    hass.config.skip_pip = True

    with pytest.raises(HomeAssistantError, match="Parquet needs no-such-package"):
        await act(hass, "start_recording", device_id=device_id(hass, room, "Room"), format="parquet")


async def test_a_parquet_file_is_written_where_it_can_be(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"), format="parquet")
    await say(hass, pty_link, 20.5)
    await act(hass, "stop_recording")

    assert pq.read_table(folder / started["name"]).column("temp").to_pylist() == [20.5]


async def test_a_device_of_a_bridge_app_is_recorded_by_what_it_publishes(hass: HomeAssistant, folder: Path) -> None:
    write_app(
        hass,
        "weather",
        """
        from fieldbridge import App

        app = App("weather")
        count = 0


        @app.telemetry("roof", interval=0.05)
        async def roof() -> dict[str, object]:
            global count
            count += 1
            return {"count": count}
        """,
    )
    await set_up(hass, app_entry("weather"))
    await until(lambda: hass.states.get("sensor.roof_count"))
    started = await act(hass, "start_recording", entity_id="sensor.roof_count")
    (recording,) = hass.data[DATA_RECORDINGS].catalogue.running
    await until(lambda: recording.written >= 3)
    await act(hass, "stop_recording")

    counts = [float(value) for value in values(folder, started["name"], "count")]
    assert counts == [counts[0] + number for number in range(len(counts))]


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
    replayed = MockConfigEntry(
        domain=DOMAIN,
        data={"kind": "replay", "recording": names[0], "pace": "1", "repeats": 0},
        disabled_by=ConfigEntryDisabler.USER,
    )
    replayed.add_to_hass(hass)

    await recordings.async_set({**DEFAULT_SETTINGS, "max_size": 1e-9})

    assert {path.name for path in folder.iterdir()} == {names[0], f"{names[0]}.json"}  # noqa: ASYNC240


async def test_the_media_browser_refuses_what_is_not_there(hass: HomeAssistant, room: Any) -> None:
    source = await async_get_media_source(hass)

    with pytest.raises(Unresolvable):
        await source.async_resolve_media(MediaSourceItem(hass, DOMAIN, "missing.csv", None))
    with pytest.raises(BrowseError):
        await source.async_browse_media(MediaSourceItem(hass, DOMAIN, "missing.csv", None))
