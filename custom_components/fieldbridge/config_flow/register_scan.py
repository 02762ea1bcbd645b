"""Reading a range of registers for a person who looks for a value: in pieces, at a pace, and to be stopped."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from ..bridge.errors import LinkError
from ..bridge.modbus import Table
from ..bridge.modbus.requests import Failure, RequestError

type Read = Callable[[Table, int, int], Awaitable[list[int]]]
"""Reads a range of a table of the device; raises RequestError, LinkError."""

CHUNK: Final = 50
"""Registers in one request; some devices take no more."""
SMALL: Final = 200
"""Addresses up to which every single one is tried where a device refuses, and no pause is made."""
_LEAST_OF_LARGE: Final = 10
"""Addresses of a large range that are tried together at least: each one alone would take minutes."""
_MOST_SILENT: Final = 3
"""Requests in a row without an answer; whoever says nothing to them has gone."""
_ILLEGAL_FUNCTION: Final = 1


class Scan:
    """What a range holds, as far as it was read."""

    def __init__(self, table: Table, start: int, count: int) -> None:
        """Prepare to read ``count`` addresses; nothing is read yet."""
        self.table = table
        self.start = start
        self.count = min(count, 0x10000 - start)
        self.words: dict[int, int] = {}
        """By address; what is missing was refused, or not reached."""
        self.refused: RequestError | LinkError | None = None
        """Why the last piece could not be read."""
        self.is_incomplete = False
        """Whether something stayed unread although the device did not refuse it."""
        self._is_small = self.count <= SMALL
        self._least = 1 if self._is_small else _LEAST_OF_LARGE
        self._silent = 0
        self._asked = 0
        """Addresses in the request that is under way."""
        self._pieces = deque(
            (address, min(CHUNK, self.start + self.count - address))
            for address in range(self.start, self.start + self.count, CHUNK)
        )

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be read."""
        return not self._pieces

    @property
    def done(self) -> int:
        """Addresses of which it is known whether they can be read."""
        return self.count - sum(size for _, size in self._pieces) - self._asked

    async def run(self, read: Read, seconds: float) -> None:
        """Read on for some seconds. Ends for good when the device does not have the table, or says nothing any more."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._pieces and loop.time() < until:
            before = loop.time()
            address, self._asked = self._pieces.popleft()
            await self._read_piece(read, address, self._asked)
            self._asked = 0
            if not self._is_small:
                # Half of the line is left to the polls and to others.
                await asyncio.sleep(loop.time() - before)

    def give_up(self, err: RequestError | LinkError) -> None:
        """Leave the rest unread."""
        self.refused, self.is_incomplete = err, True
        self._pieces.clear()

    async def _read_piece(self, read: Read, address: int, size: int) -> None:
        try:
            words = await read(self.table, address, size)
        except LinkError as err:
            self.give_up(err)
        except RequestError as err:
            self.refused = err
            self.is_incomplete |= err.failure is not Failure.REFUSED
            self._silent = self._silent + 1 if err.failure is Failure.SILENT else 0
            if err.code == _ILLEGAL_FUNCTION or self._silent >= _MOST_SILENT:
                self.give_up(err)
            elif err.failure is Failure.REFUSED and size > self._least:
                # At even borders, since values of two registers may be read whole only.
                half = size // 2 + (size // 2 % 2 if size > 2 else 0)
                self._pieces.extendleft([(address + half, size - half), (address, half)])
        else:
            self._silent = 0
            self.words.update(zip(range(address, address + size), words, strict=True))
