"""Goes through flows as the frontend does, and checks that whatever they show has a text."""

import asyncio
from datetime import timedelta
import json
from pathlib import Path
import re
from typing import Any, Self

from homeassistant import data_entry_flow
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles
import probatio
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.fieldbridge.config_flow.looking import LOOK_INTERVAL
from custom_components.fieldbridge.const import DOMAIN, SUBENTRY_DEVICE

TRANSLATIONS = Path(__file__).parents[2] / "custom_components" / DOMAIN / "translations"
TEXTS: dict[str, Any] = json.loads((TRANSLATIONS / "en.json").read_text())


def pass_time(hass: HomeAssistant, seconds: float) -> None:
    """Let whatever is due within so many seconds happen now.

    Time-outs keep their real time, as does what they wait for: a port takes a busy machine long to close.
    """
    owners = (
        getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined] # noqa: SLF001 - nobody else tells
        for handle in get_scheduled_timer_handles(hass.loop)
        if not handle.cancelled()
    )
    deadlines = [(owner, owner.when()) for owner in owners if isinstance(owner, asyncio.Timeout)]
    for timeout, _ in deadlines:
        timeout.reschedule(None)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))
    for timeout, when in deadlines:
        timeout.reschedule(when)


class Flow:
    """One flow, from its first step to its end; ``shown`` is what the frontend has on the screen."""

    def __init__(self, hass: HomeAssistant, manager: Any, texts: dict[str, Any]) -> None:
        self._hass = hass
        self._manager = manager
        self._texts = texts
        self.shown: dict[str, Any] = {}

    @classmethod
    async def config(cls, hass: HomeAssistant, *choices: str, **context: Any) -> Self:
        """Begin to add a link."""
        flow = cls(hass, hass.config_entries.flow, TEXTS["config"])
        return await flow._start(DOMAIN, {"source": "user", **context}, *choices)

    @classmethod
    async def of_result(cls, hass: HomeAssistant, result: Any) -> Self:
        """Go on with a config flow that an entry has started."""
        flow = cls(hass, hass.config_entries.flow, TEXTS["config"])
        flow._show(result)
        return flow

    @classmethod
    async def options(cls, hass: HomeAssistant, entry: ConfigEntry, *choices: str) -> Self:
        """Begin to change an entry's options."""
        flow = cls(hass, hass.config_entries.options, TEXTS["options"])
        return await flow._start(entry.entry_id, {}, *choices)

    @classmethod
    async def device(cls, hass: HomeAssistant, entry: ConfigEntry, *choices: str, **context: Any) -> Self:
        """Begin to add a device to an entry, or to change one."""
        flow = cls(hass, hass.config_entries.subentries, TEXTS["config_subentries"]["device"])
        return await flow._start((entry.entry_id, SUBENTRY_DEVICE), {"source": "user", **context}, *choices)

    @classmethod
    async def change_device(cls, hass: HomeAssistant, entry: ConfigEntry, *choices: str) -> Self:
        """Begin to change an entry's first device."""
        return await cls.device(hass, entry, *choices, source="reconfigure", subentry_id=next(iter(entry.subentries)))

    @property
    def flow_id(self) -> str:
        """The flow's id."""
        flow_id: str = self.shown["flow_id"]
        return flow_id

    @property
    def step(self) -> str | None:
        """The step on the screen, None when the flow has ended."""
        return self.shown.get("step_id")

    @property
    def errors(self) -> dict[str, str]:
        """The errors on the screen."""
        return self.shown["errors"] or {}

    @property
    def ended_by(self) -> str | None:
        """The reason for which the flow was aborted, None when it was not."""
        return self.shown.get("reason")

    def text(self, placeholder: str) -> str:
        """Return what stands for a placeholder on the screen."""
        text: str = self.shown["description_placeholders"][placeholder]
        return text

    def options_of(self, field: str) -> list[Any]:
        """Return the options of a selector on the screen."""
        options: list[Any] = self.shown["data_schema"].schema[field].config["options"]
        return options

    def suggested(self, field: str) -> Any:
        """Return what a field is filled with."""
        marker = next(key for key in self.shown["data_schema"].schema if key == field)
        return (marker.description or {}).get("suggested_value")

    def default(self, field: str) -> Any:
        """Return what a field has when nobody changes it."""
        return next(key for key in self.shown["data_schema"].schema if key == field).default()

    async def choose(self, *steps: str) -> Self:
        """Choose from menus."""
        for step in steps:
            await self.submit({"next_step_id": step})
        return self

    async def submit(self, values: dict[str, Any]) -> Self:
        """Submit the form on the screen."""
        self._show(await self._manager.async_configure(self.flow_id, values))
        return self

    async def refresh(self) -> Self:
        """Ask for the step again, as the frontend does when it is told of a change."""
        self._show(await self._manager.async_configure(self.flow_id))
        return self

    async def until(self, *steps: str) -> Self:
        """Watch a progress step until another step is on the screen; its time passes quickly."""
        return await self.watch(lambda: self.step in steps)

    async def watch(self, condition: Any) -> Self:
        """Watch a progress step until ``condition`` holds."""
        async with asyncio.timeout(20):
            while not condition():
                assert self.shown["type"] is data_entry_flow.FlowResultType.SHOW_PROGRESS, self.shown
                pass_time(self._hass, LOOK_INTERVAL)
                await asyncio.sleep(0.01)
                await self.refresh()
        return self

    def close(self) -> None:
        """Close the dialog."""
        self._manager.async_abort(self.flow_id)

    async def _start(self, handler: Any, context: dict[str, Any], *choices: str) -> Self:
        self._show(await self._manager.async_init(handler, context=context))
        return await self.choose(*choices)

    def _show(self, result: Any) -> None:
        self.shown = result
        check_texts(result, self._texts)


