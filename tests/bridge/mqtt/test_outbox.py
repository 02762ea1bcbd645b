"""An outage loses no state: what the outbox keeps, replaces, drops and counts, with a broker that the test switches."""

import asyncio
from collections.abc import Callable
import json

import pytest

from custom_components.fieldbridge.bridge.app import App, DeviceContext
from custom_components.fieldbridge.bridge.errors import LinkError
from custom_components.fieldbridge.bridge.mqtt import (
    MockMqttClient,
    NullMqttClient,
    Outbox,
    PublishOnlyMqtt,
    with_outbox,
)
from custom_components.fieldbridge.bridge.mqtt.outbox import MAX_EVENTS
from custom_components.fieldbridge.bridge.testing import ManualClock, make_settings


class SwitchedClient:
    """A client whose broker comes and goes; ``acknowledge`` is cleared to leave messages in flight."""

    def __init__(self) -> None:
        self.is_connected = False
        self.published: list[tuple[str, str]] = []
        self.subscribed: list[str] = []
        self.acknowledge = asyncio.Event()
        self.acknowledge.set()
        self.sending = 0
        self.most_sending = 0
        self.refuses = False
        self.refused = 0
        self._listeners: list[Callable[[bool], None]] = []

    def on_connection_change(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def switch(self, connected: bool) -> None:
        self.is_connected = connected
        for listener in list(self._listeners):
            listener(connected)

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        if not self.is_connected:
            raise LinkError("not connected")
        if self.refuses:
            self.refused += 1
            raise LinkError("no answer in time")
        self.sending += 1
        self.most_sending = max(self.most_sending, self.sending)
        try:
            await self.acknowledge.wait()
        finally:
            self.sending -= 1
        self.published.append((topic, payload))

    async def subscribe(self, topic: str) -> None:
        self.subscribed.append(topic)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
async def client() -> SwitchedClient:
    return SwitchedClient()


@pytest.fixture
async def outbox(client: SwitchedClient) -> Outbox:
    return Outbox(client, window=5, max_events=3)


async def test_the_last_value_of_a_retained_topic_wins(client: SwitchedClient, outbox: Outbox) -> None:
    for celsius in ("20", "21", "22"):
        await outbox.publish("room/state", celsius, retain=True)
    client.switch(True)
    await settle()
    assert client.published == [("room/state", "22")]
    assert outbox.replaced == 2
    assert outbox.pending == 0


async def test_events_wait_in_order_and_the_oldest_are_dropped_and_counted(
    client: SwitchedClient, outbox: Outbox
) -> None:
    for number in range(5):
        await outbox.publish("bell", str(number))
    client.switch(True)
    await settle()
    assert client.published == [("bell", "2"), ("bell", "3"), ("bell", "4")]
    assert outbox.dropped == 2


async def test_all_retained_values_are_sent_again_after_a_reconnect(client: SwitchedClient, outbox: Outbox) -> None:
    client.switch(True)
    await outbox.publish("room/state", "20", retain=True)
    await outbox.publish("bell", "ding")
    await settle()
    client.switch(False)
    client.switch(True)
    await settle()
    assert client.published == [("room/state", "20"), ("bell", "ding"), ("room/state", "20")]


async def test_a_topic_that_was_taken_back_is_not_sent_again(client: SwitchedClient, outbox: Outbox) -> None:
    client.switch(True)
    await outbox.publish("room/state", "20", retain=True)
    await outbox.publish("room/state", "", retain=True)
    await settle()
    client.switch(False)
    client.switch(True)
    await settle()
    assert client.published == [("room/state", "20"), ("room/state", "")]


async def test_messages_in_flight_when_the_connection_goes_are_sent_again(
    client: SwitchedClient, outbox: Outbox
) -> None:
    client.switch(True)
    client.acknowledge.clear()
    for number in range(3):
        await outbox.publish("bell", str(number))
    await outbox.publish("room/state", "20", retain=True)
    await settle()
    client.switch(False)
    await settle()
    assert outbox.pending == 4
    client.acknowledge.set()
    client.switch(True)
    await settle()
    assert client.published == [("room/state", "20"), ("bell", "0"), ("bell", "1"), ("bell", "2")]
    assert outbox.dropped == 0


async def test_an_old_value_never_overtakes_a_newer_one(client: SwitchedClient, outbox: Outbox) -> None:
    client.switch(True)
    client.acknowledge.clear()
    await outbox.publish("room/state", "old", retain=True)
    await settle()
    client.switch(False)
    await outbox.publish("room/state", "new", retain=True)
    await settle()
    client.acknowledge.set()
    client.switch(True)
    await settle()
    assert client.published == [("room/state", "new")]


async def test_a_window_of_messages_is_in_flight_at_once(client: SwitchedClient, outbox: Outbox) -> None:
    client.switch(True)
    client.acknowledge.clear()
    publishing = asyncio.gather(*(outbox.publish("bell", str(number)) for number in range(8)))
    await settle()
    assert client.most_sending == 5
    assert not publishing.done()
    client.acknowledge.set()
    await publishing
    await settle()
    assert [payload for _, payload in client.published] == [str(number) for number in range(8)]


async def test_what_a_broker_did_not_take_goes_out_with_the_next_message(
    client: SwitchedClient, outbox: Outbox
) -> None:
    client.switch(True)
    client.refuses = True
    await outbox.publish("bell", "ding")
    await outbox.publish("room/state", "20", retain=True)
    await settle()
    assert client.published == []

    client.refuses = False
    await outbox.publish("bell", "dong")
    await settle()

    assert client.published == [("room/state", "20"), ("bell", "ding"), ("bell", "dong")]
    assert outbox.pending == 0


async def test_a_broker_that_takes_nothing_is_not_asked_without_end(client: SwitchedClient, outbox: Outbox) -> None:
    for number in range(20):
        await outbox.publish(f"room/{number}", "20", retain=True)
    client.refuses = True
    client.switch(True)
    await settle()
    assert client.refused <= 20
    assert outbox.pending == 20


async def test_an_outbox_that_was_stopped_can_be_started_and_stopped_again(
    client: SwitchedClient, outbox: Outbox
) -> None:
    await outbox.publish("bell", "ding")
    await outbox.stop()
    await outbox.start()
    await outbox.publish("room/state", "20", retain=True)
    client.switch(True)
    await settle()
    assert client.published == [("room/state", "20")]  # what was counted as lost does not come after all
    await outbox.stop()
    assert outbox.dropped == 1


async def test_an_old_value_does_not_come_back_when_its_topic_was_taken_back_meanwhile(
    client: SwitchedClient, outbox: Outbox
) -> None:
    client.switch(True)
    client.acknowledge.clear()
    await outbox.publish("room/state", "20", retain=True)
    await settle()
    client.acknowledge = asyncio.Event()
    client.acknowledge.set()
    await outbox.publish("room/state", "", retain=True)
    await settle()
    client.switch(False)  # with the old value still on its way
    await settle()
    client.switch(True)
    await settle()
    assert client.published == [("room/state", "")]
    assert outbox.replaced == 1


async def test_what_could_not_be_delivered_by_the_end_is_counted(client: SwitchedClient, outbox: Outbox) -> None:
    await outbox.publish("bell", "ding")
    await outbox.publish("room/state", "20", retain=True)
    await outbox.stop()
    assert outbox.dropped == 2


async def test_only_clients_that_reconnect_get_an_outbox(client: SwitchedClient) -> None:
    mock, null = MockMqttClient(), NullMqttClient()
    assert with_outbox(mock) is mock
    assert with_outbox(null) is null
    assert isinstance(with_outbox(client), Outbox)


async def test_a_publish_only_mirror_never_subscribes(client: SwitchedClient) -> None:
    mirror = with_outbox(PublishOnlyMqtt(client))
    client.switch(True)
    await mirror.subscribe("room/set")
    await mirror.publish("room/state", "20", retain=True)
    await settle()
    assert client.subscribed == []
    assert client.published == [("room/state", "20")]


async def test_what_a_publish_only_mirror_lost_is_told_in_the_heartbeat(client: SwitchedClient) -> None:
    app, shutdown, clock = App("home", heartbeat_interval=10), asyncio.Event(), ManualClock()

    @app.device("bell")
    async def bell(ctx: DeviceContext) -> None:
        for number in range(MAX_EVENTS + 5):
            await ctx.publish("ring", str(number))

    running = asyncio.create_task(
        app.run_async(
            mqtt=PublishOnlyMqtt(client), settings=make_settings(), shutdown_event=shutdown, clock=clock, embedded=True
        )
    )
    await clock.settle()
    await clock.advance(10)
    client.switch(True)
    await clock.settle()
    heartbeats = [json.loads(payload) for topic, payload in client.published if topic == "home/status"]
    assert heartbeats[0]["dropped"] == {"outbox": 5}
    shutdown.set()
    await running
