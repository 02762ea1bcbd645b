"""What goes over MQTT: compact JSON in UTF-8, NaN as null."""

import orjson

# Numbers straight from numpy are common in handlers; keys may be integers (register addresses, channel numbers).
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def to_json(value: object) -> str:
    """Return ``value`` as compact JSON; what JSON does not know is written as its ``str``."""
    return orjson.dumps(value, default=str, option=_OPTIONS).decode()
