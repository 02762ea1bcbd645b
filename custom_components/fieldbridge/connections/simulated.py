"""Generated signals, for a first look and for tests."""

from collections.abc import Mapping
from typing import Any

from ..bridge.transports.simulated import SimulatedTransport
from ..const import CONF_INTERVAL, CONF_SIGNALS
from ..presets import PRESETS


def make_simulated(data: Mapping[str, Any]) -> SimulatedTransport:
    """Return the generator of the signals that a config entry's data names."""
    return SimulatedTransport(tuple(PRESETS[key].signal for key in data[CONF_SIGNALS]), interval=data[CONF_INTERVAL])
