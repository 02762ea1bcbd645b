"""A process that records is killed at many moments; every format is readable, with at most an interval missing."""

from pathlib import Path
import shutil
import subprocess
import time

import pytest

from custom_components.fieldbridge.bridge.sinks import CAPTURE, read_frames, recover

from .alone import command
from .reading import ALL_SINKS, read_rows

SYNC_INTERVAL = 0.1
"""Seconds."""

CHILD = """
    import asyncio, contextlib, itertools, sys
    from pathlib import Path
    from fieldbridge.acquisition import Sample
    from fieldbridge.codecs.frame import Frame
    from fieldbridge.sinks import SINKS, CaptureHeader, CaptureSink

    async def main(interval, *paths):
        async with contextlib.AsyncExitStack() as stack:
            sinks = [
                await stack.enter_async_context(SINKS[Path(path).suffix](path, sync_interval=interval))
                for path in paths if Path(path).suffix in SINKS
            ]
            captures = [
                await stack.enter_async_context(CaptureSink(path, CaptureHeader("Lab port"), sync_interval=interval))
                for path in paths if Path(path).suffix not in SINKS
            ]
            print("ready", flush=True)
            for number in itertools.count():
                for sink in sinks:
                    await sink.write_many([Sample("device", value=number, unit='text, with a\\n"break"')])
                for capture in captures:
                    await capture.write_batches([[Frame(number, b"%d" % number)]])
                print(number, flush=True)
                await asyncio.sleep(0.001)

    asyncio.run(main(float(sys.argv[1]), *sys.argv[2:]))
"""


