"""SunSpec: a device that describes itself over the wire becomes a profile, without any file.

The chain of models begins with ``SunS`` at one of three addresses; each model has a number, a length and the points
that the SunSpec Alliance defined for its number. A point that the device does not implement holds a value that says so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..channels import Channel, DeviceProfile, ValueKind, Write, WriteControl
from ..errors import BridgeError
from ..filters import default_filters
from .device import ModbusDevice, RegisterDecoder
from .model import RateClass, Register, RegisterType, Table
from .requests import Failure, RequestError
from .sunspec_layout import Point, layout, load_models

type ReadHolding = Callable[[int, int], Awaitable[list[int]]]
"""Reads ``count`` holding registers from ``address``. Raises RequestError, LinkError."""

BASES = (40_000, 50_000, 0)
"""Addresses at which the chain may begin."""
_MARKER = [0x5375, 0x6E53]
_END = 0xFFFF
_MAX_MODELS = 100
_MAX_LENGTH = 4000
"""Registers of one model; the longest known has a tenth of that."""
_COMMON = 1
_NAMEPLATES = {120, 121, 702}
_SETTINGS = {*range(122, 133), *range(703, 713), 715}

_TYPES = {
    "int16": (RegisterType.INT16, 0x8000),
    "uint16": (RegisterType.UINT16, 0xFFFF),
    "count": (RegisterType.UINT16, 0xFFFF),
    "acc16": (RegisterType.UINT16, None),
    "enum16": (RegisterType.UINT16, 0xFFFF),
    "bitfield16": (RegisterType.UINT16, 0xFFFF),
    "sunssf": (RegisterType.INT16, 0x8000),
    "int32": (RegisterType.INT32, 0x8000_0000),
    "uint32": (RegisterType.UINT32, 0xFFFF_FFFF),
    "acc32": (RegisterType.UINT32, None),
    "enum32": (RegisterType.UINT32, 0xFFFF_FFFF),
    "bitfield32": (RegisterType.UINT32, 0xFFFF_FFFF),
    "int64": (RegisterType.INT64, 1 << 63),
    "uint64": (RegisterType.UINT64, (1 << 64) - 1),
    "acc64": (RegisterType.UINT64, None),
    "float32": (RegisterType.FLOAT32, None),
    "float64": (RegisterType.FLOAT64, None),
    "string": (RegisterType.STRING, None),
}
_UNITS = {
    "A": ("A", "current"),
    "V": ("V", "voltage"),
    "W": ("W", "power"),
    "VA": ("VA", "apparent_power"),
    "var": ("var", "reactive_power"),
    "Var": ("var", "reactive_power"),
    "Wh": ("Wh", "energy"),
    "WH": ("Wh", "energy"),
    "Hz": ("Hz", "frequency"),
    "C": ("°C", "temperature"),
    "Pct": ("%", None),
    "PF": (None, "power_factor"),
    "cos()": (None, "power_factor"),
    "Secs": ("s", "duration"),
    "W/m2": ("W/m²", "irradiance"),
    "HPa": ("hPa", "atmospheric_pressure"),
    "Degrees": ("°", None),
    "meters": ("m", "distance"),
    "m/s": ("m/s", "wind_speed"),
    "mps": ("m/s", "wind_speed"),
    "mm": ("mm", "precipitation"),
}


class NotSunSpecError(BridgeError):
    """The device does not describe itself in SunSpec's way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundModel:
    """One model in the chain; ``words`` is its block with the header of two registers."""

    number: int
    address: int
    words: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class SunSpecDevice:
    """What a device says of itself."""

    profile: DeviceProfile
    models: tuple[int, ...]
    unknown_models: tuple[int, ...]
    """Models of manufacturers, or newer ones; their points are not in the profile."""
    serial_number: str | None


async def discover(read: ReadHolding, unit: int = 1) -> SunSpecDevice:
    """Walk a unit's chain of models. Raises NotSunSpecError, RequestError, LinkError."""
    found = await scan(read)
    models = await asyncio.to_thread(load_models)
    return describe(found, models, unit)


async def scan(read: ReadHolding) -> list[FoundModel]:
    """Return the models in the chain with their blocks. Raises NotSunSpecError, RequestError, LinkError."""
    address = await _find(read) + len(_MARKER)
    found: list[FoundModel] = []
    while len(found) < _MAX_MODELS and address <= 0xFFFE:
        number, length = await read(address, 2)
        if number == _END:
            return found
        if length > _MAX_LENGTH or address + length + 2 > 0x10000:
            raise NotSunSpecError(f"model {number} at {address} has {length} registers")
        block = await read(address + 2, length) if length else []
        found.append(FoundModel(number=number, address=address, words=[number, length, *block]))
        address += length + 2
    raise NotSunSpecError("the chain of models has no end")


async def _find(read: ReadHolding) -> int:
    """Return the address of the marker; a device may refuse the addresses that it does not use, or stay silent."""
    silent: RequestError | None = None
    for base in BASES:
        try:
            if await read(base, 2) == _MARKER:
                return base
        except RequestError as err:
            if err.failure is Failure.BUSY:
                raise
            silent = err if err.failure is Failure.SILENT else silent
    if silent is not None:
        raise silent
    raise NotSunSpecError("no SunSpec marker at 40000, 50000 or 0")


