"""Fixtures for tests of bridge apps."""

import asyncio

import pytest

from ..mqtt import MockMqttClient
from ..runners.contexts import DeviceContext
from .clocks import FakeClock
from .harness import make_settings


@pytest.fixture
def mock_mqtt() -> MockMqttClient:
    """Return a broker that records."""
    return MockMqttClient()


@pytest.fixture
def fake_clock() -> FakeClock:
    """Return a clock whose sleeps are over at once."""
    return FakeClock()


@pytest.fixture
def device_context(mock_mqtt: MockMqttClient, fake_clock: FakeClock) -> DeviceContext:
    """Return the context of a device ``test_device`` under the prefix ``test``."""
    return DeviceContext(
        name="test_device",
        settings=make_settings(),
        mqtt=mock_mqtt,
        topic_prefix="test",
        shutdown_event=asyncio.Event(),
        adapters={},
        clock=fake_clock,
    )
