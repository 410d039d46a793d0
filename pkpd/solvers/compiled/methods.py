"""The ensemble integrator: eight members at a time in compiled code, on any number of threads.

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
import sympy

from pkpd.arrays import Array, Index
from pkpd.errors import ModelError
from pkpd.solvers.equations.system import System
from pkpd.solvers.problem import STIFF, Problem, Progress, Solution, Status
from pkpd.solvers.reference.lockstep import solve_lockstep
from pkpd.solvers.schedule import Schedule

if TYPE_CHECKING:
    from pkpd.solvers.compiled.object_code import Integrator

__all__ = ["COMPILED_METHODS", "solve_auto", "solve_compiled"]


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
    if not np.count_nonzero(state.status):
        return state.solution(first)
    stiff = np.flatnonzero(np.isin(state.status, (STIFF, *GIVEN_UP)))
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
    """Where each member stands; the compiled code reads it and writes it back.

    Attributes
    ----------
    whole
        (4, members): the next stop, the next time to store, the status and the steps.
    real
        (1 + states + 3 events, members): the time, the states, which events are armed, how
        often each fired, and when first.
    out
        (states, members, times).
    """

    whole: Index
    real: Array
    out: Array
    events: int

    @classmethod
    def of(cls, problem: Problem) -> _State:
        n, members, events = len(problem.model.states), problem.members, len(problem.model.events)
        whole = np.zeros((4, members), dtype=np.int64)
        real = np.zeros((1 + n + 3 * events, members))
        out = np.empty((n, members, problem.times.shape[-1]))
        real[1 : 1 + n] = problem.starts
        if events:
            # Negative: not yet known.
            real[1 + n : 1 + n + events] = -1.0 if problem.armed is None else problem.armed
            real[1 + n + 2 * events :] = np.inf
        if problem.at is not None:
            whole[0], whole[1], real[0] = problem.first_stops(), problem.first_times(), problem.at
            out[:, np.arange(out.shape[2]) < whole[1][:, None]] = np.nan
        return cls(whole, real, out, events)

    @property
    def status(self) -> Index:
        status: Index = self.whole[2]
        return status

    def solution(self, note: str) -> Solution:
        n, events = len(self.out), self.events
        armed, fired, first = self.real[1 + n :].reshape(3, events, -1) if events else [self.real[:0]] * 3
        return Solution(
            states=self.out.transpose(1, 2, 0), status=self.status, ended=self.real[0], steps=self.whole[3],
            final=self.real[1 : 1 + n], armed=armed > 0, event_counts=fired.astype(np.int64), event_times=first,
            note=note,
        )  # fmt: skip


# ---- compiled code


@lru_cache(maxsize=64)
def _compiled(model: System, method: str) -> Integrator:
    from pkpd.solvers.compiled.object_code import object_code

    return object_code(_recipe(model, method), lambda: _text(model, method))


def _recipe(model: System, method: str) -> str:
    equations = sympy.Tuple(*model.rates, *(e for row in model.jumps for e in row))
    events = sympy.Tuple(*(sympy.Tuple(trigger, *then) for trigger, then in model.events))
    sizes = (
        len(model.y),
        len(model.p),
        len(model.u),
        len(model.jumps),
        model.strictness,
        model.watching,
        model.blocks,
    )
    return "\n".join([method, repr(sizes), sympy.srepr(equations), sympy.srepr(events)])


def _text(model: System, method: str) -> str:
    from pkpd.solvers.compiled.explicit import explicit_kernel
    from pkpd.solvers.compiled.rosenbrock import rosenbrock_kernel
    from pkpd.solvers.tableaus import dop853, rodas5p, tsit5

    if method == "rodas5p":
        return str(rosenbrock_kernel(model, rodas5p()).module)
    return str(explicit_kernel(model, {"tsit5": tsit5, "dop853": dop853}[method]()).module)


def _arguments(
    problem: Problem, state: _State, method: str, order: Index, patience: float
) -> tuple[list[Any], list[Any]]:
    """The arguments of compiled code after the workspace and what is each worker's, and what must live on meanwhile."""
    m, n, e = 8 * problem.members, len(state.out), state.events
    fixed = _fixed(problem.schedule, problem.times)
    parameters, atol = _real(problem.parameters), _real(problem.atol)
    whole, real = _address(state.whole), _address(state.real)
    armed = real + m * (1 + n)
    few = 0 if method == "tsit5" else MANY_TIMES if method == "dop853" else problem.times.shape[-1]
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
    problem: Problem, state: _State, method: str, order: Index, patience: float,
    threads: int | None, progress: Progress | None,
) -> None:  # fmt: skip
    """Take the members `order` as far as they go, on threads where there is work for them."""
    compiled, members = _compiled(problem.model, method), len(order)
    count = min(threads or _processors(), max(1, members // WORTH_A_THREAD))
    shared = np.zeros(2 + count, dtype=np.int64)  # the next member, whether to stop, and the turns of each worker
    shared[2:] = ENDLESS if count > 1 else 1 + SHORT_WORK // compiled.rows
    bare, _alive = _arguments(problem, state, method, order, patience)
    following, cancel, turns = (_address(shared) + 8 * i for i in range(3))
    rest = [following, members, bare[0], cancel, *bare[1:]]

    def tell() -> None:
        if progress is not None:
            progress(min(int(shared[0]), members), members)

    rooms = [_lanes(compiled.rows) for _ in range(count)]
    if count > 1:
        workers = [[place, 1, turns + 8 * i, *rest] for i, (place, _) in enumerate(rooms)]
        _run_threads(compiled.run, workers, shared[1:2], tell)
        return
    compiled.run(rooms[0][0], 1, turns, *rest)
    if shared[2] > 0:
        tell()
        return
    shared[2] = ENDLESS
    _run_threads(compiled.run, [[rooms[0][0], 0, turns, *rest]], shared[1:2], tell)


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


def _lanes(rows: int) -> tuple[int, Array]:
    """Where there is room for `rows` of eight numbers, each row on a cache line of its own, and the array it is in."""
    room = np.empty(8 * rows + 7)
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
