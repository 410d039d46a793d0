"""Percentiles of the trial simulated anew, by bins of time: what a visual predictive check shows.

References
----------
Bergstrand M, Hooker AC, Wallin JE, Karlsson MO. Prediction-corrected visual predictive checks for
diagnosing nonlinear mixed-effects models. AAPS J 13:143-151 (2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError, unknown_name
from pkpd.fitting.mixed.replicates import replicates
from pkpd.fitting.mixed.residuals import average_predictions
from pkpd.records.tidy_tables import as_text

if TYPE_CHECKING:
    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["Check", "predictive_checks"]

BINS = 10


@dataclass(frozen=True, eq=False)
class Check:
    """The observations of one stratum against their simulated trials.

    Attributes
    ----------
    stratum
        Its name; empty where there is one.
    time, value
        (observations,): measured values, corrected where that was asked for.
    middle
        (bins,): the median time of each bin.
    observed
        (percentiles, bins).
    simulated
        (trials, percentiles, bins).
    below
        The observed share below the limit of quantification by bin; None where none is.
    simulated_below
        (trials, bins).
    """

    stratum: str
    time: Array
    value: Array
    middle: Array
    observed: Array
    simulated: Array
    below: Array | None = None
    simulated_below: Array | None = None


def predictive_checks(
    fit: MixedFit, output: str, *, n: int, seed: int, percentiles: Sequence[float], bins: int | Sequence[float] | None,
    corrected: bool, by: str | None,
) -> list[Check]:  # fmt: skip
    """A check for each stratum, the values of the column `by`.

    Raises
    ------
    UnknownNameError
        If there is no such column.
    """
    seen, rows = fit.subjects.observations, fit.residuals
    at = np.flatnonzero(rows["output"].to_numpy() == output)
    drawn = replicates(fit.subjects, fit.u, n, seed).reshape(n, -1)[:, seen.order[at]]
    time, value = rows["time"].to_numpy(float)[at], rows["observed"].to_numpy(float)[at]
    beyond = _beyond(fit)[at]
    strata = np.full(len(at), "", dtype=object) if by is None else _strata(fit, by)[at]
    pred = average_predictions(fit.subjects, fit.u)[at] if corrected else np.empty(0)
    checks = []
    for name in dict.fromkeys(strata.tolist()):
        own = np.flatnonzero(strata == name)
        group = _groups(time[own], bins)
        correction = _correction(pred[own], group) if corrected else np.ones(len(own))
        checks.append(_check(name, time[own], value[own], beyond[own], drawn[:, own], group, correction, percentiles))
    return checks


def _beyond(fit: MixedFit) -> Index:
    """Which observations lie beyond a limit, in the order of the data: 1 below, -1 above."""
    seen = fit.subjects.observations
    beyond = np.zeros(seen.mask.size, dtype=np.int64)
    for e in seen.endpoints:
        beyond[e.places] = e.observed.censored
    return np.asarray(beyond[seen.order])


def _strata(fit: MixedFit, by: str) -> Any:
    records = fit.subjects.trajectories.records
    known = [*records.covariates, "DVID", "OCC"]
    if by not in known:
        raise unknown_name(records.name, "column", by, records.covariates)
    rows = fit.subjects.observations.rows[..., 0].reshape(-1)[fit.subjects.observations.order]
    return np.array([f"{by} = {as_text(v)}" for v in records[by][rows].tolist()], dtype=object)


def _groups(time: Array, bins: int | Sequence[float] | None) -> Index:
    """The bin of each observation."""
    distinct = np.unique(time)
    if bins is None and len(distinct) <= BINS:
        return np.asarray(np.searchsorted(distinct, time))
    if isinstance(bins, bool) or (isinstance(bins, int) and bins < 1):
        raise DataError(f"bins is {bins!r}; expected a number of bins of 1 or more, or their edges.")
    if bins is None or isinstance(bins, int):
        edges = np.unique(np.quantile(time, np.linspace(0, 1, (bins or BINS) + 1)[1:-1]))
    else:
        edges = np.asarray(bins, dtype=float)
        if edges.ndim != 1 or (np.diff(edges) <= 0).any():
            raise DataError(f"bins is {bins!r}; expected a number of bins, or their edges in increasing order.")
    return np.asarray(np.searchsorted(edges, time, side="right"))


def _correction(pred: Array, group: Index) -> Array:
    """The median prediction of the bin over that of the observation."""
    factor = np.ones(len(pred))
    for g in np.unique(group):
        own = group == g
        with np.errstate(all="ignore"):
            factor[own] = np.median(pred[own]) / pred[own]
    return np.where(np.isfinite(factor), factor, 1.0)


def _check(
    name: str, time: Array, value: Array, beyond: Index, drawn: Array, group: Index, correction: Array,
    percentiles: Sequence[float],
) -> Check:  # fmt: skip
    """Values below a limit rank as lowest, those above one as highest, and simulated ones beyond it with them."""
    below, above = beyond == 1, beyond == -1
    floor, ceiling = np.full(len(group), -np.inf), np.full(len(group), np.inf)
    for g in np.unique(group):
        floor[group == g] = value[(group == g) & below].max(initial=-np.inf)
        ceiling[group == g] = value[(group == g) & above].min(initial=np.inf)
    low, high = below | (value < floor), above | (value > ceiling)
    ranked = np.where(low, -np.inf, np.where(high, np.inf, value * correction))
    simulated = np.where(drawn < floor, -np.inf, np.where(drawn > ceiling, np.inf, drawn * correction))
    simulated = np.where(np.isnan(drawn), np.nan, simulated)
    groups = np.unique(group)
    observed = np.full((len(percentiles), len(groups)), np.nan)
    trials = np.full((len(drawn), len(percentiles), len(groups)), np.nan)
    shares, simulated_shares = np.zeros(len(groups)), np.zeros((len(drawn), len(groups)))
    middle = np.empty(len(groups))
    for i, g in enumerate(groups):
        own = group == g
        middle[i] = np.median(time[own])
        rank = _percentiles(ranked[None, own], percentiles)[0]
        observed[:, i] = np.where(np.isfinite(rank), rank, np.nan)
        trials[:, :, i] = _percentiles(simulated[:, own], percentiles)
        shares[i], simulated_shares[:, i] = np.isneginf(ranked[own]).mean(), np.isneginf(simulated[:, own]).mean(axis=1)
    measured = beyond == 0
    values = (value * correction)[measured]
    some = below.any()
    return Check(
        name, time[measured], values, middle, observed, trials,
        shares if some else None, simulated_shares if some else None,
    )  # fmt: skip


def _percentiles(values: Array, percentiles: Sequence[float]) -> Array:
    """(rows, percentiles) of (rows, values): NaN where one is below a limit, infinite above one, without failures."""
    if np.isnan(values).any():
        ranks = np.nanquantile(values, np.array(percentiles) / 100, axis=1, method="nearest")
    else:
        ranks = np.quantile(
            values, np.array(percentiles) / 100, axis=1, method="nearest" if np.isinf(values).any() else "linear"
        )
    return np.where(np.isneginf(ranks), np.nan, ranks).T
