"""Bridge apps for tests: files in the configuration folder, and entries that run them."""

from pathlib import Path
import textwrap
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.const import DOMAIN

WEATHER = """
    from fieldbridge import App

    app = App("weather", version="1.2.3")


    @app.telemetry("roof", interval=0.05)
    async def roof() -> dict[str, object]:
        return {"temperature": 20.5, "raining": True, "wind": {"direction": "NW"}, "broken": None}


    if __name__ == "__main__":
        app.run()
"""

VALVE = """
    from fieldbridge import App, DeviceContext

    app = App("garden")


    @app.command("valve")
    async def valve(payload: str) -> dict[str, object]:
        return {"position": payload}


    @app.device("pump")
    async def pump(ctx: DeviceContext) -> None:
        @ctx.on_command("speed")
        async def speed(sub_topic: str, payload: str) -> None:
            await ctx.publish_state({"speed": float(payload)})

        while not ctx.shutdown_requested:
            await ctx.sleep(60)
"""


def write_app(hass: HomeAssistant, name: str, source: str) -> Path:
    """Write an app's file, or a module of a package (``garden/__init__``)."""
    path = Path(hass.config.config_dir) / "fieldbridge" / "apps" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(source).lstrip())
    return path


def app_entry(name: str, **options: Any) -> MockConfigEntry:
    """Return the entry that runs an app."""
    return MockConfigEntry(domain=DOMAIN, title=name.capitalize(), data={"kind": "app", "app": name}, options=options)


def device_id(hass: HomeAssistant, entry: MockConfigEntry, name: str) -> str:
    """Return the id of an app's device."""
    found = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, f"{entry.entry_id}/{name}"), entry.entry_id)
    assert found is not None
    return found.id
