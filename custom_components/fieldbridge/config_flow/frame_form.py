"""The form of the frame that sets a value: what is sent, its checksum, and what proves that it was taken."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from homeassistant.data_entry_flow import Optional, Required, section
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import probatio

from ..bridge.channels import Channel, DeviceProfile, WriteControl
from ..bridge.channels.proof import Proof
from ..bridge.codecs.catalogue import ALGORITHMS
from ..bridge.codecs.escapes import escape_bytes
from ..bridge.codecs.frame_check import ENCODINGS
from ..bridge.codecs.talk import Question
from ..bridge.errors import ProfileError, WriteError
from ..presentable import printable
from .write_form import write_fields, write_form, write_of_form

CONF_FRAME: Final = "frame"
CONF_PREFIX: Final = "prefix"
CONF_PATTERN: Final = "pattern"
CONF_TIMEOUT: Final = "timeout"
CONF_PROOF: Final = "proof"
CONF_CONFIRM: Final = "confirm"
SECTION_CHECKSUM: Final = "checksum"
_ALGORITHM: Final = "algorithm"
_ENCODING: Final = "encoding"
_ENDING: Final = "ending"
_NUMBERS: Final = ("start", "skip")
_PROOFS: Final = ["none", "answer", "reading", "both"]
_VALUE: Final = "value"
FRAME_EXAMPLES: Final = {"text": r"SET {value:.1f}\r\n", "hex": "0x02 53 {value:u16} {crc-16/modbus:little}"}
"""What forms show of templates; a translation must not have braces of its own."""
QUESTION_EXAMPLES: Final = {"text": r"MEAS?\r\n", "hex": "0x01 04 00 00 00 02 {crc-16/modbus:little}"}
"""The same for frames that have no value."""


def seconds(minimum: float = 0.02) -> NumberSelector:
    """Return the selector of a time that a frame may take, or that lies between two frames."""
    return NumberSelector(
        NumberSelectorConfig(min=minimum, max=86400, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="s")
    )


def _shown_for(*proofs: str) -> FieldCondition:
    return {"field": CONF_PROOF, "operator": ConditionOperator.IN, "value": list(proofs)}


def _checksum_section() -> section:
    number = NumberSelector(
        NumberSelectorConfig(min=0, max=999, step=1, mode=NumberSelectorMode.BOX, unit_of_measurement="B")
    )
    count = probatio.All(number, probatio.Coerce(int))
    fields = probatio.Schema(
        {
            probatio.Optional(_ALGORITHM): SelectSelector(
                SelectSelectorConfig(options=list(ALGORITHMS), mode=SelectSelectorMode.DROPDOWN)
            ),
            probatio.Required(_ENCODING, default=ENCODINGS[0]): SelectSelector(
                SelectSelectorConfig(
                    options=list(ENCODINGS), translation_key="check_encoding", mode=SelectSelectorMode.DROPDOWN
                )
            ),
            **{probatio.Required(name, default=0): count for name in _NUMBERS},
            probatio.Optional(_ENDING): TextSelector(),
        }
    )
    return section(fields, {"collapsed": True})


FRAME_SCHEMA = probatio.Schema(
    {
        **write_fields(),
        probatio.Optional(CONF_FRAME): TextSelector(),
        probatio.Required(SECTION_CHECKSUM): _checksum_section(),
        probatio.Required(CONF_PROOF, default="none"): SelectSelector(
            SelectSelectorConfig(options=_PROOFS, translation_key=CONF_PROOF, mode=SelectSelectorMode.LIST)
        ),
        Optional(CONF_PREFIX, visible=_shown_for("answer", "both")): TextSelector(),
        Optional(CONF_PATTERN, visible=_shown_for("answer", "both")): TextSelector(),
        Required(CONF_TIMEOUT, default=1, visible=_shown_for("answer", "both")): seconds(),
        Required(CONF_CONFIRM, default=3, visible=_shown_for("reading", "both")): seconds(),
    }
)


def answer_of_form(form: Mapping[str, Any]) -> dict[str, str]:
    """Return how an answer is told from other frames; nothing: any frame is one."""
    return {name: form[name] for name in (CONF_PREFIX, CONF_PATTERN) if form.get(name)}


def frame_form(channel: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form filled with how a stored channel is set, or with what suits its kind."""
    form = write_form(channel)
    target = (channel.get("write") or {}).get("target", {})
    answered, confirmed = target.get("answer") is not None, target.get(CONF_CONFIRM) is not None
    proof = _PROOFS[answered + 2 * confirmed]
    known = {name: target[name] for name in (CONF_FRAME, CONF_TIMEOUT, CONF_CONFIRM) if target.get(name) is not None}
    return {**form, **known, **(target.get("answer") or {}), CONF_PROOF: proof}


