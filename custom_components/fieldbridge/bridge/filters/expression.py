"""Safe expressions: arithmetic on ``x`` in Python's notation, compiled from its syntax tree; nothing is evaluated."""

import ast
from collections.abc import Callable
import math
import operator
from typing import Any, ClassVar, override

from .kinds import SKIP, MapFilter

type Term = Callable[[float], float]

MAX_LENGTH = 500
"""Characters; a formula that is longer is a program."""
MAX_DEPTH = 30

CONSTANTS = {"pi": math.pi, "e": math.e, "nan": math.nan}
FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    # name: function, least and most arguments
    "abs": (abs, 1, 1),
    "min": (min, 2, 8),
    "max": (max, 2, 8),
    "round": (round, 1, 1),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "exp": (math.exp, 1, 1),
    "log": (math.log, 1, 1),
    "log10": (math.log10, 1, 1),
    "log2": (math.log2, 1, 1),
    "pow": (math.pow, 2, 2),
    "sin": (math.sin, 1, 1),
    "cos": (math.cos, 1, 1),
    "tan": (math.tan, 1, 1),
    "asin": (math.asin, 1, 1),
    "acos": (math.acos, 1, 1),
    "atan": (math.atan, 1, 1),
    "atan2": (math.atan2, 2, 2),
    "hypot": (math.hypot, 2, 2),
}
OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    # Unlike **, never a complex number.
    ast.Pow: math.pow,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class Expression(MapFilter):
    """Gives ``formula`` of each sample ``x``: ``x * 1.8 + 32``, ``nan if x > 100 else sqrt(x)``.

    ``nan``, and a value for which the formula has no result, is missing.
    """

    __slots__ = ("_term", "formula")

    kind: ClassVar[str] = "expression"
    parameters: ClassVar[tuple[str, ...]] = ("formula",)

    def __init__(self, formula: str, *, missing: str = SKIP) -> None:
        if not isinstance(formula, str):
            raise TypeError(f"formula must be a text, got {type(formula).__name__}")
        self.formula = formula
        self._term = compile_formula(formula)
        super().__init__(missing)

    @override
    def update(self, raw: float, dt: float | None = None) -> float:
        if raw - raw:
            return self._absent(raw)
        try:
            y = float(self._term(float(raw)))
        except ArithmeticError, ValueError:
            y = math.nan
        if y - y:
            return self._absent(y)
        self._value = y
        return y


def compile_formula(formula: str) -> Term:
    """Return the function of ``x`` that ``formula`` describes; raises ValueError that says what is not understood."""
    if not formula.strip():
        raise ValueError("formula must be a text")
    if len(formula) > MAX_LENGTH:
        raise ValueError(f"formula must have at most {MAX_LENGTH} characters, got {len(formula)}")
    try:
        tree = ast.parse(formula.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
        raise ValueError(f"formula is not understood: {err}") from err
    return _term(tree.body, 0)


def _term(node: ast.expr, depth: int) -> Term:  # noqa: C901, PLR0911 - one case per kind of node
    if depth > MAX_DEPTH:
        raise ValueError("formula is nested too deeply")
    depth += 1
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _constant(value)
        case ast.Name(id="x"):
            return lambda x: x
        case ast.Name(id=name) if name in CONSTANTS:
            return _constant(CONSTANTS[name])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _term(operand, depth)
            return lambda x: -inner(x)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _term(operand, depth)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _term(operand, depth)
            return lambda x: not inner(x)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return _binary(OPERATORS[type(op)], _term(left, depth), _term(right, depth))
        case ast.Compare(left=left, ops=ops, comparators=rights):
            return _comparison(_term(left, depth), ops, [_term(right, depth) for right in rights])
        case ast.BoolOp(op=op, values=values):
            return _logic(isinstance(op, ast.And), [_term(value, depth) for value in values])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            condition, then, otherwise = _term(test, depth), _term(body, depth), _term(orelse, depth)
            return lambda x: then(x) if condition(x) else otherwise(x)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return _call(name, [_term(argument, depth) for argument in arguments])
    raise ValueError(f"formula may not contain {ast.unparse(node)!r}")


def _constant(value: float) -> Term:
    try:
        constant = float(value)
    except OverflowError as err:
        raise ValueError("formula has a number that is too large") from err
    return lambda _x: constant


def _binary(operation: Callable[[Any, Any], Any], left: Term, right: Term) -> Term:
    return lambda x: operation(left(x), right(x))


def _comparison(left: Term, ops: list[ast.cmpop], rights: list[Term]) -> Term:
    for op in ops:
        if type(op) not in OPERATORS:
            raise ValueError(f"formula may not contain {type(op).__name__.lower()!r}")
    steps = [(OPERATORS[type(op)], right) for op, right in zip(ops, rights, strict=True)]

    def compare(x: float) -> bool:
        value = left(x)
        for operation, right in steps:
            following = right(x)
            if not operation(value, following):
                return False
            value = following
        return True

    return compare


def _logic(every: bool, terms: list[Term]) -> Term:
    if every:
        return lambda x: all(term(x) for term in terms)
    return lambda x: any(term(x) for term in terms)


def _call(name: str, arguments: list[Term]) -> Term:
    function, least, most = FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise ValueError(f"in a formula {name}() takes {wanted} arguments, not {len(arguments)}")
    return lambda x: function(*[argument(x) for argument in arguments])
