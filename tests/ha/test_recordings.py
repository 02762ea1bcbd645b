"""Recordings in Home Assistant: begun by action or switch, complete whatever happens, told of and within limits."""

import asyncio
from datetime import timedelta
from pathlib import Path
import shutil
from typing import Any

from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers import label_registry as lr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import probatio
import pyarrow.parquet as pq
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fieldbridge import recording_services
from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.recordings import DATA_RECORDINGS, DEFAULT_SETTINGS
from demo.pty_link import PtyLink

from .apps import app_entry, write_app
from .links import ROOM, device, serial_entry, set_up, until, until_state
from .recordings import act, device_id, events, rows, say, values

SWITCH = "switch.room_recording"


pytestmark = pytest.mark.usefixtures("folder")


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


async def test_a_recording_has_the_name_that_the_user_gave_the_device(
    hass: HomeAssistant, room: Any, folder: Path, pty_link: PtyLink, caplog: pytest.LogCaptureFixture
) -> None:
    room_id = device_id(hass, room, "Room")
    dr.async_get(hass).async_update_device(room_id, name_by_user="Cellar")

    started = await act(hass, "start_recording", device_id=room_id)
    await say(hass, pty_link, 20.0)
    await act(hass, "stop_recording")

    assert started["name"].startswith("Cellar 20")
    assert values(folder, started["name"], "device") == ["Cellar"]
    assert "deprecated" not in caplog.text


async def test_an_entity_records_its_channel_alone(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    started = await act(hass, "start_recording", entity_id="sensor.room_temperature", layout="long")
    await say(hass, pty_link, 20.0)
    await act(hass, "stop_recording", entity_id="sensor.room_temperature")

    (row,) = rows(folder, started["name"])
    assert (row["channel"], row["value"], row["unit"]) == ("temp", "20.0", "°C")


@pytest.mark.parametrize("target", ["label_id", "area_id"])
async def test_an_entity_is_recorded_by_its_own_label_or_area(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path, target: str
) -> None:
    entities = er.async_get(hass)
    if target == "label_id":
        place = lr.async_get(hass).async_create("Watched").label_id
        entities.async_update_entity("sensor.room_temperature", labels={place})
    else:
        place = ar.async_get(hass).async_create("Cellar").id
        entities.async_update_entity("sensor.room_temperature", area_id=place)
    started = await act(hass, "start_recording", **{target: place})
    await say(hass, pty_link, 20.0)
    await act(hass, "stop_recording")

    assert list(rows(folder, started["name"])[0]) == ["t_utc", "monotonic_ns", "device", "temp", "event"]


async def test_what_a_target_excludes_is_not_recorded(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    room_id = device_id(hass, room, "Room")
    started = await act(
        hass,
        "start_recording",
        device_id=room_id,
        exclude={"entity_id": ["sensor.room_mode", "binary_sensor.room_door"]},
    )
    await say(hass, pty_link, 20.0)
    await act(hass, "stop_recording")

    assert list(rows(folder, started["name"])[0]) == ["t_utc", "monotonic_ns", "device", "temp", "event"]
    with pytest.raises(ServiceValidationError, match=room_id):
        await act(hass, "start_recording", device_id=room_id, exclude={"device_id": room_id})


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

    ended = hass.states.get("event.room_recording_finished")
    assert ended is not None
    written, skipped = ended.attributes["rows"], ended.attributes["skipped"]
    assert ended.attributes["event_type"] == "duration"
    assert written + skipped == 10  # a busy machine may be late for a slot
    assert values(folder, started["name"], "temp") == ["20.0"] * written


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
    assert events(folder, started["name"]) == [
        "Room: back, or changed",
        "Room: silent, or its link is down",
        "Room: gone",
        "Room: back, or changed",
    ]


async def test_a_port_that_is_unplugged_interrupts_no_recording_and_is_noted_in_it(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"))
    await say(hass, pty_link, 20.0)
    pty_link.unplug()
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_OFF)
    pty_link.plug()
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty_link.write(b"\n")
    await say(hass, pty_link, 21.0)
    await act(hass, "stop_recording")

    assert values(folder, started["name"], "temp") == ["20.0", "21.0"]
    assert events(folder, started["name"]) == ["Room: silent, or its link is down", "Room: speaks again"]


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


async def test_a_switch_that_is_turned_on_twice_at_once_records_once(hass: HomeAssistant, room: Any) -> None:
    await asyncio.gather(
        *(hass.services.async_call("switch", "turn_on", {"entity_id": SWITCH}, blocking=True) for _ in range(2))
    )

    assert len(hass.data[DATA_RECORDINGS].catalogue.running) == 1


async def test_a_switch_that_is_turned_off_as_it_begins_is_off(hass: HomeAssistant, room: Any) -> None:
    await asyncio.gather(
        *(
            hass.services.async_call("switch", act, {"entity_id": SWITCH}, blocking=True)
            for act in ("turn_on", "turn_off")
        )
    )

    assert not hass.data[DATA_RECORDINGS].catalogue.is_busy
    await until_state(hass, SWITCH, STATE_OFF)


async def test_the_end_of_home_assistant_completes_recordings(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"))
    (recording,) = hass.data[DATA_RECORDINGS].catalogue.running
    await say(hass, pty_link, 20.0)

    await hass.async_stop(force=True)

    assert recording.end == "shutdown"
    assert values(folder, started["name"], "temp") == ["20.0"]


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
    assert flow["description_placeholders"] == {"name": "run.csv", "size": "0.0 kB"}
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


async def test_the_answer_says_how_large_the_finished_file_is(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"), format="parquet")
    await say(hass, pty_link, 20.5)
    stopped = await act(hass, "stop_recording")

    assert stopped["recordings"][0]["bytes"] == (folder / started["name"]).stat().st_size


@pytest.mark.parametrize(
    ("given", "name"), [(" Run.csv ", "Run.csv"), ("Run.csv.csv", "Run_csv.csv"), ("a/b\x00", "a_b.csv")]
)
async def test_a_name_becomes_that_of_a_file_whose_ending_is_there_once(
    hass: HomeAssistant, room: Any, given: str, name: str
) -> None:
    started = await act(hass, "start_recording", device_id=device_id(hass, room, "Room"), name=given)

    assert started["name"] == name


async def test_no_time_at_all_is_not_taken_for_no_end(hass: HomeAssistant, room: Any) -> None:
    with pytest.raises(probatio.Invalid, match="duration"):
        await act(hass, "start_recording", device_id=device_id(hass, room, "Room"), duration=0)


async def test_what_cannot_be_recorded_is_said(hass: HomeAssistant, room: Any) -> None:
    for target in ({}, {"entity_id": "light.kitchen"}, {"entity_id": SWITCH}):
        with pytest.raises(ServiceValidationError, match="None of the targets"):
            await act(hass, "start_recording", **target)


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
