"""What a handler may ask for, and what is refused when."""

import functools
import logging
from typing import TYPE_CHECKING, Protocol, override

import pytest

from custom_components.fieldbridge.bridge.interfaces import StreamablePort
from custom_components.fieldbridge.bridge.runners.injection import build_plan, resolve

if TYPE_CHECKING:
    from decimal import Decimal


class Port(Protocol):
    def read(self) -> int: ...


class Adapter:
    def read(self) -> int:
        return 1


class Special(Adapter): ...


def given(func: object, providers: dict[object, object]) -> dict[str, object]:
    assert callable(func)
    return resolve(build_plan(func), providers)


def test_parameters_are_found_by_exact_type() -> None:
    def handler(port: Port, logger: logging.Logger, frames: StreamablePort[bytes]) -> None: ...

    logger = logging.getLogger("x")
    assert given(handler, {Port: 1, logging.Logger: logger, StreamablePort[bytes]: 3, StreamablePort[str]: 4}) == {
        "port": 1,
        "logger": logger,
        "frames": 3,
    }


def test_a_base_class_finds_the_one_provider_derived_from_it() -> None:
    def handler(adapter: Adapter) -> None: ...

    special = Special()
    assert given(handler, {Special: special}) == {"adapter": special}


def test_a_class_that_names_its_protocol_is_made_with_its_own_arguments() -> None:
    class Plain(Port):
        @override
        def read(self) -> int:
            return 1

    class Base:
        def __init__(self, logger: logging.Logger) -> None: ...

    class Mixed(Port, Base):
        @override
        def read(self) -> int:
            return 1

    logger = logging.getLogger("x")
    for _ in range(2):  # the first instance changes what Python shows of its class
        assert given(Plain, {}) == {}
        assert given(Mixed, {logging.Logger: logger}) == {"logger": logger}
        Plain()
        Mixed(logger)


def test_two_candidates_are_refused() -> None:
    class Other(Adapter): ...

    def handler(adapter: Adapter) -> None: ...

    with pytest.raises(TypeError, match="Ambiguous provider"):
        given(handler, {Special: Special(), Other: Other()})


def test_defaults_and_optional_parameters_are_honoured() -> None:
    def handler(a: Adapter | None, b: Adapter | None = None, c: int = 5) -> None: ...

    assert given(handler, {}) == {"a": None}
    adapter = Adapter()
    assert given(handler, {Adapter: adapter, int: 6}) == {"a": adapter, "b": adapter, "c": 6}


def test_what_nobody_provides_is_refused_when_it_is_needed() -> None:
    def handler(port: Port) -> None: ...

    plan = build_plan(handler)
    with pytest.raises(TypeError, match="Cannot resolve parameter 'port"):
        resolve(plan, {})


def test_annotations_as_text_are_evaluated() -> None:
    namespace: dict[str, object] = {"Adapter": Adapter}
    exec("from __future__ import annotations\ndef handler(adapter: Adapter | None): ...", namespace)  # noqa: S102
    adapter = Adapter()
    assert given(namespace["handler"], {Adapter: adapter}) == {"adapter": adapter}


def test_classes_partials_and_callable_objects_can_be_injected() -> None:
    class Made:
        def __init__(self, port: Port) -> None: ...

    class Callable:
        def __call__(self, port: Port) -> None: ...

    def handler(number: int, port: Port) -> None: ...

    for target in (Made, Callable(), functools.partial(handler, 1)):
        plan = build_plan(target, given=frozenset({"number"}))
        assert resolve(plan, {Port: 1}) == {"port": 1}
    assert given(Adapter, {}) == {}


def unannotated(port) -> None: ...  # type: ignore[no-untyped-def]


def unresolvable(amount: Decimal) -> None: ...


def no_type(port: 5) -> None: ...  # type: ignore[valid-type]


def union(port: Port | int) -> None: ...


def positional_only(port: Port, /) -> None: ...


def variadic(*ports: Port) -> None: ...


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (unannotated, "'port' of unannotated has no type annotation"),
        (unresolvable, "unresolvable annotation 'Decimal'"),
        (no_type, "not a type"),
        (union, "not a type"),
        (positional_only, "positional-only"),
        (variadic, r"\*args"),
    ],
)
def test_signatures_that_cannot_be_injected_are_refused_at_once(handler: object, message: str) -> None:
    assert callable(handler)
    with pytest.raises(TypeError, match=message):
        build_plan(handler)
