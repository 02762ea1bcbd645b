"""What the target of a write must be: a register, a topic, a characteristic or a frame, as the device is read."""

from typing import Any

from ..codecs.characteristics import CharacteristicsDecoder, CharacteristicTarget
from ..codecs.decoders import CheckedDecoder, Decoder
from ..codecs.talk import Question
from ..codecs.topics import TopicDecoder, TopicTarget
from ..modbus import RegisterDecoder, WriteTarget


def check_target(decoder: Decoder, target: Any, path: str) -> None:
    """Raise ProfileError for a target to which the link of such a device could write nothing."""
    match decoder.decoder if isinstance(decoder, CheckedDecoder) else decoder:
        case RegisterDecoder(registers=registers):
            WriteTarget.from_dict(target, registers, path)
        case TopicDecoder() as topics:
            TopicTarget.from_dict(target, topics, path)
        case CharacteristicsDecoder():
            CharacteristicTarget.from_dict(target, path)
        case _:
            Question.from_dict(target, path)
