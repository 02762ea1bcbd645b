"""Steps of the options flow that change how the messages of a device are read, with a live row."""

from collections.abc import Sequence
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import SelectOptionDict, SelectSelector, SelectSelectorConfig, SelectSelectorMode
import probatio

from ..bridge.channels import DeviceProfile
from ..bridge.codecs.decoders import Decoder
from ..bridge.codecs.frame import Frame
from ..const import SUBENTRY_DEVICE
from .decoder_steps import DecoderSteps
from .still_there import stored_device

_DEVICE: Final = "device"


class DecoderOptionsSteps(OptionsFlow, DecoderSteps):
    """Changes the decoder of a device that is there."""

    has_preview = True
    _read_device = ""

    async def async_step_messages(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose the device, where there are several."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="link_not_loaded")
        devices = {each.subentry_id: each.title for each in self.config_entry.get_subentries_of_type(SUBENTRY_DEVICE)}
        if not devices:
            return self.async_abort(reason="no_devices")
        if user_input is not None or len(devices) == 1:
            self._read_device = next(iter(devices)) if user_input is None else user_input[_DEVICE]
            step: ConfigFlowResult = await self.async_step_decoder()
            return step
        options = [SelectOptionDict(value=device_id, label=title) for device_id, title in devices.items()]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN))
        schema = probatio.Schema({probatio.Required(_DEVICE): selector})
        return self.async_show_form(step_id="messages", data_schema=schema)

    async def async_step_save_decoder(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Store the decoder in its device; the link notices and rebuilds that device alone."""
        if self._by_hand is None:
            return await self.async_step_messages()
        device = stored_device(self.config_entry, self._read_device)
        changed = {**device.data, "decoder": self._by_hand.decoder.to_dict()}
        self.hass.config_entries.async_update_subentry(self.config_entry, device, data=changed)
        return self.async_create_entry(data=dict(self.config_entry.options))

    @override
    def described_frames(self) -> Sequence[Frame]:
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return []
        frames: Sequence[Frame] = self.config_entry.runtime_data.link.recent_frames
        return frames

    @override
    def decoder_so_far(self) -> Decoder | None:
        return DeviceProfile.from_dict(self._stored).decoder

    @override
    def decoder_choices(self) -> list[str]:
        return ["save_decoder"]

    @override
    def check_decoder(self, decoder: Decoder) -> None:
        DeviceProfile.from_dict({**self._stored, "decoder": decoder.to_dict()})

    @property
    def _stored(self) -> dict[str, Any]:
        return dict(stored_device(self.config_entry, self._read_device).data)
