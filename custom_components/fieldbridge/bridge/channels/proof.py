"""Whether a reading shows that a value was taken by its device."""

from dataclasses import replace

from ..errors import WriteError
from .channel import Channel, Value


class Proof:
    """What a channel has to read after a raw value was written to it."""

    def __init__(self, channel: Channel, raw: object) -> None:
        """Raise WriteError when what was written is no value that the channel can read."""
        try:
            self.wanted: Value = replace(channel, precision=None).converter()(raw)
        except ValueError as err:
            raise WriteError(f"{channel.name} cannot be compared with what was written") from err
        # A frame has only so many digits, and the device may round as well.
        self._tolerance = 0.0 if channel.write is None else channel.write.step / 2 * (1 + 1e-9)

    def given_by(self, reading: Value | None) -> bool:
        """Return whether the reading is the value: numbers within half a step."""
        if _is_number(self.wanted) and _is_number(reading):
            return abs(float(reading or 0) - float(self.wanted)) <= self._tolerance
        return reading == self.wanted and _is_number(reading) == _is_number(self.wanted)


def _is_number(value: Value | None) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
