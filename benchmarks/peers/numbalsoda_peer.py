"""numbalsoda: LSODA and DOP853 in compiled code, called for each interval of each member by a parallel loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.equations import compiled_jump, compiled_rates
from benchmarks.peers.peer import Load, Run

__all__ = ["prepare"]


def prepare(case: Case, method: str, threads: int) -> Load:
    import numba

    numba.set_num_threads(threads)
    ensemble = _ensemble(case, method)

    def load(count: int, rtol: float) -> Run:
        parameters = case.parameters(count)
        starts, rows = np.ascontiguousarray(case.starts(parameters).T), np.ascontiguousarray(parameters.T)
        return lambda: ensemble(rows, starts, case.times, rtol, rtol * 1e-2)

    return load


def _ensemble(case: Case, method: str) -> Any:
    import numba
    import numbalsoda

    rates, jump = compiled_rates(case.system), compiled_jump(case)
    n, doses, stores = len(case.system.states), case.doses, case.stores

    @numba.cfunc(numbalsoda.lsoda_sig)
    def slopes(t, y, dy, p):  # type: ignore[no-untyped-def]
        derivatives = rates(t, y, p)
        for i in range(n):
            dy[i] = derivatives[i]

    address, solver = slopes.address, getattr(numbalsoda, method)

    @numba.njit(parallel=True)
    def ensemble(parameters, starts, times, rtol, atol):  # type: ignore[no-untyped-def]
        count = len(parameters)
        stored = np.full((count, len(times), n), np.nan)
        for i in numba.prange(count):
            stored[i, 0] = starts[i]
            for k in range(doses):
                first = k * stores
                y = np.array(jump(0.0, stored[i, first], parameters[i]))
                solution, success = solver(
                    address, y, times[first : first + stores + 1], parameters[i], rtol, atol, 100_000
                )
                if not success:
                    break
                stored[i, first + 1 : first + stores + 1] = solution[1:]
        return stored

    return ensemble
