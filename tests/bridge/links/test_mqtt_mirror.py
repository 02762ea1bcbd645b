"""The copy on MQTT: truthful availability, one JSON state per device and at most one a second."""

import json

from custom_components.fieldbridge.bridge.mqtt import MockMqttClient
from custom_components.fieldbridge.bridge.testing import ManualClock
from custom_components.fieldbridge.bridge.transports.simulated import Signal, SimulatedTransport
from demo.pty_link import PtyLink

from .running import RunningLink, json_profile, profile_of, serial_link


def simulated_link() -> RunningLink:
    """Return a link that sends a new value ten times a second."""
    clock = ManualClock()
    signal = Signal(key="t", waveform="counter", period=0.1, decimals=0)
    return RunningLink(SimulatedTransport((signal,), interval=0.1, clock=clock), clock)


def availability(mqtt: MockMqttClient, device: str) -> list[str]:
    return [payload for payload, _, _ in mqtt.get_messages_for(f"site/{device}/availability")]


def states(mqtt: MockMqttClient, device: str) -> list[object]:
    return [
        json.loads(payload) if payload else payload for payload, _, _ in mqtt.get_messages_for(f"site/{device}/state")
    ]


async def test_a_device_is_offline_until_its_first_data_then_online_before_its_state(pty_link: PtyLink) -> None:
    link, mqtt = serial_link(pty_link.path), MockMqttClient()
    device = link.set_device("a", profile_of("A"))
    async with link.running(mqtt):
        await link.until_state("up")
        await link.clock.advance(1.1)
        assert availability(mqtt, "a") == ["offline"]
        assert states(mqtt, "a") == []
        pty_link.write(b"A;1.5\n")
        await link.until(lambda: device.available)
        await link.clock.advance(1.1)

        topics = [topic for topic, *_ in mqtt.published if topic.startswith("site/a/")]
        assert topics == ["site/a/availability", "site/a/availability", "site/a/state"]
        assert availability(mqtt, "a") == ["offline", "online"]
        assert mqtt.get_messages_for("site/a/state") == [('{"x":1.5}', True, 1)]


async def test_a_device_has_at_most_one_state_a_second_and_it_is_the_latest() -> None:
    link, mqtt = simulated_link(), MockMqttClient()
    link.set_device("fast", json_profile("t"))
    async with link.running(mqtt):
        await link.clock.advance(10.05)

        assert 9 <= len(states(mqtt, "fast")) <= 10
        assert states(mqtt, "fast")[-1] == {"t": 100} or states(mqtt, "fast")[-1] == {"t": 99}


async def test_what_does_not_change_is_not_published_again() -> None:
    link, mqtt = simulated_link(), MockMqttClient()
    link.set_device("other", json_profile("missing"))
    async with link.running(mqtt):
        await link.clock.advance(10.0)

        assert states(mqtt, "other") == [{"missing": None}]
        assert availability(mqtt, "other") == ["online"]


async def test_a_lost_link_takes_its_devices_offline(pty_link: PtyLink) -> None:
    link, mqtt = serial_link(pty_link.path), MockMqttClient()
    device = link.set_device("a", profile_of("A"))
    async with link.running(mqtt):
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b"A;1\n")
        await link.until(lambda: device.available)
        await link.clock.advance(1.1)
        pty_link.unplug()
        await link.until_state("down")
        await link.clock.advance(1.1)

        assert availability(mqtt, "a") == ["online", "offline"]


async def test_a_channel_that_fell_silent_is_null_beside_those_that_speak(pty_link: PtyLink) -> None:
    link, mqtt = serial_link(pty_link.path), MockMqttClient()
    device = link.set_device("a", json_profile("t", "u"))
    async with link.running(mqtt):
        await link.until_state("up")
        await link.clock.advance(0.1)
        pty_link.write(b'{"t": 1, "u": 2}\n')
        await link.until(lambda: device.available)
        for _ in range(35):
            await link.clock.advance(1.0)
            count = device.counters.decoded
            pty_link.write(b'{"t": 1}\n')
            await link.until(lambda before=count: device.counters.decoded > before)  # type: ignore[misc]

        assert states(mqtt, "a") == [{"t": 1, "u": 2}, {"t": 1, "u": None}]
        assert availability(mqtt, "a") == ["online"]


async def test_a_removed_device_is_cleared_from_the_broker_for_good() -> None:
    link, mqtt = simulated_link(), MockMqttClient()
    link.set_device("id", json_profile("t"), topic="boiler")
    async with link.running(mqtt):
        await link.clock.advance(2.5)
        await link.remove_device("id")
        await link.clock.advance(5.0)

    assert availability(mqtt, "boiler") == ["online", "offline", ""]
    assert states(mqtt, "boiler")[-1] == ""
    assert all(retain for _, retain, _ in mqtt.get_messages_for("site/boiler/state"))
    assert availability(mqtt, "id") == []


async def test_a_replaced_device_goes_on_under_its_topic() -> None:
    link, mqtt = simulated_link(), MockMqttClient()
    link.set_device("id", json_profile("t"))
    async with link.running(mqtt):
        await link.clock.advance(1.5)
        link.set_device("id", json_profile("t", "new"))
        await link.clock.advance(1.5)

        assert list(json.loads(mqtt.get_messages_for("site/id/state")[-1][0])) == ["t", "new"]


async def test_shutdown_takes_every_device_offline() -> None:
    link, mqtt = simulated_link(), MockMqttClient()
    link.set_device("id", json_profile("t"))
    async with link.running(mqtt):
        await link.clock.advance(1.5)
        assert availability(mqtt, "id") == ["online"]

    assert availability(mqtt, "id")[-1] == "offline"
    assert mqtt.get_messages_for("site/status")[-1][0] == "offline"


async def test_without_a_mirror_nothing_is_prepared_for_one() -> None:
    link = simulated_link()
    device = link.set_device("id", json_profile("t"))
    async with link.running():
        await link.clock.advance(3.0)
        await link.remove_device("id")

    assert device.counters.decoded > 20
