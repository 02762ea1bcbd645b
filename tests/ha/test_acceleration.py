"""Compiled filters: an option that installs, compiles in the background and says where it cannot work."""

from collections.abc import Iterator
from pathlib import Path
import subprocess
import sys

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.fieldbridge.acceleration import acceleration_state, needs_kernels, obstacle
from custom_components.fieldbridge.bridge import kernels
from custom_components.fieldbridge.bridge.channels import Channel, DeviceProfile
from custom_components.fieldbridge.bridge.codecs.decoders import JsonDecoder
from custom_components.fieldbridge.const import DOMAIN

from .flows import Flow
from .links import set_up, until

pytestmark = pytest.mark.skipif(not kernels.available(), reason="numba is not installed")


@pytest.fixture
def plain_again() -> Iterator[None]:
    """Leave the kernels of the process as they were."""
    yield
    kernels.decelerate()


@pytest.fixture
def configuration(hass: HomeAssistant, tmp_path: Path, numba_cache: Path) -> None:
    """A configuration of its own, with what a first start has compiled: at low priority that may take minutes."""
    hass.config.config_dir = str(tmp_path)
    cache = Path(hass.config.cache_path(DOMAIN, "numba"))
    cache.parent.mkdir(parents=True)
    cache.symlink_to(numba_cache)


@pytest.fixture
async def entry(hass: HomeAssistant, configuration: None) -> MockConfigEntry:
    """A loaded link that needs no hardware."""
    link = MockConfigEntry(domain=DOMAIN, title="Hall", data={"kind": "simulated", "signals": ["power"], "interval": 9})
    await set_up(hass, link)
    return link


@pytest.mark.usefixtures("plain_again")
async def test_the_option_swaps_the_kernels_while_all_runs(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert acceleration_state(hass)["acceleration"] == "off"
    flow = await Flow.options(hass, entry, "acceleration")
    await flow.submit({"accelerated": True})
    await hass.async_block_till_done()
    await until(lambda: acceleration_state(hass)["acceleration"] == "on", "compiled", 60)

    assert acceleration_state(hass)["kernels"] == "numba"
    assert entry.options["accelerated"] is True


@pytest.mark.parametrize(
    ("platforms", "installed", "skip_pip", "reason"),
    [
        (["musllinux_1_2_x86_64", "linux_x86_64"], False, False, "no_wheel"),
        (["musllinux_1_2_x86_64"], True, False, None),
        (["manylinux_2_28_aarch64"], False, True, "skip_pip"),
        (["manylinux_2_28_aarch64"], False, False, None),
    ],
)
def test_where_numba_cannot_be_installed_the_reason_is_known(
    platforms: list[str], installed: bool, skip_pip: bool, reason: str | None
) -> None:
    assert obstacle(platforms, installed=installed, skip_pip=skip_pip) == reason


def test_importing_the_integration_imports_neither_numba_nor_numpy() -> None:
    code = "import sys, custom_components.fieldbridge, custom_components.fieldbridge.config_flow; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "custom_components.fieldbridge.bridge.filters" in loaded
    assert not {"numba", "numpy"} & set(loaded)


def test_the_guard_of_a_total_alone_loads_no_kernels() -> None:
    total = {"key": "x", "name": "X", "source": "x", "state_class": "total_increasing"}

    def device(**more: object) -> list[DeviceProfile]:
        return [DeviceProfile(decoder=JsonDecoder(), channels=(Channel.from_dict({**total, **more}),))]

    assert not needs_kernels(device())
    assert not needs_kernels(device(filters=[]))
    assert needs_kernels(device(filters=[{"kind": "median", "window": 3}]))
