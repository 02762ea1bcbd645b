"""The client against a real broker that is stopped, started and asks for passwords."""

import _socket
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
import gc
import json
from pathlib import Path
import socket
from typing import Protocol

import aiomqtt
import pytest

from custom_components.fieldbridge.bridge.app import App, DeviceContext
from custom_components.fieldbridge.bridge.mqtt import MqttClient, MqttNotConnectedError, Outbox, WillConfig
from custom_components.fieldbridge.bridge.settings import MqttSettings, Settings


class Broker(Protocol):
    """What these tests need of the broker's fixture."""

    host: str
    port: int
    user: str | None
    password: str | None

    def start(self) -> None: ...
    def stop(self) -> None: ...


class CertifiedBroker(Broker, Protocol):
    """A broker that speaks TLS with a certificate of its own."""

    certificate: Path


def settings_of(broker: Broker, **more: object) -> MqttSettings:
    quick = {"reconnect_interval": 0.1, "reconnect_max_interval": 0.2}
    return MqttSettings.model_validate({"host": broker.host, "port": broker.port, **quick, **more})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)


@asynccontextmanager
async def started(client: MqttClient | Outbox) -> AsyncIterator[None]:
    await client.start()
    try:
        await until(lambda: client.is_connected)
        yield
    finally:
        await client.stop()


@asynccontextmanager
async def listening(broker: Broker, topic: str) -> AsyncIterator[list[tuple[str, str]]]:
    """Collect what a subscriber of its own sees."""
    seen: list[tuple[str, str]] = []

    async def collect() -> None:
        async for message in subscriber.messages:
            assert isinstance(message.payload, bytes)
            seen.append((str(message.topic), message.payload.decode()))

    at_once = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    async with aiomqtt.Client(broker.host, broker.port, socket_options=at_once) as subscriber:
        await subscriber.subscribe(topic, qos=1)
        collecting = asyncio.create_task(collect())
        yield seen
        collecting.cancel()


async def retained(broker: Broker, topic: str) -> str | None:
    """Return what the broker keeps of a topic."""
    async with listening(broker, topic) as seen:
        await asyncio.sleep(0.2)
    return seen[-1][1] if seen else None


async def test_publish_raises_while_there_is_no_connection(mosquitto: Broker) -> None:
    client = MqttClient(settings_of(mosquitto))
    with pytest.raises(RuntimeError, match="MqttClient is not connected"):
        await client.publish("room/state", "20")


async def test_messages_arrive_and_subscriptions_survive_a_restart_of_the_broker(mosquitto: Broker) -> None:
    received: list[tuple[str, str]] = []

    async def receive(topic: str, payload: str) -> None:
        received.append((topic, payload))

    client = MqttClient(settings_of(mosquitto))
    client.on_message(receive)
    await client.subscribe("room/+/set")
    async with started(client):
        await client.publish("room/lamp/set", "on")
        await until(lambda: received == [("room/lamp/set", "on")])
        mosquitto.stop()
        await until(lambda: not client.is_connected)
        with pytest.raises(MqttNotConnectedError):
            await client.publish("room/lamp/set", "lost")
        mosquitto.start()
        await until(lambda: client.is_connected)
        await client.publish("room/lamp/set", "off")
        await until(lambda: received[-1] == ("room/lamp/set", "off"))


async def test_a_callback_that_fails_does_not_end_the_connection(mosquitto: Broker) -> None:
    received: list[str] = []

    async def fail(topic: str, payload: str) -> None:
        received.append(payload)
        raise ValueError(payload)

    client = MqttClient(settings_of(mosquitto))
    client.on_message(fail)
    await client.subscribe("x")
    async with started(client):
        await client.publish("x", "1")
        await client.publish("x", "2")
        await until(lambda: received == ["1", "2"])


