"""The model linearized in the random effects: first-order estimation, and conditional weighted residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import FitError
from pkpd.fitting.likelihoods import KnownSd, NormalError
from pkpd.fitting.mixed.subjects import Subjects

if TYPE_CHECKING:
    from pkpd.fitting.mixed.modes import Omega

__all__ = ["Linearized", "first_order_objective", "linearized", "require_normal"]


@dataclass(frozen=True, eq=False)
class Linearized:
    """Residuals, slopes by eta and variances on the scale of the error, where eta is as it is given.

    Attributes
    ----------
    residual, variance
        (copies, subjects, width): 0 and 1 where there is no observation.
    slopes
        (copies, subjects, width, q).
    correlation
        (copies, subjects, width, width): of the errors, where some depend on others.
    """

    residual: Array
    slopes: Array
    variance: Array
    correlation: Array | None = None

    def covariance(self, omega: Array) -> Array:
        """D Omega D' + R, (copies, subjects, width, width), of omega (copies, q, q)."""
        covariance = self.slopes @ omega[:, None] @ np.swapaxes(self.slopes, -1, -2)
        if self.correlation is not None:
            sd = np.sqrt(self.variance)
            return np.asarray(covariance + sd[..., :, None] * self.correlation * sd[..., None, :])
        place = np.arange(self.residual.shape[-1])
        covariance[..., place, place] += self.variance
        return covariance


def require_normal(subjects: Subjects, what: str) -> None:
    """Refuse observations that are no numbers with a normal error, or lie beyond a limit.

    Raises
    ------
    FitError
    """
    for e in subjects.observations.endpoints:
        if not isinstance(e.likelihood, NormalError | KnownSd):
            raise FitError(
                f"fit: {what} needs normal errors, and {e.output!r} has the error model {e.likelihood}; "
                "use method='laplace', 'saem' or 'importance'."
            )
        if e.observed.censored.any():
            raise FitError(
                f"fit: {what} has no place for the {int((e.observed.censored != 0).sum())} observations of "
                f"{e.output!r} beyond a limit; use method='laplace', 'focei', 'saem' or 'importance', or blq='M1'."
            )


def linearized(subjects: Subjects, beta: Array, eta: Array) -> Linearized:
    """At eta (copies, subjects, q) and beta (copies, nb)."""
    population, seen = subjects.population, subjects.observations
    z, slopes = subjects.slopes(population.phi(beta, eta), population.random)
    spread = seen.spread(z)
    residual = seen.standardized(z) * spread
    rising = np.ones(z.shape[:-1]).reshape(len(z), -1)
    for e in seen.endpoints:
        if isinstance(e.likelihood, NormalError) and e.likelihood.error.scale == "log":
            with np.errstate(all="ignore"):
                rising[:, e.places] = 1 / z[..., 0].reshape(len(z), -1)[:, e.places]
    by_mean = slopes[..., 0, :] * rising.reshape(z.shape[:-1])[..., None]
    mask = seen.mask
    return Linearized(
        np.where(mask, residual, 0.0),
        np.where(mask[..., None], by_mean, 0.0),
        np.where(mask, spread**2, 1.0),
        seen.correlations(z) if seen.links else None,
    )


def first_order_objective(subjects: Subjects, beta: Array, omega: Omega) -> Array:
    """-2 ln of the chance of y ~ N(f(0), D Omega D' + R), without n ln(2 pi), (copies, subjects).

    References
    ----------
    Beal SL, Sheiner LB. Estimating population kinetics. Crit Rev Biomed Eng 8:195-222 (1982).
    """
    require_normal(subjects, "method='fo'")
    eta = np.zeros((len(beta), subjects.count, subjects.population.q))
    model = linearized(subjects, beta, eta)
    covariance = model.covariance(omega.matrix)
    good: Mask = np.asarray(np.isfinite(covariance).all((-2, -1)) & np.isfinite(model.residual).all(-1))
    covariance = np.where(good[..., None, None], covariance, np.eye(covariance.shape[-1]))
    residual = np.where(good[..., None], model.residual, 0.0)
    solved = np.linalg.solve(covariance, residual[..., None])[..., 0]
    value = (residual * solved).sum(-1) + np.linalg.slogdet(covariance)[1]
    return np.where(good, value + subjects.observations.jacobian, np.inf)
