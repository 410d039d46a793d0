"""The unit of an expression: a walk over its tree, with pint doing the arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sympy
from sympy.core.numbers import NumberSymbol
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean, BooleanAtom

from pkpd.errors import UnitError
from pkpd.symbolic.symbols import Declared
from pkpd.units import dimension_name, label, parse_unit, same_unit

__all__ = ["unit_of"]

_LIKE_ARGUMENT = (sympy.Abs, sympy.Min, sympy.Max, sympy.Mod)
_OF_PURE_NUMBER = (
    sympy.log,
    sympy.sin,
    sympy.cos,
    sympy.tan,
    sympy.asin,
    sympy.acos,
    sympy.atan,
    sympy.sinh,
    sympy.cosh,
    sympy.tanh,
    sympy.erf,
    sympy.erfc,
    sympy.floor,
    sympy.ceiling,
    sympy.frac,
)
_PURE_RESULT = (sympy.sign, sympy.Heaviside)


def unit_of(expression: sympy.Basic, where: str, *, bare_numbers: bool = False) -> Any:
    """The pint unit of `expression`, or None where any unit fits (a zero).

    Parameters
    ----------
    expression
        Made of declared symbols and numbers.
    where
        Names the expression in a message: ``"pk_2cmt: d A1/dt"``.
    bare_numbers
        Whether a number takes whatever unit is wanted (``10*WT`` in a regimen), so that
        a product with one fits any unit.

    Raises
    ------
    UnitError
        If two terms do not add, or a function or an exponent gets a unit it cannot have.
    """
    return _Walk(where, bare_numbers).unit(expression)


class _Walk:
    def __init__(self, where: str, bare_numbers: bool) -> None:
        self.where = where
        self.bare = bare_numbers
        self.one = parse_unit("1")

    def unit(self, expression: sympy.Basic) -> Any:
        for kinds, rule in self._rules():
            if isinstance(expression, kinds):
                return rule(expression)
        raise UnitError(f"{self.where} uses {expression}, whose unit is not defined here.")

    def _rules(self) -> Iterable[tuple[Any, Callable[[Any], Any]]]:
        yield Declared, lambda e: parse_unit(e.unit)
        yield (sympy.Number, NumberSymbol), self._number
        yield sympy.Add, lambda e: self._alike(e.args, "adds")
        yield sympy.Mul, self._product
        yield (sympy.Pow, sympy.exp), self._power
        yield _LIKE_ARGUMENT, lambda e: self._alike(e.args, "compares")
        yield sympy.Piecewise, self._piecewise
        yield _OF_PURE_NUMBER, self._pure_function
        yield _PURE_RESULT, lambda e: (self.unit(e.args[0]), self.one)[1]
        yield BooleanAtom, lambda e: self.one
        yield Relational, lambda e: self._alike(e.args, "compares")
        yield Boolean, lambda e: [self.unit(a) for a in e.args] and self.one

    def _number(self, number: Any) -> Any:
        return None if self.bare or not number.is_finite or number == 0 else self.one

    def _alike(self, terms: Iterable[Any], verb: str) -> Any:
        first: tuple[Any, Any] | None = None
        for term in sorted(terms, key=str):
            unit = self.unit(term)
            if unit is None:
                continue
            if first is None:
                first = (term, unit)
            elif not same_unit(first[1], unit):
                raise UnitError(
                    f"{self.where} {verb} {_shown(*first)} {'to' if verb == 'adds' else 'with'} "
                    f"{_shown(term, unit)}.{_hint(first, (term, unit))}"
                )
        return None if first is None else first[1]

    def _product(self, product: Any) -> Any:
        unit = self.one
        for factor in product.args:
            own = self._coefficient(factor)
            if own is None:
                return None
            unit = unit * own
        return unit

    def _coefficient(self, factor: Any) -> Any:
        # The -1 of a subtraction is a sign, not a quantity that could carry a unit.
        return self.one if factor == -1 else self.unit(factor)

    def _power(self, power: Any) -> Any:
        base, exponent = power.as_base_exp()
        exponent_unit = self.unit(exponent)
        if exponent_unit is not None and not same_unit(exponent_unit, self.one):
            raise UnitError(
                f"{self.where} has the exponent {_shown(exponent, exponent_unit)}; an exponent is a pure number."
            )
        base_unit = self.unit(base)
        if base_unit is None or same_unit(base_unit, self.one):
            return base_unit
        if not exponent.is_number:
            raise UnitError(
                f"{self.where} raises {_shown(base, base_unit)} to the power {exponent}, which is not a fixed number. "
                f"Divide {base} by a reference value first, as in (C/EC50)**h."
            )
        return base_unit ** float(exponent)

    def _piecewise(self, piecewise: Any) -> Any:
        for _, condition in piecewise.args:
            self.unit(condition)
        return self._alike([value for value, _ in piecewise.args], "chooses between")

    def _pure_function(self, function: Any) -> Any:
        unit = self.unit(function.args[0])
        if unit is not None and not same_unit(unit, self.one):
            raise UnitError(
                f"{self.where} takes {type(function).__name__} of {_shown(function.args[0], unit)}; "
                "its argument must be a pure number."
            )
        return self.one


def _shown(term: Any, unit: Any) -> str:
    return f"{term} [{label(unit)}]"


def _hint(left: tuple[Any, Any], right: tuple[Any, Any]) -> str:
    (_, one), (_, other) = left, right
    for term, _ in (left, right):
        written = [n for n in term.atoms(sympy.Number) if n.is_finite and abs(n) != 1 and n != 2]
        if written and (one.dimensionless or other.dimensionless):
            size = max(max(abs(n), 1 / abs(n)) for n in written if n)
            lacking = label(one if other.dimensionless else other)
            return f" A plain number has no unit: declare it, as param('K', {float(size):g}, {lacking!r}, ...)."
    name = dimension_name(one / other)
    inverse = dimension_name(other / one)
    if name is not None:
        return f" Is a division by {name} missing in the first, or a factor in the second?"
    if inverse is not None:
        return f" Is a division by {inverse} missing in the second, or a factor in the first?"
    if one.dimensionality == other.dimensionality:
        return " They differ in size only: write both in one unit."
    return ""
