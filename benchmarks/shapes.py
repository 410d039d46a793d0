"""Our own machine code in each shape, for this processor's vectors and for narrower ones; no peers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.accuracy import ensemble_error
from benchmarks.cases import CASES, Case
from benchmarks.rounds import say
from benchmarks.scale import Scale
from benchmarks.tables import Row, Table
from pkpd.solvers.compiled.shape import LANES
from pkpd.solvers.compiled.target import X86_VECTORS, this_target
from pkpd.solvers.problem import Problem, Solution
from pkpd.solvers.solve import solve

__all__ = ["shapes_table"]

RTOL = 1e-6
METHODS = {"tipd": ("tsit5", "dop853"), "tmdd": ("rodas5p",), "hill": ("dop853",)}
MEMBERS = 800


def shapes_table(scale: Scale) -> Table:
    """Every case by its method, in every shape, on one thread."""
    rows: list[Row] = []
    for name in list(CASES)[: None if scale.everything else 1]:
        for method in METHODS[name]:
            say(f"shapes: {name}, {method}")
            rows += _rows(CASES[name], method, MEMBERS if scale.everything else 100, scale.rounds)
    remarks = [
        f"rtol {RTOL:g}, one thread; CPU time, the least of the rounds, in which all shapes take turns.",
        "Vectors narrower than this processor's are those that its machine code was restricted to: that tells shapes "
        "apart, not processors, and is no ratio to a peer, whose code was not restricted.",
        "Same numbers: as the first row of the case and method, to the bit. One that cannot add a product without "
        "rounding it (sse2) has others.",
    ]
    return Table("shapes", "Shapes of machine code", rows, remarks)


def _rows(case: Case, method: str, members: int, rounds: int) -> Iterator[Row]:
    problem, reference = case.problem(members, RTOL), case.reference
    seconds: dict[tuple[str, int], float] = {}
    solutions: dict[tuple[str, int], Solution] = {}
    for _ in range(1 + rounds):  # the first compiles
        for shape in [(vectors, lanes) for vectors in _vectors() for lanes in LANES]:
            taken, solutions[shape] = _timed(problem, method, *shape)
            seconds[shape] = min(taken, seconds.get(shape, np.inf))
    first = next(iter(solutions.values()))
    for (vectors, lanes), solution in solutions.items():
        error = ensemble_error(solution.states, reference)
        yield {
            "case": case.name, "method": method, "vectors": vectors, "lanes": lanes,
            "CPU us per member": 1e6 * seconds[vectors, lanes] / members,
            "worst error": error.worst, "median error": error.median,
            "same numbers": "yes" if np.array_equal(solution.states, first.states, equal_nan=True) else "no",
        }  # fmt: skip


def _timed(problem: Problem, method: str, vectors: str, lanes: int) -> tuple[float, Solution]:
    with _asked(PKPD_VECTORS=vectors, PKPD_LANES=str(lanes)):
        begun = time.process_time()
        solution = solve(problem, method, threads=1)
        return time.process_time() - begun, solution


def _vectors() -> list[str]:
    """The vectors that this processor has, the widest first."""
    with _asked(PKPD_VECTORS=""):
        widest = this_target().vectors
    kinds = list(X86_VECTORS)
    return kinds[kinds.index(widest) :] if widest in kinds else [widest]


@contextmanager
def _asked(**variables: str) -> Iterator[None]:
    """These environment variables for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
