"""What a handler returned, as the state to publish: written as its annotation or its ``state_model`` says."""

from collections.abc import Callable
from typing import Any

from ..payloads import as_state
from ..schema import StateField, is_model, state_fields, value_writer, without_none
from .injection import return_annotation
from .refusals import ReturnValidationError
from .registrations import Registration

type StateWriter = Callable[[Any], dict[str, object] | None]
"""Makes a state of a result, None of what is not to be published. Raises ReturnValidationError."""


def state_writer(registration: Registration) -> StateWriter:
    """Return what makes states of the results of a handler; it is lenient: what does not fit goes out as it is."""
    kind = kind_of_state(registration)
    if kind is None:
        return lambda value: None if value is None else as_state(value)
    handler = registration.plan.owner
    to_plain: Callable[[Any], Any] | None = None

    def write(value: Any) -> dict[str, object] | None:
        nonlocal to_plain
        if value is None:
            return None
        try:
            to_plain = to_plain or value_writer(kind)
            plain = to_plain(value)
        except Exception as err:
            # Not the value itself: it would go out on a topic that others read.
            reason = str(err) if type(err) is TypeError else type(err).__name__
            message = f"What {handler} returned cannot be published: {reason}"
            raise ReturnValidationError(message, handler=handler, cause=err) from err
        return None if plain is None else as_state(plain)

    return write


def kind_of_state(registration: Registration) -> Any:
    """Return what a handler says that it returns, else its ``state_model``; None for one that says neither."""
    try:
        annotated = return_annotation(registration.func)
    except TypeError:
        annotated = None
    return registration.state_model if annotated in {None, type(None)} else annotated


def declared_fields(registration: Registration) -> list[StateField]:
    """Return the fields of the states that a handler says it publishes, none for one that does not say."""
    model = registration.state_model
    if model is None:
        model, _ = without_none(kind_of_state(registration))
    return state_fields(model) if is_model(model) else []
