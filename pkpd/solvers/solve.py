"""The methods by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pkpd.errors import unknown_name
from pkpd.solvers.compiled.methods import COMPILED_METHODS, solve_auto, solve_compiled
from pkpd.solvers.problem import Problem, Progress, Solution
from pkpd.solvers.reference.lockstep import solve_lockstep
from pkpd.solvers.reference.oracle import SCIPY_METHODS, solve_scipy

__all__ = ["METHODS", "THREADED", "solve"]

# The methods that run on threads.
THREADED: dict[str, Callable[..., Solution]] = {
    "auto": solve_auto,
    **{name: partial(solve_compiled, method=name) for name in COMPILED_METHODS},
}
METHODS: dict[str, Callable[..., Solution]] = {
    **THREADED,
    "numpy": solve_lockstep,
    "scipy": solve_scipy,
    **{name: partial(solve_scipy, method=name) for name in SCIPY_METHODS},
}


def solve(problem: Problem, method: str, progress: Progress | None = None, threads: int | None = None) -> Solution:
    """Integrate `problem` with the method of this name.

    Parameters
    ----------
    progress
        Called now and then with the number of members begun or done, and of all.
    threads
        The number of threads, by default as many as there are processors; the methods
        that are not compiled have one.

    Raises
    ------
    UnknownNameError
        If there is no such method; the message lists those there are.
    """
    if method not in METHODS:
        raise unknown_name("simulate", "method", str(method), METHODS)
    if method in THREADED:
        return THREADED[method](problem, progress=progress, threads=threads)
    return METHODS[method](problem, progress)
