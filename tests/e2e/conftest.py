"""Real processes: Home Assistant as scripts/demo starts it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo.home import Home, running_home
from demo.process import free_port

FRAME_INTERVAL = 0.2
"""Seconds; ten times the pace of the recording, since learning the device takes several frames."""


@pytest.fixture
async def home(loopback_sockets: None, tmp_path: Path) -> AsyncIterator[Home]:
    """A new Home Assistant without links, and a serial port that replays the gas analyser."""
    async with running_home(tmp_path / "state", free_port(), frame_interval=FRAME_INTERVAL) as running:
        yield running


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures go: --screenshots, else a temporary folder."""
    folder: Path = request.config.getoption("--screenshots") or tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder
