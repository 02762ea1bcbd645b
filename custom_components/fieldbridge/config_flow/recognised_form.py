"""The form that shows what was recognised, and the device that the ticked fields make."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
import re
from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.channels import Channel, DeviceProfile, DeviceSession, ValueKind
from ..bridge.channels.profile import FrameCondition, unique_key
from ..bridge.channels.recognise import RecognisedField, Recognition
from ..bridge.channels.recognise_structure import with_sources
from ..bridge.codecs.decoders import Decoder
from ..bridge.codecs.escapes import parse_bytes
from ..bridge.codecs.frame import Frame
from ..bridge.filters import default_filters
from ..units import suggest_classes, usual_unit
from .channel_form import source_selector
from .listening import Listening
from .presentation import check_text, field_label, format_text, framing_text, source_options
from .selector_texts import async_selector_texts

CONF_FIELDS: Final = "fields"
CONF_NAMES: Final = "names"
_NAME_BORDER: Final = re.compile(r"[\n;,\t]")
_UNIT: Final = re.compile(r"(.+?)\s*[(\[]([^()\[\]]*)[)\]]")
SECTION_CONDITION: Final = "condition"
_CONDITION_SOURCE: Final = "condition_source"
_CONDITION_TEXT: Final = "condition_text"
_CONDITION_PREFIX: Final = "condition_prefix"
_ACCELERATION: Final = re.compile(r"acc|beschl", re.IGNORECASE)
_LISTED: Final = 24
"""Fields that are shown as boxes to tick; more are found by typing."""


def fields_schema(recognition: Recognition) -> dict[probatio.Marker, Any]:
    """Return the selector of the recognised fields; ticked are all but those that are one of many readings."""
    options = [SelectOptionDict(value=field.source, label=field_label(field)) for field in recognition.fields]
    ticked = [field.source for field in recognition.fields if field.certain]
    mode = SelectSelectorMode.LIST if len(options) <= _LISTED else SelectSelectorMode.DROPDOWN
    return {
        probatio.Required(CONF_FIELDS, default=ticked): SelectSelector(
            SelectSelectorConfig(options=options, multiple=True, mode=mode)
        )
    }


def names_schema() -> dict[probatio.Marker, Any]:
    """Return the field that gives names, for devices that send none."""
    return {probatio.Optional(CONF_NAMES): TextSelector(TextSelectorConfig(multiline=True))}


def with_names(recognition: Recognition, sources: Sequence[str], text: str) -> Recognition:
    """Return the recognition with the chosen fields named in their order, one name per line or as a table's head.

    A unit stands in brackets behind its name: ``Gyroscope X (deg/s)``.
    """
    names = [name.strip() for name in _NAME_BORDER.split(text) if name.strip()]
    chosen = [field for field in recognition.fields if field.source in sources]
    named = {field.source: _named(field, name) for field, name in zip(chosen, names, strict=False)}
    return replace(recognition, fields=tuple(named.get(field.source, field) for field in recognition.fields))


def _named(field: RecognisedField, text: str) -> RecognisedField:
    match = _UNIT.fullmatch(text)
    if match is None:
        return replace(field, name=text)
    return replace(field, name=match[1].strip(), unit=match[2].strip() or field.unit)


def condition_schema(
    decoder: Decoder, frames: Sequence[bytes], *, collapsed: bool = True
) -> dict[probatio.Marker, Any]:
    """Return the section that tells the frames of this device from others on the link."""
    own = own_frames(DeviceProfile(decoder=decoder, channels=()), frames)
    return {
        probatio.Required(SECTION_CONDITION): section(
            probatio.Schema(
                {
                    probatio.Optional(_CONDITION_SOURCE): source_selector(
                        source_options(decoder, own[-1]) if own else []
                    ),
                    probatio.Optional(_CONDITION_TEXT): TextSelector(),
                    probatio.Optional(_CONDITION_PREFIX): TextSelector(),
                }
            ),
            {"collapsed": collapsed},
        )
    }


def condition_form(condition: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the section filled with a stored condition."""
    names = {"source": _CONDITION_SOURCE, "equals": _CONDITION_TEXT, "prefix": _CONDITION_PREFIX}
    stored = condition or {}
    return {SECTION_CONDITION: {field: stored[name] for name, field in names.items() if stored.get(name)}}


class BadConditionError(ValueError):
    """The condition cannot be used; ``translation_key`` says why."""

    def __init__(self, translation_key: str) -> None:
        """Remember the reason."""
        super().__init__(translation_key)
        self.translation_key = translation_key


def read_condition(form: Mapping[str, str], decoder: Decoder, frames: Sequence[bytes]) -> FrameCondition | None:
    """Return the condition of the filled section, None when it is empty. Raises BadConditionError."""
    source, equals = form.get(_CONDITION_SOURCE, "").strip(), form.get(_CONDITION_TEXT, "").strip()
    prefix = form.get(_CONDITION_PREFIX, "")
    if not source and not equals and not prefix:
        return None
    if bool(source) != bool(equals):
        raise BadConditionError("condition_incomplete")
    try:
        condition = FrameCondition(source=source, equals=equals, prefix=parse_bytes(prefix))
        met = own_frames(DeviceProfile(decoder=decoder, channels=(), condition=condition), frames)
    except ValueError as err:
        raise BadConditionError("condition_never_met") from err
    if frames and not met:
        raise BadConditionError("condition_never_met")
    return condition


def own_frames(profile: DeviceProfile, frames: Iterable[bytes]) -> list[bytes]:
    """Return the frames that the device understands and that its condition leaves to it."""
    session = DeviceSession(profile)
    own = []
    for frame in frames:
        before = session.counters.decoded
        session.accept([Frame(0.0, frame)])
        if session.counters.decoded > before:
            own.append(frame)
    return own


async def async_recognised_placeholders(
    hass: HomeAssistant, listening: Listening, recognition: Recognition
) -> dict[str, str]:
    """Return what the form tells about the frames."""
    texts = await async_selector_texts(hass)
    return {
        "frames": listening.placeholders["frames"],
        "format": format_text(recognition.decoder, texts),
        "check": check_text(recognition.decoder, listening.framing),
        "framing": framing_text(listening.framing, texts),
    }


def make_profile(
    recognition: Recognition, sources: Iterable[str], condition: FrameCondition | None = None
) -> DeviceProfile:
    """Return the device whose channels are the fields at ``sources``."""
    chosen = set(sources)
    channels: list[Channel] = []
    for field in recognition.fields:
        if field.source in chosen:
            channels.append(_channel(field, {channel.key for channel in channels}))
    needed = chosen | ({condition.source} if condition is not None else set())
    decoder = with_sources(recognition.decoder, needed)
    return DeviceProfile(decoder=decoder, channels=tuple(channels), condition=condition)


def _channel(field: RecognisedField, taken: set[str]) -> Channel:
    key = unique_key(field.name, taken)
    if field.kind is not ValueKind.NUMBER:
        return Channel(key=key, name=field.name, source=field.source, kind=field.kind)
    unit = usual_unit(field.unit)
    device_class, state_class = suggest_classes(unit)
    if device_class is SensorDeviceClass.WEIGHT and _ACCELERATION.search(field.name):
        device_class = None  # g is a unit of both
    return Channel(
        key=key,
        name=field.name,
        source=field.source,
        unit=unit,
        device_class=device_class,
        state_class=state_class,
        precision=field.precision,
        filters=default_filters(state_class),
    )
