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
from pkpd.fitting.thresholds import check_confidence
from pkpd.records.records import Records

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MixedBootstrap", "MixedProfile", "MixedProfiles", "bootstrapped", "profiled"]

PLACES = 9  # of a profile by default

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
    interrupted
        Whether Ctrl-C ended it: the trials before are there.
    """

    table: pd.DataFrame
    failed: int
    interrupted: bool = False

    def interval(self, confidence: float = 0.95) -> pd.DataFrame:
        """By label the median, the standard deviation and the percentile interval over trials that converged."""
        import pandas as pd

        if not 0 < confidence < 1:
            raise FitError(f"bootstrap: confidence is {confidence!r}; expected a number between 0 and 1.")
        kept = self.table[self.table["converged"].astype(bool)].drop(columns=["objective", "converged"])
        tail = (1 - confidence) / 2
        return pd.DataFrame(
            {"median": kept.median(), "sd": kept.std(), "low": kept.quantile(tail), "high": kept.quantile(1 - tail)}
        )


def bootstrapped(
    fit: MixedFit, n: int, *, by: str, seed: int, limit: int, progress: Progress | None = None
) -> MixedBootstrap:
    """What `pkpd.bootstrap` does with a mixed-effects fit: trials of subjects drawn with replacement.

    Raises
    ------
    FitError
        If `n` is no whole number of 2 or more, or `by` is not "subject".
    """
    import pandas as pd

    if isinstance(n, bool) or not isinstance(n, int) or n < 2:
        raise FitError(f"bootstrap: replicates is {n!r}; expected a whole number of 2 or more.")
    if by != "subject":
        raise FitError(f"bootstrap: by is {by!r}; of a mixed-effects fit subjects are drawn, by='subject'.")
    check_seed(seed)
    rng = np.random.default_rng(seed)
    options = replace(fit.options, covariance=None, restarts=0, iterations=min(limit, fit.options.iterations))
    start = {str(k): float(v) for k, v in fit.estimates["estimate"].items()}
    rows, failed, interrupted = [], 0, False
    try:
        for i in range(n):
            drawn = rng.integers(fit.n_subjects, size=fit.n_subjects)
            try:
                one = estimate(fit.statement, resampled_records(fit.records, drawn), options, start)
                _go_on(one)
                found = one.estimates["estimate"].to_dict()
                rows.append({**found, "objective": one.objective, "converged": one.converged})
            except PkpdError:
                failed += 1
            if progress is not None:
                progress(i + 1, n)
    except KeyboardInterrupt:
        interrupted = True
    columns = [*fit.estimates.index, "objective", "converged"]
    return MixedBootstrap(pd.DataFrame(rows, columns=columns), failed, interrupted)


def _go_on(fit: MixedFit) -> None:
    """Ctrl-C that ended one fit of many ends all of them."""
    if fit.interrupted:
        raise KeyboardInterrupt


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


@dataclass(frozen=True, eq=False)
class MixedProfiles:
    """Profiles of a mixed-effects fit, by label.

    Attributes
    ----------
    curves
        One for each estimate that was asked for.
    estimates
        The table of the fit.
    interrupted
        Whether Ctrl-C ended it: the profiles before are there.
    """

    curves: tuple[MixedProfile, ...]
    estimates: pd.DataFrame
    interrupted: bool = False

    def __getitem__(self, label: str) -> MixedProfile:
        for curve in self.curves:
            if curve.label == label:
                return curve
        raise unknown_name("profiles", "profile", str(label), [c.label for c in self.curves])

    @property
    def intervals(self) -> pd.DataFrame:
        """A row for each estimate: estimate, ci_low, ci_high, unit; NaN on a side that the walk did not leave."""
        import pandas as pd

        rows = {
            c.label: {
                "estimate": self.estimates.loc[c.label, "estimate"], "ci_low": c.low, "ci_high": c.high,
                "unit": self.estimates.loc[c.label, "unit"],
            }
            for c in self.curves
        }  # fmt: skip
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")


def profiled(
    fit: MixedFit,
    labels: str | Iterable[str] | None,
    *,
    confidence: float,
    limit: int,
    progress: Progress | None = None,
) -> MixedProfiles:
    """What `pkpd.profile` does with a mixed-effects fit.

    Each estimate is held at 9 places over 3 standard errors to both sides, and the others are
    fitted anew, each time from where the neighbor ended.

    Raises
    ------
    UnknownNameError
        If there is no such label.
    FitError
        If it is held already, is a correlation, or has no standard error.
    """
    check_confidence(confidence)
    estimates = fit.estimates
    if labels is None:
        known = ~estimates["fixed"].to_numpy() & np.isfinite(estimates["se"].to_numpy(dtype=float))
        labels = [label for label in map(str, estimates.index[known]) if not label.startswith("correlation")]
    chosen = [labels] if isinstance(labels, str) else list(labels)
    curves: list[MixedProfile] = []
    interrupted = False
    try:
        for i, label in enumerate(chosen):
            curves.append(_profile(fit, label, confidence, limit))
            if progress is not None:
                progress(i + 1, len(chosen))
    except KeyboardInterrupt:
        interrupted = True
    return MixedProfiles(tuple(curves), estimates, interrupted)


def _profile(fit: MixedFit, label: str, confidence: float, limit: int) -> MixedProfile:
    from scipy.stats import chi2

    estimates = fit.estimates
    if label not in estimates.index:
        raise unknown_name("the fit", "label", label, map(str, estimates.index))
    row = estimates.loc[label].to_dict()
    if bool(row["fixed"]) or label.startswith("correlation"):
        raise FitError(f"profile: {label!r} is held, or a correlation; name an estimate of its own.")
    rise = float(chi2.ppf(confidence, 1))
    places = np.unique(np.append(_places(fit, label, PLACES), float(row["estimate"])))
    statement = fit.statement.but(fixed=fit.statement.fixed | {label})
    options = replace(fit.options, covariance=None, restarts=0, iterations=min(limit, fit.options.iterations))
    objective = np.full(len(places), np.nan)
    middle = int(np.argmin(np.abs(places - float(row["estimate"]))))
    objective[middle] = fit.objective
    for order in (range(middle + 1, len(places)), range(middle - 1, -1, -1)):
        start = {str(k): float(v) for k, v in estimates["estimate"].items()}
        for i in order:  # each begins where its neighbor ended
            start[label] = float(places[i])
            near = estimate(statement, fit.records, options, start)
            _go_on(near)
            objective[i] = near.objective
            start = {str(k): float(v) for k, v in near.estimates["estimate"].items()}
    low, high = _crossings(places, objective - np.nanmin(objective), rise, middle)
    return MixedProfile(label, places, objective, rise, low, high)


def _places(fit: MixedFit, label: str, points: int) -> Array:
    row = fit.estimates.loc[label].to_dict()
    se = float(row["se"])
    if not np.isfinite(se):
        raise FitError(f"profile: {label!r} has no standard error to choose places by; fit with covariance='R'.")
    z = np.linspace(-3, 3, points)
    value, numbers, population = float(row["estimate"]), fit.subjects.numbers, fit.subjects.population
    if label.startswith("probability["):
        return np.asarray(1 / (1 + (1 - value) / value * np.exp(-z * se / (value * (1 - value)))))
    i = numbers.labels.index(label)
    one = i if fit.subjects.classes is None else int(fit.subjects.classes.source[i])
    if one < len(population.components):  # on its own scale, which keeps it within limits
        scale = population.components[one].scale
        slope = float(scale.slope(fit.u[i]))
        return np.sort(scale.natural(fit.u[i] + z * se / slope))
    return np.asarray(value + z * se if one < population.nb else value * np.exp(z * se / value))


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
