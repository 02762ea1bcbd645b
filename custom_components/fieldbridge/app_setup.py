"""Set-up of a bridge app: its file is imported, it runs as long as the entry is loaded, its devices become entities."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
import logging
from pathlib import Path
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_time_interval

from .app_channels import AppChannels, readable
from .app_device import AppDevice
from .app_link import AppLink
from .app_loader import (
    APPS_FOLDER,
    AppCodeError,
    AppError,
    AppNameTakenError,
    AppNotFoundError,
    AppSettingsError,
    LoadedApp,
    NoSingleAppError,
    app_file,
    forget_app,
    load_app,
    place_of,
)
from .app_requirements import PackagesFailedError, RequirementRefusedError, async_install, missing_requirements
from .bridge.channels import Channel
from .const import CONF_APP, CONF_CHANNELS, CONF_PACKAGES, CONF_SETTINGS, CONF_STALE_AFTER, DOMAIN
from .coordinator import ServiceCoordinator, SessionCoordinator, app_device_identifier, app_device_name
from .entity import PLATFORMS, ChannelEntity, platform_of
from .mqtt_mirror import async_make_mirror, async_mirror_prefix, async_watch_place
from .running import async_run

_LOGGER = logging.getLogger(__name__)

_IMPORT_TIMEOUT: Final = 60.0
"""Seconds for importing an app; one that takes longer waits for something that does not belong there."""
_SILENCE_CHECK: Final = timedelta(seconds=5)
ISSUE_CRASHED: Final = "app_crashed"
ISSUE_DEVICE: Final = "app_device_failed"
ISSUE_PACKAGES: Final = "app_packages"

type AppConfigEntry = ConfigEntry[AppData]
type AppDeviceCoordinator = SessionCoordinator[AppDevice]


class AppCoordinator(ServiceCoordinator):
    """State and counters of an app."""

    def __init__(self, hass: HomeAssistant, entry: AppConfigEntry, link: AppLink) -> None:
        """Follow one app."""
        super().__init__(hass, entry, link.statistics)
        self._link = link
        self.device_info["sw_version"] = link.loaded.app.version
        entry.async_on_unload(link.on_status(self.async_update_listeners))

    @property
    @override
    def is_up(self) -> bool:
        """Whether the app runs."""
        return self._link.is_up


@dataclass
class AppData:
    """What a loaded app holds: the running app and a coordinator per device."""

    link: AppLink
    link_coordinator: AppCoordinator
    link_device_id: str
    settings: dict[str, Any]
    """Data and options that the app was started with; a difference means a reload."""
    devices: dict[str, AppDeviceCoordinator] = field(default_factory=dict)
    new_device_listeners: list[Callable[[AppDeviceCoordinator], None]] = field(default_factory=list)

    @callback
    def async_on_device(self, listener: Callable[[AppDeviceCoordinator], None]) -> CALLBACK_TYPE:
        """Call ``listener`` for every device that is there and for every one that comes; returns the unsubscribe."""
        self.new_device_listeners.append(listener)
        for coordinator in self.devices.values():
            listener(coordinator)
        return lambda: self.new_device_listeners.remove(listener)


async def async_setup_app(hass: HomeAssistant, entry: AppConfigEntry) -> None:
    """Import the app and run it. Raises ConfigEntryError."""
    issue_id = f"{ISSUE_CRASHED}_{entry.entry_id}"
    ir.async_delete_issue(hass, DOMAIN, issue_id)
    await _async_install_packages(hass, entry)
    prefix = await async_mirror_prefix(hass, entry)
    loaded = await _async_load(hass, entry, prefix)
    entry.async_on_unload(lambda: forget_app(loaded.name))
    mirror = await async_make_mirror(hass, entry)
    link = AppLink(
        loaded,
        prefix,
        AppChannels(loaded.registry, entry.options.get(CONF_CHANNELS, {})),
        mirror=mirror.mqtt if mirror else None,
        stale_after=entry.options.get(CONF_STALE_AFTER),
    )
    link_coordinator = AppCoordinator(hass, entry, link)
    link_device = dr.async_get(hass).async_get_or_create_from_info(
        config_entry_id=entry.entry_id, device_info=link_coordinator.device_info
    )
    entry.runtime_data = AppData(link, link_coordinator, link_device.id, _settings(entry))
    entry.async_on_unload(link.on_device(lambda device: _add_device(hass, entry, device, link_device.id)))
    entry.async_on_unload(link.on_status(lambda: _remove_lost_devices(hass, entry)))
    entry.async_on_unload(async_track_time_interval(hass, lambda _: link.check_silence(), _SILENCE_CHECK))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)

    def crashed(err: Exception) -> None:
        place = place_of(err, loaded.path)
        _LOGGER.error("The app %s ended by an error at %s", loaded.name, place, exc_info=err)
        _create_issue(hass, entry, issue_id, ISSUE_CRASHED, place=place, error=f"{type(err).__name__}: {err}")

    stop = async_run(hass, entry, link.run, crashed)
    if mirror is not None:
        async_watch_place(hass, entry, mirror, stop)
    entry.async_on_unload(entry.add_update_listener(_async_entry_updated))


@callback
def async_add_app_channels(
    hass: HomeAssistant,
    entry: AppConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    platform: Platform,
    make: Callable[[AppDeviceCoordinator, Channel], ChannelEntity],
) -> None:
    """Add a platform's channels of every device, those that are there and those that come while the app runs."""
    (other,) = {Platform.SENSOR, Platform.BINARY_SENSOR} - {platform}
    registry = er.async_get(hass)

    @callback
    def add_device(coordinator: AppDeviceCoordinator) -> None:
        controlled = {control.state for control in entry.runtime_data.link.controls(coordinator.session.name)}

        @callback
        def add_channels(channels: list[Channel]) -> None:
            # What a control shows needs no second entity.
            shown = [channel for channel in channels if channel.key not in controlled]
            entities = [make(coordinator, channel) for channel in shown if platform_of(channel) is platform]
            for entity in entities:
                # Its kind was another one before the user corrected it.
                if old := registry.async_get_entity_id(other, DOMAIN, str(entity.unique_id)):
                    registry.async_remove(old)
            async_add_entities(entities)

        entry.async_on_unload(coordinator.session.on_channels(add_channels))

    entry.async_on_unload(entry.runtime_data.async_on_device(add_device))


