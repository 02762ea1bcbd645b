"""The folder of recordings: what is listed, deleted, pruned and made whole."""

import asyncio
from datetime import UTC, datetime, timedelta
import json
import os
from pathlib import Path
import subprocess
import threading

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.bridge.recordings import (
    Catalogue,
    Description,
    Limits,
    RecordingEnd,
    RecordingError,
    RecordingPlan,
    RecordingState,
    RunningCapture,
    UnknownRecordingError,
    describe_device,
    read_rows,
    safe_stem,
)
from custom_components.fieldbridge.bridge.recordings.description import read_description, write_description
from custom_components.fieldbridge.bridge.sinks import CaptureHeader, read_frames, read_header
from tests.bridge.sinks.alone import command

from .devices import ROOM, names_in, room

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def recording(folder: Path, name: str, *, days: float, size: int = 1000) -> Path:
    """Put a finished recording into the folder."""
    path = folder / name
    path.write_bytes(b"x" * size)
    started_at = NOW - timedelta(days=days)
    write_description(path, Description(title=name, started_at=started_at, finished_at=started_at, end="stopped"))
    return path


@given(st.text(max_size=300))
def test_a_file_stays_in_its_folder_whatever_a_name_contains(name: str) -> None:
    stem = safe_stem(name)
    path = (Path("/folder") / f"{stem}.csv").resolve()
    assert path.parent == Path("/folder")
    assert path.suffix == ".csv"
    assert not stem.startswith(".")
    assert stem.isprintable()
    assert len(f"{stem}-999999.parquet.part-journal".encode()) <= 255


def test_names_keep_what_people_write() -> None:
    assert safe_stem("Ofen 3, Größe: groß") == "Ofen 3_ Größe_ groß"
    assert safe_stem("../../etc/passwd") == "etc_passwd"
    assert safe_stem("") == "recording"


async def test_a_running_recording_is_listed_and_cannot_be_deleted(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, Limits(keep_free=0))
    running = await catalogue.start(RecordingPlan(title="Run", devices=[room()]))

    (info,) = catalogue.entries()
    assert (info.name, info.state) == ("Run.csv", RecordingState.RUNNING)
    with pytest.raises(RecordingError, match="being recorded"):
        catalogue.delete("Run.csv")
    assert catalogue.prune(NOW + timedelta(days=4000)) == []

    await running.stop()
    (info,) = catalogue.entries()
    facts = info.to_dict()
    assert (facts["state"], facts["end"], facts["rows"], facts["devices"]) == ("finished", "stopped", 0, ["Room"])
    catalogue.delete("Run.csv")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/passwd", "..", "", "a.csv.json", "a.csv.part", "link.csv"])
def test_only_recordings_of_the_folder_can_be_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    secret = recording(tmp_path, "secret.csv", days=0)
    recording(folder, "a.csv", days=0)
    (folder / "link.csv").symlink_to(secret)

    with pytest.raises(UnknownRecordingError):
        Catalogue(folder).delete(name)

    assert secret.exists()


def test_too_old_and_then_the_oldest_are_pruned_until_all_fit(tmp_path: Path) -> None:
    for name, days in (("new.csv", 1), ("middle.csv", 2), ("older.csv", 3), ("ancient.csv", 31)):
        recording(tmp_path, name, days=days)
    catalogue = Catalogue(tmp_path, Limits(max_bytes=2500, max_age=timedelta(days=30)))

    pruned = catalogue.prune(NOW, keep={"ancient.csv"})
    assert [info.name for info in pruned] == ["older.csv"]

    assert [info.name for info in catalogue.prune(NOW)] == ["ancient.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "middle.csv",
        "middle.csv.json",
        "new.csv",
        "new.csv.json",
    ]


