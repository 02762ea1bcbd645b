"""Device files of modbus_local_gateway and modbus_connect to profiles; both are YAML with a section per table."""

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ProfileError
from ...yaml_text import YamlText, read_yaml
from ..device import ModbusDevice
from ..model import MAX_ADDRESS, MAX_WORDS, RegisterType, Table
from .build import DeviceBuild
from .device_entity import UNITS, DeviceEntity, mask_of_bits
from .options import Options, whole_number
from .result import Import, ImportedLink, Reason, Remark

_GATEWAY_TABLES = {
    "read_write_word": Table.HOLDING,
    "read_only_word": Table.INPUT,
    "read_write_boolean": Table.COIL,
    "read_only_boolean": Table.DISCRETE,
}
_CONNECT_TABLES = {"holding": Table.HOLDING, "input": Table.INPUT, "coil": Table.COIL, "discrete": Table.DISCRETE}
_INTEGERS = {1: "16", 2: "32", 4: "64"}
_PLATFORMS = ("sensor", "binary_sensor", "number", "select", "switch", "button", "text")
_SWAPS = ("byte", "word", "word_byte")
_SILENT = ("icon", "mode", "translation_key", "has_entity_name", "entity_registry_visible_default", "force_update")
"""How an entity looks, which has no place in a profile."""

type Reader = Callable[[str, Table, Options], DeviceEntity]


def read_device_file(text: str) -> Import:
    """Return the device that a file of one of the two families describes; raises ProfileError with the line."""
    document = read_yaml(text)
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("device"), dict):
        raise ProfileError("", "is no device file: there is no section device")
    if set(data) & set(_CONNECT_TABLES):
        return _read(document, data, _CONNECT_TABLES, _connect_entity)
    if set(data) & set(_GATEWAY_TABLES):
        return _read(document, data, _GATEWAY_TABLES, _gateway_entity)
    raise ProfileError("", "is no device file: there is no section with registers")


def _read(document: YamlText, data: dict[str, Any], tables: Mapping[str, Table], read: Reader) -> Import:
    remarks: list[Remark] = []

    def remark(reason: Reason, place: str, detail: str, path: str) -> None:
        remarks.append(Remark(reason=reason, place=place, detail=detail, line=document.line(path)))

    head = Options(data["device"])
    interval = head.integer("scan_interval", 1, 86400)
    build = DeviceBuild(ModbusDevice(**_limits(head)))
    for section, entities in data.items():
        if section in tables:
            for key, entity in entities.items() if isinstance(entities, dict) else ():
                path = f"{section}.{key}"
                try:
                    options = Options(entity)
                    found = read(key, tables[section], options)
                    found.interval = interval if found.interval is None else found.interval
                    found.add_to(build)
                except ProfileError as err:
                    remark(Reason.INVALID, key, str(err), path)
                    continue
                notes = [*found.notes, *((Reason.IGNORED, name) for name in options.left_over("ha", *_SILENT))]
                for reason, detail in notes:
                    remark(reason, key, detail, path)
        elif section not in {"device", "translations"}:
            for key in entities if isinstance(entities, dict) else (section,):
                remark(Reason.UNSUPPORTED, str(key), section, f"{section}.{key}")
    manufacturer, model = head.text("manufacturer"), head.text("model")
    name = " ".join(part for part in (manufacturer, model) if part) or "Modbus"
    unit = head.integer("modbus_id", high=255)
    device = build.finish(name, unit, manufacturer=manufacturer, model=model)
    return Import(links=(ImportedLink(name=name, devices=(device,)),), remarks=tuple(remarks))


def _limits(head: Options) -> dict[str, Any]:
    """Return the limits of requests that a file names."""
    limits: dict[str, Any] = {}
    registers, gap = head.integer("max_register_read", 1, 2000), head.integer("max_read_gap", 0, 1000)
    if registers is not None:
        limits["max_registers"] = min(registers, MAX_WORDS)
    if gap is not None:
        limits["max_gap"] = min(gap, MAX_WORDS)
    return limits


def _gateway_entity(key: str, table: Table, options: Options) -> DeviceEntity:
    """Return an entity of modbus_local_gateway."""
    size = options.integer("size", 1, MAX_WORDS) or 1
    bits, shift = options.integer("bits", 1, 64), options.integer("shift_bits", 0, 63) or 0
    control = options.choice("control", _PLATFORMS)
    switch, number = options.options("switch"), options.options("number")
    flags = options.options("flags")
    on_off = switch or options
    entity = DeviceEntity(
        key=key,
        name=options.text("name") or key,
        table=table,
        address=_address(options),
        type=_gateway_type(options, size),
        count=size if options.boolean("string") else None,
        mask=None if table.is_bits else mask_of_bits(bits, shift),
        texts=_texts(options.get("options") if control == "select" else options.get("map")),
        # Counted from 1 there, from 0 here.
        flags=None if flags is None else {bit - 1: text for bit, text in (_texts(options.get("flags")) or {}).items()},
        nan=_integers(options.get("unavailable_values")) if bits is None and not shift else (),
        platform=control or ("binary_sensor" if table.is_bits else "sensor"),
        on=_state(on_off, "on", default=True),
        off=_state(on_off, "off", default=False),
        shown=_shown(options, "entity_registry_enabled_default"),
    )
    _common(entity, options)
    if number is not None:
        entity.minimum, entity.maximum, entity.step = number.number("min"), number.number("max"), number.number("step")
    return entity


