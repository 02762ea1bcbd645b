"""Heartbeats, availability and error reports: their payloads, and that a report never fails the app."""

from dataclasses import dataclass
from datetime import UTC, datetime
import json
import logging

import pytest

from custom_components.fieldbridge.bridge.health import (
    DeviceStatus,
    ErrorPayload,
    ErrorPublisher,
    HealthReporter,
    HeartbeatPayload,
    LinkBoard,
    LinkState,
    LinkStatus,
    build_error_payload,
)
from custom_components.fieldbridge.bridge.mqtt import MockMqttClient, WillConfig, build_will_config
from custom_components.fieldbridge.bridge.testing import AppHarness, FakeClock


@pytest.fixture
def reporter(mock_mqtt: MockMqttClient, fake_clock: FakeClock) -> HealthReporter:
    return HealthReporter(mock_mqtt, "home", "1.2.3", fake_clock)


def test_the_will_is_a_retained_offline_on_the_status_topic() -> None:
    assert build_will_config("home") == WillConfig("home/status", "offline", 1, True)


def test_payloads_as_json() -> None:
    heartbeat = HeartbeatPayload("online", 1.5, "1.0", {"lamp": DeviceStatus("error")})
    assert json.loads(heartbeat.to_json()) == {
        "status": "online",
        "uptime_s": 1.5,
        "version": "1.0",
        "devices": {"lamp": {"status": "error"}},
    }
    error = ErrorPayload("error", "boom", None, "2026-01-01T00:00:00+00:00")
    assert json.loads(error.to_json()) == {
        "error_type": "error",
        "message": "boom",
        "device": None,
        "timestamp": "2026-01-01T00:00:00+00:00",
        "details": {},
    }


def test_a_report_need_not_show_the_words_of_an_error_that_the_app_does_not_know() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def message(error: Exception, *, verbose: bool) -> str:
        return build_error_payload(error, error_type_map={OSError: "io"}, clock=lambda: at, verbose=verbose).message

    assert message(ValueError("secret"), verbose=True) == build_error_payload(ValueError("secret")).message == "secret"
    assert message(ValueError("secret"), verbose=False) == "ValueError"
    assert message(OSError("no answer"), verbose=False) == "no answer"
    named = build_error_payload(ValueError("x"), clock=lambda: at, correlation_id="12ab")
    assert json.loads(named.to_json())["id"] == named.id == "12ab"


@pytest.mark.parametrize(("verbose", "message"), [(True, "secret"), (False, "ValueError")])
async def test_the_settings_say_whether_errors_are_published_in_their_words(*, verbose: bool, message: str) -> None:
    harness = AppHarness.create(name="home", mqtt={"error_publish_verbose": verbose})

    async def read() -> dict[str, object]:
        raise ValueError("secret")

    harness.app.add_telemetry("room", read, interval=1)
    async with harness.running():
        pass
    assert {json.loads(text)["message"] for text in harness.messages_for("home/room/error")} == {message}


async def test_devices_that_are_online_are_announced_again(reporter: HealthReporter, mock_mqtt: MockMqttClient) -> None:
    await reporter.publish_device_available("lamp")
    await reporter.publish_device_available("roof", is_root=True)
    for device in ("gone", "silent"):
        await reporter.publish_device_available(device)
    await reporter.publish_device_unavailable("gone")
    await reporter.mark_unavailable("silent", "read")
    reporter.set_device_status("silent", "error")
    mock_mqtt.reset()
    await reporter.reannounce()
    assert mock_mqtt.published == [
        ("home/lamp/availability", "online", True, 1),
        ("home/availability", "online", True, 1),
    ]


@dataclass
class Loser:
    dropped: int


async def test_what_was_lost_is_told_with_the_device_else_beside_the_devices(
    reporter: HealthReporter, mock_mqtt: MockMqttClient
) -> None:
    await reporter.publish_device_available("lamp")
    losers = {"lamp": Loser(1), "outbox": Loser(2), "weather": Loser(3), "gone": Loser(4), "lossless": Loser(0)}
    for name, loser in losers.items():
        reporter.count_drops(name, loser)
    await reporter.publish_heartbeat()
    heartbeat = json.loads(mock_mqtt.get_messages_for("home/status")[0][0])
    assert heartbeat["devices"] == {"lamp": {"status": "ok", "dropped": 1}}
    assert heartbeat["dropped"] == {"outbox": 2, "weather": 3, "gone": 4}


