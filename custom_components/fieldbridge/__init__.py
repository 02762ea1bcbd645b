"""Fieldbridge: anything that speaks serial, Modbus, Bluetooth LE or MQTT as Home Assistant devices."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_ADDRESS, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.typing import ConfigType

from .acceleration import async_accelerate, async_load_kernels, async_remove_cache
from .app_setup import async_setup_app, is_lost_app_device
from .bridge.channels import DeviceProfile
from .bridge.errors import LinkError
from .bridge.links import Link
from .connections import async_make_link
from .connections.bluetooth import async_forget_peripheral
from .connections.modbus import is_modbus
from .const import CONF_KIND, DOMAIN, KIND_APP, KIND_BLE, SUBENTRY_DEVICE
from .coordinator import FieldbridgeConfigEntry, FieldbridgeData, LinkCoordinator
from .device_start import async_start_device, device_issues, read_profile
from .device_taps import async_device_taps
from .entity import PLATFORMS, platform_of
from .filter_memory import async_forget_filters, async_remember_filters
from .live_sensor import live_unique_id
from .mirror_commands import MirrorCommands
from .modbus_memory import async_forget_devices, async_remember_devices
from .modbus_migration import async_continue_migration, async_end_migration
from .mqtt_mirror import Mirror, async_clear_mirror, async_make_mirror, async_watch_place
from .panel import async_hide_panel, async_setup_frontend, async_show_panel
from .recordings import async_setup_recordings
from .running import async_run
from .services import async_setup_services
from .websocket_api import async_setup_websocket_api

_LOGGER = logging.getLogger(__name__)

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, the panel and what it asks for."""
    async_setup_services(hass)
    async_setup_websocket_api(hass)
    await async_setup_frontend(hass)
    await async_setup_recordings(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Start what the entry stands for."""
    await async_show_panel(hass)  # it went with the last entry that was removed
    if entry.data[CONF_KIND] == KIND_APP:
        await async_setup_app(hass, entry)
    else:
        await _async_setup_link(hass, entry)
    async_device_taps(hass).async_follow(entry)


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Unload the entities and end what runs."""
    await hass.config_entries.async_unload_platforms_or_raise(entry, PLATFORMS)
    if entry.data[CONF_KIND] != KIND_APP and (stop := entry.runtime_data.stop) is not None:
        await stop()  # before a connection that others share is given back


async def _async_setup_link(hass: HomeAssistant, entry: FieldbridgeConfigEntry) -> None:
    """Start one link with the devices behind it."""
    await async_continue_migration(hass, entry)
    link = await async_make_link(hass, entry)
    link_coordinator = LinkCoordinator(hass, entry, link)
    link_device = dr.async_get(hass).async_get_or_create_from_info(
        config_entry_id=entry.entry_id, device_info=link_coordinator.device_info
    )
    data = entry.runtime_data = FieldbridgeData(
        link=link,
        link_coordinator=link_coordinator,
        link_device_id=link_device.id,
        settings=_settings(entry),
    )
    changed = False

    async def note_change(hass: HomeAssistant, entry: FieldbridgeConfigEntry) -> None:
        nonlocal changed
        changed = True

    entry.async_on_unload(entry.add_update_listener(note_change))
    with device_issues(hass, entry):
        for subentry in entry.get_subentries_of_type(SUBENTRY_DEVICE):
            async_start_device(hass, entry, subentry)
    await async_remember_filters(hass, entry, link)
    await async_load_kernels(hass, (device.session.profile for device in data.devices.values()))
    async_accelerate(hass, entry)
    mirror = await async_make_mirror(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    if is_modbus(entry):
        await async_remember_devices(hass, entry)
    data.stop = _run_link(hass, entry, link, mirror)
    if mirror is not None:
        async_watch_place(hass, entry, mirror, data.stop)
    if mirror is not None and mirror.listen is not None:
        commands = MirrorCommands(hass, entry, mirror.prefix)
        with suppress(LinkError):  # the MQTT integration has gone: the copy says so by itself
            await mirror.listen(commands.topic_filter, commands.received)
    entry.async_on_unload(entry.add_update_listener(_async_entry_updated))
    if changed:  # while it was set up
        await _async_entry_updated(hass, entry)


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take everything back that was left outside Home Assistant."""
    await async_clear_mirror(hass, entry)
    await async_forget_filters(hass, entry)
    await async_forget_devices(hass, entry)
    if entry.data[CONF_KIND] == KIND_BLE:
        await async_forget_peripheral(hass, entry.data[CONF_ADDRESS])
    async_end_migration(hass, entry)
    if not hass.config_entries.async_entries(DOMAIN, include_ignore=False):
        async_hide_panel(hass)
        await async_remove_cache(hass)


async def async_remove_config_entry_device(hass: HomeAssistant, entry: ConfigEntry, device: dr.AnyDeviceEntry) -> bool:
    """Remove a device together with its subentry, else it would be back at the next start."""
    if entry.data[CONF_KIND] == KIND_APP:
        return is_lost_app_device(entry, device)
    for domain, identifier in device.identifiers:
        if domain == DOMAIN and identifier in entry.subentries:
            hass.config_entries.async_remove_subentry(entry, identifier)
            return True
    return False


def _run_link(
    hass: HomeAssistant, entry: FieldbridgeConfigEntry, link: Link, mirror: Mirror | None
) -> Callable[[], Awaitable[None]]:
    """Run the link until the entry is unloaded or Home Assistant stops."""
    run = link.run if mirror is None else partial(link.run, mqtt=mirror.mqtt, topic_prefix=mirror.prefix)

    def crashed(err: Exception) -> None:
        _LOGGER.error("The link %s ended by an error in Fieldbridge", entry.title, exc_info=err)

    return async_run(hass, entry, run, crashed)


async def _async_entry_updated(hass: HomeAssistant, entry: FieldbridgeConfigEntry) -> None:
    """Rebuild the devices that changed; only another link or other options reload the entry."""
    data = entry.runtime_data
    if data.settings != _settings(entry):
        hass.config_entries.async_schedule_reload(entry.entry_id)
        return
    dr.async_get(hass).async_update_device(data.link_device_id, name=entry.title)
    async with data.updating:
        for subentry_id in data.devices.keys() - entry.subentries.keys():
            await data.devices.pop(subentry_id).async_shutdown()
            async_device_taps(hass).async_device_gone(subentry_id)
            await data.link.remove_device(subentry_id)
        with device_issues(hass, entry):
            for subentry in entry.get_subentries_of_type(SUBENTRY_DEVICE):
                await _async_update_device(hass, entry, subentry)


async def _async_update_device(hass: HomeAssistant, entry: FieldbridgeConfigEntry, subentry: ConfigSubentry) -> None:
    data, subentry_id = entry.runtime_data, subentry.subentry_id
    running, profile = data.devices.get(subentry_id), read_profile(subentry)
    if profile is not None:
        await async_load_kernels(hass, [profile])
    if running is not None:
        if running.session.profile == profile and running.name == subentry.title:
            return
        await running.async_shutdown()
        del data.devices[subentry_id]
        if running.name != subentry.title:
            await data.link.remove_device(subentry_id)  # its topics on the mirror have the old name
        if profile is not None:
            _remove_lost_channels(hass, entry, subentry_id, profile)
    if not async_start_device(hass, entry, subentry):
        async_device_taps(hass).async_device_gone(subentry_id)
        await data.link.remove_device(subentry_id)
    elif running is not None:
        data.devices[subentry_id].session.inherit(running.session)


def _remove_lost_channels(
    hass: HomeAssistant, entry: FieldbridgeConfigEntry, subentry_id: str, profile: DeviceProfile
) -> None:
    """Remove the registry entries of channels that the device has no more, or has on another platform."""
    registry = er.async_get(hass)
    kept = {(platform_of(channel), f"{subentry_id}_{channel.key}") for channel in profile.channels}
    kept |= {
        (Platform.SENSOR, live_unique_id(subentry_id, channel.key)) for channel in profile.channels if channel.live
    }
    for registered in er.async_entries_for_config_entry(registry, entry.entry_id):
        is_channel = registered.config_subentry_id == subentry_id and registered.unique_id.startswith(f"{subentry_id}_")
        if is_channel and (registered.domain, registered.unique_id) not in kept:
            registry.async_remove(registered.entity_id)


def _settings(entry: FieldbridgeConfigEntry) -> dict[str, Any]:
    """Return what the link was made from; a change of it needs a reload."""
    return {"data": dict(entry.data), "options": dict(entry.options)}
