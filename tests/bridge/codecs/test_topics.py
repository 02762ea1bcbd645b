"""MQTT messages to fields, and values to payloads."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st
import pytest

from custom_components.fieldbridge.bridge.codecs.decoders import decoder_from_dict
from custom_components.fieldbridge.bridge.codecs.topics import Availability, TopicDecoder, fill, pack, unpack
from custom_components.fieldbridge.bridge.errors import DecodeError, ProfileError

LAMP = TopicDecoder(base="zigbee2mqtt/lamp", availability=(Availability(source="~/availability#state"),))
TOPICS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


def pick(decoder: TopicDecoder, source: str, topic: str, payload: bytes) -> object:
    return decoder.getter(source)(decoder.parse(pack(topic, payload)))


@given(TOPICS, st.binary(max_size=50))
def test_a_message_survives_being_a_frame(topic: str, payload: bytes) -> None:
    assert unpack(pack(topic, payload)) == (topic, payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_decode_error(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        assert LAMP.parse(data).text.encode() in data


def test_a_source_is_a_leaf_of_a_topic_or_its_whole_payload() -> None:
    message = b'{"brightness": 200, "color": {"x": 0.3}}'
    assert pick(LAMP, "~#brightness", "zigbee2mqtt/lamp", message) == 200
    assert pick(LAMP, "~#color.x", "zigbee2mqtt/lamp", message) == 0.3
    assert pick(LAMP, "~", "zigbee2mqtt/lamp", b"21.5") == "21.5"
    assert pick(LAMP, "~/power", "zigbee2mqtt/lamp/power", b"7") == "7"
    assert pick(LAMP, "tele/other#a", "tele/other", b'{"a": 1}') == 1


def test_another_topic_does_not_carry_the_source() -> None:
    with pytest.raises(LookupError):
        pick(LAMP, "~#brightness", "zigbee2mqtt/lamp/set", b'{"brightness": 1}')


@pytest.mark.parametrize("payload", [b"", b"null", b"21", b"[1]", b"garbage"])
def test_a_payload_that_is_no_object_has_nothing_where_a_leaf_is_expected(payload: bytes) -> None:
    assert pick(LAMP, "~#brightness", "zigbee2mqtt/lamp", payload) is None


@pytest.mark.parametrize(("payload", "reason"), [(b'{"a": 1', "json"), (b'{"a": NaN}', "json"), (b"\xff", "encoding")])
def test_a_garbled_payload_is_refused_with_its_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        LAMP.parse(pack("zigbee2mqtt/lamp", payload))
    assert caught.value.reason == reason


def test_a_decoder_is_stored_and_read_again() -> None:
    assert decoder_from_dict(json.loads(json.dumps(LAMP.to_dict()))) == LAMP


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"base": "lamp/+"}, "decoder.base"),
        ({"base": 1}, "decoder.base"),
        ({"availability": {}}, "decoder.availability"),
        ({"availability": [{"source": 1}]}, "decoder.availability[0]"),
        ({"availability": [{"source": "+"}]}, "decoder.availability[0].source"),
    ],
)
def test_a_wrong_description_names_its_place(changes: dict[str, object], place: str) -> None:
    with pytest.raises(ProfileError) as caught:
        decoder_from_dict({"kind": "topics", "base": "lamp", **changes})
    assert caught.value.path == place


@pytest.mark.parametrize("source", ["", "#x", "+/x", "a/+#x"])
def test_a_wildcard_or_nothing_is_no_source(source: str) -> None:
    with pytest.raises(ValueError, match="no topic"):
        TopicDecoder().getter(source)


@pytest.mark.parametrize(
    ("template", "value", "payload"),
    [
        ("", 21.5, "21.5"),
        ("{value}", "eco", "eco"),
        ("{value}", True, "true"),
        ('{"brightness": {value}}', 200, '{"brightness": 200}'),
        ('{"state": "{value}"}', "ON", '{"state": "ON"}'),
        ('{"text": "{value}"}', 'say "hi"', '{"text": "say \\"hi\\""}'),
        ('{"text": {value}}', 'say "hi"', '{"text": "say \\"hi\\""}'),
        ("SET {value};", "a{0.__class__}", "SET a{0.__class__};"),
    ],
)
def test_a_template_carries_the_value_and_evaluates_nothing(template: str, value: object, payload: str) -> None:
    assert fill(template, value) == payload


@given(st.text(max_size=20))
def test_a_text_cannot_break_out_of_a_json_template(text: str) -> None:
    assert json.loads(fill('{"a": "{value}", "b": 1}', text)) == {"a": text, "b": 1}
