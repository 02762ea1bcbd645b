"""The config flow: one menu of link kinds; each is tried, listened to and described before an entry is made."""

from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry, ConfigFlowResult, ConfigSubentryFlow, OptionsFlow
from homeassistant.core import callback

from ..const import (
    CONF_KIND,
    DOMAIN,
    KIND_APP,
    KIND_BLE,
    KIND_MODBUS,
    KIND_MQTT,
    KIND_REPLAY,
    KIND_SERIAL,
    KIND_SIMULATED,
    SUBENTRY_DEVICE,
)
from .app_options_flow import AppOptionsFlow
from .app_steps import AppSteps
from .ble_device_flow import BleDeviceFlow
from .ble_steps import BleSteps
from .device_flow import DeviceFlow
from .modbus_device_flow import ModbusDeviceFlow
from .modbus_steps import ModbusSteps
from .mqtt_device_flow import MqttDeviceFlow
from .mqtt_steps import MqttSteps
from .options_flow import FieldbridgeOptionsFlow
from .reauth_steps import ReauthSteps
from .replay_steps import ReplaySteps
from .serial_device_flow import SerialDeviceFlow
from .simulated_steps import SimulatedSteps
from .usb_steps import UsbSteps

_KINDS: Final = [KIND_SERIAL, KIND_MODBUS, KIND_BLE, "mqtt_broker", KIND_APP, KIND_REPLAY, KIND_SIMULATED]
"""In the order of the menu; each has a step of its name, and one named reconfigure_ and its name.

``async_step_mqtt`` is Home Assistant's own for discovery, therefore another name.
"""
DEVICE_FLOWS: Final[dict[str, type[ConfigSubentryFlow]]] = {
    KIND_BLE: BleDeviceFlow,
    KIND_MQTT: MqttDeviceFlow,
    KIND_REPLAY: DeviceFlow,
    KIND_SERIAL: SerialDeviceFlow,
    KIND_SIMULATED: DeviceFlow,
    KIND_MODBUS: ModbusDeviceFlow,
}
"""How a device is added to a link of each kind; those of an app are the app's."""


class ConfigFlow(
    UsbSteps, ModbusSteps, BleSteps, MqttSteps, ReplaySteps, SimulatedSteps, AppSteps, ReauthSteps, domain=DOMAIN
):
    """Makes and changes links."""

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Every link carries devices."""
        # A byte stream over Bluetooth is what a serial port is.
        kind = KIND_SERIAL if config_entry.data.get("stream") else config_entry.data[CONF_KIND]
        flow = DEVICE_FLOWS.get(kind)
        return {} if flow is None else {SUBENTRY_DEVICE: flow}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the flow of mirror and diagnostics, for an app of its settings, too."""
        return AppOptionsFlow() if config_entry.data[CONF_KIND] == KIND_APP else FieldbridgeOptionsFlow()

    @callback
    @override
    def async_remove(self) -> None:
        """Free the port: the dialog was closed, or the flow is over."""
        self._stop_listening()
        self._over.set()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the kind of link."""
        return self.async_show_menu(step_id="user", menu_options=[*_KINDS, "modbus_yaml"])

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change the settings of a link in the form that it was made with."""
        self._data = dict(self._get_reconfigure_entry().data)
        kind = self._data[CONF_KIND]
        if kind == KIND_APP:
            return self.async_abort(reason="app_has_options")
        step: ConfigFlowResult = await getattr(self, f"async_step_reconfigure_{kind}")()
        return step
