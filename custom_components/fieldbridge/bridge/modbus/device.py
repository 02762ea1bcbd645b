"""The registers of one Modbus device: how it is polled, and how an image of its registers becomes fields.

An image is what one request read. Its text form (``3 holding 4096: 00E6 00E7`` of unit 3, bits as ``3 coil 0: 1 0``) is
the frame of a Modbus link, so that recordings, replay and the inspector work as they do for every other link.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import itemgetter
from typing import Any, NamedTuple

from ..errors import DecodeError, ProfileError
from . import json_values
from .model import MAX_BITS, MAX_WORDS, RateClass, Raw, Register, RegisterType, Table, scaled

type Values = dict[str, Raw | None]
"""Values of registers by name; None: the device says that it has no value."""
type Getter = Any
"""As codecs/decoders.py says; nothing is imported from there, since it reads this decoder's JSON form."""

DEFAULT_INTERVALS = {RateClass.FAST: 2.0, RateClass.NORMAL: 10.0, RateClass.SLOW: 300.0}
"""Seconds between two polls."""
MAX_REGISTERS = 10_000
"""Of one device; a definition with more is a mistake or an attack."""
_MAX_DEPTH = 4
"""Sums of sums; more is a circle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModbusDevice:
    """How one unit on a link is polled."""

    unit: int = 1
    max_registers: int = MAX_WORDS
    """In one request."""
    max_bits: int = MAX_BITS
    max_gap: int | None = None
    """Addresses that may be read over; None works it out from the line's speed and latency."""
    intervals: Mapping[RateClass, float] = field(default_factory=lambda: dict(DEFAULT_INTERVALS))
    """Seconds between two polls, by rate class; those that are missing are completed."""
    tolerance: int = 2
    """Polls in a row that may fail before the device counts as unavailable."""
    all_or_nothing: bool = False
    """One implausible value discards everything that was read in the same poll."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "intervals", {**DEFAULT_INTERVALS, **self.intervals})

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**data, "intervals": {str(rate): seconds for rate, seconds in self.intervals.items()}}

    @classmethod
    def from_dict(cls, data: Any, path: str = "device") -> ModbusDevice:
        """Return the settings described by ``data``; raises ProfileError that names the wrong value."""
        if not isinstance(data, dict):
            raise ProfileError(path, "must be an object")
        if unknown := {str(name) for name in data} - {each.name for each in fields(cls)}:
            raise ProfileError(path, f"unknown: {', '.join(sorted(unknown))}")
        values = {name: value for name, value in data.items() if value is not None}
        for name, (low, high) in _LIMITS.items():
            if name in values and not low <= json_values.integer(values[name], f"{path}.{name}") <= high:
                raise ProfileError(f"{path}.{name}", f"must be from {low} to {high}")
        if "all_or_nothing" in values:
            json_values.boolean(values["all_or_nothing"], f"{path}.all_or_nothing")
        if "intervals" in values:
            values["intervals"] = _intervals(values["intervals"], f"{path}.intervals")
        return cls(**values)


_LIMITS = {
    "unit": (0, 255),
    "max_registers": (1, MAX_WORDS),
    "max_bits": (1, MAX_BITS),
    "max_gap": (0, MAX_WORDS),
    "tolerance": (0, 1000),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterDecoder:
    """The registers of a device by name; a channel's source is such a name."""

    registers: Mapping[str, Register]
    device: ModbusDevice = field(default_factory=ModbusDevice)

    def __post_init__(self) -> None:
        for name in self.registers:
            self.words_of(name)

    def parse(self, data: bytes) -> Values:
        """Return the values that lie whole in the text form of an image. Reasons: ``image``, ``unit``."""
        image = parse_image(data)
        if image.unit != self.device.unit:
            raise DecodeError("unit", f"{image.unit} instead of {self.device.unit}")
        return self.values(image.table, image.address, image.words)

    def getter(self, source: str) -> Getter:
        """Return the picker of one register; raises ValueError for an unknown one."""
        if source not in self.registers:
            raise ValueError(f"no register is called {source!r}")
        return itemgetter(source)

    def values(self, table: Table, address: int, words: Sequence[int]) -> Values:
        """Return the values of all registers that lie whole in one image; one that is no value becomes None."""
        raw = {
            name: decode_or_none(register, words[register.address - address : register.end - address])
            for name, register in self.registers.items()
            if register.table is table and register.size and address <= register.address
            if register.end <= address + len(words)
        }
        return self.combine(raw)

    def combine(self, raw: Values) -> Values:
        """Return raw values with scale factors applied and sums added, as far as their parts are there."""
        result: Values = {}
        for name, register in self.registers.items():
            if name in raw or register.type is RegisterType.SUM:
                try:
                    result[name] = self._combined(name, raw)
                except KeyError:
                    continue  # a part of it was not read this time
        return result

    def _combined(self, name: str, raw: Values) -> Raw | None:
        register = self.registers[name]
        if register.type is RegisterType.SUM:
            value = _weighted_sum((self._combined(part, raw), weight) for part, weight in register.sum_of.items())
        else:
            value = raw[name]
        if register.scale_register is not None:
            return scaled(value, self._combined(register.scale_register, raw))
        return value

    def words_of(self, name: str, path: str = "", depth: int = 0) -> set[str]:
        """Return the registers that have to be read for ``name``, itself included; raises ProfileError for a circle."""
        register = self.registers.get(name)
        if register is None:
            raise ProfileError(f"registers.{path or name}", f"no register is called {name!r}")
        if depth > _MAX_DEPTH:
            raise ProfileError(f"registers.{path}", "is made of itself")
        needed = {name} if register.size else set()
        for part in register.needs:
            needed |= self.words_of(part, path or name, depth + 1)
        return needed

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        registers = {name: register.to_dict() for name, register in self.registers.items()}
        return {"kind": "modbus", "device": self.device.to_dict(), "registers": registers}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], path: str = "decoder") -> RegisterDecoder:
        """Return the decoder described by ``data``; raises ProfileError that names the wrong value."""
        registers = data.get("registers")
        if not isinstance(registers, dict):
            raise ProfileError(f"{path}.registers", "must be an object")
        if len(registers) > MAX_REGISTERS:
            raise ProfileError(f"{path}.registers", f"more than {MAX_REGISTERS}")
        parsed = {
            str(name): Register.from_dict(register, f"{path}.registers.{name}") for name, register in registers.items()
        }
        device = ModbusDevice.from_dict(data.get("device") or {}, f"{path}.device")
        try:
            return cls(registers=parsed, device=device)
        except ProfileError as err:
            raise ProfileError(f"{path}.{err.path}", str(err).removeprefix(f"{err.path}: ")) from err


