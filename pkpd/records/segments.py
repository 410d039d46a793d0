"""Records cut where a subject starts afresh, and the times of the doses in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import RegimenError
from pkpd.records.records import Records
from pkpd.solvers.ordering import count_before
from pkpd.solvers.repeated_dosing import time_since_dose

__all__ = ["Doses", "Segments", "SingleDoses", "record_rank", "segments", "single_doses"]


MOST_DOSES = 100_000  # that one record may stand for
SAME_TIME = 1e-9  # relative: a dose that was due at a record's time is not early or late by rounding
NON_EVENT = -1.0  # the rank of doses that are due without a record: before every record of that time


def record_rank(rows: Any) -> Array:
    """The rank of what a record does; half of the gap to the next is for what follows it."""
    return 2.0 * np.asarray(rows)


@dataclass(frozen=True)
class Segments:
    """Stretches of records that know nothing of what was before: one initial value problem each.

    A segment begins with a subject, a reset (EVID 3, 4) or a steady state that replaces
    the state (SS 1, 3).

    Attributes
    ----------
    subject, segment
        (rows,): the numbers of the subject and of the segment of each record.
    elapsed
        (rows,): the time since the segment's first record.
    first
        (segments,): the first row of each.
    course
        (segments,): a number that segments share from one reset to the next; what is
        turned off stays off throughout.
    """

    subject: Index
    segment: Index
    elapsed: Array
    first: Index
    course: Index

    def __len__(self) -> int:
        return len(self.first)

    @property
    def last(self) -> Array:
        """The time from the first to the last record of each segment."""
        last: Array = self.elapsed[np.append(self.first[1:], len(self.elapsed)) - 1]
        return last

    def at_records(self, segment: Index, time: Array, unit: Array) -> Array:
        """`time`, moved onto the time of a record of its segment where only rounding divides them."""
        after = count_before((self.segment, self.elapsed), (segment, time))
        tolerance = SAME_TIME * (np.abs(time) + unit)
        for row in (np.maximum(after - 1, 0), np.minimum(after, len(self.elapsed) - 1)):
            near = (self.segment[row] == segment) & (np.abs(self.elapsed[row] - time) <= tolerance)
            time = np.where(near, self.elapsed[row], time)
        return time


def segments(data: Records) -> Segments:
    """Cut `data` into segments."""
    evid, dosed = data["EVID"], np.isin(data["EVID"], (1, 4))
    new_subject = np.zeros(len(data), dtype=bool)
    new_subject[data.first_rows] = True
    reset = new_subject | (evid == 3) | (evid == 4)
    fresh = reset | (dosed & np.isin(data["SS"], (1, 3)))
    first = np.flatnonzero(fresh)
    segment = np.cumsum(fresh) - 1
    return Segments(
        subject=np.cumsum(new_subject) - 1,
        segment=segment,
        elapsed=data["TIME"] - data["TIME"][first][segment],
        first=first,
        course=(np.cumsum(reset) - 1)[first],
    )


@dataclass(frozen=True)
class Doses:
    """The dose records, with what the model says of them; each attribute has the shape (doses,).

    Attributes
    ----------
    row
        The record.
    state
        The number of the state that is dosed, or -1 where a route takes the dose.
    route
        The number of the route among those of the model, or -1 where a state is dosed.
    amount
        What arrives of one dose: bioavailability is in it.
    rate, duration
        Of an infusion; both 0 for a dose given at once, an infinite duration for the
        constant infusion before a steady state.
    lag
        From the time of the record to the arrival.
    interval, additional, steady
        II, ADDL and SS.
    """

    row: Index
    state: Index
    route: Index
    amount: Array
    rate: Array
    duration: Array
    lag: Array
    interval: Array
    additional: Index
    steady: Index

    @property
    def infused(self) -> Mask:
        return self.duration > 0

    @property
    def phase(self) -> Array:
        """At the time of a steady-state record, the time since the last dose of the steady state arrived."""
        return time_since_dose(self.lag, self.interval)


@dataclass(frozen=True)
class SingleDoses:
    """Single doses, in time since the start of their segment; each attribute has the shape (doses,).

    `dose` is the number of the dose record, `start` and `end` are the same for a dose given
    at once, `rank` orders what happens at one time; `running` is where a dose had begun before.
    """

    dose: Index
    segment: Index
    start: Array
    end: Array
    rank: Array
    running: Mask


def single_doses(doses: Doses, cuts: Segments, data: Records) -> SingleDoses:
    """Every single dose of the records: additional ones, and those of a steady state that still run or are due.

    A steady state stands for doses an interval apart back to the beginning of time; of
    those before its record, the ones count that reach beyond it: infusions longer than the
    interval, and doses whose lag is longer.  Doses after the last record are left out.

    Raises
    ------
    RegimenError
        If a record stands for more than `MOST_DOSES` doses.
    """
    elapsed, segment = cuts.elapsed[doses.row], cuts.segment[doses.row]
    last = cuts.last[segment]
    earliest, latest = _numbers(doses, elapsed, last)
    count = np.maximum(latest - earliest + 1, 0)
    _check_count(doses, count, data)
    count = count.astype(np.int64)
    dose = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(dose)) - np.repeat(np.cumsum(count) - count, count)
    number = earliest[dose] + within
    at_record = (number == 0) & (doses.lag[dose] == 0)
    due = elapsed[dose] + doses.lag[dose] + number * doses.interval[dose]
    unit = np.abs(due) + doses.lag[dose] + doses.interval[dose]
    due = np.where(at_record, due, cuts.at_records(segment[dose], due, unit))
    end = np.where(doses.infused[dose], due + doses.duration[dose], due)
    constant = np.isinf(doses.duration[dose])
    end = np.where(constant, elapsed[dose] + doses.lag[dose], end)
    end = np.where(doses.infused[dose], cuts.at_records(segment[dose], end, unit), end)
    running = constant | (due < elapsed[dose])
    start = np.where(running, elapsed[dose], due)
    own = at_record | running
    rank = np.where(own, record_rank(doses.row[dose]), NON_EVENT)
    keep = (start <= last[dose]) & np.where(running, end > start, True)
    return SingleDoses(dose[keep], segment[dose][keep], start[keep], end[keep], rank[keep], running[keep])


def _check_count(doses: Doses, count: Array, data: Records) -> None:
    if (count > MOST_DOSES).any():
        i = int(np.argmax(count > MOST_DOSES))
        raise RegimenError(
            f"{data.place(int(doses.row[i]))}, column II: II is {doses.interval[i]:g}, so that the record stands for "
            f"{count[i]:.0f} doses up to the last record or still running (lag {doses.lag[i]:g}, duration "
            f"{doses.duration[i]:g}); expected at most {MOST_DOSES}. Is a constant infusion meant (AMT 0, RATE, SS 1)?"
        )


def _numbers(doses: Doses, elapsed: Array, last: Array) -> tuple[Array, Array]:
    """The numbers of the first and the last single dose of each record, whole; that of the record itself is 0."""
    constant = np.isinf(doses.duration)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.floor((last - elapsed - doses.lag) / doses.interval * (1 + SAME_TIME) + SAME_TIME)
        back = (doses.lag + np.where(constant, 0.0, doses.duration)) / doses.interval
    periodic = doses.interval > 0
    later = np.where(periodic, np.minimum(doses.additional, np.maximum(room, 0)), 0)
    before = np.where(periodic & (doses.steady > 0), np.floor(back * (1 + SAME_TIME)), 0)
    return -before, later
