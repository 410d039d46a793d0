"""Percentiles of simulated and of observed values against time: what a visual predictive check shows.

References
----------
Bergstrand M, Hooker AC, Wallin JE, Karlsson MO. Prediction-corrected visual predictive checks for
diagnosing nonlinear mixed-effects models. AAPS J 13:143-151 (2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.measures.quantile_regression import quantile_curves
from pkpd.measures.sampling_bins import sampling_bins

__all__ = ["Observed", "PredictiveCheck", "Simulated", "predictive_check", "study_percentiles"]


@dataclass(frozen=True, eq=False)
class Observed:
    """Observations of one stratum: ``time``, ``value`` and population prediction ``pred``, (observations,)."""

    time: Array
    value: Array
    pred: Array | None = None


@dataclass(frozen=True, eq=False)
class Simulated:
    """Simulated observations of one stratum.

    Attributes
    ----------
    time
        (times,).
    rows
        (members, times); NaN throughout for a member that failed.
    pred
        (members, times): the population prediction of each; None where values are not corrected.
    floor
        The limit of quantification; minus infinity without one.
    """

    time: Array
    rows: Array
    pred: Array | None
    floor: float


@dataclass(frozen=True, eq=False)
class PredictiveCheck:
    """What is drawn of one stratum.

    Attributes
    ----------
    time
        (times,): of the simulated percentiles.
    studies
        (studies, percentiles, times); NaN below the limit of quantification.
    simulated_below
        (studies, times): shares below the limit.
    members, lost
        How many members were simulated, and how many of them failed.
    points
        Times and values of the observations, corrected where that was asked for; None without observations.
    places, observed, observed_below
        (places,), (percentiles, places) and (places,): of the observations, by bin or along a curve.
    """

    time: Array
    studies: Array
    simulated_below: Array
    members: int
    lost: int
    points: tuple[Array, Array] | None = None
    places: Array | None = None
    observed: Array | None = None
    observed_below: Array | None = None


def predictive_check(
    simulated: Simulated, observed: Observed | None, ranks: Sequence[float], replicates: int, bins: Any
) -> PredictiveCheck:
    """Percentiles of simulated studies, and of what was observed.

    Parameters
    ----------
    ranks
        Between 0 and 100.
    replicates
        Of how many studies the members are, one after the other.
    bins
        As for `sampling_bins`, or ``"none"`` for curves by quantile regression.
    """
    lost: Mask = np.asarray(np.isnan(simulated.rows).all(axis=1))
    below = np.where(np.isnan(simulated.rows), np.nan, simulated.rows <= simulated.floor)
    reported = simulated.floor if simulated.pred is None else -np.inf
    values = _ranked(simulated.rows * _simulated_correction(simulated), below == 1)
    check = PredictiveCheck(
        simulated.time, study_percentiles(values, ranks, replicates, reported), _study_means(below, replicates),
        len(simulated.rows), int(lost.sum()),
    )  # fmt: skip
    return check if observed is None else _with_observed(check, observed, ranks, bins, simulated.floor)


def _simulated_correction(simulated: Simulated) -> Array:
    """The median prediction at a time over that of the member."""
    if simulated.pred is None:
        return np.ones((1, 1))
    return _ratio(np.nanmedian(simulated.pred, axis=0)[None, :], simulated.pred)


def _ratio(typical: Array, pred: Array) -> Array:
    """1 where a prediction is 0, which no factor can correct."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = typical / pred
    return np.where(np.isfinite(factor), factor, 1.0)


def _ranked(values: Array, below: Mask) -> Array:
    return np.where(below, -np.inf, values)


def study_percentiles(rows: Array, ranks: Sequence[float], replicates: int, floor: float = -np.inf) -> Array:
    """(studies, percentiles, times) of (members, times): NaN where a percentile is below the limit.

    A failed member, all NaN, leaves its own study smaller; a study of which all failed is left out.
    """
    studies = rows.reshape(replicates, -1, rows.shape[1])
    some_left = ~np.isnan(studies).all(axis=(1, 2))
    return _percentiles(studies[some_left], ranks, 1, floor).transpose(1, 0, 2)


def _percentiles(values: Array, ranks: Sequence[float], axis: int, floor: float) -> Array:
    """NaN where one is not above the limit, at which values below it (minus infinity) are counted.

    A corrected value has no such limit; a percentile between it and one below the limit is below.
    """
    low = float(np.min(values, where=np.isfinite(values), initial=np.inf))
    span = float(np.max(values, where=np.isfinite(values), initial=-np.inf)) - low if np.isfinite(low) else 1.0
    least = floor if np.isfinite(floor) else (low if np.isfinite(low) else 0.0) - 1e6 * (span + 1.0)
    percentiles = np.nanpercentile(np.where(np.isneginf(values), least, values), ranks, axis=axis)
    if np.isfinite(floor):
        return np.where(percentiles > floor, percentiles, np.nan)
    return np.where(percentiles < low - 1e-9 * (span + 1.0), np.nan, percentiles)


def _study_means(below: Array, replicates: int) -> Array:
    studies = below.reshape(replicates, -1, below.shape[1])
    return np.asarray(np.nanmean(studies[~np.isnan(studies).all(axis=(1, 2))], axis=1))


def _with_observed(
    check: PredictiveCheck, observed: Observed, ranks: Sequence[float], bins: Any, floor: float
) -> PredictiveCheck:
    time, below = observed.time, observed.value <= floor
    if isinstance(bins, str):
        return _without_bins(check, observed, ranks, below)
    group = sampling_bins(time, bins)
    value = observed.value
    if observed.pred is not None:
        typical = np.array([np.median(observed.pred[group == g]) for g in range(group.max() + 1)])
        value = value * _ratio(typical[group], observed.pred)
    ranked, reported = _ranked(value, below), floor if observed.pred is None else -np.inf
    own = [group == g for g in range(group.max() + 1)]
    return replace(
        check, points=(time[~below], value[~below]), places=np.array([np.median(time[o]) for o in own]),
        observed=np.stack([_percentiles(ranked[o], ranks, 0, reported) for o in own], axis=1),
        observed_below=np.array([below[o].mean() for o in own]),
    )  # fmt: skip


def _without_bins(check: PredictiveCheck, observed: Observed, ranks: Sequence[float], below: Mask) -> PredictiveCheck:
    """Curves at the simulated times that lie among the observed ones."""
    time, value = observed.time, observed.value
    if observed.pred is not None:
        middle = quantile_curves(time, observed.pred, [0.5], time)[0]
        value = value * _ratio(middle, observed.pred)
    places = np.unique(np.concatenate([check.time[(check.time >= time.min()) & (check.time <= time.max())], time]))
    curves = quantile_curves(time, _ranked(value, below), [r / 100 for r in ranks], places)
    lowest = float(value[~below].min()) if (~below).any() else np.inf
    shares = np.interp(places, *_running_share(time, below))
    seen = np.where(curves < lowest, np.nan, curves) if below.any() else curves
    return replace(check, points=(time[~below], value[~below]), places=places, observed=seen, observed_below=shares)


def _running_share(time: Array, below: Mask) -> tuple[Array, Array]:
    """The share below the limit among the tenth of the observations (20 at least) about each time."""
    order = np.argsort(time, kind="stable")
    width = min(len(time), max(20, len(time) // 10))
    windows = np.lib.stride_tricks.sliding_window_view(below[order].astype(float), width)
    middles = np.lib.stride_tricks.sliding_window_view(time[order], width)
    return middles.mean(axis=1), windows.mean(axis=1)
