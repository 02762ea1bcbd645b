"""One value with all that is known about when and how it was read."""

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import time
from typing import Any, Self, override

type Scalar = float | int | bool | str


class _NoMetadata(Mapping[str, object]):
    """What most samples have, one for all of them; unlike a mapping proxy it can be copied and pickled."""

    __hash__ = object.__hash__  # a default that has none is taken for one that can change

    @override
    def __getitem__(self, key: str) -> object:
        raise KeyError(key)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(())

    @override
    def __len__(self) -> int:
        return 0

    @override
    def __reduce__(self) -> str:
        return "_NO_METADATA"

    @override
    def __repr__(self) -> str:
        return "{}"


_NO_METADATA = _NoMetadata()


class ProtocolKind(StrEnum):
    """What a value was read with."""

    SERIAL = "serial"
    MODBUS_RTU = "modbus_rtu"
    MODBUS_TCP = "modbus_tcp"
    BLE = "ble"
    MQTT = "mqtt"
    APP = "app"
    SIMULATED = "simulated"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class WallAnchor:
    """One moment on both clocks, from which all wall times of a recording follow.

    So a step of the wall clock neither reorders samples nor makes a latency negative.
    """

    utc: datetime
    monotonic_ns: int

    @classmethod
    def now(cls) -> Self:
        """Return this moment."""
        return cls(datetime.now(UTC), time.monotonic_ns())

    def at(self, monotonic_ns: int) -> datetime:
        """Return the wall time (UTC) of a moment on the monotonic clock."""
        return self.utc + timedelta(0, 0, (monotonic_ns - self.monotonic_ns + 500) // 1000)


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of one channel or parameter in long format.

    ``requested_at`` and ``latency_s`` are None where nobody asked (a device that speaks by itself). ``error`` is set
    when a read or frame failed; there is no reading then.
    """

    device: str
    _: KW_ONLY
    channel: str | None = None
    parameter: str | None = None
    parameter_id: int | None = None
    address: int | None = None
    instance: int = 1
    """1-based number of the loop or channel within the device."""
    protocol: ProtocolKind | str | None = None
    value: Scalar | None = None
    unit: str | None = None
    reading: Any = None
    """The device library's own object; ``value`` and ``unit`` are taken from it where they are not given."""
    monotonic_ns: int | None = None
    """Best estimate of the moment of acquisition, monotonic nanoseconds: halfway between request and answer."""
    requested_at: datetime | None = None
    received_at: datetime | None = None
    midpoint_at: datetime | None = None
    latency_s: float | None = None
    """Seconds between request and answer, by the monotonic clock."""
    raw: bytes = b""
    """What came over the wire; sinks drop it."""
    metadata: Mapping[str, object] = _NO_METADATA
    error: Exception | str | None = None

    def __post_init__(self) -> None:
        if self.reading is not None:
            if self.error is not None:
                raise ValueError("a sample has a reading or an error, not both")
            if self.value is None:
                object.__setattr__(self, "value", getattr(self.reading, "value", None))
            if self.unit is None:
                object.__setattr__(self, "unit", getattr(self.reading, "unit", None))

    @property
    def t_mono_ns(self) -> int | None:
        """``monotonic_ns`` under its other name."""
        return self.monotonic_ns

    @property
    def t_utc(self) -> datetime | None:
        """``midpoint_at``, or when it was received where nobody asked."""
        return self.midpoint_at or self.received_at

    @classmethod
    def polled(cls, device: str, *, anchor: WallAnchor, requested_ns: int, received_ns: int, **fields: Any) -> Self:
        """Return a sample that was asked for, all its times derived from two monotonic ones."""
        midpoint_ns = (requested_ns + received_ns) // 2
        return cls(
            device,
            monotonic_ns=midpoint_ns,
            requested_at=anchor.at(requested_ns),
            received_at=anchor.at(received_ns),
            midpoint_at=anchor.at(midpoint_ns),
            latency_s=(received_ns - requested_ns) / 1e9,
            **fields,
        )

    @classmethod
    def received(cls, device: str, *, anchor: WallAnchor, received_ns: int, **fields: Any) -> Self:
        """Return a sample that came by itself."""
        return cls(device, monotonic_ns=received_ns, received_at=anchor.at(received_ns), **fields)
