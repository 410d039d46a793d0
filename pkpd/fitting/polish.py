"""The last digits of a least-squares estimate: steps along the gradient, which need no comparison of costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Mask

if TYPE_CHECKING:
    from pkpd.fitting.optimizer_calls import Search

__all__ = ["Polished", "polished"]


STEPS = 20
NEAR = 1e-3  # of a span: where a first step is larger, the search has not converged, and nothing is done
SHRINKING = 0.8  # steps that shrink less lead nowhere
LONGER = 3.0  # a first step so corrected may be so much longer
SLOWLY = 0.1  # Gauss-Newton steps that shrink less are corrected by the curvature of the residuals
EXACT = 1e-10  # residuals so small beside the data have nothing left to gain
DONE = 1e-9  # of a span
ROUNDING = 1e-9  # by how much a cost may rise: less is the error of the integration


@dataclass(frozen=True)
class Polished:
    """Where the steps ended, and what they learned of the curvature of the residuals, (numbers, numbers).

    `settled`: the last step was too short to go on.
    """

    numbers: Array
    curvature: Array | None = None
    settled: bool = False


def polished(
    search: Search,
    numbers: Array,
    residuals: Array,
    curvature: Array | None = None,
    *,
    near: float = NEAR,
    done: float = DONE,
) -> Polished:
    """The numbers at which a minimizer ended, with these residuals, some digits better.

    A minimizer compares costs, which are flat at the minimum: half of the digits are lost.  The
    gradient is not, and steps along it go on while they shrink.  Where residuals are large
    Gauss-Newton steps shrink slowly; what they leave out, the curvature of the residuals, is then
    learned from the change of the gradient, as in NL2SOL.

    Parameters
    ----------
    curvature
        What was learned before.
    near, done
        In spans of the coordinates: the largest first step, and one that is the last.

    References
    ----------
    Dennis JE, Gay DM, Welsch RE. An adaptive nonlinear least-squares algorithm. ACM Trans Math Softw
    7:348-368 (1981).
    """
    coordinates = [c for c, moved in zip(search.objective.coordinates, search.vary, strict=True) if moved]
    lower, upper = np.array([c.lower for c in coordinates]), np.array([c.upper for c in coordinates])
    best, last, cost = numbers, near, np.inf
    least = EXACT**2 * float(((search.objective.data.value / search.objective.data.sd) ** 2).sum())
    settled = False
    before: tuple[Array, Array] | None = None  # the numbers and the Jacobian one step before
    for _ in range(STEPS):
        here = float(residuals @ residuals)
        inside: Mask = np.asarray((lower < numbers) & (numbers < upper))
        if not here <= cost * (1 + ROUNDING):
            break
        best, cost = numbers, here
        if here <= least or not inside.any():
            break
        jacobian = search.jacobian(numbers)
        if before is not None:
            known = np.zeros((len(numbers),) * 2) if curvature is None else curvature
            learned = _learned(known, numbers - before[0], before[1], jacobian, residuals)
        spans = np.array([c.span(v) for c, v in zip(coordinates, numbers, strict=True)])
        step = np.where(inside, _step(jacobian, residuals, inside, curvature), 0.0)
        size = float(np.max(np.abs(step) / spans))
        if before is not None and (curvature is not None or size > SLOWLY / SHRINKING * last):
            last, curvature = max(last, LONGER * size) if curvature is None else last, learned
            step = np.where(inside, _step(jacobian, residuals, inside, curvature), 0.0)
            size = float(np.max(np.abs(step) / spans))
        moved, settled = numbers + step, size <= done
        outside = ((moved < lower) | (moved > upper)).any()
        if settled and not outside:
            best = moved  # so near that nothing has to be looked at there
        if not done < size < last or outside:
            break
        before = numbers, jacobian
        numbers, last, residuals = moved, SHRINKING * size, search.residuals(moved)
    return Polished(best, curvature, settled)


def _step(jacobian: Array, residuals: Array, inside: Mask, curvature: Array | None) -> Array:
    """The step of the coordinates that no bound holds: Gauss-Newton, or Newton with the curvature of the residuals."""
    lengths = np.linalg.norm(jacobian, axis=0)
    used = inside & (lengths > 0)
    step = np.zeros(jacobian.shape[1])
    scaled, lengths = jacobian[:, used] / lengths[used], lengths[used]
    if curvature is not None:
        hessian = scaled.T @ scaled + curvature[np.ix_(used, used)] / np.outer(lengths, lengths)
        if np.linalg.eigvalsh(hessian)[0] > 0:
            step[used] = -np.linalg.solve(hessian, scaled.T @ residuals) / lengths
            return step
    step[used] = np.linalg.lstsq(scaled, -residuals, rcond=None)[0] / lengths
    return step


def _learned(curvature: Array, step: Array, before: Array, jacobian: Array, residuals: Array) -> Array:
    """The curvature of the residuals after a step, by the secant of Dennis, Gay and Welsch with their sizing."""
    with np.errstate(all="ignore"):  # slopes that overflow teach nothing
        wanted = jacobian.T @ residuals - before.T @ residuals
        change = wanted + before.T @ (before @ step)  # of the gradient, but for terms of higher order
        along = change @ step
        present = step @ curvature @ step
        if present:
            curvature = curvature * np.minimum(1.0, np.abs(step @ wanted / present))
        missing = wanted - curvature @ step
        pair = np.outer(missing, change)
        learned = curvature + (pair + pair.T) / along - step @ missing / along**2 * np.outer(change, change)
    return learned if along > 0 and np.isfinite(learned).all() else curvature
