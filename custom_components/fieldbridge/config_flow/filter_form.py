"""The form of one filter, made from the signature of its class, and how it maps to what a channel stores."""

from collections.abc import Mapping
from functools import cache
import inspect
import re
from typing import Any, Final, get_args

from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.channels import Channel
from ..bridge.filters import KINDS, filter_from_dict
from ..bridge.filters.statistics import QUANTITIES

CONF_POSITION: Final = "position"
_MISSING: Final = "missing"

CHOICES: Final = [kind for kind in KINDS if kind != "publish"]
"""The publish policy has a form of its own."""

_UNITS: Final = {
    **dict.fromkeys(("tau", "dt", "seconds", "longest", "per", "at_most_every", "at_least_every"), "s"),
    **dict.fromkeys(("min_cutoff", "d_cutoff"), "Hz"),
    **dict.fromkeys(("percent", "most_percent"), "%"),
}
_IN_UNIT_OF_CHANNEL: Final = frozenset(
    {
        "absolute",
        "amount",
        "at_once",
        "deviation",
        "high",
        "least",
        "low",
        "max_step",
        "most",
        "roll_over",
        "substitute",
    }
)
_ABOVE_ZERO: Final = """
absolute percent most most_percent least tolerance beta tau dt seconds longest per rate min_cutoff d_cutoff deviation
at_most_every at_least_every at_once max_step roll_over threshold
""".split()
_LIMITS: Final[Mapping[str, tuple[float, float | None]]] = {
    **dict.fromkeys(_ABOVE_ZERO, (0, None)),
    **dict.fromkeys(("alpha", "quantile"), (0, 1)),
    **dict.fromkeys(("window", "every", "first", "confirm", "count"), (1, 100_000)),
}
_SUGGESTED: Final = {"window": 5, "tau": 5, "dt": 1, "seconds": 10, "rate": 1, "count": 10}
"""For what has no default of its own: something to begin with."""
_NUMBER_LISTS: Final = frozenset({"values", "priority", "coefficients"})
_POINTS: Final = "points"


class FieldError(Exception):
    """A field of the form cannot be used."""

    def __init__(self, field: str, error: str) -> None:
        """Name the field and what is wrong with it."""
        super().__init__(error)
        self.field = field
        self.error = error


def kind_selector() -> SelectSelector:
    """Return the selector of all filters."""
    return SelectSelector(
        SelectSelectorConfig(options=CHOICES, translation_key="filter_kind", mode=SelectSelectorMode.DROPDOWN)
    )


def filter_schema(kind: str, channel: Channel, count: int) -> probatio.Schema:
    """Return the form of a filter of ``kind`` in a list that then has ``count`` filters."""
    fields: dict[Any, Any] = {}
    for name, parameter in _parameters(kind).items():
        required = parameter.default is inspect.Parameter.empty
        default = _SUGGESTED.get(name, probatio.UNDEFINED) if required else parameter.default
        if default is None or (not required and not isinstance(default, bool | int | float)):
            default = probatio.UNDEFINED
        marker = probatio.Required if required or isinstance(default, bool) else probatio.Optional
        fields[marker(name, default=default)] = _selector(name, parameter.annotation, channel.unit)
    fields[probatio.Optional(_MISSING, default="skip")] = SelectSelector(
        SelectSelectorConfig(
            options=list(KINDS[kind].policies), translation_key="missing_values", mode=SelectSelectorMode.DROPDOWN
        )
    )
    if count > 1:
        fields[probatio.Required(CONF_POSITION, default=count)] = probatio.All(
            NumberSelector(NumberSelectorConfig(min=1, max=count, step=1, mode=NumberSelectorMode.BOX)),
            probatio.Coerce(int),
        )
    return probatio.Schema(fields)


def filter_form(item: Mapping[str, Any], position: int) -> dict[str, Any]:
    """Return the form filled with a stored filter."""
    form: dict[str, Any] = {CONF_POSITION: position + 1}
    for name, value in item.items():
        if name == _POINTS and value is not None:
            form[name] = "\n".join(f"{raw:g}; {meant:g}" for raw, meant in value)
        elif isinstance(value, list | tuple):
            form[name] = "; ".join(f"{number:g}" for number in value)
        elif value is not None and name != "kind":
            form[name] = value
    return form


