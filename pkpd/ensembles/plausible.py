"""Plausible patients: candidates kept by what they do, and weights that make them a population.

Two steps, as in Allen, Rieger and Musante: candidates whose simulated outputs lie within the
range of what was ever observed are plausible patients, and a virtual population is chosen of
them to match published statistics.  Where they accept patients at random by the ratio of two
densities, here each patient has a weight: of all weights that meet the targets those closest
to equal ones, in the sense of relative entropy.

References
----------
Allen RJ, Rieger TR, Musante CJ. Efficient generation and selection of virtual populations in
quantitative systems pharmacology models. CPT Pharmacometrics Syst Pharmacol 5:140-146 (2016).
Schmidt BJ, Casey FP, Paterson T, Chan JR. Alternate virtual populations elucidate the type I
interferon signature predictive of the response to rituximab in rheumatoid arthritis. BMC
Bioinformatics 14:221 (2013): prevalence weights.
Hainmueller J. Entropy balancing for causal effects. Polit Anal 20:25-46 (2012): the weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.streams import uniforms
from pkpd.errors import ParameterError, unknown_name
from pkpd.symbolic.symbols import finite_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PlausiblePatients", "Target", "VirtualPopulation", "select_plausible", "target", "weigh"]


# ---- plausible patients


@dataclass(frozen=True, eq=False, repr=False)
class PlausiblePatients:
    """Candidates that were accepted; see `select_plausible`.

    Attributes
    ----------
    people
        The accepted, with their labels.
    measured
        What was measured of them, (accepted,) by name.
    tried, failed
        The number of candidates, and of those for whom something could not be measured.
    outside
        By measure how many of the others lay outside its range; one candidate may count
        for several.
    """

    people: Ensemble
    measured: Mapping[str, Array]
    tried: int
    failed: int
    outside: Mapping[str, int]

    @property
    def kept(self) -> int:
        return len(self.people)

    def report(self) -> str:
        """How many were tried, failed, refused by which range, and kept, as text."""
        share = 100 * self.kept / self.tried
        lines = [f"{self.tried} candidates tried, {self.kept} kept ({share:.3g} %), {self.failed} failed"]
        return "\n".join([*lines, *(f"  outside the range of {name}: {n}" for name, n in self.outside.items())])

    def __repr__(self) -> str:
        return f"<PlausiblePatients: {self.kept} of {self.tried} candidates>"


def select_plausible(
    candidates: Ensemble, measured: Mapping[str, Any], within: Mapping[str, tuple[float | None, float | None]]
) -> PlausiblePatients:
    """Keep the candidates whose outputs lie in given ranges.

    Parameters
    ----------
    candidates
        From `population` or `sample`, over ``member``.
    measured
        By name one number for each candidate, from a run of `simulate` with them: a mapping
        or an ``xarray.Dataset``, such as ``{"trough": run["C"].sel(time=28)}``.  NaN is a
        candidate that failed; it is not kept.
    within
        By measure the lowest and highest value that was ever observed; None for no limit.

    Raises
    ------
    ParameterError
        If a measure is not one number for each candidate, a range is not in order, or nobody
        is kept; the message says which range refused how many.
    UnknownNameError
        If a range names what was not measured.
    """
    if not isinstance(candidates, Ensemble):
        raise ParameterError(
            f"select_plausible() got {candidates!r} as candidates; expected population(...) or sample(...)."
        )
    for what, given in (("measured", measured), ("within", within)):
        if not isinstance(given, Mapping):
            raise ParameterError(
                f"select_plausible() got {given!r} as {what}; expected a mapping by the name of a measure."
            )
    columns = {str(name): _column(str(name), values, len(candidates)) for name, values in measured.items()}
    if not columns:
        raise ParameterError("select_plausible() got nothing measured; expected {name: a number for each candidate}.")
    known = np.isfinite(np.stack(list(columns.values()))).all(axis=0)
    keep, outside = known.copy(), {}
    for name, limits in within.items():
        if name not in columns:
            raise unknown_name("measured", "measure", str(name), columns)
        low, high = _range(name, limits)
        inside = (columns[name] >= low) & (columns[name] <= high)
        outside[name] = int((known & ~inside).sum())
        keep &= inside
    if not keep.any():
        refused = "".join(f", {name} refused {n}" for name, n in outside.items())
        raise ParameterError(
            f"select_plausible() keeps none of {len(candidates)} candidates: {int((~known).sum())} failed{refused}. "
            "Draw candidates more widely, or more of them."
        )
    kept = {name: values[keep] for name, values in columns.items()}
    return PlausiblePatients(candidates.take(keep), kept, len(candidates), int((~known).sum()), outside)


def _column(name: str, values: Any, size: int) -> Array:
    try:
        column = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ParameterError(f"the measure {name!r} is {values!r}; expected numbers.") from None
    if column.shape != (size,):
        raise ParameterError(
            f"the measure {name!r} has the shape {column.shape}; expected one number for each of the {size} candidates."
        )
    return column


def _range(name: str, limits: Any) -> tuple[float, float]:
    try:
        low, high = (
            missing if v is None else float(v) for v, missing in zip(limits, (-math.inf, math.inf), strict=True)
        )
    except (TypeError, ValueError):
        raise ParameterError(f"the range of {name!r} is {limits!r}; expected (lowest, highest).") from None
    if not low <= high:
        raise ParameterError(f"the range of {name!r} is {low:g} to {high:g}; expected the lower limit first.")
    return low, high


# ---- targets


@dataclass(frozen=True)
class Target:
    """Published statistics of one measure; see `target`."""

    mean: float | None = None
    sd: float | None = None
    rate: float | None = None
    quantiles: Mapping[float, float] = field(default_factory=dict)


def target(
    *,
    mean: float | None = None,
    sd: float | None = None,
    rate: float | None = None,
    quantiles: Mapping[float, float] | None = None,
) -> Target:
    """The statistics of one measure that a virtual population is to have.

    Parameters
    ----------
    mean, sd
        In the measure's unit; `sd` goes with a `mean`.
    rate
        The share of patients with a flag, for a measure that is 0 or 1.
    quantiles
        Values by share: ``{0.05: 20, 0.5: 70, 0.95: 160}``.

    Raises
    ------
    ParameterError
        If nothing is given, or a number is out of range.
    """
    shares = dict(quantiles or {})
    for what, number in (("mean", mean), ("sd", sd), ("rate", rate), *(("a quantile", q) for q in shares.values())):
        if number is not None:
            finite_number(number, f"target(): {what}")
    if sd is not None and (mean is None or not sd > 0):
        raise ParameterError(f"target() got sd={sd!r}; expected a positive number, beside mean=.")
    if mean is None and rate is None and not shares:
        raise ParameterError("target() got no statistic; give mean=, rate= or quantiles=.")
    for what, share in [("rate", rate), *(("a quantile's share", q) for q in shares)]:
        if share is not None and not 0 < share < 1:
            raise ParameterError(f"target(): {what} is {share!r}; expected a number between 0 and 1.")
    if sorted(shares.values()) != [shares[q] for q in sorted(shares)]:
        raise ParameterError(f"target(): the quantiles {shares} do not rise with their shares.")
    return Target(mean, sd, rate, shares)


@dataclass(frozen=True, eq=False)
class _Moment:
    """A statistic that is the mean of `values`, (patients,), and is to be `wanted`."""

    measure: str
    statistic: str
    published: float
    values: Array
    wanted: float


def _moments(name: str, wanted: Target, x: Array) -> Iterable[_Moment]:
    if wanted.mean is not None:
        yield _Moment(name, "mean", wanted.mean, x, wanted.mean)
    if wanted.sd is not None and wanted.mean is not None:
        yield _Moment(name, "sd", wanted.sd, (x - wanted.mean) ** 2, wanted.sd**2)
    if wanted.rate is not None:
        if not np.isin(x, (0, 1)).all():
            raise ParameterError(f"the target of {name!r} is a rate; the measure is not 0 or 1 throughout.")
        yield _Moment(name, "rate", wanted.rate, x, wanted.rate)
    for share, value in wanted.quantiles.items():
        yield _Moment(name, f"quantile {share:g}", value, (x <= value).astype(float), share)


def _statistic(moment: _Moment, x: Array, weights: Array) -> float:
    if moment.statistic.startswith("quantile"):
        order = np.argsort(x)
        position = np.searchsorted(np.cumsum(weights[order]), moment.wanted * (1 - 1e-9))
        return float(x[order][min(int(position), len(x) - 1)])
    mean = float(weights @ x)
    return math.sqrt(float(weights @ (x - mean) ** 2)) if moment.statistic == "sd" else mean


# ---- the virtual population


@dataclass(frozen=True, eq=False, repr=False)
class VirtualPopulation:
    """Plausible patients with weights that meet published statistics; see `weigh`.

    Attributes
    ----------
    patients
        The plausible patients.
    weights
        (patients,), 0 or more, with the sum 1.
    table
        A row for each statistic: measure, statistic, ``published``, its value in the patients
        with equal weights (``unweighted``) and with these (``weighted``), ``miss`` (how far the
        share or mean that was asked for is missed, in standard deviations of its patients) and
        ``met``.
    """

    patients: PlausiblePatients
    weights: Array
    table: pd.DataFrame

    @property
    def people(self) -> Ensemble:
        """The patients with the label ``weight``, which a result carries as a coordinate."""
        return self.patients.people.labelled(weight=self.weights)

    @property
    def effective_size(self) -> float:
        """Kish's: the number of equally weighted patients whose means would vary as much."""
        return float(1 / (self.weights @ self.weights))

    @property
    def met(self) -> bool:
        """Whether every target is met."""
        return bool(self.table["met"].all())

    def draw(self, n: int, seed: int) -> Ensemble:
        """`n` members of equal weight, each a patient drawn by its weight, with replacement.

        The label ``patient`` says who: the position among the patients.
        """
        cumulative = np.cumsum(self.weights)
        rows = np.searchsorted(cumulative[:-1] / cumulative[-1], uniforms(seed, "<patient>", n), side="right")
        picked = self.patients.people.take(rows)
        return Ensemble(
            picked.sizes, picked.columns, {k: v for k, v in picked.labels.items() if k != "member"}
        ).labelled(patient=rows)

    def report(self) -> str:
        """How many were tried and kept, what the weights leave of them, and each target, as text."""
        missed = int((~self.table["met"]).sum())
        said = "all targets met" if self.met else f"{missed} of {len(self.table)} targets missed"
        shown = self.table.to_string(index=False, float_format=lambda v: f"{v:.4g}")
        return (
            f"{self.patients.report()}\n"
            f"effective size {self.effective_size:.1f} of {self.patients.kept}, largest weight "
            f"{self.weights.max():.2g}; {said}\n{shown}"
        )

    def __repr__(self) -> str:
        return f"<VirtualPopulation of {self.patients.kept} patients, effective size {self.effective_size:.1f}>"


