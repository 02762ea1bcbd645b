"""What an importer gives back: devices with their channels, and everything that did not come along."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ...channels import DeviceProfile


class Reason(StrEnum):
    """Why a remark is made; the texts for people are translated by these words."""

    INVALID = "invalid"
    """Left out: the description is wrong."""
    UNSUPPORTED = "unsupported"
    """Left out: there is no counterpart (climate, cover, a template ...)."""
    FOREIGN = "foreign"
    """Left out: it belongs to something else than Modbus."""
    SECRET = "secret"  # noqa: S105 - the name of a kind
    """A secret whose value is not known."""
    DIFFERENT = "different"
    """Imported, but it behaves differently."""
    IGNORED = "ignored"
    """Imported without this option, which has no meaning here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """One thing that a person should know before the import is used."""

    reason: Reason
    place: str
    """Name or path of what it is about."""
    detail: str = ""
    line: int | None = None

    @property
    def is_lost(self) -> bool:
        """Whether something is missing because of it."""
        return self.reason in {Reason.INVALID, Reason.UNSUPPORTED, Reason.FOREIGN}

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"reason": self.reason, "place": self.place, "detail": self.detail, "line": self.line}


@dataclass(frozen=True, kw_only=True, slots=True)
class OldEntity:
    """The entity that showed a channel before, as Home Assistant knows it."""

    platform: str
    """``sensor``, ``binary_sensor`` or ``switch``."""
    name: str
    unique_id: str | None = None
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedDevice:
    """One unit of a link."""

    name: str
    unit: int | None
    """None: its number is a secret that is not known."""
    profile: DeviceProfile
    old_entities: Mapping[str, OldEntity] = field(default_factory=dict)
    """By key of the channel; empty when the definition is no running configuration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedLink:
    """One connection and the devices behind it."""

    name: str
    connection: Mapping[str, Any] = field(default_factory=dict)
    """Settings in the words of their source (``type``, ``host``, ``port``, ``baudrate``, ``timeout`` ...)."""
    devices: tuple[ImportedDevice, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """Everything found in one definition."""

    links: tuple[ImportedLink, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def devices(self) -> tuple[ImportedDevice, ...]:
        """Every device of every link."""
        return tuple(device for link in self.links for device in link.devices)
