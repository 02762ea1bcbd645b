"""Devices that are groups of topics: values, availability, stale values and commands."""

import json
from typing import Any

import pytest

from custom_components.fieldbridge.bridge.channels import DeviceProfile, DeviceSession
from custom_components.fieldbridge.bridge.errors import LinkError, ProfileError
from custom_components.fieldbridge.bridge.links.mqtt_link import MqttLink
from custom_components.fieldbridge.bridge.mqtt import MqttClient
from custom_components.fieldbridge.bridge.settings import MqttSettings
from custom_components.fieldbridge.bridge.testing import ManualClock
from custom_components.fieldbridge.bridge.transports.mqtt import MqttTransport
from tests.bridge.transports.feeds import MemoryFeed
from tests.mosquitto import Mosquitto

from .running import RunningLinkMixin, json_profile


class Link(RunningLinkMixin, MqttLink):
    """A link over a broker in memory that can be waited for."""

    def __init__(self, feed: MemoryFeed | MqttClient | None = None) -> None:
        clock = ManualClock()
        self.feed = feed if isinstance(feed, MemoryFeed) else MemoryFeed()
        super().__init__("test link", MqttTransport(feed or self.feed, ("home/#",), clock=clock))
        self.wait_for(clock)

    async def hear(self, topic: str, payload: object) -> None:
        """Let a message come in and be worked off."""
        self.feed.say(topic, payload if isinstance(payload, bytes) else json.dumps(payload))
        await self.clock.settle()


def lamp(*, availability: bool = False, base: str = "home/lamp", **more: Any) -> DeviceProfile:
    """Return the profile of a lamp that publishes one JSON object and its power on a topic of its own."""
    watched = [{"source": "~/availability#state"}] if availability else []
    return DeviceProfile.from_dict(
        {
            "schema_version": 1,
            "decoder": {"kind": "topics", "base": base, "availability": watched},
            "channels": [
                {
                    "key": "level",
                    "name": "Level",
                    "source": "~#level",
                    "write": {"control": "number", "target": {"topic": "~/set", "payload": '{"level": {value}}'}},
                },
                {"key": "power", "name": "Power", "source": "~/power"},
            ],
            "event_like": True,
            **more,
        }
    )


def shown(session: DeviceSession) -> dict[str, object]:
    """Return what a person sees of a device: values where they are available."""
    return {key: value for key, value in session.values.items() if session.is_available(key)}


def is_there(session: DeviceSession) -> bool:
    """Return whether a device is available now."""
    return session.available


async def test_values_come_from_leaves_and_whole_payloads() -> None:
    link = Link()
    session = link.set_device("lamp", lamp())
    async with link.running():
        await link.until_state("up")
        await link.hear("home/lamp", {"level": 20})
        await link.hear("home/lamp/power", 7.5)

        assert shown(session) == {"level": 20, "power": 7.5}


async def test_a_message_goes_only_to_the_devices_that_use_its_topic() -> None:
    link = Link()
    first, second = link.set_device("1", lamp(base="home/a")), link.set_device("2", lamp(base="home/b"))
    async with link.running():
        await link.until_state("up")
        await link.hear("home/a", {"level": 1})
        await link.hear("home/c", {"level": 3})

        assert (first.counters.decoded, second.counters.decoded) == (1, 0)
        assert link.statistics()["unused"] == 1


async def test_a_message_that_came_before_the_broker_went_is_taken_and_the_device_is_gone_then() -> None:
    link = Link()
    session = link.set_device("lamp", lamp())
    async with link.running():
        await link.until_state("up")
        link.feed.say("home/lamp", '{"level": 20}')
        link.feed.go()
        await link.until_state("down")

        assert session.counters.decoded == 1
        assert not session.available


