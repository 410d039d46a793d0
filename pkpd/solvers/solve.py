"""The methods by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pkpd.errors import unknown_name
from pkpd.solvers.lockstep import solve_lockstep
from pkpd.solvers.oracle import SCIPY_METHODS, solve_scipy
from pkpd.solvers.problem import Problem, Progress, Solution

__all__ = ["METHODS", "solve"]

METHODS: dict[str, Callable[[Problem, Progress | None], Solution]] = {
    "auto": solve_lockstep,
    "numpy": solve_lockstep,
    "scipy": solve_scipy,
    **{name: partial(solve_scipy, method=name) for name in SCIPY_METHODS},
}


def solve(problem: Problem, method: str, progress: Progress | None = None) -> Solution:
    """Integrate `problem` with the method of this name, telling `progress` of the members done.

    Raises
    ------
    UnknownNameError
        If there is no such method; the message lists those there are.
    """
    if method not in METHODS:
        raise unknown_name("simulate", "method", str(method), METHODS)
    return METHODS[method](problem, progress)
