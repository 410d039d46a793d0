"""Times that only rounding separates are one time: 8 h three times is a day."""

from __future__ import annotations

from typing import Any

import numpy as np

from pkpd.arrays import Array

__all__ = ["SAME_TIME", "snapped", "time_tolerance"]


SAME_TIME = 1e-9  # relative to a time and to the largest of those it stands among


def time_tolerance(times: Any, largest: float) -> Array:
    """The difference up to which another time is the same as each of `times`; `largest` is the scale of them all."""
    return np.asarray(SAME_TIME * (np.abs(np.asarray(times, dtype=float)) + abs(largest)))


def snapped(times: Any, onto: Any) -> Array:
    """`times`, each moved onto the nearest time of `onto` where only rounding separates them.

    Parameters
    ----------
    times
        Any shape, in any order.
    onto
        (n,), in any order; nothing moves where it is empty.

    Returns
    -------
    numpy.ndarray
        In the shape of `times`: bit by bit the time of `onto` that is within
        ``1e-9*(|time| + largest)``, else the time itself; largest is that of both.

    Examples
    --------
    >>> snapped([8 / 24 * 3, 1.5], [0.0, 1.0])
    array([1. , 1.5])
    """
    wanted, anchors = np.asarray(times, dtype=float), np.sort(np.asarray(onto, dtype=float).reshape(-1))
    if not anchors.size or not wanted.size:
        return wanted.copy()
    after = np.searchsorted(anchors, wanted)
    low, high = anchors[np.maximum(after - 1, 0)], anchors[np.minimum(after, len(anchors) - 1)]
    nearest = np.where(np.abs(wanted - low) <= np.abs(high - wanted), low, high)
    largest = max(float(np.abs(anchors).max()), float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)))
    with np.errstate(invalid="ignore"):
        near = np.abs(nearest - wanted) <= time_tolerance(wanted, largest)
    return np.where(near & np.isfinite(wanted), nearest, wanted)
