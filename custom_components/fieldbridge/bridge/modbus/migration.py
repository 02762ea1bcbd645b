"""The dry run of a migration: which old entity becomes which new channel, what differs, and what stays behind.

Pure: it reads no registry and no wire. Whoever knows the old entities (Home Assistant's entity registry and states)
hands them in, stores the plan's JSON form, and takes the entities over once their owner is gone.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from ..channels import Channel
from ..errors import ProfileError
from .importers.result import Import

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownEntity:
    """An entity as it is in Home Assistant now."""

    platform: str
    """``sensor``, ``binary_sensor``, ``switch`` ..."""
    entity_id: str
    name: str
    unique_id: str | None = None
    """None: it has none, and is known by its entity_id alone."""
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None


class Difference(StrEnum):
    """What is not the same behind an entity_id after the migration; the texts are translated by these words."""

    PLATFORM = "platform"
    UNIT = "unit"
    DEVICE_CLASS = "device_class"
    STATE_CLASS = "state_class"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One thing that differs: what it was and what it will be."""

    what: Difference
    old: str | None
    new: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One entity that continues as a channel."""

    entity_id: str
    platform: str
    old_unique_id: str | None
    device: int
    """Position of the device in the import."""
    channel: str
    """Key of the channel."""
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class MigrationPlan:
    """Everything that becomes of the entities of the hubs of one definition."""

    steps: tuple[Step, ...] = ()
    left: tuple[str, ...] = ()
    """entity_ids that no channel continues."""
    new: tuple[tuple[int, str], ...] = ()
    """Channels (device, key) that had no entity, because they were disabled or never loaded."""

    @property
    def is_complete(self) -> bool:
        """Whether every old entity continues."""
        return not self.left

    @property
    def entity_ids(self) -> tuple[str, ...]:
        """The entities that have to be gone before they are taken over."""
        return tuple(step.entity_id for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "schema_version": SCHEMA_VERSION,
            "steps": [{**asdict(step), "changes": [asdict(change) for change in step.changes]} for step in self.steps],
            "left": list(self.left),
            "new": [list(each) for each in self.new],
        }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Return the plan in ``data``; raises ProfileError."""
        if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
            raise ProfileError("", "is no plan of a migration, or of another version")
        try:
            steps = tuple(_step(step) for step in data["steps"])
            new = tuple((int(device), str(channel)) for device, channel in data["new"])
            return cls(steps=steps, left=tuple(map(str, data["left"])), new=new)
        except (KeyError, TypeError, ValueError) as err:
            raise ProfileError("", "is no plan of a migration") from err


def plan_migration(imported: Import, entities: Iterable[KnownEntity]) -> MigrationPlan:
    """Return what becomes of each entity; each entity and each channel is used once.

    An entity with a unique_id is found by it and its platform, one without by its name, which Home Assistant's Modbus
    integration keeps unique for each platform.
    """
    known = list(entities)
    by_identity = {_identity(entity.platform, entity.unique_id, entity.name): entity for entity in known}
    steps: list[Step] = []
    new: list[tuple[int, str]] = []
    for position, device in enumerate(imported.devices):
        channels = {channel.key: channel for channel in device.profile.channels}
        for key, old in device.old_entities.items():
            entity = by_identity.pop(_identity(old.platform, old.unique_id, old.name), None)
            if entity is None:
                new.append((position, key))
            else:
                steps.append(_continue(entity, position, channels[key]))
    taken = {step.entity_id for step in steps}
    left = tuple(entity.entity_id for entity in known if entity.entity_id not in taken)
    return MigrationPlan(steps=tuple(steps), left=left, new=tuple(new))


def platform_of(channel: Channel) -> str:
    """Return the platform of the entity that shows a channel."""
    if channel.write is not None:
        return str(channel.write.control)
    return "binary_sensor" if channel.kind == "binary" else "sensor"


def _identity(platform: str, unique_id: str | None, name: str) -> tuple[str, str, str]:
    return (platform, "unique_id", unique_id) if unique_id is not None else (platform, "name", name)


def _continue(entity: KnownEntity, device: int, channel: Channel) -> Step:
    pairs = (
        (Difference.PLATFORM, entity.platform, platform_of(channel)),
        (Difference.UNIT, entity.unit, channel.unit),
        (Difference.DEVICE_CLASS, entity.device_class, channel.device_class),
        (Difference.STATE_CLASS, entity.state_class, channel.state_class),
    )
    changes = tuple(Change(what=what, old=old, new=new) for what, old, new in pairs if (old or None) != (new or None))
    return Step(
        entity_id=entity.entity_id,
        platform=entity.platform,
        old_unique_id=entity.unique_id,
        device=device,
        channel=channel.key,
        changes=changes,
    )


def _step(data: Any) -> Step:
    values = {each.name: data[each.name] for each in fields(Step)}
    changes = tuple(Change(what=Difference(each["what"]), old=each["old"], new=each["new"]) for each in data["changes"])
    return Step(**{**values, "changes": changes})