def test_what_its_writer_left_is_made_whole_and_said_to_be_interrupted(tmp_path: Path) -> None:
    part = tmp_path / "run.csv.part"
    part.write_text("t_utc,monotonic_ns,device,temp,event\n2026-11-21T12:00:00+00:00,1,Room,20.5,\n2026-11-21T12")
    device = describe_device("id", "Room", ROOM[:1])
    write_description(tmp_path / "run.csv", Description(title="Run", started_at=NOW, devices=(device,)))
    written_at = NOW + timedelta(seconds=90)
    os.utime(part, (written_at.timestamp(),) * 2)  # and nobody looked for days
    catalogue = Catalogue(tmp_path)
    assert catalogue.find("run.csv").state is RecordingState.INTERRUPTED

    (info,) = catalogue.recover()

    assert (info.name, info.state) == ("run.csv", RecordingState.INTERRUPTED)
    assert info.path.read_text().endswith("20.5,\n")
    description = read_description(info.path)
    assert description is not None
    assert (description.end, description.finished_at) == (RecordingEnd.INTERRUPTED, written_at)
    assert description.summary["duration"] == 90.0
    assert catalogue.recover() == []


_RECORD_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from fieldbridge.channels import Channel
from fieldbridge.recordings import Catalogue, Limits, RecordingPlan, describe_device

class Device:
    def fresh_value(self, key):
        return None
    def on_samples(self, listener):
        self.listener = listener
        return lambda: None

async def main():
    device = Device()
    channels = [Channel(key="temp", name="Temperature", source="temp", unit="K")]
    plan = RecordingPlan(title="Run", devices=[(describe_device("id", "Room", channels), device)], suffix=sys.argv[2])
    recording = await Catalogue(Path(sys.argv[1]), Limits(keep_free=0)).start(plan)
    number = 0
    while True:
        device.listener([SimpleNamespace(time=number / 100, values={"temp": float(number)})])
        number += 1
        if recording.size > 20_000:
            print(recording.written, flush=True)
        await asyncio.sleep(0.0005)