def check_texts(result: Any, texts: dict[str, Any]) -> None:
    """Assert that the frontend finds a text for everything in ``result``, and a value for every placeholder."""
    values = result.get("description_placeholders") or {}
    match result["type"]:
        case data_entry_flow.FlowResultType.FORM:
            step = texts["step"][result["step_id"]]
            if result["step_id"] != "app_settings":  # whose fields the app names, in its own words
                _check_fields(result["data_schema"].schema, step)
            _check_serialisable(result["data_schema"])
            shown = [texts["error"][error] for error in (result["errors"] or {}).values()]
            _check_placeholders([step, *shown], values)
        case data_entry_flow.FlowResultType.MENU:
            step = texts["step"][result["step_id"]]
            assert set(result["menu_options"]) <= set(step["menu_options"])
            _check_placeholders([step], values)
            # The frontend fills the placeholders of a form's title only.
            _check_placeholders([step["title"]], {})
        case data_entry_flow.FlowResultType.SHOW_PROGRESS:
            _check_placeholders([texts["step"][result["step_id"]]["title"]], {})
            _check_placeholders([texts["progress"][result["progress_action"]]], values)
        case data_entry_flow.FlowResultType.ABORT:
            # A reason with a domain is one of Home Assistant's own.
            assert result.get("translation_domain") or result["reason"] in texts["abort"]


def _is_bare(option: Any) -> bool:
    return not isinstance(option, dict) or option["label"] == option["value"]


def _check_fields(fields: dict[Any, Any], texts: dict[str, Any]) -> None:
    for marker, selector in fields.items():
        name = str(marker)
        if isinstance(selector, data_entry_flow.section):
            _check_fields(selector.schema.schema, texts["sections"][name])
            continue
        assert texts["data"][name]
        assert texts["data_description"][name]
        config = getattr(selector, "config", {})
        if key := config.get("translation_key"):
            part = "fields" if "fields" in config else "options"
            # An option with a label of its own needs no text.
            keys = [each if isinstance(each, str) else each["value"] for each in config[part] if _is_bare(each)]
            assert set(keys) <= set(TEXTS["selector"][key][part])


def _check_serialisable(schema: probatio.Schema) -> None:
    fields = probatio.to_field_list(schema, custom_serializer=cv.custom_serializer)
    assert isinstance(fields, list)
    data_entry_flow.add_visible_conditions_to_serialized_schema(schema, fields)
    json.dumps(fields)


def _check_placeholders(texts: list[Any], values: dict[str, str]) -> None:
    wanted = set(re.findall(r"\{(\w+)\}", json.dumps(texts)))
    assert wanted <= set(values)
