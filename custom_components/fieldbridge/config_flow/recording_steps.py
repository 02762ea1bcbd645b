"""The step of the options that concerns recordings: what there is, where it is, how much it may be."""

from html import escape
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
)
from homeassistant.util import dt as dt_util
import probatio

from ..bridge.recordings import RecordingInfo, RecordingState
from ..presentable import size_text
from ..recording_view import signed_link
from ..recordings import CONF_FOLDER, CONF_KEEP_FREE, CONF_MAX_AGE, CONF_MAX_SIZE, DATA_RECORDINGS
from .presentation import NOTHING

_LISTED = 20


def _number(unit: str, *, least: float, most: float, step: float = 1) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(min=least, max=most, step=step, mode=NumberSelectorMode.BOX, unit_of_measurement=unit)
    )


RECORDINGS_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_MAX_SIZE): _number("GB", least=0.1, most=10_000, step=0.1),
        probatio.Required(CONF_MAX_AGE): _number("d", least=1, most=36_500),
        probatio.Required(CONF_KEEP_FREE): _number("MB", least=0, most=1_000_000),
        probatio.Optional(CONF_FOLDER): TextSelector(),
    }
)


class RecordingSteps(OptionsFlow):
    """Changes what holds for all recordings, whichever entry it is reached from."""

    async def async_step_recordings(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show recordings with links, and ask for their limits."""
        recordings = self.hass.data[DATA_RECORDINGS]
        errors: dict[str, str] = {}
        if user_input is not None:
            settings = {**recordings.settings, CONF_FOLDER: "", **user_input}
            errors = await self._async_check_folder(settings[CONF_FOLDER])
            if not errors:
                await recordings.async_set(settings)
                return self.async_create_entry(data=dict(self.config_entry.options))
        return self.async_show_form(
            step_id="recordings",
            data_schema=self.add_suggested_values_to_schema(RECORDINGS_SCHEMA, user_input or recordings.settings),
            errors=errors,
            description_placeholders=await self._async_recordings(),
        )

    async def _async_check_folder(self, folder: str) -> dict[str, str]:
        recordings = self.hass.data[DATA_RECORDINGS]
        if folder == recordings.settings[CONF_FOLDER]:
            return {}
        if recordings.catalogue.is_busy:
            return {CONF_FOLDER: "recording_runs"}
        if folder and not await self.hass.async_add_executor_job(self._is_usable, folder):
            return {CONF_FOLDER: "folder_not_allowed"}
        return {}

    def _is_usable(self, folder: str) -> bool:
        path = Path(folder)
        return path.is_absolute() and path.is_dir() and self.hass.config.is_allowed_path(folder)

    async def _async_recordings(self) -> dict[str, str]:
        """Return the newest recordings as a list with links, and how much all of them are."""
        recordings = self.hass.data[DATA_RECORDINGS]
        entries: list[RecordingInfo] = []
        lines = []
        try:
            entries = await recordings.async_entries()
        except HomeAssistantError as err:
            lines.append(_plain(str(err)))  # here another folder can be chosen
        for info in entries[:_LISTED]:
            name = _plain(info.name)
            if info.state is not RecordingState.RUNNING:
                # Without a target the frontend takes the link for one of its own pages.
                name = f'<a href="{escape(signed_link(self.hass, info.name))}" target="_blank">{name}</a>'
            lines.append(f"- {name}, {size_text(info.size)}, {dt_util.as_local(info.started_at):%Y-%m-%d %H:%M}")
        if len(entries) > _LISTED:
            lines.append(f"- … {len(entries) - _LISTED}")
        return {
            "recordings": "\n".join(lines) or NOTHING,
            "count": str(len(entries)),
            "size": size_text(sum(info.size for info in entries)),
            "folder": str(recordings.catalogue.folder),
        }


def _plain(name: str) -> str:
    """Return a name that is neither HTML nor Markdown, whatever it contains."""
    return "".join(
        character if character.isalnum() or character == " " else f"&#{ord(character)};" for character in name
    )