async def test_a_garbled_message_is_counted_and_the_value_before_it_stays() -> None:
    link = Link()
    session = link.set_device("lamp", lamp())
    async with link.running():
        await link.until_state("up")
        await link.hear("home/lamp", {"level": 20})
        await link.hear("home/lamp", b'{"level": 2')
        await link.hear("home/lamp", b"\xff")

        assert shown(session) == {"level": 20}
        assert session.counters.rejected == {"json": 1, "encoding": 1}
        assert link.statistics()["rejected"] == 2


async def test_a_retained_message_is_a_value_where_silence_means_nothing() -> None:
    link = Link()
    link.feed.kept["home/lamp"] = b'{"level": 5}'
    session = link.set_device("lamp", lamp())
    async with link.running():
        await link.until_state("up")
        await link.clock.settle()

        assert shown(session) == {"level": 5}


async def test_a_retained_message_is_no_sign_of_life_of_a_device_with_a_stale_time() -> None:
    link = Link()
    link.feed.kept["home/lamp"] = b'{"level": 5}'
    session = link.set_device("lamp", lamp(event_like=False, stale_after=60))
    async with link.running():
        await link.until_state("up")
        await link.clock.settle()
        assert not session.available

        await link.hear("home/lamp", {"level": 6})
        assert shown(session) == {"level": 6}

        await link.clock.advance(62.0)
        assert not session.available


async def test_a_value_may_have_a_stale_time_of_its_own() -> None:
    profile = lamp().to_dict()
    profile["channels"][1]["stale_after"] = 10
    link = Link()
    session = link.set_device("lamp", DeviceProfile.from_dict(profile))
    async with link.running():
        await link.until_state("up")
        await link.hear("home/lamp", {"level": 1})
        await link.hear("home/lamp/power", 2)
        await link.clock.advance(12.0)

        assert shown(session) == {"level": 1}


async def test_the_word_that_a_device_is_gone_takes_its_values_and_the_word_that_it_is_back_restores_them() -> None:
    link = Link()
    session = link.set_device("lamp", lamp(availability=True))
    async with link.running():
        await link.until_state("up")
        await link.hear("home/lamp/availability", {"state": "online"})
        await link.hear("home/lamp", {"level": 20})
        assert shown(session) == {"level": 20}

        await link.hear("home/lamp/availability", {"state": "offline"})
        assert not session.available
        await link.hear("home/lamp", {"level": 30})
        assert not session.available

        await link.hear("home/lamp/availability", {"state": "online"})
        assert shown(session) == {"level": 30}


async def test_a_retained_value_waits_for_the_word_that_the_device_is_there() -> None:
    link = Link()
    link.feed.kept = {"home/lamp": b'{"level": 5}', "home/lamp/availability": b'{"state": "online"}'}
    session = link.set_device("lamp", lamp(availability=True))
    async with link.running():
        await link.until_state("up")
        await link.clock.settle()
        assert shown(session) == {"level": 5}

    link = Link()
    link.feed.kept = {"home/lamp": b'{"level": 5}', "home/lamp/availability": b'{"state": "offline"}'}
    session = link.set_device("lamp", lamp(availability=True))
    async with link.running():
        await link.until_state("up")
        await link.clock.settle()
        assert not session.available


async def test_a_word_that_says_neither_is_counted() -> None:
    link = Link()
    session = link.set_device("lamp", lamp(availability=True))
    async with link.running():
        await link.until_state("up")
        await link.hear("home/lamp/availability", {"state": "asleep"})

        assert session.counters.rejected == {"availability": 1}


async def test_a_lost_broker_takes_every_device_and_what_was_said_before_counts_no_more() -> None:
    link = Link()
    session = link.set_device("lamp", lamp(availability=True))
    async with link.running():
        await link.until_state("up")
        await link.hear("home/lamp/availability", {"state": "online"})
        await link.hear("home/lamp", {"level": 20})
        link.feed.go()
        await link.until_state("down")
        assert not session.available

        await link.clock.advance(5.0)
        await link.until_state("up")
        assert not session.available
        await link.hear("home/lamp", {"level": 21})
        assert shown(session) == {"level": 21}


