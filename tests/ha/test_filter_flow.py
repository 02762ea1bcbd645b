"""Filters are added, ordered, edited and removed in an entry's options, with what they make of the running values."""

import asyncio
from functools import partial
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.codecs.decoders import SeparatedDecoder
from custom_components.fieldbridge.bridge.filters import KINDS
from custom_components.fieldbridge.bridge.links import Link
from custom_components.fieldbridge.config_flow.filter_form import CHOICES, filter_form, filter_of_form, filter_schema
from custom_components.fieldbridge.config_flow.presentation import NOTHING
from demo.pty_link import PtyLink

from .flows import Flow
from .links import device, serial_entry, set_up, until

PROBE = DeviceProfile(
    decoder=SeparatedDecoder(separator=";", fields=2),
    channels=(
        Channel(key="temp", name="Temperature", source="0", unit="°C", device_class="temperature"),
        Channel(key="flow", name="Flow", source="1"),
    ),
)
EXAMPLES: dict[str, dict[str, Any]] = {
    "clamp": {"low": 1},
    "range_reject": {"high": 5},
    "filter_out": {"values": "-127; 85"},
    "savitzky_golay": {"window": 5},
    "swinging_door": {"deviation": 1},
    "skip_initial": {"count": 3},
    "statistics": {"quantity": "rms"},
    "offset": {"amount": 1.5},
    "multiply": {"factor": 2},
    "piecewise": {"points": "0; 1\n10; 21"},
    "polynomial": {"coefficients": "1; 2; 3"},
    "ntc_temperature": {"a": 0.001, "b": 0.0002, "c": 1e-7},
    "ntc_resistance": {"a": 0.001, "b": 0.0002, "c": 1e-7},
    "expression": {"formula": "x * 2"},
    "round_to_multiple": {"multiple": 0.5},
    "round_to_digits": {"digits": 3},
}


@pytest.fixture
async def entry(hass: HomeAssistant, pty_link: PtyLink) -> MockConfigEntry:
    """A link with a device that sends a temperature and a flow."""
    link = serial_entry(pty_link.path, device("Probe", PROBE))
    await set_up(hass, link)
    # What comes right after opening may be half a line and is dropped.
    while not link.runtime_data.link.recent_frames:
        pty_link.write(b"half a line\n")
        await asyncio.sleep(0.01)
    return link


async def send(entry: MockConfigEntry, pty_link: PtyLink, *lines: str) -> None:
    """Let the device send lines, one read each."""
    link = entry.runtime_data.link
    for line in lines:
        wanted = len(link.recent_frames) + 1
        pty_link.write(line.encode() + b"\n")
        await until(partial(_has_frames, link, wanted))


def _has_frames(link: Link, count: int) -> bool:
    return len(link.recent_frames) >= count


def stored(entry: MockConfigEntry, key: str = "temp") -> dict[str, Any]:
    """Return the stored form of a channel."""
    (subentry,) = entry.subentries.values()
    channel: dict[str, Any] = next(each for each in subentry.data["channels"] if each["key"] == key)
    return channel


async def begin(hass: HomeAssistant, entry: MockConfigEntry, key: str = "temp") -> Flow:
    """Open the filters of a channel."""
    flow = await Flow.options(hass, entry, "filters")
    (subentry_id,) = entry.subentries
    return await flow.submit({"channel": f"{subentry_id}/{key}"})


