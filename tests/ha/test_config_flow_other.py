"""Simulated links, changing the settings of a link, and new credentials for the broker of a mirror."""

from pathlib import Path

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.const import DOMAIN
from custom_components.fieldbridge.presets import simulated_profile
from demo.pty_link import PtyLink
from tests.mosquitto import Mosquitto

from .flows import Flow
from .links import GAS_ANALYSER, device, serial_entry, set_up, until, until_state
from .test_config_flow_serial import FRAMING, form, only_entry


async def simulated(hass: HomeAssistant) -> MockConfigEntry:
    """Return a loaded link that needs no hardware."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Simulated",
        data={"kind": "simulated", "signals": ["temperature"], "interval": 0.1},
        subentries_data=[device("Signals", simulated_profile(["temperature"]))],
    )
    await set_up(hass, entry)
    return entry


async def test_a_simulated_link_needs_one_form_only(hass: HomeAssistant) -> None:
    flow = await Flow.config(hass, "simulated")
    await flow.submit({"signals": ["temperature", "door"], "interval": 0.1})
    await hass.async_block_till_done()

    entry = only_entry(hass)
    assert dict(entry.data) == {"kind": "simulated", "signals": ["temperature", "door"], "interval": 0.1}
    await until_state(hass, "binary_sensor.simulated_device_door", STATE_ON)


async def test_a_simulated_link_is_named_in_the_language_of_home_assistant(hass: HomeAssistant) -> None:
    hass.config.language = "de"
    flow = await Flow.config(hass, "simulated")
    await flow.submit({"signals": ["temperature"], "interval": 1})

    entry = only_entry(hass)
    assert (entry.title, [each.title for each in entry.subentries.values()]) == (
        "Simulierte Signale",
        ["Simuliertes Gerät"],
    )


@pytest.mark.parametrize("step", ["simulated", "reconfigure_simulated"])
async def test_a_simulated_link_needs_a_signal(hass: HomeAssistant, step: str) -> None:
    if step == "simulated":
        flow = await Flow.config(hass, "simulated")
    else:
        entry = await simulated(hass)
        flow = await Flow.of_result(hass, await entry.start_reconfigure_flow(hass))
    assert flow.step == step

    await flow.submit({"signals": [], "interval": 1})
    assert flow.errors == {"signals": "no_signals"}

    await flow.submit({"signals": ["power"], "interval": 1})
    await hass.async_block_till_done()
    assert only_entry(hass).data["signals"] == ["power"]


async def test_other_signals_and_pace_reload_a_simulated_link(hass: HomeAssistant) -> None:
    entry = await simulated(hass)
    subentries = dict(entry.subentries)
    flow = await Flow.of_result(hass, await entry.start_reconfigure_flow(hass))
    assert flow.suggested("interval") == 0.1

    await flow.submit({"signals": ["temperature", "humidity"], "interval": 5})
    await hass.async_block_till_done()

    assert flow.ended_by == "reconfigure_successful"
    assert entry.data["interval"] == 5
    assert dict(entry.subentries) == subentries
    assert entry.state is ConfigEntryState.LOADED


async def test_a_serial_link_can_move_to_another_port_and_keeps_its_devices(
    hass: HomeAssistant, pty_link: PtyLink, tmp_path: Path
) -> None:
    other = PtyLink(tmp_path / "ttyOther")
    entry = serial_entry(pty_link.path, device("Analyser", GAS_ANALYSER), title=pty_link.path.name)
    await set_up(hass, entry)
    subentries = dict(entry.subentries)
    flow = await Flow.of_result(hass, await entry.start_reconfigure_flow(hass))
    assert flow.step == "reconfigure_serial"
    assert flow.suggested("device") == str(pty_link.path)

    await flow.submit(form(other.path))
    await hass.async_block_till_done()

    assert flow.ended_by == "reconfigure_successful"
    assert entry.data["device"] == str(other.path)
    assert entry.title == "ttyOther"
    assert dict(entry.subentries) == subentries
    assert entry.state is ConfigEntryState.LOADED
    other.close()


async def test_settings_of_the_open_port_itself_can_be_tried(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = serial_entry(pty_link.path)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.link_coordinator.is_up, "link is up")
    flow = await Flow.of_result(hass, await entry.start_reconfigure_flow(hass))

    await flow.submit(form(pty_link.path, baudrate="115200"))
    await hass.async_block_till_done()

    assert flow.ended_by == "reconfigure_successful"
    assert entry.data["baudrate"] == 115200
    assert entry.title == "Lab port"  # a name that a person gave stays
    await until(lambda: entry.runtime_data.link_coordinator.is_up, "link is up again")


async def test_settings_that_fail_leave_the_link_as_it_was(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = serial_entry(pty_link.path)
    await set_up(hass, entry)
    data = dict(entry.data)
    flow = await Flow.of_result(hass, await entry.start_reconfigure_flow(hass))

    await flow.submit(form("/dev/does-not-exist"))
    await hass.async_block_till_done()
    assert flow.errors == {"base": "cannot_open"}
    assert dict(entry.data) == data
    assert entry.state is ConfigEntryState.LOADED
    await until(lambda: entry.runtime_data.link_coordinator.is_up, "link is up again")

    await flow.submit(form(pty_link.path, framing={**FRAMING, "delimiter": "\\"}))
    assert flow.errors == {"base": "bad_delimiter"}

    await flow.submit(form(pty_link.path))
    assert flow.ended_by == "reconfigure_successful"


async def test_new_settings_load_a_link_that_was_not_loaded(hass: HomeAssistant, pty_link: PtyLink) -> None:
    entry = serial_entry("/dev/gone")
    entry.add_to_hass(hass)
    flow = await Flow.of_result(hass, await entry.start_reconfigure_flow(hass))

    await flow.submit(form(pty_link.path))
    await hass.async_block_till_done()

    assert flow.ended_by == "reconfigure_successful"
    assert entry.state is ConfigEntryState.LOADED


async def test_a_link_cannot_move_to_the_port_of_another(hass: HomeAssistant, pty_link: PtyLink) -> None:
    serial_entry(pty_link.path).add_to_hass(hass)
    entry = serial_entry("/dev/ttyOther")
    entry.add_to_hass(hass)
    flow = await Flow.of_result(hass, await entry.start_reconfigure_flow(hass))

    await flow.submit(form(pty_link.path))

    assert flow.ended_by == "already_configured"


async def test_new_credentials_are_tried_before_they_are_kept(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto_with_password: Mosquitto
) -> None:
    broker = mosquitto_with_password
    mirror = {"kind": "broker", "host": broker.host, "port": broker.port, "username": broker.user, "password": "old"}
    entry = serial_entry(pty_link.path, mirror=mirror)
    await set_up(hass, entry)
    flow = await Flow.of_result(hass, await entry.start_reauth_flow(hass))
    assert flow.step == "reauth_confirm"
    assert flow.suggested("username") == broker.user

    await flow.submit({"username": broker.user, "password": "wrong"})
    assert flow.errors == {"base": "invalid_auth"}

    broker.stop()
    await flow.submit({"username": broker.user, "password": broker.password})
    assert flow.errors == {"base": "cannot_connect"}
    assert str(broker.port) in flow.text("error")

    broker.start()
    await flow.submit({"username": broker.user, "password": broker.password})
    await hass.async_block_till_done()
    assert flow.ended_by == "reauth_successful"
    assert entry.options["mirror"] == {**mirror, "password": broker.password}
    assert entry.state is ConfigEntryState.LOADED


async def test_credentials_of_a_link_that_is_not_loaded_load_it(
    hass: HomeAssistant, pty_link: PtyLink, mosquitto: Mosquitto
) -> None:
    mirror = {"kind": "broker", "host": mosquitto.host, "port": mosquitto.port}
    entry = serial_entry(pty_link.path, mirror=mirror)
    entry.add_to_hass(hass)
    flow = await Flow.of_result(hass, await entry.start_reauth_flow(hass))

    await flow.submit({"username": "somebody", "password": "anything"})
    await hass.async_block_till_done()

    assert flow.ended_by == "reauth_successful"
    assert entry.state is ConfigEntryState.LOADED