class WriteMethod(StrEnum):
    """Which function writes."""

    AUTO = "auto"
    """One register by function 6 (5 for coils), several by function 16."""
    SINGLE = "single"
    MULTIPLE = "multiple"


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteTarget:
    """Where a write goes: the ``target`` of a channel's Write."""

    register: Register
    method: WriteMethod = WriteMethod.AUTO
    confirm_after: float = 0.0
    """Seconds until the value is read back; slow devices need some to take a value over."""
    verify: str | None = None
    """Name of the register that shows what became of the write; None: the register itself."""
    read_modify_write: bool = True
    """Whether a value that is part of a register keeps the other bits; else they become 0."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "register": self.register.to_dict(),
            "method": self.method,
            "confirm_after": self.confirm_after,
            "verify": self.verify,
            "read_modify_write": self.read_modify_write,
        }

    @classmethod
    def from_dict(cls, data: Any, registers: Mapping[str, Register], path: str = "target") -> WriteTarget:
        """Return the target described by ``data``; ``register`` is a name in ``registers`` or an object of its own."""
        if not isinstance(data, Mapping):
            raise ProfileError(path, "must be an object")
        if unknown := {str(name) for name in data} - {each.name for each in fields(cls)}:
            raise ProfileError(path, f"unknown: {', '.join(sorted(unknown))}")
        where = data.get("register")
        if isinstance(where, str):
            if where not in registers:
                raise ProfileError(f"{path}.register", f"no register is called {where!r}")
            register = registers[where]
        else:
            register = Register.from_dict(where, f"{path}.register")
        if not register.table.is_writable or not register.size:
            raise ProfileError(f"{path}.register", "cannot be written")
        method = json_values.choice(WriteMethod, data.get("method") or "auto", f"{path}.method")
        if method is WriteMethod.SINGLE and register.size > 1:
            raise ProfileError(f"{path}.method", "several registers cannot be written by the single function")
        verify = data.get("verify")
        if verify is not None and verify not in registers:
            raise ProfileError(f"{path}.verify", f"no register is called {verify!r}")
        keep = data.get("read_modify_write")
        return cls(
            register=register,
            method=method,
            read_modify_write=keep is None or json_values.boolean(keep, f"{path}.read_modify_write"),
            confirm_after=json_values.positive(data.get("confirm_after") or 0.0, f"{path}.confirm_after"),
            verify=verify,
        )


def _weighted_sum(parts: Iterable[tuple[Raw | None, float]]) -> Raw | None:
    total: int | float = 0
    for part, weight in parts:
        if part is None or isinstance(part, str):
            return None
        total += part * weight
    return total


def decode_or_none(register: Register, words: Sequence[int]) -> Raw | None:
    """Return the register's value, None for "no value" and for what is no value of its type."""
    try:
        return register.decode(words)
    except ValueError:
        return None


class Image(NamedTuple):
    """What one request read."""

    unit: int
    table: Table
    address: int
    words: Sequence[int]

    def to_bytes(self) -> bytes:
        """Return the text form."""
        form = "d" if self.table.is_bits else "04X"
        return f"{self.unit} {self.table} {self.address}: {' '.join(format(int(w), form) for w in self.words)}".encode()


def parse_image(data: bytes) -> Image:
    """Return the image of a text form; raises DecodeError."""
    try:
        head, _, body = data.decode("ascii").partition(":")
        unit, table, address = head.split(" ")
        return Image(int(unit), Table(table), int(address), [int(word, 16) for word in body.split()])
    except ValueError as err:
        raise DecodeError("image", "no image of registers") from err


def _intervals(data: Any, path: str) -> dict[RateClass, float]:
    if not isinstance(data, dict):
        raise ProfileError(path, "must be an object")
    intervals = {json_values.choice(RateClass, rate, path): json_values.positive(s, path) for rate, s in data.items()}
    if any(seconds < 0.05 for seconds in intervals.values()):
        raise ProfileError(path, "at least 0.05 seconds")
    return intervals
