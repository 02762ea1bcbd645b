"""What is written is what is read back, in every format."""

import csv
from datetime import UTC, datetime
import math
from pathlib import Path
import time
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import pyarrow.parquet as pq
import pytest

from custom_components.fieldbridge.bridge.acquisition import Column, RowLayout, Sample, SampleRow, Scalar, WallAnchor
from custom_components.fieldbridge.bridge.channels import ValueKind
from custom_components.fieldbridge.bridge.sinks import (
    CsvSink,
    FileSink,
    InMemorySink,
    JsonlSink,
    ParquetSink,
    SampleSink,
    SqliteSink,
)
from custom_components.fieldbridge.bridge.sinks.files import unique_path
from custom_components.fieldbridge.bridge.sinks.tables import WideTable
from custom_components.fieldbridge.bridge.sinks.text_formats import CsvFormat

from .reading import ALL_SINKS, read_rows

ANCHOR = WallAnchor(datetime(2026, 11, 21, 12, tzinfo=UTC), 0)
COLUMNS = (Column("temperature"), Column("door", ValueKind.BINARY), Column("mode", ValueKind.TEXT))


@pytest.fixture(params=ALL_SINKS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def sample(number: int, value: Scalar | None, **fields: Any) -> Sample:
    return Sample.polled(
        "oven",
        anchor=ANCHOR,
        requested_ns=number * 1_000_000_000,
        received_ns=number * 1_000_000_000 + 2_000_000,
        parameter="temperature",
        value=value,
        **fields,
    )


async def written(sink: FileSink, *samples: Sample) -> list[dict[str, Any]]:
    async with sink:
        await sink.write_many(samples)
    return read_rows(sink.path)


async def test_long_rows_hold_every_documented_field(kind: str, tmp_path: Path) -> None:
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}")
    rows = await written(sink, sample(1, 21.5, unit="°C", protocol="serial", address=7, parameter_id=4001, raw=b"x"))

    (row,) = rows
    assert list(row) == [
        *("device", "address", "protocol", "channel", "parameter", "parameter_id", "instance", "value"),
        *(["value_text"] if kind == "parquet" else []),
        *("unit", "monotonic_ns", "requested_at", "received_at", "midpoint_at", "latency_s", "error"),
    ]
    assert (row["device"], float(row["value"]), row["unit"], int(row["address"])) == ("oven", 21.5, "°C", 7)
    assert int(row["monotonic_ns"]) == 1_001_000_000
    assert float(row["latency_s"]) == 0.002
    midpoint = row["midpoint_at"]
    expected = datetime(2026, 11, 21, 12, 0, 1, 1000, tzinfo=UTC)
    assert (midpoint if kind == "parquet" else datetime.fromisoformat(midpoint)) == expected


async def test_the_first_value_does_not_decide_what_later_ones_may_be(kind: str, tmp_path: Path) -> None:
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}")

    rows = await written(sink, sample(1, None), sample(2, 1), sample(3, 1.5))

    assert [None if row["value"] in (None, "") else float(row["value"]) for row in rows] == [None, 1.0, 1.5]


async def test_numbers_and_texts_share_a_long_recording(kind: str, tmp_path: Path) -> None:
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}")

    rows = await written(sink, sample(1, 2.5), sample(2, 'a "quoted",\nbroken text'))

    column = "value_text" if kind == "parquet" else "value"
    assert rows[1][column] == 'a "quoted",\nbroken text'
    assert float(rows[0]["value"]) == 2.5


async def test_a_wide_recording_has_one_row_per_tick(kind: str, tmp_path: Path) -> None:
    layout = RowLayout("oven", COLUMNS, ANCHOR)
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}", columns=COLUMNS)
    async with sink:
        await sink.write_batches(
            [
                SampleRow(layout, (21, True, "heat"), received_ns=1_000_000_000),
                SampleRow(layout, (21.25, None, None), received_ns=2_000_000_000),
            ]
        )

    first, second = read_rows(sink.path)
    assert list(first) == ["t_utc", "monotonic_ns", "device", "temperature", "door", "mode", "event"]
    assert (float(first["temperature"]), first["mode"], int(first["monotonic_ns"])) == (21.0, "heat", 1_000_000_000)
    assert first["door"] in (True, 1, "true")
    assert float(second["temperature"]) == 21.25
    assert second["door"] in (None, "")


