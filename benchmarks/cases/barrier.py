"""Barrier: an antibody diffuses into tissue on a line and is caught by its target; stiff, as many states as wanted.

    dA/dt   = -k A
    dCi/dt  =  D (C[i-1] - 2 Ci + C[i+1])/dx^2 - kon Ci Fi + koff Bi
    dFi/dt  =  ke (F0 - Fi) - kon Ci Fi + koff Bi
    dBi/dt  =  kon Ci Fi - koff Bi - ke Bi

C0 is A at the vessel; no flux leaves at the far end.

Source: the form is that of Thurber GM, Schmidt MM, Wittrup KD. Adv Drug Deliv Rev
2008;60:1421; values are illustrative.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from benchmarks.cases.case import Case
from pkpd import Model, dose, param, state
from pkpd.solvers.equations.numpy_code import numpy_code

__all__ = ["Barrier", "barrier"]

INVENTED = "illustrative"
NO_INPUT = np.empty((0, 1))

k = param("k", 0.1, "1/day", "elimination", source=INVENTED)
D = param("D", 1.0, "mm^2/day", "diffusion of the antibody", source=INVENTED)
depth = param("depth", 0.1, "mm", "from the vessel to the far end", source=INVENTED)
kon = param("kon", 8.0, "1/nM/day", "binding", source=INVENTED)
koff = param("koff", 8.0, "1/day", "release", source=INVENTED)
ke = param("ke", 1.0, "1/day", "internalization", source=INVENTED)
F0 = param("F0", 200.0, "nM", "target without the antibody", source=INVENTED)

A = state("A", "nM", "antibody in plasma")


class Barrier(Case):
    """A case whose reference is made on the spot: four members by scipy's LSODA, for which the states lie on a band."""

    @cached_property
    def reference(self) -> NDArray[np.float64]:
        parameters = self.parameters(4)
        starts = self.starts(parameters)
        return np.stack([self._banded(starts[:, [i]], parameters[:, [i]]) for i in range(4)])

    def _banded(self, y: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
        rates, trajectory = numpy_code(self.system).rates, [y.T]
        for times in self.times[1:].reshape(self.doses, self.stores):
            y = y.copy()
            y[0] += self.amount  # A
            span = (times[0] - self.interval / self.stores, times[-1])
            run: Any = solve_ivp(
                lambda t, y: rates(np.array([t]), y[:, None], p, NO_INPUT)[:, 0], span, y[:, 0], "LSODA", times,
                rtol=1e-10, atol=1e-12, lband=3, uband=3,
            )  # fmt: skip
            trajectory.append(run.y.T)
            y = run.y[:, -1:]
        return np.concatenate(trajectory)


def barrier(states: int) -> Barrier:
    """The case with at most `states` states: one in plasma, and three in each slice of the tissue."""
    slices = (states - 1) // 3
    C = [state(f"C{i}", "nM", f"free antibody in slice {i}") for i in range(1, slices + 1)]
    F = [state(f"F{i}", "nM", f"free target in slice {i}", start=F0) for i in range(1, slices + 1)]
    B = [state(f"B{i}", "nM", f"bound antibody in slice {i}") for i in range(1, slices + 1)]
    rates = {A: -k * A}
    for before, c, after, f, b in zip([A, *C[:-1]], C, [*C[1:], C[-1]], F, B, strict=True):
        bound = kon * c * f - koff * b
        rates[c] = D * (before - 2 * c + after) / (depth / slices) ** 2 - bound
        rates[f] = ke * (F0 - f) - bound
        rates[b] = bound - ke * b
    return Barrier(
        name=f"barrier_{states}",
        title=f"Antibody that diffuses and binds, {states} states, stiff",
        model=Model(f"barrier_{states}", rates=rates, routes={"iv": {A: A + dose("nM")}}),
        route="iv",
        amount=200.0,
        interval=14.0,
        doses=3,
        stores=7,
        spread={"k": 0.3, "D": 0.3, "kon": 0.5, "koff": 0.5, "ke": 0.3, "F0": 0.5},
        seed=23,
        stiff=True,
    )
