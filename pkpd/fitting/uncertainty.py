"""The covariance of the estimates, and why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.fitting.free_parameters import Coordinate

__all__ = ["Uncertainty", "at_bound", "uncertainty"]


# With columns scaled to length 1, a smaller ratio of singular values is below the
# accuracy of the differences.
SINGULAR = 1e-5


_NO_FREEDOM = (
    "There are as many free parameters as observations: no residual is left to tell how large the errors are. "
    "Observe more, free fewer parameters, or give the data a column 'sd'."
)


_NO_SLOPES = (
    "The slopes of the log-posterior are not finite at the estimates. Start elsewhere, or look at the priors there."
)


_NO_MAXIMUM = (
    "The observed information is not positive definite at the estimates: they are no maximum of the likelihood, or lie "
    "on a ridge of it. Start elsewhere, or look at the profiles."
)


@dataclass(frozen=True)
class Uncertainty:
    """The covariance on the scale of the search, NaN where it is missing, and why it is."""

    covariance: Array
    missing: str


def at_bound(coordinates: Sequence[Coordinate], x: Array, gradient: Array, information: Array) -> Mask:
    """Whether a bound holds each coordinate: its own Gauss-Newton step would cross the bound."""
    curvature = np.diag(information)
    step = np.divide(gradient, curvature, out=np.zeros_like(x), where=curvature > 0)
    lower = np.array([c.lower for c in coordinates])
    upper = np.array([c.upper for c in coordinates])
    held: Mask = (x + step < lower) | (x + step > upper) | (x == lower) | (x == upper)
    return held


def uncertainty(
    coordinates: Sequence[Coordinate],
    jacobian: Array,
    *,
    scale: float,
    bound: Mask,
    idle: Mask,
    failure: str,
    observed: Array | None = None,
) -> Uncertainty:
    """The covariance of the coordinates that the data move: ``scale * inv(J.T @ J)``, or the inverse of `observed`.

    Parameters
    ----------
    jacobian
        The derivatives of the scaled residuals, (observations, coordinates), or another factor
        of the expected information.
    scale
        The variance of a scaled residual; NaN where no residual is left to estimate it from.
    bound, idle
        Coordinates held by a bound, and those without an effect: they are taken as known.
    failure
        The minimizer's message if it did not converge, else empty.
    observed
        The observed information, (coordinates, coordinates): minus the second derivatives of
        the log-posterior.
    """
    covariance = np.full((len(coordinates), len(coordinates)), np.nan)
    if failure:
        return Uncertainty(covariance, f"The minimizer did not converge ({failure}), so there is no standard error.")
    used = np.flatnonzero(~bound & ~idle)
    reasons = _held(coordinates, bound & ~idle, idle, some_left=bool(used.size))
    if used.size and not np.isfinite(jacobian[:, used]).all():
        reasons.append(_NO_SLOPES)
    elif used.size:
        kept = jacobian[:, used]
        lengths = np.linalg.norm(kept, axis=0)
        _, values, rows = np.linalg.svd(kept / lengths, full_matrices=False)
        if len(values) < len(used) or values[-1] <= SINGULAR * values[0]:
            mixed = [coordinates[used[j]].label for j in np.flatnonzero(np.abs(rows[-1]) > 0.1)]
            reasons.append(_singular(mixed))
        else:
            inverse = (rows.T / values**2) @ rows / np.outer(lengths, lengths)
            if observed is not None:
                squared = np.outer(lengths, lengths)
                inverse = _inverse(observed[np.ix_(used, used)] / squared) / squared
                reasons += [_NO_MAXIMUM] if np.isnan(inverse).all() else []
            covariance[np.ix_(used, used)] = scale * inverse
            if np.isnan(scale):
                reasons.append(_NO_FREEDOM)
    return Uncertainty(covariance, " ".join(reasons))


def _inverse(information: Array) -> Array:
    """The inverse of a positive definite matrix, NaN of any other."""
    try:
        np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        return np.full_like(information, np.nan)
    return np.asarray(np.linalg.inv(information))


def _held(coordinates: Sequence[Coordinate], bound: Mask, idle: Mask, *, some_left: bool) -> list[str]:
    reasons = []
    if bound.any():
        names, verb, _ = _sentence(coordinates, bound, "is", "are")
        reasons.append(f"{names} {verb} at a bound, where the curvature gives no standard error.")
    if idle.any():
        names, verb, them = _sentence(coordinates, idle, "has", "have")
        reasons.append(
            f"{names} {verb} no effect on any observation near this estimate; hold {them} fixed, or start elsewhere."
        )
    if reasons and some_left:
        reasons.append("The other standard errors take these values as known.")
    return reasons


def _sentence(coordinates: Sequence[Coordinate], which: Mask, one: str, many: str) -> tuple[str, str, str]:
    """The labels in words, with the verb and the pronoun that go with their number."""
    labels = [c.label for c, w in zip(coordinates, which, strict=True) if w]
    if len(labels) == 1:
        return labels[0], one, "it"
    return f"{', '.join(labels[:-1])} and {labels[-1]}", many, "them"


def _singular(labels: Sequence[str]) -> str:
    return (
        f"The covariance is singular: these data fix only a combination of {', '.join(labels)}. "
        "Fix one of them, or observe what tells them apart."
    )
