"""What the demo does apart from the process: forms, the replay, and the check's verdict."""

import asyncio
import os
from pathlib import Path
import socket
from typing import Any

import pytest

from demo.check import Cost, missing, too_dear
from demo.client import form_values
from demo.links import GAS_ANALYSER, RECORDING, SIMULATED, CreatedLinks, replay
from demo.process import HassFailedError, require_free
from demo.pty_link import PtyLink


def test_a_form_is_sent_as_the_frontend_shows_it() -> None:
    schema: list[dict[str, Any]] = [
        {"name": "device", "required": True},
        {"name": "baudrate", "default": 9600},
        {"name": "fields", "default": [], "description": {"suggested_value": ["oxygen"]}},
        {"name": "name", "optional": True},
        {"name": "framing", "type": "expandable", "schema": [{"name": "delimiter", "default": "\\n"}]},
        {"name": "empty", "type": "expandable", "schema": [{"name": "other"}]},
    ]

    assert form_values(schema) == {"baudrate": 9600, "fields": ["oxygen"], "framing": {"delimiter": "\\n"}}


async def test_the_replay_sends_whole_frames_in_their_order(pty_link: PtyLink) -> None:
    reader = os.open(pty_link.path, os.O_RDWR | os.O_NOCTTY)
    replaying = asyncio.create_task(replay(pty_link, interval=0))
    received = b""
    while len(received) < len(RECORDING.read_bytes()):
        await asyncio.sleep(0)
        received += os.read(reader, 4096)
    replaying.cancel()
    os.close(reader)

    assert received.startswith(RECORDING.read_bytes())


def test_a_link_that_was_created_once_is_known_after_a_restart(tmp_path: Path) -> None:
    CreatedLinks(tmp_path / "links.json").add(GAS_ANALYSER, "entry")

    assert CreatedLinks(tmp_path / "links.json").entries == {GAS_ANALYSER: "entry"}


def _state(value: str, name: str = "", unit: str | None = None) -> dict[str, Any]:
    return {"state": value, "attributes": {"friendly_name": name, "unit_of_measurement": unit}}


def test_the_check_is_content_when_every_link_has_real_values() -> None:
    gas = {"sensor.oxygen": _state("20.378", "Gas analyser Oxygen", "%")}
    simulated = {"sensor.power": _state("100", "Power", "W")}

    assert missing({GAS_ANALYSER: gas, SIMULATED: simulated}) == []


def test_the_check_names_each_value_that_is_missing() -> None:
    gas = {"sensor.oxygen": _state("unavailable", "Gas analyser Oxygen", "%")}

    assert missing({GAS_ANALYSER: gas, SIMULATED: {}}) == [
        f"{SIMULATED}: no entities",
        f"{GAS_ANALYSER}: sensor.oxygen is unavailable",
        f"{GAS_ANALYSER}: no oxygen between 20.0 and 21.0 %",
        f"{SIMULATED}: no measured value with a unit",
    ]


def test_a_plausible_name_with_an_implausible_value_is_not_alive() -> None:
    gas = {"sensor.oxygen": _state("0", "Gas analyser Oxygen", "%")}
    simulated = {"sensor.power": _state("100", "Power", "W")}

    assert missing({GAS_ANALYSER: gas, SIMULATED: simulated}) == [f"{GAS_ANALYSER}: no oxygen between 20.0 and 21.0 %"]


def test_a_port_that_is_taken_is_named_before_home_assistant_starts(loopback_sockets: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(HassFailedError, match=f"Port {port} cannot be used"):
            require_free("127.0.0.1", port)

    require_free("127.0.0.1", port)


def test_the_check_names_what_costs_more_than_promised() -> None:
    before = Cost(rss_mb=230.0, cpu=2.0, lag={"callback": 0.0})

    assert too_dear(before, Cost(rss_mb=269.0, cpu=2.0, lag={"callback": 9.9})) == []
    assert too_dear(before, Cost(rss_mb=271.0, cpu=2.0, lag={"callback": 10.1})) == [
        "41.0 MiB were added, at most 40 are allowed",
        "a callback took 10.1 ms of CPU, at most 10 are allowed",
    ]
