"""YAML texts become plain data that knows its lines, whatever is in them."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.yaml_text import Tagged, read_yaml, write_yaml


def test_values_are_plain_data_with_the_line_of_each() -> None:
    text = read_yaml("name: Meter\nchannels:\n  - key: power\n    scale: 0.1\n  - {key: energy, address: 0x0156}\n")
    assert text.data == {
        "name": "Meter",
        "channels": [{"key": "power", "scale": 0.1}, {"key": "energy", "address": 0x156}],
    }
    assert text.line("channels[0].scale") == 4
    assert text.line("channels[1].address") == 5


def test_a_place_that_is_not_there_has_the_line_of_what_is_around_it() -> None:
    text = read_yaml("a: 1\nchannels:\n  - key: power\n")
    assert text.line("channels[0].write.target") == 3
    assert text.line("channels[7]") == 2
    assert text.line("nothing") == 1


@pytest.mark.parametrize(
    ("word", "plain", "home_assistant"),
    [
        ("on", "on", True),
        ("no", "no", False),
        ("true", True, True),
        ("~", None, None),
        ("010", 10, 8),
        ("0x10", 16, 16),
        ("1_000", "1_000", 1000),
        ("1e3", 1000.0, "1e3"),
        ("'7'", "7", "7"),
        ("2026-01-02", "2026-01-02", "2026-01-02"),
        ("!!str 5", "5", "5"),
        # A JSON file holds whole numbers of 64 bits.
        (str(2**64 - 1), 2**64 - 1, 2**64 - 1),
        (str(2**64), str(2**64), str(2**64)),
        (str(-(2**63) - 1), str(-(2**63) - 1), str(-(2**63) - 1)),
        (hex(2**64), hex(2**64), hex(2**64)),
    ],
)
def test_plain_words_follow_the_version_that_is_asked_for(word: str, plain: object, home_assistant: object) -> None:
    assert read_yaml(f"x: {word}").data == {"x": plain}
    assert read_yaml(f"x: {word}", home_assistant=True).data == {"x": home_assistant}


def test_keys_are_texts_so_that_on_stays_on() -> None:
    assert read_yaml("on: 1\n7: 2\n", home_assistant=True).data == {"on": 1, "7": 2}


def test_tags_are_words_and_run_nothing() -> None:
    text = read_yaml("host: !secret gateway\nx: !!python/object/apply:os.getcwd []\n")
    assert text.data["host"] == Tagged("!secret", "gateway")
    assert text.data["x"] == []


def test_anchors_and_merges_are_followed() -> None:
    text = read_yaml("a: &slow 600\nb: *slow\nc: &base {x: 1, y: 2}\nd:\n  <<: *base\n  y: 3\n")
    assert text.data["b"] == 600
    assert text.data["d"] == {"x": 1, "y": 3}


def test_a_key_that_is_written_twice_is_named() -> None:
    text = read_yaml("a:\n  b: 1\n  b: 2\n")
    assert text.data == {"a": {"b": 2}}
    assert text.duplicates == ("a.b",)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1, 2\nb: 3", "line"),
        ("a: *nobody", "line 1"),
        ("a: 1\n---\nb: 2", "line 2"),
        ("a: \x00", ""),
        ("a: \ud800", ""),
        ("[" * 100_000, "line 1"),
        ("? [1, 2]\n: 3", "line 1"),
        ("x" * 1_000_001, ""),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(text: str, place: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_yaml(text)
    assert caught.value.path.startswith(place)


def test_aliases_cannot_blow_up_the_text() -> None:
    bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    with pytest.raises(ProfileError, match="more than 100000 values"):
        read_yaml(bomb)


@given(st.text(alphabet=st.sampled_from(list("ab01:-[]{}&*!|>?#%@`'\",\n\t x_.~<=")), max_size=60), st.booleans())
def test_any_text_is_data_or_a_profile_error(text: str, home_assistant: bool) -> None:
    try:
        read = read_yaml(text, home_assistant=home_assistant)
    except ProfileError:
        return
    assert read.data is None or read.line("")


KEYS = st.text(max_size=5) | st.sampled_from(["<<", "on", "1"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["on", "1e3", "0o7", "1.", "0x1F", "~", "1:30", "<<", "2026-01-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.booleans())
def test_what_is_written_is_read_as_the_same_data(data: object, home_assistant: bool) -> None:
    assert read_yaml(write_yaml(data), home_assistant=home_assistant).data == data
