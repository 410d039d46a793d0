"""One dose: when, how much, by which route, over how long."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import sympy

from pkpd.errors import RegimenError
from pkpd.treatment.dose_times import as_expression_of_parameters, as_text, is_before_start, times_in, unit_of_time
from pkpd.units import parse_quantity

__all__ = ["Administration", "Quantity", "as_duration", "as_quantity"]


@dataclass(frozen=True)
class Quantity:
    """A number or an expression of parameters; without a unit it is in the unit that is wanted."""

    expression: sympy.Expr
    unit: str | None = None

    def __str__(self) -> str:
        return f"{sympy.sstr(self.expression, full_prec=False)}{' ' + self.unit if self.unit else ''}"


@dataclass(frozen=True)
class Administration:
    """One dose, infusion or radiation fraction.

    Attributes
    ----------
    time
        An expression of parameters; a number in it is in the model's unit of time, and a
        number with a unit is a multiple of a `UnitOfTime` (``8*h``), see `due`.
    amount, duration
        Quantities; no duration for a dose given at once.
    route
        The name of one of the model's routes.
    ss
        Whether the dose meets a steady state: that of the same dose given every `interval`
        for ever before.
    interval
        The dosing interval of that steady state, of the same kind as `time`.
    """

    time: sympy.Expr
    amount: Quantity
    route: str
    duration: Quantity | None = None
    ss: bool = False
    interval: sympy.Expr | None = None

    def __post_init__(self) -> None:
        if is_before_start(self.time):
            raise RegimenError(
                f"a dose on route {self.route!r} is at time {as_text(self.time)}; a model starts at time 0, "
                "so a dose time is 0 or more."
            )
        if self.duration is not None and self.duration.expression.is_number and self.duration.expression <= 0:
            raise RegimenError(
                f"an infusion on route {self.route!r} lasts {self.duration}; a duration is more than 0. "
                "Use bolus() for a dose given at once."
            )
        if self.ss and self.interval is None:
            raise RegimenError(f"a dose at steady state on route {self.route!r} needs its interval; give every=.")

    def due(self, time: str) -> sympy.Expr:
        """Its time as an expression in `time`, a model's unit of time."""
        return times_in(self.time, time)

    def in_time(self, time: str) -> Administration:
        """The same dose with time, duration and interval in `time`, and no units left in them."""
        return dataclasses.replace(
            self,
            time=self.due(time),
            duration=None if self.duration is None else _duration_in(self.duration, time),
            interval=None if self.interval is None else times_in(self.interval, time),
        )


def as_quantity(value: Any, what: str) -> Quantity:
    """A number, text with a unit, or an expression of parameters, as a quantity.

    Raises
    ------
    RegimenError
        If it is none of them, or not finite; `what` names it.
    UnitError
        If text is not a number with a unit.
    """
    if isinstance(value, str):
        number, unit = parse_quantity(value, what)
        return Quantity(as_expression_of_parameters(number, what), unit)
    return Quantity(as_expression_of_parameters(value, what))


def as_duration(value: Any, time: str | None) -> Quantity:
    """A duration as a quantity, a number of which is in `time` (the model's time where that is None).

    Raises
    ------
    RegimenError
        If its unit is no unit of time, and as for `as_quantity`.
    """
    lasting = as_quantity(value, "a duration")
    unit = time if lasting.unit is None and lasting.expression.is_number else lasting.unit
    if unit is not None:
        unit_of_time(unit, "a duration")
    return dataclasses.replace(lasting, unit=unit)


def _duration_in(duration: Quantity, time: str) -> Quantity:
    if duration.unit is None:
        return Quantity(times_in(duration.expression, time))
    return Quantity(times_in(duration.expression * unit_of_time(duration.unit, "a duration"), time))
