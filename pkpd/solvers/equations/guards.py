"""Powers whose base undershoots zero by rounding.

A drug that has left is 0 to within rounding, now and then -1e-17, and ``x**1.7`` of that is no
number.  A base that cannot be negative otherwise is therefore cut at zero, ``Max(x, 0)**1.7``,
which changes no value of a base of 0 or more.

What cannot be negative is proved from signs.  Parameters count as they are declared: 0 or more
by their bounds, or by their default where no bound is given.  A state is 0 or more if it is
declared so, or if it starts there, no dose and no event takes it below, and its rate at 0 is 0
or more wherever the other states are.  Where that is not proved, and within logarithms, which
have no value at 0, a base is left as it is: that it comes to be negative is then a failure, and
shows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import sympy

__all__ = ["guards_of", "may_undershoot", "never_negative", "nonnegative_states"]

_LIKE_ARGUMENT = (sympy.tanh, sympy.atan, sympy.sinh, sympy.asinh, sympy.erf, sympy.sign, sympy.floor)
_ALWAYS = (sympy.exp, sympy.cosh, sympy.Abs, sympy.Heaviside, sympy.erfc)

Symbols = Collection[sympy.Symbol]


def nonnegative_states(
    rates: Mapping[sympy.Symbol, sympy.Expr],
    changes: Mapping[sympy.Symbol, Sequence[sympy.Expr]],
    others: Symbols,
    declared: Symbols,
) -> frozenset[sympy.Symbol]:
    """The states that never fall below zero.

    Parameters
    ----------
    rates
        By state, its rate.
    changes
        By state, its start and what doses and events set it to.
    others
        What else is 0 or more: parameters, input rates, the amount of a dose, the time.
    declared
        States that are 0 or more by declaration.
    """
    # What must be 0 or more for a state to be so; nothing for one that is declared to be.
    needed = {y: () if y in declared else (rate.xreplace({y: sympy.S.Zero}), *changes[y]) for y, rate in rates.items()}
    known = frozenset(rates)
    while True:
        signs = known | frozenset(others)
        kept = frozenset(y for y in known if all(never_negative(e, signs) for e in needed[y]))
        if kept == known:
            return known
        known = kept


def may_undershoot(expressions: Iterable[sympy.Basic], states: Symbols) -> bool:
    """Whether there is a power of a state that is no whole one, so that signs are worth the search."""
    moving = frozenset(states)
    return any(_needs_guard(power, moving) for e in expressions for power in e.atoms(sympy.Pow))


def guards_of(expressions: Iterable[sympy.Basic], nonnegative: Symbols, states: Symbols) -> dict[Any, Any]:
    """The powers in `expressions` whose base may undershoot zero, each with what stands in its place.

    Parameters
    ----------
    expressions
        Over numbered symbols.
    nonnegative
        The symbols that are 0 or more.
    states
        The symbols that can undershoot zero: a base without one is left as it is.
    """
    moving = frozenset(states)
    powers = {power for expression in expressions for power in expression.atoms(sympy.Pow)}
    table: dict[Any, Any] = {}
    # The smallest first: a power within the base of another has its guard by then.
    for power in sorted(powers, key=lambda e: (sympy.count_ops(e), sympy.default_sort_key(e))):
        if _needs_guard(power, moving) and never_negative(power.base, nonnegative):
            table[power] = sympy.Max(power.base.xreplace(table), sympy.S.Zero) ** power.exp
    return table


def _needs_guard(power: sympy.Pow, moving: frozenset[sympy.Symbol]) -> bool:
    base, exponent = power.args
    whole = exponent.is_number and float(exponent).is_integer()
    return not whole and bool(base.free_symbols & moving) and not _above_zero(base)


def _above_zero(base: sympy.Expr) -> bool:
    """Whether a sum has a positive number, as in 1 + x, so that rounding takes it nowhere near zero."""
    return bool(base.is_Add and base.as_coeff_Add()[0] > 0)


def never_negative(expression: sympy.Expr, nonnegative: Symbols) -> bool:
    """Whether the signs of its parts prove that `expression` is 0 or more, where the symbols `nonnegative` are."""

    def proved(e: Any) -> bool:
        if e.is_Symbol:
            return e in nonnegative
        if e.is_number:
            return bool(e.is_real and e >= 0)
        if e.is_Pow:
            return bool(e.exp.is_Integer and e.exp % 2 == 0) or proved(e.base)
        for kinds, rule in rules:
            if isinstance(e, kinds):
                return rule(e)
        return False

    rules: tuple[tuple[Any, Callable[[Any], bool]], ...] = (
        (_ALWAYS, lambda e: True),
        ((sympy.Add, sympy.Mul, sympy.Min), lambda e: all(map(proved, e.args))),
        (sympy.Max, lambda e: any(map(proved, e.args))),
        (sympy.Piecewise, lambda e: all(proved(value) for value, _ in e.args)),
        (_LIKE_ARGUMENT, lambda e: proved(e.args[0])),
    )
    return proved(expression)
