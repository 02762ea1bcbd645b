"""Steps of the config flow that add and change the replay of a recording or of a raw capture."""

from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult, ConfigSubentryData
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from ..bridge.errors import BridgeError
from ..bridge.recordings import RecordingInfo, RecordingState, ReplayableDevice, replay_devices
from ..const import (
    CONF_KIND,
    CONF_PACE,
    CONF_RECORDING,
    CONF_REPEATS,
    KIND_REPLAY,
    PACE_FASTEST,
    SUBENTRY_DEVICE,
)
from ..recordings import recordings_of
from .link_steps import LinkSteps
from .selector_texts import async_selector_texts

_PACES: Final = ["1", "2", "10", "100", PACE_FASTEST]

PACE_FIELDS: Final[dict[Any, Any]] = {
    probatio.Required(CONF_PACE, default="1"): SelectSelector(
        SelectSelectorConfig(options=_PACES, translation_key=CONF_PACE, mode=SelectSelectorMode.DROPDOWN)
    ),
    probatio.Required(CONF_REPEATS, default=0): probatio.All(
        NumberSelector(NumberSelectorConfig(min=0, max=1_000_000, step=1, mode=NumberSelectorMode.BOX)),
        probatio.Coerce(int),
    ),
}


class ReplaySteps(LinkSteps):
    """Adds and changes a link that sends what was recorded."""

    async def async_step_replay(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a recording and its pace."""
        try:
            entries = await recordings_of(self.hass).async_entries()
        except HomeAssistantError as err:
            return self.async_abort(
                reason="recordings_unreadable", description_placeholders=err.translation_placeholders
            )
        replayable = [info for info in entries if info.state is not RecordingState.RUNNING and _is_readable(info)]
        if not replayable:
            return self.async_abort(reason="no_recordings")
        errors: dict[str, str] = {}
        error = ""
        if user_input is not None:
            info = next((each for each in replayable if each.name == user_input[CONF_RECORDING]), None)
            if info is None:  # deleted meanwhile
                errors[CONF_RECORDING] = "recording_gone"
            else:
                try:
                    devices = await self.hass.async_add_executor_job(replay_devices, info.path, info.description)
                except (OSError, ValueError, BridgeError) as err:
                    errors[CONF_RECORDING], error = "recording_unreadable", str(err)
                else:
                    return await self._async_create_replay(info, user_input, devices)
        options = [SelectOptionDict(value=info.name, label=info.name) for info in replayable]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN))
        schema = probatio.Schema({probatio.Required(CONF_RECORDING): selector, **PACE_FIELDS})
        return self.async_show_form(
            step_id="replay",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"error": error},
        )

    async def async_step_import(self, import_data: dict[str, Any]) -> ConfigFlowResult:
        """Replay what was chosen in the panel."""
        return await self.async_step_replay(import_data)

    async def async_step_reconfigure_replay(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose another pace; another recording has other devices and is another link."""
        if user_input is not None:
            return self._update_link(self._get_reconfigure_entry(), data_updates=user_input)
        return self.async_show_form(
            step_id="reconfigure_replay",
            data_schema=self.add_suggested_values_to_schema(probatio.Schema(PACE_FIELDS), self._data),
            description_placeholders={"recording": self._data[CONF_RECORDING]},
        )

    async def _async_create_replay(
        self, info: RecordingInfo, form: dict[str, Any], devices: list[ReplayableDevice]
    ) -> ConfigFlowResult:
        """Make the link; its name and those of its devices say that they are not what was recorded."""
        pattern = (await async_selector_texts(self.hass))["replayed.options.name"]

        def replayed(name: str) -> str:
            return pattern.replace("{name}", name)

        return self.async_create_entry(
            title=replayed(info.description.title if info.description is not None else info.name),
            data={CONF_KIND: KIND_REPLAY, **form},
            subentries=[
                ConfigSubentryData(
                    subentry_type=SUBENTRY_DEVICE,
                    title=replayed(device.title),
                    data=device.profile.to_dict(),
                    unique_id=None,
                )
                for device in devices
            ],
        )


def _is_readable(info: RecordingInfo) -> bool:
    return info.is_capture or (info.description is not None and bool(info.description.devices))