async def test_bytes_that_are_no_text_are_dropped_and_counted(mosquitto: Broker) -> None:
    client = MqttClient(settings_of(mosquitto))
    await client.subscribe("x")
    async with started(client), aiomqtt.Client(mosquitto.host, mosquitto.port) as other:
        await other.publish("x", b"\xff\xfe")
        await until(lambda: client.inbound_dropped == 1)
        assert client.is_connected


async def test_what_waits_when_the_connection_is_lost_is_delivered_all_the_same(mosquitto: Broker) -> None:
    async with waiting_messages(mosquitto) as (client, go, handled):
        mosquitto.stop()
        with suppress(MqttNotConnectedError):
            while True:  # until the loss is noticed
                await client.publish("y", "", qos=0)
                await asyncio.sleep(0.01)
        go.set()
        await until(lambda: not client.is_connected)
        assert (handled, client.inbound_dropped) == (["1", "2", "3"], 0)


async def test_what_waits_at_the_end_is_counted_and_told(mosquitto: Broker, caplog: pytest.LogCaptureFixture) -> None:
    async with waiting_messages(mosquitto) as (client, _, handled):
        await client.stop()
    assert (handled, client.inbound_dropped) == (["1"], 2)
    assert "2 MQTT messages came too late" in caplog.text


@asynccontextmanager
async def waiting_messages(mosquitto: Broker) -> AsyncIterator[tuple[MqttClient, asyncio.Event, list[str]]]:
    """Yield a client that handles the first of three messages until the event is set, and what it handled."""
    go, handled, arrived = asyncio.Event(), list[str](), list[str]()

    async def handle(_: str, payload: str) -> None:
        handled.append(payload)
        await go.wait()

    client = MqttClient(settings_of(mosquitto))
    client.on_message(handle)
    client.on_payload(lambda topic, *_: arrived.append(topic))
    await client.subscribe("x")
    async with started(client):
        for number in (1, 2, 3):
            await client.publish("x", str(number))
        await until(lambda: len(arrived) == 3 and bool(handled))
        yield client, go, handled


async def test_refused_credentials_are_told_to_the_owner(mosquitto_with_password: Broker) -> None:
    refused = asyncio.Event()
    wrong = settings_of(mosquitto_with_password, username=mosquitto_with_password.user, password="wrong")
    client = MqttClient(wrong, on_auth_refused=lambda _: refused.set())
    await client.start()
    async with asyncio.timeout(10):
        await refused.wait()
    assert not client.is_connected
    await client.stop()


async def test_an_unreachable_broker_is_no_refusal_of_credentials(mosquitto: Broker) -> None:
    mosquitto.stop()
    refused: list[str] = []
    client = MqttClient(settings_of(mosquitto), on_auth_refused=refused.append)
    await client.start()
    await asyncio.sleep(0.3)
    await client.stop()
    assert refused == []


@pytest.mark.parametrize("host", ["broker..local", ".local", f"{'a' * 64}.local"])
async def test_a_host_that_is_no_name_is_a_broker_that_cannot_be_reached(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The guard of the tests' network; what cannot be written as a name is refused before anybody is asked.
    monkeypatch.setattr(socket, "getaddrinfo", _socket.getaddrinfo)
    client = MqttClient(MqttSettings(host=host))
    with pytest.raises(MqttNotConnectedError, match=host):
        await client.check()
    async with asyncio.timeout(10):
        with pytest.raises(MqttNotConnectedError, match=host):
            await client.connect()
    await client.stop()


@pytest.mark.usefixtures("socket_enabled")
async def test_a_stop_that_is_cut_short_ends_a_connection_that_is_being_made() -> None:
    asked = asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never_answer, "127.0.0.1") as server:
        client = MqttClient(MqttSettings(host="127.0.0.1", port=server.sockets[0].getsockname()[1]))
        await client.start()
        (connection,) = (task for task in asyncio.all_tasks() if task.get_name() == "mqtt-connection")
        await asked.wait()
        stopping = asyncio.create_task(client.stop())
        await asyncio.sleep(0)
        stopping.cancel()
        async with asyncio.timeout(10):
            await asyncio.wait([stopping, connection])
        server.close_clients()
    assert connection.cancelled()


