"""The forms of the framings, one per kind, and how they map to what an entry stores."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import probatio

from ..bridge.codecs.catalogue import ALGORITHMS
from ..bridge.codecs.frame_check import ENCODINGS
from ..bridge.codecs.framing import KINDS, MAX_FRAME_LENGTH, framer_from_dict
from ..bridge.errors import ProfileError

SECTION_CHECK: Final = "check"
_ALGORITHM: Final = "algorithm"
_KIND: Final = "kind"
_MAX_LENGTH: Final = "max_length"
_REPLACE: Final = "replace"
_MARKS: Final = frozenset({"delimiter", "start", "end", "escape"})
_FLAGS: Final = {"little_endian": False, "unique_start": False, "keep_marks": True}
_NUMBERS: Final = {
    "length": (1, 32),
    "offset": (0, 2),
    "size": (1, 1),
    "extra": (-4096, 0),
    "after": (0, 0),
    "invert": (0, 0),
}
"""Least value and default."""
_NEEDED: Final = {
    "delimiter": ("delimiter",),
    "marks": ("end",),
    "telegram": ("start",),
    "escaped": ("end", "escape"),
}
"""Marks that a kind cannot do without."""


def framing_kind_selector() -> SelectSelector:
    """Return the selector of the kinds of framing."""
    return SelectSelector(
        SelectSelectorConfig(options=list(KINDS), translation_key="framing_kind", mode=SelectSelectorMode.LIST)
    )


def _whole(least: int) -> probatio.All[Any]:
    number = NumberSelector(NumberSelectorConfig(min=least, max=65536, step=1, mode=NumberSelectorMode.BOX))
    return probatio.All(number, probatio.Coerce(int))


def framing_schema(kind: str) -> probatio.Schema:
    """Return the form of one kind of framing."""
    fields: dict[probatio.Marker, Any] = {}
    names, _ = KINDS[kind]
    for name in names:
        if name in _MARKS:
            marker = probatio.Required if name in _NEEDED.get(kind, ()) else probatio.Optional
            fields[marker(name)] = TextSelector()
        elif name in _FLAGS:
            fields[probatio.Required(name, default=_FLAGS[name])] = BooleanSelector()
        elif name in _NUMBERS:
            least, default = _NUMBERS[name]
            fields[probatio.Required(name, default=default)] = _whole(least)
        elif name == "gap":
            fields[probatio.Required(name, default=0.05)] = NumberSelector(
                NumberSelectorConfig(
                    min=0.005, max=60, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="s"
                )
            )
    return probatio.Schema(
        {
            **fields,
            probatio.Required(_MAX_LENGTH, default=MAX_FRAME_LENGTH): _whole(1),
            probatio.Required(SECTION_CHECK): section(_check_schema(), {"collapsed": True}),
        }
    )


def _check_schema() -> probatio.Schema:
    return probatio.Schema(
        {
            probatio.Optional(_ALGORITHM): SelectSelector(
                SelectSelectorConfig(options=list(ALGORITHMS), mode=SelectSelectorMode.DROPDOWN)
            ),
            probatio.Required("encoding", default=ENCODINGS[0]): SelectSelector(
                SelectSelectorConfig(
                    options=list(ENCODINGS), translation_key="check_encoding", mode=SelectSelectorMode.DROPDOWN
                )
            ),
            probatio.Required("start", default=0): _whole(0),
            probatio.Required("skip", default=0): _whole(0),
            probatio.Required("after", default=0): _whole(0),
            probatio.Required("strip", default=False): BooleanSelector(),
        }
    )


def framing_form(framing: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form filled with a stored framing."""
    form = {name: value for name, value in framing.items() if name not in (_KIND, SECTION_CHECK, _REPLACE)}
    return {**form, SECTION_CHECK: dict(framing.get(SECTION_CHECK) or {})}


def framing_of_form(kind: str, form: Mapping[str, Any], stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the framing that the filled form describes; raises ProfileError.

    What the form does not ask for stays as it was ``stored`` for the same kind.
    """
    framing = {_KIND: kind, **{name: value for name, value in form.items() if name != SECTION_CHECK and value != ""}}
    if stored is not None and stored.get(_KIND) == kind and _REPLACE in stored:
        framing[_REPLACE] = stored[_REPLACE]
        framing.pop("invert", None)
    check = form.get(SECTION_CHECK) or {}
    if check.get(_ALGORITHM):
        framing[SECTION_CHECK] = dict(check)
    framer_from_dict(framing)
    return framing


def framing_error_field(error: ProfileError, kind: str) -> str:
    """Return the field of the form that an error is about, ``base`` where it is none of them."""
    name = error.path.removeprefix("framing").lstrip(".").partition(".")[0]
    return name if any(str(key) == name for key in framing_schema(kind).schema) and name != SECTION_CHECK else "base"
