"""Visits on a schedule: when scans are due, and when they are made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from pkpd.arrays import Array, Mask
from pkpd.ensembles.streams import check_counts, check_seed, uniforms
from pkpd.errors import DataError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["VisitSchedule", "schedule_visits", "visit_days"]


@dataclass(frozen=True)
class VisitSchedule:
    """When scans are due, and how patients keep to it; made by `schedule_visits`.

    Attributes
    ----------
    due
        Days at which visits are due, rising; the first, 0, is the baseline.
    jitter, window
        The standard deviation of a visit's day about its due day, and the most that they differ.
    missed
        The probability that a visit after the baseline is missed.
    delayed, delay
        The probability that one is delayed beyond its window, and the mean of the delay in days,
        which is exponential.
    """

    due: tuple[float, ...]
    jitter: float = 0.0
    window: float = 7.0
    missed: float = 0.0
    delayed: float = 0.0
    delay: float = 14.0

    def __post_init__(self) -> None:
        days = np.asarray(self.due, dtype=float)
        if not len(days) or days[0] != 0 or not np.isfinite(days).all() or (np.diff(days) <= 0).any():
            raise DataError(f"VisitSchedule: due is {self.due!r:.80}; expected rising days, the first 0.")
        for name in ("jitter", "window", "delay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise DataError(f"VisitSchedule: {name} is {getattr(self, name)!r}; expected days, 0 or more.")
        for name in ("missed", "delayed"):
            if not 0 <= getattr(self, name) <= 1:
                raise DataError(f"VisitSchedule: {name} is {getattr(self, name)!r}; expected a probability.")


def schedule_visits(
    every: float,
    until: float,
    *,
    then: Mapping[float, float] | None = None,
    jitter: float = 0.0,
    window: float = 7.0,
    missed: float = 0.0,
    delayed: float = 0.0,
    delay: float = 14.0,
) -> VisitSchedule:
    """Visits every so many days from the baseline at day 0.

    Parameters
    ----------
    every, until
        The time between visits, and the last day at which one may be due.
    then
        From which day on visits come at another interval: every 8 weeks to week 48 and every 12
        weeks after is ``schedule_visits(56, 1460, then={336: 84})``.
    jitter, window, missed, delayed, delay
        As `VisitSchedule` has them; by default every visit is on its day.

    Raises
    ------
    DataError
        If an interval is not positive, a day not finite, or a probability none.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.schedule_visits(56, 250, then={112: 84}).due
    (0.0, 56.0, 112.0, 196.0)
    """
    steps = sorted({0.0: every, **(then or {})}.items())
    for start, step in steps:
        if not (0 < step < math.inf and 0 <= start < math.inf):
            raise DataError(f"schedule_visits(): from day {start!r} every {step!r} days; expected positive numbers.")
    if not 0 <= until < math.inf:
        raise DataError(f"schedule_visits(): until is {until!r}; expected a day, 0 or more.")
    due = [0.0]
    while True:
        interval = next(step for start, step in reversed(steps) if start <= due[-1] + 1e-9)
        if due[-1] + interval > until + 1e-9:
            return VisitSchedule(tuple(due), jitter, window, missed, delayed, delay)
        due.append(float(due[-1] + interval))


def visit_days(
    schedule: VisitSchedule, patients: int, seed: int, *, first: int = 0, leave: ArrayLike | None = None
) -> xr.Dataset:
    """The days at which patients come to their visits.

    A patient's days depend on the seed and the number of the patient alone, not on how many
    others there are.  The baseline is on its day.  A visit that a delay brings to the day of
    the next one or after it is missed.

    Parameters
    ----------
    schedule
        From `schedule_visits`.
    patients, first
        How many, and the number of the first; the whole numbers from `first` on.
    seed
        A whole number of 0 or more.
    leave
        (patients,): the day after which a patient has no more scans (death, dropout, the end of
        the trial); NaN for none.

    Returns
    -------
    xarray.Dataset
        Over (patient, visit): ``day``, NaN where the visit was missed, and ``scheduled``.

    Raises
    ------
    DataError
        If `leave` has not a day for each patient.
    ParameterError
        If a number of patients or the seed is none.

    Examples
    --------
    >>> import pkpd
    >>> schedule = pkpd.schedule_visits(42, 126, jitter=2, missed=0.1)
    >>> pkpd.visit_days(schedule, 3, seed=1).day.round().to_numpy().tolist()[0]
    [0.0, 45.0, 88.0, 126.0]
    """
    import xarray as xr

    check_counts("visit_days", patients, first)
    check_seed(seed)
    due = np.asarray(schedule.due)
    day = np.tile(due, (patients, 1))
    for visit in range(1, len(due)):
        day[:, visit] += _shift(schedule, visit, patients, seed, first)
    day[:, 1:][_missed(schedule, len(due), patients, seed, first)] = np.nan
    day = _in_order(day)
    if leave is not None:
        gone = np.asarray(leave, dtype=float)
        if gone.shape != (patients,):
            raise DataError(f"visit_days(): leave has the shape {gone.shape}; expected a day for {patients} patients.")
        with np.errstate(invalid="ignore"):
            day[day > gone[:, None]] = np.nan
    return xr.Dataset(
        {
            "day": (("patient", "visit"), day, {"long_name": "day of the visit", "units": "day"}),
            "scheduled": (
                ("patient", "visit"),
                np.tile(due, (patients, 1)),
                {"long_name": "day at which the visit is due", "units": "day"},
            ),
        },
        {"patient": np.arange(first, first + patients), "visit": np.arange(len(due))},
    )


def _shift(schedule: VisitSchedule, visit: int, patients: int, seed: int, first: int) -> Array:
    """How many days after it was due each patient came: a normal cut at the window, or a delay."""
    from scipy.special import ndtr, ndtri

    shift = np.zeros(patients)
    if schedule.jitter > 0:
        low = ndtr(-schedule.window / schedule.jitter)
        shift = schedule.jitter * ndtri(low + (1 - 2 * low) * uniforms(seed, f"visit {visit}: day", patients, first))
    if schedule.delayed > 0:
        late = uniforms(seed, f"visit {visit}: whether delayed", patients, first) < schedule.delayed
        wait = -schedule.delay * np.log(uniforms(seed, f"visit {visit}: delay", patients, first))
        shift = np.where(late, schedule.window + wait, shift)
    return shift


def _missed(schedule: VisitSchedule, visits: int, patients: int, seed: int, first: int) -> Mask:
    if schedule.missed == 0:
        return np.zeros((patients, visits - 1), dtype=bool)
    numbers = [uniforms(seed, f"visit {visit}: whether missed", patients, first) for visit in range(1, visits)]
    missed: Mask = np.array(numbers).reshape(visits - 1, patients).T < schedule.missed
    return missed


def _in_order(day: Array) -> Array:
    """The days with those taken out that are not before the next visit that was kept."""
    kept = day.copy()
    following = np.full(len(day), np.inf)
    for visit in range(day.shape[1] - 1, 0, -1):
        with np.errstate(invalid="ignore"):
            kept[:, visit] = np.where(day[:, visit] < following, day[:, visit], np.nan)
        following = np.fmin(following, kept[:, visit])
    kept[:, 1:][kept[:, 1:] <= day[:, :1]] = np.nan
    return kept
