"""The forms of an MQTT link and of the devices that are found in its topics."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeassistant.const import CONF_NAME
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.channels.recognise import RecognisedField
from ..bridge.codecs.topics import VALUE, Availability, TopicDecoder
from ..const import CONF_BROKER, CONF_KIND, CONF_MIRROR, CONF_TOPICS, KIND_MQTT, MIRROR_BROKER, MIRROR_HOME_ASSISTANT
from ..presentable import printable
from .broker import broker_fields
from .general_form import EVENT_LIKE, silence_fields
from .presentation import field_label
from .recognised_form import CONF_FIELDS
from .write_form import write_fields, write_form, write_of_form

CONF_PATTERN: Final = "pattern"
CONF_BASES: Final = "bases"
CONF_AVAILABILITY: Final = "availability"

_FOREIGN: Final[FieldCondition] = {"field": CONF_BROKER, "operator": ConditionOperator.EQ, "value": MIRROR_BROKER}

MQTT_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_BROKER, default=MIRROR_HOME_ASSISTANT): SelectSelector(
            SelectSelectorConfig(
                options=[MIRROR_HOME_ASSISTANT, MIRROR_BROKER],
                translation_key=CONF_MIRROR,
                mode=SelectSelectorMode.DROPDOWN,
            )
        ),
        probatio.Required(CONF_TOPICS): TextSelector(TextSelectorConfig(multiple=True)),
        **broker_fields(_FOREIGN),
    }
)


def mqtt_data(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry's data of a filled form. Raises ValueError for what is no topic filter."""
    topics = list(dict.fromkeys(topic.strip() for topic in form[CONF_TOPICS] if topic.strip()))
    if not topics or not all(map(_is_filter, topics)):
        raise ValueError("no topic filter")
    return {CONF_KIND: KIND_MQTT, **form, CONF_TOPICS: topics}


def _is_filter(topic: str) -> bool:
    levels = topic.split("/")
    return (
        len(topic.encode()) < 65536
        and "\0" not in topic
        and "#" not in "/".join(levels[:-1])
        and all(level in ("+", "#") or not set(level) & set("+#") for level in levels)
    )


def pattern_schema(patterns: Sequence[str], found: Mapping[str, int]) -> probatio.Schema:
    """Return the form that asks which topics are the devices."""
    options = [
        SelectOptionDict(value=pattern, label=f"{printable(pattern)} ({found[pattern]})") for pattern in patterns
    ]
    return probatio.Schema(
        {
            probatio.Required(CONF_PATTERN, default=patterns[0] if patterns else probatio.UNDEFINED): SelectSelector(
                SelectSelectorConfig(options=options, custom_value=True, mode=SelectSelectorMode.DROPDOWN)
            )
        }
    )


def bases_schema(bases: Sequence[str], *, several: bool) -> probatio.Schema:
    """Return the form that asks which of the devices are wanted."""
    options = [SelectOptionDict(value=base, label=printable(base)) for base in bases]
    default: Any = list(bases) if several else probatio.UNDEFINED
    return probatio.Schema(
        {
            probatio.Required(CONF_BASES, default=default): SelectSelector(
                SelectSelectorConfig(options=options, multiple=several, mode=SelectSelectorMode.LIST)
            )
        }
    )


def values_schema(
    fields: Sequence[RecognisedField], availability: Sequence[Availability], name: str | None
) -> probatio.Schema:
    """Return the form of the values, the availability and the silence of devices; ``name`` where there is one."""
    schema: dict[probatio.Marker, Any] = {}
    if name is not None:
        schema[probatio.Required(CONF_NAME, default=name)] = TextSelector()
    schema[probatio.Required(CONF_FIELDS, default=[field.source for field in fields])] = SelectSelector(
        SelectSelectorConfig(
            options=[SelectOptionDict(value=field.source, label=field_label(field)) for field in fields],
            multiple=True,
            mode=SelectSelectorMode.LIST,
        )
    )
    if availability:
        options = [
            SelectOptionDict(value=one.source, label=printable(f"{one.source}: {one.online} / {one.offline}"))
            for one in availability
        ]
        schema[probatio.Optional(CONF_AVAILABILITY, default=[options[0]["value"]])] = SelectSelector(
            SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.LIST)
        )
    return probatio.Schema({**schema, **silence_fields(EVENT_LIKE)})


def name_of(base: str) -> str:
    """Return a device's name from its base topic."""
    words = base.rpartition("/")[2].replace("_", " ").strip() or base
    return words[:1].upper() + words[1:]


CONF_BASE: Final = "base"
CONF_TOPIC: Final = "topic"
CONF_PAYLOAD: Final = "payload"
CONF_RETAIN: Final = "retain"

TOPICS_SCHEMA = probatio.Schema(
    {
        probatio.Optional(CONF_BASE): TextSelector(),
        probatio.Optional(CONF_AVAILABILITY): TextSelector(TextSelectorConfig(multiple=True)),
    }
)


def topics_form(decoder: TopicDecoder) -> dict[str, Any]:
    """Return the form filled with a device's topics."""
    lines = [f"{one.source}: {one.online} / {one.offline}" for one in decoder.availability]
    return {CONF_BASE: decoder.base, CONF_AVAILABILITY: lines}


def topics_of_form(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored decoder that a filled form describes; whether it makes sense is found by the profile."""
    availability = []
    for line in form.get(CONF_AVAILABILITY, ()):
        source, _, words = line.rpartition(": ")
        online, _, offline = words.partition(" / ")
        availability.append({"source": source.strip(), "online": online.strip(), "offline": offline.strip()})
    return {"kind": "topics", "base": form.get(CONF_BASE, "").strip().strip("/"), "availability": availability}


COMMAND_SCHEMA = probatio.Schema(
    {
        **write_fields(),
        probatio.Optional(CONF_TOPIC): TextSelector(),
        probatio.Optional(CONF_PAYLOAD): TextSelector(TextSelectorConfig(multiline=True)),
        probatio.Required(CONF_RETAIN, default=False): BooleanSelector(),
    }
)


def command_form(channel: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form filled with how a channel is commanded, or with what is usual for its source."""
    form = write_form(channel)
    if (write := channel.get("write")) is not None:
        target = write["target"]
        return {**form, **{key: target[key] for key in (CONF_TOPIC, CONF_PAYLOAD, CONF_RETAIN) if key in target}}
    topic, _, path = channel["source"].partition("#")
    payload = f'{{"{path}": {VALUE}}}' if path and "." not in path else VALUE
    return {**form, CONF_TOPIC: f"{topic or '~'}/set", CONF_PAYLOAD: payload}


def command_of_form(form: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how a channel is written, None where the topic was emptied. Raises ValueError for a topic that is none."""
    if not (topic := form.get(CONF_TOPIC, "").strip()):
        return None
    TopicDecoder(base="x").topic(topic)
    target = {CONF_TOPIC: topic, CONF_PAYLOAD: form.get(CONF_PAYLOAD, ""), CONF_RETAIN: form[CONF_RETAIN]}
    return write_of_form(form, target)
