"""What the tests of recordings share: actions, and rows of files."""

import csv
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from custom_components.fieldbridge.const import DOMAIN
from demo.pty_link import PtyLink

from .links import until_state


async def act(hass: HomeAssistant, action: str, **data: Any) -> Any:
    """Call an action and return its answer."""
    return await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)


def device_id(hass: HomeAssistant, entry: Any, title: str) -> str:
    """Return the id of a device."""
    for subentry in entry.subentries.values():
        if subentry.title == title:
            devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
            return next(each.id for each in devices if (DOMAIN, subentry.subentry_id) in each.identifiers)
    raise AssertionError(title)


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file that belong to a device."""
    with (folder / name).open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["device"]]


def events(folder: Path, name: str) -> list[str]:
    """Return what happened meanwhile, as noted in a CSV file."""
    with (folder / name).open(newline="") as file:
        return [row["event"] for row in csv.DictReader(file) if not row["device"]]


def values(folder: Path, name: str, column: str) -> list[str]:
    """Return one column."""
    return [row[column] for row in rows(folder, name)]


async def say(hass: HomeAssistant, pty: PtyLink, temperature: float) -> None:
    """Send a temperature and wait until it is taken."""
    pty.write(b'{"temp": %.1f, "door": true, "mode": "%.1f"}\n' % (temperature, temperature))
    await until_state(hass, "sensor.room_mode", f"{temperature:.1f}")
