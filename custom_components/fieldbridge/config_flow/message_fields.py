"""The form of what was found in messages of characteristics that no profile knows."""

from typing import Any

from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from ..bridge.channels.recognise import Recognition
from ..bridge.channels.recognise_messages import is_certain
from .presentation import field_label
from .recognised_form import CONF_FIELDS


def message_fields_schema(recognition: Recognition) -> dict[probatio.Marker, Any]:
    """Return the selector of the found values, empty where none was; what is a guess is not ticked."""
    if not recognition.fields:
        return {}
    options = [SelectOptionDict(value=field.source, label=field_label(field)) for field in recognition.fields]
    ticked = [field.source for field in recognition.fields if is_certain(field)]
    mode = SelectSelectorMode.LIST if len(options) <= 12 else SelectSelectorMode.DROPDOWN
    return {
        probatio.Optional(CONF_FIELDS, default=ticked): SelectSelector(
            SelectSelectorConfig(options=options, multiple=True, mode=mode)
        )
    }
