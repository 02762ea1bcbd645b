"""The forms of the decoders, one per kind, and how they map to what a device stores."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.codecs.checks import ALGORITHMS
from ..bridge.codecs.decoders import Decoder, decoder_from_dict
from ..bridge.codecs.decoders.decoder import ENCODINGS
from ..bridge.codecs.escapes import escape_bytes, parse_bytes
from ..bridge.errors import ProfileError
from .structure_form import LAYOUT, layout_form, layout_of_form, layout_selector

CONF_PASTED: Final = "pasted"
YAML: Final = "yaml"
"""Any decoder, written as profiles have it."""
KINDS: Final = (
    "separated",
    "key_value",
    "json",
    "pattern",
    "columns",
    "numbers",
    "structure",
    "nmea",
    "obis",
    "plain",
    YAML,
)
_KIND: Final = "kind"
_CHECK: Final = "check"
_FIELD_COUNT: Final = "field_count"
_COLUMNS: Final = "columns"
_CHECK_START: Final = "check_start"
_WITH_SEPARATOR: Final = "check_with_separator"
_MARKS: Final = ("separator", "between")
_NO_CHECK: Final = "none"
_LAST_BYTE: Final = 0xFF


def _count() -> probatio.All[Any]:
    number = NumberSelector(NumberSelectorConfig(min=1, max=4096, step=1, mode=NumberSelectorMode.BOX))
    return probatio.All(number, probatio.Coerce(int))


def _select(options: Sequence[str], translation_key: str) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(options=list(options), translation_key=translation_key, mode=SelectSelectorMode.DROPDOWN)
    )


def kind_selector() -> SelectSelector:
    """Return the selector of the kinds of decoders."""
    return SelectSelector(
        SelectSelectorConfig(options=list(KINDS), translation_key="decoder_kind", mode=SelectSelectorMode.LIST)
    )


def decoder_schema(kind: str) -> probatio.Schema:
    """Return the form of one kind of decoder, with room for messages to try it on."""
    lines = TextSelector(TextSelectorConfig(multiline=True))
    text: dict[probatio.Marker, Any] = {
        probatio.Required("encoding", default=ENCODINGS[0]): _select(ENCODINGS, "text_encoding"),
        probatio.Required("decimal_comma", default=False): BooleanSelector(),
    }
    leading: dict[probatio.Marker, Any] = {probatio.Required("leading_number", default=False): BooleanSelector()}
    fields: dict[probatio.Marker, Any]
    match kind:
        case "separated":
            fields = {
                probatio.Required("separator", default=";"): TextSelector(),
                probatio.Optional(_FIELD_COUNT): _count(),
                probatio.Required(_CHECK, default=_NO_CHECK): _select([_NO_CHECK, *ALGORITHMS], "field_check"),
                probatio.Required(_CHECK_START, default=0): probatio.All(
                    NumberSelector(NumberSelectorConfig(min=0, max=64, step=1, mode=NumberSelectorMode.BOX)),
                    probatio.Coerce(int),
                ),
                probatio.Required(_WITH_SEPARATOR, default=True): BooleanSelector(),
                **text,
                **leading,
            }
        case "key_value":
            fields = {
                probatio.Required("separator", default="="): TextSelector(),
                probatio.Required("between", default=";"): TextSelector(),
                **text,
                **leading,
            }
        case "pattern":
            fields = {probatio.Required("pattern"): TextSelector(TextSelectorConfig(multiline=True)), **text, **leading}
        case "columns":
            fields = {probatio.Optional(_COLUMNS): TextSelector(TextSelectorConfig(multiple=True)), **text, **leading}
        case "numbers":
            fields = text
        case "structure":
            fields = {
                probatio.Required(LAYOUT): layout_selector(),
                probatio.Required("little_endian", default=False): BooleanSelector(),
                probatio.Optional("length"): _count(),
            }
        case "plain":
            fields = {probatio.Required("encoding", default=ENCODINGS[0]): _select(ENCODINGS, "text_encoding")}
        case "yaml":
            fields = {probatio.Required(YAML): ObjectSelector(ObjectSelectorConfig())}
        case _:
            fields = {}
    return probatio.Schema({**fields, probatio.Optional(CONF_PASTED): lines})


def decoder_form(decoder: Decoder) -> tuple[str, dict[str, Any]]:
    """Return the kind of a decoder and its form filled; what no form has is shown as profiles write it."""
    stored = decoder.to_dict()
    kind = str(stored.pop(_KIND))
    as_yaml = YAML, {YAML: decoder.to_dict()}
    if kind not in KINDS or "frame_check" in stored:
        return as_yaml
    if any(ord(character) > _LAST_BYTE for name in _MARKS for character in stored.get(name) or ""):
        return as_yaml  # in a form every character is one byte
    form = {name: value for name, value in stored.items() if value is not None}
    form |= {name: _shown(form[name]) for name in _MARKS if name in form}
    match kind:
        case "separated":
            if (count := form.pop("fields", None)) is not None:
                form[_FIELD_COUNT] = count
            check = form.pop(_CHECK, None) or {}
            form[_CHECK] = check.get("algorithm", _NO_CHECK)
            form |= {_CHECK_START: check.get("start", 0), _WITH_SEPARATOR: check.get("with_separator", True)}
        case "structure":
            layout = layout_form(form.pop("fields"))
            if layout is None:
                return as_yaml
            form[LAYOUT] = layout
    # Blanks and semicolons, which a name may have, mean something in a form.
    return (kind, form) if _describes(kind, form, decoder) else as_yaml


def _describes(kind: str, form: Mapping[str, Any], decoder: Decoder) -> bool:
    try:
        return decoder_of_form(kind, form).to_dict() == decoder.to_dict()
    except ProfileError:
        return False


def decoder_of_form(kind: str, form: Mapping[str, Any]) -> Decoder:
    """Return the decoder that the filled form describes; raises ProfileError."""
    if kind == YAML:
        described = form.get(YAML)
        return decoder_from_dict(described if isinstance(described, dict) else {})
    data = {name: value for name, value in form.items() if name not in (CONF_PASTED, _COLUMNS) and value is not None}
    for name in _MARKS:
        if name in data:
            data[name] = _mark(data[name], f"decoder.{name}")
    match kind:
        case "separated":
            algorithm, start, with_separator = (
                data.pop(name, None) for name in (_CHECK, _CHECK_START, _WITH_SEPARATOR)
            )
            data["fields"] = data.pop(_FIELD_COUNT, None)
            if algorithm not in (None, _NO_CHECK):
                data[_CHECK] = {
                    "algorithm": algorithm,
                    "start": start or 0,
                    "with_separator": with_separator is not False,
                }
        case "structure":
            data["fields"] = layout_of_form(data.pop(LAYOUT, ()))
        case "pattern":
            data["pattern"] = str(data.get("pattern", "")).strip()
    return decoder_from_dict({_KIND: kind, **data})


def named_sources(kind: str, form: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the sources and names that only the person knows: columns, written as ``4:10`` or ``Weight 4:10``."""
    if kind != "columns":
        return []
    named = [
        (source, name.strip()) for text in form.get(_COLUMNS, ()) for name, _, source in [text.strip().rpartition(" ")]
    ]
    return [(source, name or f"Columns {source}") for source, name in named if source]


def field_of_error(error: ProfileError, kind: str) -> str:
    """Return the field of the form that an error is about, ``base`` where it is none of them."""
    name = error.path.removeprefix("decoder").lstrip(".").partition(".")[0].partition("[")[0]
    names = {"fields": LAYOUT if kind == "structure" else _FIELD_COUNT}
    name = names.get(name, name)
    return name if any(str(key) == name for key in decoder_schema(kind).schema) else "base"


def _mark(text: str, path: str) -> str:
    try:
        return parse_bytes(text).decode("latin-1")
    except ValueError as err:
        raise ProfileError(path, str(err)) from err


def _shown(text: str) -> str:
    """Return a separator as a person can see it: a blank alone is nothing to see."""
    return escape_bytes(text.encode("latin-1")).replace(" ", "\\x20")
