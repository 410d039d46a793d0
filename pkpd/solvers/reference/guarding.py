"""The first event within a step of one member, for the oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pkpd.arrays import Array, Mask

__all__ = ["EventStep", "first_event"]

PARTS = 4  # of a step, at whose ends triggers and their slopes are looked at

Guards = Callable[[float], tuple[Array, Array]]
"""The triggers at a time, and their slopes along the trajectory."""


@dataclass(frozen=True)
class EventStep:
    """When an event fires, or is armed again by a peak of its trigger, and which are armed just before."""

    t: float
    ready: Mask


def first_event(guards: Guards, armed: Mask, begin: float, end: float) -> tuple[EventStep | None, Mask]:
    """The first event in a step, and which are armed after it where there is none."""
    ends = [begin, *(begin + k / PARTS * (end - begin) for k in range(1, PARTS)), end]
    before, falling = guards(begin)
    ready = armed | (before > 0)
    for low, high in pairwise(ends):
        after, slope = guards(high)
        nearest = np.inf
        for e in range(len(armed)):
            ends_of = (low, before[e], falling[e]), (high, after[e], slope[e])
            nearest = min(nearest, _place(guards, e, bool(ready[e]), *ends_of))
        if np.isfinite(nearest):
            return EventStep(_root(guards, ready, low, float(nearest)), ready), ready
        ready = ready | (after > 0)
        before, falling = after, slope
    return None, ready


End = tuple[float, float, float]  # of a part: time, trigger and slope


def _place(guards: Guards, e: int, armed: bool, first: End, last: End) -> float:
    """Where in a part event `e` has fired, or is armed again; infinity where neither."""
    (low, before, falling), (high, after, slope) = first, last
    if armed and before < 0:
        return float(np.nextafter(low, high))
    if armed and after < 0:
        return high
    if armed and after >= 0 and falling < 0 < slope:
        return _extremum(guards, e, low, high, -1.0)
    if not armed and before <= 0 and after <= 0 and falling > 0 > slope:
        return _extremum(guards, e, low, high, 1.0)
    return np.inf


def _extremum(guards: Guards, e: int, low: float, high: float, sign: float) -> float:
    """The extremum of a trigger between two times, if its value there has this sign; else infinity."""
    from scipy.optimize import brentq

    time = float(brentq(lambda t: guards(t)[1][e], low, high, xtol=1e-9 * (high - low), disp=False))
    return time if guards(time)[0][e] * sign > 0 else np.inf


def _root(guards: Guards, ready: Mask, low: float, high: float) -> float:
    """The first time after `low` at which an armed event has fired, by bisection; `high` where none has."""
    if not (guards(high)[0][ready] < 0).any():
        return high
    while True:
        middle = 0.5 * (low + high)
        if not low < middle < high:
            return high
        if (guards(middle)[0][ready] < 0).any():
            high = middle
        else:
            low = middle
