"""Least squares: a rough search first, then an exact one among the coordinates that no bound holds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.fitting.polish import Polished, polished

if TYPE_CHECKING:
    from pkpd.fitting.optimizer_calls import Search

__all__ = ["least_squares"]


FIRST = 1e-3  # the relative change of cost at which the rough search ends
NEAR = 0.1  # of a span: how near to its bound a coordinate is that the rough search may leave there
FAR = 0.3  # of a span: the first step from where it ends ...
LAST = 1e-8  # the relative change of cost at which the exact search ends where the rough one came so far
SETTLED = 1e-4  # ... and one that is left to the exact search
IDLE = 1e-12  # of the largest slope: a coordinate that acts less there does not act any more
ROUNDS = 4  # of holding coordinates at bounds and letting go of those that go back


def least_squares(search: Search, limit: int, scale_covariance: bool) -> tuple[Array, Any, Array | None]:
    """The numbers at which lmfit's ``least_squares`` ends, its result, and what is known of the residuals' curvature.

    Far from the optimum nothing is gained by an exact integration: the first search runs with larger
    tolerances.  The trust region of scipy cuts every step where it meets a bound, and its last steps towards an optimum
    on a bound are then many; so a coordinate that a bound holds is put there, and let go if the
    slope says so.
    """
    begun, held = Polished(search.base[search.vary]), np.zeros(int(search.vary.sum()), dtype=bool)
    if search.objective.predictor.looser > 1:
        begun, held = _begun(search, begun.numbers, limit)
    numbers = begun.numbers
    for number in range(ROUNDS):
        left = max(limit - search.calls["values"], 1)
        tolerance = LAST if begun.settled else search.objective.predictor.tolerance
        result = _minimized(search, numbers, held, left, tolerance, scale_covariance)
        numbers = search.ended(result)
        going_back = held & ~_pushed(search, numbers)
        if not (result.success and going_back.any()):
            break
        held = held & ~going_back if number < ROUNDS - 2 else np.zeros_like(held)
    return numbers, result, begun.curvature


def _begun(search: Search, numbers: Array, limit: int) -> tuple[Polished, Mask]:
    """Where the rough search ends, and what a bound holds there, put onto it."""
    rough = replace(search, rough=True, last={})
    nothing = np.zeros(len(numbers), dtype=bool)
    if not np.isfinite(rough.linearized(rough.point(numbers))[0]).all():
        return Polished(numbers), nothing
    try:
        start, numbers = numbers, rough.ended(_minimized(rough, numbers, nothing, limit, FIRST, False))
        lower, upper, spans = _limits(rough, numbers)
        if _astray(rough, numbers, spans):
            return Polished(start), nothing
        below = numbers - lower < NEAR * spans
        held = (below | (upper - numbers < NEAR * spans)) & _pushed(rough, numbers)
        if held.all():
            return Polished(numbers), nothing
        numbers = np.where(held, np.where(below, lower, upper), numbers)
        return polished(rough, numbers, rough.residuals(numbers), near=FAR, done=SETTLED), held
    finally:  # for an interruption, now or before the exact search has a point of its own
        search.last["best"] = -np.inf, rough.best


def _minimized(search: Search, numbers: Array, held: Mask, limit: int, tolerance: float, scale_covariance: bool) -> Any:
    import lmfit

    start, moving = lmfit.Parameters(), np.flatnonzero(~held)
    for i, value, stays in zip(np.flatnonzero(search.vary), numbers, held, strict=True):
        c = search.objective.coordinates[i]  # names of our own: lmfit refuses or shadows some of a user's
        start.add(f"p_{i}", value=value, min=c.lower, max=c.upper, vary=not stays)
    with np.errstate(all="ignore"):  # lmfit's own covariance of a singular problem; ours says why
        return lmfit.minimize(
            search.residuals, start, method="least_squares", nan_policy="propagate", max_nfev=limit,
            scale_covar=scale_covariance, jac=partial(_slopes, search, moving), x_scale="jac",
            ftol=tolerance, xtol=tolerance, gtol=min(tolerance, search.objective.predictor.tolerance),
            calc_covar=not search.rough,
        )  # fmt: skip


def _slopes(search: Search, moving: Index, numbers: Any) -> Array:
    return search.jacobian(numbers)[:, moving]


def _astray(search: Search, numbers: Array, spans: Array) -> bool:
    """Whether a coordinate went where it acts on nothing: an exact search that begins there cannot bring it back."""
    acts = np.abs(search.jacobian(numbers)).max(axis=0) * spans
    return not (np.isfinite(acts).all() and (acts > IDLE * acts.max()).all())


def _pushed(search: Search, numbers: Array) -> Mask:
    """Which coordinates the slope of the cost pushes outwards, at the bound that is nearer."""
    predicted, slopes = search.linearized(search.point(numbers))
    residuals, jacobian = search.objective.residuals_from(predicted)[0], search.objective.jacobian_from(slopes)[0]
    with np.errstate(invalid="ignore"):
        gradient = residuals @ jacobian[:, search.vary]
    lower, upper, _ = _limits(search, numbers)
    pushed: Mask = np.where(numbers - lower < upper - numbers, gradient > 0, gradient < 0)
    return pushed


def _limits(search: Search, numbers: Array) -> tuple[Array, Array, Array]:
    """The bounds of the coordinates that vary, and their spans."""
    own = [c for c, moved in zip(search.objective.coordinates, search.vary, strict=True) if moved]
    spans = np.array([c.span(v) for c, v in zip(own, numbers, strict=True)])
    return np.array([c.lower for c in own]), np.array([c.upper for c in own]), spans
