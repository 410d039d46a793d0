"""pkpd: the solver layer, from arrays to arrays, and `simulate`, from names and units to a labelled result."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.peer import Load, Run
from pkpd import simulate
from pkpd.errors import FailedMembersWarning
from pkpd.solvers.solve import solve

__all__ = ["prepare"]

SIMULATE = "simulate "  # what a method's name begins with where it runs through simulate()


def prepare(case: Case, method: str, threads: int) -> Load:
    if method.startswith(SIMULATE):
        return _simulated(case, method.removeprefix(SIMULATE), threads)

    def load(count: int, rtol: float) -> Run:
        problem = case.problem(count, rtol)
        return lambda: solve(problem, method, threads=threads).states

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
