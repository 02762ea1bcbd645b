"""What is going on at a link, told a few times a second to whoever looks at it."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
import time
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .bridge.channels.examine import examine
from .bridge.channels.samples import Sample
from .bridge.codecs.characteristics import CharacteristicsDecoder, split_message
from .bridge.codecs.frame import Batch, Frame
from .bridge.codecs.topics import TopicDecoder, unpack
from .bridge.errors import DecodeError
from .coordinator import FieldbridgeConfigEntry
from .presentable import printable

INTERVAL: Final = 0.25
"""Seconds between two messages to a page."""
SHOWN_FRAMES: Final = 25
"""Frames in one message; a person reads no more, the others are counted."""
SHOWN_POINTS: Final = 250
"""Samples in one message, enough for 1 kHz."""
SHOWN_BYTES: Final = 512
"""Bytes of one frame that are shown."""


class Inspection:
    """Follows the frames of a link and the values of one device; ends with ``stop``, or when link or device end.

    The last message is ``{"gone": true}`` when the link was unloaded or the device rebuilt. The others have ``frames``,
    ``skipped`` (frames since the last message that are not shown), ``points`` by channel key (times in seconds, raw,
    filtered) and ``counters``. Raises LookupError for a device that the link does not have.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: FieldbridgeConfigEntry,
        device_id: str | None,
        channels: list[str],
        send: Callable[[dict[str, Any]], None],
    ) -> None:
        """Begin with the last frames of the link; ``channels`` are those whose values are plotted."""
        self._hass = hass
        self._entry = entry
        self._link = link = entry.runtime_data.link
        self._device_id = device_id
        self._session = session = None if device_id is None else link.sessions[device_id]
        known = {channel.key for channel in session.profile.channels} if session is not None else set()
        self._channels = [key for key in channels if key in known]
        self._send = send
        self._frames: deque[Frame] = deque(link.recent_frames, maxlen=SHOWN_FRAMES)
        self._arrived = len(self._frames)
        self._last_time: float | None = None
        self._points: deque[Sample] = deque(maxlen=SHOWN_POINTS)
        self._unsubscribe: list[CALLBACK_TYPE] = [link.on_frames(self._take_frames)]
        if session is not None and channels:
            self._unsubscribe.append(session.on_samples(self._take_samples))
        # Page and frames have different clocks: both get wall time.
        self._wall = time.time() - time.monotonic()
        self._timer = hass.loop.call_later(INTERVAL, self._tell)

    @callback
    def stop(self) -> None:
        """Follow nothing any more."""
        self._timer.cancel()
        while self._unsubscribe:
            self._unsubscribe.pop()()

    @callback
    def _take_frames(self, batch: Batch) -> None:
        self._frames.extend(batch)
        self._arrived += len(batch)

    @callback
    def _take_samples(self, samples: Sequence[Sample]) -> None:
        self._points.extend(samples)

    @callback
    def _tell(self) -> None:
        if not self._is_current:
            self.stop()
            self._send({"gone": True})
            return
        self._timer = self._hass.loop.call_later(INTERVAL, self._tell)
        frames = [self._frame(frame) for frame in self._frames]
        message = {
            "frames": frames,
            "skipped": self._arrived - len(frames),
            "points": self._take_points(),
            "counters": self._counters(),
        }
        self._frames.clear()
        self._arrived = 0
        self._send(message)

    @property
    def _is_current(self) -> bool:
        entry = self._entry
        if entry.state is not ConfigEntryState.LOADED or entry.runtime_data.link is not self._link:
            return False
        return self._device_id is None or self._link.sessions.get(self._device_id) is self._session

    def _frame(self, frame: Frame) -> dict[str, Any]:
        interval = None if self._last_time is None else frame.time - self._last_time
        self._last_time = frame.time
        origin, data = self._split(frame.data)
        shown: dict[str, Any] = {
            "time": frame.time + self._wall,
            "interval": interval,
            "length": len(data),
            "hex": data[:SHOWN_BYTES].hex(" "),
            "text": f"{printable(origin)}: {printable(data)}" if origin else printable(data),
        }
        if self._session is not None:
            examined = examine(self._session.profile, frame.data)
            shown |= {"verdict": examined.verdict, "detail": examined.detail, "values": examined.values}
        return shown

    def _split(self, data: bytes) -> tuple[str, bytes]:
        """Return topic or characteristic of a message, empty where there is none, and what was really sent."""
        for session in (self._session,) if self._session is not None else self._link.sessions.values():
            with suppress(DecodeError):
                match session.profile.decoder:
                    case TopicDecoder():
                        return unpack(data)
                    case CharacteristicsDecoder():
                        return split_message(data)
        return "", data

    def _take_points(self) -> dict[str, dict[str, list[Any]]]:
        columns: dict[str, dict[str, list[Any]]] = {}
        for key in self._channels:
            # What a filter holds back was still measured.
            points = [point for point in self._points if key in point.raw or key in point.values]
            columns[key] = {
                "time": [point.time + self._wall for point in points],
                "raw": [point.raw.get(key) for point in points],
                "filtered": [point.values.get(key) for point in points],
            }
        self._points.clear()
        return columns

    def _counters(self) -> dict[str, Any]:
        status = self._link.status
        counters: dict[str, Any] = {
            "state": status.state.value,
            "error": str(status.error) if status.error else None,
            "link": self._link.statistics(),
        }
        if self._session is not None:
            counters |= {"available": self._session.available, "device": self._session.statistics()}
        return counters
