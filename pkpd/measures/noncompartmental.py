"""Areas, terminal slopes and times above a level, of many curves at common times.

Curves are arrays of shape (members, times).  Between two stored times a curve is a straight
line where it rises and an exponential where it falls: the linear-up log-down rule.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pkpd.arrays import Array, Mask

__all__ = ["Terminal", "areas", "back_extrapolated", "terminal", "time_above"]


# Of the candidate lines of a terminal phase the longest within this of the best adjusted R2.
R2_MARGIN = 1e-4


def areas(times: Array, curves: Array) -> Array:
    """The area under each segment, (members, times - 1)."""
    width, left, right = np.diff(times), curves[:, :-1], curves[:, 1:]
    fall = left - right
    exponential = (fall > 0) & (right > 0)
    safe = np.where(exponential, right, 1.0)
    mean = np.where(exponential, fall, 0.5) / np.log1p(np.where(exponential, fall, 0.5) / safe)
    return width * np.where(exponential, mean, (left + right) / 2)


def time_above(times: Array, curves: Array, level: float) -> Array:
    """How long each curve is above `level`, (members,)."""
    width, left, right = np.diff(times), curves[:, :-1], curves[:, 1:]
    high, low = np.maximum(left, right), np.minimum(left, right)
    crosses = (high > level) & (low < level)
    exponential = crosses & (left > right) & (right > 0) & (level > 0)
    straight = crosses & ~exponential
    share = np.where((low >= level) & (high > level), 1.0, 0.0)
    share[straight] = (high[straight] - level) / (high[straight] - low[straight])
    share[exponential] = np.log(high[exponential] / level) / np.log(high[exponential] / low[exponential])
    return np.asarray((share * width).sum(axis=1))


def back_extrapolated(times: Array, curves: Array) -> Array:
    """The curves with the value at the first time extrapolated from the next two, log-linearly.

    Where these two do not fall the first value is the second.
    """
    one, two = curves[:, 1], curves[:, 2]
    falls = (one > two) & (two > 0)
    slope = np.log(np.where(falls, one, 1.0) / np.where(falls, two, 1.0)) / (times[2] - times[1])
    start = one * np.exp(slope * (times[1] - times[0]))
    return np.concatenate([start[:, None], curves[:, 1:]], axis=1)


class Terminal(NamedTuple):
    """The terminal phase: its rate, adjusted R2 and points; NaN and 0 points where there is none."""

    rate: Array
    adjusted_r2: Array
    points: Array


def terminal(times: Array, curves: Array, usable: Mask) -> Terminal:
    """Fit the terminal phase of each curve: ln C against time over its last points.

    Parameters
    ----------
    times, curves
        (times,) and (members, times).
    usable
        (members, times): the points that may take part, all positive.

    Notes
    -----
    Of all sets of the last 3 or more usable points on which the curve falls, the one with
    the highest adjusted R2; of those within 1e-4 of it, the one with the most points.
    """
    x = np.where(usable, times - times[-1], 0.0)
    logs = np.log(np.where(usable, curves, 1.0))
    last = curves.shape[1] - 1 - np.argmax(usable[:, ::-1], axis=1)
    y = np.where(usable, logs - np.take_along_axis(logs, last[:, None], axis=1), 0.0)
    n, sx, sy, sxx, sxy, syy = (
        np.cumsum(term[:, ::-1], axis=1)[:, ::-1] for term in (usable.astype(float), x, y, x * x, x * y, y * y)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        cxx, cxy, cyy = sxx - sx**2 / n, sxy - sx * sy / n, syy - sy**2 / n
        slope = cxy / cxx
        adjusted = 1 - (1 - np.minimum(cxy**2 / (cxx * cyy), 1.0)) * (n - 1) / (n - 2)
    possible = usable & (n >= 3) & (slope < 0)
    quality = np.where(possible & np.isfinite(adjusted), adjusted, -np.inf)
    best = quality.max(axis=1, keepdims=True)
    chosen = np.argmax((quality >= best - R2_MARGIN) & np.isfinite(quality), axis=1)[:, None]
    found = np.isfinite(best[:, 0])

    def at(table: Array, missing: float) -> Array:
        return np.where(found, np.take_along_axis(table, chosen, axis=1)[:, 0], missing)

    return Terminal(at(-slope, np.nan), at(adjusted, np.nan), at(n, 0.0))
