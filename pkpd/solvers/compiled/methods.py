"""The ensemble integrator: eight members at a time in compiled code, on any number of threads.

``"auto"`` starts every member with an explicit method; one that turns out to be stiff
goes on from where it stands with Rodas5P.  What decides are the member's own numbers, so
that it fares the same in any company.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from pkpd.arrays import Array, Index
from pkpd.errors import ModelError
from pkpd.solvers.equations.system import System
from pkpd.solvers.problem import Problem, Progress, Solution, Status
from pkpd.solvers.reference.lockstep import solve_lockstep

if TYPE_CHECKING:
    from pkpd.solvers.compiled.object_code import Integrator

__all__ = ["COMPILED_METHODS", "solve_auto", "solve_compiled"]


COMPILED_METHODS = ("tsit5", "dop853", "rodas5p")
PATIENCE = 1000.0  # steps at the edge of stability, to the end, from which on an implicit method is faster
MANY_TIMES = 100  # more times to store than this are interpolated
WORTH_A_THREAD = 32  # members
GIVEN_UP = (Status.max_steps, Status.step_too_small)  # where an implicit method may still do


def solve_compiled(
    problem: Problem, method: str, *, threads: int | None = None, progress: Progress | None = None
) -> Solution:
    """Integrate all members of `problem` with one of `COMPILED_METHODS`.

    Parameters
    ----------
    threads
        Threads to use; by default as many as this process may run on.
    progress
        Called now and then with the number of members begun, and of all.

    Raises
    ------
    ModelError
        If the model holds a function that cannot be compiled.
    """
    state = _State.of(problem)
    _run(problem, state, method, np.arange(problem.members), np.inf, threads, progress)
    return state.solution(_compiled(problem.model, method).method)


def solve_auto(problem: Problem, *, threads: int | None = None, progress: Progress | None = None) -> Solution:
    """Integrate each member of `problem` with the method that suits it.

    What was used is told in the solution's `note`.
    """
    first = explicit_method(problem)
    state = _State.of(problem)
    everyone = np.arange(problem.members)
    try:
        _run(problem, state, first, everyone, PATIENCE, threads, progress)
    except ModelError as error:
        return replace(solve_lockstep(problem), note=f"numpy, because {error}")
    stiff = np.flatnonzero(np.isin(state.status, (_stiff_status(), *GIVEN_UP)))
    if not len(stiff):
        return state.solution(first)
    state.status[stiff] = Status.ok
    _run(problem, state, "rodas5p", stiff, np.inf, threads, progress)
    second = _compiled(problem.model, "rodas5p").method
    return state.solution(f"{first}, and {second} for {len(stiff)} stiff of {problem.members} members")


def explicit_method(problem: Problem) -> str:
    """The faster explicit method at the tolerance asked for."""
    # A member's method must not follow from how many times others have.
    few = problem.times.ndim == 2 or len(problem.times) <= MANY_TIMES
    return "dop853" if problem.rtol < 1e-7 or (problem.rtol <= 3e-6 and few) else "tsit5"


@dataclass(frozen=True)
class _State:
    """Where each member stands; the compiled code reads it and writes it back."""

    at: Array
    states: Array
    stop: Index
    saved: Index
    armed: Array
    status: Index
    steps: Index
    out: Array

    @classmethod
    def of(cls, problem: Problem) -> _State:
        n, members = len(problem.model.states), problem.members
        stop, saved, status, steps = np.zeros((4, members), dtype=np.int64)
        armed = np.full((len(problem.model.events), members), -1.0)  # negative: not yet known
        states = np.array(problem.starts, dtype=float, order="C", copy=True)
        out = np.empty((n, members, problem.times.shape[-1]))
        return cls(np.zeros(members), states, stop, saved, armed, status, steps, out)

    def solution(self, note: str) -> Solution:
        return Solution(np.moveaxis(self.out, 0, -1), self.status, self.at, self.steps, note)


# ---- compiled code


def _stiff_status() -> int:
    from pkpd.solvers.compiled.driver import STIFF

    return STIFF


@lru_cache(maxsize=64)
def _compiled(model: System, method: str) -> Integrator:
    from pkpd.solvers.compiled.object_code import object_code

    return object_code(_recipe(model, method), lambda: _text(model, method))


def _recipe(model: System, method: str) -> str:
    equations = sympy.Tuple(*model.rates, *(e for row in model.jumps for e in row))
    events = sympy.Tuple(*(sympy.Tuple(trigger, *then) for trigger, then in model.events))
    sizes = (len(model.y), len(model.p), len(model.u), len(model.jumps), model.blocks)
    return "\n".join([method, repr(sizes), sympy.srepr(equations), sympy.srepr(events)])


def _text(model: System, method: str) -> str:
    from pkpd.solvers.compiled.explicit import explicit_kernel
    from pkpd.solvers.compiled.rosenbrock import rosenbrock_kernel
    from pkpd.solvers.compiled.tableaus import dop853, rodas5p, tsit5

    if method == "rodas5p":
        return str(rosenbrock_kernel(model, rodas5p()).module)
    return str(explicit_kernel(model, {"tsit5": tsit5, "dop853": dop853}[method]()).module)


def _run(
    problem: Problem, state: _State, method: str, order: Index, patience: float,
    threads: int | None, progress: Progress | None,
) -> None:  # fmt: skip
    """Take the members `order` as far as they go."""
    compiled = _compiled(problem.model, method)
    counter, cancel = np.zeros((2, 1), dtype=np.int64)
    schedule = problem.schedule
    times = np.atleast_2d(problem.times)
    counts = np.isfinite(times).sum(axis=1, dtype=np.int64)
    few = {"tsit5": 0, "dop853": MANY_TIMES, "rodas5p": times.shape[1]}[method]
    arguments = (
        counter, len(order), order, cancel, problem.members,
        _real(problem.parameters), state.states, state.at, state.stop, state.saved, state.armed, state.status,
        state.steps, _real(schedule.times), np.ascontiguousarray(schedule.jumps, dtype=np.int64),
        _real(schedule.amounts), _real(schedule.levels), schedule.times.shape[1], int(not schedule.shared),
        _real(times), times.shape[1], int(problem.times.ndim == 2), counts, state.out,
        problem.rtol, _real(problem.atol), int(problem.before), float(problem.max_steps), patience, few,
    )  # fmt: skip
    bare = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]
    count = min(threads or _processors(), max(1, len(order) // WORTH_A_THREAD))
    # A call into compiled code lets go of Python, so that plain threads run side by side.
    rooms = [_lanes(compiled.rows) for _ in range(count)]
    workers = [threading.Thread(target=compiled.run, args=(room.ctypes.data, *bare), daemon=True) for room in rooms]
    for worker in workers:
        worker.start()
    try:
        _wait(workers, lambda: progress and progress(min(int(counter[0]), len(order)), len(order)))
    finally:
        cancel[0] = 1
        for worker in workers:
            worker.join()


def _wait(workers: list[threading.Thread], tell: Callable[[], Any]) -> None:
    """Wait in short turns, so that an interrupt is heard."""
    for worker in workers:
        while worker.is_alive():
            worker.join(0.1)
            tell()
    tell()


def _lanes(rows: int) -> Array:
    """Room for `rows` of eight numbers, each row on a cache line of its own."""
    room = np.empty(8 * rows + 7)
    first = -room.ctypes.data % 64 // 8
    return room[first : first + 8 * rows]


def _real(x: Array) -> Array:
    return np.ascontiguousarray(x, dtype=np.float64)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
