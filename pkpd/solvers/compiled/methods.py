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
from dataclasses import dataclass, replace
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
_KEPT: dict[tuple[int, int], _Fixed] = {}
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
    used = _run(problem, state, method, np.arange(problem.members), np.inf, threads, progress)
    return state.solution(f"{used.method}; {used.side_by_side}")


def solve_auto(problem: Problem, *, threads: int | None = None, progress: Progress | None = None) -> Solution:
    """Integrate each member of `problem` with the method that suits it.

    What was used is told in the solution's `note`.
    """
    first = explicit_method(problem)
    state = State.of(problem)
    everyone = np.arange(problem.members)
    try:
        used = _run(problem, state, first, everyone, PATIENCE, threads, progress)
    except ModelError as error:
        return replace(solve_lockstep(problem), note=f"numpy, because {error}")
    if not np.count_nonzero(state.status):
        return state.solution(f"{first}; {used.side_by_side}")
    stiff = np.flatnonzero(np.isin(state.status, (STIFF, *GIVEN_UP)))
    if not len(stiff):
        return state.solution(f"{first}; {used.side_by_side}")
    state.status[stiff] = Status.ok
    used = _run(problem, state, "rodas5p", stiff, np.inf, threads, progress)
    whom = f"{len(stiff)} stiff of {problem.members} members"
    return state.solution(f"{first}, and {used.method} for {whom}; {used.side_by_side}")


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
    return _asked_for(os.environ.get("PKPD_LANES", ""), os.environ.get("PKPD_VECTORS", ""))


@lru_cache(maxsize=16)
def _asked_for(lanes: str, vectors: str) -> tuple[Shape, Target]:
    """The shape and the processor, which read these variables themselves."""
    from pkpd.solvers.compiled.choice import chosen_shape
    from pkpd.solvers.compiled.target import this_target

    target = this_target()
    return chosen_shape(target), target


def _arguments(
    problem: Problem, state: State, method: str, order: Index, patience: float
) -> tuple[list[Any], list[Any]]:
    """The arguments of compiled code after the workspace and what is each worker's, and what must live on meanwhile."""
    m, n, e = 8 * problem.members, len(state.out), state.events
    fixed = _fixed(problem.schedule, problem.times)
    parameters, atol = _real(problem.parameters), _real(problem.atol)
    whole, real = _address(state.whole), _address(state.real)
    armed = real + m * (1 + n)
    few = clipped_times(method, problem.times.shape[-1])
    bare = [
        _address(order), problem.members, _address(parameters), real + m, real, whole, whole + m, armed, armed + m * e,
        armed + 2 * m * e, whole + 2 * m, whole + 3 * m, *fixed.arguments, _address(state.out), problem.rtol,
        _address(atol), int(problem.before), float(problem.max_steps), patience, few,
    ]  # fmt: skip
    return bare, [parameters, atol, fixed]


@dataclass(frozen=True, eq=False)
class _Fixed:
    """The arguments that are the same for all parameters, the arrays that they lie in, and what these come from."""

    arguments: list[int]
    arrays: list[Any]
    schedule: Schedule
    times: Array


def _fixed(schedule: Schedule, times: Array) -> _Fixed:
    """The arguments that `schedule` and `times` are; kept for the next calls with the very same."""
    key = (id(schedule), id(times))
    kept = _KEPT.get(key)
    if kept is not None:
        return kept
    shared = times.ndim == 1
    table = times.reshape(1, -1) if shared else times
    arrays: list[Any] = [
        _real(schedule.times), np.ascontiguousarray(schedule.jumps, dtype=np.int64), _real(schedule.amounts),
        _real(schedule.input_values), _real(table),
        np.array([table.shape[1]]) if shared else np.isfinite(table).sum(axis=1, dtype=np.int64),
    ]  # fmt: skip
    stop_times, jumps, amounts, input_values, times_, counts = map(_address, arrays)
    arguments = [
        stop_times, jumps, amounts, input_values, schedule.times.shape[1], int(not schedule.shared),
        times_, table.shape[1], int(not shared), counts,
    ]  # fmt: skip
    fixed = _Fixed(arguments, arrays, schedule, times)
    if sum(array.size for array in arrays) <= MOST_KEPT:
        if len(_KEPT) >= KEPT:
            _KEPT.clear()
        _KEPT[key] = fixed  # with its schedule and times alive, no others have their identity
    return fixed


def _run(
    problem: Problem, state: State, method: str, order: Index, patience: float,
    threads: int | None, progress: Progress | None,
) -> Integrator:  # fmt: skip
    """Take the members `order` as far as they go, on threads where there is work for them; with what is returned."""
    compiled, members = _integrator(problem.model, method), len(order)
    count = min(threads or _processors(), max(1, members // WORTH_A_THREAD))
    shared = np.zeros(2 + count, dtype=np.int64)  # the next member, whether to stop, and the turns of each worker
    at_once = count == 1 and compiled.rows > 0  # what has no rows of the caller cannot be continued
    shared[2:] = 1 + SHORT_WORK // compiled.rows if at_once else ENDLESS
    bare, _alive = _arguments(problem, state, method, order, patience)
    following, cancel, turns = (_address(shared) + 8 * i for i in range(3))
    rest = [following, members, bare[0], cancel, *bare[1:]]

    def tell() -> None:
        if progress is not None:
            progress(min(int(shared[0]), members), members)

    rooms = [_lanes(compiled.rows, compiled.lanes) for _ in range(count)]
    if not at_once:
        workers = [[place, 1, turns + 8 * i, *rest] for i, (place, _) in enumerate(rooms)]
        _run_threads(compiled.run, workers, shared[1:2], tell)
        return compiled
    compiled.run(rooms[0][0], 1, turns, *rest)
    if shared[2] > 0:
        tell()
        return compiled
    shared[2] = ENDLESS
    _run_threads(compiled.run, [[rooms[0][0], 0, turns, *rest]], shared[1:2], tell)
    return compiled


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


def _lanes(rows: int, lanes: int) -> tuple[int, Array]:
    """Where there is room for so many rows, from the beginning of a cache line on, and the array it is in."""
    room = np.empty(lanes * rows + 7)
    return _address(room) + 63 & ~63, room


def _address(array: Any) -> int:
    """Where the numbers of a contiguous array lie; through its buffer, a fifth of the price of `ndarray.ctypes`."""
    if not array.size:
        return 0
    return ctypes.addressof(ctypes.c_char.from_buffer(array)) if array.flags.writeable else int(array.ctypes.data)


def _real(x: Array) -> Array:
    return np.ascontiguousarray(x, dtype=np.float64)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
