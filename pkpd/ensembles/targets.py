"""Published statistics that a virtual population is to have, and how it misses them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.inputs import number
from pkpd.errors import ParameterError

__all__ = ["Moment", "Target", "moments_of", "statistic", "target"]


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
    if not isinstance(quantiles, Mapping | None):
        raise ParameterError(f"target(): quantiles is {quantiles!r}; expected values by share, as {{0.5: 70}}.")
    shares = dict(quantiles or {})
    for what, value in (
        *(("mean", mean), ("sd", sd), ("rate", rate)),
        *(("a quantile", q) for q in shares.values()),
        *(("a quantile's share", share) for share in shares),
    ):
        if value is not None:
            number(value, f"target(): {what}")
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
class Moment:
    """A statistic that is the mean of `values`, (patients,), and is to be `wanted`."""

    measure: str
    statistic: str
    published: float
    values: Array
    wanted: float


def moments_of(name: str, wanted: Target, x: Array) -> Iterable[Moment]:
    """The moments of a measure with the values `x`, (patients,), that a target asks for."""
    if wanted.mean is not None:
        yield Moment(name, "mean", wanted.mean, x, wanted.mean)
    if wanted.sd is not None and wanted.mean is not None:
        yield Moment(name, "sd", wanted.sd, (x - wanted.mean) ** 2, wanted.sd**2)
    if wanted.rate is not None:
        if not np.isin(x, (0, 1)).all():
            raise ParameterError(f"the target of {name!r} is a rate; the measure is not 0 or 1 throughout.")
        yield Moment(name, "rate", wanted.rate, x, wanted.rate)
    for share, value in wanted.quantiles.items():
        yield Moment(name, f"quantile {share:g}", value, (x <= value).astype(float), share)


def statistic(moment: Moment, x: Array, weights: Array) -> float:
    """What a moment stands for, of the values `x` with these weights, both (patients,)."""
    if moment.statistic.startswith("quantile"):
        order = np.argsort(x)
        position = np.searchsorted(np.cumsum(weights[order]), moment.wanted * (1 - 1e-9))
        return float(x[order][min(int(position), len(x) - 1)])
    mean = float(weights @ x)
    return math.sqrt(float(weights @ (x - mean) ** 2)) if moment.statistic == "sd" else mean