async def test_filters_are_added_ordered_edited_and_removed(
    hass: HomeAssistant, entry: MockConfigEntry, pty_link: PtyLink
) -> None:
    await send(entry, pty_link, "20;1", "90;1", "20;1")
    flow = await begin(hass, entry)
    assert flow.text("filters") == NOTHING
    assert flow.text("values").splitlines() == ["20 °C  →  20 °C", "90 °C  →  90 °C", "20 °C  →  20 °C"]

    await flow.choose("add_filter")
    await flow.submit({"kind": "offset"})
    await flow.submit({"amount": 0.5, "missing": "skip"})
    await flow.choose("add_filter")
    await flow.submit({"kind": "median"})
    await flow.submit({"window": 3, "missing": "hold", "position": 1})
    assert flow.text("filters").splitlines() == [
        "1. Median (Window 3, Missing values Hold the last value)",
        "2. Offset (Amount 0.5 °C)",
    ]
    assert flow.text("values").splitlines()[-1] == "20 °C  →  20.5 °C"

    await flow.choose("edit_filter")
    await flow.submit({"filter": "1"})
    assert flow.suggested("amount") == 0.5
    await flow.submit({"amount": 1.0, "missing": "skip", "position": 1})
    await flow.choose("edit_filter")
    await flow.submit({"filter": "1"})
    await flow.submit({"window": 5, "missing": "skip", "position": 2})
    assert flow.text("filters").splitlines() == ["1. Offset (Amount 1 °C)", "2. Median (Window 5)"]

    await flow.choose("save_filters")
    await hass.async_block_till_done()
    assert stored(entry)["filters"] == [{"kind": "offset", "amount": 1.0}, {"kind": "median", "window": 5}]
    assert not stored(entry, "flow")["filters"]

    flow = await begin(hass, entry)
    await flow.choose("remove_filters")
    await flow.submit({"filters": ["1"]})
    await flow.choose("save_filters")
    assert stored(entry)["filters"] == [{"kind": "offset", "amount": 1.0}]


async def test_filters_act_without_a_reload_of_the_link(
    hass: HomeAssistant, entry: MockConfigEntry, pty_link: PtyLink
) -> None:
    link = entry.runtime_data.link
    flow = await begin(hass, entry)
    await flow.choose("add_filter")
    await flow.submit({"kind": "offset"})
    await flow.submit({"amount": 100, "missing": "skip"})
    await flow.choose("save_filters")
    await hass.async_block_till_done()
    await send(entry, pty_link, "20;1")

    assert entry.runtime_data.link is link
    await until(lambda: hass.states.get("sensor.probe_temperature"))
    state = hass.states.get("sensor.probe_temperature")
    assert state is not None
    assert float(state.state) == 120