def describe(found: Sequence[FoundModel], models: dict[int, Any], unit: int) -> SunSpecDevice:
    """Return the profile of a device with these models; points that it does not implement are left out."""
    builder = _Builder()
    common: dict[str, Any] = {}
    for model in found:
        if model.number in models:
            values = builder.add(model, layout(models[model.number], model.words))
            common = common or (values if model.number == _COMMON else {})
    decoder = RegisterDecoder(registers=builder.registers, device=ModbusDevice(unit=unit))
    texts = {name: str(common[name]) for name in ("Mn", "Md", "SN") if common.get(name)}
    return SunSpecDevice(
        profile=DeviceProfile(
            decoder=decoder,
            channels=tuple(builder.channels),
            manufacturer=texts.get("Mn"),
            model=texts.get("Md"),
        ),
        models=tuple(model.number for model in found),
        unknown_models=tuple(model.number for model in found if model.number not in models),
        serial_number=texts.get("SN"),
    )


class _Builder:
    """Collects registers and channels of one model after the other."""

    def __init__(self) -> None:
        self.registers: dict[str, Register] = {}
        self.channels: list[Channel] = []
        self._count: dict[int, int] = {}

    def add(self, model: FoundModel, points: Sequence[Point]) -> dict[str, Any]:
        """Add a model; returns its values by path, without those that are not implemented."""
        number = self._count[model.number] = self._count.get(model.number, 0) + 1
        prefix = f"m{model.number}_" if number == 1 else f"m{model.number}_{number}_"
        by_path = {point.path: point for point in points}
        registers = {point.path: made for point in points if (made := _register(point, model)) is not None}
        values = {path: _value(register, model) for path, register in registers.items()}
        shown = {
            path
            for path, value in values.items()
            if value is not None and by_path[path].type != "sunssf" and by_path[path].offset >= 2
        }
        for path in shown:
            exponent = by_path[path].exponent
            # An exponent that the device does not implement counts as none.
            if isinstance(exponent, str) and values.get(exponent) is not None:
                self.registers[prefix + exponent] = registers[exponent]
                registers[path] = replace(registers[path], scale_register=prefix + exponent)
            self.registers[prefix + path] = registers[path]
        label = f"{number} " if number > 1 else ""
        self.channels += [_channel(point, model.number, prefix, label) for point in points if point.path in shown]
        return {path: value for path, value in values.items() if value is not None}


def _register(point: Point, model: FoundModel) -> Register | None:
    """Return where a point lies; None for fillers and for types that no entity can show."""
    if point.type not in _TYPES:
        return None
    kind, nan = _TYPES[point.type]
    is_flags = point.type.startswith("bitfield") and point.symbols
    return Register(
        address=model.address + point.offset,
        table=Table.HOLDING,
        type=kind,
        count=point.size if kind is RegisterType.STRING else None,
        nan=() if nan is None else (nan,),
        flags={int(bit): text for bit, text in (point.symbols or {}).items()} if is_flags else None,
        rate=_rate(point, model.number),
    )


def _rate(point: Point, number: int) -> RateClass:
    if number == _COMMON:
        return RateClass.ONCE
    slow = number in _NAMEPLATES | _SETTINGS or point.writable or point.depth > 1
    return RateClass.SLOW if slow else RateClass.NORMAL


def _value(register: Register, model: FoundModel) -> Any:
    """Return the value at discovery, None when the device does not implement the point."""
    start = register.address - model.address
    value = register.decode(model.words[start : start + register.size])
    return None if value == "" and register.type is RegisterType.STRING else value


def _channel(point: Point, number: int, prefix: str, label: str) -> Channel:
    is_text = point.type == "string" or point.symbols is not None
    unit, device_class = _UNITS.get(point.unit or "", (point.unit, None))
    counts = point.type.startswith("acc") or device_class == "energy"
    setting = number in _NAMEPLATES | _SETTINGS or point.writable or point.depth > 1
    measured = not is_text and number != _COMMON and not setting
    state_class = ("total_increasing" if counts else "measurement") if measured else None
    return Channel(
        key=(prefix + point.path).lower(),
        name=f"{label}{point.label}",
        source=prefix + point.path,
        kind=ValueKind.TEXT if is_text else ValueKind.NUMBER,
        unit=None if is_text else unit,
        device_class=None if is_text else device_class,
        state_class=state_class,
        filters=default_filters(state_class),
        scale=10.0**point.exponent if isinstance(point.exponent, int) else 1.0,
        texts=point.symbols if point.symbols and point.type.startswith("enum") else None,
        category="diagnostic" if (number == _COMMON or setting) and not point.writable else None,
        enabled=not setting,
        private=point.path == "SN",
        write=_write(point, prefix),
    )


def _write(point: Point, prefix: str) -> Write | None:
    """Return how a point is set; texts and bit fields are only shown."""
    if not point.writable or point.type not in _TYPES:
        return None
    target = {"register": prefix + point.path, "confirm_after": 1.0}
    if point.type.startswith("enum") and point.symbols:
        options = {text: int(value) for value, text in point.symbols.items()}
        return Write(control=WriteControl.SELECT, options=options, target=target)
    if point.type in {"int16", "uint16", "int32", "uint32"} and not point.symbols:
        bits = 16 * point.size
        signed = point.type.startswith("int")
        least, most = (-(1 << bits - 1) + 1, (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 2)
        step = 10.0**point.exponent if isinstance(point.exponent, int) else 1.0
        if isinstance(point.exponent, str):
            step = 0.001  # the device's own exponent decides
        return Write(control=WriteControl.NUMBER, minimum=least, maximum=most, step=step, target=target)
    return None
