"""PACIFIC and the trials beside it predicted, and every published number beside what was predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

import pkpd
from pkpd.arrays import Array, Mask
from pkpd.fits.pacific.control import alive_at, published
from pkpd.fits.pacific.patients import BOUNDARIES, Draws
from pkpd.fits.pacific.trials import MONTH, PACIFIC, PACIFIC_2, PACIFIC_5, Course, Trial, simulated

__all__ = ["FIRST_ANALYSIS", "STRATA", "Arms", "comparison", "incidence", "predicted", "ratio", "trial_interval"]

FIRST_ANALYSIS = 29.0  # months of accrual: a follow-up of 14.5 months in the median, as in Antonia 2017; illustrative
LATER = 60.0
SIZES = (476, 237)
STRATA = {"TC < 1 %": (0.0, BOUNDARIES[0]), "TC 1-24 %": BOUNDARIES, "TC >= 25 %": (BOUNDARIES[1], 1.01)}


@dataclass(frozen=True, eq=False)
class Arms:
    """The two arms of a trial, of the same patients."""

    placebo: Course
    durvalumab: Course

    def __getitem__(self, arm: str) -> Course:
        return self.placebo if arm == "placebo" else self.durvalumab


def predicted(trial: Trial, draws: Draws, estimates: Mapping[str, float], **changed: float | Array) -> Arms:
    """Both arms of a trial; they differ by the antibody alone."""
    return Arms(*(simulated(trial, draws, estimates, antibody=given, **changed) for given in (False, True)))


def ratio(
    arms: Arms, *, endpoint: str = "PFS", stratum: str | None = None, accrual: float | None = FIRST_ANALYSIS
) -> float:
    """Cox's hazard ratio, durvalumab over placebo; NaN where an arm has no patients.

    `accrual` is the number of months over which patients came in, all observed to one day: their follow-up is
    uniform from 0 to as long.  With None all are followed for five years.
    """
    time, event, treated = _stacked(arms, endpoint, stratum, accrual)
    return float(pkpd.hazard_ratio(time, event, treated)["hazard_ratio"])


def _stacked(arms: Arms, endpoint: str, stratum: str | None, accrual: float | None) -> tuple[Array, Mask, Mask]:
    columns = []
    for number, course in enumerate((arms.placebo, arms.durvalumab)):
        here = _within(course, stratum)
        time, event = (course.day, course.event) if endpoint == "PFS" else course.overall(LATER * MONTH)
        end = LATER * MONTH if accrual is None else accrual * MONTH * _even(len(time))
        seen = event & (time <= end)
        columns.append((np.minimum(time, end)[here], seen[here], np.full(here.sum(), number == 1)))
    time, event, treated = (np.concatenate(column) for column in zip(*columns, strict=True))
    return time, event, treated


def _even(n: int) -> Array:
    """Fractions evenly spread over 0 to 1, in an order that has nothing to do with the patients'."""
    return np.asarray((np.arange(n) * 0.6180339887498949 + 0.5) % 1)


def _within(course: Course, stratum: str | None) -> Mask:
    low, high = (0.0, 1.01) if stratum is None else STRATA[stratum]
    return np.asarray((course.PDL1 >= low) & (course.PDL1 < high))


def trial_interval(arms: Arms, *, trials: int = 300, seed: int = 1) -> tuple[float, float]:
    """The range of 95 % of the hazard ratios of PFS in trials of PACIFIC's own size, by drawing patients."""
    time, event, treated = _stacked(arms, "PFS", None, FIRST_ANALYSIS)
    rng, (control,), (active,) = np.random.default_rng(seed), np.nonzero(~treated), np.nonzero(treated)
    ratios = []
    for _ in range(trials):
        rows = np.r_[rng.choice(active, SIZES[0]), rng.choice(control, SIZES[1])]
        ratios.append(float(pkpd.hazard_ratio(time[rows], event[rows], treated[rows])["hazard_ratio"]))
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def incidence(course: Course, kind: str, months: float) -> float:
    """The cumulative incidence of ``"local"`` or ``"distant"`` failure; death without it competes."""
    day = course.local if kind == "local" else course.distant
    time = np.minimum(np.minimum(day, course.death), LATER * MONTH)
    cause = np.where(day <= time, kind, np.where(course.death <= time, "death", ""))
    curves = pkpd.cumulative_incidence(time, cause, unit="day").sel(cause=kind)
    return float(curves["incidence"].sel(time=months * MONTH, method="ffill"))


def median(course: Course, endpoint: str) -> float:
    """Months."""
    curve = pkpd.kaplan_meier(*((course.day, course.event) if endpoint == "PFS" else course.overall()), unit="day")
    return float(pkpd.median_survival(curve)["median"]) / MONTH


def comparison(trials: Mapping[str, Arms]) -> pd.DataFrame:
    """Every published number with what was predicted, the difference, and whether it is inside the interval."""
    rows = published()
    rows = rows.assign(predicted=[_predicted(trials, row) for row in rows.to_dict("records")])
    inside = (rows["predicted"] >= rows["low"]) & (rows["predicted"] <= rows["high"])
    return rows.assign(misfit=rows["predicted"] - rows["value"], inside=inside.where(rows["low"].notna()))


TRIALS = {"PACIFIC-2": PACIFIC_2, "PACIFIC-5": PACIFIC_5}


def _predicted(trials: Mapping[str, Arms], row: Mapping[str, object]) -> float:
    name, arm, endpoint = str(row["trial"]), str(row["arm"]), str(row["endpoint"])
    arms = trials[name if name in TRIALS else "PACIFIC"]
    if row["statistic"] == "hazard_ratio":
        first = name == "PACIFIC" or "TC" in name
        stratum = name.removeprefix("PACIFIC ") if "TC" in name else None
        return ratio(arms, endpoint=endpoint, stratum=stratum, accrual=FIRST_ANALYSIS if first else None)
    course, months = arms[arm], float(str(row["months"]))
    if row["statistic"] == "incidence":
        return incidence(course, endpoint.split()[0], months)
    if row["statistic"] == "median":
        return median(course, endpoint)
    if endpoint == "ORR":
        return float(course.response.mean())
    return float(
        alive_at(*((course.day, course.event) if endpoint == "PFS" else course.overall()), np.array([months]))[0]
    )


def all_trials(draws: Draws, estimates: Mapping[str, float]) -> dict[str, Arms]:
    """PACIFIC, PACIFIC-2 and PACIFIC-5."""
    return {trial.name: predicted(trial, draws, estimates) for trial in (PACIFIC, PACIFIC_2, PACIFIC_5)}
