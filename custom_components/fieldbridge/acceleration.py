"""Compiled kernels for the filters, on request: numba is installed, its cache filled, the kernels swapped meanwhile.

The plain kernels are in use from the start and stay wherever numba cannot be had. One process has one kernel table, so
the option of any entry turns it on for all.
"""

from collections.abc import Iterable
import logging
from pathlib import Path
import shutil
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.start import async_at_started
from homeassistant.requirements import RequirementsNotFound, async_process_requirements
from homeassistant.util.hass_dict import HassKey
from packaging import tags

from .bridge import kernels
from .bridge.channels import DeviceProfile
from .bridge.filters import default_filters
from .const import CONF_ACCELERATED, DOMAIN

_LOGGER = logging.getLogger(__name__)

NUMBA_REQUIREMENT: Final = "numba>=0.68"
_STATE: HassKey[str] = HassKey(f"{DOMAIN}_acceleration")


class NotAcceleratedError(Exception):
    """numba cannot be had here; ``translation_key`` says why."""

    def __init__(self, translation_key: str) -> None:
        """Remember the reason."""
        super().__init__(translation_key)
        self.translation_key = translation_key


def obstacle(platforms: Iterable[str], *, installed: bool, skip_pip: bool) -> str | None:
    """Return why numba cannot be installed (``no_wheel``, ``skip_pip``), None when it can be or is there."""
    if installed:
        return None
    if any(platform.startswith("musllinux") for platform in platforms):
        return "no_wheel"  # nor is there a compiler in Home Assistant OS
    return "skip_pip" if skip_pip else None


async def async_install_numba(hass: HomeAssistant) -> None:
    """Install numba unless it is there. Raises NotAcceleratedError."""

    def look() -> tuple[bool, str | None]:
        installed = kernels.available()
        platforms = {tag.platform for tag in tags.sys_tags()}
        return installed, obstacle(platforms, installed=installed, skip_pip=hass.config.skip_pip)

    installed, reason = await hass.async_add_executor_job(look)
    if reason is not None:
        raise NotAcceleratedError(reason)
    if installed:
        return
    try:
        await async_process_requirements(hass, DOMAIN, [NUMBA_REQUIREMENT], is_built_in=False)
    except RequirementsNotFound as err:
        raise NotAcceleratedError("install_failed") from err


async def async_load_kernels(hass: HomeAssistant, profiles: Iterable[DeviceProfile]) -> None:
    """Load the plain kernels where a device has use for them: numpy must not be imported in the event loop."""
    if not kernels.loaded() and needs_kernels(profiles):
        await hass.async_add_executor_job(kernels.active)


def needs_kernels(profiles: Iterable[DeviceProfile]) -> bool:
    """Whether a device has filters; for the guard that totals have by default numpy would be 20 MB for nothing."""
    channels = (channel for profile in profiles for channel in profile.channels)
    return any(channel.filters and channel.filters != default_filters(channel.state_class) for channel in channels)


@callback
def async_accelerate(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Compile once Home Assistant has started, if the entry asks for it and no other has."""
    if not entry.options.get(CONF_ACCELERATED) or _STATE in hass.data:
        return
    hass.data[_STATE] = "waiting"

    async def accelerate(_: HomeAssistant) -> None:
        try:
            await _async_accelerate(hass)
        except (NotAcceleratedError, kernels.AccelerationError) as err:
            hass.data[_STATE] = f"not possible: {err}"
            _LOGGER.info("Filters run without numba: %s", err)
        else:
            hass.data[_STATE] = "on"

    @callback
    def started(_: HomeAssistant) -> None:
        # Not a task of the entry: a reload in between must not throw the compiling away.
        hass.async_create_background_task(accelerate(hass), f"{DOMAIN} acceleration")

    async_at_started(hass, started)


async def _async_accelerate(hass: HomeAssistant) -> None:
    """Compile in a process of low priority, load in the executor. Raises NotAcceleratedError, AccelerationError."""
    await async_install_numba(hass)
    cache = _cache(hass)
    hass.data[_STATE] = "compiling"
    await kernels.warm(cache)
    await hass.async_add_executor_job(kernels.accelerate, cache)


def acceleration_state(hass: HomeAssistant) -> dict[str, Any]:
    """Return which kernels run and what became of the option, for diagnostics."""
    in_use = kernels.active().name if kernels.loaded() else None
    return {"kernels": in_use, "acceleration": hass.data.get(_STATE, "off")}


async def async_remove_cache(hass: HomeAssistant) -> None:
    """Remove what numba has stored; it can be made again."""
    await hass.async_add_executor_job(shutil.rmtree, _cache(hass), True)


def _cache(hass: HomeAssistant) -> Path:
    return Path(hass.config.cache_path(DOMAIN, "numba"))
