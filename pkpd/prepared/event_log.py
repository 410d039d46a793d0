"""When the events of a model happened: those that were searched for, and those on the clock, which are stops."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.solvers.chunks import Collected
from pkpd.solvers.problem import Problem

__all__ = ["event_log"]


def event_log(problem: Problem, collected: Collected, events: int) -> tuple[Array, Index]:
    """The first time and the number of each of the model's `events`, (events, members) each.

    Parameters
    ----------
    problem
        Of the model's clocked system: an event on the clock alone is its jump route ``event I``.
    """
    shape = (events, problem.members)
    times, counts = np.empty(shape), np.empty(shape, dtype=np.int64)
    assert collected.last is not None
    searched = 0
    for number in range(events):
        route = f"event {number}"
        if route in problem.model.jump_routes:
            times[number], counts[number] = _stops_of(problem, problem.model.jump_routes.index(route), collected.ended)
        else:
            times[number] = collected.last.event_times[searched]
            counts[number] = collected.last.event_counts[searched]
            searched += 1
    return times, counts


def _stops_of(problem: Problem, jump: int, ended: Array) -> tuple[Array, Index]:
    due = np.where(problem.schedule.jumps == jump, problem.schedule.times, np.inf)
    due = np.broadcast_to(due, (problem.members, due.shape[1]))
    made = due < ended[:, None]
    first: Array = np.where(made, due, np.inf).min(axis=1, initial=np.inf)
    return first, made.sum(axis=1)
