"""What the target of a trigger or condition means: entities, devices, areas and labels as channels of our devices."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_excluded_entity_ids,
    async_extract_referenced_entity_ids,
)
from homeassistant.helpers.typing import ConfigType
import probatio

from .bridge.channels import Channel, ValueKind
from .const import DOMAIN
from .device_taps import async_coordinators, tappable_channels
from .live_sensor import LIVE_KEY

CONF_CHANNELS: Final = "channels"
"""Keys or names of the channels of a target that are meant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetedChannel:
    """One channel of one device, and the entity that stands for it, whether or not that is enabled."""

    unique_prefix: str
    key: str
    entity_id: str
    device_id: str


@callback
def async_targeted_channels(
    hass: HomeAssistant, selection: TargetSelection, names: Collection[str]
) -> set[TargetedChannel]:
    """Return the channels that a target means now.

    ``names`` (keys or names of channels) leaves no others, and also finds those of targeted devices whose entities are
    disabled, hidden or diagnostic: nobody can pick these.
    """
    registry = er.async_get(hass)
    selected = async_extract_referenced_entity_ids(hass, selection, expand_group=False)
    entity_ids = selected.referenced | selected.indirectly_referenced
    found = [registered for entity_id in entity_ids if (registered := registry.async_get(entity_id)) is not None]
    if names:
        wanted = {name.casefold() for name in names}
        excluded = async_extract_excluded_entity_ids(hass, selection, expand_group=False)
        for device_id in selected.referenced_devices:
            registered_of_device = er.async_entries_for_device(registry, device_id, include_disabled_entities=True)
            found += [registered for registered in registered_of_device if registered.entity_id not in excluded]
    channels: dict[tuple[str, str], TargetedChannel] = {}
    # A live entity stands for its channel only where the channel's own entity is not meant, too.
    for registered in sorted(found, key=_is_live):
        channel = _channel_of(hass, registered)
        if channel is None or (names and not wanted & _names_of(channel, registered)):
            continue
        channels.setdefault((channel.unique_prefix, channel.key), channel)
    return set(channels.values())


@callback
def async_checked(
    hass: HomeAssistant, schema: probatio.Schema, config: ConfigType, kinds: Collection[ValueKind]
) -> ConfigType:
    """Return the configuration of a trigger or condition on values of ``kinds``; raises probatio.Invalid."""
    checked: ConfigType = schema(config)
    _check_target(hass, checked[CONF_TARGET], checked[CONF_OPTIONS][CONF_CHANNELS], kinds)
    return checked


def _check_target(
    hass: HomeAssistant, target: dict[str, Any], names: Collection[str], kinds: Collection[ValueKind]
) -> None:
    """Raise probatio.Invalid for what is named and can never be a value of one of ``kinds``.

    What cannot be known now, since its device does not run or was never seen, is no mistake.
    """
    selection = TargetSelection(target)
    if not selection.has_any_target:
        raise probatio.Invalid("The target names nothing")
    running = {prefix: tappable_channels(coordinator) for prefix, coordinator in async_coordinators(hass).items()}
    for entity_id in sorted(selection.entity_ids):
        _check_entity(hass, entity_id, running, kinds)
    known: list[Channel] = []
    all_run = bool(selection.device_ids)
    for device_id in sorted(selection.device_ids):
        device, entry = dr.async_get_device_and_config_entry_for_domain(hass, device_id, domain=DOMAIN)
        if device is None or entry is None:
            raise probatio.Invalid(f"Device {device_id} is not one of Fieldbridge")
        prefixes = [identifier for domain, identifier in device.identifiers if domain == DOMAIN]
        all_run = all_run and any(prefix in running for prefix in prefixes)
        known += [channel for prefix in prefixes for channel in running.get(prefix, ())]
    if all_run:
        allowed = {text.casefold() for channel in known for text in (channel.key, channel.name)}
        if unknown := [name for name in names if name.casefold() not in allowed]:
            keys = ", ".join(channel.key for channel in known)
            raise probatio.Invalid(f"No channel {', '.join(unknown)}; the device has: {keys}")


def _check_entity(
    hass: HomeAssistant, entity_id: str, running: dict[str, list[Channel]], kinds: Collection[ValueKind]
) -> None:
    registered = er.async_get(hass).async_get(entity_id)
    if registered is None:
        if hass.states.get(entity_id) is not None:
            raise probatio.Invalid(f"{entity_id} is no value of a Fieldbridge device")
        return
    targeted = _channel_of(hass, registered)
    if targeted is None:
        raise probatio.Invalid(f"{entity_id} is no value of a Fieldbridge device")
    if targeted.unique_prefix not in running:
        return
    channel = next((each for each in running[targeted.unique_prefix] if each.key == targeted.key), None)
    if channel is None:
        raise probatio.Invalid(f"{entity_id} has no values of its own")
    if channel.kind not in kinds:
        usable = " or ".join(sorted(kinds))
        raise probatio.Invalid(f"{entity_id} is a {channel.kind} value; this is for {usable} values")


def _channel_of(hass: HomeAssistant, registered: er.RegistryEntry) -> TargetedChannel | None:
    """Return the channel that an entity shows, None for every other entity."""
    if registered.platform != DOMAIN or registered.device_id is None:
        return None
    for prefix in _prefixes(hass, registered):
        if registered.unique_id.startswith(f"{prefix}_"):
            key = registered.unique_id.removeprefix(f"{prefix}_").removesuffix(f"/{LIVE_KEY}")
            return TargetedChannel(
                unique_prefix=prefix, key=key, entity_id=registered.entity_id, device_id=registered.device_id
            )
    return None


def _prefixes(hass: HomeAssistant, registered: er.RegistryEntry) -> Iterator[str]:
    """Yield what the unique ids of a device begin with; the device that stands for the link has no channels."""
    device = dr.async_get(hass).async_get(registered.device_id) if registered.device_id else None
    for domain, identifier in device.identifiers if device is not None else ():
        if domain == DOMAIN and identifier != registered.config_entry_id:
            yield identifier


def _names_of(channel: TargetedChannel, registered: er.RegistryEntry) -> set[str]:
    return {channel.key.casefold(), (registered.original_name or channel.key).casefold()}


def _is_live(registered: er.RegistryEntry) -> bool:
    return registered.unique_id.endswith(f"/{LIVE_KEY}")
