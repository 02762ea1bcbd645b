"""What a handler is given: its parameters are resolved by their annotations, defaults and ``| None`` honoured.

Most are found once, by their type. Those that are *bound* come from one message, or from a function of the user's.
"""

from annotationlib import Format, ForwardRef, get_annotations
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
import functools
import inspect
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAliasType, Union, get_args, get_origin

from ..di import Depends, Message, Optional, Payload, Topic
from ..schema import payload_reader
from .commands import Command
from .refusals import PayloadValidationError

type Providers = Mapping[Any, object]
"""Injectable objects by their type, or by a parametrised form such as ``StreamablePort[Frame]``."""

type Binding = Callable[[Providers, Command | None], object]
"""Makes the argument of a bound parameter."""

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter to be injected; ``annotation`` is without its ``| None``."""

    name: str
    annotation: Any
    optional: bool
    has_default: bool
    binding: Binding | None = None
    depends: Plan | None = None
    """What the function behind a ``Depends`` wants."""
    is_payload: bool = False
    """True when the annotation is what the payload is read into."""
    is_raw: bool = False
    """True when it is the payload as it came."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters that a callable wants to be given."""

    owner: str
    parameters: tuple[Parameter, ...] = ()

    @property
    def bound(self) -> Plan:
        """The bound parameters alone."""
        return Plan(self.owner, tuple(each for each in self.parameters if each.binding is not None))

    @property
    def unbound(self) -> Plan:
        """The parameters that are found by their type."""
        return Plan(self.owner, tuple(each for each in self.parameters if each.binding is None))

    def wants(self, annotation: Any) -> bool:
        """True when a parameter has this annotation, also of a function that it depends on."""
        depends = (each.depends for each in self.parameters if each.depends is not None)
        return self.parameter_for(annotation) is not None or any(plan.wants(annotation) for plan in depends)

    def parameter_for(self, annotation: Any) -> str | None:
        """Return the name of the first parameter with this annotation."""
        return next((each.name for each in self.parameters if each.annotation == annotation), None)


def build_plan(
    func: Callable[..., object],
    *,
    given: frozenset[str] = frozenset(),
    takes_message: bool = False,
    may_lack_message: bool = False,
) -> Plan:
    """Read what ``func`` wants, parameters in ``given`` left out. Raises TypeError for what cannot be injected.

    With ``takes_message`` a parameter named ``payload`` is the message read into its type, marked or not. With
    ``may_lack_message`` a payload without a message is null, and a blank message an empty object.
    """
    owner = getattr(func, "__qualname__", repr(func))
    parameters = []
    function = _function_of(func)
    for parameter in _parameters_of(func):
        if parameter.name in given:
            continue
        where = f"Parameter '{parameter.name}' of {owner}"
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise TypeError(f"{where} cannot be injected: *args, **kwargs and positional-only are not supported")
        annotation, markers = _without_markers(_annotation(function, parameter.name, where))
        if takes_message:
            markers = markers or _implied_markers(parameter.name, annotation)
        binding, depends = _binding(markers, annotation, parameter.name, owner, may_lack_message=may_lack_message)
        if binding is None:
            annotation, optional = _without_none(annotation, where)
            optional = optional or Optional() in markers
        else:
            optional = False
        has_default = parameter.default is not parameter.empty
        payloads = {marker.raw for marker in markers if isinstance(marker, Payload)}
        read = Parameter(parameter.name, annotation, optional, has_default, binding, depends)
        parameters.append(replace(read, is_payload=False in payloads, is_raw=True in payloads))
    return Plan(owner, tuple(parameters))


def message_parameters(func: Callable[..., object]) -> frozenset[str]:
    """Return which of the parameters ``topic`` and ``payload`` are given the strings of the message as they are."""
    function = _function_of(func)
    hints = get_annotations(function, format=Format.FORWARDREF)
    names = {"topic", "payload"} & set(inspect.signature(func, annotation_format=Format.FORWARDREF).parameters)
    return frozenset(
        name for name in names if name not in hints or _annotation(function, name, name) in {str, str | None}
    )


def resolve(plan: Plan, providers: Providers, command: Command | None = None) -> dict[str, object]:
    """Return keyword arguments for the plan's callable, called for ``command`` where it is called for one.

    Raises TypeError for what nobody provides, PayloadValidationError for a message that cannot be read.
    """
    arguments = {}
    for parameter in plan.parameters:
        if parameter.binding is not None:
            arguments[parameter.name] = parameter.binding(providers, command)
            continue
        found = _find(parameter.annotation, providers, plan.owner)
        if found is not _MISSING:
            arguments[parameter.name] = found
        elif parameter.has_default:
            continue
        elif parameter.optional:
            arguments[parameter.name] = None
        else:
            raise TypeError(f"Cannot resolve parameter '{parameter.name}: {parameter.annotation}' of {plan.owner}")
    return arguments


def _function_of(func: Callable[..., object]) -> Any:
    """Return the function whose annotations count: that of a class, a partial or a callable object."""
    if isinstance(func, functools.partial):
        return _function_of(func.func)
    if isinstance(func, type):
        return _init_of(func)
    if inspect.isroutine(func):
        return inspect.unwrap(func)
    return inspect.getattr_static(type(func), "__call__")


def _init_of(cls: type) -> Any:
    """Return the ``__init__`` that counts: until a first instance is made, classes below a Protocol show a stand-in."""
    inits = (vars(each)["__init__"] for each in cls.__mro__ if "__init__" in vars(each))
    return next(init for init in inits if getattr(init, "__name__", "") != "_no_init_or_replace_init")


