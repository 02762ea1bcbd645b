"""Bluetooth LE devices are added as a person would: chosen, connected, watched, confirmed; or discovered."""

import asyncio

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.fieldbridge.const import DOMAIN
from tests.bluez import (
    NORDIC_RX,
    NORDIC_TX,
    Characteristic,
    MockBlueZ,
    Peripheral,
    heart_rate_strap,
    room_sensor,
    serial_bridge,
)

from .bluetooth import CONNECTION, Sender, connected, created, in_range, start_bluetooth
from .flows import Flow
from .links import until, until_state


@pytest.fixture(autouse=True)
async def bluetooth(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    """Home Assistant's Bluetooth."""
    await start_bluetooth(hass)


async def test_a_known_device_is_two_choices_away(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    flow = await connected(hass, strap)
    assert "Heart Rate Measurement (2a37: notify)" in flow.text("services")
    assert not bluez.connected

    await flow.choose("ble_profiles")
    async with Sender(bluez, strap["2a37"], b"\x00\x48"):
        await flow.submit({"profiles": ["ble_heart_rate", "ble_battery"], "connection": CONNECTION})
        await flow.watch(lambda: (flow.step == "ble_watch" and "72" in flow.text("values")) or flow.step != "ble_watch")
        await flow.until("ble_values")
    assert "Heart rate = 72 bpm" in flow.text("values")
    assert "Battery = 90 %" in flow.text("values")
    entry = await created(hass, await flow.submit({}))

    assert entry.unique_id == strap.address
    assert entry.data["notify"] == ["2a37", "2a19"]
    await until(lambda: strap["2a37"].notifying)
    bluez.notify(strap["2a37"], b"\x00\x50")
    await until_state(hass, "sensor.strap_heart_rate", "80")
    await until_state(hass, "sensor.strap_battery", "90")


async def test_a_discovered_device_is_confirmed_and_there(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    await until(lambda: hass.config_entries.flow.async_progress_by_handler(DOMAIN))
    (found,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    flow = await Flow.of_result(hass, await hass.config_entries.flow.async_configure(found["flow_id"]))
    assert flow.step == "bluetooth_confirm"
    assert flow.text("profiles") == "Heart rate"
    assert not strap.connections

    await flow.submit({})
    await flow.watch(lambda: flow.step is None)
    entry = await created(hass, flow)

    assert entry.title == "Strap"
    registry = er.async_get(hass)
    names = {one.entity_id for one in er.async_entries_for_config_entry(registry, entry.entry_id)}
    assert {"sensor.strap_heart_rate", "sensor.strap_battery"} <= names


async def test_two_dialogs_that_wait_for_a_device_add_it_once(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    await in_range(hass, bluez, heart_rate_strap())
    await until(lambda: hass.config_entries.flow.async_progress_by_handler(DOMAIN))
    (found,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    flow = await Flow.of_result(hass, await hass.config_entries.flow.async_configure(found["flow_id"]))
    await flow.submit({})
    again = await Flow.of_result(hass, flow.shown)
    watched = (each.watch(lambda each=each: each.step is None) for each in (flow, again))
    ended = await asyncio.gather(*watched, return_exceptions=True)
    await hass.async_block_till_done()

    assert sorted(type(each).__name__ for each in ended) == ["Flow", "UnknownFlow"]
    assert er.async_get(hass).async_get("sensor.strap_failed_checks") is not None
    assert er.async_get(hass).async_get("sensor.strap_failed_checks_2") is None


async def test_a_scale_that_fell_asleep_is_added_by_what_it_advertised(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    scale = Peripheral(
        address="AA:BB:CC:DD:EE:09",
        name="Scale",
        advertised=["181d"],
        services={"181d": [Characteristic(uuid="2a9d", flags=["indicate"])]},
    )
    await in_range(hass, bluez, scale)
    await until(lambda: hass.config_entries.flow.async_progress_by_handler(DOMAIN))
    scale.reachable = False
    (found,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    flow = await Flow.of_result(hass, await hass.config_entries.flow.async_configure(found["flow_id"]))
    await flow.submit({})
    await flow.until("ble_unreachable", "ble_not_in_range")
    entry = await created(hass, await flow.choose("ble_as_advertised"))
    assert entry.data["connecting"] == "seen"

    scale.reachable = True
    await until(lambda: scale["2a9d"].notifying, seconds=15)
    bluez.notify(scale["2a9d"], bytes.fromhex("00983a"))
    await until_state(hass, "sensor.scale_weight", "75.0")
    bluez.drop(scale)
    scale.advertising = False
    await hass.async_block_till_done()
    assert hass.states.get("sensor.scale_weight").state == "75.0"  # type: ignore[union-attr]


async def test_a_battery_or_a_thermometer_alone_is_not_discovered(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    sensor = room_sensor()
    sensor.advertised = ["181a", "180f"]
    await in_range(hass, bluez, sensor)
    await hass.async_block_till_done()
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)


async def test_bytes_that_nobody_knows_become_the_values_that_a_person_ticks(
    hass: HomeAssistant, bluez: MockBlueZ
) -> None:
    gadget = Peripheral(
        address="AA:BB:CC:DD:EE:07",
        name="Gadget",
        services={
            "ffe0": [
                Characteristic(uuid="ffe1", flags=["notify"]),
                Characteristic(uuid="ffe2", flags=["write"]),
                Characteristic(uuid="ffe3", flags=["read"], value=b'{"load": 7}'),
            ]
        },
    )
    await in_range(hass, bluez, gadget)
    flow = await (await connected(hass, gadget)).choose("ble_characteristics")
    form = {"characteristics": ["ffe1", "ffe3"], "read_interval": 5, "connection": CONNECTION}
    assert (await flow.submit({**form, "start_section": {"start": "ffe2", "start_hex": "xy"}})).errors == {
        "base": "bad_hex"
    }
    async with Sender(bluez, gadget["ffe1"], b"\x01\xe8\x03"):
        await flow.submit({**form, "start_section": {"start": "ffe2", "start_hex": "a5 01"}})
        await flow.until("ble_values")
    assert gadget["ffe2"].written == [b"\xa5\x01"]
    assert "ffe1: 01 e8 03" in flow.text("messages")
    labels = {option["value"]: option["label"] for option in flow.options_of("fields")}
    assert labels["ffe1:1:uint16"].endswith("= 1000")
    assert "ffe3:load" in labels
    entry = await created(hass, await flow.submit({"fields": ["ffe1:1:uint16", "ffe3:load"]}))

    await until(lambda: gadget["ffe1"].notifying)
    bluez.notify(gadget["ffe1"], b"\x01\xd0\x07")
    values = {
        one.unique_id.rpartition("_")[2]: one.entity_id
        for one in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if one.config_subentry_id
    }
    await until(lambda: "2000" in {hass.states.get(one).state for one in values.values() if hass.states.get(one)})  # type: ignore[union-attr]
    assert gadget["ffe2"].written == [b"\xa5\x01", b"\xa5\x01"]


async def test_the_nordic_uart_is_listened_to_as_a_serial_port_is(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    bridge = await in_range(hass, bluez, serial_bridge())
    flow = await connected(hass, bridge)
    assert flow.shown["menu_options"][0] == "ble_stream"
    await flow.choose("ble_stream")
    form = {"receive": NORDIC_TX, "send": NORDIC_RX, "delimiter": "", "start_section": {}, "connection": CONNECTION}
    assert (await flow.submit(form)).errors == {"base": "bad_delimiter"}
    frames = [b"{", b'"temp": 21.5}\n', b'{"temp": 21.6}', b"\n"]
    async with Sender(bluez, bridge[NORDIC_TX], *frames):
        await flow.submit({**form, "delimiter": "\\n"})
        await flow.until("ble_recognised")
        entry = await created(hass, await flow.submit({"fields": ["temp"]}))
        await until(lambda: hass.states.get("sensor.bridge_temp"))
        await until(lambda: hass.states.get("sensor.bridge_temp").state in {"21.5", "21.6"})  # type: ignore[union-attr]
    assert entry.data["stream"]["send"] == NORDIC_RX


async def test_a_byte_stream_is_cut_by_what_is_recognised_and_its_devices_are_those_of_a_serial_port(
    hass: HomeAssistant, bluez: MockBlueZ
) -> None:
    bridge = await in_range(hass, bluez, serial_bridge())
    flow = await (await connected(hass, bridge)).choose("ble_stream")
    form = {"receive": NORDIC_TX, "send": NORDIC_RX, "start_section": {}, "connection": CONNECTION}
    frames = [b"\x02W;%d\x03" % number for number in range(10, 90)]
    async with Sender(bluez, bridge[NORDIC_TX], *frames):
        await flow.submit({**form, "delimiter": "\\n"})
        await flow.until("ble_recognised")
        assert flow.text("framing").startswith("Start and end mark")
        entry = await created(hass, await flow.submit({"fields": ["1"]}))
        assert entry.data["stream"]["framing"]["kind"] == "marks"
        await until(lambda: hass.states.async_entity_ids("sensor"))

    changed = await Flow.change_device(hass, entry)
    assert {"set_value", "talk"} <= set(changed.shown["menu_options"])
    added = await Flow.device(hass, entry)
    assert added.step == "add_device"


async def test_a_device_that_is_silent_can_be_listened_to_again_or_added(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    flow = await (await connected(hass, strap)).choose("ble_characteristics")
    await flow.submit({"characteristics": ["2a37"], "read_interval": 60, "connection": CONNECTION})
    await flow.until("ble_silent")
    assert not bluez.connected
    await (await flow.choose("ble_watch_again")).until("ble_silent")

    entry = await created(hass, await flow.choose("ble_anyway"))
    assert entry.data["notify"] == ["2a37"]
    assert hass.states.get("sensor.strap_heart_rate").state == "unavailable"  # type: ignore[union-attr]


async def test_pairing_is_offered_where_a_device_wants_it(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = heart_rate_strap()
    strap["2a37"].refuses = "org.bluez.Error.NotPermitted"
    await in_range(hass, bluez, strap)
    flow = await (await connected(hass, strap)).choose("ble_profiles")
    form = {"profiles": ["ble_heart_rate"], "connection": CONNECTION}
    await flow.submit(form)
    assert flow.step == "ble_needs_pairing"
    assert not bluez.connected

    await (await flow.choose("ble_pair")).until("ble_services")
    await flow.choose("ble_profiles")
    async with Sender(bluez, strap["2a37"], b"\x00\x48"):
        await flow.submit({**form, "connection": {**CONNECTION, "pair": True}})
        await flow.until("ble_values")
        entry = await created(hass, await flow.submit({}))
    assert entry.data["pair"]
    assert strap.paired


async def test_no_free_slot_is_said(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    bluez.slots = 0
    flow = await Flow.config(hass, "ble")
    await flow.submit({"address": strap.address})
    await flow.until("ble_no_slot")
    bluez.slots = 1
    await (await flow.choose("ble_connect")).until("ble_services")


async def test_a_device_belongs_to_one_entry(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    flow = await (await connected(hass, strap)).choose("ble_profiles")
    async with Sender(bluez, strap["2a37"], b"\x00\x48"):
        await flow.submit({"profiles": ["ble_heart_rate"], "connection": CONNECTION})
        await created(hass, await (await flow.until("ble_values")).submit({}))

    again = await Flow.config(hass, "ble")
    assert strap.address not in {option["value"] for option in again.options_of("address")}
    await again.submit({"address": "other", "other_address": strap.address})
    assert again.ended_by == "already_configured"


async def test_an_address_can_be_typed_and_has_to_be_one(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    flow = await Flow.config(hass, "ble")
    await flow.submit({"address": "other", "other_address": "my strap"})
    assert flow.errors == {"other_address": "bad_address"}
    strap = await in_range(hass, bluez, heart_rate_strap())
    await flow.submit({"address": "other", "other_address": strap.address.lower().replace(":", "-")})
    await flow.until("ble_services")


async def test_closing_the_dialog_frees_the_slot(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    flow = await (await connected(hass, strap)).choose("ble_profiles")
    await flow.submit({"profiles": ["ble_heart_rate"], "connection": CONNECTION})
    assert bluez.connected
    flow.close()
    await until(lambda: not bluez.connected)


async def test_the_way_of_connecting_is_changed_and_values_may_be_older_then(
    hass: HomeAssistant, bluez: MockBlueZ
) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    strap["2a38"].flags = ["read", "write"]
    flow = await (await connected(hass, strap)).choose("ble_profiles")
    await flow.submit({"profiles": ["ble_battery"], "connection": CONNECTION})
    entry = await created(hass, await (await flow.until("ble_values")).submit({}))

    change = await Flow.config(hass, source="reconfigure", entry_id=entry.entry_id)
    strap["2a19"].value = b"\x58"
    form = {"connecting": "rate", "interval": 300, "pair": False, "read_interval": 3600}
    assert (await change.submit({**form, "writes": ["heart = 01"]})).errors == {"base": "bad_hex"}
    await change.submit({**form, "writes": ["2A38 = 01"]})
    await hass.async_block_till_done()
    assert entry.data["connecting"] == "rate"
    (subentry,) = entry.subentries.values()
    assert subentry.data["channels"][0]["stale_after"] == 900
    await until(lambda: strap["2a38"].written)
    await until(lambda: not bluez.connected)
    (device,) = entry.runtime_data.devices.values()
    assert device.session.value("battery") == 88


async def test_a_channel_is_changed_with_what_its_characteristic_sent(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = await in_range(hass, bluez, heart_rate_strap())
    flow = await (await connected(hass, strap)).choose("ble_profiles")
    async with Sender(bluez, strap["2a37"], b"\x00\x48"):
        await flow.submit({"profiles": ["ble_heart_rate", "ble_battery"], "connection": CONNECTION})
        entry = await created(hass, await (await flow.until("ble_values")).submit({}))
    await until(lambda: strap["2a37"].notifying)
    bluez.notify(strap["2a37"], b"\x00\x48")
    await until_state(hass, "sensor.strap_heart_rate", "72")
    await until_state(hass, "sensor.strap_battery", "90")

    change = await Flow.change_device(hass, entry, "add_channel")
    offered = {option["value"]: option["label"] for option in change.options_of("source")}
    assert offered["2a37:rate"] == "2a37 rate = 72"
    assert "2a19:level" in offered


async def test_a_person_lets_a_button_write(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    strap = heart_rate_strap()
    strap["2a38"].flags = ["read", "write"]
    await in_range(hass, bluez, strap)
    flow = await (await connected(hass, strap)).choose("ble_profiles")
    await flow.submit({"profiles": ["ble_battery"], "connection": CONNECTION})
    entry = await created(hass, await (await flow.until("ble_values")).submit({}))
    await until_state(hass, "sensor.strap_battery", "90")

    change = await Flow.change_device(hass, entry, "ble_command")
    assert "2a38" in {option["value"] for option in change.options_of("characteristic")}
    form = {"commanded": "Reset", "characteristic": "2a38", "write_type": "hex", "control": "button", "press": "a5 01"}
    await change.submit({**form, "characteristic": "the lamp"})
    assert change.errors == {"base": "bad_write"}
    assert "'the lamp' is no characteristic" in change.shown["description_placeholders"]["error"]
    await change.submit(form)
    assert change.ended_by == "reconfigure_successful", change.shown
    await until(lambda: hass.states.get("button.strap_reset"))
    await until(lambda: hass.states.get("button.strap_reset").state != "unavailable")  # type: ignore[union-attr]
    await hass.services.async_call("button", "press", {"entity_id": "button.strap_reset"}, blocking=True)
    assert strap["2a38"].written == [b"\xa5\x01"]


async def test_a_second_device_is_made_from_what_the_link_hears(hass: HomeAssistant, bluez: MockBlueZ) -> None:
    sensor = await in_range(hass, bluez, room_sensor())
    flow = await (await connected(hass, sensor)).choose("ble_profiles")
    await flow.submit({"profiles": ["ble_environmental_sensing"], "connection": CONNECTION})
    entry = await created(hass, await (await flow.until("ble_values")).submit({}))
    await until_state(hass, "sensor.room_temperature", "23.45")
    await until_state(hass, "sensor.room_humidity", "40.0")

    adding = await Flow.device(hass, entry)
    assert adding.step == "messages"
    await adding.submit({"name": "Raw", "fields": ["2a6f:0:uint16"]})
    await hass.async_block_till_done()
    assert len(entry.subentries) == 2


async def test_without_bluetooth_the_flow_says_so(hass: HomeAssistant) -> None:
    hass.config.components.remove("bluetooth")
    flow = await Flow.config(hass, "ble")
    assert flow.ended_by == "no_bluetooth"
