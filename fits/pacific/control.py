"""The control arm: what its calibration aims at, and the same numbers of simulated patients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.arrays import Array, Mask
from pkpd.fits.pacific.patients import Draws
from pkpd.fits.pacific.trials import MONTH, PACIFIC, PACIFIC_2, Course, simulated

__all__ = ["LANDMARK", "alive_at", "control_summary", "control_targets", "published"]

DATA = Path(__file__).parent.parent / "data"
LANDMARK = 84.0  # days from the first fraction, from which PROCLAIM counts here
BETWEEN_TRIALS = 0.07  # what rates of another trial are allowed to differ by: a choice, so that PACIFIC has the say


def published(**chosen: str) -> pd.DataFrame:
    """The rows of the published numbers whose columns have these values, such as ``arm="placebo"``."""
    rows = pd.read_csv(DATA / "pacific_published.csv", comment="#")
    for column, value in chosen.items():
        rows = rows[rows[column] == value]
    return rows


def control_targets() -> pd.DataFrame:
    """quantity, at (months), value, se: PACIFIC's placebo arm and PROCLAIM from its landmark on."""
    placebo = published(trial="PACIFIC", arm="placebo")
    median, rate = placebo["statistic"] == "median", placebo["statistic"] == "rate"
    # A median is a rate of one half at its time; its standard error is binomial, as of the other rates.
    halves = placebo[median].assign(months=placebo["value"], value=0.5, se=np.sqrt(0.25 / 237))
    rates = placebo[rate].assign(se=(placebo["high"] - placebo["low"]) / (2 * 1.96))
    rows = pd.concat([halves, rates]).rename(columns={"endpoint": "quantity", "months": "at"})
    other = pd.read_csv(DATA / "pacific_proclaim.csv", comment="#")
    other = other.assign(quantity="PROCLAIM PFS", se=np.hypot(other["se"], BETWEEN_TRIALS))
    return pd.concat([rows, other])[["quantity", "at", "value", "se"]].reset_index(drop=True)


def alive_at(time: Array, event: Mask, months: Array) -> Array:
    """Kaplan-Meier rates at some months."""
    curve = pkpd.kaplan_meier(time, event, unit="day")
    return np.asarray(pkpd.landmark_survival(curve, np.asarray(months) * MONTH)["survival"])


def control_summary(draws: Draws, estimates: Mapping[str, float], targets: pd.DataFrame) -> Array:
    """The numbers of the targets, of simulated patients."""
    placebo = simulated(PACIFIC, draws, estimates, antibody=False)
    proclaim = simulated(PACIFIC_2, draws, estimates, antibody=False)  # both count from the first fraction
    numbers = np.empty(len(targets))
    for quantity, rows in targets.groupby("quantity").groups.items():
        numbers[rows] = _numbers(str(quantity), placebo, proclaim, targets.loc[rows, "at"].to_numpy())
    return numbers


def _numbers(quantity: str, placebo: Course, proclaim: Course, months: Array) -> Array:
    if quantity == "ORR":
        return np.array([placebo.response.mean()])
    if quantity == "OS":
        return alive_at(*placebo.overall(), months)
    if quantity == "PFS":
        return alive_at(placebo.day, placebo.event, months)
    later = proclaim.day > LANDMARK
    return alive_at(proclaim.day[later] - LANDMARK, proclaim.event[later], months)
