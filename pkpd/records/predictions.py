"""What the records see: the segments as ensembles, integrated, and read record by record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.records.segments import Segments, record_rank
from pkpd.solvers.directions import StopDirections
from pkpd.solvers.equations.numpy_code import NumpyCode, numpy_code
from pkpd.solvers.equations.system import System
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.timelines import Timeline

__all__ = ["SegmentGroup", "records_of", "segment_groups"]


BUDGET = 1 << 24  # numbers that one ensemble may store
CHUNK = 1 << 15  # rows that are read at a time


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
            parameters=np.ascontiguousarray(parameters[:, self.segments]),
            starts=np.ascontiguousarray(starts[:, self.segments]),
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


# ---- what a record sees


def records_of(
    problem: Problem, states: Array, group: SegmentGroup, lanes: int = 1, source: Index | None = None
) -> Iterator[tuple[slice, Array, Array]]:
    """The states and outputs that the records of a group see, some rows at a time.

    Parameters
    ----------
    problem
        That of `group`, or of its derivatives: member ``m*lanes + lane`` is then member m.
    states
        (members, times, states): what was stored, before all stops of a time.
    source
        (stops,): the stop of the group that each stop of `problem` belongs to; by default its own.

    Yields
    ------
    Which rows of the group these are; (states, rows x lanes) and (outputs, rows x lanes), a row's
    lanes one after another, NaN where a state is.
    """
    code = numpy_code(problem.model)
    for first in range(0, len(group.rows), CHUNK):
        part = slice(first, first + CHUNK)
        member = (group.member[part, None] * lanes + np.arange(lanes)).ravel()
        place = np.repeat(group.place[part], lanes)
        earlier, seen = (np.repeat(count[part], lanes) for count in (group.earlier, group.seen))
        if source is not None:
            earlier, seen = (np.searchsorted(source, count) for count in (earlier, seen))
        time = problem.times[member, place]
        y, p = np.ascontiguousarray(states[member, place].T), np.ascontiguousarray(problem.parameters[:, member])
        with np.errstate(all="ignore"):
            u = _pass_stops(problem, time, y, p, member, (earlier, seen))
            outputs = code.outputs(time, y, p, u) if problem.model.output_names else np.empty((0, y.shape[1]))
        outputs[:, np.isnan(y).any(axis=0)] = np.nan
        yield part, y, outputs


def _pass_stops(problem: Problem, time: Array, y: Array, p: Array, member: Index, stops: tuple[Index, Index]) -> Array:
    """Make in `y` the stops above each record, one after the other for all records at once; the inputs they see."""
    schedule, code, (earlier, seen) = problem.schedule, numpy_code(problem.model), stops
    for k in range(int((seen - earlier).max(initial=0))):
        who = np.flatnonzero(earlier + k < seen)
        row, stop = member[who] if not schedule.shared else 0 * who, earlier[who] + k
        u = np.ascontiguousarray(schedule.input_values[row, stop].T)
        jumps, amounts = schedule.jumps[row, stop], schedule.amounts[row, stop]
        new = _jumped(code, time[who], y[:, who], p[:, who], u, jumps, amounts)
        if problem.model.events:
            _fire(code, time[who], y[:, who], new, p[:, who], u)
        y[:, who] = new
    return np.ascontiguousarray(schedule.input_values[member if not schedule.shared else 0 * member, seen].T)


def _jumped(code: NumpyCode, t: Array, y: Array, p: Array, u: Array, jumps: Index, amounts: Array) -> Array:
    """The states after jumps, one for each record, -1 for none."""
    new = y.copy()
    for number in np.unique(jumps[jumps >= 0]):
        who = np.flatnonzero(jumps == number)
        new[:, who] = code.jumps[number](t[who], y[:, who], p[:, who], u[:, who], amounts[who])
    return new


def _fire(code: NumpyCode, t: Array, before: Array, y: Array, p: Array, u: Array) -> None:
    """Let events fire whose condition a jump has made true, in `y`, as an integrator does."""
    fired = (code.triggers(t, before, p, u) >= 0) & (code.triggers(t, y, p, u) < 0)
    for event, row in enumerate(fired):
        who = np.flatnonzero(row)
        if len(who):
            y[:, who] = code.event_jumps[event](t[who], y[:, who], p[:, who], u[:, who])