async def test_a_certificate_that_is_missing_is_told_as_the_reason(tmp_path: Path) -> None:
    client = MqttClient(MqttSettings(host="127.0.0.1", tls=True, tls_ca=tmp_path / "none.pem"))
    async with asyncio.timeout(10):
        with pytest.raises(MqttNotConnectedError, match="No such file"):
            await client.connect()
    await client.stop()


async def test_the_right_password_lets_us_in(mosquitto_with_password: Broker) -> None:
    broker = mosquitto_with_password
    client = MqttClient(settings_of(broker, username=broker.user, password=broker.password))
    async with started(client):
        await client.publish("x", "1")


async def test_the_will_is_published_when_we_are_gone_without_a_word(mosquitto: Broker) -> None:
    client = MqttClient(settings_of(mosquitto, client_id="bridge"), WillConfig("bridge/status"))
    # A second client of the same name throws the first one out, as a lost connection would.
    usurper = aiomqtt.Client(mosquitto.host, mosquitto.port, identifier="bridge")
    async with listening(mosquitto, "bridge/status") as seen, started(client), usurper:
        await until(lambda: seen == [("bridge/status", "offline")])
        await client.stop()


async def test_an_outage_loses_no_state(mosquitto: Broker) -> None:
    outbox = Outbox(MqttClient(settings_of(mosquitto)))
    async with started(outbox):
        await outbox.publish("a/state", "1", retain=True)
        mosquitto.stop()
        await until(lambda: not outbox.is_connected)
        for number in range(2, 6):
            await outbox.publish("a/state", str(number), retain=True)
        mosquitto.start()
        await until(lambda: outbox.is_connected and outbox.pending == 0)
    assert await retained(mosquitto, "a/state") == "5"


async def test_every_message_of_a_burst_arrives_in_order(mosquitto: Broker) -> None:
    outbox = Outbox(MqttClient(settings_of(mosquitto)))
    async with listening(mosquitto, "burst") as seen, started(outbox):
        for number in range(500):
            await outbox.publish("burst", str(number))
        await until(lambda: len(seen) == 500)
    assert [payload for _, payload in seen] == [str(number) for number in range(500)]


async def test_an_app_takes_commands_but_not_retained_ones(mosquitto: Broker) -> None:
    app = App("home")
    stop = asyncio.Event()
    taken: list[str] = []

    @app.command("valve")
    async def valve(payload: str, ctx: DeviceContext) -> dict[str, object]:
        taken.append(payload)
        return {"position": payload}

    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as other:
        await other.publish("home/valve/set", "open", retain=True, qos=1)
        settings = Settings.from_values(mqtt=settings_of(mosquitto))
        running = asyncio.create_task(app.run_async(settings=settings, shutdown_event=stop, embedded=True))
        async with listening(mosquitto, "home/#") as seen:
            await until(lambda: any(topic == "home/status" and "online" in text for topic, text in seen))
            await asyncio.sleep(0.2)
            await other.publish("home/valve/set", "close", qos=1)
            await until(lambda: ("home/valve/state", '{"position":"close"}') in seen)
            stop.set()
            await running
            await until(lambda: ("home/status", "offline") in seen)
    assert taken == ["close"]
    assert await retained(mosquitto, "home/valve/availability") == "offline"


async def test_commands_sent_while_the_bridge_is_away_can_be_kept(mosquitto: Broker) -> None:
    app = App("home")
    taken: list[str] = []
    first = asyncio.Event()

    @app.command("valve")
    async def valve(payload: str) -> None:
        taken.append(payload)
        first.set()

    quick = settings_of(mosquitto, client_id="home", persistent_session=True)

    async def run_until(stop: asyncio.Event) -> None:
        settings = Settings.from_values(mqtt=quick)
        await app.run_async(settings=settings, shutdown_event=stop, embedded=True)

    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as other:
        stop = asyncio.Event()
        running = asyncio.create_task(run_until(stop))
        async with listening(mosquitto, "home/valve/availability") as seen:
            await until(lambda: ("home/valve/availability", "online") in seen)
            await other.publish("home/valve/set", "at home", qos=1)
            await first.wait()
            stop.set()
            await running
        await other.publish("home/valve/set", "while away", qos=1)
        stop = asyncio.Event()
        running = asyncio.create_task(run_until(stop))
        await until(lambda: taken == ["at home", "while away"])
        stop.set()
        await running


