"""What cosalette 0.5 offers to apps is offered here under its name, but for what is left out on purpose."""

from collections.abc import Iterator
import importlib
import json
from pathlib import Path
import typing
from typing import Any

import pytest

from custom_components.fieldbridge import bridge
from custom_components.fieldbridge.bridge import App, CronSchedule, Router, SettingRef, SubEntityContext

from .cosalette_surface import MODULES, members, parameters

THERE: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "cosalette_0_5_surface.json").read_text()
)
"""Described by cosalette_surface.py where cosalette 0.5.10 is installed."""

# Objects whose attributes their classes do not declare.
SAMPLES: dict[str, object] = {
    "App": App("a"),
    "Router": Router(),
    "CronSchedule": CronSchedule("0 0 12 * * ?"),
    "SettingRef": SettingRef("mqtt"),
    "SubEntityContext": SubEntityContext(parent=None, name="zone"),  # type: ignore[arg-type]
}

REGISTRATIONS = "apps read them, and only App makes them: their options stand below other names or in one field"
BOUNDED = "queues are bounded, drop the oldest and take items from any thread"
RESERVED = "anything but None raises NotImplementedError there"
WORDS = "an error is published in its own words unless the settings say otherwise"
DIFFERENT = {
    **{f"{kind}Registration()": REGISTRATIONS for kind in ("Command", "Device", "Periodic", "Stream", "Telemetry")},
    "StateRegistration()": REGISTRATIONS,
    "StateRegistration.variant": "how a factory is called is seen by looking at it",
    "StateRegistration.settings_type": "a factory may be given anything, not the settings alone",
    "StateRegistration.has_settings_param": "a factory may be given anything, not the settings alone",
    "StateRegistration.settings_param_name": "a factory may be given anything, not the settings alone",
    "App(store=)": "no file is written unless the app asks for it",
    "Stream(maxsize=)": BOUNDED,
    "Stream(backpressure=)": BOUNDED,
    "Stream(thread_safe=)": BOUNDED,
    **{
        f"{on}stream({option}=)": BOUNDED
        for on in ("App.", "App.add_", "Router.")
        for option in ("maxsize", "backpressure")
    },
    "App.include_router(dependencies=)": RESERVED,
    **{
        f"Router{of}(dependencies=)": RESERVED
        for of in ("", ".command", ".device", ".periodic", ".stream", ".telemetry")
    },
    **{f"{on}telemetry(timeout=)": "no limit unless one is given" for on in ("App.", "App.add_", "Router.")},
    "App.add_telemetry(interval=)": "None says that there is none; 0 is refused",
    "AdapterHealthStatus(last_check=)": "None says never; 0.0 is a moment",
    "AdapterHealthStatus(last_restart=)": "None says never; 0.0 is a moment",
    "AdapterHealthStatus(last_healthy_since=)": "None says never; 0.0 is a moment",
    "ErrorPayload(id=)": "the reference has details there; id is given by its name",
    "ErrorPayload(details=)": "the reference has details there; id is given by its name",
    "ErrorPublisher(verbose=)": WORDS,
    "build_error_payload(verbose=)": WORDS,
    "MqttSettings(error_publish_verbose=)": WORDS,
    **{f"MqttSettings(tls_{each}_file=)": f"taken as well; declared as tls_{each}" for each in ("ca", "cert", "key")},
    "Settings(schema=)": "no comparison with a schema file at the start: the document is asyncapi()",
    "Settings.schema_": "no comparison with a schema file at the start: the document is asyncapi()",
    "DeviceStore.update(other=)": "positional only, since a key may be called other",
    "AppHarness(run_periodic=)": "the harness runs everything unless told otherwise",
    "AppHarness.create(run_periodic=)": "the harness runs everything unless told otherwise",
}


def differences(there: str, described: dict[str, Any]) -> Iterator[str]:
    """Yield what is missing or different, by the name that ``DIFFERENT`` knows it under."""
    module, _, name = there.partition(":")
    found = getattr(importlib.import_module(bridge.__name__ + module), name, None)
    if found is None:
        yield name
    elif described["kind"] == "same":
        yield from () if found is getattr(bridge, name) else [there]
    elif described["kind"] != "value":
        if described["kind"] == "exception" and not issubclass(found, Exception):
            yield name
        yield from call_differences(name, described["parameters"], found)
        if "members" in described:
            yield from member_differences(name, described["members"], found)


def member_differences(name: str, there: dict[str, Any], kind: type) -> Iterator[str]:
    """Yield the members that are missing, and what their calls do not take."""
    here = members(kind)
    for member, described in there.items():
        mine = here.get(member)
        if mine is None and not hasattr(SAMPLES.get(name), member):
            yield f"{name}.{member}"
        elif isinstance(described, dict):
            if not isinstance(mine, dict) or mine["async"] != described["async"]:
                yield f"{name}.{member}"
            else:
                yield from call_differences(f"{name}.{member}", described["parameters"], getattr(kind, member))


def call_differences(name: str, there: list[list[str]] | None, function: Any) -> Iterator[str]:
    """Yield the parameters that are missing, elsewhere, or have another default."""
    here = {each[0]: each for each in parameters(function) or ()}
    takes_any = any(each[1] == "var_keyword" for each in here.values())
    positions = [each for each in here if here[each][1].startswith("positional")]
    for position, (parameter, kind, default) in enumerate(there or ()):
        mine = here.get(parameter)
        if kind.startswith("var_"):
            is_taken = kind in {each[1] for each in here.values()}
        elif mine is None:
            is_taken = takes_any and parameter in keywords(function)
        else:
            at_its_place = kind == "keyword_only" or positions[position : position + 1] == [parameter]
            by_its_name = kind == "positional_only" or mine[1] != "positional_only"
            is_taken = at_its_place and by_its_name and (mine[2] == default or default is None)
        if not is_taken:
            yield f"{name}()" if f"{name}()" in DIFFERENT else f"{name}({parameter}=)"


def keywords(function: Any) -> set[str]:
    """Return the keywords that ``**options: Unpack[...]`` takes."""
    if isinstance(function, type):
        return set()
    hints = typing.get_type_hints(function)
    unpacked = (typing.get_args(hint)[0] for hint in hints.values() if typing.get_origin(hint) is typing.Unpack)
    return {key for each in unpacked for key in typing.get_type_hints(each)}


@pytest.mark.parametrize("name", THERE)
def test_a_name_of_cosalette_takes_and_offers_what_it_does_there(name: str) -> None:
    assert [each for each in differences(name, THERE[name]) if each not in DIFFERENT] == []


def test_every_exception_is_one() -> None:
    found = {each for name, described in THERE.items() for each in differences(name, described)}
    assert set(DIFFERENT) - found == set()


def test_all_modules_were_looked_at() -> None:
    assert {name.partition(":")[0] for name in THERE} == set(MODULES)
