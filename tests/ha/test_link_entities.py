"""A serial link in Home Assistant: what is shown, when it is shown, and when it is honest about not knowing."""

from dataclasses import replace
from datetime import timedelta

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.fieldbridge.bridge.channels import Channel, ValueKind, Write, WriteControl
from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.entity import platform_of
from demo.pty_link import PtyLink

from .links import GAS_ANALYSER, GAS_FRAMES, ROOM, device, entity_ids, serial_entry, set_up, until, until_state

CONNECTIVITY = "binary_sensor.lab_port_connectivity"
WRITE = Write(control=WriteControl.NUMBER, target={"frame": "SET {value}\\r\\n"})
PAUSE = 0.06
"""Seconds after opening that make the next byte the beginning of a frame."""


async def opened(hass: HomeAssistant, pty: PtyLink) -> None:
    """Wait until the port is open, and synchronise with the frame borders as a talking device does."""
    await until_state(hass, CONNECTIVITY, STATE_ON)
    pty.write(b"\n")


async def test_unavailable_until_the_first_frame_then_real_values(hass: HomeAssistant, pty_link: PtyLink) -> None:
    await set_up(hass, serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER)))
    await opened(hass, pty_link)
    before = hass.states.get("sensor.gas_analyser_oxygen")
    assert before is not None
    assert before.state == STATE_UNAVAILABLE

    pty_link.write(GAS_FRAMES[0])
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.379")

    co2 = hass.states.get("sensor.gas_analyser_co2")
    assert co2 is not None
    assert (co2.state, co2.attributes["unit_of_measurement"]) == ("0.247", "%")


async def test_numbers_switch_states_and_texts_of_one_json_line(hass: HomeAssistant, pty_link: PtyLink) -> None:
    await set_up(hass, serial_entry(pty_link.path, device("Room", ROOM)))
    await opened(hass, pty_link)

    pty_link.write(b'{"temp": 21.44, "door": true, "mode": "auto"}\n')

    await until_state(hass, "sensor.room_temperature", "21.4")
    await until_state(hass, "binary_sensor.room_door", STATE_ON)
    await until_state(hass, "sensor.room_mode", "auto")


async def test_a_broken_byte_or_checksum_is_counted_and_the_reader_goes_on(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    entry = serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER))
    await set_up(hass, entry)
    await opened(hass, pty_link)

    pty_link.write(GAS_FRAMES[0].replace(b"20.379", b"99.379"))
    pty_link.write(b"\xff\xfe garbage\n")
    pty_link.write(GAS_FRAMES[1])

    await until_state(hass, "sensor.gas_analyser_oxygen", "20.378")
    statistics = entry.runtime_data.link.statistics()
    assert (statistics["frames"], statistics["rejected"]) == (3, 2)


async def test_a_field_that_cannot_be_read_is_unknown_not_the_old_value(hass: HomeAssistant, pty_link: PtyLink) -> None:
    await set_up(hass, serial_entry(pty_link.path, device("Room", ROOM)))
    await opened(hass, pty_link)
    pty_link.write(b'{"temp": 21.4, "door": false, "mode": "auto"}\n')
    await until_state(hass, "sensor.room_temperature", "21.4")

    pty_link.write(b'{"temp": "----", "door": false, "mode": "auto"}\n')

    await until_state(hass, "sensor.room_temperature", STATE_UNKNOWN)
    await until_state(hass, "binary_sensor.room_door", STATE_OFF)


async def test_unplug_makes_unavailable_at_once_and_replug_brings_values_back(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    await set_up(hass, serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER)))
    await opened(hass, pty_link)
    pty_link.write(GAS_FRAMES[0])
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.379")

    pty_link.unplug()
    await until_state(hass, "sensor.gas_analyser_oxygen", STATE_UNAVAILABLE)
    await until_state(hass, CONNECTIVITY, STATE_OFF)

    pty_link.plug()
    await opened(hass, pty_link)
    still = hass.states.get("sensor.gas_analyser_oxygen")
    assert still is not None
    assert still.state == STATE_UNAVAILABLE, "an open port alone makes no value fresh"
    pty_link.write(GAS_FRAMES[0])
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.379")


async def test_a_silent_device_is_unavailable_although_the_port_is_open(hass: HomeAssistant, pty_link: PtyLink) -> None:
    profile = GAS_ANALYSER.to_dict() | {"stale_after": 1}
    entry = serial_entry(pty_link.path, {**device("Gas analyser", GAS_ANALYSER), "data": profile})
    await set_up(hass, entry)
    await opened(hass, pty_link)
    pty_link.write(GAS_FRAMES[0])
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.379")

    await until_state(hass, "sensor.gas_analyser_oxygen", STATE_UNAVAILABLE)

    connectivity = hass.states.get(CONNECTIVITY)
    assert connectivity is not None
    assert connectivity.state == STATE_ON


async def test_numbers_are_written_at_a_bounded_pace_and_the_last_one_is_never_lost(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    await set_up(hass, serial_entry(pty_link.path, device("Room", ROOM)))
    await opened(hass, pty_link)
    written: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        assert event.data["new_state"] is not None
        written.append(event.data["new_state"].state)

    async_track_state_change_event(hass, "sensor.room_temperature", note)

    pty_link.write(b'{"temp": 20.0, "mode": "a"}\n')
    await until_state(hass, "sensor.room_mode", "a")
    for temperature, mode in ((21.0, "b"), (22.0, "c")):
        pty_link.write(b'{"temp": %.1f, "mode": "%s"}\n' % (temperature, mode.encode()))
        await until_state(hass, "sensor.room_mode", mode)
    assert written == ["20.0"]

    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=11))
    await hass.async_block_till_done()

    assert written == ["20.0", "22.0"]


