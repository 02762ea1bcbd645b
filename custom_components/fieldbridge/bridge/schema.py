"""What the fields of a state mean, said where the state is described: units, classes and names for whoever shows them.

    class Room(BaseModel):
        celsius: float = Field(json_schema_extra=consumer(unit="°C", device_class="temperature"))

    @dataclass
    class Room:
        celsius: float = field(metadata=consumer(unit="°C", device_class="temperature"))

    class Room(TypedDict):  # or a dataclass
        celsius: Annotated[float, Field(json_schema_extra=consumer(unit="°C", device_class="temperature"))]

All say the same; pass the class as ``state_model=`` where the device is registered.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Required, TypedDict, Union, Unpack, get_args, get_origin, get_type_hints
import unicodedata

X_COSALETTE_CONSUMER = "x-cosalette-consumer"
"""Key in the JSON schema, the same that apps for the documented framework carry."""


class ConsumerMeta(TypedDict, total=False):
    """What can be said of a field; all of it is optional."""

    display_name: str
    device_class: str
    unit: str
    state_class: str
    icon: str
    read_only: bool
    aggregate: str


@dataclass(frozen=True, slots=True)
class StateField:
    """One value of a state; ``path`` leads to it through nested objects, ``kind`` is its Python type."""

    path: tuple[str, ...]
    kind: Any
    optional: bool
    metadata: ConsumerMeta


def consumer(**metadata: Unpack[ConsumerMeta]) -> dict[str, Any]:
    """Return metadata for a field. Raises ValueError for text with invisible characters."""
    for key, value in metadata.items():
        if isinstance(value, str) and any(unicodedata.category(char) in {"Cc", "Cf"} for char in value):
            raise ValueError(f"consumer({key}=...) holds invisible characters")
    return {X_COSALETTE_CONSUMER: dict(metadata)}


def temperature(display_name: str) -> dict[str, Any]:
    """Return the metadata of a measured temperature in °C."""
    return consumer(display_name=display_name, device_class="temperature", unit="°C", state_class="measurement")


def percent(display_name: str, *, icon: str | None = None) -> dict[str, Any]:
    """Return the metadata of a measured share in %."""
    if icon is None:
        return consumer(display_name=display_name, unit="%", state_class="measurement")
    return consumer(display_name=display_name, unit="%", state_class="measurement", icon=icon)


def state_fields(model: type) -> list[StateField]:
    """Return the values that a state of this dataclass, pydantic model or TypedDict has, in order.

    Raises TypeError for any other class.
    """
    return list(_walk(model, ()))


def is_model(kind: Any) -> bool:
    """Return whether ``state_fields`` knows the fields of a type."""
    return isinstance(kind, type) and (
        is_dataclass(kind) or hasattr(kind, "model_fields") or hasattr(kind, "__total__")
    )


def choices(state_field: StateField) -> tuple[str, ...]:
    """Return the values that a text may have when its type is a Literal, else none."""
    return get_args(state_field.kind) if get_origin(state_field.kind) is Literal else ()


def payload_reader(kind: Any) -> Callable[[str], Any]:
    """Return a function that reads a message into ``kind``: JSON, or the bare text of a value (``on``, ``21.5``).

    What it returns raises ValueError for a message that does not fit.
    """
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(kind)

    def read(payload: str) -> Any:
        try:
            return adapter.validate_json(payload)
        except ValidationError as err:
            if err.errors()[0]["type"] != "json_invalid":
                raise ValueError(_reasons(err.errors())) from err
        try:
            return adapter.validate_strings(payload)
        except ValidationError as err:
            raise ValueError(_reasons(err.errors())) from err

    return read


def _reasons(errors: Iterable[Mapping[str, Any]]) -> str:
    """Return what is wrong and where, without what was sent: others may read it, and it may be a secret."""
    # The words of an app's own validator may quote the value.
    own_words = {"value_error", "assertion_error"}
    parts = ((error, ".".join(map(str, error["loc"]))) for error in errors)
    return "; ".join(
        f"{path}: {reason}" if path else reason
        for error, path in parts
        for reason in [error["type"] if error["type"] in own_words else error["msg"]]
    )


def value_writer(kind: Any) -> Callable[[Any], Any]:
    """Return a function that writes values of ``kind`` as JSON knows them; a value of another kind stays as it is.

    Raises pydantic's PydanticUserError for a kind that has no form in JSON; what it returns raises ValueError for such
    a value.
    """
    from pydantic import TypeAdapter

    adapter = TypeAdapter(kind)
    return lambda value: adapter.dump_python(value, mode="json", warnings=False, fallback=_number)


def json_schema(kind: Any, references: str) -> dict[str, Any] | None:
    """Return the JSON schema of ``kind``, None for what has none; ``references`` is where ``{model}`` will be found."""
    from pydantic import PydanticInvalidForJsonSchema, PydanticUserError, TypeAdapter

    try:
        return TypeAdapter(kind).json_schema(ref_template=references)
    except PydanticInvalidForJsonSchema, PydanticUserError:
        return None


def _number(value: Any) -> Any:
    """Return the number or list behind what numpy holds. Raises TypeError for anything else."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _walk(model: type, above: tuple[str, ...], within: tuple[type, ...] = ()) -> Iterator[StateField]:
    if model in within:
        return  # it holds itself: its fields have no end
    for name, annotation, metadata in _own_fields(model):
        kind, optional = without_none(annotation)
        if is_model(kind):
            yield from _walk(kind, (*above, name), (*within, model))
        else:
            yield StateField((*above, name), kind, optional, _consumer_part(metadata))


def _own_fields(model: type) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    if is_dataclass(model):
        hints, annotated = get_type_hints(model), get_type_hints(model, include_extras=True)
        infos = getattr(model, "__pydantic_fields__", {})
        for each in fields(model):
            said = [_extra(infos.get(each.name, each.default)), _annotated_extra(annotated[each.name])]
            yield each.name, hints[each.name], {**said[1], **said[0], **each.metadata}
    elif hasattr(model, "model_fields"):
        by_alias = getattr(model, "model_config", {}).get("serialize_by_alias")
        for name, info in model.model_fields.items():
            published = info.serialization_alias if by_alias else None
            yield published or name, info.annotation, _extra(info)
    elif hasattr(model, "__total__"):
        annotated = get_type_hints(model, include_extras=True)
        for name, annotation in get_type_hints(model).items():
            yield name, annotation, _annotated_extra(annotated[name])
    else:
        raise TypeError(f"{model!r} is no dataclass, pydantic model or TypedDict")


def _annotated_extra(hint: Any) -> dict[str, Any]:
    """Return what ``Annotated[T, Field(json_schema_extra=...)]`` says."""
    if get_origin(hint) in {Required, NotRequired}:
        (hint,) = get_args(hint)
    return {key: value for each in getattr(hint, "__metadata__", ()) for key, value in _extra(each).items()}


def _extra(info: Any) -> dict[str, Any]:
    extra = getattr(info, "json_schema_extra", None)
    return extra if isinstance(extra, dict) else {}


def without_none(annotation: Any) -> tuple[Any, bool]:
    """Split ``T | None`` into ``(T, True)``."""
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation, False
    members = [member for member in get_args(annotation) if member is not NoneType]
    optional = len(members) < len(get_args(annotation))
    return (members[0] if len(members) == 1 else annotation), optional


def _consumer_part(metadata: Mapping[str, Any]) -> ConsumerMeta:
    found: ConsumerMeta = metadata.get(X_COSALETTE_CONSUMER, {})
    return found
