"""Times of doses: numbers, text such as ``"8 h"``, and expressions of parameters.

A time with a unit is an expression over the unit, ``8*h``, so that times in different units
add and shift like any others; `times_in` turns it into a number once the model's unit of time
is known.
"""

from __future__ import annotations

from typing import Any

import sympy

from pkpd.errors import RegimenError, UnitError
from pkpd.symbolic.declarations import Declaration, Declared, Given, Parameter
from pkpd.symbolic.symbols import finite_number
from pkpd.units import conversion_factor, parse_quantity, parse_unit, time_factor

__all__ = [
    "UnitOfTime",
    "as_expression_of_parameters",
    "as_interval",
    "as_text",
    "as_time",
    "is_before_start",
    "later",
    "times_in",
    "unit_of_time",
]


class UnitOfTime(Declared):
    """A unit of time as a symbol: see `unit_of_time`."""

    __slots__ = ()


def unit_of_time(text: str, what: str) -> UnitOfTime:
    """The unit called `text`, as a symbol.

    Raises
    ------
    UnitError
        If it is no unit.
    RegimenError
        If it is no unit of time; `what` names the number that it belongs to.
    """
    if conversion_factor(parse_unit(text), parse_unit("day")) is None:
        raise RegimenError(f"{what} is in {text}; expected a time such as '8 h', '3 weeks' or a number.")
    return UnitOfTime(Declaration(text, text, "unit of time"))


def as_time(value: Any, what: str, unit: str | None = None) -> sympy.Expr:
    """A time as an expression: a number, an expression of parameters, or text with a unit.

    Parameters
    ----------
    value
        The time.
    what
        Names it in a message.
    unit
        The unit of a number without one; None leaves it to the model.

    Raises
    ------
    RegimenError
        If it is none of the three, not finite, or not a time.
    UnitError
        If text is not a quantity.
    """
    if isinstance(value, str):
        number, own = parse_quantity(value, what)
        value, unit = number, own or unit
    elif isinstance(value, sympy.Expr) and not value.is_number:
        unit = None  # parameters have units of their own
    expression = as_expression_of_parameters(value, what)
    return expression if unit is None else expression * unit_of_time(unit, what)


def as_interval(value: Any, what: str, unit: str | None = None) -> sympy.Expr:
    """`as_time` of what must be more than 0.

    Raises
    ------
    RegimenError
        If it is 0 or less.
    """
    step = as_time(value, what, unit)
    number = _number(step)
    if number is not None and number <= 0:
        raise RegimenError(f"{what} is {as_text(step)}; expected more than 0.")
    return step


def as_expression_of_parameters(value: Any, what: str) -> sympy.Expr:
    """A number, or an expression of parameters and givens, as an expression.

    Raises
    ------
    RegimenError
        If it is neither, or not finite; `what` names it.
    """
    if isinstance(value, sympy.Expr):
        wrong = sorted(s.name for s in value.free_symbols if not isinstance(s, Parameter | Given | UnitOfTime))
        if wrong:
            raise RegimenError(f"{what} uses {wrong[0]!r}, which is not a parameter; declare it with param().")
        if not value.is_number:
            return value
    number = finite_number(value, what, error=RegimenError, expected="expected a number or an expression of parameters")
    if isinstance(value, sympy.Rational):
        return value
    return sympy.Integer(int(number)) if number.is_integer() else sympy.Float(number)


def times_in(time: sympy.Expr, unit: str) -> sympy.Expr:
    """`time` as an expression in `unit`: units turn into factors, and parameters in another unit of time too.

    A number without a unit is in `unit` already.

    Raises
    ------
    UnitError
        If a time has a unit and `unit` is no unit of time, as in a model without one.
    """
    number, own = _measured(time)
    if number is not None:
        return number if own is None else number * _size(own, unit)
    factors: dict[sympy.Basic, sympy.Expr] = {}
    for symbol in time.atoms(Declared):
        factor = time_factor(symbol.unit, unit)
        if isinstance(symbol, UnitOfTime):
            factors[symbol] = _size(symbol, unit)
        elif factor != 1.0:
            factors[symbol] = symbol * _exact(factor)
    return time.xreplace(factors)


def _size(own: UnitOfTime, unit: str) -> sympy.Expr:
    factor = conversion_factor(parse_unit(own.unit), parse_unit(unit))
    if factor is None:
        raise UnitError(
            f"a time of a dose is in {own.unit}, which cannot be converted to the model's time, in {unit!r}."
        )
    return _exact(factor)


def later(time: sympy.Expr, step: sympy.Expr, times: int = 1) -> sympy.Expr:
    """`time` plus `times` times `step`; of two numbers in one unit fast: sympy takes a millisecond for each."""
    (start, unit), (number, own) = _measured(time), _measured(step)
    if start is None or number is None or (unit != own and start != 0):
        return time + times * step
    total = _sum(start, number, times)
    if own is None or total == 0:
        return total
    return own if total == 1 else sympy.Mul(total, own, evaluate=False)


def _sum(start: sympy.Expr, number: sympy.Expr, times: int) -> sympy.Expr:
    """``start + times*number``, of floats without sympy's own arithmetic."""
    if isinstance(start, sympy.Float) or isinstance(number, sympy.Float):
        total = float(start) + times * float(number)
        return sympy.Integer(int(total)) if total.is_integer() else sympy.Float(total)
    return start + times * number


def _measured(time: sympy.Expr) -> tuple[sympy.Expr | None, UnitOfTime | None]:
    """The number and the unit of a time that is made of no more; no number where it is made of more."""
    if time.is_Number:
        return time, None
    coefficient, unit = time.as_coeff_Mul()
    return (coefficient, unit) if isinstance(unit, UnitOfTime) else (None, None)


def is_before_start(time: sympy.Expr) -> bool:
    """Whether a time is negative, whatever the parameters and the model's unit of time are."""
    number = _number(time)
    return number is not None and number < 0


def as_text(time: sympy.Expr) -> str:
    """A time as text: ``8 h``, ``start + 7``."""
    units = time.atoms(UnitOfTime)
    coefficient = time / next(iter(units)) if len(units) == 1 else time
    if coefficient.is_number:
        return " ".join([f"{float(coefficient):g}", *(unit.name for unit in units)])
    return str(sympy.sstr(time, full_prec=False))


def _number(time: sympy.Expr) -> float | None:
    """A time that is a number, or a number of units, in days or in the model's unit; None where it is neither."""
    if time.is_number or _measured(time)[0] is not None:
        return float(times_in(time, "day"))
    plain = time.as_independent(UnitOfTime, as_Add=True)[0]
    in_days = times_in(time, "day")
    return float(in_days) if plain == 0 and in_days.is_number else None


def _exact(factor: float) -> sympy.Expr:
    return sympy.Integer(int(factor)) if factor.is_integer() else sympy.Float(factor)
