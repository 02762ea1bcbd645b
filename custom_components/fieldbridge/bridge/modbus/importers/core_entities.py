"""Entities of Home Assistant's own Modbus integration (its ``schemas.py`` of 2026.11) to registers and channels."""

from dataclasses import dataclass, replace
import struct
from typing import Any

from ...errors import ProfileError
from ..device import MAX_REGISTERS
from ..model import MAX_ADDRESS, Register, RegisterType, Table
from .build import DeviceBuild
from .options import Options, whole_number
from .result import OldEntity, Reason

DEFAULT_SCAN_INTERVAL = 15
"""Seconds, as Home Assistant has it."""
DEFAULT_UNIT = 1
MAX_PRECISION = 9

_TABLES = {
    "holding": Table.HOLDING,
    "input": Table.INPUT,
    "coil": Table.COIL,
    "discrete_input": Table.DISCRETE,
    "holdings": Table.HOLDING,
    "coils": Table.COIL,
}
_INTEGERS = ("int16", "int32", "int64", "uint16", "uint32", "uint64")
_FLOATS = ("float16", "float32", "float64")
_OBSOLETE = {"int": "int", "uint": "uint", "float": "float"}
"""Types of files from before 2022, whose size is told by ``count``."""
_FORMATS = dict(zip((*_INTEGERS, *_FLOATS), (">h", ">i", ">q", ">H", ">I", ">Q", ">e", ">f", ">d"), strict=True))

type Notes = list[tuple[Reason, str]]
"""What is different or left out of one entity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CoreEntity:
    """What every entity has."""

    name: str
    unique_id: str | None
    address: int
    interval: int
    """Seconds; 0 means once."""

    @property
    def wanted_key(self) -> str:
        """The name from which the channel's key is made."""
        return self.unique_id or self.name

    def behind(self, index: int) -> CoreEntity:
        """Return the entity that ``virtual_count`` puts ``index`` places behind, as Home Assistant names it."""
        unique_id = self.unique_id and f"{self.unique_id}_{index}"
        return replace(self, name=f"{self.name} {index}", unique_id=unique_id)


def read_entity(options: Options) -> CoreEntity:
    """Return what every entity has; raises ProfileError."""
    name, address = options.text("name"), options.integer("address", high=MAX_ADDRESS)
    if not name:
        raise ProfileError("name", "is missing")
    if address is None:
        raise ProfileError("address", "is missing")
    interval = options.integer("scan_interval", high=86400 * 365)
    return CoreEntity(
        name=name,
        unique_id=options.text("unique_id"),
        address=address,
        interval=DEFAULT_SCAN_INTERVAL if interval is None else interval,
    )


def add_sensor(options: Options, build: DeviceBuild) -> Notes:
    """Add a sensor, and those that ``virtual_count`` puts behind it; raises ProfileError."""
    entity = read_entity(options)
    notes: Notes = []
    register = _sensor_register(options, entity.address, notes)
    is_text = register.type is RegisterType.STRING or _is_several(register)
    channel: dict[str, Any] = {
        "kind": "text" if is_text else "number",
        "unit": options.text("unit_of_measurement"),
        "device_class": options.text("device_class"),
        "state_class": options.text("state_class"),
    }
    numbers = _number_options(options, register, notes)
    if is_text:
        if _is_several(register) and numbers.keys() & {"scale", "offset"}:
            notes.append((Reason.DIFFERENT, "several values in one text are shown without scale and offset"))
    else:
        channel |= numbers
    _add_row(build, entity, _virtual_count(options), register, channel, "sensor")
    return notes


def add_binary_sensor(options: Options, build: DeviceBuild) -> Notes:
    """Add a binary sensor, and those that ``virtual_count`` puts behind it; raises ProfileError."""
    entity = read_entity(options)
    table = _TABLES[options.choice("input_type", ("coil", "discrete_input", "holding", "input")) or "coil"]
    # Home Assistant looks at the lowest bit of a register and at no other.
    bit = None if table.is_bits else 0
    register = Register(address=entity.address, table=table, type=RegisterType.BIT, bit=bit)
    channel = {"kind": "binary", "device_class": options.text("device_class")}
    _add_row(build, entity, _virtual_count(options), register, channel, "binary_sensor")
    return []


