"""The drawing of a recording: complete, well-formed, small."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import math
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from custom_components.fieldbridge.bridge.channels import Channel
from custom_components.fieldbridge.bridge.recordings import Description, RecordedRow, describe_device, plot_svg

from .devices import ROOM

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
DESCRIPTION = Description(title="Run <1> & more", started_at=START, devices=(describe_device("id", "Room", ROOM),))
SVG = "{http://www.w3.org/2000/svg}"


def row(seconds: float, **values: float | bool | str | None) -> RecordedRow:
    """Return what the room said after some seconds."""
    return RecordedRow(START + timedelta(seconds=seconds), int(seconds * 1e9), "Room", values)


def parse(svg: str) -> ET.Element:
    """Return the drawing as a tree."""
    return ET.fromstring(svg)  # noqa: S314  - made here


def texts(svg: str) -> list[str]:
    """Return all texts of a drawing."""
    return [str(each.text) for each in parse(svg).iter(f"{SVG}text")]


def test_every_channel_is_labelled_with_unit_range_and_time() -> None:
    svg = plot_svg([row(0, temp=20.0, door=True, mode="auto"), row(60, temp=23.5, door=False)], DESCRIPTION)

    shown = texts(svg)
    assert {"Run <1> & more", "Temperature [°C]", "Door", "20", "23.5", "on", "off", "+ Mode", "60 s"} <= set(shown)
    assert "2026-11-21 12:00:00 UTC" in shown
    assert "Temperature from 20 to 23.5 °C" in str(parse(svg).findtext(f"{SVG}desc"))


def test_a_long_recording_is_a_small_drawing_that_keeps_its_peaks() -> None:
    def rows() -> Iterator[RecordedRow]:
        for number in range(100_000):
            yield row(number / 100, temp=999.0 if number == 54_321 else math.sin(number / 50))

    svg = plot_svg(rows(), DESCRIPTION)

    assert len(svg) < 100_000
    assert "999" in texts(svg)


def test_a_drawing_that_does_not_show_every_row_says_so() -> None:
    rows = [row(second, temp=float(second)) for second in range(3000)]

    assert "Run <1> & more (the first 2,000 rows)" in texts(plot_svg(rows, DESCRIPTION, max_rows=2000))
    assert "Run <1> & more" in texts(plot_svg(rows, DESCRIPTION, max_rows=3000))


def test_a_line_is_interrupted_where_nothing_was_known() -> None:
    unbroken = plot_svg([row(second, temp=float(second)) for second in range(9)], DESCRIPTION)
    broken = plot_svg([row(second, temp=None if second == 4 else float(second)) for second in range(9)], DESCRIPTION)

    assert unbroken.count("M8") == 1
    path = next(parse(broken).iter(f"{SVG}path")).attrib["d"]
    assert path.count("M") == 2


@given(st.lists(st.tuples(st.floats(0, 1e7), st.none() | st.floats() | st.booleans() | st.text()), max_size=50))
def test_whatever_was_recorded_is_a_well_formed_drawing(values: list[tuple[float, float | bool | str | None]]) -> None:
    svg = plot_svg([row(seconds, temp=value, door=value) for seconds, value in values], DESCRIPTION)

    assert parse(svg).tag == f"{SVG}svg"
    assert "nan" not in svg
    assert "inf" not in svg


def test_more_channels_than_fit_are_named() -> None:
    channels = [Channel(key=f"c{number}", name=f"Channel {number}", source="x") for number in range(40)]
    description = Description(title="Run", started_at=START, devices=(describe_device("id", "Room", channels),))

    shown = texts(plot_svg([row(0, **{f"c{number}": 1.0 for number in range(40)})], description))

    assert "Channel 11" in shown
    assert any(text.startswith("+ Channel 12, ") for text in shown)


def test_a_name_with_control_characters_is_drawn_without_them() -> None:
    svg = plot_svg([row(0, temp=20.0)], replace(DESCRIPTION, title="a\x00\x1b<b"))

    assert "a  <b" in texts(svg)
