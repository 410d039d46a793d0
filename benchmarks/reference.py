"""Make the references: ``python -m benchmarks.reference`` (minutes).

The first 100 members of each case by `scipy.integrate.solve_ivp`, restarted at every bolus,
and some of them again by a second method, to say how good the reference is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy import ensemble_error
from benchmarks.cases import CASES, Case
from benchmarks.cases.case import REFERENCE_MEMBERS
from benchmarks.peers.scipy_peer import integrator

Array = NDArray[np.float64]

# method, rtol, atol: first what makes the reference, then what checks it
NOT_STIFF = ("DOP853", 2.3e-13, 1e-15), ("Radau", 1e-12, 1e-14)
STIFF = ("Radau", 1e-11, 1e-14), ("LSODA", 1e-12, 1e-14)
CHECKED = 4


def solution(case: Case, method: str, rtol: float, atol: float, count: int) -> Array:
    """The first `count` members, (count, times, states)."""
    one: Callable[..., Any] = integrator(case, method)
    parameters = case.parameters(count)
    starts = case.starts(parameters)
    return np.stack([one(starts[:, i], parameters[:, i].copy(), rtol, atol) for i in range(count)])


def main(names: list[str]) -> None:
    for name in names or CASES:
        case = CASES[name]
        best, check = STIFF if case.stiff else NOT_STIFF
        reference = solution(case, *best, REFERENCE_MEMBERS)
        np.save(case.reference_path, reference)
        error = ensemble_error(solution(case, *check, CHECKED), reference)
        print(f"{name}: {best[0]} against {check[0]}: worst of {CHECKED} members {error.worst:.1e}")


if __name__ == "__main__":
    main(sys.argv[1:])
