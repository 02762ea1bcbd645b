"""The fields of a binary structure as a list that is edited field by field."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)

from ..bridge.codecs.decoders.structure import REST, TYPES
from ..bridge.errors import ProfileError
from ..bridge.yaml_text import fits_json

LAYOUT: Final = "layout"
_NAME: Final = "name"
_TYPE: Final = "type"
_OFFSET: Final = "offset"
_SIZE: Final = "size"
_ORDER: Final = "order"
_BITS: Final = "bits"
_INVALID: Final = "invalid"
_REPEAT: Final = "repeat"
_PAD: Final = "pad"
_NAMELESS: Final = "-"
"""Stands in the form for the name that padding need not have."""
_ORDERS: Final = ["usual", "big", "little"]


def layout_selector() -> ObjectSelector:
    """Return the selector of the fields."""
    number = NumberSelector(NumberSelectorConfig(min=0, max=65535, step=1, mode=NumberSelectorMode.BOX))
    types = SelectSelector(SelectSelectorConfig(options=list(TYPES), mode=SelectSelectorMode.DROPDOWN))
    order = SelectSelector(
        SelectSelectorConfig(options=_ORDERS, translation_key="byte_order", mode=SelectSelectorMode.DROPDOWN)
    )
    return ObjectSelector(
        ObjectSelectorConfig(
            multiple=True,
            label_field=_NAME,
            description_field=_TYPE,
            translation_key="structure_field",
            fields={
                _NAME: {"required": True, "selector": TextSelector()},
                _TYPE: {"required": True, "default": "u16", "selector": types},
                _OFFSET: {"selector": number},
                _SIZE: {"selector": number},
                _ORDER: {"selector": order},
                _BITS: {"selector": TextSelector()},
                _INVALID: {"selector": TextSelector()},
                _REPEAT: {"selector": TextSelector()},
            },
        )
    )


def layout_form(fields: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """Return the form filled with stored fields; None for groups, which have no place in it."""
    if any("fields" in field for field in fields):
        return None
    return [_field_form(field) for field in fields]


def layout_of_form(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the fields as they are stored; raises ProfileError for what is written wrongly."""
    return [_field_of_form(item, f"decoder.fields[{index}]") for index, item in enumerate(items)]


def _field_form(field: Mapping[str, Any]) -> dict[str, Any]:
    form = {name: field[name] for name in (_NAME, _TYPE, _OFFSET, _SIZE) if name in field}
    form.setdefault(_NAME, _NAMELESS)
    if "little_endian" in field:
        form[_ORDER] = "little" if field["little_endian"] else "big"
    if bits := field.get(_BITS):
        form[_BITS] = "; ".join(
            f"{name} {first}" if count == 1 else f"{name} {first}:{count}" for name, (first, count) in bits.items()
        )
    if invalid := field.get(_INVALID):
        form[_INVALID] = "; ".join(map(str, invalid))
    if _REPEAT in field:
        form[_REPEAT] = str(field[_REPEAT])
    return form


def _field_of_form(item: Mapping[str, Any], path: str) -> dict[str, Any]:
    field: dict[str, Any] = {_TYPE: item[_TYPE]}
    if (name := item[_NAME].strip()) != _NAMELESS or field[_TYPE] != _PAD:
        field[_NAME] = name
    field |= {name: int(item[name]) for name in (_OFFSET, _SIZE) if item.get(name) is not None}
    if item.get(_ORDER, _ORDERS[0]) != _ORDERS[0]:
        field["little_endian"] = item[_ORDER] == "little"
    try:
        if bits := item.get(_BITS, "").strip():
            field[_BITS] = dict(_bits(part.strip()) for part in bits.split(";") if part.strip())
        if invalid := item.get(_INVALID, "").strip():
            field[_INVALID] = [_number(part.strip()) for part in invalid.split(";") if part.strip()]
        if repeat := item.get(_REPEAT, "").strip():
            field[_REPEAT] = REST if repeat == REST else int(repeat)
    except ValueError as err:
        raise ProfileError(path, str(err)) from err
    return field


def _bits(text: str) -> tuple[str, list[int]]:
    """Return name and span of ``alarm 3``, or of ``level 4:2``: two bits from bit 4 on. Raises ValueError."""
    name, _, span = text.rpartition(" ")
    first, _, count = span.partition(":")
    if not name.strip():
        raise ValueError(f"{text!r} is not like alarm 3, or level 4:2")
    return name.strip(), [int(first), int(count or 1)]


def _number(text: str) -> float:
    number = float(int(text, 0)) if text.lower().startswith("0x") else float(text)
    return int(number) if number.is_integer() and fits_json(int(number)) else number
