"""Lesions: as many states as wanted, an antibody and effectors that act on any number of lesions; not stiff.

    dA/dt   = -k A
    dE/dt   =  kin + kpro E sum(Ti)/(TE + sum(Ti)) A/(A50 + A) - kout E
    dTi/dt  =  kg Ti (1 - Ti/Tmax) - kkill E Ti/(TK + Ti)

Source: illustrative, made for benchmarks.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases.case import Case
from pkpd import Model, dose, param, state
from pkpd.solvers.solve import solve

__all__ = ["Lesions", "lesions"]

INVENTED = "illustrative"

k = param("k", 0.05, "1/day", "elimination", source=INVENTED)
A50 = param("A50", 300, "mg", "antibody at half of the effect", source=INVENTED)
kin = param("kin", 0.06, "cell/day", "influx of effectors", source=INVENTED)
kpro = param("kpro", 0.08, "1/day", "largest proliferation of effectors", source=INVENTED)
TE = param("TE", 40, "mm^3", "tumor volume at half of the proliferation", source=INVENTED)
kout = param("kout", 0.1, "1/day", "loss of effectors", source=INVENTED)
kg = param("kg", 0.035, "1/day", "growth rate of a lesion", source=INVENTED)
Tmax = param("Tmax", 300, "mm^3", "volume at which a lesion stops to grow", source=INVENTED)
kkill = param("kkill", 0.25, "mm^3/cell/day", "largest killing per effector", source=INVENTED)
TK = param("TK", 4, "mm^3", "volume at half of the killing", source=INVENTED)

A = state("A", "mg", "antibody")
E = state("E", "cell", "effector T cells", start=kin / kout)


class Lesions(Case):
    """A case whose reference is made on the spot: four members by the oracle."""

    @cached_property
    def reference(self) -> NDArray[np.float64]:
        return solve(self.problem(4, 1e-12), "DOP853").states


def lesions(states: int) -> Lesions:
    """The case with `states` states, at least 3; the lesions start at 2 to 20 mm^3."""
    volumes = np.linspace(2.0, 20.0, states - 2)
    T = [state(f"T{i + 1}", "mm^3", f"lesion {i + 1}", start=float(v)) for i, v in enumerate(volumes)]
    burden = sum(T)
    growth = {x: kg * x * (1 - x / Tmax) - kkill * E * x / (TK + x) for x in T}
    expansion = kpro * E * burden / (TE + burden) * A / (A50 + A)
    return Lesions(
        name=f"lesions_{states}",
        title=f"Lesions, {states} states, not stiff",
        model=Model(
            f"lesions_{states}",
            rates={A: -k * A, E: kin + expansion - kout * E, **growth},
            routes={"iv": {A: A + dose("mg")}},
        ),
        route="iv",
        amount=1500.0,
        interval=28.0,
        doses=6,
        stores=4,
        spread={"k": 0.4, "kg": 0.5, "kkill": 0.5, "kin": 0.5, "kpro": 0.3, "kout": 0.3},
        seed=17,
    )
