"""Diagnostics tell what is needed to help, and no secrets."""

from dataclasses import replace
from typing import Any

from homeassistant.const import STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.fieldbridge.config_flow.serial_form import async_port_title
from custom_components.fieldbridge.const import DOMAIN
from demo.pty_link import PtyLink

from .links import GAS_ANALYSER, GAS_FRAMES, ROOM, device, serial_entry, set_up, until, until_state


async def test_counters_values_and_no_secrets(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, pty_link: PtyLink
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    entry = serial_entry(
        pty_link.path,
        device("Gas analyser", GAS_ANALYSER),
        mirror={"kind": "none", "host": "broker.example", "username": "me", "password": "hunter2"},
    )
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty_link.write(b"\nbroken\n" + GAS_FRAMES[0])
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.379")

    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    assert "hunter2" not in str(found)
    assert found["link"]["state"] == "up"
    assert found["link"]["counters"]["frames"] == 2
    (analyser,) = found["devices"].values()
    assert analyser["values"] == {"oxygen": 20.379, "co2": 0.247}
    assert analyser["statistics"]["rejected"] == {"checksum": 1}
    assert found["frames"] == "off (an option)"


async def test_frames_are_held_when_the_user_allows_it(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, pty_link: PtyLink
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    entry = serial_entry(pty_link.path, device("Gas analyser", GAS_ANALYSER), diagnostic_frames=True)
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty_link.write(b"\n" + GAS_FRAMES[0])
    await until_state(hass, "sensor.gas_analyser_oxygen", "20.379")

    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    (frame,) = found["frames"]
    assert bytes.fromhex(frame["hex"]) == GAS_FRAMES[0].rstrip()


@pytest.mark.parametrize("is_shown", [False, True])
async def test_what_a_profile_marks_as_private_is_masked_unless_the_user_allows_it(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, pty_link: PtyLink, is_shown: bool
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    room = replace(ROOM, channels=tuple(replace(each, private=each.key == "mode") for each in ROOM.channels))
    entry = serial_entry(pty_link.path, device("Room", room), diagnostic_frames=True, diagnostic_private=is_shown)
    await set_up(hass, entry)
    await until_state(hass, "binary_sensor.lab_port_connectivity", STATE_ON)
    pty_link.write(b'\n{"temp": 20.0, "mode": "home"}\n')
    await until_state(hass, "sensor.room_mode", "home")

    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    (shown,) = found["devices"].values()
    assert (shown["values"]["mode"] == "home") is is_shown
    assert (b"home" in bytes.fromhex(found["frames"][0]["hex"])) is is_shown


async def test_a_link_that_does_not_run_has_diagnostics_that_say_why(
    hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    entry = MockConfigEntry(
        domain=DOMAIN,
        data={"kind": "replay", "recording": "gone.csv", "pace": "1", "repeats": 0},
        options={"mirror": {"kind": "none", "password": "hunter2"}},
    )
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)

    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    assert (found["state"], found["reason"]) == ("setup_error", "replayed_recording_gone")
    assert found["data"]["recording"] == "gone.csv"
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    "url", ["rfc2217://me:hunter2@127.0.0.1:9", "socket://me:p@ss:hunter2@127.0.0.1:9", "esphome-hass://x?key=hunter2"]
)
async def test_a_port_on_the_network_is_told_without_what_opens_it(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    entry = serial_entry(url, device("Room", ROOM))
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.link.status.error)

    found: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    assert "hunter2" not in str(found)
    assert "REDACTED" in found["link"]["error"]
    assert "hunter2" not in caplog.text
    assert await async_port_title(hass, url) == found["data"]["device"]
