"""Steps of Dormand and Prince's method of order 8(5,3), for many members at once.

Source: Hairer E, Norsett SP, Wanner G. Solving Ordinary Differential Equations I, 2nd
ed., Springer 1993, sections II.5 and II.6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.equations.numpy_code import Rows
from pkpd.solvers.tableaus import dop853, dop853_interpolant

__all__ = ["Step", "Tableau", "combined", "largest_square", "make_step", "mean_square", "tableau"]

Terms = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Tableau:
    """The coefficients, each row without its zeros."""

    c: Array
    stage: tuple[Terms, ...]
    error5: Terms
    error3: Terms
    dense: tuple[Terms, ...]


@lru_cache(maxsize=1)
def tableau() -> Tableau:
    method = dop853()
    error5, error3 = (_nonzero(row) for row in method.errors)
    stages, dense = (tuple(_nonzero(row) for row in rows) for rows in (method.a, dop853_interpolant()))
    return Tableau(method.c, stages, error5, error3, dense)


def _nonzero(row: Any) -> Terms:
    return tuple((j, float(x)) for j, x in enumerate(row) if x != 0.0)


def combined(terms: Terms, slopes: Array) -> Array:
    """The sum of slopes with their weights, added in a fixed order, member by member."""
    (j, weight), *rest = terms
    total: Array = slopes[j] * weight
    for j, weight in rest:
        total += slopes[j] * weight
    return total


def mean_square(rows: Array) -> Array:
    """The mean over rows, added row by row: numpy's own sum may add in another order for another shape."""
    total = rows[0] * rows[0]
    for row in rows[1:]:
        total += row * row
    mean: Array = total / len(rows)
    return mean


def largest_square(rows: Array) -> Array:
    """The largest over rows; NaN where any is."""
    largest: Array = rows[0] * rows[0]
    for row in rows[1:]:
        largest = np.maximum(largest, row * row)
    return largest


@dataclass(frozen=True)
class Step:
    """A step of some members, and the states within it.

    Attributes
    ----------
    t, h, p, u, start
        Time, size, parameters, input rates and states at its start, of each member.
    slopes, end
        The slopes, (16, states, members), of which the last three are for the interpolant; the new states.
    fast
        Where the step is as long as its stability allows; the interpolant would magnify there what decays fast.
    """

    rates: Rows
    t: Array
    h: Array
    p: Array
    u: Array
    start: Array
    slopes: Array
    end: Array
    fast: Mask
    _rows: list[Array] = field(default_factory=list)  # of the interpolant, once it is asked for

    def smooth(self, local: Index, times: Array) -> Array:
        """The dense output for members, numbered within the step, and times."""
        if not self._rows:
            self._prepare()
        x = (times - self.t[local]) / self.h[local]
        y = np.zeros((len(self.start), len(local)))
        for i, row in enumerate(reversed(self._rows)):
            y = (y + row.take(local, axis=1)) * (x if i % 2 == 0 else 1 - x)
        return y + self.start.take(local, axis=1)

    def state(self, local: Index, times: Array) -> Array:
        """The dense output, or where a member is `fast` the state after a shorter step from the same start."""
        fast = self.fast[local]
        if fast.all():
            return self._shorter(local, times)
        y = self.smooth(local, times)
        if fast.any():
            y[:, fast] = self._shorter(local[fast], times[fast])
        return y

    def _shorter(self, local: Index, times: Array) -> Array:
        t, p, u = self.t[local], self.p.take(local, axis=1), self.u.take(local, axis=1)
        start, slope = self.start.take(local, axis=1), self.slopes[0].take(local, axis=1)
        return make_step(self.rates, t, times - t, p, u, start, slope)[1]

    def _prepare(self) -> None:
        method, slopes, h = tableau(), self.slopes, self.h
        for s in range(13, 16):
            y = self.start + h * combined(method.stage[s], slopes)
            slopes[s] = self.rates(self.t + method.c[s] * h, y, self.p, self.u)
        delta = self.end - self.start
        self._rows.extend([delta, h * slopes[0] - delta, 2 * delta - h * (slopes[12] + slopes[0])])
        self._rows.extend(h * combined(d, slopes) for d in method.dense)


def make_step(
    rates: Rows, t: Array, h: Array, p: Array, u: Array, start: Array, slope: Array
) -> tuple[Array, Array, Array]:
    """The slopes of a step, the state after it, where the last slope is taken, and the last stage before that."""
    method = tableau()
    slopes = np.empty((16, *start.shape))
    slopes[0] = slope
    stage = before_last = start
    for s in range(1, 13):
        before_last = stage
        stage = start + h * combined(method.stage[s], slopes)
        slopes[s] = rates(t + method.c[s] * h, stage, p, u)
    return slopes, stage, before_last
