"""Watching a peripheral while a person looks: what each characteristic sends, and what a device makes of it."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import override

from homeassistant.core import HomeAssistant

from ..bridge.channels import DeviceProfile, DeviceSession
from ..bridge.codecs.characteristics import split_message
from ..bridge.codecs.frame import Batch
from ..bridge.errors import LinkError
from ..bridge.links.probe import LinkProbe, ProbedTransport
from ..presentable import printable
from .looking import LOOK_INTERVAL, Looking
from .presentation import NOTHING

_FEWEST_LOOKS = 6
"""Three seconds, so that a person sees values change."""
_MOST_LOOKS = 40
_KEPT = 20
"""Values per characteristic: enough to see what changes."""
_SHOWN_BYTES = 24


class Watching(Looking):
    """Looks until everything that was asked for has come, the connection is lost, or 20 s are over; then lets go."""

    def __init__(
        self, hass: HomeAssistant, transport: ProbedTransport, names: Mapping[str, str], device: DeviceProfile | None
    ) -> None:
        """Prepare to watch the characteristics that ``names`` has names for."""
        super().__init__(hass, "watching")
        self.messages: dict[str, deque[bytes]] = {reference: deque(maxlen=_KEPT) for reference in names}
        self._names = names
        self._counts = dict.fromkeys(names, 0)
        self._session = DeviceSession(device) if device else None
        self._probe = LinkProbe(transport)
        transport.register_callback(self._take)

    @property
    def lost(self) -> LinkError | None:
        """Why the connection went away."""
        return self._probe.lost

    @property
    def has_heard(self) -> bool:
        """Whether anything came at all."""
        return any(self._counts.values())

    @property
    def placeholders(self) -> dict[str, str]:
        """What the dialog shows."""
        return {"messages": self._messages_text(), "values": self._values_text()}

    async def open(self) -> None:
        """Connect and subscribe; the slot is free again when that fails. Raises LinkError."""
        try:
            await self._probe.open()
        except LinkError:
            await self._probe.close()
            raise

    @override
    async def close(self) -> None:
        """Disconnect."""
        await self._probe.close()

    def _take(self, batch: Batch) -> None:
        for frame in batch:
            reference, value = split_message(frame.data)
            if reference in self.messages:
                self.messages[reference].append(value)
                self._counts[reference] += 1
        if self._session is not None:
            self._session.accept(batch)

    @override
    async def _look(self) -> None:
        await asyncio.sleep(LOOK_INTERVAL)
        self._looks += 1
        all_came = self._looks >= _FEWEST_LOOKS and all(self._counts.values())
        if all_came or self._looks >= _MOST_LOOKS or self.lost is not None:
            await self._finish()

    def _messages_text(self) -> str:
        lines = [
            f"{name}: {_value_text(self.messages[reference][-1])}  ({self._counts[reference]})"
            for reference, name in self._names.items()
            if self.messages[reference]
        ]
        return "\n".join(map(printable, lines)) or NOTHING

    def _values_text(self) -> str:
        if self._session is None:
            return NOTHING
        lines = [
            f"{channel.name} = {value}{f' {channel.unit}' if channel.unit else ''}"
            for channel in self._session.profile.channels
            if (value := self._session.value(channel.key)) is not None
        ]
        return "\n".join(map(printable, lines)) or NOTHING


def _value_text(value: bytes) -> str:
    shown = value[:_SHOWN_BYTES].hex(" ")
    return f"{shown} …" if len(value) > _SHOWN_BYTES else shown
