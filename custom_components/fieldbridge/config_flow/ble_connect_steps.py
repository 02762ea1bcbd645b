"""Steps of the config flow that find a Bluetooth LE peripheral and connect to it: chosen from a list, or discovered."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_ADDRESS, CONF_NAME
from homeassistant.core import callback
from homeassistant.helpers.device_registry import format_mac
from homeassistant.helpers.selector import SelectOptionDict
import probatio

from ..bridge.codecs.characteristics import CharacteristicInfo, ServiceInfo, short_uuid
from ..bridge.errors import LinkError, NoConnectionSlotError, NotInRangeError, PairingNeededError
from ..bridge.links.ble_profiles import characteristics, matching
from ..bridge.profiles import Profile, list_profiles
from ..connections.bluetooth import async_load_bluetooth
from ..const import CONF_KIND, DOMAIN, KIND_BLE
from .ble_form import CONF_OTHER_ADDRESS, OTHER, peripheral_schema, services_text
from .link_steps import LinkSteps

if TYPE_CHECKING:
    from homeassistant.components.bluetooth import BluetoothServiceInfoBleak

_REASONS: Final[dict[type[LinkError], str]] = {
    NotInRangeError: "ble_not_in_range",
    NoConnectionSlotError: "ble_no_slot",
    PairingNeededError: "ble_needs_pairing",
}


class BleConnectSteps(LinkSteps):
    """Connects to a peripheral and lists what it offers."""

    @override
    def __init__(self) -> None:
        """Begin with no peripheral."""
        super().__init__()
        self._surveying: asyncio.Task[LinkError | tuple[Sequence[ServiceInfo], Sequence[Profile]]] | None = None
        self._services: Sequence[ServiceInfo] = ()
        self._profiles: Sequence[Profile] = ()
        """Those that the services propose."""
        self._advertised: Sequence[Profile] = ()
        """Those that the advertisement of a discovered peripheral proposes."""
        self._ble_error = ""

    async def async_step_ble(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a peripheral from what Home Assistant's Bluetooth hears."""
        if not await async_load_bluetooth(self.hass):
            return self.async_abort(reason="no_bluetooth")
        from ..connections import ble  # brings bleak

        if not ble.has_radio(self.hass):
            return self.async_abort(reason="no_radio")
        heard = {info.address: info for info in ble.heard_peripherals(self.hass)}
        errors: dict[str, str] = {}
        if user_input is not None:
            is_other = user_input[CONF_ADDRESS] == OTHER
            address = _address(user_input[CONF_OTHER_ADDRESS]) if is_other else user_input[CONF_ADDRESS]
            if address is not None:
                info = heard.get(address)
                return await self._async_take_peripheral(address, info.name if info else address)
            errors[CONF_OTHER_ADDRESS] = "bad_address"
        taken = self._async_current_ids(include_ignore=False)
        options = [
            SelectOptionDict(value=info.address, label=f"{info.name} ({info.address}), {info.rssi} dBm")
            for info in heard.values()
            if info.address not in taken
        ]
        return self.async_show_form(
            step_id="ble",
            data_schema=self.add_suggested_values_to_schema(peripheral_schema(options), user_input),
            errors=errors,
            description_placeholders={"count": str(len(options))},
        )

    @override
    async def async_step_bluetooth(self, discovery_info: BluetoothServiceInfoBleak) -> ConfigFlowResult:
        """A peripheral with a service of a shipped profile was heard."""
        await self.async_set_unique_id(discovery_info.address)
        self._abort_if_unique_id_configured()
        self._set_peripheral(discovery_info.address, discovery_info.name)
        services = [
            ServiceInfo(uuid=short_uuid(uuid), name="", characteristics=()) for uuid in discovery_info.service_uuids
        ]
        offered = {service.uuid for service in services}
        self._advertised = [
            profile
            for profile in await self._async_ble_profiles()
            if profile.link.get("service") in offered and profile.device.channels
        ]
        if not self._advertised or not await async_load_bluetooth(self.hass):
            return self.async_abort(reason="not_supported")
        self.context["title_placeholders"] = {"name": discovery_info.name}
        return await self.async_step_bluetooth_confirm()

    async def async_step_bluetooth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask before anything is connected."""
        if user_input is not None:
            return await self.async_step_ble_connect()
        self._set_confirm_only()
        return self.async_show_form(
            step_id="bluetooth_confirm",
            data_schema=probatio.Schema({}),
            description_placeholders={
                "name": self._title,
                "profiles": ", ".join(profile.name for profile in self._advertised),
            },
        )

    async def async_step_ble_connect(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Connect and list services and characteristics."""
        if self._surveying is None:
            surveying = self._surveying = self.hass.async_create_background_task(
                self._async_survey(), f"{DOMAIN} survey"
            )
            self._stop_listening = partial(_cancel, surveying)
        if not self._surveying.done():
            return self.async_show_progress(
                step_id="ble_connect",
                progress_action="ble_connecting",
                progress_task=self._surveying,
                description_placeholders={"name": self._title},
            )
        # Nothing is awaited from here on: Home Assistant and the dialog may both ask when the task is done.
        surveyed, self._surveying = self._surveying.result(), None
        if isinstance(surveyed, LinkError):
            return self.async_show_progress_done(next_step_id=self._step_of(surveyed))
        self._services, self._profiles = surveyed
        step = "ble_discovered" if self._advertised else "ble_services"
        return self.async_show_progress_done(next_step_id=step)

    async def async_step_ble_not_in_range(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Nothing sees the peripheral."""
        return self._show_trouble("ble_not_in_range")

    async def async_step_ble_no_slot(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Every adapter and proxy nearby is busy."""
        return self._show_trouble("ble_no_slot")

    async def async_step_ble_needs_pairing(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """The peripheral answers only those that it is paired with."""
        return self._show_trouble("ble_needs_pairing", "ble_pair")

    async def async_step_ble_unreachable(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Connecting failed for another reason."""
        return self._show_trouble("ble_unreachable")

    async def async_step_ble_pair(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Connect again and pair."""
        self._data["pair"] = True
        return await self.async_step_ble_connect()

    @property
    def _offered(self) -> list[CharacteristicInfo]:
        return characteristics(self._services)

    @property
    def _services_text(self) -> str:
        return services_text(self._services)

    async def _async_take_peripheral(self, address: str, name: str) -> ConfigFlowResult:
        """Connect to the chosen peripheral; aborts when another entry has it."""
        await self.async_set_unique_id(address, raise_on_progress=False)
        self._abort_if_unique_id_configured()
        self._set_peripheral(address, name)
        return await self.async_step_ble_connect()

    @callback
    def _set_peripheral(self, address: str, name: str) -> None:
        self._title = name
        self._data = {CONF_KIND: KIND_BLE, CONF_ADDRESS: address, CONF_NAME: name, "pair": False}

    async def _async_survey(self) -> LinkError | tuple[Sequence[ServiceInfo], Sequence[Profile]]:
        """Return the services of the peripheral and the profiles that fit them."""
        from ..connections import ble  # brings bleak

        try:
            services = await ble.async_survey(
                self.hass, self._data[CONF_ADDRESS], self._data[CONF_NAME], pair=self._data["pair"]
            )
        except LinkError as err:
            return err
        return services, matching(await self._async_ble_profiles(), services)

    async def _async_ble_profiles(self) -> list[Profile]:
        """Return the profiles of Bluetooth LE, the user's own first."""
        folder = Path(self.hass.config.path(DOMAIN, "profiles"))
        files = await self.hass.async_add_executor_job(list_profiles, folder)
        return [file.profile for file in files if file.profile and file.profile.kind == KIND_BLE]

    @callback
    def _step_of(self, error: LinkError) -> str:
        """Return the step that says what can be done about an error."""
        self._ble_error = str(error)
        return next((step for kind, step in _REASONS.items() if isinstance(error, kind)), "ble_unreachable")

    @callback
    def _show_trouble(self, step_id: str, *options: str) -> ConfigFlowResult:
        as_advertised = ["ble_as_advertised"] if self._advertised else ["ble"]
        return self.async_show_menu(
            step_id=step_id,
            menu_options=[*options, "ble_connect", *as_advertised],
            description_placeholders={"name": self._title, "error": self._ble_error},
        )


def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def _address(text: str) -> str | None:
    """Return an address as Home Assistant writes it, None for what is none."""
    address = format_mac(text.strip()).upper()
    parts = address.split(":")
    is_address = len(parts) == 6 and all(len(part) == 2 and set(part) <= set("0123456789ABCDEF") for part in parts)
    return address if is_address else None
