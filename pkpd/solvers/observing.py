"""A problem whose answer is numbers of the trajectory, in the place of values at stored times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.solvers.chunks import Collected, joined_notes
from pkpd.solvers.clock_stops import AFTER_ALL, BEFORE_ALL, clock_schedule, with_stops
from pkpd.solvers.equations.clock import clocked
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.observers import Observed, Watch, observed
from pkpd.solvers.problem import Problem, Progress, Solution
from pkpd.solvers.reductions import Reduction
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.solve import solve
from pkpd.solvers.timelines import Stops, joined

__all__ = ["Observation", "collect_numbers", "observation", "observing", "watches_of"]

CHUNK_MEMBERS = {"cpu": 65_536, "gpu": 2_000_000}  # by device; a card makes its own batches


@dataclass(frozen=True)
class Observation:
    """A problem that any integrator takes, and how to read its solution.

    Attributes
    ----------
    problem
        Its one stored time is the end of the window.
    begin
        The begin of the window.
    """

    problem: Problem
    observed: Observed
    begin: float

    def read(self, solution: Solution) -> dict[str, Array]:
        """The numbers by name, (members,) each; NaN for a member that failed.

        Parameters
        ----------
        solution
            Of `problem`.
        """
        problem = self.problem
        inputs = problem.schedule.input_values_at(problem.times, before=problem.before)[:, 0]
        inputs = np.broadcast_to(inputs, (problem.members, inputs.shape[1])).T
        return self.observed.read(
            solution.states[:, -1], problem.parameters, inputs, self.begin, problem.times[-1], solution.status
        )

    def take(self, members: Any) -> Observation:
        """The same for some of the members."""
        return replace(self, problem=self.problem.take(members))


def watches_of(reductions: Mapping[str, Reduction]) -> tuple[dict[str, Watch], dict[str, Any]]:
    """What is to be observed for `reductions`, and the thresholds of the first crossings."""
    watches = {name: Watch(r.of, r.kind, r.from_start) for name, r in reductions.items()}
    return watches, {name: r.threshold for name, r in reductions.items() if r.threshold is not None}


def collect_numbers(
    problem: Problem,
    reductions: Mapping[str, Reduction],
    first_dose: Any,
    method: str,
    progress: Progress | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> Collected:
    """Integrate `problem` and keep the numbers of the trajectory that `reductions` name.

    See `observation` for `first_dose`, and `pkpd.solvers.chunks.collect` for the rest.
    """
    task = observation(problem, *watches_of(reductions), first_dose)
    members, columns = problem.members, {name: np.empty(problem.members) for name in reductions}
    status, ended, notes = np.zeros(members, dtype=np.int64), np.zeros(members), dict[str, int]()
    for first in range(0, members, CHUNK_MEMBERS[device]):
        who = np.arange(first, min(first + CHUNK_MEMBERS[device], members))
        part = task if len(who) == members else task.take(who)
        solution = solve(part.problem, method, _shifted(progress, first, members), threads, device)
        status[who], ended[who] = solution.status, solution.ended
        notes[solution.note] = notes.get(solution.note, 0) + len(who)
        for name, values in part.read(solution).items():
            columns[name][who] = values
        if progress is not None:
            progress(int(who[-1]) + 1, members)
    return Collected(columns, status, ended, joined_notes(notes))


def _shifted(progress: Progress | None, first: int, total: int) -> Progress | None:
    return None if progress is None else lambda done, _: progress(first + done, total)


def observation(
    problem: Problem, watches: Mapping[str, Watch], thresholds: Mapping[str, Any], first_dose: Any = np.inf
) -> Observation:
    """What to integrate for the numbers `watches` between the first and the last time of `problem`.

    Parameters
    ----------
    problem
        Of a system that is not clocked; its times are shared.
    watches
        By the names of the numbers.
    thresholds
        For each first crossing, by the name of its number: a number, or (members,).
    first_dose
        When the first dose is, a number or (members,); infinite where there is none.  A first
        crossing counts from there, or from the first time where that is later or there is no
        dose; what holds there already, after the dose, is reached then.
    """
    begin, end = float(problem.times[0]), float(problem.times[-1])
    observer = observed(problem.model, tuple(watches.items()))
    clock = clocked(observer.system)
    parameters = np.vstack([problem.parameters, observer.extra_parameters(thresholds, problem.members, problem.rtol)])
    schedule = clock_schedule(clock, problem.schedule, parameters, end)
    with np.errstate(all="ignore"):
        starts = numpy_code(observer.system).starts(parameters)
    starts[: observer.states] = problem.starts if len(problem.starts) else starts[: observer.states]
    return Observation(
        replace(
            problem,
            model=clock.system,
            parameters=parameters,
            starts=starts,
            schedule=observing(observer, schedule, begin, first_dose, before=problem.before),
            times=np.array([end]),
            atol=observer.tolerances(problem.atol, end - begin),
        ),
        observer,
        begin,
    )


def observing(observer: Observed, schedule: Schedule, begin: float, first_dose: Any, *, before: bool) -> Schedule:
    """`schedule` with the jumps of the observers: where inputs change, and where the window begins.

    Parameters
    ----------
    begin
        Of the window.
    first_dose
        A number, or (members,); infinite where there is none.
    before
        Whether the window begins with the value before a dose at its first time.
    """
    first = np.atleast_1d(np.asarray(first_dose, dtype=float))
    if (first == first[0]).all() and schedule.shared:
        first = first[:1]
    rows = max(len(schedule.times), len(first))
    first = np.maximum(begin, np.broadcast_to(np.where(np.isfinite(first), first, begin), (rows,)))
    everyone = np.arange(rows)
    edge = np.full(rows, 2 * BEFORE_ALL if before else AFTER_ALL)
    parts = [Stops.at(everyone, np.full(rows, begin), edge, jump=observer.begin)]
    if observer.needs_observing:
        schedule, watched = _watched(observer, schedule, rows)
        parts = [watched, *parts]
    if any(w.crosses and not w.from_start for _, w in observer.watches):
        parts.append(Stops.at(everyone, first, np.full(rows, AFTER_ALL), jump=observer.begin_crossings))
    return with_stops(schedule, joined(parts), np.zeros((0, rows)))[0]


def _watched(observer: Observed, schedule: Schedule, rows: int) -> tuple[Schedule, Stops]:
    """`schedule` with a look before each change of an input, and a look after all of one time."""
    changes = (schedule.jumps < 0) & np.isfinite(schedule.times)
    row, stop = np.nonzero(np.broadcast_to(changes, (rows, changes.shape[1])))
    times = np.broadcast_to(schedule.times, (rows, changes.shape[1]))[row, stop]
    pairs = np.unique(np.stack([row.astype(float), times], axis=1), axis=0)
    member = pairs[:, 0].astype(np.int64)
    after = Stops.at(member, pairs[:, 1], np.full(len(member), AFTER_ALL), jump=observer.observe)
    return replace(schedule, jumps=np.where(changes, observer.observe, schedule.jumps)), after