def killed_after(seconds: float, *paths: Path) -> list[tuple[float, int]]:
    """Record into ``paths`` and kill -9 after some seconds; return when which number was handed to the sinks."""
    with subprocess.Popen(command(CHILD, SYNC_INTERVAL, *paths), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        handed_over: list[tuple[float, int]] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            handed_over.append((time.monotonic(), int(child.stdout.readline())))
        child.kill()
    return handed_over


def recorded_values(path: Path) -> list[float]:
    """Return the numbers that a recording or a capture holds."""
    if path.suffix == CAPTURE:
        return [float(frame.data) for frame in read_frames(path)]
    return [float(row["value"]) for row in read_rows(path)]


@pytest.mark.parametrize("milliseconds", [5, 60, 110, 170, 230, 310, 420, 560])
def test_kill_at_any_moment_leaves_readable_recordings(milliseconds: int, tmp_path: Path) -> None:
    paths = [tmp_path / f"run.{kind}" for kind in (*ALL_SINKS, "capture")]
    handed_over = killed_after(milliseconds / 1000, *paths)
    # One interval, and as much for a busy machine on which the threads come late.
    safe = [value for moment, value in handed_over if moment < handed_over[-1][0] - 2 * SYNC_INTERVAL - 0.1]

    recovered = recover(tmp_path)

    assert [(item.path, item.error) for item in recovered] == [(path, None) for path in sorted(paths)]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    for path in paths:
        values = recorded_values(path)
        assert values == [float(value) for value in range(len(values))]
        assert len(values) > max(safe, default=-1)


SELDOM = """
    import asyncio, contextlib, sys
    from pathlib import Path
    from fieldbridge.acquisition import Sample
    from fieldbridge.sinks import SINKS

    async def main(*paths):
        async with contextlib.AsyncExitStack() as stack:
            sinks = [
                await stack.enter_async_context(SINKS[Path(path).suffix](path, sync_interval=2.0)) for path in paths
            ]
            await asyncio.sleep(2.1)
            for sink in sinks:
                await sink.write_many([Sample("device", value=7)])
            print("written", flush=True)
            await asyncio.sleep(60)

    asyncio.run(main(*sys.argv[1:]))
"""


def test_a_row_that_comes_seldom_waits_for_no_interval(tmp_path: Path) -> None:
    paths = [tmp_path / f"run.{kind}" for kind in ALL_SINKS]
    with subprocess.Popen(command(SELDOM, *paths), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        time.sleep(1.0)  # half an interval, in which the threads write
        child.kill()

    recover(tmp_path)

    assert [recorded_values(path) for path in paths] == [[7.0]] * len(paths)


PIPED = """
    import asyncio, sys
    from pathlib import Path
    from fieldbridge.acquisition import Sample, record
    from fieldbridge.sinks import SINKS, pipe

    class Numbers:
        number = -1

        def poll(self):
            self.number += 1
            print(self.number, flush=True)
            return [Sample("device", value=self.number)]

    async def main(path):
        async with SINKS[Path(path).suffix](path) as sink, record(Numbers(), rate_hz=100) as recording:
            await pipe(recording, sink, batch_size=35, flush_interval=1.0)

    asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize("kind", ALL_SINKS)
def test_a_kill_costs_no_more_than_the_flush_interval_of_a_pipe(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"run.{kind}"
    polled: list[float] = []
    with subprocess.Popen(command(PIPED, path), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        # A third of a second waits in the pipe, so that most intervals of the file end shortly before new rows come.
        while not polled or polled[-1] - polled[0] < 1.9:
            child.stdout.readline()
            polled.append(time.monotonic())
        child.kill()
    safe = sum(moment < polled[-1] - 1.1 for moment in polled)

    recover(tmp_path)

    values = recorded_values(path)
    assert values == [float(value) for value in range(len(values))]
    assert len(values) >= safe


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_torn_last_line_is_cut_off_and_a_break_in_a_text_is_none(kind: str, tmp_path: Path) -> None:
    part = tmp_path / f"run.{kind}.part"
    if kind == "csv":
        part.write_bytes(b'value,unit\n1,"a\nb"\n2,"torn\nli')
    else:
        part.write_bytes(b'{"value":1,"unit":"a\\nb"}\n{"value":2,"un')

    (recovered,) = recover(tmp_path)

    assert recovered.path is not None
    (row,) = read_rows(recovered.path)
    assert (int(row["value"]), row["unit"]) == (1, "a\nb")


def test_every_cut_of_a_parquet_journal_gives_the_whole_batches_before_it(tmp_path: Path) -> None:
    handed_over = killed_after(0.45, tmp_path / "run.parquet")
    journal = (tmp_path / "run.parquet.part").read_bytes()
    assert handed_over
    (tmp_path / "run.parquet.part").unlink()
    header = journal.index(b"value_text") + 2000
    found = []
    for cut in range(header, len(journal) + 1, max(1, (len(journal) - header) // 15)):
        part = tmp_path / f"cut{cut}.parquet.part"
        part.write_bytes(journal[:cut])
        (recovered,) = recover(tmp_path)
        assert recovered.path is not None, recovered.error
        found.append(len(read_rows(recovered.path)))

    assert found == sorted(found)
    assert found[-1] > 0


def test_what_is_no_recording_or_is_damaged_beyond_repair_is_left_and_named(tmp_path: Path) -> None:
    (tmp_path / "note.txt.part").write_text("not ours")
    (tmp_path / "run.parquet.part").write_bytes(b"garbage")
    (tmp_path / "run.sqlite.part").write_bytes(b"garbage" * 1000)

    recovered = recover(tmp_path)

    assert [item.path for item in recovered] == [None, None, None]
    assert all(item.error for item in recovered)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_recovered_recording_never_replaces_another(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text("precious")
    (tmp_path / "run.jsonl.part").write_text('{"value":1}\n')

    (recovered,) = recover(tmp_path)

    assert recovered.path == tmp_path / "run-2.jsonl"
    assert (tmp_path / "run.jsonl").read_text() == "precious"


@pytest.mark.parametrize("kind", [*ALL_SINKS, "capture"])
def test_a_kill_while_a_file_gets_its_name_makes_no_second_one(kind: str, tmp_path: Path) -> None:
    killed_after(0.25, tmp_path / f"run.{kind}")
    part, kept = tmp_path / f"run.{kind}.part", tmp_path / "kept"
    shutil.copy(part, kept)
    (first,) = recover(tmp_path)
    assert first.path is not None
    if kind != "parquet":  # which is converted from its part, while the others are their parts under another name
        kept.unlink()
        kept.hardlink_to(first.path)
    kept.rename(part)

    (recovered,) = recover(tmp_path)

    assert recovered.path == tmp_path / f"run.{kind}"
    assert [path.name for path in tmp_path.iterdir()] == [f"run.{kind}"]
    assert recorded_values(recovered.path)


def test_a_finished_parquet_file_with_two_names_is_not_written_anew(tmp_path: Path) -> None:
    killed_after(0.25, tmp_path / "run.parquet")
    part, kept = tmp_path / "run.parquet.part", tmp_path / "kept"
    shutil.copy(part, kept)
    recover(tmp_path)
    finished = tmp_path / "run.parquet"
    before = finished.stat()
    kept.rename(part)
    (tmp_path / "run.parquet.new").hardlink_to(finished)

    recover(tmp_path)

    assert (finished.stat().st_ino, finished.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(tmp_path.iterdir()) == [finished]


@pytest.mark.parametrize("kind", ["csv", "parquet", "sqlite", "capture"])
def test_a_file_that_was_made_but_not_begun_is_no_recording(kind: str, tmp_path: Path) -> None:
    (tmp_path / f"run.{kind}.part").touch()

    (recovered,) = recover(tmp_path)

    assert recovered.path is None
    assert recovered.error == "its writer died before it was begun"
    assert list(tmp_path.iterdir()) == []


def test_a_header_that_is_torn_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "run.csv.part").write_text("device,addr")

    (recovered,) = recover(tmp_path)

    assert recovered.path is None
    assert list(tmp_path.iterdir()) == []
