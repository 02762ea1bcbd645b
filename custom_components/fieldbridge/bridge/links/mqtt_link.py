"""A link to the topics of an MQTT broker; a device is a group of topics, whoever publishes them.

What a broker kept (retained) is a value of unknown age. A device whose silence means nothing takes it; one with a
stale time, or whose silence is learned, waits for a message that is really sent now.
"""

from typing import Any, override

from ..channels import Channel, DeviceProfile, DeviceSession
from ..channels.listeners import Unsubscribe
from ..codecs.frame import Batch, Frame
from ..codecs.topics import Availability, TopicDecoder, TopicFields, TopicTarget, fill
from ..errors import DecodeError, ProfileError, WriteError
from ..health.link_status import LinkState, LinkStatus
from ..interfaces import PayloadCallback
from ..transports.mqtt import MqttTransport
from .frame_link import FrameLink

_NOTHING_SAID = TopicFields("", "", None)


class MqttLink(FrameLink):
    """Hands each message to the devices that use its topic."""

    def __init__(self, name: str, transport: MqttTransport, *, version: str = "0.0.0") -> None:
        super().__init__(name, transport, version=version)
        self._broker = transport
        self._devices: dict[str, TopicDevice] = {}
        self._routes: dict[bytes, list[TopicDevice]] = {}

    @override
    def set_device(self, device_id: str, profile: DeviceProfile, *, topic: str = "") -> DeviceSession:
        """Begin a device, or begin it anew with what was heard before. Raises ProfileError."""
        if not isinstance(profile.decoder, TopicDecoder):
            raise ProfileError("decoder", "must be of topics")
        session = super().set_device(device_id, profile, topic=topic)
        device = TopicDevice(session, profile.decoder)
        session.writer = _Writer(self._broker, profile.decoder).write
        if (before := self._devices.get(device_id)) is not None:
            device.take_over(before)
        if self.status.state is LinkState.UP:
            device.link_came()
        self._devices[device_id] = device
        self._reroute()
        return session

    @override
    async def remove_device(self, device_id: str) -> None:
        """Forget a device and its topics."""
        if self._devices.pop(device_id, None) is not None:
            self._reroute()
        await super().remove_device(device_id)

    def last_messages(self, device_id: str) -> list[Frame]:
        """Return the last message of each topic of a device."""
        return self._devices[device_id].last_messages

    def watch(self, listener: PayloadCallback) -> Unsubscribe:
        """Show every message of the link's trees, whether a device uses it or not; returns what ends it."""
        return self._broker.watch(listener)

    @override
    def statistics(self) -> dict[str, Any]:
        """Return all counters of the link as plain data."""
        rejected = sum(session.counters.rejected.total() for session in self._sessions.values())
        return {**super().statistics(), "rejected": rejected}

    @override
    def _offer(self, batch: Batch) -> None:
        own: dict[TopicDevice, list[Frame]] = {}
        for frame in batch:
            for device in self._routes.get(_topic(frame), ()):
                own.setdefault(device, []).append(frame)
        for device, frames in own.items():
            device.take(frames)

    @override
    def _link_changed(self, status: LinkStatus) -> None:
        if status.state is LinkState.DOWN:
            for device in self._devices.values():
                device.forget()
        elif status.state is LinkState.UP:
            for device in self._devices.values():
                device.link_came()
        super()._link_changed(status)

    def _reroute(self) -> None:
        self._routes = {}
        for device in self._devices.values():
            for topic in device.topics:
                self._routes.setdefault(topic, []).append(device)
        self._broker.use({topic.decode() for topic in self._routes})


