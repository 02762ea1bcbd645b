"""Devices of a link: added by listening to the link that runs, and changed while it goes on."""

import asyncio
from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.channels import DeviceProfile
from custom_components.fieldbridge.config_flow.presentation import NOTHING
from custom_components.fieldbridge.const import DOMAIN
from demo.pty_link import PtyLink

from .flows import Flow
from .links import GAS_ANALYSER, GAS_FRAMES, ROOM, device, entity_ids, serial_entry, set_up, until, until_state

NO_CONDITION: dict[str, Any] = {"condition": {}}
ROOM_FRAME = b'{"temp": 21.46, "door": true, "mode": "auto"}\n'


@pytest.fixture
async def link(hass: HomeAssistant, pty_link: PtyLink) -> MockConfigEntry:
    """A loaded serial link without devices; its port is open."""
    entry = serial_entry(pty_link.path)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.link_coordinator.is_up, "link is up")
    await asyncio.sleep(0.1)  # longer than the pause that tells a whole first frame from a cut one
    return entry


@pytest.fixture
async def room(hass: HomeAssistant, pty_link: PtyLink) -> MockConfigEntry:
    """A loaded serial link with one device, whose last frame is known."""
    entry = serial_entry(pty_link.path, device("Room", ROOM))
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.link_coordinator.is_up, "link is up")
    await asyncio.sleep(0.1)
    pty_link.write(ROOM_FRAME)
    await until(lambda: entry.runtime_data.link.recent_frames, "a frame has come")
    return entry


def stored(entry: MockConfigEntry) -> Mapping[str, Any]:
    """Return the data of the entry's only device."""
    (subentry,) = entry.subentries.values()
    return subentry.data


def channel(entry: MockConfigEntry, key: str) -> dict[str, Any]:
    """Return a stored channel of the entry's only device."""
    return next(dict(found) for found in stored(entry)["channels"] if found["key"] == key)


# ---- adding ----


async def test_a_device_is_added_from_the_frames_of_the_running_link(
    hass: HomeAssistant, pty_link: PtyLink, link: MockConfigEntry
) -> None:
    pty_link.write(GAS_FRAMES[0])
    await until(lambda: link.runtime_data.link.recent_frames)
    flow = await Flow.device(hass, link, "listen_again")
    assert flow.step == "listen"
    assert flow.text("frame_count") == "1"

    pty_link.write(GAS_FRAMES[1])
    await flow.watch(lambda: flow.text("frame_count") == "2")
    assert flow.text("frames").count(";Oxygen;") == 2

    pty_link.write(b"".join(GAS_FRAMES[2:5]))
    await flow.until("recognised")
    await flow.submit({"name": "Analyser", "fields": ["7"], **NO_CONDITION})
    await hass.async_block_till_done()

    assert stored(link)["condition"] is None
    pty_link.write(GAS_FRAMES[0])
    await until_state(hass, "sensor.analyser_oxygen", "20.379")


async def test_devices_that_share_a_link_are_told_apart_by_a_condition(
    hass: HomeAssistant, pty_link: PtyLink, link: MockConfigEntry
) -> None:
    for number in range(4):
        pty_link.write(b'{"id": "a", "temp": 2%d.5}\n{"id": "b", "temp": 1%d.5}\n' % (number, number))
    flow = await Flow.device(hass, link, "listen_again")
    await flow.until("recognised")

    await flow.submit({"name": "B", "fields": ["temp"], "condition": {"condition_source": "id"}})
    assert flow.errors == {"base": "condition_incomplete"}
    never = {"condition_source": "id", "condition_text": "c"}
    await flow.submit({"name": "B", "fields": ["temp"], "condition": never})
    assert flow.errors == {"base": "condition_never_met"}
    only_b = {"condition_source": "id", "condition_text": "b"}
    await flow.submit({"name": "B", "fields": [], "condition": only_b})
    assert flow.errors == {"fields": "no_fields"}

    await flow.submit({"name": "B", "fields": ["temp"], "condition": only_b})
    await hass.async_block_till_done()

    assert stored(link)["condition"] == {"source": "id", "equals": "b"}
    flow = await Flow.change_device(hass, link, "add_channel")
    assert '"id": "b"' in flow.text("frames")
    assert '"id": "a"' not in flow.text("frames")


async def test_a_condition_on_no_field_is_refused(
    hass: HomeAssistant, pty_link: PtyLink, link: MockConfigEntry
) -> None:
    pty_link.write(b"".join(GAS_FRAMES[:4]) + b"garbage\n")
    flow = await Flow.device(hass, link, "listen_again")
    await flow.until("recognised")

    condition = {"condition_source": "first", "condition_text": "x"}
    await flow.submit({"name": "A", "fields": ["7"], "condition": condition})

    assert flow.errors == {"base": "condition_never_met"}


async def test_a_silent_link_says_so_and_can_be_listened_to_again(
    hass: HomeAssistant, pty_link: PtyLink, link: MockConfigEntry
) -> None:
    flow = await Flow.device(hass, link, "listen_again")
    await flow.until("nothing_arrived")
    pty_link.write(b"hello\nworld\n")
    await flow.choose("listen_again")
    await flow.until("not_recognised")

    pty_link.write(ROOM_FRAME * 4)
    await flow.choose("listen_again")
    await flow.until("recognised")


