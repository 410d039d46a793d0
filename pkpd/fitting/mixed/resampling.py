"""Bootstrap by subject, and the profile of the objective along an estimate."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.streams import check_seed
from pkpd.errors import FitError, PkpdError, unknown_name
from pkpd.fitting.mixed.estimation import estimate
from pkpd.fitting.mixed.results import MixedFit
from pkpd.records.records import Records

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MixedBootstrap", "MixedProfile", "bootstrap_subjects", "profile_objective"]

Progress = Callable[[int, int], object]


@dataclass(frozen=True, eq=False)
class MixedBootstrap:
    """Fits of trials of resampled subjects.

    Attributes
    ----------
    table
        A row for each trial: the estimates by label, the objective, and whether its search converged.
    failed
        How many trials had no fit.
    """

    table: pd.DataFrame
    failed: int

    def interval(self, confidence: float = 0.95) -> pd.DataFrame:
        """By label the median, the standard deviation and the percentile interval over trials that converged."""
        import pandas as pd

        if not 0 < confidence < 1:
            raise FitError(f"bootstrap: confidence is {confidence!r}; expected a number between 0 and 1.")
        kept = self.table[self.table["converged"]].drop(columns=["objective", "converged"])
        tail = (1 - confidence) / 2
        return pd.DataFrame(
            {"median": kept.median(), "sd": kept.std(), "low": kept.quantile(tail), "high": kept.quantile(1 - tail)}
        )


def bootstrap_subjects(fit: MixedFit, n: int, *, seed: int, progress: Progress | None = None) -> MixedBootstrap:
    """What `pkpd.bootstrap` does with a mixed-effects fit.

    Raises
    ------
    FitError
        If `n` is no whole number of 2 or more.
    """
    import pandas as pd

    if isinstance(n, bool) or not isinstance(n, int) or n < 2:
        raise FitError(f"bootstrap: n is {n!r}; expected a whole number of 2 or more.")
    check_seed(seed)
    rng = np.random.default_rng(seed)
    options = replace(fit.options, covariance=None, restarts=0)
    start = {str(k): float(v) for k, v in fit.estimates["estimate"].items()}
    rows, failed = [], 0
    for i in range(n):
        drawn = rng.integers(fit.n_subjects, size=fit.n_subjects)
        try:
            one = estimate(fit.statement, resampled_records(fit.records, drawn), options, start)
            rows.append({**one.estimates["estimate"].to_dict(), "objective": one.objective, "converged": one.converged})
        except PkpdError:
            failed += 1
        if progress is not None:
            progress(i + 1, n)
    return MixedBootstrap(pd.DataFrame(rows), failed)


def resampled_records(records: Records, subjects: Index) -> Records:
    """The records of these subjects, each numbered anew."""
    first = records.first_rows
    ends = np.append(first[1:], len(records))
    rows = np.concatenate([np.arange(first[s], ends[s]) for s in subjects])
    sizes = [ends[s] - first[s] for s in subjects]
    standard = {name: column[rows] for name, column in records.standard.items()}
    standard["ID"] = np.repeat(np.arange(1, len(subjects) + 1), sizes).astype(float)
    covariates = {name: column[rows] for name, column in records.covariates.items()}
    return replace(records, standard=standard, covariates=covariates)


@dataclass(frozen=True, eq=False)
class MixedProfile:
    """The objective along one estimate, all others fitted anew.

    Attributes
    ----------
    label
        The estimate.
    value, objective
        (points,): in order of the value.
    low, high
        Where the objective is `rise` above its least; NaN where the points do not reach it.
    """

    label: str
    value: Array
    objective: Array
    rise: float
    low: float
    high: float


def profile_objective(
    fit: MixedFit, label: str, values: Iterable[float] | None = None, *, points: int = 9, confidence: float = 0.95
) -> MixedProfile:
    """What `pkpd.profile` does with a mixed-effects fit.

    Parameters
    ----------
    values
        Where to hold the estimate; by default `points` places over 3 standard errors to both sides.

    Raises
    ------
    UnknownNameError
        If there is no such label.
    FitError
        If it is held already, or no values are given and there is no standard error.
    """
    from scipy.stats import chi2

    estimates = fit.estimates
    if label not in estimates.index:
        raise unknown_name("the fit", "label", label, map(str, estimates.index))
    row = estimates.loc[label].to_dict()
    if bool(row["fixed"]) or label.startswith("correlation"):
        raise FitError(f"profile: {label!r} is held, or a correlation; name an estimate of its own.")
    places = np.array(list(values), dtype=float) if values is not None else _places(fit, label, points)
    center = float(row["estimate"])
    places = np.unique(np.append(places, center))
    statement = fit.statement.but(fixed=fit.statement.fixed | {label})
    options = replace(fit.options, covariance=None, restarts=0)
    objective = np.full(len(places), np.nan)
    middle = int(np.argmin(np.abs(places - center)))
    objective[middle] = fit.objective
    for order in (range(middle + 1, len(places)), range(middle - 1, -1, -1)):
        start = {str(k): float(v) for k, v in estimates["estimate"].items()}
        for i in order:  # each begins where its neighbor ended
            start[label] = float(places[i])
            near = estimate(statement, fit.records, options, start)
            objective[i] = near.objective
            start = {str(k): float(v) for k, v in near.estimates["estimate"].items()}
    rise = float(chi2.ppf(confidence, 1))
    low, high = _crossings(places, objective - np.nanmin(objective), rise, middle)
    return MixedProfile(label, places, objective, rise, low, high)


def _places(fit: MixedFit, label: str, points: int) -> Array:
    row = fit.estimates.loc[label].to_dict()
    se = float(row["se"])
    if not np.isfinite(se):
        raise FitError(f"profile: {label!r} has no standard error to choose places by; give values=.")
    z = np.linspace(-3, 3, points)
    value = float(row["estimate"])
    positive = value > 0 and (label.startswith("omega") or float(row["ci_low"]) > 0)
    return np.asarray(value * np.exp(z * se / value) if positive else value + z * se)


def _crossings(places: Array, above: Array, rise: float, middle: int) -> tuple[float, float]:
    ends = []
    for order in (range(middle, -1, -1), range(middle, len(places))):
        ends.append(_crossing(places, above, rise, list(order)))
    return ends[0], ends[1]


def _crossing(places: Array, above: Array, rise: float, order: Sequence[int]) -> float:
    for before, after in itertools.pairwise(order):
        if above[before] <= rise < above[after]:
            # near the least the objective is a parabola: interpolate the root of its rise
            left, right, wanted = (np.sqrt(max(v, 0.0)) for v in (above[before], above[after], rise))
            share = (wanted - left) / (right - left)
            return float(places[before] + share * (places[after] - places[before]))
    return float("nan")
