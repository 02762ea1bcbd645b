"""A raw field becomes a value of its channel's kind, or a ValueError; nothing else for any input."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.channels import Channel, ValueKind


def channel(
    kind: ValueKind = ValueKind.NUMBER, *, scale: float = 1.0, offset: float = 0.0, precision: int | None = None
) -> Channel:
    return Channel(key="k", name="K", source="0", kind=kind, scale=scale, offset=offset, precision=precision)


RAW = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.integers().map(str),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
CHANNELS = st.builds(
    channel,
    st.sampled_from(ValueKind),
    scale=st.sampled_from([1.0, 0.1, -2.0, 1e300]),
    offset=st.sampled_from([0.0, -273.15, 1e308]),
    precision=st.sampled_from([None, 0, 2, 9]),
)


@given(CHANNELS, RAW)
def test_any_field_gives_a_value_that_json_can_carry_or_a_value_error(channel: Channel, raw: object) -> None:
    try:
        value = channel.converter()(raw)
    except ValueError:
        return
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("raw", "value"), [("20.379", 20.379), (" 0.084 ", 0.084), ("-5", -5), ("+000125", 125), ("1.5e-3", 0.0015), (7, 7)]
)
def test_numbers_come_as_text_or_as_number(raw: object, value: float) -> None:
    assert channel().converter()(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        *("", "abc", "1_000", "1,5", "nan", "inf", "-Infinity", "1e999", "1" * 400, "9" * 5000),
        *("1F", "0x", "0x1_F", "0x1.8", "0x00158d0001"),
        *(True, None, [1], {"a": 1}, math.nan, math.inf, 10**400),
    ],
)
def test_what_is_no_finite_number_is_refused(raw: object) -> None:
    with pytest.raises(ValueError):
        channel().converter()(raw)
    with pytest.raises(ValueError):
        channel(scale=0.1).converter()(raw)


@pytest.mark.parametrize(("raw", "value"), [("0x1F", 31), (" 0XfF ", 255), ("-0x10", -16), ("0xFFFFFFFF", 2**32 - 1)])
def test_a_hexadecimal_number_says_what_it_is(raw: str, value: int) -> None:
    assert channel().converter()(raw) == value


def test_a_whole_number_beyond_64_bits_becomes_a_float() -> None:
    value = channel().converter()(str(2**70))

    assert isinstance(value, float)
    assert value == 2.0**70


@pytest.mark.parametrize("raw", ["1e30", "-1e30", 2**70, str(2**70), 1.5e300])
def test_a_rounded_number_beyond_64_bits_stays_a_float(raw: object) -> None:
    value = channel(precision=0).converter()(raw)

    assert isinstance(value, float)
    assert value == float(str(raw))


def test_scale_and_offset_come_before_rounding() -> None:
    assert channel(scale=0.1, offset=-40, precision=1).converter()("655") == 25.5


@pytest.mark.parametrize(("precision", "value"), [(None, 21.456), (2, 21.46), (0, 21)])
def test_decimals_behind_the_precision_are_no_part_of_the_value(precision: int | None, value: float) -> None:
    converted = channel(precision=precision).converter()("21.456")

    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("raw", "value"), [(True, True), (0, False), ("ON", True), (" off ", False), ("closed", False), ("1", True)]
)
def test_binary_values_come_as_boolean_number_or_word(raw: object, value: bool) -> None:
    assert channel(ValueKind.BINARY).converter()(raw) is value


@pytest.mark.parametrize("raw", [2, "maybe", "", None, [], 0.5])
def test_what_is_neither_on_nor_off_is_refused(raw: object) -> None:
    with pytest.raises(ValueError):
        channel(ValueKind.BINARY).converter()(raw)


def test_texts_are_stripped_and_cut_to_the_longest_state() -> None:
    convert = channel(ValueKind.TEXT).converter()

    assert convert(" ready \r") == "ready"
    assert convert("x" * 300) == "x" * 255
    assert convert(5) == "5"


@pytest.mark.parametrize("raw", [None, {}, ["a"], json.loads('"\\ud800"')])
def test_what_is_no_text_is_refused(raw: object) -> None:
    with pytest.raises(ValueError):
        channel(ValueKind.TEXT).converter()(raw)
