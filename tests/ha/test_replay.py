"""What was recorded is replayed as a link of its own, with the devices that it came from."""

from pathlib import Path
import shutil
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.fieldbridge.bridge.codecs.frame import Batch, Frame
from custom_components.fieldbridge.bridge.sinks import CaptureHeader, read_frames
from custom_components.fieldbridge.captures import async_start_capture
from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.recordings import DATA_RECORDINGS
from demo.pty_link import PtyLink

from .flows import Flow
from .links import ROOM, device, serial_entry, set_up, until, until_state


@pytest.fixture(autouse=True)
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Where this Home Assistant keeps recordings."""
    hass.config.config_dir = str(tmp_path)
    return tmp_path / "fieldbridge" / "recordings"


@pytest.fixture
async def room(hass: HomeAssistant, pty_link: PtyLink) -> Any:
    """A link with a device that runs."""
    entry = serial_entry(pty_link.path, device("Room", ROOM))
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty_link.write(b"\n")
    return entry


async def record(hass: HomeAssistant, pty: PtyLink) -> str:
    """Record two messages of the room."""
    target = {"entity_id": ["sensor.room_temperature", "sensor.room_mode"]}
    started = await hass.services.async_call(
        DOMAIN, "start_recording", {**target, "name": "Run"}, blocking=True, return_response=True
    )
    assert started is not None
    for mode, temperature in ((b"a", b"20.5"), (b"b", b"21.5")):
        pty.write(b'{"temp": %s, "mode": "%s"}\n' % (temperature, mode))
        await until_state(hass, "sensor.room_mode", mode.decode())
    await hass.services.async_call(DOMAIN, "stop_recording", {}, blocking=True)
    return str(started["name"])


async def test_there_is_nothing_to_replay_before_the_first_recording(hass: HomeAssistant) -> None:
    flow = await Flow.config(hass, "replay")

    assert flow.ended_by == "no_recordings"


async def test_a_recording_is_replayed_with_its_device(hass: HomeAssistant, room: Any, pty_link: PtyLink) -> None:
    name = await record(hass, pty_link)
    await hass.config_entries.async_remove(room.entry_id)

    flow = await Flow.config(hass, "replay")
    await flow.submit({"recording": name, "pace": "fastest", "repeats": 0})
    await hass.async_block_till_done()

    (entry,) = hass.config_entries.async_entries(DOMAIN)
    assert entry.title == "Run (replay)"
    assert [each.title for each in entry.subentries.values()] == ["Room (replay)"]
    await until_state(hass, "sensor.room_replay_mode", "b")
    temperature = hass.states.get("sensor.room_replay_temperature")
    assert temperature is not None
    assert temperature.attributes["unit_of_measurement"] == "°C"


async def test_a_replay_is_named_in_the_language_of_home_assistant(
    hass: HomeAssistant, room: Any, pty_link: PtyLink
) -> None:
    name = await record(hass, pty_link)
    hass.config.language = "de"
    flow = await Flow.config(hass, "replay")
    await flow.submit({"recording": name, "pace": "fastest", "repeats": 1})

    assert hass.config_entries.async_entries(DOMAIN)[1].title == "Run (Wiedergabe)"


async def test_a_replay_that_is_over_is_a_link_that_is_down(hass: HomeAssistant, room: Any, pty_link: PtyLink) -> None:
    name = await record(hass, pty_link)
    flow = await Flow.config(hass, "replay")
    await flow.submit({"recording": name, "pace": "fastest", "repeats": 1})
    await until_state(hass, "binary_sensor.run_replay_connectivity", STATE_OFF)

    entry = hass.config_entries.async_entries(DOMAIN)[1]
    flow = await Flow.config(hass, source="reconfigure", entry_id=entry.entry_id)
    await flow.submit({"pace": "1", "repeats": 0})
    await hass.async_block_till_done()
    await until_state(hass, "binary_sensor.run_replay_connectivity", STATE_ON)


async def test_a_replay_whose_recording_was_deleted_says_so(hass: HomeAssistant, room: Any, pty_link: PtyLink) -> None:
    name = await record(hass, pty_link)
    flow = await Flow.config(hass, "replay")
    await hass.data[DATA_RECORDINGS].async_delete(name)
    await flow.submit({"recording": name, "pace": "1", "repeats": 0})

    assert flow.ended_by == "no_recordings"


async def test_a_link_whose_recording_was_deleted_says_so_until_it_is_back_and_reloaded(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path, tmp_path: Path
) -> None:
    name = await record(hass, pty_link)
    flow = await Flow.config(hass, "replay")
    await flow.submit({"recording": name, "pace": "fastest", "repeats": 0})
    await until_state(hass, "binary_sensor.run_replay_connectivity", STATE_ON)
    entry = hass.config_entries.async_entries(DOMAIN)[1]
    kept = shutil.copytree(folder, tmp_path / "kept")

    await hass.data[DATA_RECORDINGS].async_delete(name)
    await until(lambda: entry.state is ConfigEntryState.SETUP_ERROR)
    assert entry.error_reason_translation_key == "replayed_recording_gone"
    assert entry.error_reason_translation_placeholders == {"name": name, "folder": str(folder)}
    assert not await hass.config_entries.async_reload(entry.entry_id)

    shutil.copytree(kept, folder, dirs_exist_ok=True)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until_state(hass, "binary_sensor.run_replay_connectivity", STATE_ON)


async def test_a_replay_waits_until_its_folder_can_be_read(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path, tmp_path: Path
) -> None:
    name = await record(hass, pty_link)
    flow = await Flow.config(hass, "replay")
    await flow.submit({"recording": name, "pace": "1", "repeats": 0})
    entry = hass.config_entries.async_entries(DOMAIN)[1]
    kept = folder.rename(tmp_path / "kept")  # noqa: ASYNC240
    folder.write_text("no folder")  # noqa: ASYNC240

    assert not await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "recordings_unreadable"

    folder.unlink()  # noqa: ASYNC240
    kept.rename(folder)
    assert await hass.config_entries.async_reload(entry.entry_id)


async def test_a_folder_of_recordings_that_cannot_be_read_is_said(hass: HomeAssistant, folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("no folder")  # noqa: ASYNC240
    flow = await Flow.config(hass, "replay")

    assert flow.ended_by == "recordings_unreadable"
    assert flow.text("folder") == str(folder)
    assert "Not a directory" in flow.text("error")


async def test_a_raw_capture_is_replayed_with_the_devices_of_its_link(hass: HomeAssistant, room: Any) -> None:
    catalogue = hass.data[DATA_RECORDINGS].catalogue
    header = CaptureHeader("Hall", devices=[{"title": "Hall", "profile": ROOM.to_dict()}])
    capture = await catalogue.start_capture("Hall", header)
    capture.take([Frame(1.0, b'{"temp": 19.5, "mode": "captured"}')])
    await catalogue.stop_capture(capture)

    flow = await Flow.config(hass, "replay")
    await flow.submit({"recording": "Hall.capture", "pace": "1", "repeats": 0})

    await until_state(hass, "sensor.hall_replay_mode", "captured")


@pytest.mark.parametrize("ended_by", ["stop", "unload"])
async def test_a_link_is_captured_and_replayed(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, ended_by: str
) -> None:
    def mask(frames: Batch) -> Batch:
        return [frame._replace(data=frame.data.replace(b"secret", b"******")) for frame in frames]

    capture = await async_start_capture(hass, room, mask=mask)
    pty_link.write(b'{"temp": 18.5, "mode": "secret"}\n')
    await until_state(hass, "sensor.room_mode", "secret")
    if ended_by == "stop":
        await capture.async_stop()
    else:
        await hass.config_entries.async_unload(room.entry_id)

    info = hass.data[DATA_RECORDINGS].catalogue.find(capture.running.name)
    assert [frame.data for frame in read_frames(info.path)] == [b'{"temp": 18.5, "mode": "******"}']
    assert str(pty_link.path) not in info.path.read_text()
    flow = await Flow.config(hass, "replay")
    await flow.submit({"recording": info.name, "pace": "1", "repeats": 0})
    await hass.async_block_till_done()
    await until_state(hass, "sensor.room_replay_mode", "******")


async def capture_without_a_disk(hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path) -> Any:
    capture = await async_start_capture(hass, room)
    pty_link.write(b'{"temp": 20.5, "mode": "a"}\n')
    await until_state(hass, "sensor.room_mode", "a")
    await hass.async_add_executor_job(shutil.rmtree, folder)  # as if the disk was taken away
    await capture.async_stop()
    return capture


async def test_a_capture_that_the_disk_ends_is_a_repair(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    capture = await capture_without_a_disk(hass, room, pty_link, folder)

    assert capture.running.end == "write_failed"
    assert ir.async_get(hass).async_get_issue(DOMAIN, "recording_disk_full") is not None


async def test_what_became_of_a_capture_is_told_once(
    hass: HomeAssistant, room: Any, pty_link: PtyLink, folder: Path
) -> None:
    await capture_without_a_disk(hass, room, pty_link, folder)
    ir.async_delete_issue(hass, DOMAIN, "recording_disk_full")  # as the next recording does

    await hass.config_entries.async_unload(room.entry_id)

    assert ir.async_get(hass).async_get_issue(DOMAIN, "recording_disk_full") is None


async def test_what_is_no_capture_is_refused(hass: HomeAssistant, room: Any, folder: Path) -> None:
    folder.mkdir(parents=True)  # noqa: ASYNC240
    (folder / "odd.capture").write_text("no capture\n")
    flow = await Flow.config(hass, "replay")

    await flow.submit({"recording": "odd.capture", "pace": "1", "repeats": 0})

    assert flow.errors == {"recording": "recording_unreadable"}
    assert flow.text("error")
