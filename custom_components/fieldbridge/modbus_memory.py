"""What a Modbus link keeps between starts, and what of its devices nobody looks at."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .coordinator import DeviceCoordinator, FieldbridgeConfigEntry
from .entity import platform_of

_VERSION: Final = 1


async def async_remember_devices(hass: HomeAssistant, entry: FieldbridgeConfigEntry) -> None:
    """Let the devices keep what was learned of their holes and limits, and leave disabled entities out of the polls."""
    link: Any = entry.runtime_data.link
    store = _store(hass, entry)
    saved = await store.async_load() or {}
    for device_id in entry.runtime_data.devices:
        link.restore_knowledge(device_id, saved.get(device_id))

    async def save(_: Event | None = None) -> None:
        learned = {device_id: link.knowledge(device_id) for device_id in entry.runtime_data.devices}
        if learned != saved:
            await store.async_save(learned)

    @callback
    def look(coordinator: DeviceCoordinator) -> None:
        link.want(coordinator.subentry_id, _wanted(hass, coordinator))

    @callback
    def registry_updated(event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        if event.data["action"] != "update" or "disabled_by" in event.data["changes"]:
            for coordinator in entry.runtime_data.devices.values():
                look(coordinator)

    entry.async_on_unload(save)
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_FINAL_WRITE, save))
    entry.async_on_unload(hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, registry_updated))
    entry.async_on_unload(entry.runtime_data.async_on_device(look))


async def async_forget_devices(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove what was stored of an entry."""
    await _store(hass, entry).async_remove()


def _wanted(hass: HomeAssistant, coordinator: DeviceCoordinator) -> set[str]:
    """Return the keys of channels whose entity is enabled, or will be when it is registered."""
    registry = er.async_get(hass)
    wanted = set()
    for channel in coordinator.session.profile.channels:
        unique_id = f"{coordinator.unique_prefix}_{channel.key}"
        entity_id = registry.async_get_entity_id(platform_of(channel), DOMAIN, unique_id)
        registered = registry.async_get(entity_id) if entity_id else None
        if channel.enabled if registered is None else not registered.disabled:
            wanted.add(channel.key)
    return wanted


@callback
def _store(hass: HomeAssistant, entry: ConfigEntry) -> Store[dict[str, Any]]:
    return Store(hass, _VERSION, f"{DOMAIN}.modbus.{entry.entry_id}")