def is_lost_app_device(entry: AppConfigEntry, device: dr.AnyDeviceEntry) -> bool:
    """Whether a device may be removed, since the running app does not have it."""
    name = app_device_name(entry, device)
    data: AppData | None = getattr(entry, "runtime_data", None)
    return name is not None and (data is None or name not in data.devices)


async def _async_install_packages(hass: HomeAssistant, entry: AppConfigEntry) -> None:
    """Install what the user has agreed to and is not there any more. Raises ConfigEntryError."""
    name, issue_id = entry.data[CONF_APP], f"{ISSUE_PACKAGES}_{entry.entry_id}"
    try:
        missing = await hass.async_add_executor_job(
            lambda: missing_requirements(app_file(Path(hass.config.config_dir) / APPS_FOLDER, name))
        )
        unseen = ", ".join(sorted(set(missing) - set(entry.data.get(CONF_PACKAGES, ()))))
        if not unseen:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
            await async_install(hass, name, missing)
            return
    except AppError as err:
        raise as_entry_error(err) from err
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        config_entry_id=entry.entry_id,
        data={"entry_id": entry.entry_id, CONF_PACKAGES: "\n".join(missing)},
        is_fixable=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key=ISSUE_PACKAGES,
        translation_placeholders={"app": entry.title, "packages": unseen},
    )
    raise ConfigEntryError(
        translation_domain=DOMAIN,
        translation_key="packages_unseen",
        translation_placeholders={"app": name, "packages": unseen},
    )


async def _async_load(hass: HomeAssistant, entry: AppConfigEntry, prefix: str) -> LoadedApp:
    """Import the app in a thread. Raises ConfigEntryError."""
    values = {**entry.options.get(CONF_SETTINGS, {}), "mqtt": {"topic_prefix": prefix}}
    folder, name = Path(hass.config.config_dir) / APPS_FOLDER, entry.data[CONF_APP]
    try:
        async with asyncio.timeout(_IMPORT_TIMEOUT):
            return await hass.async_add_executor_job(load_app, folder, name, values)
    except AppError as err:
        raise as_entry_error(err) from err
    except TimeoutError as err:
        raise as_entry_error(AppCodeError(app=name, place=name, error=f"no end within {_IMPORT_TIMEOUT} s")) from err


