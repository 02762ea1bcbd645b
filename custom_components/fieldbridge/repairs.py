"""Repairs: what a person has to decide, or can mend with one click."""

from typing import override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant


class ReloadFlow(ConfirmRepairFlow):
    """Runs an app anew after its file was mended."""

    def __init__(self, entry_id: str) -> None:
        """Reload the entry on confirmation."""
        super().__init__()
        self._entry_id = entry_id

    @override
    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Reload once it was confirmed."""
        if user_input is not None:
            self.hass.config_entries.async_schedule_reload(self._entry_id)
        return await super().async_step_confirm(user_input)


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that mends an issue."""
    assert data is not None  # noqa: S101 - every issue of ours names its entry
    return ReloadFlow(str(data["entry_id"]))
