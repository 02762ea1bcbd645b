"""What a recording never does: overwrite another, lose what is on the disk, or touch a file on the event loop."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
import errno
from math import nan
from pathlib import Path
import subprocess
import threading
import time
from typing import Any, override

import pytest

from custom_components.fieldbridge.bridge.acquisition import Column, Sample
from custom_components.fieldbridge.bridge.sinks import (
    CsvSink,
    JsonlSink,
    SinkDependencyError,
    SinkError,
    SinkExistsError,
    SinkWriteError,
    recover,
    unique_path,
)
from custom_components.fieldbridge.bridge.sinks.tables import LongTable
from custom_components.fieldbridge.bridge.sinks.text_formats import CsvJournal
from custom_components.fieldbridge.bridge.sinks.writer import RecordingWriter

from .alone import command
from .reading import ALL_SINKS, read_rows


@pytest.fixture(params=ALL_SINKS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run_alone(code: str, *arguments: str) -> str:
    """Run code in a process of its own and return what it prints."""
    done = subprocess.run(
        command(code, *arguments),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_an_existing_recording_is_refused_and_stays_as_it_is(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"run.{kind}"
    for existing in (path, tmp_path / f"run.{kind}.part"):
        existing.write_text("precious")

        with pytest.raises(SinkExistsError, match=existing.name):
            await ALL_SINKS[kind](path).open()

        assert existing.read_text() == "precious"
        existing.unlink()


async def test_a_name_that_was_taken_meanwhile_is_numbered(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"run.{kind}"
    sink = ALL_SINKS[kind](path)
    await sink.open()
    path.write_text("precious")

    await sink.close()

    assert path.read_text() == "precious"
    assert sink.path == tmp_path / f"run-2.{kind}"
    assert read_rows(sink.path) == []


def test_a_free_name_avoids_recordings_and_unfinished_ones(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    assert unique_path(path) == path
    path.touch()
    (tmp_path / "run-2.csv.part").touch()

    assert unique_path(path) == tmp_path / "run-3.csv"


async def test_nothing_but_the_recording_is_left_in_the_folder(kind: str, tmp_path: Path) -> None:
    async with ALL_SINKS[kind](tmp_path / f"run.{kind}") as sink:
        await sink.write_many([Sample("device", value=1.0)])
        assert f"run.{kind}.part" in names_in(tmp_path)
        assert f"run.{kind}" not in names_in(tmp_path)

    assert names_in(tmp_path) == [f"run.{kind}"]


async def test_a_folder_that_is_not_there_is_said_when_opening(kind: str, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="open"):
        await ALL_SINKS[kind](tmp_path / "missing" / f"run.{kind}").open()


async def test_a_recording_that_falls_below_the_free_space_ends_with_all_that_was_written(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path / "run.jsonl", sync_interval=0.001, keep_free=1 << 60)
    written = 0

    async def write_on() -> None:
        nonlocal written
        while True:
            await sink.write_many([Sample("device", value=written)])
            written += 1
            await asyncio.sleep(0.001)

    await sink.open()
    with pytest.raises(SinkWriteError, match="free"):
        await asyncio.wait_for(write_on(), 20)
    await sink.close()

    rows = read_rows(sink.path)
    assert [row["value"] for row in rows] == list(range(sink.rows))
    assert sink.rows >= 1
    assert sink.rows + sink.lost == written


async def test_a_failure_that_no_write_has_met_comes_out_of_close(tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "run.csv", sync_interval=0.001, keep_free=1 << 60)
    await sink.open()
    await sink.write_many([Sample("device", value=1.0)])
    async with asyncio.timeout(20):
        while sink._writer is not None and sink._writer.failure is None:  # noqa: ASYNC110, SLF001
            await asyncio.sleep(0.001)

    with pytest.raises(SinkWriteError):
        await sink.close()
    assert len(read_rows(sink.path)) == 1


async def test_half_a_character_in_a_text_costs_that_character_alone(kind: str, tmp_path: Path) -> None:
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}")
    async with sink:
        await sink.write_many([Sample("device", value=value) for value in (1.0, "\ud83d", "whole")])
        await sink.write_many([Sample("device", value=2.0)])

    values = [row["value"] for row in read_rows(sink.path)]
    assert (len(values), float(values[0]), float(values[3])) == (4, 1.0, 2.0)
    assert sink.lost == 0


@pytest.mark.parametrize("odd", [Decimal("1.5"), 1 + 2j, b"x", ("a", 1)], ids=lambda odd: type(odd).__name__)
async def test_a_value_of_an_odd_type_ends_no_recording(kind: str, odd: Any, tmp_path: Path) -> None:
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}")
    async with sink:
        await sink.write_many([Sample("device", value=value) for value in (1.0, odd, 2.0)])

    rows = read_rows(sink.path)
    assert [float(rows[place]["value"]) for place in (0, 2)] == [1.0, 2.0]
    assert rows[1]["value"] or rows[1]["value_text"]


async def test_what_json_does_not_know_is_null_also_beside_a_huge_number(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path / "run.jsonl", columns=[Column("a"), Column("b")])
    async with sink:
        await sink.write_many([Sample("device", channel=key, value=value) for key, value in (("a", 2**70), ("b", nan))])

    assert [(row["a"], row["b"]) for row in read_rows(sink.path)] == [(2**70, None)]


@pytest.mark.parametrize("turns", [1, 3, 10, 100])
async def test_a_sink_that_nobody_waits_for_any_more_as_it_opens_ends_its_thread(turns: int, tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "run.csv")
    opening = asyncio.create_task(sink.open())
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait([opening])
    await sink.close()  # it may have been faster

    async with asyncio.timeout(8):
        while any(thread.name == "fieldbridge recording" for thread in threading.enumerate()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    assert names_in(tmp_path) == ["run.csv"]


async def test_a_file_that_cannot_be_closed_is_said_and_nobody_waits_for_it(tmp_path: Path) -> None:
    class Unclosable(CsvJournal):
        @override
        def finish(self) -> Path:
            raise OSError(errno.EIO, "the disk was taken away")

        @override
        def close(self) -> None:
            super().close()
            raise OSError(errno.EIO, "the disk was taken away")

    table = LongTable()
    writer = RecordingWriter(lambda: Unclosable(tmp_path / "run.csv", table.fields), table, folder=tmp_path)
    await writer.open()

    with pytest.raises(SinkWriteError, match="taken away"):
        async with asyncio.timeout(8):
            await writer.close()


def test_what_is_no_file_of_the_folder_is_left_alone_and_keeps_no_other_from_recovery(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("no line end")
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "a.sqlite.part").mkdir()
    (folder / "b.csv.part").symlink_to(elsewhere)
    (folder / "c.csv.part").symlink_to(folder / "nowhere")
    (folder / "d.csv.part").write_text("a,b\n1,2\n")

    assert [recovered.path for recovered in recover(folder)] == [folder / "d.csv"]

    assert elsewhere.read_text() == "no line end"


FULL_DISK = """
    import asyncio, resource, signal, sys
    from pathlib import Path
    from fieldbridge.acquisition import Sample
    from fieldbridge.sinks import SINKS, SinkWriteError

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    async def main(path):
        sink = SINKS[path.suffix](path, sync_interval=0.01)
        await sink.open()
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 200_000))
        failed, written = False, 0
        for number in range(3000):
            try:
                await sink.write_many([Sample("device", value=number)] * 5)
            except SinkWriteError:
                failed = True
                break
            written += 5
            await asyncio.sleep(0.001)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        try:
            await sink.close()
        except SinkWriteError:
            failed = True
        print(failed, written, sink.rows, sink.lost)

    asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_full_disk_ends_the_recording_with_what_is_written_intact(kind: str, tmp_path: Path) -> None:
    """The limit on the size of a file stands for the disk: the kernel refuses the same writes."""
    path = tmp_path / f"run.{kind}"

    failed, written, rows, lost = run_alone(FULL_DISK, str(path)).split()

    assert failed == "True"
    assert int(rows) + int(lost) == int(written)
    values = [float(row["value"]) for row in read_rows(path)]
    assert len(values) == int(rows) > 100
    assert values == [float(number // 5) for number in range(len(values))]


def test_no_file_is_opened_on_the_event_loop(kind: str, tmp_path: Path) -> None:
    calls = run_alone(
        """
        import asyncio, sys, threading
        from pathlib import Path
        from fieldbridge.acquisition import Sample
        from fieldbridge.sinks import SINKS

        watched = ("open", "os.rename", "os.link", "os.remove", "os.truncate", "sqlite3.connect", "import")
        main_thread = threading.get_ident()
        seen = []

        def watch(event, arguments):
            if event in watched and threading.get_ident() == main_thread:
                seen.append((event, str(arguments[0])))

        async def main(path):
            sys.addaudithook(watch)
            async with SINKS[path.suffix](path, sync_interval=0.01) as sink:
                for number in range(20):
                    await sink.write_many([Sample("device", value=number)])
                    await asyncio.sleep(0.002)
            print([call for call in seen if call != ("open", "None")])

        asyncio.run(main(Path(sys.argv[1])))
        """,
        str(tmp_path / f"run.{kind}"),
    )

    assert calls.strip() == "[]"


def test_without_pyarrow_parquet_says_what_is_missing_and_the_others_work(tmp_path: Path) -> None:
    printed = run_alone(
        """
        import asyncio, sys
        sys.modules["pyarrow"] = None
        from pathlib import Path
        from fieldbridge.sinks import CsvSink, ParquetSink, SinkDependencyError

        async def main(folder):
            async with CsvSink(folder / "run.csv"):
                pass
            try:
                await ParquetSink(folder / "run.parquet").open()
            except SinkDependencyError as err:
                print(err)

        asyncio.run(main(Path(sys.argv[1])))
        """,
        str(tmp_path),
    )

    assert "needs the package pyarrow" in printed
    assert issubclass(SinkDependencyError, ImportError)
    assert [path.name for path in tmp_path.iterdir()] == ["run.csv"]


async def test_a_step_of_the_wall_clock_is_marked(tmp_path: Path) -> None:
    step_ns = 0

    def wall_ns() -> int:
        return time.time_ns() + step_ns

    sink = JsonlSink(tmp_path / "run.jsonl", sync_interval=0.001, wall_ns=wall_ns)
    async with sink:
        await sink.write_many([Sample("device", value=1.0)])
        await asyncio.sleep(0.01)
        step_ns = 3600 * 10**9
        async with asyncio.timeout(20):
            while sink.rows < 3:
                await sink.write_many([Sample("device", value=2.0)])
                await asyncio.sleep(0.005)

    marks = [row for row in read_rows(sink.path) if row["device"] == ""]
    assert len(marks) == 1
    assert marks[0]["error"].startswith("clock step +3600.0") or marks[0]["error"].startswith("clock step +3599.9")
    assert datetime.fromisoformat(marks[0]["midpoint_at"]) > datetime.now(UTC)


async def test_a_flood_waits_for_the_thread_instead_of_filling_the_memory(tmp_path: Path) -> None:
    batch = [Sample("device", value=1.0)] * 20_000
    sink = CsvSink(tmp_path / "run.csv")
    async with sink, asyncio.timeout(30):
        for _ in range(6):
            await sink.write_many(batch)

    assert sink.rows == 120_000
