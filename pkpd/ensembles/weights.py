"""Weights that make plausible patients a virtual population with published statistics.

Where Allen, Rieger and Musante accept patients at random by the ratio of two densities, here
each patient has a weight: of all weights that meet the targets those closest to equal ones,
in the sense of relative entropy.

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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.inputs import number
from pkpd.ensembles.selection import PlausiblePatients
from pkpd.ensembles.streams import uniforms
from pkpd.ensembles.targets import Moment, Target, moments_of, statistic
from pkpd.errors import ParameterError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["VirtualPopulation", "weigh"]


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
        drawn = self.patients.people.take(rows)
        labels = {name: column for name, column in drawn.labels.items() if name != "member"}
        return Ensemble(drawn.sizes, drawn.columns, labels).labelled(patient=rows)

    def report(self) -> str:
        """How many were tried and kept, what the weights leave of them, and each target, as text."""
        missed = int((~self.table["met"]).sum())
        verdict = "all targets met" if self.met else f"{missed} of {len(self.table)} targets missed"
        rows = self.table.to_string(index=False, float_format=lambda v: f"{v:.4g}")
        return (
            f"{self.patients.report()}\n"
            f"effective size {self.effective_size:.1f} of {self.patients.kept}, largest weight "
            f"{self.weights.max():.2g}; {verdict}\n{rows}"
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
            f"weigh() got {patients!r} and {targets!r}; expected select_plausible(...), {{name: target(...)}}."
        )
    allowed = number(tolerance, "weigh(): the tolerance")
    moments = []
    for name, wanted in targets.items():
        if name not in patients.measured:
            raise unknown_name("the patients", "measure", str(name), patients.measured)
        if not isinstance(wanted, Target):
            raise ParameterError(f"the target of {name!r} is {wanted!r}; expected target(mean=..., ...).")
        moments += list(moments_of(name, wanted, patients.measured[name]))
    if not moments:
        raise ParameterError("weigh() got no targets.")
    gaps = np.stack([_scaled(m) for m in moments], axis=1)
    weights = _tilted(gaps)
    return VirtualPopulation(patients, weights, _table(patients, moments, weights, weights @ gaps, allowed))


def _scaled(moment: Moment) -> Array:
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

    optimum = minimize(
        dual, np.zeros(gaps.shape[1]), jac=True, hess=curvature, method="trust-exact",
        options={"gtol": 1e-10, "maxiter": 2000, "max_trust_radius": 1e6},
    )  # fmt: skip
    weights: Array = softmax(gaps @ optimum.x)
    return weights


def _table(
    patients: PlausiblePatients, moments: list[Moment], weights: Array, misses: Array, tolerance: float
) -> pd.DataFrame:
    import pandas as pd

    equal = np.full(len(weights), 1 / len(weights))
    rows = [
        {
            "measure": m.measure,
            "statistic": m.statistic,
            "published": m.published,
            "unweighted": statistic(m, patients.measured[m.measure], equal),
            "weighted": statistic(m, patients.measured[m.measure], weights),
            "miss": abs(float(miss)),
            "met": abs(float(miss)) <= tolerance,
        }
        for m, miss in zip(moments, misses, strict=True)
    ]
    return pd.DataFrame(rows)
