"""A device is edited, added or removed while its link and the other devices go on."""

from dataclasses import replace
from types import MappingProxyType

from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.const import STATE_ON
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_registry import EVENT_ENTITY_REGISTRY_UPDATED, EventEntityRegistryUpdatedData
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge import async_remove_config_entry_device
from custom_components.fieldbridge.bridge.channels import ValueKind
from custom_components.fieldbridge.const import DOMAIN, SUBENTRY_DEVICE
from demo.pty_link import PtyLink

from .links import GAS_ANALYSER, GAS_FRAMES, ROOM, device, serial_entry, set_up, until, until_state

CONNECTIVITY = "binary_sensor.lab_port_connectivity"


async def two_devices(hass: HomeAssistant, pty: PtyLink) -> MockConfigEntry:
    """Set up a link with two devices that both have values."""
    entry = serial_entry(pty.path, device("Gas analyser", GAS_ANALYSER), device("Room", ROOM))
    await set_up(hass, entry)
    await until_state(hass, CONNECTIVITY, STATE_ON)
    pty.write(b"\n" + GAS_FRAMES[0] + b'{"temp": 20.0, "mode": "auto"}\n')
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.379")
    await until_state(hass, "sensor.room_temperature", "20.0")
    return entry


def subentry(entry: MockConfigEntry, title: str) -> ConfigSubentry:
    """Return the subentry of a device."""
    return next(found for found in entry.subentries.values() if found.title == title)


