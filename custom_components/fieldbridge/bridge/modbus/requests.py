"""How a Modbus request can fail, as a link has to tell it apart."""

from enum import StrEnum

from ..errors import BridgeError


class Failure(StrEnum):
    """What became of a request that gave no values."""

    REFUSED = "refused"
    """The device answered with an exception: it does not have, or does not allow, what was asked for."""
    BUSY = "busy"
    """The device answered that it has no time."""
    SILENT = "silent"
    """Nobody answered in time; also a gateway that says so."""
    GARBLED = "garbled"
    """The answer was damaged, cut off, or belonged to another request."""


_BY_CODE = {5: Failure.BUSY, 6: Failure.BUSY, 10: Failure.SILENT, 11: Failure.SILENT}

EXCEPTION_TEXTS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target did not respond",
}
"""The specification's names of exception codes."""


class RequestError(BridgeError):
    """A request gave no values although the link is up; ``code`` is the Modbus exception code where there is one."""

    def __init__(self, failure: Failure, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.failure = failure
        self.code = code

    @classmethod
    def from_code(cls, code: int | None) -> RequestError:
        """Return the error for an exception answer."""
        text = EXCEPTION_TEXTS.get(code or 0, "unknown exception")
        return cls(_BY_CODE.get(code or 0, Failure.REFUSED), f"exception {code} ({text})", code)
