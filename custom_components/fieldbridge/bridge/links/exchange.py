"""Questions and answers on a shared line: one exchange at a time, each with an end."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..codecs.frame import Batch, Frame
from ..codecs.talk import Answer
from ..errors import LinkError, WriteError
from ..interfaces import ClockPort
from .turns import Turns

type Send = Callable[[bytes], Awaitable[None]]
"""Puts bytes on the line; raises LinkError."""


class NoAnswerError(WriteError):
    """The device did not answer in time."""


@dataclass(slots=True)
class _Late:
    """An answer that did not come in time and may still come."""

    answer: Answer
    until: float
    """Seconds on the clock of the link; it is not waited for longer."""
    came: asyncio.Event = field(default_factory=asyncio.Event)


class Exchange:
    """Sends frames in turn and finds the answers among what comes back."""

    def __init__(self, send: Send) -> None:
        self.counters: Counter[str] = Counter()
        """``sent`` and ``unanswered`` frames."""
        self._send = send
        self._turns = Turns()
        self._expected: tuple[Answer, bool, asyncio.Future[bytes]] | None = None
        self._late: _Late | None = None

    async def ask(
        self,
        data: bytes,
        answer: Answer | None,
        *,
        timeout: float,  # noqa: ASYNC109 - by the clock of the link, which a test owns
        clock: ClockPort,
        urgent: bool = True,
    ) -> bytes | None:
        """Send ``data`` and return its answer, None when none is expected.

        What is urgent goes before what waits as well, and keeps its answer from the devices' decoders.
        Raises NoAnswerError, and LinkError when the link is down.
        """
        async with self._turns.urgent() if urgent else self._turns.patient():
            if answer is None:
                await self._put(data)
                return None
            await self._let_pass(answer, clock)
            came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._expected = answer, urgent, came
            limit = asyncio.ensure_future(clock.sleep(timeout))
            try:
                await self._put(data)
                await asyncio.wait((came, limit), return_when=asyncio.FIRST_COMPLETED)
                if not came.done():
                    self.counters["unanswered"] += 1
                    raise NoAnswerError(f"no answer within {timeout:g} s")
                return came.result()
            finally:
                self._expected = None
                if came.cancel():
                    self._late = _Late(answer, clock.now() + timeout)
                limit.cancel()
                await asyncio.gather(limit, return_exceptions=True)

    def offer(self, batch: Batch) -> Batch:
        """Look for the answer among frames and return those that are for the devices."""
        if self._late is not None and any(self._late.answer.matches(frame.data) for frame in batch):
            self._late.came.set()
        if self._expected is None:
            return batch
        answer, urgent, came = self._expected
        for index, frame in enumerate(batch):
            if not came.done() and answer.matches(frame.data):
                came.set_result(frame.data)
                return _without(batch, index) if urgent else batch
        return batch

    def link_lost(self, reason: str) -> None:
        """End the exchange that waits: nobody will answer."""
        if self._late is not None:
            self._late.came.set()
        if self._expected is not None and not self._expected[2].done():
            self._expected[2].set_exception(LinkError(reason))

    async def _let_pass(self, answer: Answer, clock: ClockPort) -> None:
        """Wait for a late answer that would be taken for ``answer``."""
        late = self._late
        if late is None or not late.answer.resembles(answer):
            return
        if not late.came.is_set() and (left := late.until - clock.now()) > 0:
            await wait_at_most(late.came, left, clock)
        self._late = None

    async def _put(self, data: bytes) -> None:
        await self._send(data)
        self.counters["sent"] += 1


def _without(batch: Batch, index: int) -> list[Frame]:
    return [*batch[:index], *batch[index + 1 :]]


async def wait_at_most(event: asyncio.Event, seconds: float, clock: ClockPort) -> None:
    """Wait until ``event`` is set, for so many seconds at most."""
    waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(clock.sleep(seconds))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