async def test_single_samples_are_put_in_their_columns_and_what_has_none_is_counted(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path / "run.jsonl", columns=COLUMNS)
    async with sink:
        await sink.write_many(
            [
                sample(1, 20.0),
                Sample("oven", channel="door", value=False),
                sample(2, 21.0),
                Sample("other", channel="mode", value="cool"),
                Sample("other", channel="pressure", value=1.0),
                Sample("oven", error="bad frame"),
            ]
        )

    rows = [(row["device"], row["temperature"], row["door"], row["mode"], row["event"]) for row in read_rows(sink.path)]
    assert rows == [
        ("oven", 20.0, False, None, None),
        ("oven", 21.0, None, None, None),
        ("other", None, None, "cool", None),
        ("oven", None, None, None, "bad frame"),
    ]
    assert sink.unplaced == 1


async def test_a_mark_is_a_row_without_a_device(kind: str, tmp_path: Path) -> None:
    for columns, place in ((None, "error"), (COLUMNS, "event")):
        sink = ALL_SINKS[kind](tmp_path / f"{place}.{kind}", columns=columns)
        async with sink:
            sink.mark(ANCHOR.utc, "gap", monotonic_ns=5)

        (row,) = read_rows(sink.path)
        assert (row["device"], row[place], int(row["monotonic_ns"])) == ("", "gap", 5)


async def test_integers_beyond_64_bits_and_numbers_that_are_none_do_not_end_a_recording(
    kind: str, tmp_path: Path
) -> None:
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}")

    rows = await written(sink, sample(1, 2**64 - 1), sample(2, float("nan")), sample(3, 2**70))

    assert float(rows[0]["value"]) == pytest.approx(1.8446744073709552e19)
    assert float(rows[2]["value"]) == pytest.approx(2.0**70)
    assert sink.lost == 0


@pytest.mark.parametrize("columns", [None, COLUMNS], ids=["long", "wide"])
@pytest.mark.parametrize("digits", [400, 5000], ids=str)
async def test_an_integer_beyond_all_floats_costs_at_most_itself(
    kind: str, digits: int, columns: tuple[Column, ...] | None, tmp_path: Path
) -> None:
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}", columns=columns)

    rows = await written(sink, sample(1, 1.0), sample(2, -(10**digits)), sample(3, 3.0))

    name = "value" if columns is None else "temperature"
    assert [float(rows[place][name]) for place in (0, 2)] == [1.0, 3.0]
    assert sink.lost == 0


async def test_a_list_that_is_used_again_after_a_write_costs_no_row(kind: str, tmp_path: Path) -> None:
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}")
    samples: list[Sample] = []
    async with sink:
        for number in range(100):
            samples.append(sample(number, float(number)))
            await sink.write_many(samples)
            samples.clear()

    assert [float(row["value"]) for row in read_rows(sink.path)] == [float(number) for number in range(100)]


async def test_a_moment_without_an_offset_is_utc_in_every_format(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        (row,) = await written(
            ALL_SINKS[kind](tmp_path / f"run.{kind}"),
            Sample("oven", received_at=datetime(2026, 11, 21, 12)),  # noqa: DTZ001  - what this is about
        )
    finally:
        monkeypatch.undo()
        time.tzset()

    assert datetime.fromisoformat(str(row["received_at"])) == ANCHOR.utc


async def test_a_value_of_the_wrong_kind_is_left_out_of_a_parquet_column(tmp_path: Path) -> None:
    layout = RowLayout("oven", COLUMNS, ANCHOR)
    sink = ParquetSink(tmp_path / "run.parquet", columns=COLUMNS)
    async with sink:
        await sink.write_batches([SampleRow(layout, ("much", True, "a"), received_ns=1)])
        await sink.write_batches([SampleRow(layout, (1, False, "b"), received_ns=2)])

    assert [row["temperature"] for row in read_rows(sink.path)] == [None, 1.0]
    assert str(pq.read_schema(sink.path).field("temperature").type) == "double"


@pytest.mark.parametrize("names", [("a", "A"), ("device",), ("a", "a")])
def test_columns_that_a_table_cannot_tell_apart_are_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="column names must differ"):
        SqliteSink(tmp_path / "run.sqlite", columns=[Column(name) for name in names])