async def test_the_heartbeat_is_back_after_an_outage(mosquitto: Broker) -> None:
    app = App("home")
    stop = asyncio.Event()
    settings = Settings.from_values(mqtt=settings_of(mosquitto))
    running = asyncio.create_task(app.run_async(settings=settings, shutdown_event=stop, embedded=True))
    async with listening(mosquitto, "home/status") as seen:
        await until(lambda: bool(seen) and "online" in seen[-1][1])
    mosquitto.stop()
    mosquitto.start()
    async with listening(mosquitto, "home/status") as seen:
        await until(lambda: bool(seen) and seen[-1][1] != "offline")
        assert json.loads(seen[-1][1])["status"] == "online"
    stop.set()
    await running


async def test_tls_with_a_certificate_that_is_trusted_and_none_without(
    mosquitto_with_tls: CertifiedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    broker = mosquitto_with_tls
    async with started(MqttClient(settings_of(broker, tls=True, tls_ca=broker.certificate))):
        pass

    stranger = MqttClient(settings_of(broker, tls=True))
    await stranger.start()
    await asyncio.sleep(0.5)  # several attempts
    assert not stranger.is_connected
    await stranger.stop()
    caplog.clear()  # its records hold the errors, and these would hold the sockets
    gc.collect()


async def test_a_filter_that_is_none_is_refused_and_the_others_are_listened_to(mosquitto: Broker) -> None:
    client = MqttClient(settings_of(mosquitto))
    seen: list[str] = []

    async def see(topic: str, payload: str) -> None:
        seen.append(payload)

    client.on_message(see)
    await client.subscribe("room/#/set")
    await client.subscribe("room/set")
    async with started(client):
        await client.publish("room/set", "on")
        await until(lambda: seen == ["on"])
        await client.subscribe("window/#/set")
    assert client.refused == {"room/#/set", "window/#/set"}


async def test_a_client_that_is_stopped_while_it_connects_leaves_nothing_open(mosquitto: Broker) -> None:
    loop, errors = asyncio.get_running_loop(), list[object]()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    for turns in range(20):
        client = MqttClient(settings_of(mosquitto))
        await client.start()
        for _ in range(turns):
            await asyncio.sleep(0.0005)  # somewhere between the first packet and the last
        await client.stop()
    await asyncio.sleep(0.2)  # what must not come cannot be waited for
    assert errors == []


async def test_a_callback_runs_after_every_connect_and_its_error_is_only_logged(
    mosquitto: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    client = MqttClient(settings_of(mosquitto))
    connects: list[bool] = []

    async def connected() -> None:
        connects.append(client.is_connected)
        raise ValueError("no luck")

    client.add_connect_callback(connected)
    async with started(client):
        await until(lambda: len(connects) == 1)
        mosquitto.stop()
        await until(lambda: not client.is_connected)
        mosquitto.start()
        await until(lambda: len(connects) == 2)
    assert connects == [True, True]
    assert caplog.text.count("ValueError: no luck") == 2


async def test_the_settings_say_how_long_a_message_may_be(mosquitto: Broker) -> None:
    client = MqttClient(settings_of(mosquitto, max_inbound_payload_bytes=4))
    seen: list[str] = []

    async def take(_: str, payload: str) -> None:
        seen.append(payload)

    client.on_message(take)
    async with started(client):
        await client.subscribe("a")
        await client.publish("a", "12345")
        await client.publish("a", "1234")
        await until(lambda: bool(seen))
    assert (seen, client.inbound_dropped) == (["1234"], 1)
