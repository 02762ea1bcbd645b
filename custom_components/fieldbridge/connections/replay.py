"""Recordings and captures that are sent again."""

from collections.abc import Iterator, Mapping
from typing import Any

from homeassistant.core import HomeAssistant

from ..bridge.codecs.frame import Frame
from ..bridge.recordings import replay_frames
from ..bridge.transports.replay import ReplayTransport
from ..const import CONF_PACE, CONF_RECORDING, CONF_REPEATS, PACE_FASTEST
from ..recordings import DATA_RECORDINGS


def make_replay(hass: HomeAssistant, data: Mapping[str, Any]) -> ReplayTransport:
    """Return what sends the recording that a config entry's data names; it is looked for whenever it is begun."""

    def read() -> Iterator[Frame]:
        info = hass.data[DATA_RECORDINGS].catalogue.find(data[CONF_RECORDING])
        yield from replay_frames(info.path, info.description)

    speed = 0.0 if data[CONF_PACE] == PACE_FASTEST else float(data[CONF_PACE])
    return ReplayTransport(read, speed=speed, repeats=int(data[CONF_REPEATS]))