async def test_unchanged_values_are_not_written_again(hass: HomeAssistant, pty_link: PtyLink) -> None:
    await set_up(hass, serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER)))
    await opened(hass, pty_link)
    pty_link.write(GAS_FRAMES[0])
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.379")
    reported = hass.states.get("sensor.gas_analyser_oxygen")
    assert reported is not None
    first_report = reported.last_reported

    entry = hass.config_entries.async_entries(DOMAIN)[0]
    for _ in range(20):
        pty_link.write(GAS_FRAMES[0])
    await until(lambda: entry.runtime_data.link.statistics()["frames"] == 21)
    await hass.async_block_till_done()

    reported = hass.states.get("sensor.gas_analyser_oxygen")
    assert reported is not None
    assert reported.last_reported == first_report


async def test_devices_hang_on_a_service_device_with_connectivity_and_disabled_counters(
    hass: HomeAssistant, pty_link: PtyLink, device_registry: dr.DeviceRegistry, entity_registry: er.EntityRegistry
) -> None:
    entry = serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER))
    await set_up(hass, entry)
    subentry_id = next(iter(entry.subentries))

    link_device = device_registry.async_get_device_by_identifier((DOMAIN, entry.entry_id), entry.entry_id)
    gas_device = device_registry.async_get_device_by_identifier((DOMAIN, subentry_id), entry.entry_id)
    assert link_device is not None
    assert link_device.entry_type is dr.DeviceEntryType.SERVICE
    assert gas_device is not None
    assert gas_device.via_device_id == link_device.id

    counters = [
        registered
        for registered in er.async_entries_for_device(entity_registry, link_device.id, include_disabled_entities=True)
        if registered.domain == "sensor"
    ]
    assert {counter.unique_id.removeprefix(f"{entry.entry_id}_") for counter in counters} == {
        "bytes_received",
        "frames",
        "rejected",
        "unreadable",
        "implausible",
        "checksum",
        "overlong",
        "partial",
        "dropped",
        "reconnects",
    }
    assert all(counter.disabled_by is er.RegistryEntryDisabler.INTEGRATION for counter in counters)


async def test_counters_show_what_was_lost_once_they_are_enabled(
    hass: HomeAssistant, pty_link: PtyLink, entity_registry: er.EntityRegistry
) -> None:
    entry = serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER))
    await set_up(hass, entry)
    rejected = entity_registry.async_get_entity_id("sensor", DOMAIN, f"{entry.entry_id}_rejected")
    assert rejected is not None
    entity_registry.async_update_entity(rejected, disabled_by=None)
    # Home Assistant reloads the entry 30 s after an entity was enabled
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await hass.async_block_till_done()
    await opened(hass, pty_link)

    pty_link.write(b"no analyser\n")
    await until(lambda: entry.runtime_data.link.statistics()["rejected"] == 1)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))

    await until_state(hass, rejected, "1")


async def test_unload_frees_the_port_and_removal_leaves_nothing(
    hass: HomeAssistant, pty_link: PtyLink, device_registry: dr.DeviceRegistry
) -> None:
    entry = serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER))
    await set_up(hass, entry)
    await opened(hass, pty_link)
    pty_link.write(GAS_FRAMES[0])
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.379")

    await hass.config_entries.async_unload(entry.entry_id)
    other = serial_entry(pty_link.path, title="Second reader")
    await set_up(hass, other)
    await until_state(hass, "binary_sensor.second_reader_connectivity", STATE_ON)

    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert not entity_ids(hass, entry)
    assert not dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    assert hass.states.get("sensor.gas_analyser_oxygen") is None


async def test_a_missing_port_is_a_state_and_the_link_comes_up_with_it(hass: HomeAssistant, pty_link: PtyLink) -> None:
    pty_link.unplug()
    await set_up(hass, serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER)))
    await until_state(hass, CONNECTIVITY, STATE_OFF)

    pty_link.plug()

    await until_state(hass, CONNECTIVITY, STATE_ON)


@pytest.mark.parametrize(
    "odd",
    [
        replace(ROOM.channels[0], device_class="of_another_version", state_class="of_another_version", live=True),
        replace(ROOM.channels[0], device_class="timestamp"),
        replace(ROOM.channels[0], device_class="of_another_version", write=WRITE),
        replace(ROOM.channels[1], device_class="of_another_version"),
    ],
)
async def test_a_class_that_home_assistant_does_not_have_costs_no_entity(
    hass: HomeAssistant, pty_link: PtyLink, odd: Channel
) -> None:
    """Profiles come from files, from other people and from newer versions."""
    profile = replace(ROOM, channels=(odd, ROOM.channels[2]))
    await set_up(hass, serial_entry(pty_link.path, device("Odd", profile), device("Room", ROOM)))
    await opened(hass, pty_link)
    pty_link.write(b'{"temp": 21.5, "door": true, "mode": "auto"}\n')
    shown = "on" if odd.kind is ValueKind.BINARY else "21.5"
    await until_state(hass, f"{platform_of(odd)}.odd_{odd.name.casefold()}", shown)
    await until_state(hass, "sensor.odd_mode", "auto")
    await until_state(hass, "sensor.room_temperature", "21.5")
