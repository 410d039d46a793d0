"""Regimens: which dose is given when, by which route, over how long."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy

from pkpd.errors import RegimenError
from pkpd.notebook import shown
from pkpd.symbolic.symbols import Given, Parameter
from pkpd.treatment.administrations import Administration, Quantity, as_duration, as_quantity
from pkpd.treatment.dose_times import (
    UnitOfTime,
    as_interval,
    as_text,
    as_time,
    later,
    unit_of_time,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Administration", "Quantity", "Regimen", "bolus", "fractions", "infusion"]


@dataclass(frozen=True)
class Regimen:
    """Doses in the order in which they were written; frozen.

    ``+`` and ``sum`` join regimens, `every` repeats one, `shift` moves it in time.  A time is
    counted from the model's start; one without a unit is in the model's unit of time.
    """

    doses: tuple[Administration, ...] = ()

    def __add__(self, other: Regimen) -> Regimen:
        if not isinstance(other, Regimen):
            return NotImplemented
        return Regimen(self.doses + other.doses)

    def __radd__(self, other: Any) -> Regimen:
        return self if isinstance(other, int) and other == 0 else NotImplemented  # where sum() begins

    def shift(self, delay: Any) -> Regimen:
        """The same doses, `delay` later (earlier if negative): a number, ``"12 h"``, or a parameter."""
        return self._moved(as_time(delay, "the delay of shift()"))

    def every(self, interval: Any, n: int) -> Regimen:
        """The whole regimen `n` times, beginning every `interval`: a number, ``"3 weeks"``, or a parameter."""
        step = as_interval(interval, "the interval of every()")
        count = _count(n)
        _check_number(count * len(self.doses))
        return Regimen(tuple(d for i in range(count) for d in self._moved(step, i).doses))

    def _moved(self, step: sympy.Expr, times: int = 1) -> Regimen:
        return Regimen(tuple(dataclasses.replace(d, time=later(d.time, step, times)) for d in self.doses))

    def in_time(self, time: str) -> Regimen:
        """The same doses with all times in `time`, a unit such as ``"h"``, and no units left in them.

        A number without a unit is taken to be in `time` already.
        """
        return Regimen(tuple(d.in_time(time) for d in self.doses))

    @cached_property
    def parameters(self) -> tuple[Parameter | Given, ...]:
        """The parameters that its times, amounts, durations and intervals use, by name."""
        symbols: set[Any] = set()
        for d in self.doses:
            lasting = None if d.duration is None else d.duration.expression
            for expression in (d.time, d.amount.expression, lasting, d.interval):
                symbols |= set() if expression is None else expression.atoms(Parameter, Given)
        return tuple(sorted(symbols, key=lambda s: str(s.name)))

    def _repr_html_(self) -> str:
        return shown(f"Regimen of {len(self.doses)} doses", self.table())

    def table(self) -> pd.DataFrame:
        """The doses as a table: time, amount, route, duration; numbers where they are numbers without a unit.

        Where a dose meets a steady state there is also its interval.
        """
        import pandas as pd

        rows = [
            {
                "time": _plain_time(d.time),
                "amount": _plain(d.amount),
                "route": d.route,
                "duration": math.nan if d.duration is None else _plain(d.duration),
                "steady_state_interval": math.nan if d.interval is None else _plain_time(d.interval),
            }
            for d in self.doses
        ]
        columns = ["time", "amount", "route", "duration"]
        return pd.DataFrame(rows, columns=columns + ["steady_state_interval"] * any(d.ss for d in self.doses))


def bolus(
    amount: Any,
    route: str,
    *,
    at: Any = 0,
    every: Any = None,
    n: int | None = None,
    ss: bool = False,
    time: str | None = None,
) -> Regimen:
    """Doses given at once.

    Parameters
    ----------
    amount
        A number in the route's unit, text with a unit (``"1500 mg"``), or an expression of
        parameters (``10*model["WT"]``).
    route
        The name of one of the model's routes.
    at
        The time of the (first) dose, or a sequence of times: numbers, text with a unit
        (``"8 h"``), or expressions of parameters.
    every, n
        Interval (``7``, ``"3 weeks"``) and number of doses.
    ss
        Whether the first dose meets the steady state of doses given every `every` for ever
        before; `n` is then 1 by default.  It must be at time 0, where a run starts; a lag shifts
        the whole series, so that doses still running or due then go on.  Of several such doses
        in a regimen the first decides what the states are, and the steady states of the others
        are added, which is right for linear models alone (SS 1 and SS 2 of NONMEM).
    time
        The unit of the times that have none; the model's by default.

    Raises
    ------
    RegimenError
        If a time is negative, only one of `every` and `n` is given, or `ss` lacks `every`.
    UnitError
        If a unit is not known.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.bolus("5 mg", "iv", every="8 h", n=3).in_time("day").table()["time"].round(3).tolist()
    [0.0, 0.333, 0.667]
    """
    return _repeated(Administration(_NOW, as_quantity(amount, "an amount"), route), _Schedule(at, every, n, ss, time))


def infusion(
    amount: Any,
    route: str,
    duration: Any,
    *,
    at: Any = 0,
    every: Any = None,
    n: int | None = None,
    ss: bool = False,
    time: str | None = None,
) -> Regimen:
    """Doses given at a constant rate over `duration` (a number in the model's time, or ``"1 h"``).

    The other arguments and errors are those of `bolus`; a duration must be more than 0.

    Examples
    --------
    >>> infusion("1500 mg", "iv", duration="1 h", every="4 weeks", n=3).table()["time"].tolist()
    [0.0, '4 weeks', '8 weeks']
    """
    once = Administration(_NOW, as_quantity(amount, "an amount"), route, as_duration(duration, time))
    return _repeated(once, _Schedule(at, every, n, ss, time))


def fractions(
    amount: Any,
    n: int,
    route: str = "radiation",
    *,
    start: Any = 0,
    every: Any = None,
    per_week: int | None = None,
    duration: Any = None,
    time: str | None = None,
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
        The time of the first fraction: a number, text with a unit (``"1 week"``), or a parameter.
    every
        The interval between fractions (``"24 h"``); 1 by default.
    per_week
        Instead of `every`: this many fractions on consecutive days, then a pause until the
        week is over.  ``per_week=5`` leaves the weekends off; `start` is then a Monday.
        Where neither `start` nor `time` has a unit, the model's time is in days.
    duration
        How long one fraction lasts, where the route wants a dose rate.
    time
        The unit of the times that have none; the model's by default.

    Raises
    ------
    RegimenError
        If `every` and `per_week` are both given, or a number is out of range.
    UnitError
        If a unit is not known.

    Examples
    --------
    >>> fractions("2 Gy", 5, start=7).table()["time"].tolist()
    [7.0, 8.0, 9.0, 10.0, 11.0]
    """
    if every is not None and per_week is not None:
        raise RegimenError("fractions() takes every= or per_week=, not both.")
    if per_week is not None and per_week not in range(1, 8):
        raise RegimenError(f"per_week is {per_week!r}; expected 1 to 7.")
    first = as_time(start, "the start of fractions()", time)
    step = as_interval(1 if every is None else every, "the interval of fractions()", time)
    day = unit_of_time("day", "a day") if time is not None or first.atoms(UnitOfTime) or isinstance(start, str) else 1
    _check_number(_count(n))
    offsets = [step * i if per_week is None else day * (7 * (i // per_week) + i % per_week) for i in range(_count(n))]
    lasting = None if duration is None else as_duration(duration, time)
    once = Administration(_NOW, as_quantity(amount, "an amount"), route, lasting)
    return _repeated(once, _Schedule([first + offset for offset in offsets]))


_NOW = sympy.S.Zero
MOST_DOSES = 100_000  # in one call: beyond it somebody meant something else, such as an infusion


@dataclass(frozen=True)
class _Schedule:
    """When a dose is given: the arguments of `bolus` by their names."""

    at: Any = 0
    every: Any = None
    n: int | None = None
    ss: bool = False
    time: str | None = None


def _repeated(dose: Administration, schedule: _Schedule) -> Regimen:
    if not isinstance(dose.route, str) or not dose.route:
        raise RegimenError(f"a route is named by text such as 'iv', not by {dose.route!r}.")
    n = 1 if schedule.ss and schedule.n is None else schedule.n
    if schedule.ss and schedule.every is None:
        raise RegimenError("ss=True needs every=, the interval of the doses whose steady state it is.")
    if (schedule.every is None) != (n is None):
        raise RegimenError("every= and n= belong together: the interval and the number of doses.")
    at: Iterable[Any] = schedule.at if _is_sequence(schedule.at) else [schedule.at]
    times = [as_time(t, "a dose time", schedule.time) for t in at]
    _check_number(len(times))
    once = Regimen(tuple(dataclasses.replace(dose, time=t) for t in times))
    if schedule.every is None or n is None:
        return once
    step = as_interval(schedule.every, "the interval of every()", schedule.time)
    repeated = once.every(step, n)
    return _from_steady_state(repeated, step, len(times)) if schedule.ss else repeated


def _from_steady_state(regimen: Regimen, interval: sympy.Expr, starts: int) -> Regimen:
    """`regimen` with its first dose at the steady state of the interval; the others go on from there."""
    if starts != 1:
        raise RegimenError(f"ss=True takes one time at which the steady state is met; at has {starts}.")
    first, *later = regimen.doses
    return Regimen((dataclasses.replace(first, ss=True, interval=interval), *later))


def _is_sequence(value: Any) -> bool:
    return (isinstance(value, Sequence) and not isinstance(value, str)) or getattr(value, "ndim", 0) == 1


def _count(n: Any) -> int:
    if not isinstance(n, numbers.Integral) or n < 1:
        raise RegimenError(f"the number of doses is {n!r}; expected a whole number of 1 or more.")
    return int(n)


def _check_number(doses: int) -> None:
    if doses > MOST_DOSES:
        raise RegimenError(
            f"a regimen of {doses} doses; expected {MOST_DOSES} or fewer. "
            "Give an infusion, or a dose with ss=True that stands for all doses before it."
        )


def _plain(quantity: Quantity) -> Any:
    numeric = quantity.unit is None and quantity.expression.is_number
    return float(quantity.expression) if numeric else str(quantity)


def _plain_time(time: sympy.Expr) -> Any:
    return float(time) if time.is_number else as_text(time)
