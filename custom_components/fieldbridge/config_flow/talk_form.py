"""The form of what a device is told when the link comes up, and of what it is asked again and again."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.helpers.selector import (
    BooleanSelector,
    ObjectSelector,
    ObjectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.codecs.escapes import escape_bytes
from ..bridge.codecs.talk import Talk
from ..bridge.errors import ProfileError
from ..presentable import printable
from .frame_form import CONF_FRAME, CONF_PATTERN, CONF_PREFIX, CONF_TIMEOUT, answer_of_form, seconds

CONF_INIT: Final = "init"
CONF_POLL: Final = "poll"
CONF_EVERY: Final = "every"
_EXPECTED: Final = "expected"

TALK_SCHEMA = probatio.Schema(
    {
        probatio.Optional(CONF_INIT): TextSelector(TextSelectorConfig(multiple=True)),
        probatio.Optional(CONF_POLL): ObjectSelector(
            ObjectSelectorConfig(
                multiple=True,
                label_field=CONF_FRAME,
                description_field=CONF_EVERY,
                translation_key=CONF_POLL,
                fields={
                    CONF_FRAME: {"required": True, "selector": TextSelector()},
                    CONF_EVERY: {"required": True, "default": 10, "selector": seconds()},
                    _EXPECTED: {"default": True, "selector": BooleanSelector()},
                    CONF_PREFIX: {"selector": TextSelector()},
                    CONF_PATTERN: {"selector": TextSelector()},
                    CONF_TIMEOUT: {"default": 1, "selector": seconds()},
                },
            )
        ),
    }
)


def talk_form(device: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form filled with what a stored device is told and asked."""
    talk = device.get("talk") or {}
    return {CONF_INIT: talk.get(CONF_INIT, []), CONF_POLL: [_poll_form(poll) for poll in talk.get(CONF_POLL, [])]}


def talk_of_form(form: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the form says as it is stored, None where it says nothing; ``check_talk`` finds what is wrong."""
    init = [frame for frame in form.get(CONF_INIT, ()) if frame]
    polls = [_poll_of_form(poll) for poll in form.get(CONF_POLL, ())]
    return {CONF_INIT: init, CONF_POLL: polls} if init or polls else None


def check_talk(talk: Mapping[str, Any] | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return form errors of what a device is told and asked, and their placeholders."""
    try:
        Talk.from_dict(dict(talk) if talk else {})
    except ProfileError as err:
        field = next((name for name in (CONF_INIT, CONF_POLL) if f".{name}" in err.path), "base")
        return {field: "bad_value"}, {"error": printable(str(err).removeprefix("talk."))}
    return {}, {}


def talk_preview(talk: Mapping[str, Any] | None) -> str:
    """Return lines of the bytes that are sent, and when."""
    told = Talk.from_dict(dict(talk) if talk else {})
    frames = [("", template.fill({})) for template in told.init]
    frames += [(f"{poll.every:g} s: ", poll.question.frame.fill({})) for poll in told.polls]
    return (
        "\n".join(printable(f"{when}{escape_bytes(frame)}") + f"   {frame.hex(' ')}" for when, frame in frames) or "-"
    )


def _poll_form(poll: Mapping[str, Any]) -> dict[str, Any]:
    answer = poll.get("answer")
    return {
        CONF_FRAME: poll[CONF_FRAME],
        CONF_EVERY: poll[CONF_EVERY],
        _EXPECTED: answer is not None,
        **(answer or {}),
        CONF_TIMEOUT: poll.get(CONF_TIMEOUT, 1),
    }


def _poll_of_form(form: Mapping[str, Any]) -> dict[str, Any]:
    poll = {CONF_FRAME: form[CONF_FRAME], CONF_EVERY: form[CONF_EVERY], CONF_TIMEOUT: form.get(CONF_TIMEOUT, 1)}
    return {**poll, "answer": answer_of_form(form)} if form.get(_EXPECTED, True) else poll
