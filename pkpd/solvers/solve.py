"""The methods by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pkpd.errors import unknown_name
from pkpd.solvers.block import BLOCK_METHODS, solve_auto, solve_block
from pkpd.solvers.lockstep import solve_lockstep
from pkpd.solvers.oracle import SCIPY_METHODS, solve_scipy
from pkpd.solvers.problem import Problem, Progress, Solution

__all__ = ["METHODS", "THREADED", "solve"]

#: The methods that run on threads.
THREADED: dict[str, Callable[..., Solution]] = {
    "auto": solve_auto,
    **{name: partial(solve_block, method=name) for name in BLOCK_METHODS},
}
METHODS: dict[str, Callable[..., Solution]] = {
    **THREADED,
    "numpy": solve_lockstep,
    "scipy": solve_scipy,
    **{name: partial(solve_scipy, method=name) for name in SCIPY_METHODS},
}


def solve(problem: Problem, method: str, *, threads: int | None = None, progress: Progress | None = None) -> Solution:
    """Integrate `problem` with the method of this name.

    Parameters
    ----------
    threads, progress
        For the compiled methods: the number of threads, and a function that is called now
        and then with the number of members begun and of all.  The others do without.

    Raises
    ------
    UnknownNameError
        If there is no such method; the message lists those there are.
    """
    if method not in METHODS:
        raise unknown_name("simulate", "method", str(method), METHODS)
    if method in THREADED:
        return THREADED[method](problem, threads=threads, progress=progress)
    return METHODS[method](problem)