async def test_a_device_is_online_again_when_the_last_reason_against_it_is_gone(
    reporter: HealthReporter, mock_mqtt: MockMqttClient
) -> None:
    await reporter.mark_unavailable("lamp", "stale")
    await reporter.mark_unavailable("lamp", "adapter")
    await reporter.mark_unavailable("lamp", "stale")
    await reporter.mark_available("lamp", "stale")
    await reporter.mark_available("lamp", "never was one")
    assert mock_mqtt.get_messages_for("home/lamp/availability") == [("offline", True, 1)]
    await reporter.mark_available("lamp", "adapter")
    await reporter.mark_available("lamp", "adapter")
    assert [payload for payload, _, _ in mock_mqtt.get_messages_for("home/lamp/availability")] == ["offline", "online"]


async def test_devices_are_tracked_while_they_are_available(
    reporter: HealthReporter, mock_mqtt: MockMqttClient, fake_clock: FakeClock
) -> None:
    await reporter.publish_device_available("lamp")
    await reporter.publish_device_available("meter")
    reporter.set_device_status("meter", "circuit_open")
    await reporter.publish_device_unavailable("lamp")
    fake_clock.advance(12)
    await reporter.publish_heartbeat()
    heartbeat = json.loads(mock_mqtt.get_messages_for("home/status")[0][0])
    assert heartbeat["devices"] == {"meter": {"status": "circuit_open"}}
    assert heartbeat["uptime_s"] == 12
    assert heartbeat["version"] == "1.2.3"


async def test_at_the_end_everything_tracked_is_offline(reporter: HealthReporter, mock_mqtt: MockMqttClient) -> None:
    await reporter.publish_device_available("lamp")
    await reporter.publish_device_available("bridge", is_root=True)
    reporter.remove_device("unknown")
    mock_mqtt.published.clear()
    await reporter.shutdown()
    assert mock_mqtt.published == [
        ("home/lamp/availability", "offline", True, 1),
        ("home/availability", "offline", True, 1),
        ("home/status", "offline", True, 1),
    ]


async def test_a_root_device_stays_one_while_it_is_unavailable(
    reporter: HealthReporter, mock_mqtt: MockMqttClient
) -> None:
    await reporter.publish_device_available("bridge", is_root=True)
    await reporter.mark_unavailable("bridge", "read", is_root=True)
    reporter.set_device_status("bridge", "error")
    await reporter.shutdown()
    assert mock_mqtt.get_messages_for("home/bridge/availability") == []


async def test_a_broker_that_fails_fails_nobody(
    reporter: HealthReporter, mock_mqtt: MockMqttClient, caplog: pytest.LogCaptureFixture
) -> None:
    mock_mqtt.raise_on_publish = OSError("no broker")
    await reporter.publish_device_available("lamp")
    await reporter.publish_heartbeat()
    await reporter.shutdown()
    await ErrorPublisher(mock_mqtt, "home").publish(ValueError("boom"), device="lamp")
    assert {record.levelno for record in caplog.records if record.levelno > logging.DEBUG} == {logging.WARNING}


async def test_errors_are_published_for_all_and_for_their_device(mock_mqtt: MockMqttClient) -> None:
    publisher = ErrorPublisher(mock_mqtt, "home", {TimeoutError: "timeout"}, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    await publisher.publish(TimeoutError("slow"), device="lamp")
    await publisher.publish(ValueError("root"), device="bridge", is_root=True)
    await publisher.publish(ValueError("app"))
    assert [topic for topic, *_ in mock_mqtt.published] == ["home/error", "home/lamp/error", "home/error", "home/error"]
    first = json.loads(mock_mqtt.published[0][1])
    assert (first["error_type"], first["device"], first["timestamp"]) == (
        "timeout",
        "lamp",
        "2026-01-01T00:00:00+00:00",
    )
    assert {retain for _, _, retain, _ in mock_mqtt.published} == {False}


def test_error_types_are_looked_up_by_exact_class() -> None:
    kinds: dict[type[Exception], str] = {OSError: "io"}
    assert build_error_payload(OSError("x"), error_type_map=kinds).error_type == "io"
    assert build_error_payload(TimeoutError("x"), error_type_map=kinds).error_type == "error"
    assert build_error_payload(OSError("x"), details={"port": 1}).details == {"port": 1}


def test_listeners_hear_of_links_until_they_unsubscribe() -> None:
    board, heard = LinkBoard(), list[LinkState]()

    def fail(status: LinkStatus) -> None:
        raise ValueError(status.name)

    board.subscribe(fail)
    unsubscribe = board.subscribe(lambda status: heard.append(status.state))
    board.report(LinkStatus("scale", LinkState.UP))
    unsubscribe()
    board.report(LinkStatus("scale", LinkState.DOWN))
    assert heard == [LinkState.UP]
    assert board.status("scale").state is LinkState.DOWN
    with pytest.raises(LookupError, match="No link named 'radio'"):
        board.status("radio")
