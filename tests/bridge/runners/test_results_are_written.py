"""What handlers return becomes a state as their annotation says, or their state_model where there is none."""

from dataclasses import dataclass
from datetime import UTC, datetime
import json
from typing import TypedDict

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
import pytest

from custom_components.fieldbridge.bridge import ReturnValidationError
from custom_components.fieldbridge.bridge.runners.states import declared_fields
from custom_components.fieldbridge.bridge.schema import state_fields
from custom_components.fieldbridge.bridge.testing import AppHarness


class Air(BaseModel):
    celsius: float = Field(default=0.0, serialization_alias="temperature")


class AliasedAir(Air):
    model_config = ConfigDict(serialize_by_alias=True)


@dataclass
class Room:
    celsius: float


class RoomDict(TypedDict):
    celsius: float


class Unknown:
    """JSON has no form for it."""


async def state_of(annotation: object, state_model: type | None, value: object) -> object:
    """Return what a command with this annotation that returns this value publishes."""

    async def handle() -> object:
        return value

    handle.__annotations__["return"] = annotation
    harness = AppHarness.create(name="home")
    harness.app.add_command("room", handle, state_model=state_model)
    await harness.call_command("room", "")
    return json.loads(harness.messages_for("home/room/state")[0])


@pytest.mark.parametrize(
    ("annotation", "state_model", "value", "published"),
    [
        (None, None, 5, {"value": 5}),
        (None, None, Room(5), {"celsius": 5}),
        (float, None, 5, {"value": 5.0}),
        (list[int], None, [1, 2], {"value": [1, 2]}),
        (Room, None, Room(5), {"celsius": 5.0}),
        (None, Room, Room(5), {"celsius": 5.0}),
        (None, RoomDict, {"celsius": 5, "secret": 1}, {"celsius": 5.0}),
        (dict[str, object], RoomDict, {"celsius": 5, "more": 1}, {"celsius": 5, "more": 1}),
        (dict[str, object], None, {"at": datetime(2026, 1, 1, tzinfo=UTC)}, {"at": "2026-01-01T00:00:00Z"}),
        (dict[str, object], None, {"mean": np.float64(0.5), "all": np.arange(2)}, {"mean": 0.5, "all": [0, 1]}),
    ],
)
async def test_a_result_is_written_as_it_is_described(
    annotation: object, state_model: type | None, value: object, published: object
) -> None:
    written = await state_of(annotation, state_model, value)
    assert repr(written) == repr(published)  # 5 and 5.0 are equal, and are not the same


@pytest.mark.parametrize(("model", "value"), [(Room, {"celsius": "warm"}), (Air, {}), (RoomDict, {}), (Air, "warm")])
async def test_a_result_that_does_not_fit_its_model_goes_out_as_it_is(model: type, value: object) -> None:
    assert await state_of(None, model, value) == (value if isinstance(value, dict) else {"value": value})


@pytest.mark.parametrize(("model", "key"), [(Air, "celsius"), (AliasedAir, "temperature")])
async def test_entities_are_named_as_the_fields_are_published(model: type[Air], key: str) -> None:
    assert await state_of(None, model, model(celsius=5)) == {key: 5.0}
    assert [each.path for each in state_fields(model)] == [(key,)]


@pytest.mark.parametrize("annotation", [dict[str, object], Air, Unknown])
async def test_a_result_without_a_form_in_json_is_an_error_that_does_not_show_it(annotation: object) -> None:
    with pytest.raises(ReturnValidationError, match=r"Unknown has no form|: Pydantic") as raised:
        await state_of(annotation, None, {"it": Unknown()})
    assert raised.value.handler is not None
    assert raised.value.__cause__ is not None


@pytest.mark.parametrize(
    ("annotation", "state_model", "declared"),
    [
        (Room, None, 1),
        (Room | None, None, 1),
        (dict[str, object], Room, 1),
        (dict[str, object], None, 0),
        (None, None, 0),
    ],
)
def test_what_a_handler_returns_is_declared_by_its_annotation_too(
    annotation: object, state_model: type | None, declared: int
) -> None:
    async def read() -> object: ...

    read.__annotations__["return"] = annotation
    app = AppHarness.create().app
    app.add_telemetry("room", read, interval=1, state_model=state_model)
    assert len(declared_fields(app.telemetry_registrations[0])) == declared
