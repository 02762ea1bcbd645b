"""The migration of hubs of Home Assistant's own Modbus YAML: the plan while they run, the take-over once they are gone.

entity_ids, and with them history and statistics, stay. Nothing is registered while the YAML runs: the registry would
remember names with ``_2`` for ever.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from homeassistant import config as conf_util
from homeassistant.components import usb
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT, SERVICE_RELOAD
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.entity import entity_sources
from homeassistant.helpers.reload import async_integration_yaml_config
from homeassistant.util import slugify
from homeassistant.util.yaml import SECRET_YAML

from .bridge.errors import ProfileError
from .bridge.modbus.importers.core_yaml import import_core_config, read_core_yaml
from .bridge.modbus.importers.options import Options
from .bridge.modbus.importers.result import Import, OldEntity
from .bridge.modbus.migration import KnownEntity, MigrationPlan, Step, plan_migration
from .bridge.yaml_text import read_yaml
from .const import (
    CONF_BAUDRATE,
    CONF_BYTESIZE,
    CONF_CLOSE_AFTER_POLL,
    CONF_CONNECT_DELAY,
    CONF_KIND,
    CONF_MESSAGE_SPACING,
    CONF_MIGRATION,
    CONF_PARITY,
    CONF_STOPBITS,
    CONF_TIMEOUT,
    CONF_TRANSPORT,
    DOMAIN,
    KIND_MODBUS,
    SUBENTRY_DEVICE,
)

MODBUS: Final = "modbus"
_DEFAULT_HUB: Final = "modbus_hub"
_TRANSPORTS: Final = {"tcp": "tcp", "udp": "udp", "rtuovertcp": "rtu_over_tcp", "serial": "rtu"}


@dataclass(frozen=True, kw_only=True, slots=True)
class YamlHub:
    """A hub of Modbus YAML, with what becomes of it."""

    name: str
    data: dict[str, Any]
    """The entry data of the link that takes its place."""
    imported: Import
    plan: MigrationPlan


async def async_running_hubs(hass: HomeAssistant) -> list[YamlHub]:
    """Return the hubs of the YAML configuration, secrets resolved; nothing is read from a wire."""
    config = await async_integration_yaml_config(hass, MODBUS)
    hubs = []
    for hub in (config or {}).get(MODBUS) or ():
        imported = await hass.async_add_executor_job(import_core_config, {MODBUS: [hub]})
        hubs += await _async_hubs(hass, imported)
    return hubs


async def async_pasted_hubs(hass: HomeAssistant, text: str) -> list[YamlHub]:
    """Return the hubs of a YAML text, with the secrets of this Home Assistant; raises ProfileError."""
    imported = await hass.async_add_executor_job(_read_with_secrets, hass.config.path(SECRET_YAML), text)
    return await _async_hubs(hass, imported)


async def _async_hubs(hass: HomeAssistant, imported: Import) -> list[YamlHub]:
    """Return the hubs of which something can be taken over; raises ProfileError for one without a usable connection."""
    hubs = []
    for link in imported.links:
        data = await _async_entry_data(hass, link.name, link.connection)
        if link.devices and data is not None:
            # What is remarked of one hub of several is not known; it is told with each of them.
            own = replace(imported, links=(link,))
            plan = plan_migration(own, _known_entities(hass, own))
            hubs.append(YamlHub(name=link.name, data=data, imported=own, plan=plan))
    return hubs


def _read_with_secrets(path: str, text: str) -> Import:
    try:
        secrets = read_yaml(Path(path).read_text("utf-8")).data
    except OSError, ProfileError:
        secrets = None  # a text without secrets needs none, and one with them is told which are not known
    return read_core_yaml(text, secrets if isinstance(secrets, Mapping) else None)


def migration_data(hub: YamlHub) -> dict[str, Any]:
    """Return what an entry keeps until the take-over: the plan, and the unit of each device in it."""
    units = [device.unit for device in hub.imported.devices]
    return {"hub": hub.name, "units": units, "plan": hub.plan.to_dict()}


async def async_continue_migration(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take the entities of an entry's plan over; raises ConfigEntryNotReady while their YAML is still there."""
    migration = entry.data.get(CONF_MIGRATION)
    if migration is None:
        return
    plan = MigrationPlan.from_dict(migration["plan"])
    where = await async_where_hub_is(hass, migration["hub"], plan)
    if where is not None:
        placeholders = {"hub": migration["hub"], "count": str(len(plan.steps)), "where": where}
        ir.async_create_issue(
            hass,
            DOMAIN,
            _issue_id(entry),
            data={"entry_id": entry.entry_id, CONF_MIGRATION: migration["hub"]},
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="migration_waits",
            translation_placeholders=placeholders,
        )
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN, translation_key="migration_waits", translation_placeholders=placeholders
        )
    subentries = {
        subentry.data["decoder"]["device"]["unit"]: subentry.subentry_id
        for subentry in entry.get_subentries_of_type(SUBENTRY_DEVICE)
    }
    for step in plan.steps:
        subentry_id = subentries.get(migration["units"][step.device])
        if subentry_id is not None:  # else the device was removed while the migration waited
            _take_over(hass, entry, subentry_id, step)
    async_end_migration(hass, entry)
    data = {name: value for name, value in entry.data.items() if name != CONF_MIGRATION}
    hass.config_entries.async_update_entry(entry, data=data)


