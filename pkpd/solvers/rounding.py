"""One tolerance for times: what differs by rounding alone is one time.

8/24 added three times is not 1 in double precision, but a dose that is due then and a
value that is wanted then belong together.  Doses move onto the times at which values are
wanted, never the other way, so that results are labelled as they were asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pkpd.arrays import Array

__all__ = ["SAME_TIME", "merged", "snapped", "tolerance_at"]

SAME_TIME = 1e-9
"""The relative difference below which two times are one."""

NEAR_ZERO = 1e-13
"""The same near time 0, relative to the latest time in sight."""


def tolerance_at(times: Array, latest: float) -> Array:
    """How far another time may be from each of `times` and be the same."""
    return SAME_TIME * np.abs(times) + NEAR_ZERO * latest


def snapped(times: Any, onto: Any) -> Array:
    """`times`, each moved onto the nearest of `onto` where only rounding divides them.

    Parameters
    ----------
    times
        Any shape; infinite ones stay.
    onto
        (targets,), in any order; nothing moves where it is empty.

    Examples
    --------
    >>> snapped([8 / 24 * 3, 1.5], [0.0, 1.0])
    array([1. , 1.5])
    """
    wanted, targets = np.asarray(times, dtype=float), np.sort(np.asarray(onto, dtype=float).reshape(-1))
    if not targets.size or not wanted.size:
        return wanted.copy()
    after = np.searchsorted(targets, wanted)
    below, above = targets[np.maximum(after - 1, 0)], targets[np.minimum(after, len(targets) - 1)]
    with np.errstate(invalid="ignore"):
        nearest = np.where(np.abs(wanted - below) <= np.abs(above - wanted), below, above)
        same = np.abs(nearest - wanted) <= tolerance_at(wanted, float(np.abs(targets).max()))
    moved: Array = np.where(same & np.isfinite(wanted), nearest, wanted)
    return moved


def merged(times: Array) -> Array:
    """`times`, of shape (rows, times), in which those of a row that differ by rounding alone are equal.

    Each takes the value of the earliest of its group.
    """
    if times.shape[1] < 2:
        return times
    order = np.argsort(times, axis=1, kind="stable")
    ordered = np.take_along_axis(times, order, axis=1)
    finite = np.where(np.isfinite(ordered), ordered, 0.0)
    latest = float(np.abs(finite).max(initial=0.0))
    with np.errstate(invalid="ignore"):
        apart = np.diff(ordered, axis=1) > tolerance_at(ordered[:, 1:], latest)
    first = np.concatenate([np.ones((len(times), 1), dtype=bool), apart | ~np.isfinite(ordered[:, 1:])], axis=1)
    leader = np.maximum.accumulate(np.where(first, np.arange(times.shape[1]), 0), axis=1)
    result = np.empty_like(times)
    np.put_along_axis(result, order, np.take_along_axis(ordered, leader, axis=1), axis=1)
    return result
