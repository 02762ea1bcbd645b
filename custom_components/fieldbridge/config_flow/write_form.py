"""The form of how a value is set, whatever the link; where it is sent is the link's own part."""

from collections.abc import Mapping
import json
from typing import Any, Final

from homeassistant.data_entry_flow import Optional, Required
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..bridge.channels import Channel, ValueKind, Write, WriteControl
from ..bridge.yaml_text import fits_json

CONF_COMMANDED: Final = "commanded"
CONF_CONTROL: Final = "control"
_LIMITS: Final = ("minimum", "maximum", "step")
_RAW: Final = ("on", "off", "press")
_OPTIONS: Final = "options"
_CONTROL_OF_KIND: Final = {
    ValueKind.NUMBER: WriteControl.NUMBER,
    ValueKind.BINARY: WriteControl.SWITCH,
    ValueKind.TEXT: WriteControl.TEXT,
}


def commanded_schema(channels: Mapping[str, Mapping[str, Any]]) -> probatio.Schema:
    """Return the form that asks which value is commanded; another name is one that is only written."""
    options = [SelectOptionDict(value=key, label=channel["name"]) for key, channel in channels.items()]
    return probatio.Schema(
        {
            probatio.Required(CONF_COMMANDED): SelectSelector(
                SelectSelectorConfig(options=options, custom_value=True, mode=SelectSelectorMode.DROPDOWN)
            )
        }
    )


def only_written(key: str, name: str) -> dict[str, Any]:
    """Return the stored form of a channel that no message carries, before it is said how it is written."""
    write = Write(control=WriteControl.TEXT)
    channel = Channel(key=key, name=name, source="", kind=ValueKind.TEXT, write=write).to_dict()
    return {**channel, "write": None}


def write_fields() -> dict[probatio.Marker, Any]:
    """Return the fields that ask what a person may choose and what is sent for it."""
    number = NumberSelector(NumberSelectorConfig(step="any", mode=NumberSelectorMode.BOX))
    return {
        probatio.Required(CONF_CONTROL): SelectSelector(
            SelectSelectorConfig(
                options=[control.value for control in WriteControl],
                translation_key=CONF_CONTROL,
                mode=SelectSelectorMode.DROPDOWN,
            )
        ),
        **{
            Required(name, default=getattr(Write(control=WriteControl.NUMBER), name), visible=_only("number")): number
            for name in _LIMITS
        },
        Optional(_OPTIONS, visible=_only("select")): TextSelector(TextSelectorConfig(multiple=True)),
        Optional("on", default="true", visible=_only("switch")): TextSelector(),
        Optional("off", default="false", visible=_only("switch")): TextSelector(),
        Optional("press", default="true", visible=_only("button")): TextSelector(),
    }


def write_form(channel: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form filled with what a stored channel is set by, or with what suits its kind."""
    if channel.get("write") is None:
        return {CONF_CONTROL: _CONTROL_OF_KIND[ValueKind(channel.get("kind", ValueKind.NUMBER))].value}
    write = Write.from_dict(channel["write"]).to_dict()  # what the control does not use may not be stored
    return {
        CONF_CONTROL: write[CONF_CONTROL],
        **{name: write[name] for name in _LIMITS},
        **{name: _raw_text(write[name]) for name in _RAW},
        _OPTIONS: [f"{shown} = {_raw_text(raw)}" for shown, raw in write[_OPTIONS].items()],
    }


def write_of_form(form: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored form of how a channel is set; whether it makes sense is found by the profile."""
    pairs = (line.partition("=") for line in form.get(_OPTIONS, ()))
    options = {shown.strip(): _raw(raw if equals else shown) for shown, equals, raw in pairs if shown.strip()}
    return {
        CONF_CONTROL: form[CONF_CONTROL],
        **{name: form[name] for name in _LIMITS if name in form},
        **{name: _raw(form[name]) for name in _RAW if name in form},
        _OPTIONS: options,
        "target": dict(target),
    }


def _only(control: str) -> FieldCondition:
    return {"field": CONF_CONTROL, "operator": ConditionOperator.EQ, "value": control}


def _raw(text: str) -> Any:
    """Return a number, true or false where the text is one, else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text.strip()
    return value if isinstance(value, bool | int | float) and fits_json(value) else text.strip()


def _raw_text(raw: Any) -> str:
    return raw if isinstance(raw, str) else json.dumps(raw)
