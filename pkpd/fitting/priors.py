"""Priors of free parameters: their log-density, and its derivatives, on the scale of the search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.distributions import as_distribution
from pkpd.ensembles.marginals import FromScipy, TransformedNormal
from pkpd.errors import FitError
from pkpd.fitting.free_parameters import Coordinate

__all__ = ["Priors", "settled_prior", "within_support"]

STEP = 1e-4  # of a spread: balances the truncation of central differences against rounding


@dataclass(frozen=True, eq=False)
class Priors:
    """The distribution of each coordinate that has one, by its position, in the parameter's unit.

    The density is that of the parameter itself, whatever the scale of the search: the point
    that a fit finds is the most probable value of the parameters.
    """

    of: Mapping[int, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.of)

    def log_density(self, points: Array, coordinates: Sequence[Coordinate]) -> Array:
        """The sum of the log-densities, (points,)."""
        total = np.zeros(len(points))
        for i, distribution in self.of.items():
            total += distribution.logpdf(coordinates[i].natural(points[:, i]))
        return total

    def expanded(self, points: Array, coordinates: Sequence[Coordinate]) -> tuple[Array, Array, Array]:
        """The log-density, its slopes, and minus its curvature where that is positive."""
        k = points.shape[1]
        gradient, information = np.zeros((len(points), k)), np.zeros((len(points), k, k))
        for i, distribution in self.of.items():
            step, ends = STEP * self._spread(distribution, coordinates[i]), _support(distribution, coordinates[i])
            middle = np.clip(points[:, i], ends[0] + step, ends[1] - step)  # the density ends with its support
            low, here, high = (
                distribution.logpdf(coordinates[i].natural(middle + shift)) for shift in (-step, 0.0, step)
            )
            with np.errstate(invalid="ignore"):  # where both are infinite
                gradient[:, i] = (high - low) / (2 * step)
                information[:, i, i] = np.maximum((2 * here - low - high) / step**2, 0.0)
        return self.log_density(points, coordinates), gradient, information

    def _spread(self, distribution: Any, coordinate: Coordinate) -> float:
        """How far a quartile lies from the median on the scale of the search."""
        with np.errstate(over="ignore"):
            middle, upper = distribution.ppf([0.5, 0.75])
        if coordinate.log:
            return float(np.log(upper / middle)) if middle > 0 and np.isfinite(upper) else 1.0
        return float(upper - middle)


def within_support(coordinate: Coordinate) -> Coordinate:
    """A coordinate whose bounds are no wider than what its prior gives a probability."""
    if coordinate.prior is None:
        return coordinate
    start = float(coordinate.natural(coordinate.start))
    low, high = _support(settled_prior(coordinate.label, coordinate.prior, start), coordinate)
    if not low <= coordinate.start <= high:
        return coordinate  # which the start is refused for
    return replace(coordinate, lower=max(coordinate.lower, low), upper=min(coordinate.upper, high))


def _support(distribution: Any, coordinate: Coordinate) -> tuple[float, float]:
    """Where a density ends, on the scale of the search."""
    low, high = (float(end) for end in distribution.support())
    if not coordinate.log:
        return low, high
    return (math.log(low) if low > 0 else -math.inf), (math.log(high) if high > 0 else -math.inf)


def settled_prior(name: str, prior: Any, value: float) -> Any:
    """A prior as a frozen distribution of ``scipy.stats``.

    Raises
    ------
    FitError
        If it is discrete, or does not vary.
    ParameterError
        If it is no distribution.
    """
    distribution = as_distribution(name, prior).settled(name, value, None)
    if isinstance(distribution, TransformedNormal) and not distribution.constant and distribution.scale != "probit":
        return distribution.frozen()
    if isinstance(distribution, FromScipy) and hasattr(distribution.frozen, "logpdf"):
        return distribution.frozen
    raise FitError(
        f"fit: the prior of {name!r} is {prior!r}; expected normal(), lognormal(), logitnormal() or a frozen "
        "continuous distribution of scipy.stats. Limits of a parameter are bounds=, not truncated()."
    )
