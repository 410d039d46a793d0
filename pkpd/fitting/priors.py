"""Priors of free parameters: their log-density, and its derivatives, on the scale of the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.distributions import as_distribution
from pkpd.ensembles.marginals import FromScipy, TransformedNormal
from pkpd.errors import FitError
from pkpd.fitting.free_parameters import Coordinate

__all__ = ["Priors", "settled_prior"]

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
            step = STEP * self._spread(distribution, coordinates[i])
            low, here, high = (
                distribution.logpdf(coordinates[i].natural(points[:, i] + shift)) for shift in (-step, 0.0, step)
            )
            gradient[:, i] = (high - low) / (2 * step)
            information[:, i, i] = np.maximum((2 * here - low - high) / step**2, 0.0)
        return self.log_density(points, coordinates), gradient, information

    def _spread(self, distribution: Any, coordinate: Coordinate) -> float:
        """How far a quartile lies from the median on the scale of the search."""
        middle, upper = distribution.ppf([0.5, 0.75])
        return float(np.log(upper / middle) if coordinate.log else upper - middle)


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
