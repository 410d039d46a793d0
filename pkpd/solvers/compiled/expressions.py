"""Symbolic expressions written as instructions on lanes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import sympy
from llvmlite import ir

from pkpd.errors import ModelError
from pkpd.solvers.compiled.elementary import ELEMENTARY, power
from pkpd.solvers.compiled.lanes import Code
from pkpd.solvers.compiled.shape import DOUBLE, SHORT
from pkpd.solvers.compiled.value import Value

__all__ = ["Invariants", "write", "write_each"]

MOST_SEARCHED = 250  # expressions among which common parts of sums and products are looked for: slow, and worth 10 %

# Taken from the C library, lane by lane: rare in models, and slow.
LIBRARY = {
    "sin": "sin", "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh",
    "cosh": "cosh", "asinh": "asinh", "acosh": "acosh", "atanh": "atanh", "erf": "erf", "erfc": "erfc",
    "gamma": "tgamma", "loggamma": "lgamma",
}  # fmt: skip


class Invariants:
    """What of some expressions depends on parameters and inputs alone, computed once and held.

    Attributes
    ----------
    symbols, values
        The symbols ``h_0, h_1, ...`` and the expression that each stands for.
    """

    def __init__(self, constant: Sequence[sympy.Symbol]) -> None:
        self._constant = frozenset(constant)
        self._known: dict[sympy.Expr, sympy.Symbol] = {}
        self._extracted: dict[Any, Any] = {}

    @property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        return tuple(self._known.values())

    @property
    def values(self) -> tuple[sympy.Expr, ...]:
        return tuple(self._known)

    def extract(self, expression: Any) -> Any:
        """`expression` with all that is constant replaced by held symbols."""
        if expression not in self._extracted:
            self._extracted[expression] = self._extract(expression)
        return self._extracted[expression]

    def _extract(self, expression: Any) -> Any:
        if expression.is_Atom or not isinstance(expression, sympy.Expr):
            return self._within(expression) if expression.args else self._hold(expression)
        if self._is_constant(expression):
            return self._hold(expression)
        if expression.is_Mul:
            factor, rest = self._parted(expression)
            return self._hold(factor) * sympy.Mul(*(self.extract(a) for a in rest))
        if expression.is_Add:
            return self._collected(expression)
        return self._within(expression)

    def _within(self, expression: Any) -> Any:
        return expression.func(*(self.extract(a) for a in expression.args))

    def _is_constant(self, expression: Any) -> bool:
        return bool(expression.free_symbols <= self._constant)

    def _hold(self, value: Any) -> Any:
        if not value.free_symbols or not self._is_constant(value):
            return value
        if value.could_extract_minus_sign():
            return -self._hold(-value)
        return self._known.setdefault(value, sympy.Symbol(f"h_{len(self._known)}", real=True))

    def _parted(self, term: Any) -> tuple[Any, list[Any]]:
        factors = sympy.Mul.make_args(term)
        constant = [a for a in factors if self._is_constant(a)]
        return sympy.Mul(*constant), [a for a in factors if not self._is_constant(a)]

    def _collected(self, expression: Any) -> Any:
        """A sum with the constant factors of equal terms added up."""
        factors: dict[Any, Any] = {}
        for term in expression.args:
            factor, rest = self._parted(term)
            key = sympy.Mul(*rest)
            factors[key] = factors.get(key, sympy.S.Zero) + factor
        return sympy.Add(*(self._hold(factor) * self.extract(rest) for rest, factor in factors.items()))


def write(code: Code, expressions: Sequence[Any], symbols: Mapping[Any, Callable[[], Value]]) -> list[Value]:
    """The values of `expressions`, with what they share computed once.

    Parameters
    ----------
    symbols
        For each symbol a function that loads its value.

    Raises
    ------
    ModelError
        If an expression holds a function that cannot be written on lanes.
    """
    return list(write_each(code, expressions, symbols))


def write_each(code: Code, expressions: Sequence[Any], symbols: Mapping[Any, Callable[[], Value]]) -> Iterator[Value]:
    """`write`, one value at a time: what is stored before the next is asked for needs no register any more."""
    shared, short = [], list(expressions)
    if len(expressions) <= MOST_SEARCHED:
        shared, short = sympy.cse(short, symbols=sympy.numbered_symbols("x_", real=True))
    # Equal subexpressions are written once by the writer itself.
    writer = _Writer(code, symbols, _often_below([*short, *(e for _, e in shared)]))
    for symbol, expression in shared:
        writer.known[symbol] = writer.write(expression)
    for expression in short:
        yield writer.write(expression)


def _often_below(expressions: Sequence[Any]) -> frozenset[Any]:
    """What some expressions are divided by in more than one power, as a derivative is by the square of it."""
    powers = set().union(*(e.atoms(sympy.Pow) for e in expressions))
    below = [a.base for a in powers if a.exp.is_Integer and -32 <= a.exp < 0]
    return frozenset(base for base, times in Counter(below).items() if times > 1)


class _Writer:
    def __init__(
        self, code: Code, symbols: Mapping[Any, Callable[[], Value]], often_below: frozenset[Any] = frozenset()
    ) -> None:
        self.code, self.symbols, self.often_below = code, symbols, often_below
        self.known: dict[Any, Value] = {}

    def write(self, expression: Any) -> Value:
        if expression not in self.known:
            self.known[expression] = self._new(expression)
        return self.known[expression]

    def _new(self, e: Any) -> Value:
        if e.is_Symbol:
            return self.symbols[e]()
        if e.is_number and not isinstance(e, sympy.logic.boolalg.Boolean):
            return self.code.number(float(e))
        for kind, method in self._KINDS.items():
            if isinstance(e, kind):
                return method(self, e)
        name = type(e).__name__
        if name in ELEMENTARY:
            return ELEMENTARY[name](self.write(e.args[0]))
        if name in LIBRARY and len(e.args) == 1:
            return _library(self.code, LIBRARY[name], self.write(e.args[0]))
        raise ModelError(f"the function {name} in {e} cannot be compiled; use method='numpy' or 'scipy'.")

    def _sum(self, e: Any) -> Value:
        # A term with a minus sign is taken away; one without comes first.
        terms = sorted(((bool(a.could_extract_minus_sign()), i, a) for i, a in enumerate(e.args)), key=lambda x: x[:2])
        total = self.write(terms[0][2])
        for minus, _, term in terms[1:]:
            total = total - self.write(-term) if minus else total + self.write(term)
        return total

    def _product(self, e: Any) -> Value:
        if e.args[0] == -1:
            return -self.write(-e)
        below = [a for a in e.args if a.is_Pow and a.exp.is_Integer and a.exp < 0 and a not in self.known]
        below = [a for a in below if a.base not in self.often_below]
        above = [self.write(a) for a in e.args if a not in below]
        top = reduce(lambda a, b: a * b, above) if above else self.code.number(1.0)
        if not below:
            return top
        return top / reduce(lambda a, b: a * b, [self.write(1 / a) for a in below])

    def _power(self, e: Any) -> Value:
        base, exponent = e.args
        if exponent.is_Integer and exponent < -1 and base in self.often_below:
            return _whole_power(self.write(1 / base), abs(int(exponent)))
        if exponent.is_Integer and abs(exponent) <= 32:
            found = _whole_power(self.write(base), abs(int(exponent)))
            return found if exponent > 0 else 1.0 / found
        if exponent.is_Rational and exponent.q == 2 and abs(exponent.p) <= 32:
            found = _whole_power(self.code.sqrt(self.write(base)), abs(int(exponent.p)))
            return found if exponent > 0 else 1.0 / found
        return power(self.write(base), self.write(exponent))

    def _piecewise(self, e: Any) -> Value:
        value = self.code.number(float("nan"))
        for branch, condition in reversed(e.args):
            value = self.write(branch) if condition == True else self._choose(condition, branch, value)  # noqa: E712
        return value

    def _choose(self, condition: Any, yes: Any, no: Value) -> Value:
        return self.code.select(self.write(condition), self.write(yes), no)

    def _largest(self, e: Any) -> Value:
        return reduce(self.code.larger, [self.write(a) for a in e.args])

    def _smallest(self, e: Any) -> Value:
        return reduce(self.code.smaller, [self.write(a) for a in e.args])

    def _step(self, e: Any) -> Value:
        x = self.write(e.args[0])
        at_zero = self.write(e.args[1])
        value = self.code.select(x > 0.0, 1.0, self.code.select(x < 0.0, 0.0, at_zero))
        return self.code.select(x.is_nan(), x, value)

    def _sign(self, e: Any) -> Value:
        x = self.write(e.args[0])
        return self.code.select(x > 0.0, 1.0, self.code.select(x < 0.0, -1.0, x))

    def _size(self, e: Any) -> Value:
        return self.code.absolute(self.write(e.args[0]))

    def _floor(self, e: Any) -> Value:
        return self.code.floor(self.write(e.args[0]))

    def _ceiling(self, e: Any) -> Value:
        return -self.code.floor(-self.write(e.args[0]))

    def _compared(self, e: Any) -> Value:
        a, b = self.write(e.lhs), self.write(e.rhs)
        kinds = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a.equals(b), "!=": a.differs(b)}
        return kinds[e.rel_op]

    def _all(self, e: Any) -> Value:
        return reduce(lambda a, b: a & b, [self.write(a) for a in e.args])

    def _some(self, e: Any) -> Value:
        return reduce(lambda a, b: a | b, [self.write(a) for a in e.args])

    def _not(self, e: Any) -> Value:
        return ~self.write(e.args[0])

    def _truth(self, e: Any) -> Value:
        return self.code.number(0.0).equals(0.0 if e == True else 1.0)  # noqa: E712

    def _either(self, e: Any) -> Value:
        condition, yes, no = (self.write(a) for a in e.args)
        return (condition & yes) | (~condition & no)

    _KINDS: Mapping[Any, Callable[[Any, Any], Value]] = {
        sympy.Add: _sum, sympy.Mul: _product, sympy.Pow: _power, sympy.Piecewise: _piecewise,
        sympy.Max: _largest, sympy.Min: _smallest, sympy.Heaviside: _step, sympy.sign: _sign, sympy.Abs: _size,
        sympy.floor: _floor, sympy.ceiling: _ceiling, sympy.core.relational.Relational: _compared,
        sympy.And: _all, sympy.Or: _some, sympy.Not: _not,
        sympy.ITE: _either, sympy.logic.boolalg.BooleanAtom: _truth,
    }  # fmt: skip


def _whole_power(base: Value, n: int) -> Value:
    """By repeated squaring."""
    found: Value | None = None
    while n:
        if n & 1:
            found = base if found is None else found * base
        n >>= 1
        base = base * base if n else base
    assert found is not None
    return found


def _library(code: Code, name: str, x: Value) -> Value:
    b, module = code.builder, code.builder.module
    callee = module.globals.get(name) or ir.Function(module, ir.FunctionType(DOUBLE, [DOUBLE]), name)
    if code.shape.lanes == 1:
        return Value(code, b.call(callee, [x.raw]))
    result: Any = ir.Constant(code.shape.vector, ir.Undefined)
    for lane in range(code.shape.lanes):
        at = ir.Constant(SHORT, lane)
        result = b.insert_element(result, b.call(callee, [b.extract_element(x.raw, at)]), at)
    return Value(code, result)
