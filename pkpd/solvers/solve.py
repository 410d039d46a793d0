"""The methods by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pkpd.errors import unknown_name
from pkpd.solvers.compiled.gpu import DEVICE_METHODS, solve_gpu
from pkpd.solvers.compiled.methods import COMPILED_METHODS, solve_auto, solve_compiled
from pkpd.solvers.problem import Problem, Progress, Solution
from pkpd.solvers.reference.lockstep import solve_lockstep
from pkpd.solvers.reference.oracle import SCIPY_METHODS, solve_scipy

__all__ = ["DEVICES", "DEVICE_METHODS", "METHODS", "THREADED", "solve"]

DEVICES = ("cpu", "gpu")
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


def solve(
    problem: Problem,
    method: str,
    progress: Progress | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> Solution:
    """Integrate `problem` with the method of this name.

    Parameters
    ----------
    progress
        Called now and then with the number of members begun or done, and of all.
    threads
        The number of threads, by default as many as there are processors; the methods
        that are not compiled have one.
    device
        One of `DEVICES`; ``"gpu"`` has `DEVICE_METHODS` and is experimental.

    Raises
    ------
    UnknownNameError
        If there is no such method or device; the message lists those there are.
    SimulationError
        If the device is not there, or fails.
    ModelError
        If the model holds a function that has no form on the device.
    """
    if device not in DEVICES:
        raise unknown_name("simulate", "device", str(device), DEVICES)
    if device == "gpu":
        if method not in DEVICE_METHODS:
            raise unknown_name("device='gpu'", "method", str(method), DEVICE_METHODS)
        return solve_gpu(problem, method, progress)
    if method not in METHODS:
        raise unknown_name("simulate", "method", str(method), METHODS)
    if method in THREADED:
        return THREADED[method](problem, progress=progress, threads=threads)
    return METHODS[method](problem, progress)
