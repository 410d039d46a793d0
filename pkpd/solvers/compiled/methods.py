"""The ensemble integrator: some members at a time in compiled code, on any number of threads.

``"auto"`` starts every member with an explicit method; one that turns out to be stiff
goes on from where it stands with Rodas5P.  What decides are the member's own numbers, so
that it fares the same in any company.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import ModelError
from pkpd.solvers.compiled.state import State
from pkpd.solvers.equations.system import System
from pkpd.solvers.problem import STIFF, Problem, Progress, Solution, Status
from pkpd.solvers.reference.lockstep import solve_lockstep
from pkpd.solvers.schedule import Schedule

if TYPE_CHECKING:
    from pkpd.solvers.compiled.object_code import Integrator
    from pkpd.solvers.compiled.shape import Shape
    from pkpd.solvers.compiled.target import Target

__all__ = [
    "COMPILED_METHODS", "GIVEN_UP", "PATIENCE", "clipped_times", "explicit_method", "solve_auto", "solve_compiled",
]  # fmt: skip


COMPILED_METHODS = ("tsit5", "dop853", "rodas5p")
PATIENCE = 1000.0  # steps at the edge of stability, to the end, from which on an implicit method is faster
MANY_TIMES = 100  # more times to store than this are interpolated
WORTH_A_THREAD = 32  # members
SHORT_WORK = 10_000_000  # turns times rows of the workspace, which take about 0.1 s: until then no thread is started
ENDLESS = 2**62  # turns
KEPT, MOST_KEPT = 16, 100_000  # schedules whose arguments are kept, and the numbers of one up to which they are
_KEPT: dict[tuple[int, int], tuple[Schedule, Array, list[int], list[Any]]] = {}
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
    state = State.of(problem)
    _run(problem, state, method, np.arange(problem.members), np.inf, threads, progress)
    return state.solution(f"{_integrator(problem.model, method).method}; {_lanes_used()}")


def solve_auto(problem: Problem, *, threads: int | None = None, progress: Progress | None = None) -> Solution:
    """Integrate each member of `problem` with the method that suits it.

    What was used is told in the solution's `note`.
    """
    first = explicit_method(problem)
    state = State.of(problem)
    everyone = np.arange(problem.members)
    try:
        _run(problem, state, first, everyone, PATIENCE, threads, progress)
    except ModelError as error:
        return replace(solve_lockstep(problem), note=f"numpy, because {error}")
    if not np.count_nonzero(state.status):
        return state.solution(f"{first}; {_lanes_used()}")
    stiff = np.flatnonzero(np.isin(state.status, (STIFF, *GIVEN_UP)))
    if not len(stiff):
        return state.solution(f"{first}; {_lanes_used()}")
    state.status[stiff] = Status.ok
    _run(problem, state, "rodas5p", stiff, np.inf, threads, progress)
    second = _integrator(problem.model, "rodas5p").method
    return state.solution(f"{first}, and {second} for {len(stiff)} stiff of {problem.members} members; {_lanes_used()}")


def explicit_method(problem: Problem) -> str:
    """The faster explicit method at the tolerance asked for."""
    # A member's method must not follow from how many times others have.
    few = problem.times.ndim == 2 or len(problem.times) <= MANY_TIMES
    return "dop853" if problem.rtol < 1e-7 or (problem.rtol <= 3e-6 and few) else "tsit5"


def clipped_times(method: str, stored: int) -> int:
    """For how many times to store, of `stored`, the steps of a member end on them rather than being interpolated."""
    return {"tsit5": 0, "dop853": MANY_TIMES, "rodas5p": stored}[method]


# ---- compiled code


@lru_cache(maxsize=64)
def _compiled(model: System, method: str, shape: Shape, target: Target) -> Integrator:
    from pkpd.solvers.compiled.kernels import make_kernel, recipe
    from pkpd.solvers.compiled.object_code import object_code

    return object_code(recipe(model, method, shape), lambda: str(make_kernel(model, method, shape).module), target)


def _integrator(model: System, method: str) -> Integrator:
    """The machine code for this processor."""
    return _compiled(model, method, *_shape_and_target())


def _shape_and_target() -> tuple[Shape, Target]:
    from pkpd.solvers.compiled.choice import chosen_shape
    from pkpd.solvers.compiled.target import this_target

    target = this_target()
    return chosen_shape(target), target


def _lanes_used() -> str:
    """How many members are integrated side by side, and on what."""
    shape, target = _shape_and_target()
    return f"{shape.lanes} lane{'s' * (shape.lanes > 1)} of {target.vectors}"


def _arguments(
    problem: Problem, state: State, method: str, order: Index, patience: float
) -> tuple[list[Any], list[Any]]:
    """The arguments of compiled code after the workspace and what is each worker's, and the arrays that they lie in."""
    m, n, e = 8 * problem.members, len(state.out), state.events
    fixed, of_schedule = _stops_and_times(problem.schedule, problem.times)
    arrays: list[Any] = [order, _real(problem.parameters), state.whole, state.real, state.out, _real(problem.atol)]
    order_, parameters, whole, real, out, atol = map(_address, arrays)
    armed = real + m * (1 + n)
    few = clipped_times(method, problem.times.shape[-1])
    bare = [
        order_, problem.members, parameters, real + m, real, whole, whole + m, armed, armed + m * e, armed + 2 * m * e,
        whole + 2 * m, whole + 3 * m, *fixed, out, problem.rtol, atol, int(problem.before), float(problem.max_steps),
        patience, few,
    ]  # fmt: skip
    return bare, [*arrays, *of_schedule]  # large ones of the schedule are kept nowhere else


