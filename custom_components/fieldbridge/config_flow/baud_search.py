"""Trying baud rates in order of likelihood while a person watches, until what arrives can be read."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.core import HomeAssistant

from ..bridge.codecs.recognise_framing import BAUD_RATES, readability, recognise_parity
from ..bridge.errors import LinkError
from ..bridge.links.probe import LinkProbe
from ..connections.serial import make_serial
from ..const import CONF_BAUDRATE, CONF_BYTESIZE, CONF_PARITY
from .looking import LOOK_INTERVAL, Looking
from .presentation import NOTHING

_MOST_LOOKS: Final = 8
"""At one rate: four seconds, in which a binary device that speaks every second shows the three frames of a check."""
_FEWEST_BYTES: Final = 16
"""With less nothing can be said."""
_READABLE: Final = 0.95


class BaudSearch(Looking):
    """Opens a port with one baud rate after the other, until ``found`` says how it can be read."""

    def __init__(self, hass: HomeAssistant, data: Mapping[str, Any]) -> None:
        """Prepare to try the port of an entry's data; the rate that it has comes last: it was listened to already."""
        super().__init__(hass, "trying baud rates")
        given: int = data[CONF_BAUDRATE]
        self.found: dict[str, Any] | None = None
        """Changes of the data with which the port can be read."""
        self.error: LinkError | None = None
        """Why the port could not be opened any more."""
        self._data = data
        self._rates = [*(rate for rate in BAUD_RATES if rate != given), given]
        self._number = 0
        """Of the rate that is tried now, from 0."""
        self._probe: LinkProbe | None = None
        self._results: list[str] = []

    @property
    def placeholders(self) -> dict[str, str]:
        """What was tried so far."""
        return {
            "rate": str(self._rates[min(self._number, len(self._rates) - 1)]),
            "number": str(min(self._number + 1, len(self._rates))),
            "total": str(len(self._rates)),
            "results": "\n".join(self._results) or NOTHING,
        }

    @override
    async def _look(self) -> None:
        try:
            if self._probe is None:
                self._probe = LinkProbe(make_serial({**self._data, CONF_BAUDRATE: self._rates[self._number]}))
                await self._probe.open()
            await asyncio.sleep(LOOK_INTERVAL)
            self._looks += 1
            # What comes first may still have been read at the rate before.
            chunks = list(self._probe.capture.chunks)
            await self._judge(b"".join(chunk.data for chunk in chunks[1:] or chunks))
        except LinkError as err:
            self.error = err
            await self._finish()

    async def _judge(self, data: bytes) -> None:
        """Decide whether this is the rate, or go on to the next one when its time is up."""
        parity = recognise_parity(data)
        score = 1.0 if parity else await self._hass.async_add_executor_job(readability, data)
        is_found = score >= _READABLE and len(data) >= _FEWEST_BYTES
        if not is_found and self._looks < _MOST_LOOKS:
            return
        rate = self._rates[self._number]
        bits = f" 7{parity}1" if parity else ""
        self._results.append(f"{rate:>7}{bits}: {score:.0%} ({len(data)} B)")
        if is_found:
            self.found = {CONF_BAUDRATE: rate, **({CONF_BYTESIZE: 7, CONF_PARITY: parity} if parity else {})}
        self._number += 1
        self._looks = 0
        await self.close()
        if is_found or self._number == len(self._rates):
            self.finished = True

    @override
    async def close(self) -> None:
        """Free the port."""
        probe, self._probe = self._probe, None
        if probe is not None:
            await probe.close()
