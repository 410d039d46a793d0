"""The doses before a steady state that reach beyond it: still running, or still due because of a lag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import RegimenError
from pkpd.solvers.rounding import SAME_TIME
from pkpd.treatment.regimens import MOST_DOSES
from pkpd.treatment.timed_doses import DoseFunction, TimedDoses

__all__ = ["SteadyDoses"]


@dataclass(frozen=True, eq=False)
class SteadyDoses:
    """The doses of one arm that meet a steady state, at time 0.

    Attributes
    ----------
    dose
        Their numbers among the doses of the arm.
    intervals
        Their intervals, in the place of the times of doses.
    """

    dose: Index
    intervals: DoseFunction

    def interval(self, doses: TimedDoses, numbers: Mapping[str, Any]) -> Array:
        """The intervals as numbers, (rows, steady doses).

        Raises
        ------
        RegimenError
            If one is not a finite number of more than 0.
        """
        rows = len(doses.times)
        intervals = np.broadcast_to(self.intervals.table(numbers, rows)[0], (rows, len(self.dose)))
        bad = ~(np.isfinite(intervals) & (intervals > 0))
        if bad.any():
            row, place = np.argwhere(bad)[0]
            raise RegimenError(
                f"the interval of the dose with ss=True on route {self.intervals.routes[place]!r} is "
                f"{intervals[row, place]:g}; expected a finite number of more than 0."
            )
        return intervals

    def with_earlier(self, doses: TimedDoses, numbers: Mapping[str, Any]) -> TimedDoses:
        """`doses`, and after them those of before time 0 that reach beyond it."""
        earlier = list(self._earlier(doses, numbers))
        if not earlier:
            return doses
        more = np.stack([[e.time, e.amount, e.duration] for e in earlier], axis=-1)
        whole = np.concatenate([[doses.times, doses.amounts, doses.durations], more], axis=-1)
        return TimedDoses((*doses.routes, *(doses.routes[e.dose] for e in earlier)), *whole)

    def earlier_slopes(self, doses: TimedDoses, numbers: Mapping[str, Any], slopes: Array, wrt: Sequence[str]) -> Array:
        """The derivatives of times, amounts and durations of the same, from those of the doses alone.

        Parameters
        ----------
        slopes
            (3, rows, doses, K); more of them are returned where there are earlier doses.
        """
        earlier = list(self._earlier(doses, numbers))
        if not earlier:
            return slopes
        dintervals = self.intervals.derivatives(numbers, slopes.shape[1], wrt)[0]
        more = [_slopes(e, doses, slopes[:, :, e.dose], dintervals[:, e.place]) for e in earlier]
        return np.concatenate([slopes, np.stack(more, axis=2)], axis=2)

    def _earlier(self, doses: TimedDoses, numbers: Mapping[str, Any]) -> Iterator[_EarlierDose]:
        if not len(self.dose):
            return
        intervals = self.interval(doses, numbers)
        for place, dose in enumerate(self.dose.tolist()):
            reach = (doses.times[:, dose] + np.nan_to_num(doses.durations[:, dose])) / intervals[:, place]
            most = float(np.floor(reach.max() * (1 + SAME_TIME)))
            if most > MOST_DOSES:
                raise RegimenError(
                    f"the dose with ss=True on route {doses.routes[dose]!r} comes after {most:.0f} doses that still "
                    f"run or are due; expected at most {MOST_DOSES}."
                )
            for number in range(1, int(most) + 1):
                yield _earlier_dose(doses, dose, place, number, intervals[:, place])


@dataclass(frozen=True, eq=False)
class _EarlierDose:
    """The dose so many intervals before dose `dose`; the arrays are (rows,), with an infinite time where it is over.

    `running` is where it began before time 0, so that the rest of it is given from there on.
    """

    dose: int
    place: int
    number: int
    time: Array
    amount: Array
    duration: Array
    running: Mask


def _earlier_dose(doses: TimedDoses, dose: int, place: int, number: int, interval: Array) -> _EarlierDose:
    lag, amount, lasting = (table[:, dose] for table in (doses.times, doses.amounts, doses.durations))
    due = lag - number * interval
    same = SAME_TIME * (lag + interval)
    running = due < -same
    end = due + lasting
    over = running & ~(end > same)  # a dose at once has no end
    with np.errstate(invalid="ignore"):
        rest = amount * end / lasting
    return _EarlierDose(
        dose,
        place,
        number,
        np.where(over, np.inf, np.maximum(due, 0.0)),
        np.where(over, 0.0, np.where(running, rest, amount)),
        np.where(over, np.nan, np.where(running, end, lasting)),
        running & ~over,
    )


def _slopes(earlier: _EarlierDose, doses: TimedDoses, of_dose: Array, dinterval: Array) -> Array:
    """The derivatives of time, amount and duration of an earlier dose, (3, rows, K)."""
    dlag, damount, dlasting = of_dose
    lasting, end = doses.durations[:, [earlier.dose]], earlier.duration[:, None]
    ddue = dlag - earlier.number * dinterval
    with np.errstate(invalid="ignore"):
        rate = doses.amounts[:, [earlier.dose]] / lasting
        drest = (damount - rate * dlasting) / lasting * end + rate * (ddue + dlasting)
    slopes = np.where(earlier.running[:, None], [0 * ddue, drest, ddue + dlasting], [ddue, damount, dlasting])
    return np.where(np.isfinite(earlier.time)[:, None], slopes, 0.0)
