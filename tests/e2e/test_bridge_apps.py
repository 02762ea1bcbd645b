"""The example apps in a real Home Assistant process, added by its API alone."""

import asyncio
import shutil
from typing import Any

import pytest

from demo.home import Home
from demo.links import DOMAIN
from demo.process import ROOT

pytestmark = pytest.mark.timeout(240)


async def _state(home: Home, entity_id: str, unwanted: set[str]) -> str:
    """Return a state once it is none of the unwanted ones."""
    async with asyncio.timeout(40):
        while True:
            states: dict[str, Any] = {each["entity_id"]: each["state"] for each in await home.client.get("/api/states")}
            if states.get(entity_id, "unknown") not in unwanted | {"unknown", "unavailable"}:
                return str(states[entity_id])
            await asyncio.sleep(0.1)


async def test_every_example_comes_alive_and_none_holds_the_loop(home: Home) -> None:
    shutil.copytree(ROOT / "examples", home.hass.config / "fieldbridge" / "apps", dirs_exist_ok=True)

    for app in ("machine", "scale", "garage"):
        answers: dict[str, dict[str, Any]] = {"user": {"next_step_id": "app"}, "app": {"app": app}}
        await home.client.add_entry(DOMAIN, {**answers, "app_settings": {"interval": 1}})

    assert float(await _state(home, "sensor.machine_free_on_disk", set())) > 0
    assert float(await _state(home, "sensor.scale_weight", set())) == pytest.approx(500, abs=10)
    move = {"entity_id": "number.door_position", "value": 20}
    await home.client.request("POST", "/api/services/number/set_value", move)
    assert await _state(home, "number.door_position", {"0"})
    log = home.hass.log.read_text()
    assert "blocking call" not in log
    assert "Traceback" not in log
