"""The checks are those of the public catalogues, and stand where their description says."""

from crccheck.crc import ALLCRCCLASSES  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.catalogue import ALGORITHMS, CRCS, SUMS, function_of, width_of
from custom_components.fieldbridge.bridge.codecs.escapes import escape_bytes, parse_bytes
from custom_components.fieldbridge.bridge.codecs.frame_check import ENCODINGS, FrameCheck
from custom_components.fieldbridge.bridge.errors import DecodeError

REFERENCE = {crc._names[0].lower(): crc for crc in ALLCRCCLASSES}  # noqa: SLF001 - the names stand nowhere else


def test_the_catalogue_has_the_usual_checks() -> None:
    assert len(ALGORITHMS) == len(SUMS) + len(CRCS) >= 70
    assert {"sum8", "xor8", "lrc", "crc-8/smbus", "crc-16/modbus", "crc-16/arc", "crc-32/iso-hdlc"} <= set(ALGORITHMS)


@pytest.mark.parametrize("name", CRCS)
@given(data=st.binary(max_size=64))
def test_a_crc_is_that_of_the_reference(name: str, data: bytes) -> None:
    assert function_of(name)(data) == REFERENCE[name].calc(data)


@pytest.mark.parametrize("name", SUMS)
@given(data=st.binary(max_size=300))
def test_a_sum_fits_its_width(name: str, data: bytes) -> None:
    assert 0 <= function_of(name)(data) < 1 << width_of(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sum8", 0xDD),
        ("xor8", 0x31),
        ("lrc", 0x23),
        ("sum8_inverted", 0x22),
        ("sum16_negative", 0xFE23),
        ("sum16_inverted", 0xFE22),
        ("fletcher16", 0x1EDE),
        ("adler32", 0x091E01DE),
    ],
)
def test_sums_of_the_usual_test_text(name: str, value: int) -> None:
    assert function_of(name)(b"123456789") == value


def test_all_bytes_of_a_frame_with_its_lrc_add_up_to_nothing() -> None:
    check = FrameCheck(algorithm="lrc")
    frame = b"\r\nV\t12800" + check.signed(b"\r\nV\t12800")

    assert sum(frame) % 256 == 0
    assert check.holds(frame)


@given(
    algorithm=st.sampled_from(ALGORITHMS),
    encoding=st.sampled_from(ENCODINGS),
    body=st.binary(min_size=4, max_size=30),
    start=st.integers(0, 3),
    skip=st.binary(max_size=2),
    after=st.binary(max_size=2),
    changed=st.integers(3, 29),
)
def test_a_check_holds_on_what_it_was_made_for_and_on_no_frame_that_was_changed(
    algorithm: str, encoding: str, body: bytes, start: int, skip: bytes, after: bytes, changed: int
) -> None:
    check = FrameCheck(
        algorithm=algorithm, encoding=encoding, start=start, skip=len(skip), after=len(after), strip=True
    )
    frame = body + skip + check.signed(body) + after
    broken = bytearray(frame)
    broken[changed % len(body)] ^= 0x01

    assert check.apply(frame) == body
    if changed % len(body) >= start:
        assert not check.holds(bytes(broken))


@given(
    data=st.binary(max_size=12),
    algorithm=st.sampled_from(["sum8", "crc-16/modbus", "crc-32/iso-hdlc"]),
    encoding=st.sampled_from(ENCODINGS),
    start=st.integers(0, 5),
    skip=st.integers(0, 5),
    after=st.integers(0, 5),
)
def test_no_frame_is_too_short_or_too_odd_to_be_checked(
    data: bytes, algorithm: str, encoding: str, start: int, skip: int, after: int
) -> None:
    check = FrameCheck(algorithm=algorithm, encoding=encoding, start=start, skip=skip, after=after)
    if not check.holds(data):
        with pytest.raises(DecodeError, match="checksum"):
            check.apply(data)


def test_blanks_between_hexadecimal_digits_are_no_check() -> None:
    check = FrameCheck(algorithm="crc-16/modbus", encoding="hex")
    good = b"data" + check.signed(b"data")

    assert check.holds(good)
    assert not check.holds(b"data" + b" " + good[4:7])


def test_a_check_keeps_its_form_through_json() -> None:
    check = FrameCheck(algorithm="crc-16/arc", encoding="hex", start=1, skip=1, after=2, strip=True)

    assert FrameCheck.from_dict(check.to_dict()) == check


@given(st.binary(max_size=20))
def test_bytes_are_written_as_text_and_read_back(data: bytes) -> None:
    assert parse_bytes(escape_bytes(data)) == data


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("0xAA 0xC0", b"\xaa\xc0"),
        ("0xAAC0", b"\xaa\xc0"),
        ("0xaa, 0xc0", b"\xaa\xc0"),
        ("0xA", b"0xA"),
        ("AA", b"AA"),
        (r"\x30xAA", b"0xAA"),
    ],
)
def test_bytes_may_be_written_as_hexadecimal_numbers(text: str, data: bytes) -> None:
    assert parse_bytes(text) == data


def test_a_character_that_is_no_single_byte_is_named() -> None:
    with pytest.raises(ValueError, match="'😀' is no single byte"):
        parse_bytes("\\n😀")
