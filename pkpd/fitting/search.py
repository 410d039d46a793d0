"""The search for the least squares, by lmfit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.objective import Objective

__all__ = ["Search", "minimize"]


TOLERANCES = {"ftol": 1e-10, "xtol": 1e-10, "gtol": 1e-10}


@dataclass(frozen=True, eq=False)
class Search:
    """What lmfit calls: residuals and derivatives at its own parameters ``p_0``, ``p_1``, ...; pickles."""

    objective: Objective
    calls: Counter[str] = field(default_factory=Counter)

    def residuals(self, values: Any) -> Array:
        self.calls["residuals"] += 1
        return self.objective.residuals(self.point(values))

    def jacobian(self, values: Any) -> Array:
        self.calls["jacobians"] += 1
        return self.objective.jacobian(self.point(values))

    def point(self, values: Any) -> Array:
        """The coordinates on the scale of the search, (coordinates,)."""
        return np.array([values[f"p_{i}"].value for i in range(len(self.objective.predictor.coordinates))])


def minimize(search: Search, moved: Sequence[Coordinate], *, scale_covariance: bool, limit: int) -> Any:
    """lmfit's result of minimizing the sum of squares by scipy's trust-region reflective algorithm."""
    import lmfit

    start = lmfit.Parameters()
    for i, c in enumerate(moved):  # names of our own: lmfit refuses or shadows some of a user's
        start.add(f"p_{i}", value=c.start, min=c.lower, max=c.upper)
    with np.errstate(all="ignore"):  # lmfit's own covariance of a singular problem; ours says why
        return lmfit.minimize(
            search.residuals, start, method="least_squares", jac=search.jacobian, x_scale="jac",
            scale_covar=scale_covariance, nan_policy="propagate", max_nfev=limit, **TOLERANCES,
        )  # fmt: skip
