"""Areas, terminal slopes and times above a threshold, of many curves at common times.

Curves are arrays of shape (members, times), NaN where there is no sample.  Between two samples a
curve is a straight line where it rises and an exponential where it falls: the linear-up log-down
rule, for areas, for crossings and for values between samples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pkpd.arrays import Array, Mask

__all__ = [
    "Terminal",
    "areas",
    "back_extrapolated",
    "between",
    "bridged",
    "limited",
    "terminal",
    "time_above",
]


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


def time_above(times: Array, curves: Array, threshold: float | Array) -> Array:
    """How long each curve is above a threshold, a number or (members, 1); (members,)."""
    width, left, right = np.diff(times), curves[:, :-1], curves[:, 1:]
    high, low = np.maximum(left, right), np.minimum(left, right)
    limit = np.broadcast_to(threshold, left.shape)
    crosses = (high > limit) & (low < limit)
    exponential = crosses & (left > right) & (right > 0) & (limit > 0)
    straight = crosses & ~exponential
    share = np.where((low >= limit) & (high > limit), 1.0, 0.0)
    share[straight] = (high - limit)[straight] / (high - low)[straight]
    top = np.log(high[exponential])
    share[exponential] = (top - np.log(limit[exponential])) / (top - np.log(low[exponential]))
    return np.asarray(np.where(np.isnan(left + right), np.nan, share * width).sum(axis=1))


def between(share: Array | float, left: Array, right: Array) -> Array:
    """The value `share` (0 to 1) of the way from a sample to the next, by the rule of the areas."""
    falls = (left > right) & (right > 0)
    ratio = np.where(falls, right, 1.0) / np.where(falls, left, 1.0)
    return np.asarray(np.where(falls, left * ratio**share, left + share * (right - left)))


def bridged(times: Array, curves: Array) -> Array:
    """The curves with the values between samples filled in; what is missing at the ends stays NaN."""
    known = ~np.isnan(curves)
    if known.all():
        return curves
    position = np.arange(len(times))
    before = np.maximum.accumulate(np.where(known, position, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, position, len(times))[:, ::-1], axis=1)[:, ::-1]
    member, time = np.nonzero(~known & (before >= 0) & (after < len(times)))
    left, right = before[member, time], after[member, time]
    share = (times[time] - times[left]) / (times[right] - times[left])
    filled = curves.copy()
    filled[member, time] = between(share, curves[member, left], curves[member, right])
    return filled


def limited(curves: Array, measurable: Mask) -> Array:
    """The curves after the rule for samples below the limit of quantification.

    Such a sample counts as 0 before the first and after the last that is measurable, and as no
    sample (NaN) between two that are: the default of PKNCA (``conc.blq``: first and last keep,
    middle drop).
    """
    below = ~measurable & ~np.isnan(curves)
    if not below.any():
        return curves
    reached = np.maximum.accumulate(measurable, axis=1)
    to_come = np.maximum.accumulate(measurable[:, ::-1], axis=1)[:, ::-1]
    return np.where(below, np.where(reached & to_come, np.nan, 0.0), curves)


def back_extrapolated(times: Array, curves: Array, usable: Mask) -> Array:
    """The curves with the value at the first time extrapolated from the next two, log-linearly.

    Parameters
    ----------
    times, curves
        (times,) and (members, times).
    usable
        (members, times): the samples that may serve.

    Returns
    -------
    numpy.ndarray
        (members, times).  Where these two do not fall the first value is the second; where
        there are not two it is NaN.
    """
    next_two = 1 + np.argsort(~usable[:, 1:], axis=1, kind="stable")[:, :2]
    one, two = np.take_along_axis(curves, next_two, axis=1).T
    at_one, at_two = times[next_two].T
    falls = (one > two) & (two > 0)
    slope = np.log(np.where(falls, one, 1.0) / np.where(falls, two, 1.0)) / (at_two - at_one)
    enough = usable[:, 1:].sum(axis=1) >= 2
    start = np.where(enough, one * np.exp(slope * (at_one - times[0])), np.nan)
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
    there = np.isfinite(best[:, 0])

    def at(table: Array, missing: float) -> Array:
        return np.where(there, np.take_along_axis(table, chosen, axis=1)[:, 0], missing)

    return Terminal(at(-slope, np.nan), at(adjusted, np.nan), at(n, 0.0))
