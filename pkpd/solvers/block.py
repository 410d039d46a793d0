"""The ensemble integrator: eight members at a time in compiled code, on any number of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from pkpd.solvers.canonical import Canonical
from pkpd.solvers.problem import Problem, Solution

__all__ = ["solve_block"]

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]


def solve_block(problem: Problem, method: str, *, threads: int = 1, progress: Progress | None = None) -> Solution:
    """Integrate all members of `problem` with one method."""
    state = _State.of(problem)
    _run(problem, state, method, np.arange(problem.members), threads, progress)
    return Solution(state.out, state.status, state.at, state.steps)


@dataclass(frozen=True)
class _State:
    """Where each member stands; the compiled code reads it and writes it back."""

    at: Array
    states: Array
    stop: NDArray[np.int64]
    saved: NDArray[np.int64]
    armed: Array
    status: NDArray[np.int64]
    steps: NDArray[np.int64]
    out: Array

    @classmethod
    def of(cls, problem: Problem) -> _State:
        n, members = len(problem.model.states), problem.members
        whole = lambda: np.zeros(members, dtype=np.int64)  # noqa: E731
        armed = np.full((len(problem.model.events), members), -1.0)  # negative: not yet known
        states = np.array(problem.starts, dtype=float, order="C", copy=True)
        out = np.empty((members, len(problem.times), n))
        return cls(np.zeros(members), states, whole(), whole(), armed, whole(), whole(), out)


@lru_cache(maxsize=64)
def _compiled(model: Canonical, method: str) -> Any:
    from pkpd.solvers.machine import machine_code

    return machine_code(_recipe(model, method), lambda: _text(model, method))


def _recipe(model: Canonical, method: str) -> str:
    parts = (model.rates, model.jumps, model.events, len(model.p), len(model.u), method)
    return sympy.srepr(sympy.Tuple(*model.rates)) + repr(parts)


def _text(model: Canonical, method: str) -> str:
    from pkpd.solvers.explicit import explicit_kernel
    from pkpd.solvers.rosenbrock import rosenbrock_kernel
    from pkpd.solvers.tableaus import dop853, rodas5p, tsit5

    if method == "rodas5p":
        return str(rosenbrock_kernel(model, rodas5p()).module)
    return str(explicit_kernel(model, {"tsit5": tsit5, "dop853": dop853}[method]()).module)


def _run(
    problem: Problem, state: _State, method: str, order: NDArray[np.int64], threads: int, progress: Progress | None
) -> None:
    run = _compiled(problem.model, method)
    counter, cancel = np.zeros(8, dtype=np.int64), np.zeros(8, dtype=np.int64)
    schedule = problem.schedule
    keep: list[Any] = []

    def real(x: Any) -> int:
        keep.append(np.ascontiguousarray(x, dtype=np.float64))
        return int(keep[-1].ctypes.data)

    def whole(x: Any) -> int:
        keep.append(np.ascontiguousarray(x, dtype=np.int64))
        return int(keep[-1].ctypes.data)

    arguments = (
        whole(counter), len(order), whole(order), whole(cancel), problem.members, real(problem.parameters),
        real(state.states), real(state.at), whole(state.stop), whole(state.saved), real(state.armed),
        whole(state.status), whole(state.steps), real(schedule.times), whole(schedule.jumps),
        real(schedule.amounts), real(schedule.levels), schedule.times.shape[1], int(not schedule.shared),
        real(problem.times), len(problem.times), real(state.out), problem.rtol, real(problem.atol),
        int(problem.before), float(problem.max_steps), float("inf"),
    )  # fmt: skip
    workers = [threading.Thread(target=run, args=arguments, daemon=True) for _ in range(min(threads, len(order)))]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            while worker.is_alive():
                worker.join(0.1)
                if progress is not None:
                    progress(min(int(counter[0]), len(order)), len(order))
    except BaseException:
        cancel[0] = 1
        for worker in workers:
            worker.join()
        raise