def add_switch(options: Options, build: DeviceBuild) -> Notes:
    """Add a switch, verified by a register where it has ``verify``; raises ProfileError."""
    entity = read_entity(options)
    write_type = options.choice("write_type", ("holding", "holdings", "coil", "coils")) or "holding"
    target = _switch_register(entity.address, _TABLES[write_type])
    command_on, command_off = (_command(options, name, default) for name, default in (("on", 1), ("off", 0)))
    key = build.key(entity.wanted_key)
    write: dict[str, Any] = {
        "control": "switch",
        "on": bool(command_on) if target.table.is_bits else command_on,
        "off": bool(command_off) if target.table.is_bits else command_off,
        "target": {
            "register": target.to_dict(),
            "method": "multiple" if write_type in {"holdings", "coils"} else "single",
        },
    }
    channel: dict[str, Any] = {
        "key": key,
        "name": entity.name,
        "source": "",
        "kind": "binary",
        "device_class": options.text("device_class"),
        "write": write,
    }
    if options.has("verify"):
        verify = options.options("verify") or Options({})
        source = _verify_register(verify, entity, write_type)
        channel["source"] = key
        channel["texts"] = _state_texts(verify, source, command_on, command_off)
        write["target"]["confirm_after"] = verify.integer("delay", high=3600) or 0
        if source == target:
            write["target"]["register"] = key
        else:
            write["target"]["verify"] = key
        build.add_register(key, source, float(entity.interval))
    build.add_channel(channel, _old_entity("switch", entity, channel))
    return []


def _sensor_register(options: Options, address: int, notes: Notes) -> Register:
    data_type = options.choice("data_type", (*_INTEGERS, *_FLOATS, "string", "custom", *_OBSOLETE)) or "int16"
    count, structure = options.integer("count", 1, 125), options.text("structure")
    if data_type in _OBSOLETE:
        data_type = f"{data_type}{16 * (count or (2 if data_type == 'float' else 1))}"
        if data_type not in _FORMATS:
            raise ProfileError("count", "does not fit the type")
    swap = options.choice("swap", ("none", "byte", "word", "word_byte"))
    fields: dict[str, Any] = {
        "address": address,
        "table": _TABLES[options.choice("input_type", ("holding", "input")) or "holding"],
        "type": RegisterType.STRUCT if data_type == "custom" else RegisterType(data_type),
        "word_order": "little" if swap in {"word", "word_byte"} else "big",
        "byte_order": "little" if swap in {"byte", "word_byte"} else "big",
    }
    if data_type in {"string", "custom"}:
        if count is None:
            raise ProfileError("count", f"is needed for {data_type}")
        fields["count"] = count
    elif count is not None and count * 2 != struct.calcsize(_FORMATS[data_type]):
        notes.append((Reason.IGNORED, f"count: {count} is not the size of {data_type}"))
    if data_type == "custom":
        if structure is None:
            raise ProfileError("structure", "is needed for custom")
        fields["structure"] = structure
    register = Register(**fields)
    nan = options.get("nan_value")
    if nan is None or data_type == "string":
        return register
    patterns = _nan_patterns(nan, register.structure or _FORMATS[data_type])
    if not patterns:
        notes.append((Reason.IGNORED, f"nan_value: {nan} cannot occur in {data_type}"))
    return replace(register, nan=patterns)


def _nan_patterns(value: Any, structure: str) -> tuple[int, ...]:
    """Return the bits of the value and of its negative, which means "no value" as well; none where none fits."""
    number = whole_number(value)
    if number is None and isinstance(value, str):
        number = whole_number(f"0x{value}")  # Home Assistant takes "FFFF" as well
    if number is None:
        raise ProfileError("nan_value", "must be a whole number")
    patterns = []
    for each in (number, -number):
        try:
            patterns.append(int.from_bytes(struct.pack(structure, each)))
        except struct.error, OverflowError, ValueError:
            continue
    return tuple(dict.fromkeys(patterns))