class TopicDevice:
    """One device's topics: what they said last, and whether somebody says that the device is gone."""

    def __init__(self, session: DeviceSession, decoder: TopicDecoder) -> None:
        self._session = session
        self._last: dict[bytes, Frame] = {}
        sources = [channel.source for channel in session.profile.channels if channel.source]
        self._values = frozenset(decoder.split(source)[0].encode() for source in sources)
        self._availability: dict[bytes, list[_Witness]] = {}
        for each in decoder.availability:
            topic = decoder.split(each.source)[0].encode()
            self._availability.setdefault(topic, []).append(_Witness(each, decoder))

    @property
    def topics(self) -> frozenset[bytes]:
        """All topics that the device uses."""
        return self._values.union(self._availability)

    @property
    def last_messages(self) -> list[Frame]:
        """The last message of each topic, in the order in which the topics spoke first."""
        return list(self._last.values())

    @property
    def is_online(self) -> bool | None:
        """What the availability topics say; None while one of them has not spoken."""
        said = [witness.says_online for witnesses in self._availability.values() for witness in witnesses]
        if False in said:
            return False
        return None if None in said else True

    def take(self, frames: list[Frame]) -> None:
        """Take messages of the device's topics, oldest first."""
        accepted: list[Frame] = []
        for frame in frames:
            topic = _topic(frame)
            self._last[topic] = frame
            if topic in self._availability:
                self._session.accept(accepted)
                accepted = self._hear(topic, frame)
            if topic in self._values and self._counts(frame):
                accepted.append(frame)
        self._session.accept(accepted)

    def take_over(self, before: TopicDevice) -> None:
        """Begin with what the device heard under another description; what was stale then stays so."""
        was_fresh = before._session.available
        self.take([frame for frame in before.last_messages if was_fresh or _topic(frame) in self._availability])

    def link_came(self) -> None:
        """The broker is there: a device that is only commanded, and of which nobody says anything, is there as well."""
        if not self._values and self.is_online and self._session.profile.event_like:
            self._session.take(_NOTHING_SAID, 0.0)

    def forget(self) -> None:
        """The broker is gone: what is said meanwhile will never be heard."""
        self._last.clear()
        for witnesses in self._availability.values():
            for witness in witnesses:
                witness.says_online = None

    def _hear(self, topic: bytes, frame: Frame) -> list[Frame]:
        """Take what is said about the device; return messages that count from now on."""
        before = self.is_online
        for witness in self._availability[topic]:
            if not witness.hear(frame):
                self._session.counters.rejected["availability"] += 1
        if self.is_online is before:
            return []
        if self.is_online is False:
            self._session.link_lost()
            return []
        self.link_came()
        if not self._session.profile.event_like:
            return []
        # What was kept, or was said before the device went, holds again.
        return [last for last in self._last.values() if _topic(last) in self._values and self._counts(last)]

    def _counts(self, frame: Frame) -> bool:
        """Whether a message tells the state of the device now."""
        online = self.is_online
        if online is False:
            return False
        return not frame.retained or (self._session.profile.event_like and online is True)


class _Witness:
    """One availability topic."""

    def __init__(self, description: Availability, decoder: TopicDecoder) -> None:
        self._description = description
        self._parse = decoder.parse
        self._get = decoder.getter(description.source)
        self.says_online: bool | None = None

    def hear(self, frame: Frame) -> bool:
        """Take one message; returns False when it says neither."""
        try:
            word = str(self._get(self._parse(frame.data))).strip()
        except DecodeError, LookupError, TypeError:
            return False
        if word not in (self._description.online, self._description.offline):
            return False
        self.says_online = word == self._description.online
        return True


class _Writer:
    """Publishes what a channel is set to, on the topic and in the form that its ``write.target`` names."""

    def __init__(self, broker: MqttTransport, decoder: TopicDecoder) -> None:
        self._broker = broker
        self._decoder = decoder

    async def write(self, channel: Channel, raw: object) -> None:
        """Publish one value. Raises WriteError, LinkError."""
        try:
            target = TopicTarget.from_dict(channel.write.target if channel.write else {}, self._decoder)
        except ProfileError as err:
            raise WriteError(f"{channel.name}: {err}") from err
        await self._broker.publish(target.topic, fill(target.payload, raw), retain=target.retain, qos=target.qos)


def _topic(frame: Frame) -> bytes:
    return frame.data.partition(b"\0")[0]