async def test_closing_the_dialog_leaves_the_link_alone(hass: HomeAssistant, link: MockConfigEntry) -> None:
    flow = await Flow.device(hass, link, "listen_again")
    flow.close()
    await hass.async_block_till_done()

    assert link.runtime_data.link_coordinator.is_up


async def test_a_link_that_is_not_loaded_cannot_be_listened_to(hass: HomeAssistant, link: MockConfigEntry) -> None:
    await hass.config_entries.async_unload(link.entry_id)

    flow = await Flow.device(hass, link)

    assert flow.ended_by == "link_not_loaded"


@pytest.mark.parametrize("choice", ["filters", "messages"])
async def test_what_needs_the_running_link_says_so_where_it_is_not_loaded(
    hass: HomeAssistant, link: MockConfigEntry, choice: str
) -> None:
    flow = await Flow.options(hass, link)
    await hass.config_entries.async_unload(link.entry_id)
    await flow.choose(choice)

    assert flow.ended_by == "link_not_loaded"


async def test_a_simulated_device_takes_signals_of_its_link(hass: HomeAssistant) -> None:
    entry = MockConfigEntry(
        domain=DOMAIN, title="Sim", data={"kind": "simulated", "signals": ["power", "door"], "interval": 0.1}
    )
    await set_up(hass, entry)
    flow = await Flow.device(hass, entry)
    assert flow.options_of("signals") == ["power", "door"]

    await flow.submit({"name": "Second", "signals": []})
    assert flow.errors == {"signals": "no_signals"}
    await flow.submit({"name": "Second", "signals": ["door"]})

    await until_state(hass, "binary_sensor.second_door", "on")


# ---- changing ----


async def test_name_origin_and_silence_can_be_changed(hass: HomeAssistant, room: MockConfigEntry) -> None:
    flow = await Flow.change_device(hass, room, "general")
    assert flow.suggested("name") == "Room"
    assert flow.suggested("silence") == "learned"

    await flow.submit({"name": "Cellar", "manufacturer": "Acme", "silence": "fixed", "stale_after": 90})
    await hass.async_block_till_done()

    assert flow.ended_by == "reconfigure_successful"
    (subentry,) = room.subentries.values()
    assert subentry.title == "Cellar"
    found = {key: stored(room)[key] for key in ("manufacturer", "model", "stale_after", "event_like")}
    assert found == {"manufacturer": "Acme", "model": None, "stale_after": 90, "event_like": False}


async def test_a_name_is_one_line_and_a_blank_one_leaves_the_old(hass: HomeAssistant, room: MockConfigEntry) -> None:
    for typed, name in (("  ", "Room"), ("Cellar/😀\nleft ", "Cellar/😀 left")):
        flow = await Flow.change_device(hass, room, "general")
        await flow.submit({"name": typed, "silence": "learned"})
        await hass.async_block_till_done()
        assert [subentry.title for subentry in room.subentries.values()] == [name]


async def test_a_device_that_speaks_on_events_only_is_never_silent_for_too_long(
    hass: HomeAssistant, room: MockConfigEntry
) -> None:
    flow = await Flow.change_device(hass, room, "general")
    await flow.submit({"name": "Room", "silence": "event_like", "stale_after": 90})
    await hass.async_block_till_done()
    assert (stored(room)["event_like"], stored(room)["stale_after"]) == (True, None)

    flow = await Flow.change_device(hass, room, "general")
    assert flow.suggested("silence") == "event_like"


async def test_a_changed_channel_shows_what_it_makes_of_the_last_frames(
    hass: HomeAssistant, pty_link: PtyLink, room: MockConfigEntry
) -> None:
    flow = await Flow.change_device(hass, room, "edit_channel")
    await flow.submit({"channel": "temp"})
    assert flow.suggested("unit_of_measurement") == "°C"
    assert {"value": "door", "label": "Door = True"} in flow.options_of("source")

    kelvin = {"name": "Warmth", "source": "temp", "kind": "number", "unit_of_measurement": "K", "offset": 273.15}
    await flow.submit({**kelvin, "device_class": "temperature", "precision": 1})
    assert flow.step == "check_channel"
    assert flow.text("values") == "21.46  →  294.6 K"

    await flow.choose("channel")
    assert flow.suggested("name") == "Warmth"
    await flow.submit({**kelvin, "precision": 0, "scale": 2})
    assert flow.text("values") == "21.46  →  316 K"

    await flow.choose("save_channel")
    await hass.async_block_till_done()
    assert flow.ended_by == "reconfigure_successful"
    assert channel(room, "temp")["name"] == "Warmth"
    pty_link.write(ROOM_FRAME)
    await until_state(hass, "sensor.room_temperature", "316")


