"""The segments of records as ensembles; `pkpd.records.looks` reads them record by record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.records.segments import Segments, record_rank
from pkpd.solvers.directions import StopDirections
from pkpd.solvers.equations.system import System
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.timelines import Timeline

__all__ = ["SegmentGroup", "segment_groups"]


BUDGET = 1 << 24  # numbers that one ensemble may store


@dataclass(frozen=True, eq=False)
class SegmentGroup:
    """Some segments that are integrated as one ensemble, and their records.

    Attributes
    ----------
    segments
        (members,): the number of each segment.
    rows, member, place
        (rows,): the records of these segments, the member of each, and which of its stored times is its own.
    times
        (members, times): when each is stored, with infinity after the last.
    schedule, changes
        The stops, and how they change along directions.
    earlier, seen
        (rows,): how many stops of its member lie before the time of each record, and how many it sees.
    """

    segments: Index
    rows: Index
    member: Index
    place: Index
    times: Array
    schedule: Schedule
    changes: StopDirections
    earlier: Index
    seen: Index

    def problem(
        self, system: System, parameters: Array, starts: Array, rtol: float, atol: Array, max_steps: int
    ) -> Problem:
        """The initial value problem; `parameters` and `starts` are those of all segments."""
        return Problem(
            model=system,
            parameters=parameters.take(self.segments, axis=1),
            starts=starts.take(self.segments, axis=1),
            schedule=self.schedule,
            times=self.times,
            rtol=rtol,
            atol=atol,
            max_steps=max_steps,
        )


def segment_groups(stops: Timeline, cuts: Segments, states: int) -> Iterator[SegmentGroup]:
    """All segments, those with as many records together, in ensembles whose states fit the budget.

    Each segment is stored at its own times; little memory is taken in vain.
    """
    rank = record_rank(np.arange(len(cuts.elapsed)))
    earlier, seen = stops.passed(cuts.segment, cuts.elapsed, rank)
    for who in _ensembles(stops, cuts, states):
        rows, member, place = _rows(cuts, who)
        times = np.full((len(who), int(place.max(initial=0)) + 1), np.inf)
        times[member, place] = cuts.elapsed[rows]
        schedule, changes = stops.schedule(who), stops.changes(who)
        yield SegmentGroup(who, rows, member, place, times, schedule, changes, earlier[rows], seen[rows])


def _ensembles(stops: Timeline, cuts: Segments, states: int) -> Iterator[Index]:
    records = np.diff(np.append(cuts.first, len(cuts.elapsed)))
    pending = [np.lexsort((cuts.last, records))]
    while pending:
        who = pending.pop()
        times = int(records[who].max(initial=0))
        most_stops = int(np.max(stops.first[who + 1] - stops.first[who], initial=0))
        each = times * states + most_stops * (3 + len(stops.initial))
        if len(who) > 1 and len(who) * each > BUDGET:
            half = len(who) // 2
            pending += [who[half:], who[:half]]
        else:
            yield who


def _rows(cuts: Segments, who: Index) -> tuple[Index, Index, Index]:
    """The rows of some segments; for each row the place of its segment among them, and of its time in the segment."""
    ends = np.append(cuts.first[1:], len(cuts.elapsed))[who]
    count = ends - cuts.first[who]
    local = np.repeat(np.arange(len(who)), count)
    within = np.arange(len(local)) - np.repeat(np.cumsum(count) - count, count)
    rows = cuts.first[who][local] + within
    later = (within > 0) & (cuts.elapsed[rows] > cuts.elapsed[rows - 1])
    passed = np.cumsum(later)
    return rows, local, passed - passed[np.searchsorted(local, local)]
