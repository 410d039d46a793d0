"""scipy's solve_ivp, member by member, with right-hand side and Jacobian compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.equations import compiled_jacobian, compiled_jump, compiled_rates
from benchmarks.peers.peer import Load, Run

__all__ = ["integrator", "prepare"]

Array = NDArray[np.float64]

IMPLICIT = ("BDF", "LSODA", "Radau")


def prepare(case: Case, method: str, threads: int) -> Load:
    one = integrator(case, method)

    def load(count: int, rtol: float) -> Run:
        parameters = case.parameters(count)
        starts, rows = case.starts(parameters), np.ascontiguousarray(parameters.T)
        return lambda: np.stack([one(starts[:, i], rows[i], rtol, rtol * 1e-2) for i in range(count)])

    return load


def integrator(case: Case, method: str) -> Callable[[Array, Array, float, float], Array]:
    """A function of start, parameters, rtol and atol that integrates one member, (times, states)."""
    import numba
    from scipy.integrate import solve_ivp

    rates, jump = compiled_rates(case.system), compiled_jump(case)
    n, times = len(case.system.states), case.times
    options: dict[str, Any] = {"jac": _jacobian(case)} if method in IMPLICIT else {}

    @numba.njit
    def slopes(t: float, y: Array, p: Array) -> Array:
        return np.array(rates(t, y, p))

    def one(start: Array, p: Array, rtol: float, atol: float) -> Array:
        stored = np.empty((len(times), n))
        stored[0] = start
        for k in range(case.doses):
            rows = slice(k * case.stores + 1, (k + 1) * case.stores + 1)
            instants = times[rows]
            solution: Any = solve_ivp(
                slopes, (k * case.interval, instants[-1]), np.array(jump(0.0, stored[rows.start - 1], p)),
                method=method, t_eval=instants, rtol=rtol, atol=atol, args=(p,), **options,
            )  # fmt: skip
            if not solution.success:
                stored[rows.start :] = np.nan
                return stored
            stored[rows] = solution.y.T
        return stored

    return one


def _jacobian(case: Case) -> Any:
    import numba

    entries, n = compiled_jacobian(case.system), len(case.system.states)

    @numba.njit
    def jacobian(t: float, y: Array, p: Array) -> Array:
        return np.array(entries(t, y, p)).reshape(n, n)

    return jacobian
