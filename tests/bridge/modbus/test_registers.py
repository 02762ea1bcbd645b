"""Words to values and back: what is written is what is read, in every type and order."""

import math
import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.errors import ProfileError
from custom_components.fieldbridge.bridge.modbus import Register, RegisterType, Table

ORDERS = st.sampled_from(["big", "little"])
DATES = st.datetimes().map(lambda date: date.replace(year=2000 + date.year % 100, day=min(date.day, 28), microsecond=0))
DATE_TEXTS = DATES.map(lambda date: date.isoformat(" "))
WORDS = st.integers(0, 0xFFFF)


def whole(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


VALUES: dict[RegisterType, st.SearchStrategy[Any]] = {
    RegisterType.UINT8: whole(8, signed=False),
    RegisterType.INT8: whole(8, signed=True),
    RegisterType.UINT16: whole(16, signed=False),
    RegisterType.INT16: whole(16, signed=True),
    RegisterType.UINT32: whole(32, signed=False),
    RegisterType.INT32: whole(32, signed=True),
    RegisterType.UINT64: whole(64, signed=False),
    RegisterType.INT64: whole(64, signed=True),
    RegisterType.FLOAT16: st.floats(width=16, allow_nan=False),
    RegisterType.FLOAT32: st.floats(width=32, allow_nan=False),
    RegisterType.FLOAT64: st.floats(allow_nan=False),
    RegisterType.BCD16: st.integers(0, 9999),
    RegisterType.BCD32: st.integers(0, 99_999_999),
    RegisterType.BIT: st.booleans(),
    RegisterType.STRING: st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12),
    RegisterType.DATETIME: DATE_TEXTS,
    RegisterType.DATETIME_BYTES: DATE_TEXTS,
    RegisterType.DATETIME_IEC: DATE_TEXTS,
    RegisterType.TIMESTAMP: DATES.map(lambda date: f"{date.isoformat()}+00:00"),
    RegisterType.TIME: st.times().map(lambda time: time.isoformat("minutes")),
}


@st.composite
def register_and_value(draw: st.DrawFn) -> tuple[Register, Any]:
    kind = draw(st.sampled_from(list(VALUES)))
    register = Register(
        address=draw(st.integers(0, 1000)),
        table=draw(st.sampled_from([Table.HOLDING, Table.INPUT])),
        type=kind,
        count=6 if kind is RegisterType.STRING else None,
        bit=draw(st.integers(0, 15)) if kind is RegisterType.BIT else None,
        shift=draw(st.sampled_from([0, 8])) if kind in {RegisterType.UINT8, RegisterType.INT8} else 0,
        word_order=draw(ORDERS),
        byte_order=draw(ORDERS),
    )
    return register, draw(VALUES[kind])


@given(register_and_value())
def test_what_is_written_is_read_back(each: tuple[Register, Any]) -> None:
    register, value = each
    words = register.encode(value, [0xA5A5] * register.size if register.is_part_of_word else [])
    assert len(words) == register.size
    assert all(0 <= word <= 0xFFFF for word in words)
    assert register.decode(words) == value


@given(register_and_value())
def test_the_json_form_means_the_same_register(each: tuple[Register, Any]) -> None:
    register, _ = each
    assert Register.from_dict(register.to_dict()) == register


@given(st.integers(0, 15), st.booleans(), WORDS)
def test_writing_one_bit_keeps_the_others(bit: int, value: bool, before: int) -> None:
    (word,) = Register(type=RegisterType.BIT, bit=bit).encode(value, [before])
    assert word & ~(1 << bit) == before & ~(1 << bit)
    assert bool(word >> bit & 1) is value


@given(st.integers(0, 15), WORDS)
def test_a_bit_field_keeps_what_lies_beside_it(value: int, before: int) -> None:
    register = Register(mask=0x0F00, shift=8)
    (word,) = register.encode(value, [before])
    assert register.decode([word]) == value
    assert word & 0xF0FF == before & 0xF0FF