def filter_of_form(kind: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filter as it is stored; raises FieldError and ProfileError."""
    item: dict[str, Any] = {"kind": kind}
    for name, parameter in _parameters(kind).items():
        value = form.get(name)
        if value is None or value == "":
            continue
        if name == _POINTS:
            item[name] = _read_points(value)
        elif name in _NUMBER_LISTS:
            item[name] = _read_numbers(name, value)
        else:
            item[name] = int(value) if _is_whole(parameter.annotation) else value
    if form.get(_MISSING, "skip") != "skip":
        item[_MISSING] = form[_MISSING]
    filter_from_dict(item)
    return item


def filter_label(item: Mapping[str, Any], texts: Mapping[str, str], fields: Mapping[str, str], unit: str | None) -> str:
    """Return a stored filter as a person reads it: ``Median (Window 5)``.

    ``texts`` are those of the selectors, ``fields`` the names of the form's fields.
    """
    said = []
    for name, value in item.items():
        shown_unit = _UNITS.get(name) or (unit if name in _IN_UNIT_OF_CHANNEL else None)
        match value:
            case _ if name == "kind" or value is None or value is False or value == []:
                continue
            case True:
                text = ""
            case int() | float():
                text = f"{value:g} {shown_unit}" if shown_unit else f"{value:g}"
            case str():
                options = {"missing": "missing_values", "quantity": "quantity"}.get(name)
                text = texts.get(f"{options}.options.{value}", value)
            case _ if name == "filters":  # of any_of: lists of filters
                lists = (", ".join(filter_label(each, texts, fields, unit) for each in chain) for chain in value)
                text = " | ".join(lists)
            case _ if name == _POINTS:
                text = "; ".join(f"{raw:g} → {meant:g}" for raw, meant in value)
            case _:
                text = "; ".join(f"{number:g}" for number in value)
        said.append(f"{fields.get(name, '')} {text}".strip())
    kind = texts.get(f"filter_kind.options.{item['kind']}", item["kind"])
    return f"{kind} ({', '.join(said)})" if said else kind


@cache
def _parameters(kind: str) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(KINDS[kind]).parameters
    return {name: parameter for name, parameter in parameters.items() if name not in ("clock", _MISSING)}


def _selector(name: str, annotation: Any, unit: str | None) -> Any:
    if annotation is bool:
        return BooleanSelector()
    if name == "quantity":
        return SelectSelector(
            SelectSelectorConfig(options=list(QUANTITIES), translation_key="quantity", mode=SelectSelectorMode.DROPDOWN)
        )
    if name == _POINTS:
        return TextSelector(TextSelectorConfig(multiline=True))
    if name in _NUMBER_LISTS or annotation is str:
        return TextSelector()
    config = NumberSelectorConfig(step=1 if _is_whole(annotation) else "any", mode=NumberSelectorMode.BOX)
    low, high = _LIMITS.get(name, (None, None))
    if low is not None:
        config["min"] = low
    if high is not None:
        config["max"] = high
    if shown := _UNITS.get(name) or (unit if name in _IN_UNIT_OF_CHANNEL else None):
        config["unit_of_measurement"] = shown
    return NumberSelector(config)


def _is_whole(annotation: Any) -> bool:
    return annotation is int or (int in get_args(annotation) and float not in get_args(annotation))


def _read_numbers(name: str, text: str) -> list[float]:
    try:
        return [float(word) for word in re.split(r"[;,\s]+", text.strip())]
    except ValueError as err:
        raise FieldError(name, "not_numbers") from err


def _read_points(text: str) -> list[list[float]]:
    points = [_read_numbers(_POINTS, line) for line in text.strip().splitlines() if line.strip()]
    if any(len(point) != 2 for point in points):
        raise FieldError(_POINTS, "not_points")
    return points
