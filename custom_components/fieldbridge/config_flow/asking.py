"""Asking a device while a person watches, since many say nothing by themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from homeassistant.helpers.selector import TextSelector
import probatio

from ..bridge.codecs.talk import Poll, Talk
from ..bridge.errors import LinkError
from ..bridge.links.probe import Capture
from .frame_form import CONF_FRAME, CONF_TIMEOUT, seconds
from .listening import FrameSource
from .talk_form import CONF_EVERY, CONF_POLL

_QUIET: Final = 0.1
"""Seconds after opening, in which bytes are taken for the rest of a frame."""
_LONGEST_WAIT: Final = 1.0
"""Seconds for an answer, which may not come later than the next question."""

ASK_SCHEMA = probatio.Schema(
    {probatio.Required(CONF_FRAME): TextSelector(), probatio.Required(CONF_EVERY, default=1): seconds()}
)


def talk_of_question(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the talk of a device that is asked what the form says, as it is stored; any frame is an answer."""
    every = form[CONF_EVERY]
    poll = {CONF_FRAME: form[CONF_FRAME], CONF_EVERY: every, CONF_TIMEOUT: min(every, _LONGEST_WAIT), "answer": {}}
    return {CONF_POLL: [poll]}


class AskedSource:
    """The frames of a source that is asked again and again until it is closed."""

    def __init__(self, source: FrameSource, send: Callable[[bytes], Awaitable[object]], talk: dict[str, Any]) -> None:
        """Begin to ask."""
        self.capture: Capture = source.capture
        self._source = source
        self._send = send
        self._asking = asyncio.create_task(self._ask(Talk.from_dict(talk).polls[0]))

    @property
    def lost(self) -> LinkError | None:
        """Why the link went away."""
        return self._source.lost

    async def close(self) -> None:
        """Stop asking and capturing; idempotent."""
        self._asking.cancel()
        await self._source.close()

    async def _ask(self, poll: Poll) -> None:
        frame = poll.question.frame.fill({})
        await asyncio.sleep(_QUIET)
        while True:
            with suppress(LinkError):  # the source tells of its loss; a running link may come back
                await self._send(frame)
            await asyncio.sleep(poll.every)
