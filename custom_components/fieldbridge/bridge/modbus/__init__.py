"""Modbus without I/O: registers and their values, what is read with which request, SunSpec."""

from .device import ModbusDevice, RegisterDecoder, WriteMethod, WriteTarget
from .model import RateClass, Register, RegisterType, Table

__all__ = [
    "ModbusDevice",
    "RateClass",
    "Register",
    "RegisterDecoder",
    "RegisterType",
    "Table",
    "WriteMethod",
    "WriteTarget",
]
