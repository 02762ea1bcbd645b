"""What a handler is given: its parameters are resolved by their annotations, defaults and ``| None`` honoured."""

from annotationlib import Format, ForwardRef, get_annotations
from collections.abc import Callable, Mapping
from dataclasses import dataclass
import functools
import inspect
from types import NoneType, UnionType
from typing import Any, TypeAliasType, Union, get_args, get_origin

type Providers = Mapping[Any, object]
"""Injectable objects by their type, or by a parametrised form such as ``StreamablePort[Frame]``."""

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter to be injected; ``annotation`` is without its ``| None``."""

    name: str
    annotation: Any
    optional: bool
    has_default: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters that a callable wants to be given."""

    owner: str
    parameters: tuple[Parameter, ...] = ()

    def wants(self, annotation: Any) -> bool:
        """True when a parameter has this annotation."""
        return self.parameter_for(annotation) is not None

    def parameter_for(self, annotation: Any) -> str | None:
        """Return the name of the first parameter with this annotation."""
        return next((each.name for each in self.parameters if each.annotation == annotation), None)


def build_plan(func: Callable[..., object], *, given: frozenset[str] = frozenset()) -> Plan:
    """Read what ``func`` wants, parameters in ``given`` left out. Raises TypeError for what cannot be injected."""
    owner = getattr(func, "__qualname__", repr(func))
    parameters = []
    function = _function_of(func)
    for parameter in inspect.signature(func, annotation_format=Format.FORWARDREF).parameters.values():
        if parameter.name in given:
            continue
        where = f"Parameter '{parameter.name}' of {owner}"
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise TypeError(f"{where} cannot be injected: *args, **kwargs and positional-only are not supported")
        annotation, optional = _without_none(_annotation(function, parameter.name, where), where)
        has_default = parameter.default is not parameter.empty
        parameters.append(Parameter(parameter.name, annotation, optional, has_default))
    return Plan(owner, tuple(parameters))


def resolve(plan: Plan, providers: Providers) -> dict[str, object]:
    """Return keyword arguments for the plan's callable. Raises TypeError for what nobody provides."""
    arguments = {}
    for parameter in plan.parameters:
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
        return inspect.getattr_static(func, "__init__")
    if inspect.isroutine(func):
        return inspect.unwrap(func)
    return inspect.getattr_static(type(func), "__call__")


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
