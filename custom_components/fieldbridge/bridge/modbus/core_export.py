"""Devices of ours as Home Assistant's own ``modbus:`` YAML, so that nobody is locked in."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..channels import Channel, DeviceProfile
from ..yaml_text import write_yaml
from .device import RegisterDecoder
from .importers.result import Reason, Remark
from .model import RateClass, Register, RegisterType, Table

_NUMBERS = {
    *(RegisterType.INT16, RegisterType.INT32, RegisterType.INT64, RegisterType.FLOAT16, RegisterType.FLOAT32),
    *(RegisterType.UINT16, RegisterType.UINT32, RegisterType.UINT64, RegisterType.FLOAT64),
}
_FLOATS = {RegisterType.FLOAT16, RegisterType.FLOAT32, RegisterType.FLOAT64}
_SWAPS = {("little", "big"): "word", ("big", "little"): "byte", ("little", "little"): "word_byte"}
_INPUT_TYPES = {Table.DISCRETE: "discrete_input"}

type Entity = dict[str, Any]


def export_core_yaml(
    name: str, connection: Mapping[str, Any], devices: Iterable[tuple[int, DeviceProfile]]
) -> tuple[str, list[Remark]]:
    """Return the YAML of one hub with the devices by unit, and what could not be taken along.

    ``connection`` is in Home Assistant's words (``type``, ``host``, ``port`` ...).
    """
    hub: dict[str, Any] = {"name": name, **connection}
    entities: dict[str, list[Entity]] = {"sensors": [], "binary_sensors": [], "switches": []}
    remarks: list[Remark] = []
    for unit, profile in devices:
        if not isinstance(profile.decoder, RegisterDecoder):
            continue
        for channel in profile.channels:
            exporter = _Exporter(channel, profile.decoder, unit)
            platform, entity = exporter.entity()
            if entity is not None:
                entities[platform].append(entity)
            remarks += exporter.remarks
    return write_yaml({"modbus": [hub | {plural: found for plural, found in entities.items() if found}]}), remarks


class _Exporter:
    """One channel to one entity."""

    def __init__(self, channel: Channel, decoder: RegisterDecoder, unit: int) -> None:
        self.remarks: list[Remark] = []
        self._channel = channel
        self._decoder = decoder
        self._unit = unit

    def entity(self) -> tuple[str, Entity | None]:
        """Return the list that the entity belongs to, and the entity; None when Home Assistant has no counterpart."""
        channel, register = self._channel, self._decoder.registers.get(self._channel.source)
        write = channel.write
        if write is not None and write.control == "switch":
            return "switches", self._switch(register)
        if write is not None:
            self._remark(Reason.UNSUPPORTED, f"there is no {write.control}; only its value is exported")
        if register is None:
            return "sensors", None
        if register.type is RegisterType.BIT:
            return "binary_sensors", self._binary_sensor(register)
        return "sensors", self._sensor(register)

    def _remark(self, reason: Reason, detail: str) -> None:
        self.remarks.append(Remark(reason=reason, place=self._channel.name, detail=detail))

    def _head(self, register: Register, rate: RateClass) -> Entity:
        interval = 0 if rate is RateClass.ONCE else self._decoder.device.intervals[rate]
        return {
            "name": self._channel.name,
            "unique_id": self._channel.key,
            "device_address": self._unit,
            "address": register.address,
            "scan_interval": max(1, round(interval)) if interval else 0,
        }

    def _sensor(self, register: Register) -> Entity | None:
        if not self._is_known(register):
            self._remark(Reason.UNSUPPORTED, f"there is no counterpart of {register.type} with its options")
            return None
        channel = self._channel
        entity = self._head(register, register.rate) | {"input_type": str(register.table)}
        entity["data_type"] = "custom" if register.type is RegisterType.STRUCT else str(register.type)
        if register.count is not None:
            entity["count"] = register.count
        if register.structure is not None:
            entity["structure"] = register.structure
        if swap := _SWAPS.get((register.word_order, register.byte_order)):
            entity["swap"] = swap
        if channel.kind == "number":
            entity |= self._number(register)
        elif channel.texts:
            self._remark(Reason.DIFFERENT, "the number is shown, not its text")
        shown = {
            "unit_of_measurement": channel.unit,
            "device_class": None if channel.texts else channel.device_class,
            "state_class": channel.state_class,
        }
        return entity | {name: value for name, value in shown.items() if value is not None}

    def _is_known(self, register: Register) -> bool:
        plain = register.mask is None and not register.shift and register.flags is None and not register.scale_register
        is_type = register.type in _NUMBERS or register.type in {RegisterType.STRING, RegisterType.STRUCT}
        return plain and is_type and not register.table.is_bits

    def _number(self, register: Register) -> Entity:
        channel = self._channel
        options: Entity = {}
        if channel.scale != 1:
            options["scale"] = channel.scale
        if channel.offset:
            options["offset"] = channel.offset
        is_whole = register.type not in _FLOATS and channel.scale == 1 and float(channel.offset).is_integer()
        precision = channel.precision
        if precision is None:
            precision = 0 if is_whole else 6
        options["precision"] = precision
        for ours, theirs in ((channel.minimum, "min_value"), (channel.maximum, "max_value")):
            if ours is not None:
                options[theirs] = ours
                self._remark(Reason.DIFFERENT, f"{theirs}: a value beyond is shown as {ours:g}, not rejected")
        options |= self._nan(register)
        for item in channel.filters:
            if (limit := _zero_limit(item)) is not None:
                options["zero_suppress"] = limit
            else:
                self._remark(Reason.UNSUPPORTED, f"there is no filter {item.get('kind')}")
        return options

    def _nan(self, register: Register) -> Entity:
        """Return the value that means "no value"; Home Assistant knows one, with either sign."""
        if not register.nan or register.type is RegisterType.STRUCT:
            return {}
        # The pattern is that of the plain order of words and bytes.
        plain = Register(type=register.type)
        values = [plain.decode(_words(pattern, register.size)) for pattern in register.nan]
        whole = [int(value) for value in values if isinstance(value, int | float) and float(value).is_integer()]
        if len({abs(value) for value in whole}) != 1 or len(whole) != len(values):
            self._remark(Reason.DIFFERENT, "only one whole number can mean that there is no value")
        return {"nan_value": whole[0]} if whole else {}

    def _binary_sensor(self, register: Register) -> Entity | None:
        if register.bit:
            self._remark(Reason.UNSUPPORTED, "only the lowest bit of a register can be read")
            return None
        if self._channel.texts:
            self._remark(Reason.DIFFERENT, "on and off are not exchanged")
        entity = self._head(register, register.rate)
        entity["input_type"] = _INPUT_TYPES.get(register.table, str(register.table))
        return entity | ({"device_class": self._channel.device_class} if self._channel.device_class else {})

    def _switch(self, source: Register | None) -> Entity | None:
        write = self._channel.write
        where = write.target.get("register") if write else None
        target = self._decoder.registers.get(where) if isinstance(where, str) else Register.from_dict(where)
        if write is None or target is None or target.size != 1 or target.is_part_of_word:
            self._remark(Reason.UNSUPPORTED, "there is no switch for a part of a register")
            return None
        is_multiple = write.target.get("method") == "multiple"
        rate = source.rate if source else RateClass.NORMAL
        entity = self._head(target, rate) | {
            "write_type": f"{target.table}{'s' if is_multiple else ''}",
            "command_on": int(write.on),
            "command_off": int(write.off),
        }
        if self._channel.device_class:
            entity["device_class"] = self._channel.device_class
        if source is not None:
            entity["verify"] = self._verify(source, target, write.target)
        return entity

    def _verify(self, source: Register, target: Register, options: Mapping[str, Any]) -> Entity:
        verify: Entity = {"address": source.address, "input_type": _INPUT_TYPES.get(source.table, str(source.table))}
        states: dict[str, list[int]] = {"on": [], "off": []}
        for raw, text in (self._channel.texts or {}).items():
            if text in states:
                states[text].append(int(raw == "True") if source.table.is_bits else int(raw))
        verify |= {f"state_{text}": values for text, values in states.items() if values}
        return verify | ({"delay": round(options["confirm_after"])} if options.get("confirm_after") else {})


def _words(pattern: int, count: int) -> list[int]:
    return [pattern >> 16 * (count - 1 - index) & 0xFFFF for index in range(count)]


def _zero_limit(item: Mapping[str, Any]) -> float | None:
    """Return the limit of the filter that the importer makes of ``zero_suppress``."""
    formula = str(item.get("formula", ""))
    prefix, suffix = "0 if abs(x) <= ", " else x"
    if item.get("kind") != "expression" or not (formula.startswith(prefix) and formula.endswith(suffix)):
        return None
    try:
        return float(formula.removeprefix(prefix).removesuffix(suffix))
    except ValueError:
        return None
