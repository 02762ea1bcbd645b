"""What goes over MQTT: compact JSON in UTF-8, NaN as null."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, cast

import orjson

# Numbers straight from numpy are common in handlers; keys may be integers (register addresses, channel numbers).
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def to_json(value: object) -> str:
    """Return ``value`` as compact JSON; what JSON does not know is written as its ``str``.

    Raises TypeError for what has no text of its own: the address of an object in memory is no value.
    """
    return orjson.dumps(value, default=_text, option=_OPTIONS).decode()


def _text(value: object) -> str:
    if type(value).__str__ is object.__str__:
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return str(value)


type Path = tuple[str | int, ...]
"""Keys and, in lists, numbers that lead to a value of a state."""


def leaves(state: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield (path, value) of everything in a state that is no structure."""
    children: Mapping[Any, object]
    match state:
        case dict():
            children = state
        case list() | tuple():
            children = dict(enumerate(state))
        case _:
            yield path, state
            return
    for key, child in children.items():
        yield from leaves(child, (*path, key if isinstance(key, int) else str(key)))


def as_state(value: Any) -> dict[str, object]:
    """Return what a handler returned as a dict: a dataclass and a pydantic model become one, a value is ``value``."""
    if hasattr(value, "model_dump"):
        return cast("dict[str, object]", value.model_dump(mode="json"))
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return dict(value) if isinstance(value, Mapping) else {"value": value}
