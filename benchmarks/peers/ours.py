"""pkpd: the solver layer, from arrays to arrays, and `simulate`, from names and units to a labelled result."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.peer import Load, Run
from pkpd import simulate
from pkpd.errors import FailedMembersWarning
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import Schedule, make_schedule
from pkpd.solvers.solve import solve

__all__ = ["prepare", "problem"]

SIMULATE = "simulate "  # what a method's name begins with where it runs through simulate()


def prepare(case: Case, method: str, threads: int) -> Load:
    if method.startswith(SIMULATE):
        return _simulated(case, method.removeprefix(SIMULATE), threads)
    options: dict[str, Any] = {"threads": threads} if "threads" in inspect.signature(solve).parameters else {}

    def load(count: int, rtol: float) -> Run:
        ensemble = problem(case, count, rtol)
        return lambda: solve(ensemble, method, **options).states

    return load


def _simulated(case: Case, method: str, threads: int) -> Load:
    states = [s.name for s in case.model.states]
    warnings.simplefilter("ignore", FailedMembersWarning)  # a failure is counted in the error

    def load(count: int, rtol: float) -> Run:
        ensemble = case.ensemble(count)

        def run() -> Any:
            result = simulate(
                case.model, case.regimen, times=case.times, parameters=ensemble, outputs=states,
                method=method, rtol=rtol, atol=rtol * 1e-2, threads=threads,
            )  # fmt: skip
            return np.stack([result[name].to_numpy() for name in states], axis=-1)

        return run

    return load


def problem(case: Case, count: int, rtol: float) -> Problem:
    """The first `count` members as the solver layer takes them."""
    parameters = case.parameters(count)
    return Problem(
        model=case.system,
        parameters=parameters,
        starts=case.starts(parameters),
        schedule=_schedule(case),
        times=case.times,
        rtol=rtol,
        atol=np.full(len(case.system.states), rtol * 1e-2),
    )


def _schedule(case: Case) -> Schedule:
    times = np.arange(case.doses)[None, :] * case.interval
    jumps, inputs = np.zeros(case.doses, dtype=np.int64), np.full(case.doses, -1)
    return make_schedule(times, np.full_like(times, case.amount), np.full_like(times, np.nan), jumps, inputs, 0)
