"""Therapies of a protocol: doses in cycles, from a day that may depend on the patient."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pkpd.errors import RegimenError
from pkpd.treatment.regimens import Regimen
from pkpd.units import time_in

__all__ = ["ENTRY", "Therapy", "Within", "therapy", "within"]

ENTRY = "entry"
"""What a start may be counted from besides a therapy: the patient's entry into the trial."""


@dataclass(frozen=True)
class Within:
    """A whole number of days within a window, drawn for each patient; see `within`."""

    first: Any
    last: Any
    after: str | None = None

    def days(self, unit: str) -> tuple[float, float]:
        """The window in `unit`, a unit of time."""
        return time_in(self.first, unit, "the first day of a window"), time_in(
            self.last, unit, "the last day of a window"
        )


def within(first: Any, last: Any, *, after: str | None = None) -> Within:
    """A start within a window: each patient's day is drawn from it, every day alike.

    Parameters
    ----------
    first, last
        The window: numbers in the model's unit of time, or text such as ``"6 weeks"``.  The start
        is `first` or a whole number of days later, at most `last`.
    after
        What it is counted from: a therapy, whose last dose it follows, or ``"entry"``; by
        default the start of the model.

    Raises
    ------
    RegimenError
        If the window ends before it begins.

    Examples
    --------
    PACIFIC: durvalumab 1 to 42 days after chemoradiation.

    >>> import pkpd
    >>> pkpd.within(1, 42, after="chemoradiation")
    Within(first=1, last=42, after='chemoradiation')
    """
    window = Within(first, last, after)
    start, end = window.days("day")
    mixed = isinstance(first, str) != isinstance(last, str)  # comparable once the model's unit is known
    if not (0 <= start < math.inf and end < math.inf) or (end < start and not mixed):
        raise RegimenError(
            f"within({first!r}, {last!r}): expected a first day of 0 or more, and a last one not before."
        )
    return window


@dataclass(frozen=True)
class Therapy:
    """Doses in cycles; see `therapy`."""

    doses: Regimen
    every: Any = None
    cycles: int | None = None
    duration: Any = None
    start: Within | None = None
    lesions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lesions", MappingProxyType(dict(self.lesions)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Therapy, (self.doses, self.every, self.cycles, self.duration, self.start, dict(self.lesions))


def therapy(
    doses: Regimen,
    *,
    every: Any = None,
    cycles: int | None = None,
    duration: Any = None,
    start: Any = 0,
    after: str | None = None,
    lesions: Mapping[str, str] | None = None,
) -> Therapy:
    """What a protocol gives: doses, repeated in cycles until they are used up or a rule stops them.

    Parameters
    ----------
    doses
        The doses of one cycle, timed from its first day.  Amounts may be parameters or, as
        ``"10 mg/kg"``, go by body weight, so that each patient has an amount of their own.
    every
        The length of a cycle; None for doses that are given once.
    cycles
        The most cycles.
    duration
        The longest time on therapy: no cycle begins so long after the first, or later.
    start
        The first day: a number, text such as ``"2 weeks"``, `within` for a day drawn for
        each patient, or None where a rule (`start_at`) begins it.
    after
        What `start` is counted from: another therapy, whose last dose it follows, or
        ``"entry"``, the patient's entry into the trial; by default the start of the model.
    lesions
        For local therapy the route by which each lesion is reached, ``{"primary":
        "radiation_primary"}``: `doses` are then given to the lesions that progress where a
        response (`seen`) begins it, and else to all.

    Raises
    ------
    RegimenError
        If the doses are no regimen, meet a steady state, or overlap the next cycle, or a number
        is out of range.

    Examples
    --------
    Durvalumab every 2 weeks for up to a year, from 1 to 42 days after chemoradiation:

    >>> import pkpd
    >>> durvalumab = pkpd.therapy(
    ...     pkpd.infusion("10 mg/kg", "iv", "1 h"),
    ...     every=14,
    ...     duration="1 year",
    ...     start=pkpd.within(1, 42, after="chemoradiation"),
    ... )
    """
    if not isinstance(doses, Regimen) or not doses.doses:
        raise RegimenError(f"therapy() got {doses!r}; expected doses made with bolus, infusion or fractions.")
    if any(dose.ss for dose in doses.doses):
        raise RegimenError(f"therapy(): a dose on route {doses.doses[0].route!r} meets a steady state; give it alone.")
    for name, value in (("cycles", cycles), ("every", every), ("duration", duration)):
        _check_positive(name, value)
    if cycles is not None and not isinstance(cycles, numbers.Integral):
        raise RegimenError(f"therapy(): cycles is {cycles!r}; expected a whole number.")
    if every is None and (duration is not None or cycles not in (None, 1)):
        raise RegimenError(f"therapy(): cycles={cycles!r}, duration={duration!r} need every=, the length of a cycle.")
    return Therapy(doses, every, cycles, duration, as_start(start, after), {} if lesions is None else lesions)


def as_start(start: Any, after: str | None) -> Within | None:
    """A start as a window: one day is a window of a day.

    Raises
    ------
    RegimenError
        If `after` is given twice, or with no start.
    """
    if isinstance(start, Within):
        if after is not None and start.after is not None:
            raise RegimenError(f"a start has after={after!r}, and its window after={start.after!r}; give one.")
        return Within(start.first, start.last, start.after if after is None else after)
    if start is None:
        if after is not None:
            raise RegimenError(f"a therapy after={after!r} has start=None; give the days that it follows by.")
        return None
    return within(start, start, after=after)


def _check_positive(name: str, value: Any) -> None:
    if value is None:
        return
    number = time_in(value, "day", f"therapy(): {name}")
    if isinstance(value, bool) or not 0 < number < math.inf:
        raise RegimenError(f"therapy(): {name} is {value!r}; expected more than 0.")
