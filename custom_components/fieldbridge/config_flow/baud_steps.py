"""Steps that try the baud rates of a port when nothing readable arrives; begun only by a person who chose it."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult

from ..const import CONF_BAUDRATE, KIND_SERIAL
from .baud_search import BaudSearch
from .link_steps import LinkSteps


class BaudSteps(LinkSteps):
    """Finds the baud rate of a serial port by trying."""

    _search: BaudSearch | None = None
    _tried: dict[str, str]
    """What the rates made of the bytes when none was found."""

    async def async_step_listen_again(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Listen to the port with the settings as they are now."""
        raise NotImplementedError

    async def async_step_listen(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is listened to."""
        raise NotImplementedError

    async def async_step_try_rates(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what each rate makes of the bytes, until one can be read."""
        if self._search is None:
            self._search = BaudSearch(self.hass, self._data)
            self._stop_listening = self._search.stop
        if self._search.finished:
            found = self._search.found is not None
            return self.async_show_progress_done(next_step_id="rate_found" if found else "no_rate_found")
        return self.async_show_progress(
            step_id="try_rates",
            progress_action="trying_rates",
            progress_task=self._search.look(),
            description_placeholders=self._search.placeholders,
        )

    async def async_step_rate_found(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Propose the rate with which the bytes can be read."""
        search = self._search
        if search is None or search.found is None:
            return await self.async_step_listen()
        return self.async_show_menu(
            step_id="rate_found",
            menu_options=["use_rate", KIND_SERIAL],
            description_placeholders={**search.placeholders, "rate": str(search.found[CONF_BAUDRATE])},
        )

    async def async_step_use_rate(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take the rate and listen with it."""
        if self._search is not None and self._search.found is not None:
            self._data |= self._search.found
        result = await self.async_step_listen_again()
        self._search = None  # only now: whoever asks for the step before is late, and is shown it once more
        return result

    async def async_step_no_rate_found(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say that no rate made sense of what arrived."""
        if self._search is not None:  # else the dialog asks for the same step once more
            self._tried = {**self._search.placeholders, "error": str(self._search.error or "")}
            self._search = None
        return self.async_show_menu(
            step_id="no_rate_found",
            menu_options=["listen_again", KIND_SERIAL, "without_device"],
            description_placeholders=self._tried,
        )
