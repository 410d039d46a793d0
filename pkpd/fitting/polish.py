"""The last digits of a least-squares estimate: Gauss-Newton steps, which need no comparison of costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Mask

if TYPE_CHECKING:
    from pkpd.fitting.search import Search

__all__ = ["polished"]


STEPS = 20
NEAR = 1e-3  # of a span: where a first step is larger, the search has not converged, and nothing is done
SHRINKING = 0.8  # steps that shrink less lead nowhere
EXACT = 1e-10  # residuals so small beside the data have nothing left to gain
DONE = 1e-9  # of a span
ROUNDING = 1e-9  # by how much a cost may rise: less is the error of the integration


def polished(search: Search, numbers: Array, residuals: Array) -> Array:
    """The numbers at which a minimizer ended, with these residuals, some digits better.

    A minimizer compares costs, which are flat at the minimum: half of the digits are lost.  The
    gradient is not, and steps along it go on while they shrink.
    """
    coordinates = [c for c, moved in zip(search.objective.coordinates, search.vary, strict=True) if moved]
    lower, upper = np.array([c.lower for c in coordinates]), np.array([c.upper for c in coordinates])
    best, last, cost = numbers, NEAR, np.inf
    least = EXACT**2 * float(((search.objective.data.value / search.objective.data.sd) ** 2).sum())
    for _ in range(STEPS):
        here = float(residuals @ residuals)
        inside: Mask = np.asarray((lower < numbers) & (numbers < upper))
        if not here <= cost * (1 + ROUNDING):
            return best
        best, cost = numbers, here
        if here <= least or not inside.any():
            return best
        step = np.where(inside, _step(search.jacobian(numbers), residuals, inside), 0.0)
        size = float(np.max(np.abs(step) / [c.span(v) for c, v in zip(coordinates, numbers, strict=True)]))
        moved = numbers + step
        if not DONE < size < last or ((moved < lower) | (moved > upper)).any():
            return best
        numbers, last, residuals = moved, SHRINKING * size, search.residuals(moved)
    return best


def _step(jacobian: Array, residuals: Array, inside: Mask) -> Array:
    """The Gauss-Newton step of the coordinates that no bound holds."""
    lengths = np.linalg.norm(jacobian, axis=0)
    used = inside & (lengths > 0)
    step = np.zeros(jacobian.shape[1])
    step[used] = np.linalg.lstsq(jacobian[:, used] / lengths[used], -residuals, rcond=None)[0] / lengths[used]
    return step
