"""Surfaces across which the rates jump: where they are, and which of them matter.

A condition in a rate, such as ``t >= delay`` or ``T > Tc``, changes its truth where a
function of time and state, its level, is zero.  A rate that is discontinuous there makes
the sensitivities jump, so that the crossing has to be an event; where the rate is
continuous nothing happens.  A mode is a symbol that holds the sign of a level between
events, in the place of the conditions: a step then never sees two branches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import sympy
from sympy.core.relational import Relational

from pkpd.solvers.equations.system import TIME, System

__all__ = ["Switch", "Switched", "sign_dependent", "switched"]

UNCOUNTED = (sympy.floor, sympy.ceiling, sympy.frac, sympy.Mod)
"""Functions that jump at more places than could be listed."""

_UNDECIDED = (sympy.nan, sympy.zoo, sympy.oo, sympy.S.NegativeInfinity, sympy.AccumBounds, sympy.Limit)
_MOST_CONDITIONS = 4  # beside the one in question, of which every combination is looked at
_LONGEST = 400  # operations of an expression whose limit is sought
_NEAR = sympy.Rational(1, 10**200)


@dataclass(frozen=True)
class Switch:
    """A surface across which a rate jumps.

    Attributes
    ----------
    level
        The function of time, states, parameters, inputs and other modes that is zero on it.
    mode
        The symbol that is the sign of `level`: 1, -1, or 0 while a member rests on the surface.
    """

    level: sympy.Expr
    mode: sympy.Symbol


@dataclass(frozen=True)
class Switched:
    """A model with modes in the place of conditions, and the switches, those that others use first."""

    model: System
    switches: tuple[Switch, ...]


def switched(model: System, wrt: Collection[str], positive: Collection[str], first: int) -> Switched:
    """Put modes in the place of the conditions across which the rates or triggers of `model` jump.

    Parameters
    ----------
    wrt
        The parameters of the sensitivities: a surface that none of them can move is left.
    positive
        The parameters known to be positive; it helps to prove that a rate is continuous.
    first
        The number of the first mode among the symbols of the states.
    """
    rates = tuple(_spelled(e) for e in model.rates)
    triggers = tuple(_spelled(trigger) for trigger, _ in model.events)
    known = frozenset(p for p, name in zip(model.p, model.parameters, strict=True) if name in positive)
    moving = {*model.y, *model.u, *(p for p, name in zip(model.p, model.parameters, strict=True) if name in wrt)}
    wanted: dict[sympy.Expr, None] = {}
    for level in _levels((*rates, *triggers), model):
        if level.free_symbols & moving and _jumps(rates, level, known):
            wanted[level] = None
    # A trigger or a level that jumps can be crossed at a time that is not its own.
    pending = [*triggers, *wanted]
    while pending:
        expression = pending.pop()
        for level in _levels([expression], model):
            if level not in wanted and _jumps([expression], level, known):
                wanted[level] = None
                pending.append(level)
    ordered = sorted(wanted, key=lambda e: (len(e.atoms(Relational)), sympy.default_sort_key(e)))
    modes = {level: sympy.Symbol(f"y_{first + i}", real=True) for i, level in enumerate(ordered)}

    def moded(expression: sympy.Expr) -> sympy.Expr:
        return expression.xreplace({r: _condition(r, modes[_level(r)]) for r in _relations(expression, set(modes))})

    return Switched(
        _replaced(model, tuple(map(moded, rates)), tuple(map(moded, triggers))),
        tuple(Switch(moded(level), mode) for level, mode in modes.items()),
    )


@lru_cache(maxsize=256)
def sign_dependent(model: System) -> frozenset[str]:
    """The parameters whose sign can decide whether a rate is continuous."""
    steps = [e for e in (*model.rates, *(t for t, _ in model.events)) if e.has(sympy.Piecewise, sympy.sign)]
    used = frozenset[Any]().union(*(e.free_symbols for e in steps))
    return frozenset(name for p, name in zip(model.p, model.parameters, strict=True) if p in used)


def _replaced(model: System, rates: tuple[sympy.Expr, ...], triggers: tuple[sympy.Expr, ...]) -> System:
    from dataclasses import replace

    rows = (row for _, row in model.events)
    return replace(model, rates=rates, events=tuple(zip(triggers, rows, strict=True)))


# ---- conditions


def _spelled(expression: sympy.Expr) -> sympy.Expr:
    """`expression` with its steps written as conditions."""

    def step(x: sympy.Expr, at_zero: Any = sympy.S.Half) -> sympy.Expr:
        return sympy.Piecewise((1, x > 0), (0, x < 0), (at_zero, True))

    def side(x: sympy.Expr) -> sympy.Expr:
        return sympy.Piecewise((1, x > 0), (-1, x < 0), (0, True))

    found: sympy.Expr = expression.replace(sympy.Heaviside, step).replace(sympy.sign, side)
    return found


def _relations(expression: sympy.Basic, levels: Collection[sympy.Expr] | None = None) -> list[Any]:
    found = [r for r in expression.atoms(Relational) if not isinstance(r, sympy.Eq | sympy.Ne)]
    return [r for r in found if levels is None or _level(r) in levels]


def _levels(expressions: Iterable[sympy.Basic], model: System) -> Iterator[sympy.Expr]:
    """The levels of the conditions in `expressions` that can be crossed between stops."""
    # A state without a rate changes at stops and events alone.
    crossed = {TIME, *(y for y, rate in zip(model.y, model.rates, strict=True) if rate != 0)}
    found = {_level(r) for e in expressions for r in _relations(e)}
    return iter(sorted((e for e in found if e.free_symbols & crossed), key=sympy.default_sort_key))


def _level(relation: Any) -> sympy.Expr:
    """The function whose sign decides `relation`; one for a condition and for its opposite."""
    level = relation.lhs - relation.rhs
    return -level if level.could_extract_minus_sign() else level


def _condition(relation: Any, mode: sympy.Symbol) -> Any:
    """`relation` in terms of the sign of its level."""
    side = mode if relation.lhs - relation.rhs == _level(relation) else -mode
    half = sympy.S.Half
    return {">": side > half, ">=": side > -half, "<": side < -half, "<=": side < half}[relation.rel_op]


# ---- continuity


def _jumps(expressions: Iterable[sympy.Expr], level: sympy.Expr, positive: frozenset[sympy.Symbol]) -> bool:
    """Whether one of `expressions` jumps where `level` is zero, or cannot be proved not to."""
    return any(
        not _continuous(expression, level, positive)
        for expression in expressions
        if any(_level(r) == level for r in _relations(expression))
    )


def _continuous(expression: sympy.Expr, level: sympy.Expr, positive: frozenset[sympy.Symbol]) -> bool:
    mode = sympy.Dummy("mode", real=True)
    moded = expression.xreplace({r: _condition(r, mode) for r in _relations(expression, {level})})
    above, below = (moded.xreplace({mode: sympy.Integer(side)}) for side in (1, -1))
    if above == below:
        return True
    others = sorted({*_relations(above), *_relations(below)}, key=sympy.default_sort_key)
    if len(others) > _MOST_CONDITIONS:
        return False
    for truths in product((sympy.true, sympy.false), repeat=len(others)):
        case = dict(zip(others, truths, strict=True))
        known = positive | {r.lhs for r, truth in case.items() if r.rel_op == ">" and r.rhs == 0 and truth}
        if not _meet(above.xreplace(case), below.xreplace(case), level, known):
            return False
    return True


def _meet(above: sympy.Expr, below: sympy.Expr, level: sympy.Expr, positive: Collection[sympy.Expr]) -> bool:
    """Whether the limits of `above` and `below` on the two sides of `level` are proved to be one."""
    if above == below:
        return True
    signs = {s: sympy.Dummy(str(s), positive=True) for s in positive if s.is_Symbol}
    above, below, level = (e.xreplace(signs) for e in (above, below, level))
    for symbol in sorted(level.free_symbols, key=lambda s: (not str(s).lstrip("_").startswith("y_"), str(s))):
        slope = sympy.diff(level, symbol)
        if slope.has(symbol) or not slope.is_nonzero:
            continue
        place = -level.xreplace({symbol: sympy.S.Zero}) / slope
        if not _apart(above, below, symbol, place, slope):
            limits = [_limit(e, symbol, place, side / slope) for e, side in ((above, 1), (below, -1))]
            if None not in limits and _same(*limits):
                return True
    return False


def _apart(above: Any, below: Any, symbol: Any, place: Any, slope: Any) -> bool:
    """Whether the two are seen to differ close to the surface, for some values of all else."""
    rest = sorted((above.free_symbols | below.free_symbols | place.free_symbols) - {symbol}, key=str)
    values = {s: sympy.Rational(3 + 7 * i % 11, 7) * (1 if s.is_positive or i % 2 else -1) for i, s in enumerate(rest)}
    step = _NEAR / slope
    near = [e.xreplace({symbol: place + side * step}).xreplace(values) for e, side in ((above, 1), (below, -1))]
    difference = sympy.N(near[0] - near[1], 20)
    return not (difference.is_number and difference.is_finite and abs(difference) < 1e-6)


def _limit(expression: Any, symbol: Any, place: Any, step: Any) -> Any:
    """The value of `expression` at `place`, or where it has none its limit from the side of `step`; None unknown."""
    value = _value(expression, symbol, place)
    if value.has(*_UNDECIDED):
        if sympy.count_ops(expression) > _LONGEST:
            return None
        epsilon = sympy.Dummy("epsilon", positive=True)
        try:
            value = sympy.limit(expression.xreplace({symbol: place + step * epsilon}), epsilon, 0, "+")
        except (NotImplementedError, ValueError, TypeError, RecursionError):
            return None
    return None if value.has(*_UNDECIDED) else value


def _value(expression: Any, symbol: Any, place: Any) -> Any:
    """The value of `expression` at `place`; NaN where a cut at zero, ``Max(x/0, 0)``, has none."""
    try:
        return expression.xreplace({symbol: place})
    except ValueError:
        return sympy.nan


def _same(one: Any, other: Any) -> bool:
    difference = one - other
    return bool(difference == 0 or sympy.simplify(difference) == 0)
