"""What can be asked of an app before it runs: what it registered, and its contract as a document."""

import json
from typing import Annotated

from pydantic import BaseModel
import pytest

from custom_components.fieldbridge.bridge import (
    App,
    DeviceContext,
    Every,
    Payload,
    Router,
    SaveOnChange,
    Settings,
    StateRegistration,
    __version__,
    build_registry_snapshot,
)
from custom_components.fieldbridge.bridge.stores import MemoryStore


class Water(BaseModel):
    litres: float


class Tank:
    """Shared by handlers."""


@pytest.fixture
def app() -> App:
    return App("garden", "1.0", store=MemoryStore())


async def read(ctx: DeviceContext, tank: Tank) -> dict[str, object]:
    return {}


def test_a_registration_shows_its_options_under_the_names_of_cosalette(app: App) -> None:
    every, save = Every(seconds=1), SaveOnChange()
    app.add_telemetry("tank", read, interval=1, publish=every, persist=save, summary="Level", tags=["a"])
    app.add_telemetry("pump", read, schedule_spec=lambda _: "0 0 6 * * ?", init=Tank, payload_model=Water)
    tank, pump = app.telemetry_registrations
    assert (tank.publish_strategy, tank.persist_policy, tank.schedule_spec) == (every, save, None)
    assert (tank.summary, tank.behavior, tank.effects, tank.tags) == ("Level", None, None, ("a",))
    assert tank.injection_plan == [("ctx", DeviceContext), ("tank", Tank)]
    assert (tank.init_injection_plan, pump.init_injection_plan) == (None, [])
    assert callable(pump.schedule_spec)
    assert (pump.payload_model, tank.per_device_config) == (Water, None)


def test_what_the_settings_decide_is_shown_as_such(app: App) -> None:
    app.add_device(lambda _: ["a", "b"], read)
    app.add_telemetry("night", read, interval=1, enabled=lambda _: False)
    assert app.registered_names == {"read", "night"}
    (device,), (night,) = app.devices, app.telemetry_registrations
    assert callable(device.name_spec)
    assert device.enabled_spec is True
    assert callable(night.enabled_spec)
    assert [each["name"] for each in build_registry_snapshot(app)["devices"]] == ["read"]


@pytest.mark.parametrize("what", ["name", "version", "description", "devices", "registered_names"])
def test_what_an_app_shows_cannot_be_set(app: App, what: str) -> None:
    with pytest.raises(AttributeError):
        setattr(app, what, "other")


def test_an_app_says_whether_its_devices_are_fixed() -> None:
    fixed, named, hooked = (App(name, store=None) for name in ("fixed", "named", "hooked"))
    fixed.add_device("a", read)
    named.add_device(lambda _: ["a"], read)

    @hooked.on_configure
    def hook(settings: Settings) -> None: ...

    assert [app.has_dynamic_entities for app in (fixed, named, hooked)] == [False, True, True]


def test_shared_objects_are_shown_with_the_types_that_their_factories_name(app: App) -> None:
    @app.state
    def tank() -> Tank:
        return Tank()

    assert app.state_factories == (StateRegistration(Tank, tank),)


@pytest.mark.parametrize("error_types", [{ValueError("x"): "a"}, {KeyboardInterrupt: "a"}, {ValueError: 1}])
def test_a_map_of_errors_that_could_never_match_is_refused(error_types: object) -> None:
    with pytest.raises(TypeError, match="error_type_map must map exception classes to strings"):
        App("garden", error_type_map=error_types)  # type: ignore[arg-type]


def test_handlers_of_one_topic_are_alternatives_in_the_document(app: App) -> None:
    async def fill(water: Annotated[Water, Payload()]) -> Water:
        return water

    async def empty() -> None: ...

    app.add_command("tank", fill, sub="fill")
    app.add_command("tank", empty, sub="empty")
    app.add_telemetry("tank", read, interval=1, state_model=Water)
    channels = app.asyncapi()["channels"]
    taken = channels["tankCommand"]["messages"]["message"]["payload"]["oneOf"]
    assert [each.get("title") for each in taken] == ["Water", None]
    assert channels["tankState"]["messages"]["message"]["payload"]["title"] == "Water"
    json.dumps(app.asyncapi())


def test_the_document_of_an_app_without_devices_is_short() -> None:
    info = {"title": "garden", "version": "1.0", "x-cosalette-contract-version": "1"}
    assert App("garden", "1.0").asyncapi() == {"asyncapi": "3.0.0", "info": info}


def test_a_root_device_of_a_router_stays_below_its_prefix(app: App) -> None:
    router = Router(prefix="cellar")
    router.add_telemetry("air", read, interval=1, is_root=True)
    app.include_router(router)
    assert app.asyncapi()["channels"]["cellarAirState"]["address"] == "garden/cellar/state"


def test_the_version_is_that_of_the_integration() -> None:
    assert [part.isdecimal() for part in __version__.split(".")[:2]] == [True, True]
