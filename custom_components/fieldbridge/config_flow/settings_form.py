"""The form of a bridge app's settings, made from its settings class."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

if TYPE_CHECKING:
    from ..bridge.settings import Settings

_NOT_ASKED: Final = frozenset({"mqtt", "logging"})
"""Home Assistant decides where an app publishes and how it logs."""

type Field = Mapping[str, Any]
"""One property of a JSON schema, without references."""


class SettingsForm:
    """What is asked for an app: one field for each of its settings. To be made in an executor."""

    def __init__(self, settings_class: type[Settings]) -> None:
        schema = _json_schema(settings_class)
        definitions = schema.get("$defs", {})
        self.settings_class = settings_class
        self.fields = {
            name: _resolved(field, definitions)
            for name, field in schema.get("properties", {}).items()
            if name not in _NOT_ASKED
        }
        self._required = set(schema.get("required", ()))

    @property
    def explanation(self) -> str:
        """What the app says about its settings, as Markdown."""
        said = {name: field.get("description") for name, field in self.fields.items()}
        return "\n".join(f"- **{name}**: {text}" for name, text in said.items() if text)

    def schema(self, stored: Mapping[str, Any]) -> probatio.Schema:
        """Return the form, filled with what is stored or else with the defaults; secrets are never sent back."""
        markers: dict[probatio.Marker, object] = {}
        for name, field in self.fields.items():
            is_kept = _is_secret(field) and name in stored
            marker = probatio.Required if name in self._required and not is_kept else probatio.Optional
            suggested = None if _is_secret(field) else stored.get(name, field.get("default"))
            markers[marker(name, description={"suggested_value": suggested})] = _selector(field)
        return probatio.Schema(markers)

    def values(self, form: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings that the filled form means; a secret that is left empty stays as it is stored."""
        kept = {
            name: stored[name]
            for name, field in self.fields.items()
            if _is_secret(field) and name in stored and not form.get(name)
        }
        return {**{name: value for name, value in form.items() if value is not None}, **kept}


def _json_schema(settings_class: type[Settings]) -> dict[str, Any]:
    from pydantic.json_schema import GenerateJsonSchema

    class Lenient(GenerateJsonSchema):
        """Has an empty schema for what JSON cannot describe."""

        ignored_warning_kinds = {"skipped-choice", "non-serializable-default", "skipped-discriminator"}  # noqa: RUF012

        @override
        def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
            return {}

    return settings_class.model_json_schema(schema_generator=Lenient)


def _resolved(field: Field, definitions: Mapping[str, Field]) -> dict[str, Any]:
    """Return a field with its references followed and without the ``null`` of an optional one."""
    resolved = dict(field)
    for key in ("allOf", "anyOf"):
        choices = [each for each in resolved.get(key, ()) if each.get("type") != "null"]
        if len(choices) == 1:
            resolved |= choices[0]
            del resolved[key]
    if reference := resolved.pop("$ref", None):
        resolved = {**_resolved(definitions[reference.rpartition("/")[2]], definitions), **resolved}
    return resolved


def _is_secret(field: Field) -> bool:
    return field.get("format") == "password"


def _selector(field: Field) -> object:
    if "enum" in field and all(isinstance(each, str) for each in field["enum"]):
        return SelectSelector(SelectSelectorConfig(options=field["enum"], mode=SelectSelectorMode.DROPDOWN))
    match field.get("type"):
        case "boolean":
            return BooleanSelector()
        case "integer":
            return probatio.All(_number(field, step=1), probatio.Coerce(int))
        case "number":
            return _number(field, step="any")
        case "string" if _is_secret(field):
            return TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
        case "string":
            return TextSelector()
        case "array" if field.get("items", {}).get("type") == "string":
            return TextSelector(TextSelectorConfig(multiple=True))
        case _:
            return ObjectSelector()


def _number(field: Field, step: Any) -> NumberSelector:
    config = NumberSelectorConfig(mode=NumberSelectorMode.BOX, step=step)
    if (least := field.get("minimum", field.get("exclusiveMinimum"))) is not None:
        config["min"] = least
    if (most := field.get("maximum", field.get("exclusiveMaximum"))) is not None:
        config["max"] = most
    return NumberSelector(config)