@callback
def async_end_migration(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take the repair back: the migration is done, or its entry was removed."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(entry))


async def async_drop_hub(hass: HomeAssistant, entry: ConfigEntry) -> str | None:
    """Let Home Assistant read its Modbus YAML again once the entry's hub is gone from it.

    Returns where the hub still is, None when it is gone; raises HomeAssistantError for YAML that cannot be read, of
    which Home Assistant must not be told: it would drop all hubs.
    """
    migration = entry.data.get(CONF_MIGRATION)
    if migration is None:
        return None
    plan = MigrationPlan.from_dict(migration["plan"])
    where = await _async_where_in_files(hass, migration["hub"])
    if where is None and _is_running(hass, plan) and hass.services.has_service(MODBUS, SERVICE_RELOAD):
        with suppress(HomeAssistantError):  # what is wrong with other hubs is Home Assistant's to tell
            await hass.services.async_call(MODBUS, SERVICE_RELOAD, blocking=True)
    return where or ("Home Assistant" if _is_running(hass, plan) else None)


async def async_where_hub_is(hass: HomeAssistant, name: str, plan: MigrationPlan) -> str | None:
    """Return where a hub still is, None once it is gone from the files and its entities from Home Assistant."""
    try:
        where = await _async_where_in_files(hass, name)
    except HomeAssistantError as err:
        return f"configuration.yaml ({err})"
    return where or ("Home Assistant" if _is_running(hass, plan) else None)


async def _async_where_in_files(hass: HomeAssistant, name: str) -> str | None:
    """Return file and line of a hub, None when no file has it; raises HomeAssistantError for files with mistakes."""
    config = await conf_util.async_hass_config_yaml(hass)
    for key, hubs in config.items():
        if str(key).split(" ")[0] != MODBUS:
            continue
        for hub in hubs if isinstance(hubs, list) else [hubs]:
            if isinstance(hub, Mapping) and str(hub.get("name", _DEFAULT_HUB)) == name:
                file, line = getattr(hub, "__config_file__", "configuration.yaml"), getattr(hub, "__line__", "?")
                return f"{file}, line {line}"
    return None


def _is_running(hass: HomeAssistant, plan: MigrationPlan) -> bool:
    """Whether Home Assistant's Modbus integration still has an entity of the plan."""
    running = {entity_id for entity_id, source in entity_sources(hass).items() if source["domain"] == MODBUS}
    return not running.isdisjoint(plan.entity_ids)


@callback
def _take_over(hass: HomeAssistant, entry: ConfigEntry, subentry_id: str, step: Step) -> None:
    """Make one entity ours under the entity_id that it has."""
    registry = er.async_get(hass)
    unique_id = f"{subentry_id}_{step.channel}"
    entity_id: str | None = step.entity_id
    if step.old_unique_id is not None:
        # A person may have given it another entity_id since the plan was made.
        entity_id = registry.async_get_entity_id(step.platform, MODBUS, step.old_unique_id)
    row = registry.async_get(entity_id) if entity_id is not None else None
    if row is not None and row.platform == MODBUS:
        registry.async_update_entity_platform(
            row.entity_id,
            DOMAIN,
            new_config_entry_id=entry.entry_id,
            new_config_subentry_id=subentry_id,
            new_unique_id=unique_id,
        )
        return
    registry.async_get_or_create(
        step.platform,
        DOMAIN,
        unique_id,
        suggested_object_id=step.entity_id.partition(".")[2],
        config_entry=entry,
        config_subentry_id=subentry_id,
    )


def _known_entities(hass: HomeAssistant, imported: Import) -> list[KnownEntity]:
    """Return the entities that Home Assistant has of a hub, or would have if it were loaded."""
    loaded = {
        (entity_id.partition(".")[0], state.name): entity_id
        for entity_id, source in entity_sources(hass).items()
        if source["domain"] == MODBUS and (state := hass.states.get(entity_id)) is not None
    }
    registry = er.async_get(hass)

    def known(old: OldEntity) -> KnownEntity:
        entity_id = None
        if old.unique_id is not None:
            entity_id = registry.async_get_entity_id(old.platform, MODBUS, old.unique_id)
        entity_id = entity_id or loaded.get((old.platform, old.name)) or f"{old.platform}.{slugify(old.name)}"
        return KnownEntity(
            platform=old.platform,
            entity_id=entity_id,
            name=old.name,
            unique_id=old.unique_id,
            unit=old.unit,
            device_class=old.device_class,
            state_class=old.state_class,
        )

    return [known(old) for device in imported.devices for old in device.old_entities.values()]


async def _async_entry_data(hass: HomeAssistant, name: str, connection: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the entry data of a hub's connection; None for Modbus ASCII, which we do not speak.

    Raises ProfileError where a text that Home Assistant has not checked lacks something.
    """
    try:
        data = _entry_data(Options(connection))
    except ProfileError as err:
        raise ProfileError(name, str(err)) from err
    if data is not None and (device := data.get(CONF_DEVICE, "")).startswith("/dev/"):
        data[CONF_DEVICE] = await hass.async_add_executor_job(usb.get_serial_by_id, device)
    return data


def _entry_data(options: Options) -> dict[str, Any] | None:
    transport = _TRANSPORTS.get(options.text("type") or "")
    if transport is None:
        raise ProfileError("type", f"must be one of {', '.join(_TRANSPORTS)}")
    data: dict[str, Any] = {
        CONF_KIND: KIND_MODBUS,
        CONF_TRANSPORT: transport,
        CONF_TIMEOUT: min(options.number("timeout") or 3.0, 60.0),
        CONF_CONNECT_DELAY: min(options.number("delay") or 0.0, 60.0),
        CONF_CLOSE_AFTER_POLL: False,
    }
    if (wait := options.number("message_wait_milliseconds")) is not None:  # else it is left to the line, as there
        data[CONF_MESSAGE_SPACING] = min(wait / 1000, 10.0)
    if transport != "rtu":
        return data | {CONF_HOST: _given("host", options.text), CONF_PORT: _given("port", options.integer)}
    if options.text("method") == "ascii":
        return None
    return data | {
        CONF_DEVICE: _given("port", options.text),
        CONF_BAUDRATE: _given("baudrate", options.integer),
        CONF_BYTESIZE: _given("bytesize", options.integer),
        CONF_PARITY: _given("parity", options.text),
        CONF_STOPBITS: _given("stopbits", options.integer),
    }


def _given[T](option: str, get: Callable[[str], T | None]) -> T:
    """Return an option that a connection needs; raises ProfileError."""
    value = get(option)
    if value is None:
        raise ProfileError(option, "is missing")
    return value


def _issue_id(entry: ConfigEntry) -> str:
    return f"migration_{entry.entry_id}"