async def test_column_names_with_any_characters_are_kept(kind: str, tmp_path: Path) -> None:
    columns = (Column('odd "name", with; stuff'),)
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}", columns=columns)
    async with sink:
        await sink.write_batches([SampleRow(RowLayout("d", columns, ANCHOR), (1.0,), received_ns=1)])

    assert float(read_rows(sink.path)[0]['odd "name", with; stuff']) == 1.0


async def test_every_sink_is_a_sample_sink_and_the_one_in_memory_keeps_what_it_got(tmp_path: Path) -> None:
    assert all(isinstance(sink(tmp_path / "run"), SampleSink) for sink in ALL_SINKS.values())
    memory = InMemorySink()
    assert isinstance(memory, SampleSink)
    with pytest.raises(RuntimeError, match="not open"):
        await memory.write_many([])

    async with memory:
        await memory.write_many([sample(1, 1.0)])
        await memory.write_many([])

    assert [kept.value for kept in memory.samples] == [1.0]


async def test_open_and_close_are_idempotent_and_writing_needs_an_open_sink(kind: str, tmp_path: Path) -> None:
    sink = ALL_SINKS[kind](tmp_path / f"run.{kind}")
    with pytest.raises(RuntimeError, match="not open"):
        await sink.write_many([sample(1, 1.0)])
    await sink.open()
    await sink.open()
    await sink.write_many([])
    await sink.write_many([sample(1, 1.0)])
    await sink.close()
    await sink.close()

    assert len(read_rows(sink.path)) == sink.rows == 1
    assert sink.size > 0
    with pytest.raises(RuntimeError, match="not open"):
        await sink.write_many([sample(2, 2.0)])


def test_an_interval_that_is_none_is_refused(tmp_path: Path) -> None:
    for interval in (0, math.nan, math.inf):
        with pytest.raises(ValueError, match="sync_interval"):
            CsvSink(tmp_path / "run.csv", sync_interval=interval)


NUMBERS = st.none() | st.floats() | st.integers() | st.sampled_from([0.0, -0.0, 1e-7, 1e16, 2**63, 2**64])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.booleans() | st.none(), NUMBERS), max_size=5),
    device=st.text(st.characters(codec="utf-8"), max_size=5),
)
def test_every_number_in_a_line_can_be_read_back(
    tmp_path: Path, rows: list[tuple[float | None, ...]], device: str
) -> None:
    kinds = [ValueKind.NUMBER] * 3 + [ValueKind.BINARY, ValueKind.NUMBER]
    table = WideTable([Column(f"c{place}", kind) for place, kind in enumerate(kinds)])
    path = unique_path(tmp_path / "run.csv")
    journal = CsvFormat().create(path, table.fields)
    journal.write([(None, 1, device, *row, "event") for row in rows])
    journal.finish()

    with path.open(newline="", encoding="utf-8") as file:
        _, *lines = csv.reader(file)
    assert [line[2] for line in lines] == [device] * len(rows)
    assert [line[-1] for line in lines] == ["event"] * len(rows)
    for line, row in zip(lines, rows, strict=True):
        for text, value in zip(line[3:8], row, strict=True):
            match value:
                case None:
                    assert text == ""
                case bool():
                    assert text == str(value).lower()
                case int():
                    assert int(text) == value
                case _:
                    assert repr(float(text)) == repr(value)
