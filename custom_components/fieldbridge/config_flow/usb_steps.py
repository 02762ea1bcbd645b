"""Steps of the config flow for an adapter that was plugged in and that a profile names."""

from dataclasses import asdict
from typing import Any, override

from homeassistant.components import usb
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_DEVICE
from homeassistant.helpers.service_info.usb import UsbServiceInfo
import probatio

from ..bridge.profiles import Profile
from ..connections.adapters import adapter_id
from ..presentable import printable
from .serial_profiles import async_serial_profiles, link_data_of, names_adapter
from .serial_steps import SerialSteps


class UsbSteps(SerialSteps):
    """Makes the link and the device of an adapter that tells what it is."""

    _adapter_profile: Profile

    @override
    async def async_step_usb(self, discovery_info: UsbServiceInfo) -> ConfigFlowResult:
        """Find the profile of the adapter and ask; nothing is opened before."""
        device, adapter = discovery_info.device, asdict(discovery_info)
        profiles = [one for one in await async_serial_profiles(self.hass) if names_adapter(one, adapter)]
        if not profiles:
            return self.async_abort(reason="not_supported")
        ports = await usb.async_scan_serial_ports(self.hass)
        await self.async_set_unique_id(next((adapter_id(port) for port in ports if port.device == device), None))
        self._abort_if_unique_id_configured(updates={CONF_DEVICE: device})
        self._async_abort_entries_match({CONF_DEVICE: device})
        self._adapter_profile = profiles[0]
        self._data = link_data_of(profiles[0], device)
        self._title = discovery_info.description or profiles[0].name
        self.context["title_placeholders"] = {"name": printable(self._title)}
        return await self.async_step_usb_confirm()

    async def async_step_usb_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Open the port once the person agreed, and make the link with its device."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._async_open()
            await self._listening.source.close()
            if not errors:
                return self._create_link(self._adapter_profile.name, self._adapter_profile.device)
        self._set_confirm_only()
        return self.async_show_form(
            step_id="usb_confirm",
            data_schema=probatio.Schema({}),
            errors=errors,
            description_placeholders={
                "adapter": printable(self._title),
                "device": printable(self._data[CONF_DEVICE]),
                "profile": printable(self._adapter_profile.name),
                **self._placeholders,
            },
        )
