"""Tests: tests/bridge needs no Home Assistant, tests/ha runs it in process, tests/e2e starts real processes."""
