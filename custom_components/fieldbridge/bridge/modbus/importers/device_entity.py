"""One entity of a device file in words of ours, whichever family of files it comes from, to register and channel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import ProfileError
from ..model import MAX_ADDRESS, Register, RegisterType, Table
from .build import DeviceBuild
from .result import Reason

type Notes = list[tuple[Reason, str]]

UNITS = {
    "Volts": "V",
    "Amps": "A",
    "Watts": "W",
    "VoltAmps": "VA",
    "VAr": "var",
    "VAR": "var",
    "kVArh": "kvarh",
    "Celsius": "°C",
    "Fahrenheit": "°F",
    "Degrees": "°",
    "Seconds": "s",
    "Minutes": "min",
    "Hours": "h",
}
"""Words for units that device files use beside the signs."""

_CONTROLS = {"number", "select", "switch", "button", "text"}


@dataclass(kw_only=True, slots=True)
class DeviceEntity:
    """What a device file says about one value."""

    key: str
    name: str
    table: Table
    address: int
    type: RegisterType = RegisterType.UINT16
    count: int | None = None
    swap: str | None = None
    mask: int | None = None
    sum_scale: tuple[float, ...] = ()
    scale: float | None = None
    offset: float | None = None
    texts: Mapping[int, str] | None = None
    flags: Mapping[int, str] | None = None
    nan: tuple[int, ...] = ()
    interval: float | None = None
    platform: str = "sensor"
    """``sensor``, ``binary_sensor``, ``number``, ``select``, ``switch``, ``button`` or ``text``."""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    on: int | bool = 1
    off: int | bool = 0
    press: Any = None
    multiple: bool = False
    confirm_after: float | None = None
    shown: dict[str, Any] = field(default_factory=dict)
    """How it is shown, in the words of a channel: unit, device_class, state_class, precision, category, enabled."""
    notes: Notes = field(default_factory=list)

    def add_to(self, build: DeviceBuild) -> None:
        """Add register and channel; raises ProfileError that says what does not fit."""
        key = build.key(self.key)
        registers = self._registers(key)
        build.require_room(len(registers))
        is_read = self.platform != "button"
        channel = self._channel(key, is_read=is_read)
        if self.platform in _CONTROLS:
            channel["write"] = self._write(key, registers[key], is_read=is_read)
        if is_read:
            for name, register in registers.items():
                build.add_register(name, register, self.interval)
        build.add_channel(channel)

    def _registers(self, key: str) -> dict[str, Register]:
        """Return what is read by name; a weighted sum reads consecutive registers."""
        word_order = "little" if self.swap in {"word", "word_byte"} else "big"
        byte_order = "little" if self.swap in {"byte", "word_byte"} else "big"
        fields: dict[str, Any] = {"address": self.address, "table": self.table, "type": self.type}
        if self.table.is_bits:
            return {key: Register(**fields | {"type": RegisterType.BIT})}
        fields |= {"word_order": word_order, "byte_order": byte_order, "nan": self.nan, "count": self.count}
        if not self.sum_scale:
            if self.mask is not None:
                fields |= {"mask": self.mask, "shift": (self.mask & -self.mask).bit_length() - 1}
            return {key: Register(**fields, flags=self.flags)}
        if self.mask is not None or self.flags is not None:
            raise ProfileError("sum_scale", "cannot be combined with bits")
        part = Register(**fields | {"word_order": "big"})
        addresses = [self.address + index * part.size for index in range(len(self.sum_scale))]
        parts = {f"{key}_part_{index}": part for index, part in enumerate(addresses, 1)}
        weights = self.sum_scale if word_order == "big" else self.sum_scale[::-1]
        sums = dict(zip(parts, weights, strict=True))
        read = {name: Register(**fields | {"word_order": "big", "address": place}) for name, place in parts.items()}
        return {**read, key: Register(type=RegisterType.SUM, sum_of=sums)}

    def _channel(self, key: str, *, is_read: bool) -> dict[str, Any]:
        channel: dict[str, Any] = {"key": key, "name": self.name, "source": key if is_read else "", **self.shown}
        if self.platform in {"switch", "binary_sensor", "button"}:
            channel["kind"] = "binary"
            if not self.table.is_bits and is_read:
                channel["texts"] = {str(int(self.off)): "off", str(int(self.on)): "on"}
            elif is_read and not self.on:
                channel["texts"] = {"True": "off", "False": "on"}
        elif self.texts is not None:
            channel |= {"kind": "text", "texts": {str(raw): text for raw, text in self.texts.items()}}
            if self.platform == "sensor":
                channel |= {"device_class": "enum", "unit": None, "state_class": None}
                self.notes.append((Reason.DIFFERENT, "a value without a text is counted as unreadable"))
        elif self.flags is not None or self.type is RegisterType.STRING or self.platform == "text":
            channel["kind"] = "text"
        else:
            channel |= {"scale": self.scale, "offset": self.offset}
        if channel.get("kind") in {"text", "binary"}:
            channel.pop("precision", None)
        return channel

    def _write(self, key: str, register: Register, *, is_read: bool) -> dict[str, Any]:
        if not self.table.is_writable or register.type is RegisterType.SUM or self.flags is not None:
            raise ProfileError("control", "the register cannot be written")
        target: dict[str, Any] = {"register": key if is_read else register.to_dict()}
        if self.multiple:
            target["method"] = "multiple"
        if self.confirm_after is not None:
            target["confirm_after"] = self.confirm_after
        write: dict[str, Any] = {"control": self.platform, "target": target}
        match self.platform:
            case "number":
                low, high = self._limits(register)
                write |= {"minimum": low, "maximum": high, "step": self.step or self.scale or 1}
            case "select":
                if not self.texts:
                    raise ProfileError("options", "are missing")
                write["options"] = {text: raw for raw, text in self.texts.items()}
            case "switch":
                is_bit = self.table.is_bits
                write |= {"on": bool(self.on) if is_bit else self.on, "off": bool(self.off) if is_bit else self.off}
            case "button":
                write["press"] = self._pressed()
            case "text":
                write["max_length"] = min(255, 2 * register.size)
        return write

    def _limits(self, register: Register) -> tuple[float, float]:
        """Return the limits of a number; without a word of the file those of the register."""
        bits = 16 * register.size if register.mask is None else (register.mask >> register.shift).bit_length()
        signed = str(register.type).startswith("int")
        lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        scale, offset = self.scale or 1, self.offset or 0
        ends = sorted((lowest * scale + offset, highest * scale + offset))
        return (
            ends[0] if self.minimum is None else self.minimum,
            ends[1] if self.maximum is None else self.maximum,
        )

    def _pressed(self) -> int | bool:
        if isinstance(self.press, bool) or (isinstance(self.press, int) and 0 <= self.press <= MAX_ADDRESS):
            return bool(self.press) if self.table.is_bits else int(self.press)
        raise ProfileError("write_value", "only one whole number can be written by a button")


def mask_of_bits(bits: int | None, shift: int) -> int | None:
    """Return the mask of a field of ``bits`` that begins at bit ``shift``; None for the whole register."""
    if bits is None and not shift:
        return None
    return ((1 << (bits or 16 - shift)) - 1) << shift
