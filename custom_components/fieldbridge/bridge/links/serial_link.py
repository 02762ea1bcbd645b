"""A link of frames that can also send: initialisation, questions at a rate, and values that are set."""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, override

from ..app import DeviceContext
from ..channels import Channel, DeviceProfile, DeviceSession
from ..channels.proof import Proof
from ..clock import SystemClock
from ..codecs.frame import Batch
from ..codecs.talk import Answer, Poll, Question
from ..errors import LinkError
from ..health.link_status import LinkState, LinkStatus
from ..interfaces import ClockPort, MqttPort
from .exchange import Exchange, NoAnswerError, wait_at_most
from .frame_link import FrameLink, FrameTransport

_SLOWEST = 8
"""Times the usual interval at which a device is asked that does not answer."""

_AGAIN = 1.0
"""Seconds until what could not be sent is sent again, on links that are up without a connection."""


class SendingTransport(FrameTransport, Protocol):
    """A transport that takes bytes as well."""

    async def send(self, data: bytes) -> None:
        """Put ``data`` on the line. Raises LinkError."""
        ...


class _Polling:
    """One question of one device and when it is due."""

    def __init__(self, device_id: str, poll: Poll) -> None:
        self.device_id = device_id
        self.poll = poll
        self.frame = poll.question.frame.fill({})
        self.due = 0.0
        self.misses = 0

    def asked(self, now: float, *, answered: bool) -> None:
        """Fix the next time on the grid of the interval; a silent device is asked less often."""
        self.misses = 0 if answered else self.misses + 1
        step = self.poll.every * min(2**self.misses, _SLOWEST)
        self.due += step
        if self.due <= now:  # later than one interval: no questions in a burst
            self.due = now + step


