"""States and outputs at every record: the segments solved in ensembles, then read record by record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pkpd.datasets.plans import Plan
from pkpd.solvers.numpy_code import NumpyCode, numpy_code
from pkpd.solvers.problem import Problem, Progress
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.solve import solve
from pkpd.treatment.segments import Segments, record_rank

__all__ = ["Readings", "readings"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

BUDGET = 1 << 24  # numbers that one ensemble may store


@dataclass(frozen=True)
class Readings:
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


def readings(
    plan: Plan,
    cuts: Segments,
    rtol: float,
    atol: Array,
    method: str,
    *,
    max_steps: int,
    threads: int | None,
    progress: Progress | None,
) -> Readings:
    """Solve the plan and read it at every record.

    The segments of an ensemble are stored at the union of their times; ensembles are made
    of segments with like times, so that little is stored in vain.
    """
    system, rows = plan.model.system, len(cuts.elapsed)
    found = Readings(
        np.full((len(system.states), rows), np.nan),
        np.full((len(system.output_names), rows), np.nan),
        np.zeros(rows, dtype=np.int64),
    )
    looks = _Looks(cuts, *plan.stops.passed(cuts.segment, cuts.elapsed, record_rank(np.arange(rows))))
    done = 0
    for who in _ensembles(plan, cuts):
        problem, local, here = _problem(plan, cuts, who, rtol, atol, max_steps)
        solution = solve(problem, method, None, threads)
        when = np.searchsorted(problem.times, cuts.elapsed[here])
        stored = np.ascontiguousarray(solution.states[local, when].T)
        with np.errstate(all="ignore"):
            y, u = _seen(problem, looks, here, local, stored)
            found.states[:, here] = y
            if system.output_names:
                code = numpy_code(system)
                p = np.ascontiguousarray(problem.parameters[:, local])
                values = code.outputs(cuts.elapsed[here], y, p, u)
                found.outputs[:, here] = np.where(np.isnan(y).any(axis=0), np.nan, values)
        found.status[here] = np.where(np.isnan(y).any(axis=0), solution.status[local], 0)
        done += len(who)
        if progress is not None:
            progress(done, len(cuts))
    return found


# ---- ensembles


def _ensembles(plan: Plan, cuts: Segments) -> Iterator[Index]:
    """All segments, those with like times together, in ensembles whose states fit the budget."""
    sums = [np.add.reduceat(x, cuts.first) for x in (np.ones(len(cuts.elapsed)), cuts.elapsed, cuts.elapsed**2)]
    order = np.lexsort((*sums, cuts.last))
    pending = [order]
    while pending:
        who = pending.pop()
        times = len(np.unique(cuts.elapsed[_rows(cuts, who)[0]]))
        stops = int(np.max(plan.stops.first[who + 1] - plan.stops.first[who], initial=0))
        each = times * len(plan.starts) + stops * (3 + len(plan.stops.initial))
        if len(who) > 1 and len(who) * each > BUDGET:
            half = len(who) // 2
            pending += [who[half:], who[:half]]
        else:
            yield who


def _rows(cuts: Segments, who: Index) -> tuple[Index, Index]:
    """The rows of some segments, and for each row the place of its segment among them."""
    ends = np.append(cuts.first[1:], len(cuts.elapsed))[who]
    count = ends - cuts.first[who]
    local = np.repeat(np.arange(len(who)), count)
    within = np.arange(len(local)) - np.repeat(np.cumsum(count) - count, count)
    return cuts.first[who][local] + within, local


def _problem(
    plan: Plan, cuts: Segments, who: Index, rtol: float, atol: Array, max_steps: int
) -> tuple[Problem, Index, Index]:
    rows, local = _rows(cuts, who)
    problem = Problem(
        model=plan.model.system,
        parameters=np.ascontiguousarray(plan.parameters[:, who]),
        starts=np.ascontiguousarray(plan.starts[:, who]),
        schedule=plan.stops.schedule(who),
        times=np.unique(cuts.elapsed[rows]),
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
    )
    return problem, local, rows


# ---- what a record sees


def _seen(problem: Problem, looks: _Looks, rows: Index, local: Index, stored: Array) -> tuple[Array, Array]:
    """The states and inputs that records see: the stored states, before all stops, with the stops above each record.

    Stops of one time are few, so they are made one after the other, for all records at once.
    """
    code, schedule, y = numpy_code(problem.model), problem.schedule, stored
    earlier, seen = looks.earlier[rows], looks.seen[rows]
    for k in range(int((seen - earlier).max(initial=0))):
        who = np.flatnonzero(earlier + k < seen)
        y[:, who] = _after_stop(
            code, problem, schedule, looks.cuts.elapsed[rows[who]], y[:, who], local[who], earlier[who] + k
        )
    return y, np.ascontiguousarray(schedule.levels[local, seen].T)


def _after_stop(
    code: NumpyCode, problem: Problem, schedule: Schedule, t: Array, y: Array, member: Index, stop: Index
) -> Array:
    """The states after a stop of each member."""
    jumps, amounts = schedule.jumps[member, stop], schedule.amounts[member, stop]
    u = np.ascontiguousarray(schedule.levels[member, stop].T)
    p = np.ascontiguousarray(problem.parameters[:, member])
    new = y.copy()
    for jump in np.unique(jumps[jumps >= 0]):
        at = np.flatnonzero(jumps == jump)
        new[:, at] = code.jumps[jump](t[at], y[:, at], p[:, at], u[:, at], amounts[at])
    if problem.model.events:
        _fire(code, t, y, new, p, u)
    return new


def _fire(code: NumpyCode, t: Array, before: Array, y: Array, p: Array, u: Array) -> None:
    """Let events fire whose condition a jump has made true, in `y`, as an integrator does."""
    fired = (code.triggers(t, before, p, u) >= 0) & (code.triggers(t, y, p, u) < 0)
    for event, row in enumerate(fired):
        who = np.flatnonzero(row)
        if len(who):
            y[:, who] = code.event_jumps[event](t[who], y[:, who], p[:, who], u[:, who])