async def test_a_filter_that_makes_no_sense_is_told_with_the_form_as_it_was(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    flow = await begin(hass, entry)
    await flow.choose("add_filter")
    await flow.submit({"kind": "clamp"})
    await flow.submit({"low": 5, "high": 1, "missing": "skip"})
    assert flow.errors == {"base": "bad_filter"}
    assert flow.suggested("low") == 5
    assert "low" in flow.text("error")


async def test_a_list_of_esphome_is_pasted(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    flow = await begin(hass, entry)
    await flow.choose("paste_filters")
    await flow.submit({"pasted": "filters:\n  - offset: 2.0\n  - lambda: return x;"})
    assert flow.errors == {"pasted": "bad_filter"}
    assert "filters[1]" in flow.text("error")
    both = "- or:\n  - throttle: 1s\n  - delta: 5.0\n- calibrate_linear:\n  - 0.0 -> 0.0\n  - 10 -> 11"
    await flow.submit({"pasted": f"- offset: 2.0\n- median:\n    window_size: 4\n{both}"})
    assert flow.text("filters").splitlines()[3:] == [
        "4. Any of (Throttle (Time 1 s, Missing values Pass on) | Dead-band (Missing values Pass on, Dead-band 5 °C))",
        "5. Polynomial (Points 0 → 0; 10 → 11, Degree 1)",
    ]
    await flow.choose("save_filters")

    assert [item["kind"] for item in stored(entry)["filters"]] == ["offset", "median", "every", "any_of", "polynomial"]


async def test_the_publish_policy_is_stored_with_its_pace_in_one_place(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    flow = await begin(hass, entry)
    await flow.choose("publish_policy")
    assert flow.text("pace") == "10"
    await flow.submit({"absolute": 0.2, "at_most_every": 2, "at_least_every": 600, "live": True})
    await flow.choose("save_filters")

    channel = stored(entry)
    assert channel["publish"] == {"absolute": 0.2, "at_least_every": 600}
    assert channel["min_interval"] == 2
    assert channel["live"]


async def test_the_preview_shows_the_filtered_value_and_the_raw_one_while_the_form_is_filled(
    hass: HomeAssistant, entry: MockConfigEntry, pty_link: PtyLink, hass_ws_client: WebSocketGenerator
) -> None:
    await send(entry, pty_link, "20;1", "20;1", "21;1")
    flow = await begin(hass, entry)
    await flow.choose("add_filter")
    await flow.submit({"kind": "median"})
    assert flow.shown["preview"] == "fieldbridge"
    client = await hass_ws_client(hass)
    await client.send_json_auto_id(
        {
            "type": "fieldbridge/start_preview",
            "flow_id": flow.flow_id,
            "flow_type": "options_flow",
            "user_input": {"window": 3},
        }
    )
    assert (await client.receive_json())["success"]
    row = (await client.receive_json())["event"]
    assert row == {
        "state": "20",
        "attributes": {"friendly_name": "Temperature: 21 °C →", "unit_of_measurement": "°C"},
        "domain": "sensor",
    }

    await send(entry, pty_link, "23;1")
    row = (await client.receive_json())["event"]
    assert row["state"] == "21"
    assert row["attributes"]["friendly_name"] == "Temperature: 23 °C →"
    assert not stored(entry)["filters"]


@pytest.mark.parametrize("typed", [{"window": 0}, {"window": "fi"}])
async def test_the_preview_of_what_cannot_be_used_says_why(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator, typed: dict[str, Any]
) -> None:
    flow = await begin(hass, entry)
    await flow.choose("add_filter")
    await flow.submit({"kind": "median"})
    client = await hass_ws_client(hass)
    await client.send_json_auto_id(
        {
            "type": "fieldbridge/start_preview",
            "flow_id": flow.flow_id,
            "flow_type": "options_flow",
            "user_input": typed,
        }
    )
    assert (await client.receive_json())["success"]
    assert "window" in (await client.receive_json())["event"]["error"]


def test_every_filter_but_the_policy_can_be_chosen() -> None:
    assert set(CHOICES) == set(KINDS) - {"publish"}


async def test_every_filter_has_a_form_with_texts_that_comes_back_as_it_was(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    flow = await begin(hass, entry)
    for kind in CHOICES:
        await flow.choose("add_filter")
        await flow.submit({"kind": kind})
        assert flow.step == "filter"
        await flow.submit(EXAMPLES.get(kind, {}))
        assert flow.step == "channel_filters", flow.shown
    await flow.choose("save_filters")

    items = stored(entry)["filters"]
    # In the order in which they were added: the place of a new filter is the last.
    assert [item["kind"] for item in items] == CHOICES
    for item in items:
        schema = filter_schema(item["kind"], PROBE.channels[0], 2)
        assert filter_of_form(item["kind"], schema(filter_form(item, 0))) == item


async def test_a_total_is_guarded_unless_somebody_removes_the_guard(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    form = {"name": "Energy", "source": "1", "kind": "number", "device_class": "energy", "unit_of_measurement": "kWh"}
    flow = await Flow.change_device(hass, entry, "add_channel")
    await flow.submit({**form, "state_class": "total_increasing"})
    await flow.choose("save_channel")
    assert stored(entry, "energy")["filters"] == [{"kind": "counter_guard"}]

    flow = await begin(hass, entry, "energy")
    assert flow.text("filters") == "1. Counter guard"
    await flow.choose("remove_filters")
    await flow.submit({"filters": ["0"]})
    await flow.choose("save_filters")
    flow = await Flow.change_device(hass, entry, "edit_channel")
    await flow.submit({"channel": "energy"})
    await flow.submit({**form, "state_class": "total_increasing", "precision": 1})
    await flow.choose("save_channel")
    assert stored(entry, "energy")["precision"] == 1
    assert stored(entry, "energy")["filters"] == []


async def test_filters_stay_when_the_channel_is_edited_and_are_in_its_table(
    hass: HomeAssistant, entry: MockConfigEntry, pty_link: PtyLink
) -> None:
    flow = await begin(hass, entry)
    await flow.choose("add_filter")
    await flow.submit({"kind": "offset"})
    await flow.submit({"amount": 1})
    await flow.choose("save_filters")
    await hass.async_block_till_done()
    await send(entry, pty_link, "20;1")
    flow = await Flow.change_device(hass, entry, "edit_channel")
    await flow.submit({"channel": "temp"})
    await flow.submit({"name": "Water", "source": "0", "kind": "number", "scale": 2})

    assert flow.text("values") == "20  →  40.0  →  41"
    await flow.choose("save_channel")
    assert stored(entry)["filters"] == [{"kind": "offset", "amount": 1}]


async def test_filters_are_set_where_the_device_is_changed_with_a_table_instead_of_a_preview(
    hass: HomeAssistant, entry: MockConfigEntry, pty_link: PtyLink
) -> None:
    await send(entry, pty_link, "20;1", "30;1")
    flow = await Flow.change_device(hass, entry, "filters")
    (subentry_id,) = entry.subentries
    await flow.submit({"channel": f"{subentry_id}/temp"})
    await flow.choose("add_filter")
    await flow.submit({"kind": "offset"})
    assert flow.shown["preview"] is None
    await flow.submit({"amount": 1})
    assert flow.text("values").splitlines() == ["20 °C  →  21 °C", "30 °C  →  31 °C"]
    await flow.choose("publish_policy")
    await flow.submit({"at_most_every": 5})
    await flow.choose("save_filters")

    assert flow.ended_by == "reconfigure_successful"
    assert (stored(entry)["filters"], stored(entry)["min_interval"]) == ([{"kind": "offset", "amount": 1}], 5)


async def test_filters_can_be_set_before_the_link_is_made_with_a_live_preview(
    hass: HomeAssistant, pty_link: PtyLink, hass_ws_client: WebSocketGenerator
) -> None:
    flow = await Flow.config(hass, "serial")
    await flow.submit(
        {
            "device": str(pty_link.path),
            "baudrate": "9600",
            "port_settings": {"bytesize": "8", "parity": "n", "stopbits": "1", "flow_control": "none"},
            "framing": {"delimiter": "\\n", "max_length": 4096},
        }
    )
    await asyncio.sleep(0.1)  # longer than the pause that tells a whole first frame from a cut one
    for number in range(6):
        pty_link.write(b'{"temperature": 2%d.0, "mode": "auto"}\n' % number)
        await asyncio.sleep(0.02)
    await flow.until("recognised")
    await flow.submit({"fields": ["temperature", "mode"], "set_filters": True})
    assert [option["label"] for option in flow.options_of("channel")] == ["Serial device: Temperature"]
    await flow.submit({"channel": flow.options_of("channel")[0]["value"]})
    await flow.choose("add_filter")
    await flow.submit({"kind": "offset"})
    client = await hass_ws_client(hass)
    await client.send_json_auto_id(
        {
            "type": "fieldbridge/start_preview",
            "flow_id": flow.flow_id,
            "flow_type": "config_flow",
            "user_input": {"amount": 100},
        }
    )
    assert (await client.receive_json())["success"]
    assert (await client.receive_json())["event"]["state"] == "125"
    await asyncio.sleep(0.1)
    pty_link.write(b'{"temperature": 30.0, "mode": "auto"}\n')
    assert (await client.receive_json())["event"]["state"] == "130"

    await flow.submit({"amount": 1})
    await flow.choose("save_filters", "create_link")
    await hass.async_block_till_done()
    (made,) = hass.config_entries.async_entries("fieldbridge")
    (subentry,) = made.subentries.values()
    filters = {channel["key"]: channel["filters"] for channel in subentry.data["channels"]}
    assert filters == {"temperature": [{"kind": "offset", "amount": 1}], "mode": []}
