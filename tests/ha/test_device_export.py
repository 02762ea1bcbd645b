"""A device is exported as text from which the same device can be made again."""

from dataclasses import replace
from pathlib import Path

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.bridge.channels import DeviceProfile
from custom_components.fieldbridge.bridge.modbus import Register, RegisterDecoder
from custom_components.fieldbridge.bridge.modbus.importers.core_yaml import read_core_yaml
from custom_components.fieldbridge.bridge.profiles import read_profile
from custom_components.fieldbridge.bridge.profiles.matching import framing_of, same_framing
from custom_components.fieldbridge.config_flow.device_export import core_text, profile_text
from custom_components.fieldbridge.config_flow.serial_models import port_settings, serial_profiles
from custom_components.fieldbridge.const import DOMAIN

from .flows import Flow
from .links import ROOM, device, serial_entry

TIMING = {"timeout": 3.0, "message_spacing": 0.03, "connect_delay": 0.0, "close_after_poll": False}
METER = DeviceProfile.from_dict(
    {
        "schema_version": 1,
        "decoder": RegisterDecoder(registers={"power": Register(address=3), "mode": Register(address=4)}).to_dict(),
        "channels": [
            {"key": "power", "name": "Power", "source": "power", "unit": "W", "precision": 0},
            {
                "key": "mode",
                "name": "Mode",
                "source": "mode",
                "precision": 0,
                "write": {"control": "number", "maximum": 5, "target": {"register": "mode"}},
            },
        ],
    }
)


def modbus_entry(**data: object) -> MockConfigEntry:
    connection = {"kind": "modbus", "transport": "tcp", "host": "192.0.2.1", "port": 502, **TIMING, **data}
    return MockConfigEntry(domain=DOMAIN, title="Plant", data=connection, subentries_data=[device("Meter", METER)])


def shown(entry: MockConfigEntry) -> tuple[str, str | None]:
    (subentry,) = entry.subentries.values()
    return profile_text(entry, subentry), core_text(entry, subentry)


async def test_the_form_shows_what_can_be_copied_and_changes_nothing(hass: HomeAssistant) -> None:
    entry = serial_entry("/dev/nowhere", device("Room", ROOM))
    entry.add_to_hass(hass)
    flow = await Flow.change_device(hass, entry, "export")
    text = flow.default("profile")
    profile = read_profile(text).profile
    assert profile is not None
    assert (profile.name, profile.kind) == ("Room", "serial")
    assert replace(profile.device, origin=None) == ROOM
    await flow.submit({"profile": "something else", "save_profile": False})
    assert flow.ended_by == "exported"
    assert DeviceProfile.from_dict(dict(next(iter(entry.subentries.values())).data)) == ROOM


async def test_what_a_link_leaves_to_its_line_is_left_to_it_in_the_export(hass: HomeAssistant) -> None:
    data = {"kind": "modbus", "transport": "tcp", "host": "127.0.0.1", "port": 502}
    entry = MockConfigEntry(domain=DOMAIN, title="Plant", data=data, subentries_data=[device("Meter", METER)])
    core = shown(entry)[1]
    assert core is not None
    assert "message_wait" not in core


async def test_a_modbus_device_is_exported_for_home_assistant_too(hass: HomeAssistant) -> None:
    entry = modbus_entry()
    entry.add_to_hass(hass)
    flow = await Flow.change_device(hass, entry, "export")
    assert set(flow.shown["data_schema"].schema) == {"profile", "core_yaml", "save_profile"}
    profile, core = shown(entry)
    read = read_profile(profile).profile
    assert read is not None
    assert replace(read.device, origin=None) == METER
    assert core is not None
    assert core.startswith("# Mode: unsupported: there is no number")
    (link,) = read_core_yaml(core).links
    assert link.connection == {
        "type": "tcp",
        "host": "192.0.2.1",
        "port": 502,
        "timeout": 3,
        "delay": 0,
        "message_wait_milliseconds": 30,
    }
    assert [channel.name for channel in link.devices[0].profile.channels] == ["Power", "Mode"]


def test_a_serial_line_is_exported_with_its_settings() -> None:
    line = {"device": "/dev/ttyUSB0", "baudrate": 9600, "bytesize": 8, "parity": "N", "stopbits": 1}
    _, core = shown(modbus_entry(transport="rtu", **line))
    assert core is not None
    connection = read_core_yaml(core).links[0].connection
    assert {"type": "serial", "method": "rtu", "port": "/dev/ttyUSB0", "baudrate": 9600}.items() <= connection.items()


def test_tls_has_no_counterpart_in_home_assistants_yaml() -> None:
    assert shown(modbus_entry(transport="tls"))[1] is None


async def test_a_newer_profile_is_taken_when_a_person_has_seen_what_changes(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    hass.config.config_dir = str(tmp_path)
    folder = tmp_path / "fieldbridge" / "profiles"
    folder.mkdir(parents=True)
    entry = serial_entry("/dev/nowhere", device("Room", replace(ROOM, origin="room@1")))
    entry.add_to_hass(hass)
    (subentry,) = entry.subentries.values()
    flow = await Flow.change_device(hass, entry, "update_profile")
    assert flow.ended_by == "profile_is_current"
    text = profile_text(entry, subentry).replace("\nversion: 1\n", "\nversion: 2\n").replace("°C", "°F")
    (folder / "room.yaml").write_text(text)
    flow = await Flow.change_device(hass, entry, "update_profile")
    assert flow.text("changes") == "- ~ Temperature: unit: °C → °F"
    await flow.submit({})
    (stored,) = entry.subentries.values()
    assert stored.data["origin"] == "room@2"
    assert stored.data["channels"][0]["unit"] == "°F"


async def test_a_serial_device_is_saved_as_a_model_with_the_settings_of_its_link(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    framing = {"kind": "marks", "start": "\\x02", "end": "\\x03", "max_length": 4096, "check": {"algorithm": "xor8"}}
    data = {"kind": "serial", "device": "/dev/nowhere", "baudrate": 4800, "parity": "E", "framing": framing}
    entry = MockConfigEntry(domain=DOMAIN, title="Port", data=data, subentries_data=[device("My room", ROOM)])
    entry.add_to_hass(hass)
    hass.config.config_dir = str(tmp_path)
    flow = await Flow.change_device(hass, entry, "export")
    text = flow.default("profile")

    await flow.submit({"profile": "nothing", "save_profile": True})
    assert flow.errors == {"profile": "bad_value"}
    await flow.submit({"profile": text.replace("name: My room", "name: Any room"), "save_profile": True})
    assert flow.ended_by == "profile_saved"

    (saved,) = [profile for profile in serial_profiles(str(tmp_path)) if profile.id == "my_room"]
    assert saved.name == "Any room"
    assert replace(saved.device, origin=None) == ROOM
    assert port_settings(saved) == {"baudrate": 4800, "parity": "E"}
    assert same_framing(framing_of(saved), framing)

    flow = await Flow.change_device(hass, entry, "export")
    await flow.submit({"profile": text, "save_profile": True})
    assert flow.errors == {"save_profile": "profile_exists"}