def weigh(patients: PlausiblePatients, targets: Mapping[str, Target], *, tolerance: float = 1e-3) -> VirtualPopulation:
    """Weight plausible patients so that they have published statistics.

    Parameters
    ----------
    patients
        From `select_plausible`.
    targets
        By measure its `target`.
    tolerance
        A target counts as met when the mean (for a quantile: the share below it) that was
        asked for is missed by no more than this many standard deviations of the patients.

    Returns
    -------
    VirtualPopulation
        With a report; targets that no weights can meet together are missed by as little as
        can be, and said to be missed.

    Raises
    ------
    ParameterError
        If a target is not one, or a rate is asked of what is not 0 or 1.
    UnknownNameError
        If a target names what was not measured.

    Notes
    -----
    Exponential tilting: the weights ``exp(sum_k l_k g_k)``, normalized, have the smallest
    relative entropy to equal weights of all that give the statistics ``g_k`` their means; the
    ``l_k`` minimize a convex function.
    """
    if not isinstance(patients, PlausiblePatients) or not isinstance(targets, Mapping):
        raise ParameterError(
            f"weigh() got {patients!r} and {targets!r}; expected plausible(...), {{name: target(...)}}."
        )
    moments = []
    for name, wanted in targets.items():
        if name not in patients.measured:
            raise unknown_name("the patients", "measure", str(name), patients.measured)
        if not isinstance(wanted, Target):
            raise ParameterError(f"the target of {name!r} is {wanted!r}; expected target(mean=..., ...).")
        moments += list(_moments(name, wanted, patients.measured[name]))
    if not moments:
        raise ParameterError("weigh() got no targets.")
    gaps = np.stack([_scaled(m) for m in moments], axis=1)
    weights = _tilted(gaps)
    return VirtualPopulation(patients, weights, _table(patients, moments, weights, weights @ gaps, tolerance))