async def test_an_edited_device_is_rebuilt_alone_and_the_port_stays_open(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    entry = await two_devices(hass, pty_link)
    link, gas = entry.runtime_data.link, entry.runtime_data.devices[subentry(entry, "Gas analyser").subentry_id]
    changed = replace(ROOM, channels=(replace(ROOM.channels[0], offset=1.0), ROOM.channels[2]))

    hass.config_entries.async_update_subentry(entry, subentry(entry, "Room"), data=changed.to_dict())
    pty_link.write(GAS_FRAMES[1])
    await hass.async_block_till_done()
    pty_link.write(b'{"temp": 20.0, "mode": "auto"}\n')

    await until_state(hass, "sensor.room_temperature", "21.0")
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.378")
    assert entry.runtime_data.link is link
    assert entry.runtime_data.devices[subentry(entry, "Gas analyser").subentry_id] is gas
    assert gas.session.counters.decoded == 2
    assert link.status.reconnects == 0


async def test_a_channel_that_was_taken_away_leaves_no_entity(
    hass: HomeAssistant, pty_link: PtyLink, entity_registry: er.EntityRegistry
) -> None:
    entry = await two_devices(hass, pty_link)
    assert entity_registry.async_get("binary_sensor.room_door") is not None

    changed = replace(ROOM, channels=(ROOM.channels[0],))
    hass.config_entries.async_update_subentry(entry, subentry(entry, "Room"), data=changed.to_dict())
    await hass.async_block_till_done()

    assert entity_registry.async_get("binary_sensor.room_door") is None
    assert entity_registry.async_get("sensor.room_mode") is None
    assert entity_registry.async_get("sensor.room_temperature") is not None


async def test_a_channel_that_becomes_another_kind_moves_to_its_platform(
    hass: HomeAssistant, pty_link: PtyLink, entity_registry: er.EntityRegistry
) -> None:
    entry = await two_devices(hass, pty_link)

    door = replace(ROOM.channels[1], kind=ValueKind.TEXT, device_class=None)
    changed = replace(ROOM, channels=(ROOM.channels[0], door))
    hass.config_entries.async_update_subentry(entry, subentry(entry, "Room"), data=changed.to_dict())
    await hass.async_block_till_done()

    assert entity_registry.async_get("binary_sensor.room_door") is None
    assert entity_registry.async_get("sensor.room_door") is not None


async def test_an_added_device_appears_and_a_removed_one_goes_without_a_reload(
    hass: HomeAssistant, pty_link: PtyLink, device_registry: dr.DeviceRegistry
) -> None:
    entry = await two_devices(hass, pty_link)
    link = entry.runtime_data.link
    added = ConfigSubentry(
        data=MappingProxyType(ROOM.to_dict()), subentry_type=SUBENTRY_DEVICE, title="Second room", unique_id=None
    )

    hass.config_entries.async_add_subentry(entry, added)
    await hass.async_block_till_done()
    pty_link.write(b'{"temp": 25.0, "mode": "auto"}\n')
    await until_state(hass, "sensor.second_room_temperature", "25.0")

    hass.config_entries.async_remove_subentry(entry, added.subentry_id)
    await hass.async_block_till_done()
    assert hass.states.get("sensor.second_room_temperature") is None
    assert device_registry.async_get_device_by_identifier((DOMAIN, added.subentry_id), entry.entry_id) is None
    assert added.subentry_id not in link.sessions
    assert entry.runtime_data.link is link


async def test_removing_the_device_in_the_ui_removes_its_subentry(
    hass: HomeAssistant, pty_link: PtyLink, device_registry: dr.DeviceRegistry
) -> None:
    entry = await two_devices(hass, pty_link)
    room = subentry(entry, "Room")
    room_device = device_registry.async_get_device_by_identifier((DOMAIN, room.subentry_id), entry.entry_id)
    link_device = device_registry.async_get_device_by_identifier((DOMAIN, entry.entry_id), entry.entry_id)
    assert room_device is not None
    assert link_device is not None

    assert await async_remove_config_entry_device(hass, entry, room_device)
    assert not await async_remove_config_entry_device(hass, entry, link_device)
    await hass.async_block_till_done()

    assert room.subentry_id not in entry.subentries


async def test_other_link_settings_reload_the_entry(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = await two_devices(hass, pty_link)
    link = entry.runtime_data.link

    hass.config_entries.async_update_entry(entry, data={**entry.data, "baudrate": 19200})
    await hass.async_block_till_done()

    await until(lambda: entry.runtime_data.link is not link)
    await until_state(hass, CONNECTIVITY, STATE_ON)


async def test_a_new_title_of_the_entry_names_its_service_device_without_a_reload(
    hass: HomeAssistant, pty_link: PtyLink, device_registry: dr.DeviceRegistry
) -> None:
    entry = await two_devices(hass, pty_link)
    link = entry.runtime_data.link

    hass.config_entries.async_update_entry(entry, title="Cellar")
    await hass.async_block_till_done()

    link_device = device_registry.async_get_device_by_identifier((DOMAIN, entry.entry_id), entry.entry_id)
    assert link_device is not None
    assert link_device.name == "Cellar"
    assert entry.runtime_data.link is link


async def test_changes_that_follow_each_other_at_once_all_take_effect(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = await two_devices(hass, pty_link)
    room = subentry(entry, "Room")
    for offset in (1.0, 2.0, 3.0):
        changed = replace(ROOM, channels=(replace(ROOM.channels[0], offset=offset), *ROOM.channels[1:]))
        hass.config_entries.async_update_subentry(entry, room, data=changed.to_dict())
    hass.config_entries.async_update_subentry(entry, subentry(entry, "Gas analyser"), title="Analyser")
    await hass.async_block_till_done()

    pty_link.write(GAS_FRAMES[1] + b'{"temp": 20.0, "mode": "auto"}\n')
    await until_state(hass, "sensor.room_temperature", "23.0")
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.378")
    assert {each.name for each in entry.runtime_data.devices.values()} == {"Analyser", "Room"}
    hass.config_entries.async_remove_subentry(entry, room.subentry_id)
    hass.config_entries.async_remove_subentry(entry, subentry(entry, "Analyser").subentry_id)
    await hass.async_block_till_done()
    assert entry.runtime_data.devices == {}
    assert entry.runtime_data.link.sessions == {}


async def test_a_device_that_comes_while_its_link_is_set_up_is_there_afterwards(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    entry = serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER))
    entry.add_to_hass(hass)
    added = ConfigSubentry(
        data=MappingProxyType(ROOM.to_dict()), subentry_type=SUBENTRY_DEVICE, title="Room", unique_id=None
    )

    @callback
    def add_device(_: Event[EventEntityRegistryUpdatedData]) -> None:
        assert entry.state is ConfigEntryState.SETUP_IN_PROGRESS
        hass.config_entries.async_add_subentry(entry, added)

    hass.bus.async_listen_once(EVENT_ENTITY_REGISTRY_UPDATED, add_device)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert {each.name for each in entry.runtime_data.devices.values()} == {"Gas analyser", "Room"}
    assert hass.states.get("sensor.room_temperature") is not None
