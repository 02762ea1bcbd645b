"""Profiles are read from YAML files; what is wrong in one is told by line and hides no other."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge import profiles
from custom_components.fieldbridge.bridge.profiles import export_profile, list_profiles, read_profile, shipped_profiles

GOOD = """\
schema_version: 1
id: test_scale
name: Test scale
manufacturer: Nobody
model: S1
kind: serial
version: 3
source: written for this test
link:
  baud_rate: 9600
decoder:
  kind: separated
  separator: ";"
channels:
  - key: weight
    name: Weight
    source: "0"
    unit: kg
  - key: stable
    name: Stable
    source: "1"
    kind: text
    texts: {S: stable, U: moving}
"""


TOTAL = "\n    state_class: total_increasing"


def lines_of(text: str) -> list[tuple[int | None, str]]:
    return [(mistake.line, mistake.path) for mistake in read_profile(text).mistakes]


def test_a_profile_says_what_the_device_is_and_where_its_facts_come_from() -> None:
    profile = read_profile(GOOD).profile
    assert profile is not None
    assert (profile.id, profile.kind, profile.version) == ("test_scale", "serial", 3)
    assert profile.source == "written for this test"
    assert profile.link == {"baud_rate": 9600}
    assert [channel.key for channel in profile.device.channels] == ["weight", "stable"]
    assert (profile.device.manufacturer, profile.device.model) == ("Nobody", "S1")


@pytest.mark.parametrize(
    ("total", "shown"),
    [
        ("", False),
        ("\n    state_class: total_increasing", False),
        ("\n    state_class: total_increasing\n    filters: []", True),
    ],
)
def test_an_exported_profile_is_read_as_the_same_profile(total: str, shown: bool) -> None:
    profile = read_profile(GOOD.replace("unit: kg", f"unit: kg{total}")).profile
    assert profile is not None
    text = export_profile(profile)
    assert read_profile(text).profile == profile
    assert "min_interval" not in text  # defaults are left out
    assert ("filters" in text) == shown


def test_every_mistake_is_told_with_its_line() -> None:
    text = GOOD.replace("kind: serial", "kind: smoke").replace("unit: kg", "scale: 0").replace("S: stable", "S: 5")
    assert lines_of(text) == [(6, "kind"), (18, "channels[0].scale"), (23, "channels[1].texts")]


@pytest.mark.parametrize(
    ("before", "after", "line", "path"),
    [
        ("version: 3", "version: 0", 7, "version"),
        ("schema_version: 1", "schema_version: 9", 1, "schema_version"),
        ("id: test_scale", "id: Test-Scale", 2, "id"),
        ("source: written for this test\n", "", 1, "source"),
        ("kind: separated", "kind: morse", 12, "decoder.kind"),
        ("name: Test scale", "name: Test scale\nwheels: 4", 4, "wheels"),
        ("unit: kg", "unit: kg\n    wheels: 4", 15, "channels[0]"),
        ("  baud_rate: 9600", "  baud_rate: 1e999", 10, "link.baud_rate"),
        ("  baud_rate: 9600", "  baud_rate: !secret x", 10, "link.baud_rate"),
        ("  baud_rate: 9600", "  framing:\n    kind: line\n    max_length: 0", 12, "link.framing.max_length"),
        ("key: stable", "key: weight", 14, "channels"),
        (
            "unit: kg",
            "write:\n      control: button\n      target: {topic: x}",
            20,
            "channels[0].write.target",
        ),
        ("id: test_scale", "id: test_scale\nid: test_scale", 3, "id"),
    ],
)
def test_a_mistake_has_the_line_where_it_stands(before: str, after: str, line: int, path: str) -> None:
    assert lines_of(GOOD.replace(before, after, 1)) == [(line, path)]


def test_a_text_that_is_no_yaml_is_a_mistake_with_its_line() -> None:
    file = read_profile(GOOD + "  - key: [\n")
    assert file.profile is None
    assert [mistake.line for mistake in file.mistakes] == [25]


def test_a_broken_file_is_listed_and_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("version: 3", "version: x"))
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "notes.txt").write_text("no profile")
    own = [file for file in list_profiles(tmp_path) if not file.is_shipped]
    assert [(file.origin, file.profile is not None) for file in own] == [
        ("a.yaml", False),
        ("b.yaml", True),
        ("c.yaml", False),
    ]


def test_the_second_file_of_one_id_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    own = [file for file in list_profiles(tmp_path) if not file.is_shipped]
    assert [file.profile is not None for file in own] == [True, False]
    assert "a.yaml" in str(own[1].mistakes[0])


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "secret.yaml", tmp_path / "profiles"
    outside.write_text(GOOD)
    folder.mkdir()
    (folder / "link.yaml").symlink_to(outside)
    assert [file for file in list_profiles(folder) if not file.is_shipped] == []


def test_a_folder_that_is_not_there_leaves_the_shipped_profiles(tmp_path: Path) -> None:
    assert list_profiles(tmp_path / "nowhere") == [*shipped_profiles()]


def test_a_file_of_the_user_takes_the_place_of_a_shipped_profile(tmp_path: Path) -> None:
    for shipped in shipped_profiles()[:1]:
        assert shipped.profile is not None
        (tmp_path / "mine.yaml").write_text(GOOD.replace("id: test_scale", f"id: {shipped.profile.id}"))
        ids = [file.profile.id for file in list_profiles(tmp_path) if file.profile]
        assert ids.count(shipped.profile.id) == 1


def test_every_shipped_profile_is_right_and_names_its_source() -> None:
    for file in shipped_profiles():
        assert file.mistakes == ()
        assert file.profile is not None
        assert file.origin == f"{file.profile.id}.yaml"
        assert file.profile.source


@given(st.lists(st.sampled_from([*GOOD.splitlines(), "  -", "  x: [", "channels: 5", "link: !x y", "decoder: ~"])))
def test_any_text_is_a_profile_or_its_mistakes(lines: list[str]) -> None:
    file = read_profile("\n".join(lines))
    assert (file.profile is None) == bool(file.mistakes)


SHIPPED = {
    file.origin: (Path(profiles.__file__).parent / "data" / file.origin).read_text() for file in shipped_profiles()
}
WORDS = ["~", "[]", "{}", "-1", "1e999", "0xFFFFFFFFFFFF", "true", '""', "*a", "&a [*a]", "!x", "|", "\t", "\x00"]
WORDS += ["{a: [", "9" * 400]


@given(
    name=st.sampled_from(sorted(SHIPPED)),
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from([*WORDS, "", None])), max_size=4),
)
def test_a_shipped_profile_with_any_mistakes_is_still_read_to_the_end(
    name: str, edits: list[tuple[int, str | None]]
) -> None:
    """Values are replaced, cut off at the end of a line (empty), or lines are left out (None)."""
    lines = SHIPPED[name].splitlines()
    for number, word in edits:
        place = number % len(lines)
        before = lines[place].rpartition(": ")[0]
        lines[place : place + 1] = [] if word is None or len(lines) < 2 else [f"{before}: {word}"]
    file = read_profile("\n".join(lines))

    assert (file.profile is None) == bool(file.mistakes)
    assert all(mistake.message for mistake in file.mistakes)
    if file.profile is not None:
        assert read_profile(export_profile(file.profile)).profile == file.profile
