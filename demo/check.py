"""The demo without a person: whether the devices are alive, and what they cost Home Assistant."""

import asyncio
from dataclasses import dataclass
import time
from typing import Any

from .client import HassClient
from .home import Home
from .links import GAS_ANALYSER, SIMULATED

SETTLING = 5.0
"""Seconds after which Home Assistant's own start, or that of a link, no longer shows in a measurement."""

_NO_VALUE = ("unknown", "unavailable")
_OXYGEN = (20.0, 21.0)
"""Per cent of oxygen between which every recorded frame lies."""


MOST_MEMORY = 40.0
"""MiB that the links may add to Home Assistant."""
LONGEST_CALLBACK = 10.0
"""Milliseconds of CPU that one callback or task step of ours may hold the event loop."""


class NotAliveError(Exception):
    """The devices have no real values, or cost too much; the text names what is missing or too dear."""


@dataclass(frozen=True)
class Cost:
    """What Home Assistant needs over a while: memory (MiB), processor (% of a core) and event loop lag (ms)."""

    rss_mb: float
    cpu: float
    lag: dict[str, float]


async def measure(home: Home, seconds: float) -> Cost:
    """Measure Home Assistant for ``seconds`` once it has settled."""
    await asyncio.sleep(SETTLING)
    await home.client.get("/api/demo_probe")
    hass = home.hass
    cpu, start = hass.cpu_seconds(), time.monotonic()
    await asyncio.sleep(seconds)
    lag = await home.client.get("/api/demo_probe")
    return Cost(hass.rss_mb(), 100 * (hass.cpu_seconds() - cpu) / (time.monotonic() - start), lag)


def missing(states: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """Return what keeps the devices from being alive; ``states`` maps link names to states by entity id."""
    found = [f"{name}: no entities" for name, entities in states.items() if not entities]
    for name, entities in states.items():
        found += [
            f"{name}: {key} is {state['state']}" for key, state in entities.items() if state["state"] in _NO_VALUE
        ]
    if not any(is_oxygen(state) for state in states[GAS_ANALYSER].values()):
        found.append(f"{GAS_ANALYSER}: no oxygen between {_OXYGEN[0]} and {_OXYGEN[1]} %")
    if not any(state["attributes"].get("unit_of_measurement") for state in states[SIMULATED].values()):
        found.append(f"{SIMULATED}: no measured value with a unit")
    return found


def is_oxygen(state: dict[str, Any]) -> bool:
    """Return True for the oxygen reading of the recorded gas analyser."""
    name = state["attributes"].get("friendly_name", "")
    try:
        return "oxygen" in name.lower() and _OXYGEN[0] <= float(state["state"]) <= _OXYGEN[1]
    except ValueError:
        return False


async def wait_alive(
    client: HassClient,
    entries: dict[str, str],
    timeout: float,  # noqa: ASYNC109  - a plain deadline
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the states by link once all are real values; raises NotAliveError after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        states = {name: await client.states(entry_id) for name, entry_id in entries.items()}
        if not (lacking := missing(states)):
            return states
        if time.monotonic() > deadline:
            raise NotAliveError("\n".join(lacking))
        await asyncio.sleep(0.5)


def print_values(states: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Print the values as a table."""
    for link, entities in states.items():
        print(f"\n{link}")
        for entity_id, state in sorted(entities.items()):
            attributes = state["attributes"]
            value = f"{state['state']} {attributes.get('unit_of_measurement', '')}".strip()
            print(f"  {entity_id:<52} {attributes.get('friendly_name', ''):<44} {value}")


def print_cost(before: Cost, after: Cost) -> None:
    """Print what the links added."""
    print(f"\n{'Home Assistant':<28}{'without links':>16}{'with links':>16}{'added':>12}")
    rows = [
        ("event loop lag p50, ms", "p50"),
        ("event loop lag p99, ms", "p99"),
        ("event loop lag max, ms", "max"),
        ("longest callback, CPU ms", "callback"),
    ]
    for title, key in rows:
        a, b = before.lag[key], after.lag[key]
        print(f"{title:<28}{a:>16.2f}{b:>16.2f}{b - a:>12.2f}")
    for title, a, b in (
        ("processor, % of a core", before.cpu, after.cpu),
        ("resident memory, MiB", before.rss_mb, after.rss_mb),
    ):
        print(f"{title:<28}{a:>16.1f}{b:>16.1f}{b - a:>12.1f}")


def too_dear(before: Cost, after: Cost) -> list[str]:
    """Return what the links cost beyond what was promised."""
    added, longest = after.rss_mb - before.rss_mb, after.lag["callback"]
    found = [f"{added:.1f} MiB were added, at most {MOST_MEMORY:.0f} are allowed"] if added > MOST_MEMORY else []
    if longest > LONGEST_CALLBACK:
        found.append(f"a callback took {longest:.1f} ms of CPU, at most {LONGEST_CALLBACK:.0f} are allowed")
    return found
