"""A device that describes itself by SunSpec is understood whole, against the reference implementation."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest
from sunspec2.file.client import FileClientDevice  # type: ignore[import-untyped]

from custom_components.fieldbridge.bridge.channels import DeviceProfile
from custom_components.fieldbridge.bridge.errors import BridgeError
from custom_components.fieldbridge.bridge.modbus import RegisterDecoder, Table
from custom_components.fieldbridge.bridge.modbus.requests import RequestError
from custom_components.fieldbridge.bridge.modbus.sunspec import (
    FoundModel,
    NotSunSpecError,
    ReadHolding,
    describe,
    discover,
)
from custom_components.fieldbridge.bridge.modbus.sunspec_layout import load_models

from .sunspec_image import reference_device, reference_image

SKIPPED = {"ID", "L", "Pad"}


def reading(image: dict[int, int]) -> ReadHolding:
    async def read(address: int, count: int) -> list[int]:
        try:
            return [image[each] for each in range(address, address + count)]
        except KeyError as err:
            raise RequestError.from_code(2) from err

    return read


def at(base: int, words: list[int]) -> dict[int, int]:
    return dict(enumerate(words, base))


@pytest.fixture
def reference() -> FileClientDevice:
    return reference_device()


@pytest.fixture
def image(reference: FileClientDevice) -> dict[int, int]:
    return reference_image(reference)


def leaves(group: Any, prefix: str = "") -> dict[str, Any]:
    """Return the computed values of the reference by the path that the discovery gives them."""
    found = {prefix + name: point for name, point in group.points.items()}
    for name, inner in group.groups.items():
        many = isinstance(inner, list)
        for number, each in enumerate(inner if many else [inner], 1):
            found |= leaves(each, f"{prefix}{name}_{number}_" if many else f"{prefix}{name}_")
    return found


async def test_the_device_of_the_reference_is_discovered_whole(
    reference: FileClientDevice, image: dict[int, int]
) -> None:
    device = await discover(reading(image), unit=7)
    assert device.models == (1, *range(701, 714))
    assert device.unknown_models == ()
    assert (device.profile.manufacturer, device.profile.model) == ("SunSpecTest", "Test-1547-1")
    assert device.serial_number == "sn-123456789"
    decoder = device.profile.decoder
    assert isinstance(decoder, RegisterDecoder)
    assert decoder.device.unit == 7
    values = decoder.values(Table.HOLDING, 40_000, list(image.values()))
    sources = {channel.source for channel in device.profile.channels}
    expected = {
        f"m{model.model_id}_{path}": point
        for model in reference.model_list
        for path, point in leaves(model).items()
        if path not in SKIPPED and point.pdef["type"] not in {"sunssf", "pad"} and point.is_impl()
    }
    assert len(expected) > 200
    assert sources == set(expected)
    for source, point in expected.items():
        value, register = values[source], decoder.registers[source]
        if register.flags is None:
            assert value == pytest.approx(point.cvalue) if isinstance(value, float) else value == point.cvalue, source


async def test_a_discovered_profile_can_be_stored(image: dict[int, int]) -> None:
    profile = (await discover(reading(image))).profile
    assert DeviceProfile.from_dict(profile.to_dict()) == profile


async def test_measurements_are_polled_and_settings_only_now_and_then(image: dict[int, int]) -> None:
    channels = {channel.key: channel for channel in (await discover(reading(image))).profile.channels}
    power = channels["m701_w"]
    assert (power.unit, power.device_class, power.state_class, power.enabled) == ("W", "power", "measurement", True)
    assert channels["m701_totwhinj"].state_class == "total_increasing"
    assert channels["m701_totwhinj"].filters == ({"kind": "counter_guard"},)
    assert channels["m705_crv_1_pt_1_v"].enabled is False
    assert channels["m1_sn"].private


@pytest.mark.parametrize("base", [40_000, 50_000, 0])
async def test_the_chain_is_found_at_each_of_its_places(base: int, image: dict[int, int]) -> None:
    device = await discover(reading(at(base, list(image.values()))))
    assert len(device.models) == 14


async def test_an_unknown_model_is_named_and_passed_over() -> None:
    words = [0x5375, 0x6E53, 64_999, 3, 1, 2, 3, 203, 0, 0xFFFF, 0]
    device = await discover(reading(at(40_000, words)))
    assert (device.models, device.unknown_models) == ((64_999, 203), (64_999,))


@pytest.mark.parametrize(
    "words",
    [[], [0x5375, 0x6E54], [0x5375, 0x6E53, 1, 5000], [0x5375, 0x6E53, *[64_999, 0] * 200]],
    ids=["nothing", "no marker", "too long", "no end"],
)
async def test_what_is_no_sunspec_device_is_said_to_be_none(words: list[int]) -> None:
    with pytest.raises(NotSunSpecError):
        await discover(reading(at(40_000, words)))


async def test_a_silent_device_is_not_said_to_be_no_sunspec_device() -> None:
    async def silent(address: int, count: int) -> list[int]:
        raise RequestError.from_code(11)

    with pytest.raises(RequestError):
        await discover(silent)


@given(st.sampled_from(sorted(load_models())), st.lists(st.integers(0, 0xFFFF), max_size=150))
def test_any_block_of_any_model_gives_a_profile(number: int, body: list[int]) -> None:
    model = FoundModel(number=number, address=40_002, words=[number, len(body), *body])
    try:
        device = describe([model], load_models(), 1)
    except BridgeError as err:
        pytest.fail(str(err))
    assert DeviceProfile.from_dict(device.profile.to_dict()) == device.profile