def _gateway_type(options: Options, size: int) -> RegisterType:
    signed, is_float, is_text = (options.boolean(name) for name in ("signed", "float", "string"))
    if is_text:
        return RegisterType.STRING
    if is_float:
        return RegisterType.FLOAT64 if size == 4 else RegisterType.FLOAT32
    if options.has("sum_scale"):
        return RegisterType.INT16 if signed else RegisterType.UINT16
    if size not in _INTEGERS:
        raise ProfileError("size", "must be 1, 2 or 4 for a number")
    return RegisterType(f"{'int' if signed else 'uint'}{_INTEGERS[size]}")


def _connect_entity(key: str, table: Table, options: Options) -> DeviceEntity:
    """Return an entity of modbus_connect."""
    if options.boolean("internal"):
        raise ProfileError("internal", "is only there for templates")
    shown = options.options("ha") or Options({})
    platform = shown.choice("platform", (*_PLATFORMS, "time", "valve")) or (
        "binary_sensor" if table.is_bits else "sensor"
    )
    if platform not in _PLATFORMS:
        raise ProfileError("ha.platform", f"there is no counterpart of {platform}")
    kind = options.text("type") or "uint16"
    if kind in {"time", "int1", "bit"} and not table.is_bits:
        raise ProfileError("type", f"there is no counterpart of {kind}")
    entity = DeviceEntity(
        key=key,
        name=shown.text("name") or key,
        table=table,
        address=_address(options),
        type=_register_type(kind),
        count=options.integer("count", 1, MAX_WORDS) if kind == "string" else None,
        mask=options.integer("mask", 1, 2**64 - 1),
        texts=_texts(options.get("map")),
        flags=_texts(options.get("flags")),
        platform=platform,
        on=_state(options, "on_value", default=True),
        off=_state(options, "off_value", default=False),
        press=options.get("write_value"),
        minimum=shown.number("min"),
        maximum=shown.number("max"),
        step=shown.number("step"),
        multiple=options.boolean("write_multiple"),
        confirm_after=options.number("confirm_delay"),
        shown=_shown(shown, "enabled_by_default", "entity_registry_enabled_default"),
    )
    _common(entity, options)
    options.boolean("read_modify_write")  # what is part of a register always keeps the rest of it
    options.get("groups")
    return entity


def _register_type(kind: str) -> RegisterType:
    try:
        return RegisterType(kind)
    except ValueError as err:
        raise ProfileError("type", f"there is no counterpart of {kind}") from err


def _common(entity: DeviceEntity, options: Options) -> None:
    """Add what both families write alike."""
    entity.swap = options.choice("swap", _SWAPS)
    entity.scale, entity.offset = options.number("multiplier"), options.number("offset")
    entity.interval = options.integer("scan_interval", 1, 86400)
    weights = options.get("sum_scale")
    if weights is not None:
        if not isinstance(weights, list) or not all(type(weight) in {int, float} for weight in weights):
            raise ProfileError("sum_scale", "must be a list of numbers")
        entity.sum_scale = tuple(weights)
    change = options.number("max_change")
    never_resets = options.boolean("never_resets")
    if never_resets or (change and str(entity.shown["state_class"]).startswith("total")):
        entity.shown["filters"] = [{"kind": "counter_guard", **({"max_step": change} if change else {})}]
    elif change:
        entity.notes.append((Reason.IGNORED, f"max_change: {change:g}"))


def _shown(options: Options, *enabled: str) -> dict[str, Any]:
    """Return how an entity is shown, in the words of a channel."""
    unit, precision = options.text("unit_of_measurement"), options.integer("precision", 0, 100)
    is_enabled = all(options.get(name) is None or options.boolean(name) for name in enabled)
    return {
        "unit": UNITS.get(unit, unit) if unit else None,
        "device_class": options.text("device_class"),
        "state_class": options.text("state_class"),
        "category": options.choice("entity_category", ("config", "diagnostic")),
        "precision": None if precision is None else min(precision, 9),
        "enabled": None if is_enabled else False,
    }


def _address(options: Options) -> int:
    address = options.integer("address", high=MAX_ADDRESS)
    if address is None:
        raise ProfileError("address", "is missing")
    return address


def _state(options: Options, name: str, *, default: bool) -> int:
    value = options.get(name)
    number = int(value) if isinstance(value, bool) else whole_number(value)
    if value is not None and (number is None or not 0 <= number <= 0xFFFF):
        raise ProfileError(name, "must be a whole number from 0 to 65535")
    return int(default) if number is None else number


def _texts(data: Any) -> dict[int, str] | None:
    """Return texts by number; raises ProfileError."""
    if data is None:
        return None
    if not isinstance(data, dict) or not data:
        raise ProfileError("map", "must be texts by number")
    texts: dict[int, str] = {}
    for key, text in data.items():
        number = whole_number(key)
        if number is None or isinstance(text, dict | list):
            raise ProfileError("map", "must be texts by number")
        texts[number] = str(text)
    return texts


def _integers(data: Any) -> tuple[int, ...]:
    numbers = [whole_number(item) for item in (data if isinstance(data, list) else [data])] if data is not None else []
    if any(number is None for number in numbers):
        raise ProfileError("unavailable_values", "must be whole numbers")
    return tuple(number for number in numbers if number is not None)