def as_entry_error(err: AppError) -> ConfigEntryError:
    """Return the error as Home Assistant shows it."""
    match err:
        case AppNotFoundError():
            return ConfigEntryError(
                translation_domain=DOMAIN, translation_key="app_not_found", translation_placeholders=err.placeholders
            )
        case AppNameTakenError():
            return ConfigEntryError(
                translation_domain=DOMAIN, translation_key="app_name_taken", translation_placeholders=err.placeholders
            )
        case NoSingleAppError():
            return ConfigEntryError(
                translation_domain=DOMAIN, translation_key="no_single_app", translation_placeholders=err.placeholders
            )
        case AppSettingsError():
            return ConfigEntryError(
                translation_domain=DOMAIN, translation_key="app_settings", translation_placeholders=err.placeholders
            )
        case PackagesFailedError():
            return ConfigEntryError(
                translation_domain=DOMAIN, translation_key="packages_failed", translation_placeholders=err.placeholders
            )
        case RequirementRefusedError():
            return ConfigEntryError(
                translation_domain=DOMAIN,
                translation_key="requirement_refused",
                translation_placeholders=err.placeholders,
            )
        case _:
            return ConfigEntryError(
                translation_domain=DOMAIN, translation_key="app_failed", translation_placeholders=err.placeholders
            )


@callback
def _add_device(hass: HomeAssistant, entry: AppConfigEntry, device: AppDevice, link_device_id: str) -> None:
    data, identifier = entry.runtime_data, app_device_identifier(entry, device.name)
    name, registry = readable(device.name), dr.async_get(hass)
    via = link_device_id
    if (owner := data.link.owner(device.name)) is not None:
        of_owner = registry.async_get_device_by_identifier(
            (DOMAIN, app_device_identifier(entry, owner)), entry.entry_id
        )
        via = via if of_owner is None else of_owner.id
    device_info = dr.DeviceInfo(identifiers={(DOMAIN, identifier)}, name=name, via_device_id=via)
    # A device that publishes nothing yet is a device all the same: it may take commands.
    registry.async_get_or_create_from_info(config_entry_id=entry.entry_id, device_info=device_info)
    coordinator = data.devices[device.name] = SessionCoordinator(hass, entry, name, identifier, device, device_info)
    entry.async_on_unload(coordinator.async_shutdown)
    entry.async_on_unload(device.on_failure(lambda: _tell_failure(hass, entry, device)))
    entry.async_on_unload(lambda: ir.async_delete_issue(hass, DOMAIN, _device_issue(entry, device)))
    for listener in tuple(data.new_device_listeners):
        listener(coordinator)


@callback
def _tell_failure(hass: HomeAssistant, entry: AppConfigEntry, device: AppDevice) -> None:
    """Have a repair as long as a device fails by an error in its code; what cannot be opened mends itself."""
    issue_id, err = _device_issue(entry, device), device.error
    if not device.has_failed or err is None or isinstance(err, OSError):
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    place = place_of(err, entry.runtime_data.link.loaded.path)
    error = f"{type(err).__name__}: {err}"
    _create_issue(hass, entry, issue_id, ISSUE_DEVICE, device=readable(device.name), place=place, error=error)


def _device_issue(entry: AppConfigEntry, device: AppDevice) -> str:
    return f"{ISSUE_DEVICE}_{app_device_identifier(entry, device.name)}"


@callback
def _create_issue(hass: HomeAssistant, entry: AppConfigEntry, issue_id: str, key: str, **placeholders: str) -> None:
    """Create a repair that runs the app anew."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        config_entry_id=entry.entry_id,
        data={"entry_id": entry.entry_id},
        is_fixable=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key=key,
        translation_placeholders={"app": entry.title, **placeholders},
    )


@callback
def _remove_lost_devices(hass: HomeAssistant, entry: AppConfigEntry) -> None:
    """Remove devices that the app, now that it is up, does not register any more, with their parts."""
    if not entry.runtime_data.link.is_up:
        return
    registry = dr.async_get(hass)
    devices = {device.id: device for device in dr.async_entries_for_config_entry(registry, entry.entry_id)}
    lost = {device_id for device_id, device in devices.items() if is_lost_app_device(entry, device)}
    for device_id in lost:
        owner = devices.get(devices[device_id].via_device_id or "")
        # A part that comes and goes may be away.
        if owner is None or owner.id in lost or app_device_name(entry, owner) is None:
            registry.async_remove_device(device_id)


async def _async_entry_updated(hass: HomeAssistant, entry: AppConfigEntry) -> None:
    """Reload with other data or options; follow another title."""
    data = entry.runtime_data
    if data.settings != _settings(entry):
        hass.config_entries.async_schedule_reload(entry.entry_id)
    else:
        dr.async_get(hass).async_update_device(data.link_device_id, name=entry.title)


def _settings(entry: AppConfigEntry) -> dict[str, Any]:
    return {"data": dict(entry.data), "options": dict(entry.options)}
