"""Commands that are read before the handler is called: into a model, by a field that names the handler, by a marker."""

from dataclasses import dataclass
import json
from typing import Annotated, Literal

from pydantic import BaseModel, field_validator
import pytest

from custom_components.fieldbridge.bridge.di import Depends, Message, Optional, Payload, Topic
from custom_components.fieldbridge.bridge.runners.commands import Command
from custom_components.fieldbridge.bridge.runners.refusals import PayloadValidationError, UnknownSubCommandError
from custom_components.fieldbridge.bridge.stores import DeviceStore, MemoryStore
from custom_components.fieldbridge.bridge.testing import AppHarness

type Reading = dict[str, object]


class Setpoint(BaseModel):
    celsius: float


@dataclass
class Room:
    celsius: float


class Meter:
    """Nobody provides it."""


@pytest.fixture
def harness() -> AppHarness:
    return AppHarness.create(name="home", store=MemoryStore())


def error_types(harness: AppHarness, device: str) -> list[str]:
    return [json.loads(text)["error_type"] for text in harness.messages_for(f"home/{device}/error")]


async def test_a_payload_is_read_into_the_model_that_the_handler_takes(harness: AppHarness) -> None:
    @harness.app.command("room")
    async def room(setpoint: Annotated[Setpoint, Payload()]) -> Room:
        return Room(setpoint.celsius)

    async with harness.running():
        await harness.inject_command("room", '{"celsius": 21}')
        await harness.inject_command("room", '{"celsius": "warm"}')
        await harness.inject_command("room", "{")
    harness.assert_state("home/room/state", {"celsius": 21.0}, count=1)
    assert error_types(harness, "room") == ["invalid_payload", "invalid_payload"]


async def test_a_refused_payload_is_described_without_what_was_sent(harness: AppHarness) -> None:
    class Code(BaseModel):
        pin: int
        word: str

        @field_validator("word")
        @classmethod
        def known(cls, word: str) -> str:
            raise ValueError(f"{word} is not known")

    async def unlock(code: Annotated[Code, Payload()]) -> None: ...

    harness.app.add_command("lock", unlock)
    with pytest.raises(PayloadValidationError) as raised:
        await harness.call_command("lock", {"pin": "secret", "word": "secret"})
    words = "pin: Input should be a valid integer, unable to parse string as an integer; word: value_error"
    assert str(raised.value) == words
    assert (raised.value.param, str(raised.value.handler).endswith("unlock")) == ("code", True)


async def test_what_the_payload_is_can_be_asked_of_the_registration(harness: AppHarness) -> None:
    async def marked(setpoint: Annotated[Setpoint, Payload()]) -> None: ...
    async def named(payload: float) -> None: ...
    async def told(payload: str) -> None: ...

    harness.app.add_command("marked", marked)
    harness.app.add_command("named", named)
    harness.app.add_command("told", told, payload_model=Setpoint)
    assert [each.payload_model.__name__ for each in harness.app.commands] == ["Setpoint", "float", "Setpoint"]


@pytest.mark.parametrize(("sent", "taken"), [("on", True), ("false", False), ('"OFF"', False)])
async def test_a_parameter_named_payload_is_read_into_its_type(harness: AppHarness, sent: str, taken: bool) -> None:
    async def switch(payload: bool) -> Reading:
        return {"on": payload}

    harness.app.add_command("lamp", switch)
    await harness.call_command("lamp", sent)
    harness.assert_state("home/lamp/state", {"on": taken}, count=1)


async def test_one_of_a_few_words_may_come_without_quotes(harness: AppHarness) -> None:
    async def mode(payload: Literal["heat", "cool"]) -> Reading:
        return {"mode": payload}

    harness.app.add_command("hvac", mode)
    await harness.call_command("hvac", "heat")
    harness.assert_state("home/hvac/state", {"mode": "heat"})
    with pytest.raises(PayloadValidationError):
        await harness.call_command("hvac", "dry")


async def test_markers_give_the_topic_the_text_and_what_depends_on_them(harness: AppHarness) -> None:
    def device_of(topic: Annotated[str, Topic()]) -> str:
        return topic.split("/")[1]

    async def handle(
        device: Annotated[str, Depends(device_of)],
        text: Annotated[str, Payload(raw=True)],
        message: Message,
        command: Command,
        meter: Annotated[Meter | None, Optional()],
    ) -> Reading:
        return {"device": device, "text": text, "same": message.payload == command.payload, "meter": meter}

    harness.app.add_command("lamp", handle)
    await harness.call_command("lamp", {"a": 1})
    harness.assert_state("home/lamp/state", {"device": "lamp", "text": '{"a": 1}', "same": True, "meter": None})