@given(st.sampled_from(list(VALUES)), st.lists(WORDS, min_size=6, max_size=6))
def test_any_words_are_a_value_or_none_or_a_value_error(kind: RegisterType, words: list[int]) -> None:
    register = Register(
        type=kind, count=6 if kind is RegisterType.STRING else None, bit=3 if kind is RegisterType.BIT else None
    )
    try:
        register.decode(words[: register.size])
    except ValueError:
        assert kind in {RegisterType.BCD16, RegisterType.BCD32, RegisterType.TIME} or kind.startswith("datetime")


@pytest.mark.parametrize(
    ("word_order", "byte_order", "words"),
    [
        ("big", "big", [0x1122, 0x3344]),
        ("little", "big", [0x3344, 0x1122]),
        ("big", "little", [0x2211, 0x4433]),
        ("little", "little", [0x4433, 0x2211]),
    ],
)
def test_the_four_orders_of_a_32_bit_value(word_order: str, byte_order: str, words: list[int]) -> None:
    register = Register(type=RegisterType.UINT32, word_order=word_order, byte_order=byte_order)
    assert register.decode(words) == 0x11223344
    assert register.encode(0x11223344) == words


def test_a_string_with_swapped_bytes() -> None:
    words = list(struct.unpack(">4H", b"rP3oME1-"))
    register = Register(type=RegisterType.STRING, count=4, byte_order="little")
    assert register.decode(words) == "Pro3EM-1"


@pytest.mark.parametrize(
    ("register", "words"),
    [
        (Register(nan=(0xFFFF,)), [0xFFFF]),
        (Register(type=RegisterType.INT16, nan=(-32768,)), [0x8000]),
        (Register(type=RegisterType.INT32, nan=(0x7FFFFFFF,), word_order="little"), [0xFFFF, 0x7FFF]),
        (Register(type=RegisterType.FLOAT32), [0x7FC0, 0]),
    ],
)
def test_a_pattern_that_means_no_value_is_none(register: Register, words: list[int]) -> None:
    assert register.decode(words) is None


@pytest.mark.parametrize(
    ("register", "value"),
    [
        (Register(), 65536),
        (Register(), -1),
        (Register(type=RegisterType.INT8), 128),
        (Register(type=RegisterType.FLOAT16), 1e6),
        (Register(mask=0x0F00, shift=8), 16),
        (Register(type=RegisterType.STRING, count=1), "abc"),
        (Register(type=RegisterType.BCD16), 10_000),
        (Register(type=RegisterType.BIT, table=Table.COIL), 2),
        (Register(), math.inf),
        (Register(), "much"),
        (Register(type=RegisterType.DATETIME), "yesterday"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_instead_of_bent(register: Register, value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        register.encode(value)


def test_flags_are_texts_both_ways() -> None:
    register = Register(flags={0: "fault", 3: "over temperature"})
    assert register.decode([0b1001]) == "fault, over temperature"
    assert register.encode("over temperature") == [0b1000]
    with pytest.raises(ValueError, match="no such flag"):
        register.encode("rain")


def test_a_struct_of_several_values_is_a_text() -> None:
    register = Register(type=RegisterType.STRUCT, count=4, structure=">2hf")
    words = register.encode("1,-2,0.5")
    assert register.decode(words) == "1,-2,0.5"


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"address": -1}, "register.address"),
        ({"address": "1"}, "register.address"),
        ({"address": 65535, "type": "uint32"}, "register.address"),
        ({"address": 1, "type": "uint17"}, "register.type"),
        ({"address": 1, "table": "coil"}, "register.type"),
        ({"address": 1, "type": "bit"}, "register.bit"),
        ({"address": 1, "type": "string"}, "register.count"),
        ({"address": 1, "type": "struct", "count": 2, "structure": ">h"}, "register.structure"),
        ({"address": 1, "word_order": "middle"}, "register.word_order"),
        ({"address": 1, "type": "sum"}, "register.sum_of"),
        ({"type": "sum", "sum_of": {"low": float("inf")}}, "register.sum_of"),
        ({"address": 1, "mask": 0}, "register.mask"),
        ({"address": 1, "flags": {"16": "x"}}, "register.flags"),
        ({"address": 1, "colour": 1}, "register"),
        ([], "register"),
    ],
)
def test_a_wrong_definition_names_the_place(data: Any, path: str) -> None:
    with pytest.raises(ProfileError) as raised:
        Register.from_dict(data)
    assert raised.value.path == path
