"""Regimens: which dose is given when, by which route, over how long."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy

from pkpd.errors import RegimenError
from pkpd.symbolic.symbols import Given, Parameter
from pkpd.units import parse_quantity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Administration", "Quantity", "Regimen", "bolus", "fractions", "infusion"]


@dataclass(frozen=True)
class Quantity:
    """A number or an expression of parameters; without a unit it is in the unit that is wanted."""

    expression: sympy.Expr
    unit: str | None = None

    def __str__(self) -> str:
        return f"{sympy.sstr(self.expression, full_prec=False)}{' ' + self.unit if self.unit else ''}"


@dataclass(frozen=True)
class Administration:
    """One dose, infusion or radiation fraction."""

    time: sympy.Expr
    amount: Quantity
    route: str
    duration: Quantity | None = None

    def __post_init__(self) -> None:
        if self.time.is_number and self.time < 0:
            raise RegimenError(
                f"a dose on route {self.route!r} is at time {float(self.time):g}; a model starts at time 0, "
                "so a dose time is 0 or more."
            )
        if self.duration is not None and self.duration.expression.is_number and self.duration.expression <= 0:
            raise RegimenError(
                f"an infusion on route {self.route!r} lasts {self.duration}; a duration is more than 0. "
                "Use bolus() for a dose given at once."
            )


@dataclass(frozen=True)
class Regimen:
    """Doses in the order in which they were written; frozen.

    ``+`` joins two regimens, `every` repeats one, `shift` moves it in time.  Times are in
    the model's unit of time, counted from its start.
    """

    doses: tuple[Administration, ...] = ()

    def __add__(self, other: Regimen) -> Regimen:
        if not isinstance(other, Regimen):
            return NotImplemented
        return Regimen(self.doses + other.doses)

    def shift(self, delay: Any) -> Regimen:
        """The same doses, `delay` later (earlier if negative); a parameter may be the delay."""
        step = _expression(delay, "the delay of shift()")
        return Regimen(tuple(dataclasses.replace(d, time=d.time + step) for d in self.doses))

    def every(self, interval: Any, n: int) -> Regimen:
        """The whole regimen `n` times, beginning every `interval`."""
        step = _interval(interval, "the interval of every()")
        return Regimen(tuple(d for i in range(_count(n)) for d in self.shift(i * step).doses))

    @property
    def parameters(self) -> tuple[Parameter | Given, ...]:
        """The parameters that its times, amounts and durations use, by name."""
        found: set[Any] = set()
        for dose in self.doses:
            used = [dose.time, dose.amount.expression]
            used += [] if dose.duration is None else [dose.duration.expression]
            found = found.union(*(expression.atoms(Parameter, Given) for expression in used))
        return tuple(sorted(found, key=lambda s: str(s.name)))

    def table(self) -> pd.DataFrame:
        """The doses as a table: time, amount, route, duration; numbers where they are numbers."""
        import pandas as pd

        rows = [
            {
                "time": _plain(d.time),
                "amount": str(d.amount) if d.amount.unit else _plain(d.amount.expression),
                "route": d.route,
                "duration": math.nan if d.duration is None else _plain(d.duration.expression),
            }
            for d in self.doses
        ]
        return pd.DataFrame(rows, columns=["time", "amount", "route", "duration"])


def bolus(amount: Any, route: str, *, at: Any = 0, every: Any = None, n: int | None = None) -> Regimen:
    """Doses given at once.

    Parameters
    ----------
    amount
        A number in the route's unit, text with a unit (``"1500 mg"``), or an expression of
        parameters (``10*model["WT"]``).
    route
        The name of one of the model's routes.
    at
        The time of the (first) dose, or a sequence of times.
    every, n
        Interval and number of doses.

    Raises
    ------
    RegimenError
        If a time is negative, or only one of `every` and `n` is given.
    """
    return _repeated(amount, route, at, every, n, None)


def infusion(
    amount: Any, route: str, duration: Any, *, at: Any = 0, every: Any = None, n: int | None = None
) -> Regimen:
    """Doses given at a constant rate over `duration` (a number in the model's time, or ``"1 h"``).

    The other arguments and errors are those of `bolus`; a duration must be more than 0.
    """
    return _repeated(amount, route, at, every, n, _quantity(duration, "a duration"))


def fractions(
    amount: Any,
    n: int,
    route: str = "radiation",
    *,
    start: Any = 0,
    every: Any = None,
    per_week: int | None = None,
    duration: Any = None,
) -> Regimen:
    """Radiation in `n` fractions of `amount` each (Gy unless said).

    Parameters
    ----------
    amount
        The dose of one fraction.
    n
        The number of fractions.
    route
        The name of one of the model's routes.
    start
        The time of the first fraction.
    every
        The interval between fractions; 1 unless said.
    per_week
        Instead of `every`: this many fractions on consecutive days, then a pause until the
        week is over.  ``per_week=5`` leaves the weekends off; `start` is then a Monday, and
        the model's time is in days.
    duration
        How long one fraction lasts, where the route wants a dose rate.

    Raises
    ------
    RegimenError
        If `every` and `per_week` are both given, or a number is out of range.
    """
    if every is not None and per_week is not None:
        raise RegimenError("fractions() takes every= or per_week=, not both.")
    if per_week is not None and per_week not in range(1, 8):
        raise RegimenError(f"per_week is {per_week!r}; expected 1 to 7.")
    first = _expression(start, "the start of fractions()")
    step = _interval(1 if every is None else every, "the interval of fractions()")
    offsets = [
        step * i if per_week is None else sympy.Integer(7 * (i // per_week) + i % per_week) for i in range(_count(n))
    ]
    return _repeated(
        amount,
        route,
        [first + o for o in offsets],
        None,
        None,
        None if duration is None else _quantity(duration, "a duration"),
    )


def _repeated(amount: Any, route: str, at: Any, every: Any, n: int | None, duration: Quantity | None) -> Regimen:
    if not isinstance(route, str) or not route:
        raise RegimenError(f"a route is named by text such as 'iv', not by {route!r}.")
    if (every is None) != (n is None):
        raise RegimenError("every= and n= belong together: the interval and the number of doses.")
    times: Iterable[Any] = at if _is_sequence(at) else [at]
    size = _quantity(amount, "an amount")
    once = Regimen(tuple(Administration(_expression(t, "a dose time"), size, route, duration) for t in times))
    return once if every is None or n is None else once.every(every, n)


def _is_sequence(value: Any) -> bool:
    return (isinstance(value, Sequence) and not isinstance(value, str)) or getattr(value, "ndim", 0) == 1


def _count(n: Any) -> int:
    if not isinstance(n, numbers.Integral) or n < 1:
        raise RegimenError(f"the number of doses is {n!r}; expected a whole number of 1 or more.")
    return int(n)


def _quantity(value: Any, what: str) -> Quantity:
    if isinstance(value, str):
        number, unit = parse_quantity(value, what)
        return Quantity(_expression(number, what), unit)
    return Quantity(_expression(value, what))


def _expression(value: Any, what: str) -> sympy.Expr:
    if isinstance(value, sympy.Expr):
        wrong = sorted(s.name for s in value.free_symbols if not isinstance(s, Parameter | Given))
        if wrong:
            raise RegimenError(f"{what} uses {wrong[0]!r}, which is not a parameter; declare it with param().")
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise RegimenError(f"{what} is {value!r}; expected a number or an expression of parameters.") from None
    if not math.isfinite(number):
        raise RegimenError(f"{what} is {number}; expected a finite number.")
    return sympy.Integer(int(number)) if number.is_integer() else sympy.Float(number)


def _interval(value: Any, what: str) -> sympy.Expr:
    step = _expression(value, what)
    if step.is_number and step <= 0:
        raise RegimenError(f"{what} is {float(step):g}; expected more than 0.")
    return step


def _plain(expression: sympy.Expr) -> Any:
    return float(expression) if expression.is_number else str(sympy.sstr(expression, full_prec=False))
