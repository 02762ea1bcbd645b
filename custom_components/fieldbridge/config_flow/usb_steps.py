"""Steps of the config flow for an adapter that was plugged in and that a profile names."""

from dataclasses import asdict
from typing import Any, override

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_DEVICE, CONF_MODEL
from homeassistant.helpers.service_info.usb import UsbServiceInfo
import probatio

from ..bridge.profiles import Profile
from ..bridge.profiles.matching import framing_of
from ..connections.adapters import async_adapter_id
from ..const import CONF_BAUDRATE, CONF_KIND, KIND_SERIAL
from ..presentable import printable
from .serial_models import port_settings, serial_profiles
from .serial_steps import SerialSteps


class UsbSteps(SerialSteps):
    """Makes the link and the device of an adapter that tells what it is."""

    @override
    async def async_step_usb(self, discovery_info: UsbServiceInfo) -> ConfigFlowResult:
        """Find the profile of the adapter and ask; nothing is opened before."""
        device = discovery_info.device
        profiles = await self.hass.async_add_executor_job(serial_profiles, self.hass.config.config_dir)
        model = next((profile for profile in profiles if names_adapter(profile, discovery_info)), None)
        if model is None:
            return self.async_abort(reason="not_supported")
        self._model = model
        await self.async_set_unique_id(await async_adapter_id(self.hass, device))
        self._abort_if_unique_id_configured(updates={CONF_DEVICE: device})
        self._async_abort_entries_match({CONF_DEVICE: device})
        self._data = {CONF_KIND: KIND_SERIAL, CONF_DEVICE: device, CONF_BAUDRATE: 9600, **port_settings(model)}
        self.take_framing(framing_of(model))
        self._title = discovery_info.description or model.name
        self.context["title_placeholders"] = {"name": printable(self._title)}
        return await self.async_step_usb_confirm()

    async def async_step_usb_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Open the port once the person agreed, and make the link with its device."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._async_open()
            await self._listening.source.close()
            if not errors:
                return await self.async_step_use_model()
        self._set_confirm_only()
        return self.async_show_form(
            step_id="usb_confirm",
            data_schema=probatio.Schema({}),
            errors=errors,
            description_placeholders={
                "adapter": printable(self._title),
                CONF_DEVICE: printable(self._data[CONF_DEVICE]),
                CONF_MODEL: printable(self._model.name),
                **self._placeholders,
            },
        )


def names_adapter(profile: Profile, adapter: UsbServiceInfo) -> bool:
    """Whether the profile is for devices behind this adapter, by texts that are found in its ids and names."""
    named, found = profile.link.get("usb"), asdict(adapter)
    return isinstance(named, list) and any(
        isinstance(one, dict)  # a user's own file may say anything
        and {"vid", "pid"} < set(one)
        and all(str(text).lower() in str(found.get(name) or "").lower() for name, text in one.items())
        for one in named
    )