class SerialLink(FrameLink):
    """Frames in both directions over one port."""

    quiet = 0.06
    """Seconds after opening; what comes sooner is taken for the rest of a frame, so that no answer may be among it."""

    def __init__(self, name: str, transport: SendingTransport, *, version: str = "0.0.0") -> None:
        super().__init__(name, transport, version=version)
        self._exchange = Exchange(transport.send)
        self._clock: ClockPort = SystemClock()
        self._polls: list[_Polling] = []
        self._uninitialised: set[str] = set()
        """Devices that were told nothing yet since the link came up."""
        self._talks_from = 0.0
        self._changed = asyncio.Event()

    @override
    def set_device(self, device_id: str, profile: DeviceProfile, *, topic: str = "") -> DeviceSession:
        """Begin a device, or begin it anew with another profile; others go on. Raises ProfileError."""
        questions = {
            channel.key: Question.from_dict(channel.write.target, f"channels[{index}].write.target")
            for index, channel in enumerate(profile.channels)
            if channel.write is not None
        }
        session = super().set_device(device_id, profile, topic=topic)

        async def write(channel: Channel, raw: object) -> None:
            await self._write(session, channel, questions[channel.key], raw)

        session.writer = write
        self._forget(device_id)
        if profile.talk is not None:
            self._polls += [_Polling(device_id, poll) for poll in profile.talk.polls]
            self._uninitialised.add(device_id)
        self._changed.set()
        return session

    @override
    async def remove_device(self, device_id: str) -> None:
        """Forget a device and its questions."""
        self._forget(device_id)
        await super().remove_device(device_id)

    @override
    def statistics(self) -> dict[str, Any]:
        """Return all counters of the link as plain data."""
        counters = self._exchange.counters
        return {**super().statistics(), "sent": counters["sent"], "unanswered": counters["unanswered"]}

    @override
    async def run(
        self,
        shutdown_event: asyncio.Event,
        *,
        mqtt: MqttPort | None = None,
        topic_prefix: str = "",
        clock: ClockPort | None = None,
    ) -> None:
        """Run until ``shutdown_event`` is set; a link that cannot open is tried again for ever."""
        self._clock = clock or self._clock
        await super().run(shutdown_event, mqtt=mqtt, topic_prefix=topic_prefix, clock=clock)

    async def send_frame(self, data: bytes, answer: Answer | None = None, *, limit: float = 1.0) -> bytes | None:
        """Send bytes as they are and return the answer, None when none is expected.

        ``limit``: seconds for the answer. Raises NoAnswerError, and LinkError when the link is down.
        """
        self._require_up()
        return await self._exchange.ask(data, answer, timeout=limit, clock=self._clock)

    @override
    def _offer(self, batch: Batch) -> None:
        super()._offer(self._exchange.offer(batch))

    @override
    async def _supervise(self, ctx: DeviceContext) -> None:
        talking = asyncio.create_task(self._talk())
        try:
            await super()._supervise(ctx)
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)

    @override
    def _link_changed(self, status: LinkStatus) -> None:
        super()._link_changed(status)
        if status.state is LinkState.UP:
            now = self._talks_from = self._clock.now() + self.quiet
            self._uninitialised = {key for key, session in self._sessions.items() if session.profile.talk is not None}
            for poll in self._polls:
                poll.due, poll.misses = now, 0
        else:
            self._exchange.link_lost(f"{self.name}: the link is down")
        self._changed.set()

    def _forget(self, device_id: str) -> None:
        self._polls = [poll for poll in self._polls if poll.device_id != device_id]
        self._uninitialised.discard(device_id)

    def _require_up(self) -> None:
        if self.status.state is not LinkState.UP:
            raise LinkError(f"{self.name}: the link is down")

    async def _talk(self) -> None:
        """Tell devices what they have to know first and ask what is due, for ever."""
        while True:
            self._changed.clear()
            if self.status.state is not LinkState.UP:
                await self._changed.wait()
                continue
            try:
                if (wait := self._talks_from - self._clock.now()) > 0:
                    await wait_at_most(self._changed, wait, self._clock)
                elif self._uninitialised:
                    await self._initialise(next(iter(self._uninitialised)))
                elif (poll := min(self._polls, key=lambda each: each.due, default=None)) is None:
                    await self._changed.wait()
                elif (wait := poll.due - self._clock.now()) > 0:
                    await wait_at_most(self._changed, wait, self._clock)
                else:
                    await self._ask(poll)
            except LinkError:
                await wait_at_most(self._changed, _AGAIN, self._clock)  # the loss is told by the transport

    async def _initialise(self, device_id: str) -> None:
        session = self._sessions.get(device_id)
        self._uninitialised.discard(device_id)  # before: a device that is changed meanwhile is added again
        try:
            for frame in session.profile.talk.init if session is not None and session.profile.talk is not None else ():
                await self._exchange.ask(frame.fill({}), None, timeout=0, clock=self._clock, urgent=False)
        except LinkError:
            self._uninitialised.add(device_id)
            raise

    async def _ask(self, poll: _Polling) -> None:
        question, answered = poll.poll.question, True
        try:
            await self._exchange.ask(
                poll.frame, question.answer, timeout=question.timeout, clock=self._clock, urgent=False
            )
        except NoAnswerError:
            answered = False
        poll.asked(self._clock.now(), answered=answered)

    async def _write(self, session: DeviceSession, channel: Channel, question: Question, raw: object) -> None:
        """Send the frame that sets a channel, and wait for what proves that it was taken."""
        self._require_up()
        values: Mapping[str, object] = {**session.values, "value": raw}
        data = question.frame.fill(values)
        if question.confirm is None or not channel.source:
            await self._exchange.ask(data, question.answer, timeout=question.timeout, clock=self._clock)
            return
        shown, proof = asyncio.Event(), Proof(channel, raw)
        # Not what is shown: filters and the publish policy may hold the reading back.
        stop = self.on_frames(lambda _: shown.set() if proof.given_by(session.raw_value(channel.key)) else None)
        try:
            await self._exchange.ask(data, question.answer, timeout=question.timeout, clock=self._clock)
            for poll in self._polls:
                if poll.device_id == _id_of(self._sessions, session):
                    poll.due = self._clock.now()
            self._changed.set()
            await wait_at_most(shown, question.confirm, self._clock)
            if not shown.is_set():
                raise NoAnswerError(f"{channel.name} did not become {proof.wanted}")
        finally:
            stop()


def _id_of(sessions: Mapping[str, DeviceSession], session: DeviceSession) -> str | None:
    return next((device_id for device_id, each in sessions.items() if each is session), None)
