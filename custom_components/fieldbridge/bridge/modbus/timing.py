"""What a request costs on a line: a part for the asking and a part for every register, as far as measured.

A gap between two registers is read over as long as its registers cost less than another request. On a serial line the
price of a register follows from its speed; behind a gateway both are found out from requests of different length.
"""

from .model import MAX_WORDS, Table

_BITS_PER_REGISTER = 22
"""Two characters of 11 bits on a serial line."""
_FRAME_BYTES = 13
"""Request and answer without their registers."""
_SILENT_CHARACTERS = 7
"""Twice 3.5 characters between frames."""
_TURNAROUND = 0.02
"""Seconds until a device answers, before anything was measured."""
_NETWORK_REGISTER = 0.000_002
"""Seconds; two bytes on a network cost next to nothing, and few devices are slower at handing them out."""
_FORGET = 0.98
"""What a measurement still counts for after the next one."""
_MIN_VARIANCE = 4.0
"""Of the lengths of requests, in registers squared, below which they say nothing about the price of a register."""
_BITS_PER_WORD = 16


class LineTiming:
    """Learns what a request costs on one link, from a guess by the line's speed.

    ``baudrate``: of the serial line, None for a network.
    """

    def __init__(self, baudrate: int | None = None) -> None:
        if baudrate is None:
            self._register_seconds = _NETWORK_REGISTER
            self._request_seconds = _TURNAROUND
        else:
            character = 11 / baudrate
            self._register_seconds = _BITS_PER_REGISTER / baudrate
            self._request_seconds = _TURNAROUND + (_FRAME_BYTES + _SILENT_CHARACTERS) * character
        self._least_register_seconds = self._register_seconds
        self._weight = self._count = self._seconds = self._square = self._product = 0.0
        self._gap = self._limited_gap()

    @property
    def request_seconds(self) -> float:
        """What a request costs without its registers."""
        return self._request_seconds

    @property
    def break_even_gap(self) -> int:
        """Registers that may be read for nothing without losing time; stays until it is clearly another number."""
        gap = self._limited_gap()
        if abs(gap - self._gap) > 0.25 * self._gap:
            self._gap = gap
        return self._gap

    def observe(self, table: Table, count: int, seconds: float) -> None:
        """Take the time that one answered request of ``count`` addresses took."""
        if seconds <= 0:
            return
        registers = count / _BITS_PER_WORD if table.is_bits else float(count)
        self._weight = self._weight * _FORGET + 1
        self._count = self._count * _FORGET + registers
        self._seconds = self._seconds * _FORGET + seconds
        self._square = self._square * _FORGET + registers * registers
        self._product = self._product * _FORGET + registers * seconds
        count_mean, seconds_mean = self._count / self._weight, self._seconds / self._weight
        variance = self._square / self._weight - count_mean**2
        if variance >= _MIN_VARIANCE:
            slope = (self._product / self._weight - count_mean * seconds_mean) / variance
            self._register_seconds = max(slope, self._least_register_seconds)
        self._request_seconds = max(seconds_mean - count_mean * self._register_seconds, 0.0)

    def _limited_gap(self) -> int:
        return min(int(self._request_seconds / self._register_seconds), MAX_WORDS)
