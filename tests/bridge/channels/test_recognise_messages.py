"""Values of unknown characteristics: texts are recognised, bytes are offered in every reading."""

from hypothesis import given
from hypothesis import strategies as st

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession
from custom_components.fieldbridge.bridge.channels.recognise_messages import is_certain, recognise_messages
from custom_components.fieldbridge.bridge.codecs.characteristics import message
from custom_components.fieldbridge.bridge.codecs.decoders import decoder_from_dict
from custom_components.fieldbridge.bridge.codecs.frame import Frame


def test_a_text_is_recognised_as_on_a_serial_port() -> None:
    found = recognise_messages({"ffe1": [b'{"load": 7, "on": true}']}, {})
    assert [(field.source, field.sample) for field in found.fields] == [("ffe1:load", "7"), ("ffe1:on", "True")]
    assert all(map(is_certain, found.fields))


def test_the_only_value_of_a_characteristic_has_its_name() -> None:
    (field,) = recognise_messages({"ffe1": [b'{"v": 7.5}']}, {"ffe1": "Load"}).fields
    assert (field.name, field.precision) == ("Load", 1)


def test_bytes_are_offered_in_every_reading_and_none_of_them_is_certain() -> None:
    fields = recognise_messages({"ffe1": [b"\x01\xe8\x03"]}, {"ffe1": "Load"}).fields
    offered = {field.source: (field.name, field.sample) for field in fields}
    assert offered["ffe1:1:uint16"] == ("Load 1 uint16", "1000")
    assert not any(map(is_certain, fields))


def test_a_short_value_that_happens_to_be_printable_is_a_number() -> None:
    fields = recognise_messages({"2a6e": [b")\t"]}, {}).fields
    assert "2a6e:0:sint16" in {field.source for field in fields}


def test_a_text_that_nothing_understands_is_a_text_and_may_be_bytes() -> None:
    fields = recognise_messages({"ffe1": [b"ready"]}, {}).fields
    assert fields[0].source == "ffe1:text"
    assert is_certain(fields[0])
    assert not is_certain(fields[1])


@given(st.dictionaries(st.sampled_from(["2a37", "ffe1", "ffe1#2"]), st.lists(st.binary(max_size=30), max_size=4)))
def test_whatever_is_offered_can_be_read_from_the_last_value(messages: dict[str, list[bytes]]) -> None:
    found = recognise_messages(messages, {})
    assert decoder_from_dict(found.decoder.to_dict()) == found.decoder if messages else not found.fields
    channels = [
        {"key": f"k{number}", "name": "x", "source": field.source, "kind": field.kind.value}
        for number, field in enumerate(found.fields)
    ]
    if not channels:
        return
    profile = {"schema_version": 1, "decoder": found.decoder.to_dict(), "channels": channels}
    session = DeviceSession(DeviceProfile.from_dict(profile))
    session.accept([Frame(1.0, message(reference, values[-1])) for reference, values in messages.items() if values])
    assert not session.counters.rejected
