"""From the end of a search to a `Fit`: predictions, bounds and the covariance of the estimates."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.fitting.multistart import Starts
from pkpd.fitting.objective import Objective
from pkpd.fitting.results import Fit, SdMeaning
from pkpd.fitting.search import Optimum
from pkpd.fitting.uncertainty import Uncertainty, at_bound, uncertainty

__all__ = ["fit_of", "observed_information"]

STEP = 1e-3  # in spans of a coordinate: balances the truncation of differences of exact gradients against the solver


def fit_of(objective: Objective, optimum: Optimum, meaning: SdMeaning, starts: Starts | None = None) -> Fit:
    """What is known at the end of a search, which may have been the best of several `starts`."""
    x, predictor = optimum.x, objective.predictor
    slopes = optimum.slopes[None] if optimum.slopes is not None else objective.linearized(x[None])[1]
    predicted = optimum.predicted[None] if optimum.predicted is not None else objective.predicted(x[None])
    expansion = objective.expanded_from(x[None], predicted, slopes)
    standardized, sd = objective.standardized(x, predicted[0])
    information = expansion.information[0]
    bound = at_bound(objective.coordinates, x, expansion.gradient[0], information)
    jacobian = objective.jacobian_from(slopes)[0]
    known = _covariance(objective, optimum, information, jacobian, bound, standardized, meaning)
    return Fit(
        objective=objective,
        x=x,
        covariance_x=known.covariance,
        at_bound=bound,
        covariance_missing=known.missing,
        predicted=predicted[0, : len(objective.data)],
        standardized=standardized,
        sd=sd,
        log_likelihood=float(optimum.log_posterior - objective.priors.log_density(x[None], objective.coordinates)[0]),
        sd_is=meaning,
        evaluations=optimum.evaluations,
        jacobians=optimum.jacobians,
        solves=predictor.solves.total(),
        failures_by_arm=predictor.failures,
        success=optimum.success,
        message=optimum.message,
        lmfit_result=optimum.result,
        starts=starts,
    )


def _covariance(
    objective: Objective,
    optimum: Optimum,
    information: Array,
    jacobian: Array,
    bound: Mask,
    standardized: Array,
    meaning: SdMeaning,
) -> Uncertainty:
    x, failure = optimum.x, "" if optimum.success else optimum.message.rstrip(".")
    idle = objective.without_effect(information, x)
    if objective.squares:
        factor, scale, observed = jacobian, _variance(standardized, len(x), meaning), None
    elif failure:
        factor, scale, observed = np.zeros_like(information), 1.0, None
    else:
        free, scale = ~bound & ~idle, 1.0 if meaning != "relative" or len(standardized) > len(x) else np.nan
        factor = _root(_estimated_size(objective, information, x))
        observed = _estimated_size(objective, observed_information(objective, x, free), x)
    return uncertainty(
        objective.coordinates, factor, scale=scale, bound=bound, idle=idle, failure=failure, observed=observed
    )


def _estimated_size(objective: Objective, information: Array, x: Array) -> Array:
    """The information where the common factor of the standard deviations is estimated with n - k degrees of freedom.

    At its most likely value, n of them, it is too small; a prior that says nothing must leave what there is without it.
    """
    if not objective.relative:
        return information
    n, prior = len(objective.data), objective.priors.expanded(x[None], objective.coordinates)[2][0]
    return np.asarray((information - prior) * max(n - len(x), 0) / n + prior)


def _root(information: Array) -> Array:
    """A factor F of a symmetric matrix, ``F.T @ F``."""
    values, vectors = np.linalg.eigh((information + information.T) / 2)
    return np.asarray(np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T)


def observed_information(objective: Objective, x: Array, free: Mask | None = None) -> Array:
    """Minus the second derivatives of the log-posterior, by central differences of its exact gradient.

    All points are one ensemble.  The rows and columns of coordinates that are not `free` are 0.
    """
    which = np.flatnonzero(np.ones(len(x), dtype=bool) if free is None else free)
    steps = np.array([STEP * objective.coordinates[i].span(x[i]) for i in which])
    points = np.tile(x, (2 * len(which), 1))
    points[np.arange(len(which)), which] += steps
    points[len(which) + np.arange(len(which)), which] -= steps
    gradients = objective.expanded(points).gradient[:, which]
    with np.errstate(invalid="ignore"):
        curvature = -(gradients[: len(which)] - gradients[len(which) :]) / (2 * steps[:, None])
    information = np.zeros((len(x), len(x)))
    information[np.ix_(which, which)] = (curvature + curvature.T) / 2
    return information


def _variance(residuals: Array, parameters: int, meaning: SdMeaning) -> float:
    """The variance of a scaled residual; NaN where no residual is left to estimate it from."""
    if meaning != "relative":
        return 1.0
    freedom = len(residuals) - parameters
    return float(residuals @ residuals) / freedom if freedom else np.nan
