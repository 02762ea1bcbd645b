"""Modbus without a wire."""
