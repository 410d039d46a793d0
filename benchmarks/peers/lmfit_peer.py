"""The fit of ten parameters as one would write it without a toolkit: lmfit over scipy's solve_ivp and numba."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pkpd

__all__ = ["PeerFit", "rates", "scipy_fit"]

Array = NDArray[np.float64]

PSI = 20.0
RTOL, ATOL = 1e-9, 1e-12
STEP = 1e-5  # of a difference, relative; the integrator's error over it is 1e-4 of a derivative


@dataclass(frozen=True)
class PeerFit:
    """Estimates by name, ``w0[arm]`` for each arm, the sum of squares, and how often it was evaluated."""

    estimates: Mapping[str, float]
    chi_square: float
    evaluations: int


def rates(t: float, y: Array, p: Array) -> Array:
    """Depot, central, x1 to x4, of ka, V, CL, lambda0, lambda1, k1, k2; numba compiles it."""
    ka, V, CL, lambda0, lambda1, k1, k2 = p
    C = y[1] / V
    w = y[2] + y[3] + y[4] + y[5]
    growth = lambda0 * y[2] / (1 + (lambda0 * w / lambda1) ** PSI) ** (1 / PSI)
    return np.array(
        [
            -ka * y[0],
            ka * y[0] - CL * C,
            growth - k2 * C * y[2],
            k2 * C * y[2] - k1 * y[3],
            k1 * (y[3] - y[4]),
            k1 * (y[4] - y[5]),
        ]
    )


def scipy_fit(
    data: pkpd.Dataset, doses: Mapping[str, float], starts: Mapping[str, float], mass: float, ka: float
) -> Callable[[], PeerFit]:
    """A function that fits the data, with everything compiled that can be."""
    import lmfit
    import numba

    compiled = numba.njit(rates)
    names = [*starts, *(f"w0[{arm}]" for arm in doses)]

    def residuals(parameters: Any) -> Array:
        values = dict(zip(names, np.exp([parameter.value for parameter in parameters.values()]), strict=True))
        p = np.array([ka, *(values[name] for name in starts)])
        predicted = np.empty(len(data))
        for arm, dose in doses.items():
            _fill(predicted, data, arm, dose, compiled, p, values[f"w0[{arm}]"])
        return np.asarray((predicted - data.value) / data.sd)

    def fit() -> PeerFit:
        wanted = lmfit.Parameters()
        for i, start in enumerate([*starts.values(), *[mass] * len(doses)]):
            wanted.add(f"p_{i}", value=float(np.log(start)))
        result = lmfit.minimize(residuals, wanted, method="least_squares", diff_step=STEP, ftol=1e-10, xtol=1e-10)
        estimates = np.exp([parameter.value for parameter in result.params.values()])
        return PeerFit(dict(zip(names, estimates, strict=True)), float(result.chisqr), int(result.nfev))

    return fit


def _fill(predicted: Array, data: pkpd.Dataset, arm: str, dose: float, compiled: Any, p: Array, mass: float) -> None:
    """Write the predictions of one arm, integrated from dose to dose."""
    from scipy.integrate import solve_ivp

    rows = data.rows(arm)
    regimen = data.regimens[arm]
    instants = np.unique(data.time[rows])
    stops = [0.0, *([] if regimen is None else (float(d.time) for d in regimen.doses)), float(instants[-1])]
    y, courses = np.array([0.0, 0.0, mass, 0.0, 0.0, 0.0]), {0.0: np.array([0.0, 0.0, mass, 0.0, 0.0, 0.0])}
    for k, (begin, end) in enumerate(itertools.pairwise(stops)):
        y[0] += dose if k else 0.0
        inside = instants[(instants > begin) & (instants <= end)]
        stored = np.union1d(inside, end)
        solution: Any = solve_ivp(compiled, (begin, end), y, "LSODA", stored, rtol=RTOL, atol=ATOL, args=(p,))
        courses |= dict(zip(stored.tolist(), solution.y.T, strict=True))
        y = solution.y[:, -1].copy()
    for row in rows:
        state = courses[float(data.time[row])]
        predicted[row] = state[2:].sum() if data.output[row] == "w" else state[1] / p[1]