async def test_what_polls_has_no_message(harness: AppHarness) -> None:
    async def read(text: Annotated[str, Payload()]) -> Reading:
        return {}

    harness.app.add_telemetry("room", read, interval=60)
    async with harness.running():
        harness.assert_published("home/room/error", contains="part of a message")


def test_a_coroutine_is_nothing_to_depend_on() -> None:
    async def later() -> int:
        return 1

    with pytest.raises(TypeError, match="synchronous"):
        Depends(later)


@pytest.fixture
def shutter(harness: AppHarness) -> AppHarness:
    @harness.app.command("shutter", sub="move")
    async def move(payload: Reading, store: DeviceStore) -> Reading:
        store["position"] = payload["to"]
        return {"position": store["position"]}

    @harness.app.command("shutter", sub="stop")
    async def stop(store: DeviceStore) -> Reading:
        return {"stopped_at": store.get("position")}

    return harness


async def test_a_field_of_the_payload_names_the_handler_and_both_share_one_store(shutter: AppHarness) -> None:
    async with shutter.running():
        await shutter.inject_command("shutter", '{"command": "move", "to": 40}')
        await shutter.inject_command("shutter", '{"command": "stop"}')
    assert shutter.messages_for("home/shutter/state") == ['{"position":40}', '{"stopped_at":40}']
    assert shutter.messages_for("home/shutter/availability") == ["online", "offline"]
    assert shutter.mqtt.subscriptions.count("home/shutter/set") == 1


async def test_a_payload_that_names_no_handler_is_refused(shutter: AppHarness) -> None:
    async with shutter.running():
        for payload in ("{", "[1]", '{"to": 40}', '{"command": "secret"}'):
            await shutter.inject_command("shutter", payload)
        await shutter.inject_command("shutter", '{"command": "stop"}')
    assert error_types(shutter, "shutter") == [
        "invalid_json",
        "invalid_json",
        "missing_sub_key",
        "unknown_sub_command",
    ]
    assert not any("secret" in text for text in shutter.messages_for("home/shutter/error"))
    shutter.assert_published("home/shutter/state", count=1)
    with pytest.raises(UnknownSubCommandError):
        await shutter.call_command("shutter", {"command": "jump"})


def test_handlers_that_could_not_be_told_apart_are_refused(shutter: AppHarness) -> None:
    async def handle(payload: str) -> None: ...

    with pytest.raises(ValueError, match="already registered"):
        shutter.app.add_command("shutter", handle, sub="stop")
    with pytest.raises(ValueError, match="already registered"):
        shutter.app.add_command("shutter", handle)
    with pytest.raises(ValueError, match="must use the same sub_key"):
        shutter.app.add_command("shutter", handle, sub="open", sub_key="action")


async def test_a_command_whose_init_fails_takes_what_it_needs_with_the_next_message(harness: AppHarness) -> None:
    attempts: list[int] = []

    def meter() -> Meter:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise OSError("no meter yet")
        return Meter()

    async def handle(meter: Meter) -> Reading:
        return {"meter": type(meter).__name__}

    harness.app.add_command("lamp", handle, init=meter)
    async with harness.running():
        await harness.inject_command("lamp", "")
        await harness.inject_command("lamp", "")
        await harness.inject_command("lamp", "")
    assert error_types(harness, "lamp") == ["error", "error"]
    assert len(attempts) == 3
    harness.assert_state("home/lamp/state", {"meter": "Meter"}, count=2)


async def test_a_command_that_takes_nothing_from_its_init_is_carried_out_without(harness: AppHarness) -> None:
    def never() -> Meter:
        raise OSError("no meter")

    async def handle(payload: str) -> Reading:
        return {"payload": payload}

    harness.app.add_command("lamp", handle, init=never)
    async with harness.running():
        await harness.inject_command("lamp", "on")
    assert error_types(harness, "lamp") == ["error"]
    harness.assert_state("home/lamp/state", {"payload": "on"}, count=1)
