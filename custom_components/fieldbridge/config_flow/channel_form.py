"""The form of one channel, and how it maps to what a device stores."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeassistant.const import CONF_NAME, CONF_SOURCE, CONF_UNIT_OF_MEASUREMENT, Platform
from homeassistant.data_entry_flow import Optional
from homeassistant.helpers.field_visibility import ConditionOperator, FieldCondition
from homeassistant.helpers.selector import (
    DeviceClassSelector,
    DeviceClassSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    StateClassSelector,
    TextSelector,
    UnitOfMeasurementSelector,
)
import probatio

from ..bridge.channels import Channel, DeviceProfile, ValueKind
from ..bridge.errors import ProfileError
from ..bridge.filters import default_filters
from ..units import state_class_fits, unit_fits

_KIND: Final = "kind"
_DEVICE_CLASS: Final = "device_class"
_BINARY_DEVICE_CLASS: Final = "binary_device_class"
_STATE_CLASS: Final = "state_class"
_PRECISION: Final = "precision"
_SCALE: Final = "scale"
_OFFSET: Final = "offset"
_MIN_INTERVAL: Final = "min_interval"
_FIELD_OF_KEY: Final = {"unit": CONF_UNIT_OF_MEASUREMENT}
"""Where the form's name differs from the stored one."""

_NUMBER_ONLY: Final[FieldCondition] = {
    "field": _KIND,
    "operator": ConditionOperator.EQ,
    "value": ValueKind.NUMBER.value,
}
_BINARY_ONLY: Final[FieldCondition] = {
    "field": _KIND,
    "operator": ConditionOperator.EQ,
    "value": ValueKind.BINARY.value,
}

_ANY_NUMBER: Final = NumberSelector(NumberSelectorConfig(step="any", mode=NumberSelectorMode.BOX))


def source_selector(options: Sequence[SelectOptionDict]) -> SelectSelector:
    """Return a selector of the fields seen in frames; others can be typed."""
    return SelectSelector(
        SelectSelectorConfig(options=list(options), custom_value=True, mode=SelectSelectorMode.DROPDOWN)
    )


def channel_schema(sources: Sequence[SelectOptionDict]) -> probatio.Schema:
    """Return the form of one channel; what makes no sense for its kind is hidden."""
    return probatio.Schema(
        {
            probatio.Required(CONF_NAME): TextSelector(),
            probatio.Required(CONF_SOURCE): source_selector(sources),
            probatio.Required(_KIND, default=ValueKind.NUMBER.value): SelectSelector(
                SelectSelectorConfig(
                    options=[kind.value for kind in ValueKind],
                    translation_key="value_kind",
                    mode=SelectSelectorMode.DROPDOWN,
                )
            ),
            Optional(_DEVICE_CLASS, visible=_NUMBER_ONLY): DeviceClassSelector(
                DeviceClassSelectorConfig(domain=Platform.SENSOR)
            ),
            Optional(_BINARY_DEVICE_CLASS, visible=_BINARY_ONLY): DeviceClassSelector(
                DeviceClassSelectorConfig(domain=Platform.BINARY_SENSOR)
            ),
            Optional(CONF_UNIT_OF_MEASUREMENT, visible=_NUMBER_ONLY): UnitOfMeasurementSelector(
                {"context": {"filter_device_class": _DEVICE_CLASS}}
            ),
            Optional(_STATE_CLASS, visible=_NUMBER_ONLY): StateClassSelector(),
            Optional(_PRECISION, visible=_NUMBER_ONLY): probatio.All(
                NumberSelector(NumberSelectorConfig(min=0, max=9, step=1, mode=NumberSelectorMode.BOX)),
                probatio.Coerce(int),
            ),
            Optional(_SCALE, default=1, visible=_NUMBER_ONLY): _ANY_NUMBER,
            Optional(_OFFSET, default=0, visible=_NUMBER_ONLY): _ANY_NUMBER,
            Optional(_MIN_INTERVAL): NumberSelector(
                NumberSelectorConfig(min=0, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="s")
            ),
        }
    )


def channel_form(channel: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form filled with a stored channel."""
    form = {_FIELD_OF_KEY.get(key, key): value for key, value in channel.items() if key != "key" and value is not None}
    if channel[_KIND] == ValueKind.BINARY and _DEVICE_CLASS in form:
        form[_BINARY_DEVICE_CLASS] = form.pop(_DEVICE_CLASS)
    return form


def channel_of_form(form: Mapping[str, Any], key: str, stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the channel as it is stored; whether it makes sense is found by ``check_channel``.

    What the form does not ask for stays as it was ``stored``, unless the channel becomes one of another kind.
    """
    kind = ValueKind(form[_KIND])
    kept = stored if stored is not None and stored.get(_KIND, ValueKind.NUMBER) == kind else {}
    device_class = form.get(_BINARY_DEVICE_CLASS if kind is ValueKind.BINARY else _DEVICE_CLASS)
    return {
        **Channel(key=key, name=" ", source=" ").to_dict(),
        **kept,
        "name": form[CONF_NAME].strip(),
        "source": form[CONF_SOURCE].strip(),
        _KIND: kind.value,
        "unit": form.get(CONF_UNIT_OF_MEASUREMENT) or None,
        _DEVICE_CLASS: device_class,
        _STATE_CLASS: form.get(_STATE_CLASS),
        _PRECISION: form.get(_PRECISION),
        _SCALE: form.get(_SCALE, 1.0),
        _OFFSET: form.get(_OFFSET, 0.0),
        _MIN_INTERVAL: form.get(_MIN_INTERVAL),
    }


def guarded(channel: Mapping[str, Any], stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the channel with the filters of a total when it has just become one."""
    if channel[_KIND] != ValueKind.NUMBER or channel["filters"]:
        return dict(channel)
    if stored is not None and stored.get(_STATE_CLASS) == channel[_STATE_CLASS]:
        return dict(channel)
    return {**channel, "filters": [dict(item) for item in default_filters(channel[_STATE_CLASS])]}


def check_channel(device: Mapping[str, Any], channel: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return form errors of ``channel`` within the stored ``device``, and their placeholders."""
    try:
        DeviceProfile.from_dict(dict(device))
    except ProfileError as err:
        field = err.path.rpartition(".")[2]
        field = _FIELD_OF_KEY.get(field, field)
        return {field if field in channel_form(channel) else "base": "bad_value"}, {"error": str(err)}
    return check_fit(channel), {}


def check_fit(channel: Mapping[str, Any]) -> dict[str, str]:
    """Return form errors of a channel whose unit and classes Home Assistant would not accept together."""
    if channel[_KIND] != ValueKind.NUMBER:
        return {}
    if not unit_fits(channel[_DEVICE_CLASS], channel["unit"]):
        return {CONF_UNIT_OF_MEASUREMENT: "unit_does_not_fit"}
    if not state_class_fits(channel[_DEVICE_CLASS], channel[_STATE_CLASS], channel["unit"]):
        return {_STATE_CLASS: "state_class_does_not_fit"}
    return {}