def _parameters_of(func: Callable[..., object]) -> list[inspect.Parameter]:
    """Return the parameters to be filled when ``func`` is called. Raises ValueError for C code without a signature."""
    init = _init_of(func) if isinstance(func, type) else None
    if init is None or init is inspect.getattr_static(func, "__init__"):
        return list(inspect.signature(func, annotation_format=Format.FORWARDREF).parameters.values())
    if init is object.__init__:
        return []
    return list(inspect.signature(init, annotation_format=Format.FORWARDREF).parameters.values())[1:]


def _annotation(function: Any, name: str, where: str) -> Any:
    """Return the annotation of a parameter, evaluated where it was left as text. Raises TypeError."""
    hint = get_annotations(function, format=Format.FORWARDREF).get(name, _MISSING)
    if hint is _MISSING:
        raise TypeError(f"{where} has no type annotation")
    if isinstance(hint, str):
        hint = ForwardRef(hint, owner=function)
    if isinstance(hint, ForwardRef):
        try:
            hint = hint.evaluate()
        except NameError as err:
            raise TypeError(f"{where} has an unresolvable annotation {hint.__forward_arg__!r}") from err
    return hint.__value__ if isinstance(hint, TypeAliasType) else hint


def _without_markers(annotation: Any) -> tuple[Any, list[Any]]:
    """Split ``Annotated[T, Payload()]`` into ``T`` and its markers; other metadata stays with the type."""
    if get_origin(annotation) is not Annotated:
        return annotation, []
    markers = [one for one in annotation.__metadata__ if isinstance(one, Depends | Optional | Payload | Topic)]
    return (annotation.__origin__ if markers else annotation), markers


def _implied_markers(name: str, annotation: Any) -> list[Any]:
    """Return the marker of a parameter that says by its type or name that it is the message."""
    if annotation in {Command, Message}:
        return [annotation]
    return [Payload()] if name == "payload" else []


def _binding(
    markers: list[Any], annotation: Any, name: str, owner: str, *, may_lack_message: bool
) -> tuple[Binding | None, Plan | None]:
    """Return how the argument is made, and what it takes to make it; None for one that is found by its type."""

    def message(command: Command | None) -> Command:
        if command is None:
            raise TypeError(f"Parameter '{name}' of {owner} is a part of a message, and there is none")
        return command

    def text(command: Command | None) -> str:
        if not may_lack_message:
            return message(command).payload
        return "null" if command is None else command.payload.strip() or "{}"

    marker = next((marker for marker in markers if not isinstance(marker, Optional)), None)
    if marker is Command:
        return lambda _, command: message(command), None
    if marker is Message:
        return lambda _, command: Message(message(command).topic, message(command).payload), None
    if isinstance(marker, Topic):
        return lambda _, command: message(command).topic, None
    if isinstance(marker, Payload):
        if marker.raw or annotation is str:
            return lambda _, command: "" if may_lack_message and command is None else message(command).payload, None
        read = payload_reader(annotation)
        return lambda _, command: _read(read, text(command), name, owner), None
    if isinstance(marker, Depends):
        depends = build_plan(marker.dependency, takes_message=True, may_lack_message=may_lack_message)
        return lambda given, command: marker.dependency(**resolve(depends, given, command)), depends
    return None, None


def _read(read: Callable[[str], Any], payload: str, name: str, owner: str) -> Any:
    try:
        return read(payload)
    except ValueError as err:
        raise PayloadValidationError(str(err), param=name, handler=owner, cause=err) from err


def _without_none(annotation: Any, where: str) -> tuple[Any, bool]:
    """Split ``T | None`` into ``(T, True)``."""
    optional = False
    if get_origin(annotation) in {Union, UnionType}:
        members = [member for member in get_args(annotation) if member is not NoneType]
        optional = len(members) < len(get_args(annotation))
        if len(members) != 1:
            raise TypeError(f"{where} is annotated {annotation!r}, which is not a type")
        annotation = members[0]
    if not isinstance(annotation, type) and get_origin(annotation) is None:
        raise TypeError(f"{where} is annotated {annotation!r}, which is not a type")
    return annotation, optional


def _find(annotation: Any, providers: Providers, owner: str) -> object:
    """Find by exact key, else by the one provider whose key is a subclass of the annotation."""
    if annotation in providers:
        return providers[annotation]
    matches = {
        id(value): value
        for key, value in providers.items()
        if isinstance(key, type) and annotation in key.__mro__ and annotation is not object
    }
    if len(matches) > 1:
        raise TypeError(f"Ambiguous provider for {annotation} of {owner}")
    return next(iter(matches.values()), _MISSING)


def first_annotation(func: Callable[..., object]) -> Any:
    """Return the annotation of the first parameter, None when there is none."""
    name = next(iter(inspect.signature(func, annotation_format=Format.FORWARDREF).parameters), None)
    function = _function_of(func)
    if name is None or name not in get_annotations(function, format=Format.FORWARDREF):
        return None
    return _annotation(function, name, f"Parameter '{name}'")


def return_annotation(func: Callable[..., object]) -> Any:
    """Return the annotation of what is returned, None when there is none. Raises TypeError for one without sense."""
    function = _function_of(func)
    if "return" not in get_annotations(function, format=Format.FORWARDREF):
        return None
    return _annotation(function, "return", f"What {getattr(func, '__qualname__', func)} returns")
