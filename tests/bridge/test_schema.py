"""Metadata of states, read alike from dataclasses, pydantic models and TypedDicts."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import BaseModel, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass
import pytest

from custom_components.fieldbridge.bridge.app import App
from custom_components.fieldbridge.bridge.schema import (
    StateField,
    choices,
    consumer,
    percent,
    state_fields,
    temperature,
)

CELSIUS = {"display_name": "Air", "device_class": "temperature", "unit": "°C", "state_class": "measurement"}


@dataclass
class Air:
    celsius: float | None = field(default=None, metadata=temperature("Air"))


@dataclass
class RoomState:
    air: Air
    occupied: bool
    mode: Literal["eco", "comfort"] = "eco"


class AirModel(BaseModel):
    celsius: float | None = Field(default=None, json_schema_extra=temperature("Air"))


class RoomModel(BaseModel):
    air: AirModel
    occupied: bool
    mode: Literal["eco", "comfort"] = "eco"


class RoomDict(TypedDict):
    air: Air
    occupied: bool
    mode: Literal["eco", "comfort"]


@pytest.mark.parametrize("model", [RoomState, RoomModel, RoomDict])
def test_fields_are_found_with_their_path_type_and_metadata(model: type) -> None:
    celsius, occupied, mode = state_fields(model)
    assert celsius == StateField(("air", "celsius"), float, True, CELSIUS)  # type: ignore[arg-type]
    assert occupied == StateField(("occupied",), bool, False, {})
    assert mode.path == ("mode",)
    assert (choices(mode), choices(celsius)) == (("eco", "comfort"), ())


@dataclass
class AnnotatedAir:
    celsius: Annotated[float | None, Field(json_schema_extra=temperature("Air"))] = None


@dataclass
class AirWithDefault:
    celsius: float | None = Field(default=None, json_schema_extra=temperature("Air"))


@pydantic_dataclass
class CheckedAir:
    celsius: float | None = Field(default=None, json_schema_extra=temperature("Air"))


class AirDict(TypedDict):
    celsius: NotRequired[Annotated[float | None, Field(json_schema_extra=temperature("Air"))]]


@pytest.mark.parametrize("model", [Air, AirModel, AnnotatedAir, AirWithDefault, CheckedAir, AirDict])
def test_metadata_is_found_in_every_place_where_pydantic_finds_it(model: type) -> None:
    assert state_fields(model) == [StateField(("celsius",), float, True, CELSIUS)]  # type: ignore[arg-type]


def test_other_classes_describe_nothing() -> None:
    with pytest.raises(TypeError, match="no dataclass, pydantic model or TypedDict"):
        state_fields(int)


def test_presets_leave_out_what_was_not_given() -> None:
    assert percent("Load") == consumer(display_name="Load", unit="%", state_class="measurement")
    assert percent("Load", icon="mdi:gauge") == consumer(
        display_name="Load", unit="%", state_class="measurement", icon="mdi:gauge"
    )


def test_invisible_characters_are_refused() -> None:
    with pytest.raises(ValueError, match=r"consumer\(unit=...\)"):
        consumer(unit="\u202e%")


def test_registrations_carry_the_model_of_their_state() -> None:
    async def read() -> dict[str, object]:
        return {}

    app = App("home")
    app.telemetry("room", interval=5, state_model=RoomState)(read)
    app.add_command("lamp", read, state_model=RoomState)
    app.add_device("fan", read, state_model=RoomState)
    assert {each.state_model for each in app.registry.all} == {RoomState}


@dataclass
class Zone:
    celsius: float
    below: Zone | None = None


def test_a_model_that_holds_itself_has_the_fields_of_its_first_level() -> None:
    assert [field.path for field in state_fields(Zone)] == [("celsius",)]
