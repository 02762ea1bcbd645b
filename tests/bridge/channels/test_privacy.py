"""What a profile marks as private cannot be read in what leaves the house."""

from hypothesis import given
from hypothesis import strategies as st

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile, ValueKind
from custom_components.fieldbridge.bridge.channels.privacy import Masker
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder, SeparatedDecoder

METER = DeviceProfile(
    decoder=SeparatedDecoder(separator=";", fields=3),
    channels=(
        Channel(key="number", name="Number", source="0", kind=ValueKind.TEXT, private=True),
        Channel(key="power", name="Power", source="1"),
    ),
)
OPEN = DeviceProfile(decoder=JsonDecoder(), channels=(Channel(key="t", name="T", source="t"),))


def test_a_private_field_is_masked_and_the_rest_is_left() -> None:
    assert Masker([METER, OPEN]).mask(b"A-4711;230.1;W") == b"*-****;230.1;W"


def test_without_private_fields_nothing_changes() -> None:
    masker = Masker([OPEN])
    assert not masker.is_needed
    assert masker.mask(b"A-4711;230.1;W") == b"A-4711;230.1;W"


def test_what_nobody_understands_is_masked_whole() -> None:
    assert Masker([METER]).mask(b"A-47;11") == b"*-**;**"


@given(number=st.text("0123456789ABCDEF", min_size=3, max_size=12), rest=st.integers(0, 9))
def test_the_masked_field_is_never_readable_and_the_length_stays(number: str, rest: int) -> None:
    frame = f"{number};{rest};W".encode()
    masked = Masker([METER]).mask(frame)
    assert number.encode() not in masked
    assert len(masked) == len(frame)


@given(data=st.binary(max_size=64))
def test_any_frame_can_be_masked(data: bytes) -> None:
    assert len(Masker([METER]).mask(data)) == len(data)


def test_half_a_character_in_a_private_field_is_masked_with_the_rest_of_its_frame() -> None:
    private = DeviceProfile(
        decoder=JsonDecoder(),
        channels=(Channel(key="owner", name="Owner", source="owner", kind=ValueKind.TEXT, private=True),),
    )
    frame = rb'{"owner": "A\ud83d"}'

    assert Masker([private]).mask(frame) == b"*" * len(frame)