asyncio.run(main())
"""


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".sqlite", ".parquet"])
def test_a_recording_whose_process_is_killed_is_read_back_after_recovery(tmp_path: Path, suffix: str) -> None:
    with subprocess.Popen(
        command(_RECORD_UNTIL_KILLED, tmp_path, suffix), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        written = int(process.stdout.readline())
        process.kill()

    (info,) = Catalogue(tmp_path).recover()

    assert info.description is not None
    rows = list(read_rows(info.path, info.description))
    assert [row.values["temp"] for row in rows] == [float(number) for number in range(len(rows))]
    assert len(rows) >= written - 1000, "the last flush interval may be lost, no more"
    assert info.description.end == RecordingEnd.INTERRUPTED


async def test_a_capture_holds_the_frames_and_says_where_they_came_from(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, Limits(keep_free=0))
    header = CaptureHeader("Lab port", kind="serial", framing={"delimiter": "\\n"})
    capture = await catalogue.start_capture("Lab port", header)
    capture.take([Frame(1.25, b"\x00\xff"), Frame(1.5, b"two")])

    await catalogue.stop_capture(capture)

    (info,) = catalogue.entries()
    assert info.is_capture
    assert info.to_dict()["rows"] == 2
    assert list(read_frames(info.path)) == [Frame(1.25, b"\x00\xff"), Frame(1.5, b"two")]
    assert (read_header(info.path).link, read_header(info.path).framing) == ("Lab port", {"delimiter": "\\n"})


async def test_a_capture_ends_when_it_fills_the_quota_alone(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, Limits(keep_free=0, max_bytes=2000))
    capture = await catalogue.start_capture("Lab port", CaptureHeader("Lab port"))
    async with asyncio.timeout(8):
        while capture.end is None:
            capture.take([Frame(1.0, b"x" * 100)])
            await asyncio.sleep(0.001)

    await catalogue.stop_capture(capture)
    capture.take([Frame(2.0, b"too late")])

    assert capture.end is RecordingEnd.QUOTA
    assert capture.statistics()["rows"] == len(list(read_frames(capture.path)))
    assert not catalogue.is_busy


async def test_a_capture_whose_disk_fails_ends_and_says_why(tmp_path: Path) -> None:
    capture = RunningCapture(tmp_path / "run.capture", CaptureHeader("Lab port"), keep_free=2**62)
    await capture.start()
    async with asyncio.timeout(8):
        while capture.end is None:
            capture.take([Frame(1.0, b"x")])
            await asyncio.sleep(0.01)
    await capture.stop()

    assert capture.end is RecordingEnd.DISK_FULL
    assert "MB are free" in (capture.error or "")
    assert list(read_frames(capture.path))


async def test_every_frame_that_a_full_disk_cost_is_counted_as_dropped(tmp_path: Path) -> None:
    capture = RunningCapture(tmp_path / "run.capture", CaptureHeader("Lab port"), keep_free=2**62)
    await capture.start()
    came = 0
    async with asyncio.timeout(20):
        while capture.end is None:
            capture.take([Frame(1.0, b"x")] * 7)
            came += 7
            await asyncio.sleep(0.001)
    await capture.stop()

    numbers = capture.statistics()
    assert numbers["dropped"]
    assert numbers["rows"] + numbers["dropped"] == came


def test_a_file_from_elsewhere_is_listed_by_its_own_time(tmp_path: Path) -> None:
    (tmp_path / "copied.csv").write_text("a,b\n1,2\n")
    (tmp_path / "copied.capture").write_text("no header\n")
    (tmp_path / "notes.txt").write_text("not ours")

    listed = {info.name: info for info in Catalogue(tmp_path).entries()}

    assert set(listed) == {"copied.csv", "copied.capture"}
    assert all(info.state is RecordingState.FINISHED and info.description is None for info in listed.values())
    assert listed["copied.csv"].to_dict()["title"] == "copied.csv"


async def test_a_recording_that_cannot_be_described_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "Run.csv.json").mkdir()

    with pytest.raises(OSError, match=r"Run\.csv\.json"):
        await Catalogue(tmp_path, Limits(keep_free=0)).start(RecordingPlan(title="Run", devices=[room()]))

    assert names_in(tmp_path) == ["Run.csv.json"]
    assert recording_threads() == 0


@pytest.mark.parametrize("turns", [1, 3, 10, 30, 100, 300, 1000, 3000])
async def test_a_recording_that_nobody_wants_any_more_as_it_begins_leaves_nothing_behind(
    tmp_path: Path, turns: int
) -> None:
    catalogue = Catalogue(tmp_path / "recordings", Limits(keep_free=0))
    starting = asyncio.create_task(catalogue.start(RecordingPlan(title="Run", devices=[room()])))
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])

    if not starting.cancelled():
        await starting.result().stop()
    else:
        assert not list(catalogue.folder.glob("*"))
    assert recording_threads() == 0
    assert not catalogue.is_busy


def recording_threads() -> int:
    """Return how many threads write recordings."""
    return sum(thread.name == "fieldbridge recording" for thread in threading.enumerate())


def test_a_description_that_cannot_be_written_keeps_no_interrupted_recording_from_being_found(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / f"{name}.part").write_text("t_utc,monotonic_ns,device,temp,event\n")
        write_description(tmp_path / name, Description(title=name, started_at=NOW))
    (tmp_path / "a.csv.json.new").mkdir()  # as if the disk was full

    recovered = Catalogue(tmp_path).recover()

    assert [(info.name, info.state) for info in recovered] == [
        ("a.csv", RecordingState.INTERRUPTED),
        ("b.csv", RecordingState.INTERRUPTED),
    ]


def test_a_time_without_an_offset_is_taken_as_utc(tmp_path: Path) -> None:
    header = {"fieldbridge_capture": 1, "link": "Mine", "started_at": "2026-11-21T11:00:00"}
    (tmp_path / "mine.capture").write_text(json.dumps(header) + "\n")
    recording(tmp_path, "ours.csv", days=2)

    listed = Catalogue(tmp_path).entries()

    assert [(info.name, info.started_at) for info in listed] == [
        ("mine.capture", NOW - timedelta(hours=1)),
        ("ours.csv", NOW - timedelta(days=2)),
    ]


async def test_a_capture_whose_name_was_taken_meanwhile_is_over_like_any_other(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, Limits(keep_free=0))
    capture = await catalogue.start_capture("Lab port", CaptureHeader("Lab port"))
    (tmp_path / "Lab port.capture").write_text("copied here")
    await capture.stop()

    await catalogue.stop_capture(capture)

    assert capture.name == "Lab port-2.capture"
    assert not catalogue.is_busy
