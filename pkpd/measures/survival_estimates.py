"""Kaplan and Meier's product, Greenwood's error and pointwise bands, on counts as arrays."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import DataError
from pkpd.measures.survival_times import Counts

__all__ = ["Band", "band", "check_band", "estimate", "from_zero", "unobserved"]

Band = Literal["log-log", "log", "plain"]


def check_band(measure: str, interval: Band) -> None:
    """Refuse a scale of a band that is not known."""
    if interval not in ("log-log", "log", "plain"):
        raise DataError(f"{measure}: interval is {interval!r}; expected 'log-log', 'log' or 'plain'.")


def estimate(counts: Counts) -> tuple[Array, Array]:
    """Survival, and Greenwood's standard error relative to it (NaN once nobody is left), (groups, times) each."""
    hazard: Array = counts.events / np.maximum(counts.at_risk, 1)
    survival: Array = np.cumprod(1 - hazard, axis=1, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(counts.events > 0, hazard / (counts.at_risk - counts.events), 0.0)
    relative: Array = np.where(survival > 0, np.sqrt(np.cumsum(terms, axis=1)), np.nan)
    return survival, relative


def band(survival: Array, relative: Array, confidence: float, interval: Band) -> tuple[Array, Array]:
    """The pointwise band; where nobody is left it is not known (NaN), before the first event it is 1."""
    from scipy.special import ndtri

    z = ndtri((1 + confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        if interval == "log-log":
            log = np.log(survival)
            lower, upper = (survival ** np.exp(sign * z * relative / -log) for sign in (1, -1))
        elif interval == "log":
            lower, upper = (survival * np.exp(sign * z * relative) for sign in (-1, 1))
        else:
            lower, upper = (survival * (1 + sign * z * relative) for sign in (-1, 1))
    lower, upper = np.clip(lower, 0, 1), np.clip(upper, 0, 1)
    nobody, all_left = survival == 0, survival == 1
    return (
        np.where(nobody, np.nan, np.where(all_left, 1.0, lower)),
        np.where(nobody, np.nan, np.where(all_left, 1.0, upper)),
    )


def from_zero(counts: Counts) -> Counts:
    """The same from time 0 on, where all are at risk."""
    if counts.times[0] == 0:
        return counts
    none = np.zeros((len(counts.at_risk), 1), dtype=np.int64)
    at_risk = np.hstack([counts.at_risk[:, :1], counts.at_risk])
    events, censored = (np.hstack([none, column]) for column in (counts.events, counts.censored))
    return Counts(np.r_[0.0, counts.times], at_risk, events, censored, counts.last)


def unobserved(counts: Counts, survival: Array) -> Mask:
    """Where a curve is not known: after the last time of a group with survivors, and in a group of nobody."""
    mask: Mask = ((counts.times > counts.last[:, None]) & (survival > 0)) | (counts.at_risk[:, :1] == 0)
    return mask
