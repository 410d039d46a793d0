"""States and outputs at every record: the segments solved in ensembles, then read record by record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.records.problems import SegmentProblems
from pkpd.records.segments import Segments, record_rank
from pkpd.solvers.equations.numpy_code import NumpyCode, numpy_code
from pkpd.solvers.problem import Problem, Progress, Solution
from pkpd.solvers.solve import solve

__all__ = ["Predictions", "predictions"]


BUDGET = 1 << 24  # numbers that one ensemble may store
CHUNK = 1 << 15  # rows that are read at a time


@dataclass(frozen=True)
class Predictions:
    """What is seen at the records: (states, rows), (outputs, rows), and a `Status` for each row."""

    states: Array
    outputs: Array
    status: Index


@dataclass(frozen=True)
class _Looks:
    """The records as looks at segments: how many stops lie before the time of each, and how many it sees."""

    cuts: Segments
    earlier: Index
    seen: Index


def predictions(
    plan: SegmentProblems,
    cuts: Segments,
    rtol: float,
    atol: Array,
    method: str,
    *,
    max_steps: int,
    threads: int | None,
    progress: Progress | None,
) -> Predictions:
    """Solve the plan and read it at every record.

    Each segment is stored at its own times; ensembles are made of segments with about as
    many of them, so that little memory is taken in vain.
    """
    system, rows = plan.model.system, len(cuts.elapsed)
    seen = Predictions(
        np.full((len(system.states), rows), np.nan),
        np.full((len(system.output_names), rows), np.nan),
        np.zeros(rows, dtype=np.int64),
    )
    looks = _Looks(cuts, *plan.stops.passed(cuts.segment, cuts.elapsed, record_rank(np.arange(rows))))
    done = 0
    for who in _ensembles(plan, cuts):
        here, local, instant = _rows(cuts, who)
        problem = _problem(plan, cuts.elapsed[here], who, local, instant, rtol, atol, max_steps)
        solution = solve(problem, method, None, threads)
        for first in range(0, len(here), CHUNK):
            part = slice(first, first + CHUNK)
            _read(seen, problem, solution, looks, here[part], local[part], instant[part])
        done += len(who)
        if progress is not None:
            progress(done, len(cuts))
    return seen


def _read(
    seen: Predictions, problem: Problem, solution: Solution, looks: _Looks,
    rows: Index, local: Index, instant: Index,
) -> None:  # fmt: skip
    """Fill in what some rows see; see `_rows` for `local` and `instant`."""
    time = looks.cuts.elapsed[rows]
    stored = np.ascontiguousarray(solution.states[local, instant].T)
    p = np.ascontiguousarray(problem.parameters[:, local])
    with np.errstate(all="ignore"):
        y, u = _seen(problem, looks, rows, local, stored, p)
        lost = np.isnan(y).any(axis=0)
        if problem.model.output_names:
            seen.outputs[:, rows] = np.where(lost, np.nan, numpy_code(problem.model).outputs(time, y, p, u))
    seen.states[:, rows] = y
    seen.status[rows] = np.where(lost, solution.status[local], 0)


# ---- ensembles


def _ensembles(plan: SegmentProblems, cuts: Segments) -> Iterator[Index]:
    """All segments, those with as many records together, in ensembles whose states fit the budget."""
    records = np.diff(np.append(cuts.first, len(cuts.elapsed)))
    pending = [np.lexsort((cuts.last, records))]
    while pending:
        who = pending.pop()
        times = int(records[who].max(initial=0))
        stops = int(np.max(plan.stops.first[who + 1] - plan.stops.first[who], initial=0))
        each = times * len(plan.starts) + stops * (3 + len(plan.stops.initial))
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


def _problem(
    plan: SegmentProblems,
    time: Array,
    who: Index,
    local: Index,
    instant: Index,
    rtol: float,
    atol: Array,
    max_steps: int,
) -> Problem:
    times = np.full((len(who), int(instant.max(initial=0)) + 1), np.inf)
    times[local, instant] = time
    return Problem(
        model=plan.model.system,
        parameters=np.ascontiguousarray(plan.parameters[:, who]),
        starts=np.ascontiguousarray(plan.starts[:, who]),
        schedule=plan.stops.schedule(who),
        times=times,
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
    )


# ---- what a record sees


def _seen(problem: Problem, looks: _Looks, rows: Index, local: Index, stored: Array, p: Array) -> tuple[Array, Array]:
    """The states and inputs that records see: the stored states, before all stops, with the stops above each record.

    Stops of one time are few, so they are made one after the other, for all records at once.
    """
    schedule, y, time = problem.schedule, stored, looks.cuts.elapsed[rows]
    earlier, seen = looks.earlier[rows], looks.seen[rows]
    for k in range(int((seen - earlier).max(initial=0))):
        who = np.flatnonzero(earlier + k < seen)
        member, stop = local[who], earlier[who] + k
        u = np.ascontiguousarray(schedule.levels[member, stop].T)
        jumps, amounts = schedule.jumps[member, stop], schedule.amounts[member, stop]
        new = _jumped(problem, time[who], y[:, who], p[:, who], u, jumps, amounts)
        if problem.model.events:
            _fire(numpy_code(problem.model), time[who], y[:, who], new, p[:, who], u)
        y[:, who] = new
    return y, np.ascontiguousarray(schedule.levels[local, seen].T)


def _jumped(problem: Problem, t: Array, y: Array, p: Array, u: Array, jumps: Index, amounts: Array) -> Array:
    """The states after jumps, one for each record, -1 for none."""
    new, code = y.copy(), numpy_code(problem.model)
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
