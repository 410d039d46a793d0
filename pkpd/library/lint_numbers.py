"""Lint of units and numbers: factors that convert by hand, units that hide a factor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sympy

from pkpd.library.findings import Finding, shown
from pkpd.symbolic.checks import expressions
from pkpd.symbolic.symbols import Declared
from pkpd.units import parse_unit, same_unit

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["bare_conversions", "mixed_units", "other_time_units", "time_factors", "time_units"]

_TIME_FACTORS = {
    7: "days in a week",
    24: "hours in a day",
    60: "minutes in an hour",
    168: "hours in a week",
    365: "days in a year",
    365.25: "days in a year",
    1440: "minutes in a day",
    3600: "seconds in an hour",
    10080: "minutes in a week",
    86400: "seconds in a day",
}


def time_factors(model: Model) -> Iterator[Finding]:
    for place, expression in expressions(model):
        for product in _products(expression):
            words = _time_factor(product)
            timed = sorted(s.name for s in product.free_symbols if time_units(parse_unit(s.unit)))
            if words and timed:
                yield Finding(
                    "time-factor", "error", place,
                    f"{shown(product)} multiplies {timed[0]!r} by {words[0]:.6g}, {words[1]}; "
                    f"give {timed[0]!r} in the time unit it was measured in, and drop the number.",
                )  # fmt: skip
                break


def _time_factor(product: sympy.Mul) -> tuple[float, str] | None:
    number = abs(float(product.as_coeff_Mul()[0]))
    for factor, words in _TIME_FACTORS.items():
        if math.isclose(number, factor, rel_tol=1e-6):
            return number, f"the {words}"
        # A reciprocal is often written with three digits: 0.0417, 0.143.
        if math.isclose(number, 1 / factor, rel_tol=1.5e-3):
            return number, f"one over the {words}"
    return None


def other_time_units(model: Model) -> Iterator[Finding]:
    for symbol in model.settable:
        for time in time_units(parse_unit(symbol.unit)):
            if same_unit(parse_unit(time), parse_unit(model.time)):
                continue
            company = [e.atoms(Declared) for _, e in expressions(model) if symbol in e.free_symbols]
            if not all(any(time in time_units(parse_unit(s.unit)) for s in others - {symbol}) for others in company):
                yield Finding(
                    "other-time-unit", "warning", f"parameter {symbol.name!r}",
                    f"{symbol.name!r} is in {symbol.unit}, but the model's time is in {model.time}, and no other "
                    f"symbol beside it is in {time}.",
                )  # fmt: skip


def time_units(unit: Any) -> set[str]:
    """The units of time that a pint unit is made of; a Gy is made of none."""
    return {name for name in _factors(unit) if set(_dimensions(name)) == {"[time]"}}


def mixed_units(model: Model) -> Iterator[Finding]:
    for name, unit in model.units.items():
        by_dimension: dict[str, str] = {}
        for factor in _factors(parse_unit(unit)):
            dimensions = set(_dimensions(factor))
            if len(dimensions) != 1:
                continue
            other = by_dimension.setdefault(dimensions.pop(), factor)
            if other != factor:
                kind = "output" if name in model.outputs else "symbol"
                yield Finding(
                    "mixed-units", "error", f"{kind} {name!r}",
                    f"{name!r} is in {unit}, which has {other} beside {factor}: a factor hides in its number. "
                    "Give it one unit.",
                )  # fmt: skip


def _factors(unit: Any) -> list[str]:
    return sorted(name for name, _ in (1 * unit).unit_items())


def _dimensions(unit: str) -> Any:
    return parse_unit(unit).dimensionality


def bare_conversions(model: Model) -> Iterator[Finding]:
    for place, expression in expressions(model):
        for product in _products(expression):
            number = abs(float(product.as_coeff_Mul()[0]))
            power = math.log10(number) if number > 0 else 0
            if abs(power) < 2.9 or not math.isclose(power, round(power), abs_tol=1e-9):
                continue
            with_unit = sorted(s.name for s in product.free_symbols if _dimensions(s.unit))
            if with_unit:
                yield Finding(
                    "bare-conversion", "warning", place,
                    f"{shown(product)} multiplies {with_unit[0]!r} by {number:g}, which has no unit; if it converts "
                    "one unit to another, declare it as a parameter with that unit.",
                )  # fmt: skip
                break


def _products(expression: sympy.Basic) -> list[sympy.Mul]:
    return sorted(expression.atoms(sympy.Mul), key=str)