def _stops_and_times(schedule: Schedule, times: Array) -> tuple[list[int], list[Any]]:
    """The arguments that are the same for all parameters, and the arrays that they lie in.

    They are kept for the next calls with the very same schedule and times.
    """
    key = (id(schedule), id(times))
    if key in _KEPT:
        return _KEPT[key][2:]
    shared = times.ndim == 1
    table = times.reshape(1, -1) if shared else times
    arrays: list[Any] = [
        _real(schedule.times), np.ascontiguousarray(schedule.jumps, dtype=np.int64), _real(schedule.amounts),
        _real(schedule.input_values), _real(table),
        np.array([table.shape[1]]) if shared else np.isfinite(table).sum(axis=1, dtype=np.int64),
    ]  # fmt: skip
    stop_times, jumps, amounts, input_values, times_, counts = map(_address, arrays)
    fixed = [
        stop_times, jumps, amounts, input_values, schedule.times.shape[1], int(not schedule.shared),
        times_, table.shape[1], int(not shared), counts,
    ]  # fmt: skip
    if sum(array.size for array in arrays) <= MOST_KEPT:
        if len(_KEPT) >= KEPT:
            _KEPT.clear()
        _KEPT[key] = (schedule, times, fixed, arrays)  # alive, so that no other object has their identity
    return fixed, arrays


def _run(
    problem: Problem, state: State, method: str, order: Index, patience: float,
    threads: int | None, progress: Progress | None,
) -> None:  # fmt: skip
    """Take the members `order` as far as they go, on threads where there is work for them."""
    compiled = _integrator(problem.model, method)
    count = min(threads or _processors(), max(1, len(order) // WORTH_A_THREAD))
    shared = np.zeros(2 + count, dtype=np.int64)  # the next member, whether to stop, and the turns of each worker
    at_once = count == 1 and compiled.rows > 0  # what has no rows of the caller cannot be continued
    shared[2:] = 1 + SHORT_WORK // compiled.rows if at_once else ENDLESS
    bare, _kept = _arguments(problem, state, method, order, patience)
    rooms = [_lanes(compiled.rows, compiled.lanes) for _ in range(count)]
    place = _address(shared)

    def arguments(worker: int, begin: int) -> list[Any]:
        turns = place + 8 * (2 + worker)
        return [_address(rooms[worker]), begin, turns, place, len(order), bare[0], place + 8, *bare[1:]]

    def tell() -> None:
        if progress is not None:
            progress(min(int(shared[0]), len(order)), len(order))

    if not at_once:
        _run_threads(compiled.run, [arguments(i, 1) for i in range(count)], shared[1:2], tell)
        return
    compiled.run(*arguments(0, 1))
    if shared[2] > 0:
        tell()
        return
    shared[2] = ENDLESS
    _run_threads(compiled.run, [arguments(0, 0)], shared[1:2], tell)


def _run_threads(
    run: Callable[..., None], arguments: Sequence[Sequence[Any]], cancel: Index, tell: Callable[[], None]
) -> None:
    """A call into compiled code lets go of Python, so that plain threads run side by side and an interrupt is heard."""
    workers = [threading.Thread(target=run, args=tuple(a), daemon=True) for a in arguments]
    for worker in workers:
        worker.start()
    try:
        _wait(workers, tell)
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


def _lanes(rows: int, lanes: int) -> Array:
    """Room for `rows` of as many numbers as there are lanes, from the beginning of a cache line on."""
    room = np.empty(lanes * rows + 7)
    first = -_address(room) % 64 // 8
    return room[first : first + lanes * rows]


def _address(array: Any) -> int:
    """Where the numbers of a contiguous array lie; through its buffer, a fifth of the price of `ndarray.ctypes`."""
    if not array.size:
        return 0
    return ctypes.addressof(ctypes.c_char.from_buffer(array)) if array.flags.writeable else int(array.ctypes.data)


def _real(x: Array) -> Array:
    return np.ascontiguousarray(x, dtype=np.float64)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
