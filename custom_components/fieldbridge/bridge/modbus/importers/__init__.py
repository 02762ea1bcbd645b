"""Definitions of others to profiles of ours: Home Assistant's own Modbus YAML, device files, tables of data sheets."""
