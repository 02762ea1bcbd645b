"""What goes over MQTT: compact JSON in UTF-8, NaN as null."""

from dataclasses import asdict, is_dataclass
from typing import Any, cast

import orjson

# Numbers straight from numpy are common in handlers; keys may be integers (register addresses, channel numbers).
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def to_json(value: object) -> str:
    """Return ``value`` as compact JSON; what JSON does not know is written as its ``str``."""
    return orjson.dumps(value, default=str, option=_OPTIONS).decode()


def as_state(value: Any) -> dict[str, object]:
    """Return what a handler returned as a dict: a dataclass and a pydantic model become one."""
    if hasattr(value, "model_dump"):
        return cast("dict[str, object]", value.model_dump(mode="json", by_alias=True))
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return cast("dict[str, object]", value)
