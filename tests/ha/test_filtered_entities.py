"""What filters leave is what Home Assistant sees: paced, followed by a live entity, remembered over a restart."""

from datetime import timedelta
import json
from typing import Any

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder
from custom_components.fieldbridge.bridge.codecs.frame import Frame
from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.live_sensor import LIVE_INTERVAL

from .links import device, set_up

LIVE_ID = "sensor.probe_value_live"


def entry_with(**channel: Any) -> MockConfigEntry:
    """Return a link whose device has one channel; the test plays the device."""
    profile = DeviceProfile(
        decoder=JsonDecoder(),
        channels=(Channel(key="value", name="Value", source="value", **channel),),
    )
    return MockConfigEntry(
        domain=DOMAIN,
        title="Hall",
        data={"kind": "simulated", "signals": ["door"], "interval": 3600},
        subentries_data=[device("Probe", profile)],
    )


def send(entry: MockConfigEntry, *values: float, time: float) -> None:
    """Let values arrive together."""
    (session,) = entry.runtime_data.link.sessions.values()
    session.accept([Frame(time, json.dumps({"value": value}).encode()) for value in values])


def state_of(hass: HomeAssistant, entity_id: str = "sensor.probe_value") -> str:
    """Return a state's text."""
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state


async def test_a_signal_of_a_thousand_values_a_second_costs_the_database_nothing(hass: HomeAssistant) -> None:
    entry = entry_with(filters=({"kind": "mean", "window": 100},), publish={"absolute": 0.5})
    await set_up(hass, entry)
    changes: list[Event[EventStateChangedData]] = []

    @callback
    def count(event: Event[EventStateChangedData]) -> None:
        changes.append(event)

    hass.bus.async_listen(EVENT_STATE_CHANGED, count)
    seen: list[object] = []
    (session,) = entry.runtime_data.link.sessions.values()
    session.on_samples(seen.extend)
    for batch in range(200):
        send(entry, *(20 + (step % 7) / 10 for step in range(50)), time=batch / 20)
    await hass.async_block_till_done()

    assert len(seen) == 10_000
    assert len([change for change in changes if change.data["entity_id"] == "sensor.probe_value"]) <= 2


async def test_what_moves_more_than_the_policy_says_does_not_wait(hass: HomeAssistant) -> None:
    entry = entry_with(publish={"absolute": 0.5, "at_once": 5})
    await set_up(hass, entry)
    shown = []
    for time, value in enumerate((20, 22, 30)):
        send(entry, value, time=time)
        await hass.async_block_till_done()
        shown.append(state_of(hass))

    assert shown == ["20", "20", "30"]


async def enable_live(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Enable the live entity as a person does."""
    registry = er.async_get(hass)
    registered = registry.async_get(LIVE_ID)
    assert registered is not None
    assert registered.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    registry.async_update_entity(LIVE_ID, disabled_by=None)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()


async def test_the_live_entity_follows_twice_a_second_without_statistics(hass: HomeAssistant) -> None:
    entry = entry_with(publish={"absolute": 100}, state_class="measurement", live=True)
    await set_up(hass, entry)
    await enable_live(hass, entry)
    send(entry, 20, time=0)
    send(entry, 25, time=1)
    await hass.async_block_till_done()
    async_fire_time_changed(hass, dt_util.utcnow() + LIVE_INTERVAL + timedelta(seconds=0.1))
    await hass.async_block_till_done()

    assert state_of(hass) == "20"
    live = hass.states.get(LIVE_ID)
    assert live is not None
    assert live.state == "25"
    assert "state_class" not in live.attributes


async def test_the_live_entity_goes_with_the_option(hass: HomeAssistant) -> None:
    entry = entry_with(live=True)
    await set_up(hass, entry)
    assert er.async_get(hass).async_get(LIVE_ID) is not None
    (subentry,) = entry.subentries.values()
    channel = {**subentry.data["channels"][0], "live": False}
    hass.config_entries.async_update_subentry(entry, subentry, data={**subentry.data, "channels": [channel]})
    await hass.async_block_till_done()

    assert er.async_get(hass).async_get(LIVE_ID) is None
    assert er.async_get(hass).async_get("sensor.probe_value") is not None


async def test_history_of_filters_survives_a_restart(hass: HomeAssistant) -> None:
    entry = entry_with(filters=({"kind": "max", "window": 5},), min_interval=0)
    await set_up(hass, entry)
    send(entry, 90, time=0)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    send(entry, 20, time=0)
    await hass.async_block_till_done()

    assert float(state_of(hass)) == 90


async def test_nothing_of_the_history_is_left_when_the_entry_is_removed(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    entry = entry_with(filters=({"kind": "max", "window": 5},))
    await set_up(hass, entry)
    send(entry, 90, time=0)
    await hass.config_entries.async_unload(entry.entry_id)
    assert [key for key in hass_storage if key.startswith("fieldbridge.filters")]
    await hass.config_entries.async_remove(entry.entry_id)

    assert not [key for key in hass_storage if key.startswith("fieldbridge.filters")]


async def test_a_renamed_device_keeps_the_history_of_its_filters(hass: HomeAssistant) -> None:
    entry = entry_with(filters=({"kind": "max", "window": 5},), min_interval=0)
    await set_up(hass, entry)
    send(entry, 90, time=0)
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, title="Sonde")
    await hass.async_block_till_done()
    send(entry, 20, time=1)
    await hass.async_block_till_done()

    (session,) = entry.runtime_data.link.sessions.values()
    assert session.value("value") == 90


@pytest.mark.parametrize(
    ("recorder_config", "recorded"),
    [({}, True), ({"exclude": {"entity_globs": ["sensor.*_live"]}}, False)],
)
async def test_a_live_entity_that_is_recorded_raises_a_repair_with_the_lines_to_add(
    recorder_mock: object, hass: HomeAssistant, recorded: bool
) -> None:
    entry = entry_with(live=True)
    await set_up(hass, entry)
    await enable_live(hass, entry)
    issues = [issue for (_, issue_id), issue in ir.async_get(hass).issues.items() if "live_recorded" in issue_id]

    assert bool(issues) is recorded
    if recorded:
        assert issues[0].translation_placeholders is not None
        assert "- sensor.*_live" in issues[0].translation_placeholders["lines"]
        er.async_get(hass).async_update_entity(LIVE_ID, disabled_by=er.RegistryEntryDisabler.USER)
        await hass.async_block_till_done()
        assert not [issue_id for _, issue_id in ir.async_get(hass).issues if "live_recorded" in issue_id]