def write_of_frame_form(form: Mapping[str, Any], stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return how a channel is set, None where the frame was emptied; whether it makes sense is found by the check.

    What the form does not ask for stays as it was ``stored``.
    """
    if not form.get(CONF_FRAME):
        return None
    target: dict[str, Any] = {CONF_FRAME: form[CONF_FRAME] + _checksum(form[SECTION_CHECKSUM])}
    if form[CONF_PROOF] in ("answer", "both"):
        target |= {"answer": answer_of_form(form), CONF_TIMEOUT: form[CONF_TIMEOUT]}
    if form[CONF_PROOF] in ("reading", "both"):
        target[CONF_CONFIRM] = form[CONF_CONFIRM]
    return {**(stored or {}), **write_of_form(form, target)}


def check_frame(device: Mapping[str, Any], key: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return form errors of how the channel ``key`` of a stored device is set, and their placeholders."""
    try:
        profile = DeviceProfile.from_dict(dict(device))
        channel = _channel(profile, key)
        template = _question(channel).frame
    except ProfileError as err:
        return _field_error(err)
    if channel.write is None:
        return {}, {}
    if channel.write.target.get(CONF_CONFIRM) is not None and not channel.source:
        return {CONF_PROOF: "nothing_to_read"}, {}
    if _VALUE not in template.names and channel.write.control is not WriteControl.BUTTON:
        return {CONF_FRAME: "frame_without_value"}, {}
    if unknown := template.names - {_VALUE} - {each.key for each in profile.channels}:
        return {CONF_FRAME: "unknown_names"}, {"names": ", ".join(sorted(map(printable, unknown)))}
    others = dict.fromkeys((each.key for each in profile.channels), 1)
    is_read_back = channel.write.target.get(CONF_CONFIRM) is not None
    for value in _samples(channel):
        field = CONF_FRAME
        try:
            raw = channel.raw_to_write(value)
            template.fill({**others, _VALUE: raw})
            if is_read_back:
                field = CONF_PROOF
                Proof(channel, raw)
        except WriteError as err:
            return {field: "bad_value"}, {"error": printable(f"{value}: {err}")}
    return {}, {}


def frame_preview(device: Mapping[str, Any], key: str, values: Mapping[str, object]) -> str:
    """Return lines of what is sent for which value; ``values`` are those of the device's other channels."""
    channel = _channel(DeviceProfile.from_dict(dict(device)), key)
    template = _question(channel).frame
    lines = []
    for value in _samples(channel):
        try:
            frame = template.fill({**values, _VALUE: channel.raw_to_write(value)})
        except WriteError as err:
            lines.append(printable(f"{value}  →  ({err})"))
            continue
        lines.append(printable(f"{value}  →  {escape_bytes(frame)}") + f"   {frame.hex(' ')}")
    return "\n".join(lines)


def _channel(profile: DeviceProfile, key: str) -> Channel:
    return next(channel for channel in profile.channels if channel.key == key)


def _question(channel: Channel) -> Question:
    target = channel.write.target if channel.write is not None else {CONF_FRAME: "-"}
    return Question.from_dict(target, "target")


def _samples(channel: Channel) -> Iterator[float | bool | str]:
    """Yield values that a person may choose: the borders and the finest step of numbers, all of the rest."""
    write = channel.write
    match write and write.control:
        case WriteControl.NUMBER if write is not None:
            yield from dict.fromkeys((write.minimum, min(write.minimum + write.step, write.maximum), write.maximum))
        case WriteControl.SELECT if write is not None:
            yield from write.options
        case WriteControl.SWITCH:
            yield from (True, False)
        case WriteControl.BUTTON:
            yield True
        case WriteControl.TEXT:
            yield "Hello"


def _checksum(form: Mapping[str, Any]) -> str:
    """Return what stands behind the frame as it was written: the place of its checksum, and what follows that."""
    if not (algorithm := form.get(_ALGORITHM)):
        return ""
    numbers = "".join(f",{name}={form[name]}" for name in _NUMBERS if form[name])
    return f"{{{algorithm}:{form[_ENCODING]}{numbers}}}{form.get(_ENDING, '')}"


def _field_error(error: ProfileError) -> tuple[dict[str, str], dict[str, str]]:
    """Return the error at the field of the form that it is about."""
    field = error.path.rpartition(".")[2]
    field = CONF_PREFIX if field == "answer" else field
    known = {str(marker) for marker in FRAME_SCHEMA.schema}
    message = str(error).removeprefix(f"{error.path}: ")
    return {field if field in known else "base": "bad_value"}, {"error": printable(message)}