async def test_a_channel_that_cannot_be_read_shows_why(hass: HomeAssistant, room: MockConfigEntry) -> None:
    flow = await Flow.change_device(hass, room, "add_channel")
    await flow.submit({"name": "Mode as number", "source": "mode", "kind": "number"})
    assert flow.text("values").startswith("auto  →  (")

    await flow.choose("channel")
    await flow.submit({"name": "Missing", "source": "not.there", "kind": "number"})
    assert flow.text("values") == NOTHING


async def test_an_added_channel_becomes_an_entity_and_the_others_stay(
    hass: HomeAssistant, pty_link: PtyLink, room: MockConfigEntry
) -> None:
    before = entity_ids(hass, room)
    flow = await Flow.change_device(hass, room, "add_channel")
    await flow.submit(
        {"name": "Door", "source": "door", "kind": "binary", "binary_device_class": "window", "min_interval": 0}
    )
    await flow.choose("save_channel")
    await hass.async_block_till_done()

    assert channel(room, "door_2")["device_class"] == "window"
    assert before < entity_ids(hass, room)
    flow = await Flow.change_device(hass, room, "edit_channel")
    await flow.submit({"channel": "door_2"})
    assert flow.suggested("binary_device_class") == "window"


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"device_class": "temperature", "unit_of_measurement": "V"}, {"unit_of_measurement": "unit_does_not_fit"}),
        ({"device_class": "timestamp"}, {"unit_of_measurement": "unit_does_not_fit"}),
        (
            {"device_class": "energy", "unit_of_measurement": "kWh", "state_class": "measurement"},
            {"state_class": "state_class_does_not_fit"},
        ),
        ({"state_class": "measurement_angle", "unit_of_measurement": "V"}, {"state_class": "state_class_does_not_fit"}),
        ({"scale": 0}, {"scale": "bad_value"}),
        ({"name": " "}, {"name": "bad_value"}),
        ({"source": " "}, {"source": "bad_value"}),
    ],
)
async def test_a_channel_that_home_assistant_would_refuse_is_told_at_its_field(
    hass: HomeAssistant, room: MockConfigEntry, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    flow = await Flow.change_device(hass, room, "add_channel")
    await flow.submit({"name": "New", "source": "temp", "kind": "number", **changes})
    assert flow.errors == errors

    await flow.submit({"name": "New", "source": "temp", "kind": "number"})
    assert flow.step == "check_channel"


async def test_a_stored_device_that_is_broken_elsewhere_is_told_above_the_form(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    entry = serial_entry(pty_link.path, device("Analyser", GAS_ANALYSER))
    entry.add_to_hass(hass)
    (subentry,) = entry.subentries.values()
    flow = await Flow.change_device(hass, entry, "add_channel")
    hass.config_entries.async_update_subentry(entry, subentry, data={**subentry.data, "stale_after": 0})

    await flow.submit({"name": "New", "source": "7", "kind": "number"})

    assert flow.errors == {"base": "bad_value"}
    assert "stale_after" in flow.text("error")


async def test_a_device_of_a_link_that_is_not_loaded_can_be_changed_without_frames(
    hass: HomeAssistant, pty_link: PtyLink
) -> None:
    entry = serial_entry(pty_link.path, device("Analyser", GAS_ANALYSER))
    entry.add_to_hass(hass)
    flow = await Flow.change_device(hass, entry, "add_channel")
    assert flow.text("frames") == NOTHING

    await flow.submit({"name": "CO", "source": "15", "kind": "number"})
    await flow.choose("save_channel")

    assert channel(entry, "co")["source"] == "15"


async def test_the_fields_of_a_separated_frame_can_be_chosen_by_sight(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = serial_entry(pty_link.path, device("Analyser", GAS_ANALYSER))
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.link_coordinator.is_up)
    await asyncio.sleep(0.1)
    pty_link.write(GAS_FRAMES[0] + b"garbage\n")
    await until(lambda: len(entry.runtime_data.link.recent_frames) == 2)

    flow = await Flow.change_device(hass, entry, "add_channel")

    assert {"value": "6", "label": "6: Oxygen"} in flow.options_of("source")
    assert "garbage" not in flow.text("frames")


async def test_channels_are_removed_with_their_entities_but_never_all(
    hass: HomeAssistant, room: MockConfigEntry
) -> None:
    flow = await Flow.change_device(hass, room, "remove_channels")
    await flow.submit({"channels": ["temp", "door", "mode"]})
    assert flow.errors == {"channels": "no_channel_left"}

    await flow.submit({"channels": ["temp", "mode"]})
    await hass.async_block_till_done()

    assert [found["key"] for found in stored(room)["channels"]] == ["door"]
    DeviceProfile.from_dict(dict(stored(room)))
    assert "sensor.room_temperature" not in entity_ids(hass, room)


async def test_a_device_without_channels_offers_to_add_one(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = serial_entry(pty_link.path, device("Empty", DeviceProfile(decoder=ROOM.decoder, channels=())))
    entry.add_to_hass(hass)

    flow = await Flow.change_device(hass, entry)

    assert "add_channel" in flow.shown["menu_options"]
    assert not {"edit_channel", "remove_channels"} & set(flow.shown["menu_options"])
