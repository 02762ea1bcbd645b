"""Fixtures for tests of the bridge, which use no Home Assistant."""

from custom_components.fieldbridge.bridge.testing.pytest_plugin import device_context, fake_clock, mock_mqtt

__all__ = ["device_context", "fake_clock", "mock_mqtt"]
