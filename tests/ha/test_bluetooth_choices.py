"""What a person chooses on the way to a Bluetooth LE link, also where the device does not play along."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from tests.bluez import NORDIC_RX, NORDIC_TX, Characteristic, MockBlueZ, Peripheral, heart_rate_strap, serial_bridge

from .bluetooth import CONNECTION, Sender, connected, created, in_range, start_bluetooth
from .flows import Flow
from .links import until, until_state

STREAM = {"receive": NORDIC_TX, "send": NORDIC_RX, "delimiter": "\\n", "start_section": {}, "connection": CONNECTION}


@pytest.fixture(autouse=True)
async def bluetooth(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    """Home Assistant's Bluetooth."""
    await start_bluetooth(hass)


def gadget(*characteristics: Characteristic, **more: Any) -> Peripheral:
    """Return a peripheral that no profile knows."""
    return Peripheral(address="AA:BB:CC:DD:EE:07", name="Gadget", services={"ffe0": list(characteristics)}, **more)


async def stream_entry(hass: HomeAssistant, bluez: MockBlueZ) -> Any:
    """Return the entry of a byte stream with one device."""
    bridge = await in_range(hass, bluez, serial_bridge())
    flow = await (await connected(hass, bridge)).choose("ble_stream")
    async with Sender(bluez, bridge[NORDIC_TX], b'{"temp": 21.5}\n'):
        await (await flow.submit(STREAM)).until("ble_recognised")
        assert (await flow.submit({"fields": []})).errors == {"fields": "no_fields"}
        return await created(hass, await flow.submit({"fields": ["temp"]}))


