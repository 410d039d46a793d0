"""Derivatives of expressions, branch by branch, safe where a Hill term is at zero."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import Any

import sympy

__all__ = ["partial"]

_FLAT = (sympy.Heaviside, sympy.sign, sympy.floor, sympy.ceiling, sympy.DiracDelta)


@lru_cache(maxsize=1 << 16)
def partial(expression: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """d `expression` / d `symbol`.

    ``Piecewise``, ``Min``, ``Max`` and ``Abs`` are differentiated branch by branch, with
    the branch decided as in the expression; a step (``Heaviside``, ``sign``) is flat.
    Unlike ``sympy.diff``, the derivative of ``x**h`` stays finite at x = 0 for h of 1 or
    more: by x it is ``h*x**(h - 1)``, never ``h*x**h/x``, and by h it is its limit, 0.  That
    of ``erf(z)`` and ``erfc(z)`` is 0 where z is infinite, as in the survival of a
    log-normal time at time 0, whatever the slope of z.
    """
    if expression == symbol:
        return sympy.S.One
    if symbol not in _symbols(expression) or isinstance(expression, _FLAT):
        return sympy.S.Zero
    if isinstance(expression, sympy.Add):
        return sympy.Add(*(partial(term, symbol) for term in expression.args))
    if isinstance(expression, sympy.Mul):
        return _product(expression.args, symbol)
    if isinstance(expression, sympy.Pow):
        return _power(expression, symbol)
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((partial(value, symbol), condition) for value, condition in expression.args))
    if isinstance(expression, sympy.Max | sympy.Min):
        return _extreme(expression, symbol)
    if isinstance(expression, sympy.erf | sympy.erfc):
        return _bell(expression, symbol)
    return sympy.Add(*(expression.fdiff(i) * partial(a, symbol) for i, a in enumerate(expression.args, 1)))


@lru_cache(maxsize=1 << 16)
def _symbols(expression: sympy.Basic) -> frozenset[Any]:
    return reduce(frozenset.union, map(_symbols, expression.args), frozenset(expression.atoms(sympy.Symbol)))


def _product(factors: tuple[sympy.Expr, ...], symbol: sympy.Symbol) -> sympy.Expr:
    slopes = [partial(factor, symbol) for factor in factors]
    return sympy.Add(*(sympy.Mul(*factors[:i], s, *factors[i + 1 :]) for i, s in enumerate(slopes) if s != 0))


def _power(power: sympy.Pow, symbol: sympy.Symbol) -> sympy.Expr:
    base, exponent = power.args
    inner = _uncut(base)
    by_base = exponent * base ** (exponent - 1) * partial(inner, symbol)
    bend = partial(exponent, symbol)
    if bend == 0:
        return by_base
    by_exponent = power * sympy.log(base)
    if not base.is_positive:
        by_exponent = sympy.Piecewise((by_exponent, inner > 0), (0, True))
    return by_base + by_exponent * bend


def _uncut(base: sympy.Expr) -> sympy.Expr:
    """x for Max(x, 0), the guard of a power: where x is below 0 the power and its slope are 0 anyhow."""
    cut = isinstance(base, sympy.Max) and len(base.args) == 2 and sympy.S.Zero in base.args
    return sympy.Add(*base.args) if cut else base


def _bell(integral: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    (z,) = integral.args
    slope = integral.fdiff(1) * partial(z, symbol)
    # Beyond this exp(-z**2) is zero in double precision, and its product with an infinite slope no number.
    return sympy.Piecewise((slope, sympy.Abs(z) < 28), (0, True))


def _extreme(expression: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    first, *others = sympy.ordered(expression.args)
    rest = expression.func(*others)
    # Against zero: sympy's Piecewise turns some conditions with exp on one side over and over.
    wins = first - rest >= 0 if isinstance(expression, sympy.Max) else first - rest <= 0
    return sympy.Piecewise((partial(first, symbol), wins), (partial(rest, symbol), True))