async def test_a_device_that_is_described_anew_keeps_what_it_heard() -> None:
    link = Link()
    link.set_device("lamp", lamp())
    async with link.running():
        await link.until_state("up")
        await link.hear("home/lamp", {"level": 20})

        session = link.set_device("lamp", lamp(model="another"))

        assert shown(session) == {"level": 20}


async def test_a_removed_device_hears_no_more() -> None:
    link = Link()
    session = link.set_device("lamp", lamp())
    async with link.running():
        await link.until_state("up")
        await link.remove_device("lamp")
        await link.hear("home/lamp", {"level": 20})

        assert session.counters.decoded == 0


async def test_a_value_is_set_by_a_message_in_the_form_that_the_device_wants() -> None:
    link = Link()
    session = link.set_device("lamp", lamp())
    async with link.running():
        await link.until_state("up")
        await session.write("level", 40)

        assert link.feed.published == [("home/lamp/set", '{"level": 40}', False, 1)]


async def test_a_device_that_is_only_commanded_is_there_while_its_broker_is() -> None:
    link = Link()
    bell = {"key": "ring", "name": "Ring", "source": "", "write": {"control": "button", "target": {"topic": "~/ring"}}}
    session = link.set_device("bell", lamp(channels=[bell]))
    watched = link.set_device("watched", lamp(availability=True, channels=[bell]))
    assert not is_there(session)
    async with link.running():
        await link.until_state("up")
        assert is_there(session)
        assert link.set_device("later", lamp(channels=[bell])).available
        await session.write("ring", True)
        assert link.feed.published == [("home/lamp/ring", "true", False, 1)]

        assert not is_there(watched)
        await link.hear("home/lamp/availability", {"state": "online"})
        assert is_there(watched)

        link.feed.go()
        await link.until_state("down")
        assert not is_there(session)


async def test_nothing_is_sent_where_it_cannot_arrive() -> None:
    link = Link()
    session = link.set_device("lamp", lamp())
    with pytest.raises(LinkError):
        await session.write("level", 40)


def test_a_device_of_another_kind_is_refused() -> None:
    with pytest.raises(ProfileError):
        Link().set_device("x", json_profile("a"))


async def test_a_real_broker_that_goes_and_comes_back(mosquitto: Mosquitto) -> None:
    client = MqttClient(MqttSettings(host=mosquitto.host, port=mosquitto.port))
    link = Link(client)
    session = link.set_device("lamp", lamp())
    async with link.running():
        await link.until_state("up")
        await client.publish("home/lamp", '{"level": 20}', retain=True)
        await link.until_decoded(session, 1)
        mosquitto.stop()
        await link.until_state("down")
        assert not session.available

        mosquitto.start()
        while link.status.state != "up":
            await link.clock.advance(1.0)
        await link.until_decoded(session, 2)
        assert shown(session) == {"level": 20}


async def test_thousands_of_foreign_messages_are_counted_and_ours_arrive_among_them(mosquitto: Mosquitto) -> None:
    listener = MqttClient(MqttSettings(host=mosquitto.host, port=mosquitto.port))
    sender = MqttClient(MqttSettings(host=mosquitto.host, port=mosquitto.port))
    link = Link(listener)
    session = link.set_device("lamp", lamp())
    await sender.connect()
    async with link.running():
        await link.until_state("up")
        for number in range(5000):
            await sender.publish(f"home/foreign/{number % 500}", "x", qos=0)
            if number % 500 == 0:
                await sender.publish("home/lamp", json.dumps({"level": number}), qos=0)
        await sender.publish("home/lamp", '{"level": 9999}')
        await link.until(lambda: session.value("level") == 9999)

        assert link.statistics()["unused"] == 5000
        assert session.counters.decoded == 11
    await sender.stop()