async def test_something_has_to_be_chosen(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    flow = await (await connected(hass, strap)).choose("ble_profiles")
    assert (await flow.submit({"profiles": [], "connection": CONNECTION})).errors == {"profiles": "no_fields"}

    flow = await (await connected(hass, strap)).choose("ble_characteristics")
    form = {"characteristics": [], "read_interval": 5, "connection": CONNECTION}
    assert (await flow.submit(form)).errors == {"characteristics": "no_fields"}


async def test_a_value_has_to_be_ticked_where_no_profile_knows_any(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    device = gadget(Characteristic(uuid="ffe3", flags=["read"], value=b'{"load": 7}'))
    await in_range(hass, bluez, device)
    flow = await (await connected(hass, device)).choose("ble_characteristics")
    await flow.submit({"characteristics": ["ffe3"], "read_interval": 5, "connection": CONNECTION})
    await flow.until("ble_values")
    assert (await flow.submit({"fields": []})).errors == {"fields": "no_fields"}
    await created(hass, await flow.submit({"fields": ["ffe3:load"]}))
    await until_state(hass, "sensor.gadget_ffe3", "7")


async def test_known_values_and_those_that_are_ticked_are_one_device(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    device = gadget(Characteristic(uuid="ffe3", flags=["read"], value=b'{"load": 7}'))
    device.services["180f"] = [Characteristic(uuid="2a19", flags=["read"], value=b"\x5a")]
    await in_range(hass, bluez, device)
    flow = await (await connected(hass, device)).choose("ble_characteristics")
    await flow.submit({"characteristics": ["2a19", "ffe3"], "read_interval": 5, "connection": CONNECTION})
    await flow.until("ble_values")
    entry = await created(hass, await flow.submit({"fields": ["ffe3:load"]}))

    (subentry,) = entry.subentries.values()
    keys = {channel["source"]: channel["key"] for channel in subentry.data["channels"]}
    (coordinator,) = entry.runtime_data.devices.values()
    await until(lambda: coordinator.session.value(keys["ffe3:load"]) == 7)
    await until(lambda: coordinator.session.value(keys["2a19:level"]) == 90)


async def test_what_can_only_be_written_to_is_no_link(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    lamp = await in_range(hass, bluez, gadget(Characteristic(uuid="ffe2", flags=["write"])))
    assert (await connected(hass, lamp)).shown["menu_options"] == ["ble_connect"]


async def test_a_stream_that_was_tried_first_leaves_nothing_in_another_link(
    hass: HomeAssistant, bluez: MockBlueZ
) -> None:
    bridge = serial_bridge()
    bridge.services["180f"] = [Characteristic(uuid="2a19", flags=["read"], value=b"\x5a")]
    bridge[NORDIC_TX].refuses = "org.bluez.Error.NotPermitted"
    await in_range(hass, bluez, bridge)
    flow = await (await connected(hass, bridge)).choose("ble_stream")
    await flow.submit(STREAM)
    assert flow.step == "ble_needs_pairing"

    await (await flow.choose("ble_connect")).until("ble_services")
    await flow.choose("ble_profiles")
    await flow.submit({"profiles": ["ble_battery"], "connection": CONNECTION})
    entry = await created(hass, await (await flow.until("ble_values")).submit({}))
    assert "stream" not in entry.data
    await until_state(hass, "sensor.bridge_battery", "90")


async def test_a_silent_stream_can_be_described_anew_or_added_without_device(
    hass: HomeAssistant, bluez: MockBlueZ
) -> None:
    bridge = await in_range(hass, bluez, serial_bridge())
    flow = await (await connected(hass, bridge)).choose("ble_stream")
    await (await flow.submit(STREAM)).until("ble_not_recognised")
    await flow.choose("ble_stream")
    await (await flow.submit(STREAM)).until("ble_not_recognised")
    entry = await created(hass, await flow.choose("ble_without_device"))
    assert not entry.subentries
    assert entry.data["stream"]["receive"] == NORDIC_TX


async def test_the_way_of_connecting_a_stream_is_changed(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    entry = await stream_entry(hass, bluez)
    change = await Flow.config(hass, source="reconfigure", entry_id=entry.entry_id)
    assert "read_interval" not in change.shown["data_schema"].schema
    await change.submit({"connecting": "rate", "interval": 300, "pair": False, "writes": []})
    await hass.async_block_till_done()
    assert change.ended_by == "reconfigure_successful"
    assert entry.data["connecting"] == "rate"


async def test_a_link_is_changed_though_a_device_of_it_cannot_be_read(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    flow = await (await connected(hass, strap)).choose("ble_profiles")
    await flow.submit({"profiles": ["ble_battery"], "connection": CONNECTION})
    entry = await created(hass, await (await flow.until("ble_values")).submit({}))
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, data={**subentry.data, "schema_version": 9})
    await hass.async_block_till_done()

    change = await Flow.config(hass, source="reconfigure", entry_id=entry.entry_id)
    await change.submit({"connecting": "rate", "interval": 300, "pair": False, "read_interval": 60, "writes": []})
    await hass.async_block_till_done()
    assert change.ended_by == "reconfigure_successful"
    assert entry.data["connecting"] == "rate"


async def test_nothing_is_changed_without_bluetooth(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    entry = await stream_entry(hass, bluez)
    hass.config.components.remove("bluetooth")
    change = await Flow.config(hass, source="reconfigure", entry_id=entry.entry_id)
    assert change.ended_by == "no_bluetooth"


async def test_a_device_is_added_to_a_link_that_runs_and_hears_something(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    flow = await (await connected(hass, strap)).choose("ble_characteristics")
    await flow.submit({"characteristics": ["2a37"], "read_interval": 60, "connection": CONNECTION})
    entry = await created(hass, await (await flow.until("ble_silent")).choose("ble_anyway"))
    assert (await Flow.device(hass, entry)).ended_by == "nothing_heard"

    await until(lambda: strap["2a37"].notifying)
    bluez.notify(strap["2a37"], b"\x00\x48")
    await until_state(hass, "sensor.strap_heart_rate", "72")
    adding = await Flow.device(hass, entry)
    assert (await adding.submit({"name": "Raw", "fields": []})).errors == {"base": "no_fields"}

    await hass.config_entries.async_unload(entry.entry_id)
    assert (await Flow.device(hass, entry)).ended_by == "link_not_loaded"
