"""Listening to a link while a person watches: a look twice a second, until the frames are understood."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, override

from homeassistant.core import HomeAssistant

from ..bridge.channels.recognise import Recognition, recognise
from ..bridge.channels.recognise_stream import (
    KEPT_FRAMES,
    StreamRecognition,
    check_within,
    cut_chunks,
    recognise_stream,
)
from ..bridge.codecs.decoders import Decoder, JsonDecoder, StructureDecoder
from ..bridge.codecs.frame import Frame
from ..bridge.errors import DecodeError, LinkError
from ..bridge.links import FrameLink
from ..bridge.links.probe import Capture
from ..bridge.profiles import Profile
from ..bridge.profiles.matching import framing_of, matching
from ..presentable import printable
from .looking import LOOK_INTERVAL, Looking
from .presentation import NOTHING, field_label, hex_text, timed_frames_text

_FEWEST_LOOKS = 4
"""Two seconds, so that a first burst alone decides nothing."""
MOST_LOOKS = 40
PATIENT_LOOKS = 240
"""Two minutes, for devices that speak seldom."""
_FRAMES_NEEDED = 3
"""Whole frames that must be understood the same way: fewer fit a wrong description by chance."""


_NOTHING_YET = Recognition(decoder=JsonDecoder(), fields=())


class FrameSource(Protocol):
    """Where frames come from while somebody listens."""

    capture: Capture

    @property
    def lost(self) -> LinkError | None:
        """Why the link went away, None while it is there."""
        ...

    async def close(self) -> None:
        """Stop capturing; idempotent."""
        ...


class RunningLink:
    """The frames of a link that runs already; its port is not opened a second time."""

    lost: LinkError | None = None

    def __init__(self, link: FrameLink) -> None:
        """Begin with the frames that the link remembers."""
        self.capture = Capture()
        self._link = link
        self.capture.add_frames(link.recent_frames)
        self._unsubscribe = link.on_frames(self.capture.add_frames)

    async def close(self) -> None:
        """Leave the link alone."""
        self._unsubscribe()
        self._unsubscribe = nothing_to_stop


class Listening(Looking):
    """Looks at a source until its frames are understood, it is lost, or time is up; then closes it."""

    def __init__(
        self,
        hass: HomeAssistant,
        source: FrameSource,
        *,
        finds_framing: bool = False,
        profiles: Callable[[], Sequence[Profile]] = tuple,
        most_looks: int = MOST_LOOKS,
    ) -> None:
        """Prepare to look at ``source``; with ``finds_framing`` its bytes are cut by what is recognised in them.

        ``profiles``, which may block, returns the models that are looked for.
        """
        self._most_looks = most_looks
        super().__init__(hass, "listening")
        self.recognition = _NOTHING_YET
        self.framing: dict[str, Any] | None = None
        """The framing that was recognised, None where that of the link fits."""
        self.is_framing_sure = False
        """Whether a person described the framing."""
        self.frames: Sequence[Frame] = tuple(source.capture.recent)
        """The last ones, as they were cut."""
        self._frame_count = source.capture.frame_count
        self.source = source
        self.finds_framing = finds_framing
        self._profiles = profiles
        self._known: Sequence[Profile] | None = None
        self.models: Sequence[Profile] = ()
        """Profiles that read what arrives, the best one first."""
        self.placeholders = self._describe()

    @property
    def capture(self) -> Capture:
        """What was seen so far."""
        return self.source.capture

    @property
    def fitting_frames(self) -> Sequence[Frame]:
        """The frames as the model that fits best has them cut."""
        if not self.models or not self.finds_framing:
            return self.frames
        return cut_chunks(list(self.capture.chunks), framing_of(self.models[0]))

    @override
    async def close(self) -> None:
        """Stop capturing."""
        await self.source.close()

    @property
    def outcome(self) -> str:
        """The step that follows: what was seen decides what a person can do about it."""
        if self.models:
            return "model_fits"
        if self.recognition.fields:
            # Text at a wrong baud rate is binary as well, and always the same.
            is_doubtful = isinstance(self.recognition.decoder, StructureDecoder) and "check" not in (self.framing or {})
            return "binary_found" if self.finds_framing and is_doubtful else "recognised"
        if self.source.lost is not None:
            return "link_lost"
        if self.frames:
            return "not_recognised"
        return "no_frame_end" if self.capture.byte_count else "nothing_arrived"

    async def async_cut(self, framing: dict[str, Any]) -> None:
        """Cut what came by another framing, and look for values in that; raises ProfileError."""
        frames = cut_chunks(list(self.capture.chunks), framing)
        found = await self._hass.async_add_executor_job(
            recognise, [each.data for each in frames], check_within(framing)
        )
        self.recognition, self.framing, self.frames, self.models = found or _NOTHING_YET, framing, frames, ()
        self.is_framing_sure = True
        self.placeholders = self._describe()

    @override
    async def _look(self) -> None:
        await asyncio.sleep(LOOK_INTERVAL)
        self._looks += 1
        self._frame_count = self.capture.frame_count
        # In the executor: wide frames take tens of milliseconds.
        found, models = await self._hass.async_add_executor_job(self._recogniser())
        self.recognition, self.framing, self.frames = found.recognition or _NOTHING_YET, found.framing, found.frames
        self.models = models
        self.placeholders = self._describe()
        if self._is_enough([frame.data for frame in self.frames]):
            await self._finish()

    def _recogniser(self) -> Callable[[], tuple[StreamRecognition, Sequence[Profile]]]:
        """Return what recognises the bytes, or the frames, that were captured until now."""
        chunks, frames = list(self.capture.chunks), tuple(self.capture.recent)

        def recognise_all() -> tuple[StreamRecognition, Sequence[Profile]]:
            if self._known is None:
                self._known = self._profiles()
            models = matching(self._known, chunks if self.finds_framing else (), frames)
            if self.finds_framing:
                return recognise_stream(chunks, frames), models
            recognition = recognise([frame.data for frame in frames])
            return StreamRecognition(framing=None, frames=frames, recognition=recognition), models

        return recognise_all

    def _is_enough(self, frames: list[bytes]) -> bool:
        if self._looks >= self._most_looks or self.source.lost is not None:
            return True
        if self._looks < _FEWEST_LOOKS or not (self.recognition.fields or self.models):
            return False
        if self.models:
            return True
        decoder = self.recognition.decoder
        return sum(_is_understood(decoder, frame) for frame in frames) >= _FRAMES_NEEDED

    def _describe(self) -> dict[str, str]:
        capture, recognition = self.capture, self.recognition
        models = [printable(profile.name) for profile in self.models]
        return {
            "frames": timed_frames_text(self.frames) if self.frames else hex_text(capture.tail),
            "frame_count": str(self._frame_count) if self.framing is None else _count(self.frames),
            "byte_count": str(capture.byte_count),
            "found": "\n".join([*models, *map(field_label, recognition.fields)]) or NOTHING,
        }


def _count(frames: Sequence[Frame]) -> str:
    """Return how many frames there are, of which only the last ones are kept."""
    return str(len(frames)) if len(frames) < KEPT_FRAMES else f"≥ {KEPT_FRAMES}"


def _is_understood(decoder: Decoder, frame: bytes) -> bool:
    try:
        decoder.parse(frame)
    except DecodeError:
        return False
    return True


def nothing_to_stop() -> None:
    """Stand where nobody listens yet, or any more."""
