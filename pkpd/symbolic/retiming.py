"""A model in another unit of time."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy

from pkpd.errors import UnitError
from pkpd.symbolic.checks import every_symbol
from pkpd.symbolic.symbols import Declared, Given, Parameter, State
from pkpd.symbolic.variants import redeclared, with_expressions
from pkpd.units import conversion_factor, parse_unit, same_unit

if TYPE_CHECKING:
    from pkpd.symbolic.elements import Dosing, Event, Output
    from pkpd.symbolic.model import Model

__all__ = ["in_time"]


def in_time(model: Model, unit: str) -> Model:
    """`model` in another unit of time.

    Everything whose unit contains the model's time (parameters, givens, states such as an
    area under a curve, input rates, the clock, declared outputs) is declared anew with
    `unit` in its place, and with the number that is the same quantity there; bounds and
    alternatives are converted too.  Names, meanings, sources and `iiv`, which is that of a
    logarithm, stay.  A unit that holds another time than the model's (L/h in a model in
    days) and one that hides a time (Gy) stay as well, unless the model is converted to that
    very unit.  By its hash the model is another one; there and back again it is the same to the
    rounding of its numbers, and for hours and days itself.

    Parameters
    ----------
    model
        Any model or part.
    unit
        Of time, such as ``"h"``.

    Raises
    ------
    UnitError
        If `unit` is no unit of time, or the model's time has none.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.load("pk_1cmt_oral").in_time("h").units["CL"]
    'L/h'
    """
    factor = conversion_factor(parse_unit(model.time), parse_unit(unit))
    if factor is None:
        reason = "its equations have no unit of time" if model.time == "1" else "expected a time such as h, day or week"
        raise UnitError(f"{model.name}: its time, in {model.time!r}, cannot be converted to {unit!r}; {reason}.")
    change = _Change(model.time, unit)
    table = {symbol: change.symbol(symbol) for symbol in every_symbol(model)}
    return with_expressions(
        model,
        {old: new for old, new in table.items() if old != new},
        time=unit,
        outputs=lambda outputs: {name: change.output(out) for name, out in outputs.items()},
        events=lambda events: tuple(map(change.event, model.events, events)),
        dosing=lambda dosing: {
            new: change.dosing(old, attributes)
            for old, (new, attributes) in zip(model.dosing, dosing.items(), strict=True)
        },
    )


@dataclass(frozen=True)
class _Change:
    """From one unit of time to another: what becomes of units, and of numbers that are in them."""

    old: str
    new: str

    def unit(self, text: str) -> str:
        """A unit with the new time in the place of the old one."""
        return re.sub(r"[^\W\d_]+", lambda word: self.new if self._is_old(word[0]) else word[0], text)

    def _is_old(self, word: str) -> bool:
        return same_unit(parse_unit(word), parse_unit(self.old))

    def number(self, value: Any, unit: str) -> Any:
        """A number in `unit` in the unit that takes its place."""
        factor = conversion_factor(parse_unit(unit), parse_unit(self.unit(unit)))
        return value if factor in (None, 1.0) else _product(float(value), float(factor))

    def symbol(self, symbol: Declared) -> Declared:
        declared, unit = symbol.declaration, symbol.unit
        changes: dict[str, Any] = {"unit": self.unit(unit)}
        if changes["unit"] == unit:
            return symbol
        if isinstance(symbol, Parameter):
            changes["value"] = self.number(declared.value, unit)
            changes["bounds"] = tuple(self.number(b, unit) for b in declared.bounds)
            changes["alternatives"] = tuple((a[0], self.number(a[1], unit), *a[2:]) for a in declared.alternatives)
        elif isinstance(symbol, Given) and declared.default is not None:
            changes["default"] = self.number(declared.default, unit)
        elif isinstance(symbol, State):
            changes["start"] = self._bare(symbol.start, unit)
        return redeclared(symbol, **changes)

    def output(self, out: Output) -> Output:
        return out if out.unit is None else dataclasses.replace(out, unit=self.unit(out.unit))

    def event(self, old: Event, new: Event) -> Event:
        values = zip(old.then.items(), new.then.items(), strict=True)
        return dataclasses.replace(new, then={s: self._bare(value, was.unit) for (was, _), (s, value) in values})

    def dosing(self, state: State, dosing: Dosing) -> Dosing:
        units = {"lag": self.old, "duration": self.old, "rate": f"({state.unit})/{self.old}"}
        changes = {k: self._bare(value, units[k]) for k, value in dosing.attributes.items() if k in units}
        return dataclasses.replace(dosing, **changes)

    def _bare(self, expression: Any, unit: str) -> Any:
        """A number that stands where `unit` is understood; an expression has changed with its symbols."""
        if not expression.is_number or self.unit(unit) == unit:
            return expression
        number = self.number(expression, unit)
        return sympy.Integer(int(number)) if number.is_integer() else sympy.Float(number)


def _product(value: float, factor: float) -> float:
    """`value` times `factor`, which is 1/24 and 1/7 exactly; rounded once, and to 15 digits where that is all it is."""
    if not math.isfinite(value):
        return value
    exact = Fraction(factor).limit_denominator(10**9)
    if abs(float(exact) - factor) > 1e-14 * abs(factor):
        exact = Fraction(factor)
    product = float(Fraction(value) * exact)
    decimal = float(f"{product:.15g}")
    return decimal if abs(decimal - product) <= 2.3e-16 * abs(product) else product
