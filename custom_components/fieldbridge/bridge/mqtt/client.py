"""The connection to a broker, kept up by a background task. The only module that imports aiomqtt."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
import importlib
import logging
import socket
import ssl
from typing import Any, override

from .. import lazy
from ..clock import SystemClock
from ..errors import LinkError
from ..interfaces import ClockPort, MessageCallback, PayloadCallback
from ..retry import ExponentialBackoff
from .tls import BrokerSocket, broker_context
from .will import WillConfig

_LOGGER = logging.getLogger(__name__)

WINDOW = 50
"""Messages of QoS 1 that may be on their way at once: fewer cost more wake-ups, many more slow the library down."""
_CONNECT_DEADLINE = 2.0
"""Seconds that ``stop`` gives a connection that is being made: cut short, the library leaves its socket open."""
# "bad user name or password" and "not authorised" in MQTT 3.1.1 and 5.
_AUTH_REASONS = frozenset({4, 5, 134, 135})


type ConnectCallback = Callable[[], Awaitable[None]]
"""Called after every connect."""


class MqttNotConnectedError(LinkError, RuntimeError):
    """The broker cannot be reached at the moment."""


class MqttAuthError(MqttNotConnectedError):
    """The broker refuses the credentials."""


@dataclass
class MqttClient:
    """MQTT port on a real broker that reconnects for ever; ``publish`` raises while there is no connection."""

    settings: "lazy.MqttSettings"  # noqa: UP037 - a dataclass reads its annotations at once
    will: WillConfig | None = None
    client_id: str = ""
    """Used when the settings name none; empty: chosen by the library."""
    on_auth_refused: Callable[[str], None] | None = None
    """Called with the broker's words each time it refuses the credentials."""
    tls_context: ssl.SSLContext | None = None
    """A context of the client's own that is ready made, used instead of the certificates that the settings name."""
    clock: ClockPort = field(default_factory=SystemClock)
    inbound_dropped: int = field(default=0, init=False)
    """Messages that were no text, too long, or still waited at the end."""
    refused: set[str] = field(default_factory=set, init=False)
    """Topics that the broker does not let us subscribe to."""
    _on_payload: PayloadCallback | None = field(default=None, init=False, repr=False)
    _first_attempt: asyncio.Future[None] | None = field(default=None, init=False, repr=False)
    _callbacks: list[tuple[MessageCallback, bool]] = field(default_factory=list, init=False, repr=False)
    _connection_callbacks: list[Callable[[bool], None]] = field(default_factory=list, init=False, repr=False)
    _subscriptions: dict[str, None] = field(default_factory=dict, init=False, repr=False)
    _connection: Any = field(default=None, init=False, repr=False)
    _aiomqtt: Any = field(default=None, init=False, repr=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False, repr=False)
    _failing: bool = field(default=False, init=False, repr=False)
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    _running: set[asyncio.Task[None]] = field(default_factory=set, init=False, repr=False)

    @property
    def is_connected(self) -> bool:
        """True while the broker can be reached."""
        return self._connection is not None

    def on_message(self, callback: MessageCallback, *, retained: bool = True) -> None:
        """Deliver inbound messages to ``callback``; with ``retained=False`` those that the broker kept are left out."""
        self._callbacks.append((callback, retained))

    def on_payload(self, callback: PayloadCallback | None) -> None:
        """Hand every message to ``callback`` as it came and in the turn of its arrival; None ends it."""
        self._on_payload = callback

    def on_connection_change(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call ``callback`` with True on every connect and False on every loss; returns the unsubscribe."""
        self._connection_callbacks.append(callback)
        return lambda: self._connection_callbacks.remove(callback)

    def add_connect_callback(self, callback: ConnectCallback) -> None:
        """Run ``callback`` in a task of its own after every connect; what it raises is logged."""

        def connection_changed(connected: bool) -> None:
            if connected:
                task = asyncio.create_task(_run_guarded(callback), name="mqtt-connect-callback")
                self._running.add(task)
                task.add_done_callback(self._running.discard)

        self.on_connection_change(connection_changed)

    async def check(self) -> None:
        """Connect once and leave again.

        Raises MqttAuthError when the broker refuses the credentials, MqttNotConnectedError for any other reason.
        """
        await self._load_library()
        try:
            async with await self._new_connection():
                pass
        except self._unreachable as err:
            error = MqttAuthError if self._auth_refused(err) else MqttNotConnectedError
            raise error(f"{self._endpoint}: {err}") from err

    async def start(self) -> None:
        """Start the connection loop; idempotent, returns before there is a connection."""
        if self._task is None:
            self._task = asyncio.create_task(self._stay_connected(), name="mqtt-connection")

    async def connect(self) -> None:
        """Start, and return when connected.

        Raises MqttAuthError or MqttNotConnectedError when the first attempt fails; later ones go on until ``stop``.
        """
        self._first_attempt = asyncio.get_running_loop().create_future()
        try:
            await self.start()
            await self._first_attempt
        finally:
            self._first_attempt = None

    async def stop(self) -> None:
        """Disconnect and end the connection loop; idempotent."""
        for callback in self._running:
            callback.cancel()
        task, self._task = self._task, None
        if task is None:
            return
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CONNECT_DEADLINE), self._connecting:
                    pass
        finally:  # also where whoever stops us is cut short itself
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> None:
        """Publish and wait for the broker's acknowledgement (QoS 1).

        Raises MqttNotConnectedError (a RuntimeError and an OSError).
        """
        if self._connection is None:
            raise MqttNotConnectedError("MqttClient is not connected")
        try:
            await self._connection.publish(topic, payload, qos=qos, retain=retain)
        except self._aiomqtt.MqttError as err:
            raise MqttNotConnectedError(f"publish on {topic} failed: {err}") from err

    async def subscribe(self, topic: str) -> None:
        """Subscribe at QoS 1, now and after every reconnect."""
        self._subscriptions[topic] = None
        if self._connection is None:
            return
        try:
            await self._subscribe_by(self._connection, topic)
        except self._aiomqtt.MqttError as err:
            _LOGGER.debug("Subscription of %s waits for the next connection: %s", topic, err)

    async def _subscribe_by(self, connection: Any, topic: str) -> None:
        try:
            codes = await connection.subscribe(topic, qos=1)
            is_refused = any(code.is_failure for code in codes)
        except ValueError:  # the library itself, for what is no filter
            is_refused = True
        if not is_refused:
            self.refused.discard(topic)
        elif topic not in self.refused:
            self.refused.add(topic)
            _LOGGER.warning("The MQTT broker %s refuses a subscription of %s", self._endpoint, topic)

    async def _stay_connected(self) -> None:
        await self._load_library()
        backoff = ExponentialBackoff(self.settings.reconnect_interval, self.settings.reconnect_max_interval)
        attempt = 0
        while True:
            try:
                async with AsyncExitStack() as stack:
                    async with self._connecting:
                        connection = await stack.enter_async_context(await self._new_connection())
                    attempt = 0
                    await self._serve(connection)
            except self._unreachable as err:
                self._report_failure(err)
            attempt += 1
            await self.clock.sleep(backoff.delay(attempt))

    async def _load_library(self) -> None:
        # In the executor: the import reads many files, and the loop may be someone else's.
        self._aiomqtt = await asyncio.to_thread(importlib.import_module, "aiomqtt")

    async def _serve(self, connection: Any) -> None:
        """Restore the subscriptions, then deliver messages until the connection is lost (MqttError)."""
        for topic in list(self._subscriptions):
            await self._subscribe_by(connection, topic)
        if self._failing:
            _LOGGER.info("Connected to the MQTT broker %s again", self._endpoint)
        self._failing = False
        self._set_connection(connection)
        try:
            async for message in connection.messages:
                await self._deliver(message)
        finally:
            self._set_connection(None)
            # After a loss none is left: the library hands over what came before it.
            if left := len(connection.messages):
                self.inbound_dropped += left
                _LOGGER.warning("%d MQTT messages came too late to be handled before the end", left)

    def _set_connection(self, connection: Any) -> None:
        self._connection = connection
        if connection is not None and self._first_attempt is not None and not self._first_attempt.done():
            self._first_attempt.set_result(None)
        for callback in list(self._connection_callbacks):
            callback(connection is not None)

    def _new_queue(self, maxsize: int) -> asyncio.Queue[Any]:
        return _InboundQueue(maxsize, self._take)

    def _take(self, message: Any) -> bool:
        """Hand a message to whoever takes it as it came; returns whether it has to be queued for others."""
        if self._on_payload is None:
            return True
        payload = message.payload
        self._on_payload(message.topic.value, payload if isinstance(payload, bytes) else b"", message.retain)
        return bool(self._callbacks)

    async def _deliver(self, message: Any) -> None:
        payload = message.payload
        if payload is None:
            return
        try:
            text = self._decoded(payload)
        except UnicodeDecodeError, ValueError:
            self.inbound_dropped += 1
            log = _LOGGER.warning if self.inbound_dropped == 1 else _LOGGER.debug
            log("A message on %s is no text or too long, and was dropped; further ones are counted", message.topic)
            return
        for callback, wants_retained in list(self._callbacks):
            if message.retain and not wants_retained:
                _LOGGER.debug("Retained message on %s left out", message.topic)
                continue
            try:
                await callback(str(message.topic), text)
            except Exception:
                _LOGGER.exception("Handling a message on %s failed", message.topic)

    def _decoded(self, payload: object) -> str:
        if not isinstance(payload, bytes | bytearray):
            return str(payload)
        if len(payload) > self.settings.max_inbound_payload_bytes:
            raise ValueError("message too long")
        return payload.decode()

    def _report_failure(self, err: Exception) -> None:
        """Say it once until the connection is back; refused credentials are told to the owner every time."""
        if self._auth_refused(err) and self.on_auth_refused is not None:
            self.on_auth_refused(str(err))
        if self._first_attempt is not None and not self._first_attempt.done():
            error = MqttAuthError if self._auth_refused(err) else MqttNotConnectedError
            self._first_attempt.set_exception(error(f"{self._endpoint}: {err}"))
        log = _LOGGER.debug if self._failing else _LOGGER.warning
        log("No connection to the MQTT broker %s: %s", self._endpoint, err)
        self._failing = True

    @staticmethod
    def _auth_refused(err: Exception) -> bool:
        reason = getattr(err, "rc", None)
        return getattr(reason, "value", reason) in _AUTH_REASONS

    @property
    def _unreachable(self) -> tuple[type[Exception], ...]:
        """What the library raises: ValueError for a host that is no name, OSError for a certificate that is missing."""
        return (self._aiomqtt.MqttError, OSError, ValueError)

    @property
    def _endpoint(self) -> str:
        return f"{self.settings.host}:{self.settings.port}"

    async def _context(self) -> ssl.SSLContext:
        context = self.tls_context
        if context is None:
            context = await asyncio.to_thread(broker_context, self.settings)
        context.sslsocket_class = BrokerSocket
        return context

    async def _new_connection(self) -> Any:
        settings, aiomqtt = self.settings, self._aiomqtt
        client_id = settings.client_id or self.client_id
        will = self.will and aiomqtt.Will(self.will.topic, self.will.payload, self.will.qos, self.will.retain)
        connection = aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=settings.password and settings.password.get_secret_value(),
            identifier=client_id or None,
            will=will,
            clean_session=not (settings.persistent_session and client_id),
            max_inflight_messages=WINDOW,
            queue_type=self._new_queue,
            # Small messages would wait 40 ms for each other's acknowledgement.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            tls_context=await self._context() if settings.tls else None,
            tls_insecure=settings.tls_insecure if settings.tls else None,
        )
        # Above this many calls the library warns; a full window is no reason to.
        connection.pending_calls_threshold = 2 * WINDOW
        return connection


async def _run_guarded(callback: ConnectCallback) -> None:
    try:
        await callback()
    except Exception:
        _LOGGER.exception("A callback for MQTT connections failed")


class _InboundQueue(asyncio.Queue[Any]):
    """Shows each message as it comes in, and keeps those that are wanted later.

    A message that waits for a task of its own costs twice what it costs to read it.
    """

    def __init__(self, maxsize: int, take: Callable[[Any], bool]) -> None:
        super().__init__(maxsize)
        self._take_message = take

    @override
    def put_nowait(self, item: Any) -> None:
        if self._take_message(item):
            super().put_nowait(item)
