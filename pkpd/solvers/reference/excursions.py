"""Where within a step the trigger of an event changes its sign, for many members at once.

A step is cut into parts, at whose ends the triggers and their slopes along the trajectory
are known.  A minimum above which an event could hide, or a maximum at which it could be
armed for a moment, is where the slope changes its sign within a part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index, Mask

__all__ = ["Bracket", "Guards", "search_step"]

PARTS = 4  # of a step
HALVINGS = 30  # at an extremum, whose value is then known to rounding

Guards = Callable[[Index, Array], tuple[Array, Array]]
"""For members and times the triggers and their slopes, (events, members) each."""


@dataclass(frozen=True)
class Bracket:
    """What was found in a step of some members.

    Attributes
    ----------
    within
        The members in which an event fires, or is armed again, after `low` and not after `high`.
    ready
        (events, members): which events are armed at `low`, or at the end where there is nothing.
    """

    within: Mask
    low: Array
    high: Array
    ready: Mask


def search_step(guards: Guards, armed: Mask, t: Array, t_new: Array) -> Bracket:
    """The first place in each step from `t` to `t_new` at which something happens to an event."""
    everyone = np.arange(len(t))
    within, low, high = np.zeros(len(t), dtype=bool), t.copy(), t_new.copy()
    (before, falling) = guards(everyone, t)
    ready = armed | (before > 0)  # a change of an input at a stop may have raised it
    begin = t
    for part in range(1, PARTS + 1):
        end = t + (part / PARTS) * (t_new - t) if part < PARTS else t_new
        after, slope = guards(everyone, end)
        places = _places(guards, ready & ~within, ~ready & ~within, (begin, before, falling), (end, after, slope))
        nearest = places.min(axis=0)
        hits = np.isfinite(nearest)
        within |= hits
        low[hits], high[hits] = begin[hits], nearest[hits]
        ready |= (after > 0) & ~within
        begin, before, falling = end, after, slope
    return Bracket(within, low, high, ready)


End = tuple[Array, Array, Array]  # of a part: times, triggers and slopes


def _places(guards: Guards, ready: Mask, resting: Mask, first: End, last: End) -> Array:
    """For each event and member where in a part it has fired or is armed again; infinity where neither."""
    (begin, before, falling), (end, after, slope) = first, last
    falls = ready & (after < 0)
    dips = ready & (before >= 0) & (after >= 0) & (falling < 0) & (slope > 0)
    peaks = resting & (before <= 0) & (after <= 0) & (falling > 0) & (slope < 0)
    places = np.where(falls, end, np.inf)
    event, member = np.nonzero(dips | peaks)
    if len(event):
        sign = np.where(dips[event, member], -1.0, 1.0)
        places[event, member] = _extrema(guards, event, member, sign, begin[member], end[member])
    fallen = ready & (before < 0)
    return np.where(fallen, np.nextafter(begin, end), places)


def _extrema(guards: Guards, event: Index, member: Index, sign: Array, low: Array, high: Array) -> Array:
    """Where the trigger has the `sign` of the excursion sought, by bisection of its slope; infinity where nowhere."""
    places, pair = np.full(len(event), np.inf), np.arange(len(event))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        values, slopes = guards(member, middle)
        value, slope = values[event, pair], slopes[event, pair]
        places = np.where(np.isinf(places) & (value * sign > 0), middle, places)
        rises = slope * sign > 0  # toward the extremum
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return places
