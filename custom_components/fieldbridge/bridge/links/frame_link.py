"""A link whose devices send frames: one App, one open transport, any number of devices that come and go.

Why one stream for all devices: they share one port, and a device that is edited must not close it. Devices are
consumers in a table that may change at any time; the transport and the other devices never notice.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Protocol

from ..app import App, DeviceContext
from ..channels import DeviceProfile, DeviceSession
from ..channels.listeners import Listeners, Unsubscribe
from ..channels.session import Missed
from ..codecs.frame import Batch, Frame
from ..health.link_status import LinkState, LinkStatus
from ..interfaces import ClockPort, LossReporting, MqttPort, StreamablePort
from ..mqtt import NullMqttClient
from ..settings import Settings
from ..streams import Stream
from .flusher import Flusher
from .mirror import DeviceMirror

_STREAM = "frames"
_SUPERVISOR = "link"
_KEPT_FRAMES = 50
_CHECK_INTERVAL = 1.0
"""Seconds between looks for silence, and between two messages of one device on the mirror."""
_NO_TOPIC = str.maketrans("+#\0", "___")
"""Characters that no topic may have."""


class LinkCounters(Protocol):
    """What a transport counts about itself."""

    def as_dict(self) -> dict[str, Any]:
        """Return all counters in one flat dict."""
        ...


class FrameTransport(StreamablePort[Batch], LossReporting, Protocol):
    """What a link needs of its transport."""

    @property
    def counters(self) -> LinkCounters:
        """What the transport counts, kept over reconnects."""
        ...


class FrameLink:
    """Runs one transport and hands its frames to the sessions of the devices behind it."""

    def __init__(self, name: str, transport: FrameTransport, *, version: str = "0.0.0") -> None:
        self.name = name
        self._transport = transport
        self._sessions: dict[str, DeviceSession] = {}
        self._topics: dict[str, str] = {}
        self._mirrors: dict[str, DeviceMirror] = {}
        self._mirrored = False
        self._mirror_context: DeviceContext | None = None
        self._frame_listeners: Listeners[Batch] = Listeners()
        self._flusher = Flusher(self._sessions.values)
        self._recent: deque[Frame] = deque(maxlen=_KEPT_FRAMES)
        self._rejected = 0
        """Frames that no device could read."""
        self._stream: Stream[Batch] | None = None
        self._app = App(name=_app_name(name), version=version)
        self._app.adapter(StreamablePort[Batch], lambda: transport)
        self._app.add_stream(_STREAM, self._pump)
        self._app.add_device(_SUPERVISOR, self._supervise)
        self._app.on_link_change(self._link_changed)

    @property
    def sessions(self) -> Mapping[str, DeviceSession]:
        """The running devices by id."""
        return MappingProxyType(self._sessions)

    @property
    def recent_frames(self) -> list[Frame]:
        """The last frames, oldest first."""
        return list(self._recent)

    @property
    def status(self) -> LinkStatus:
        """Whether the link is up, and if not why."""
        with suppress(LookupError):
            return self._app.link_status(_STREAM)
        return LinkStatus(_STREAM, LinkState.CONNECTING)

    def set_device(self, device_id: str, profile: DeviceProfile, *, topic: str = "") -> DeviceSession:
        """Begin a device, or begin it anew with another profile; the port and other devices go on.

        ``topic`` names the device on the MQTT mirror; empty: the device id.
        """
        session = DeviceSession(profile)
        if (replaced := self._sessions.get(device_id)) is not None:
            session.inherit(replaced)
            replaced.close()
        self._sessions[device_id] = session
        self._topics[device_id] = topic or device_id
        self._add_mirror(device_id, session)
        return session

    async def remove_device(self, device_id: str) -> None:
        """Forget a device and clear its retained topics; unknown ids are ignored."""
        if (session := self._sessions.pop(device_id, None)) is not None:
            session.close()
        self._topics.pop(device_id, None)
        if (mirror := self._mirrors.pop(device_id, None)) is not None:
            await mirror.clear()

    def on_status(self, listener: Callable[[LinkStatus], None]) -> Unsubscribe:
        """Call ``listener`` when the link comes or goes; returns the unsubscribe."""
        return self._app.on_link_change(listener)

    def on_frames(self, listener: Callable[[Batch], None]) -> Unsubscribe:
        """Show every batch of frames to ``listener``; returns the unsubscribe."""
        return self._frame_listeners.add(listener)

    def statistics(self) -> dict[str, Any]:
        """Return all counters of the link as plain data."""
        status = self.status
        sessions = [session.counters for session in self._sessions.values()]
        return {
            **self._transport.counters.as_dict(),
            "dropped": self._stream.dropped if self._stream else 0,
            "rejected": self._rejected,
            "unreadable": sum(counters.unreadable.total() for counters in sessions),
            "implausible": sum(counters.implausible.total() for counters in sessions),
            "reconnects": status.reconnects,
            "failed_attempts": status.attempts,
        }

    async def run(
        self,
        shutdown_event: asyncio.Event,
        *,
        mqtt: MqttPort | None = None,
        topic_prefix: str = "",
        clock: ClockPort | None = None,
    ) -> None:
        """Run until ``shutdown_event`` is set; a link that cannot open is tried again for ever."""
        self._mirrored = mqtt is not None
        await self._app.run_async(
            mqtt=mqtt or NullMqttClient(),
            settings=Settings.from_values(mqtt={"topic_prefix": topic_prefix}),
            shutdown_event=shutdown_event,
            clock=clock,
            embedded=True,
        )

    async def _pump(self, stream: Stream[Batch]) -> None:
        """Decode in the turn of the read: the transport bounds what one read delivers, so nothing has to wait."""
        self._stream = stream
        await stream.consume(self._accept)

    def _accept(self, batch: Batch) -> None:
        self._recent.extend(batch)
        self._offer(batch)
        self._flusher.look()
        if self._frame_listeners.anybody:
            self._frame_listeners.tell(batch)

    def _offer(self, batch: Batch) -> None:
        """Show the frames to every device: only its decoder and condition know which are its own."""
        missed = {session: session.offer(batch) for session in tuple(self._sessions.values())}
        if any(missed.values()):
            self._settle(missed)

    def _settle(self, missed: Mapping[DeviceSession, Missed]) -> None:
        """Count what nobody could read, once, and leave to another device what its condition claims."""
        for position in {position for each in missed.values() for position, reason in each.items() if reason}:
            # Without a condition a device takes whatever its decoder can read: that claims nothing.
            if not any(session.profile.condition and position not in each for session, each in missed.items()):
                self._rejected += 1
                continue
            for session, each in missed.items():
                if reason := each.get(position):
                    session.leave_to_others(reason)

    async def _supervise(self, ctx: DeviceContext) -> None:
        """Watch for silence, let timed filters speak and keep the mirror."""
        if self._mirrored:
            self._mirror_context = ctx
            for device_id, session in self._sessions.items():
                self._add_mirror(device_id, session)
        flushing = asyncio.create_task(self._flusher.run(ctx.clock))
        try:
            while not ctx.shutdown_requested:
                await ctx.sleep(_CHECK_INTERVAL)
                now = ctx.clock.now()
                for session in tuple(self._sessions.values()):
                    session.check_silence(now)
                for device_id, mirror in tuple(self._mirrors.items()):
                    if self._mirrors.get(device_id) is mirror:  # not removed or replaced while another one published
                        await mirror.sync()
        finally:
            flushing.cancel()

    def _add_mirror(self, device_id: str, session: DeviceSession) -> None:
        if self._mirror_context is not None:
            self._mirrors[device_id] = DeviceMirror(session, self._mirror_context.for_device(self._topics[device_id]))

    def _link_changed(self, status: LinkStatus) -> None:
        if status.state is LinkState.DOWN:
            for session in tuple(self._sessions.values()):
                session.link_lost()


def _app_name(name: str) -> str:
    """Return a name for the app of a link: people call links as they like, also like the topics that it listens to."""
    return name.translate(_NO_TOPIC).strip() or "link"