def _number_options(options: Options, register: Register, notes: Notes) -> dict[str, Any]:
    scale, offset = options.number("scale"), options.number("offset")
    # Without a precision Home Assistant shows integers whole, whatever their scale is, and others with two decimals.
    is_integer = register.type in _INTEGERS
    precision = options.integer("precision", high=1000)
    numbers: dict[str, Any] = {
        "precision": min(MAX_PRECISION, (0 if is_integer else 2) if precision is None else precision)
    }
    if scale is not None and scale != 1:
        numbers["scale"] = scale
    if offset:
        numbers["offset"] = offset
    for ours, theirs in (("minimum", "min_value"), ("maximum", "max_value")):
        limit = options.number(theirs)
        if limit is not None:
            numbers[ours] = limit
            notes.append((Reason.DIFFERENT, f"{theirs}: a value beyond is rejected, not shown as {limit:g}"))
    suppress = options.number("zero_suppress")
    if suppress:
        numbers["filters"] = [{"kind": "expression", "formula": f"0 if abs(x) <= {suppress!r} else x"}]
    return numbers


def _virtual_count(options: Options) -> int:
    count = options.integer("virtual_count", high=MAX_REGISTERS)
    return (options.integer("slave_count", high=MAX_REGISTERS) or 0) if count is None else count


def _add_row(
    build: DeviceBuild, entity: CoreEntity, behind: int, register: Register, channel: dict[str, Any], platform: str
) -> None:
    """Add the entity and those behind it: all of them, or none when one does not fit."""
    addresses = [entity.address + index * register.size for index in range(behind + 1)]
    registers = [replace(register, address=address) for address in addresses]
    build.require_room(len(registers))
    for index, each in enumerate(registers):
        virtual = entity if index == 0 else entity.behind(index)
        key = build.key(virtual.wanted_key)
        build.add_register(key, each, float(entity.interval))
        # Without filters, which totals have by default elsewhere: the values stay those that Home Assistant showed.
        full = {"filters": [], **channel, "key": key, "name": virtual.name, "source": key}
        build.add_channel(full, _old_entity(platform, virtual, full))


def _is_several(register: Register) -> bool:
    if register.type is not RegisterType.STRUCT:
        return False
    values = struct.unpack(register.structure or "", bytes(2 * register.size))
    return len(values) != 1 or isinstance(values[0], bytes)


def _command(options: Options, name: str, default: int) -> int:
    command = options.integer(f"command_{name}", high=0xFFFF)
    return default if command is None else command


def _switch_register(address: int, table: Table) -> Register:
    return Register(address=address, table=table, type=RegisterType.BIT if table.is_bits else RegisterType.UINT16)


def _verify_register(verify: Options, entity: CoreEntity, write_type: str) -> Register:
    address = verify.integer("address", high=MAX_ADDRESS)
    input_type = verify.choice("input_type", tuple(_TABLES)) or write_type
    return _switch_register(entity.address if address is None else address, _TABLES[input_type])


def _state_texts(verify: Options, source: Register, command_on: int, command_off: int) -> dict[str, str]:
    """Return on and off by the text of the raw value."""
    texts: dict[str, str] = {}
    for name, default in (("off", command_off), ("on", command_on)):
        states = verify.get(f"state_{name}")
        for state in states if isinstance(states, list) else [default if states is None else states]:
            number = whole_number(state)
            if number is None or not 0 <= number <= 0xFFFF:
                raise ProfileError(f"verify.state_{name}", "must be whole numbers")
            texts[str(bool(number)) if source.table.is_bits else str(number)] = name
    return texts


def _old_entity(platform: str, entity: CoreEntity, channel: dict[str, Any]) -> OldEntity:
    return OldEntity(
        platform=platform,
        name=entity.name,
        unique_id=entity.unique_id,
        unit=channel.get("unit"),
        device_class=channel.get("device_class"),
        state_class=channel.get("state_class"),
    )