def _scaled(moment: _Moment) -> Array:
    """How far each patient is from what is wanted, in standard deviations of the patients."""
    spread = moment.values.std()
    return (moment.values - moment.wanted) / (spread if spread > 0 else max(abs(moment.wanted), 1.0))


# Where no weights meet the targets the tilts would grow without end; this holds them.
_RIDGE = 1e-8


def _tilted(gaps: Array) -> Array:
    """The weights nearest to equal ones under which the means of `gaps`, (patients, targets), are 0."""
    from scipy.optimize import minimize
    from scipy.special import softmax

    def dual(tilts: Array) -> tuple[float, Array]:
        exponents = gaps @ tilts
        top = exponents.max()
        weights = softmax(exponents)
        value = top + math.log(np.exp(exponents - top).mean()) + 0.5 * _RIDGE * tilts @ tilts
        return value, weights @ gaps + _RIDGE * tilts

    def curvature(tilts: Array) -> Array:
        weights = softmax(gaps @ tilts)
        mean = weights @ gaps
        return np.asarray((gaps * weights[:, None]).T @ gaps - np.outer(mean, mean) + _RIDGE * np.eye(len(mean)))

    found = minimize(
        dual, np.zeros(gaps.shape[1]), jac=True, hess=curvature, method="trust-exact",
        options={"gtol": 1e-10, "maxiter": 2000, "max_trust_radius": 1e6},
    )  # fmt: skip
    weights: Array = softmax(gaps @ found.x)
    return weights


def _table(
    patients: PlausiblePatients, moments: list[_Moment], weights: Array, misses: Array, tolerance: float
) -> pd.DataFrame:
    import pandas as pd

    equal = np.full(len(weights), 1 / len(weights))
    rows = [
        {
            "measure": m.measure,
            "statistic": m.statistic,
            "published": m.published,
            "unweighted": _statistic(m, patients.measured[m.measure], equal),
            "weighted": _statistic(m, patients.measured[m.measure], weights),
            "miss": abs(float(miss)),
            "met": abs(float(miss)) <= tolerance,
        }
        for m, miss in zip(moments, misses, strict=True)
    ]
    return pd.DataFrame(rows)
