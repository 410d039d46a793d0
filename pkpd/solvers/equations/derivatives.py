"""Derivatives of expressions, branch by branch, safe where a Hill term is at zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import Any

import sympy

__all__ = ["Slopes", "directional", "partial"]

_FLAT = (sympy.Heaviside, sympy.sign, sympy.floor, sympy.ceiling, sympy.DiracDelta)


@dataclass(frozen=True, eq=False)
class Slopes:
    """How fast each symbol changes along a direction; those not named stay."""

    of: Mapping[sympy.Symbol, sympy.Expr]

    @cached_property
    def symbols(self) -> frozenset[sympy.Symbol]:
        return frozenset(self.of)


@lru_cache(maxsize=1 << 17)
def directional(expression: sympy.Expr, slopes: Slopes) -> sympy.Expr:
    """The derivative of `expression` along a direction, by the chain rule alone.

    What is shared within `expression` is shared within its derivative, so that the
    derivative is a few times as long as `expression` however many symbols move.

    ``Piecewise``, ``Min``, ``Max`` and ``Abs`` are differentiated branch by branch, with
    the branch decided as in the expression; a step (``Heaviside``, ``sign``) is flat.
    Unlike ``sympy.diff``, the derivative of ``x**h`` stays finite at x = 0: by x it is
    ``h*x**(h - 1)``, never ``h*x**h/x``, or 0 where h is less than 1; by h it is its limit, 0.  That
    of ``erf(z)`` and ``erfc(z)`` is 0 where z is infinite, as in the survival of a
    log-normal time at time 0, whatever the slope of z.
    """
    if expression in slopes.symbols:
        return slopes.of[expression]
    if slopes.symbols.isdisjoint(_symbols(expression)) or isinstance(expression, _FLAT):
        return sympy.S.Zero
    for kind, rule in _RULES:
        if isinstance(expression, kind):
            return rule(expression, slopes)
    return sympy.Add(*(expression.fdiff(i) * directional(a, slopes) for i, a in enumerate(expression.args, 1)))


def partial(expression: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """d `expression` / d `symbol`; see `directional`."""
    return directional(expression, _unit(symbol))


@lru_cache(maxsize=1 << 14)
def _unit(symbol: sympy.Symbol) -> Slopes:
    return Slopes({symbol: sympy.S.One})


@lru_cache(maxsize=1 << 16)
def _symbols(expression: sympy.Basic) -> frozenset[Any]:
    return reduce(frozenset.union, map(_symbols, expression.args), frozenset(expression.atoms(sympy.Symbol)))


def _sum(total: sympy.Add, slopes: Slopes) -> sympy.Expr:
    return sympy.Add(*(directional(term, slopes) for term in total.args))


def _product(product: sympy.Mul, slopes: Slopes) -> sympy.Expr:
    factors = product.args
    each = [directional(factor, slopes) for factor in factors]
    return sympy.Add(*(sympy.Mul(*factors[:i], s, *factors[i + 1 :]) for i, s in enumerate(each) if s != 0))


def _power(power: sympy.Pow, slopes: Slopes) -> sympy.Expr:
    base, exponent = power.args
    inner = _uncut(base)
    by_base = _slope_by_base(base, exponent, inner) * directional(inner, slopes)
    bend = directional(exponent, slopes)
    if bend == 0:
        return by_base
    by_exponent = power * sympy.log(base)
    if not base.is_positive:
        by_exponent = sympy.Piecewise((by_exponent, inner > 0), (0, True))
    return by_base + by_exponent * bend


def _slope_by_base(base: sympy.Expr, exponent: sympy.Expr, inner: sympy.Expr) -> sympy.Expr:
    """h*x**(h - 1), and 0 at x = 0 where h is less than 1: no drug has no effect, however steep its onset is."""
    slope = exponent * base ** (exponent - 1)
    whole_or_steep = exponent.is_number and (exponent.is_integer or exponent >= 1 or exponent < 0)
    if whole_or_steep or base.is_positive or base.as_coeff_Add()[0] > 0:
        return slope
    return sympy.Piecewise((slope, sympy.Or(inner > 0, exponent >= 1)), (0, True))


def _branches(expression: sympy.Piecewise, slopes: Slopes) -> sympy.Expr:
    return sympy.Piecewise(*((directional(value, slopes), condition) for value, condition in expression.args))


def _uncut(base: sympy.Expr) -> sympy.Expr:
    """x for Max(x, 0), the guard of a power: where x is below 0 the power and its slope are 0 anyhow."""
    cut = isinstance(base, sympy.Max) and len(base.args) == 2 and sympy.S.Zero in base.args
    return sympy.Add(*base.args) if cut else base


def _bell(integral: sympy.Expr, slopes: Slopes) -> sympy.Expr:
    (z,) = integral.args
    slope = integral.fdiff(1) * directional(z, slopes)
    # Beyond this exp(-z**2) is zero in double precision, and its product with an infinite slope no number.
    return sympy.Piecewise((slope, sympy.Abs(z) < 28), (0, True))


def _extreme(expression: sympy.Expr, slopes: Slopes) -> sympy.Expr:
    first, *others = sympy.ordered(expression.args)
    rest = expression.func(*others)
    # Against zero: sympy's Piecewise turns some conditions with exp on one side over and over.
    wins = first - rest >= 0 if isinstance(expression, sympy.Max) else first - rest <= 0
    return sympy.Piecewise((directional(first, slopes), wins), (directional(rest, slopes), True))


_RULES: tuple[tuple[Any, Callable[[Any, Slopes], sympy.Expr]], ...] = (
    (sympy.Add, _sum),
    (sympy.Mul, _product),
    (sympy.Pow, _power),
    (sympy.Piecewise, _branches),
    (sympy.Max | sympy.Min, _extreme),
    (sympy.erf | sympy.erfc, _bell),
)
