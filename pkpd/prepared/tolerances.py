"""The absolute tolerance of each state where none is asked for: it suits the size of what is given."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pkpd.arrays import Array
from pkpd.prepared.solver import Solver
from pkpd.solvers.tolerances import absolute_tolerances
from pkpd.symbolic.model import Model

__all__ = ["LARGEST", "state_tolerances"]

LARGEST = 1e-10
"""The absolute tolerance of a state of usual size."""


def state_tolerances(model: Model, solver: Solver, starts: Array, amounts: Iterable[tuple[str, Array]]) -> Array:
    """The absolute tolerance of each state, (states,).

    By default it is `LARGEST`, or the relative tolerance times the size of the state, whichever
    is less.  The size of a state is what it starts with or is given at once by the model's
    default parameters; a state that has neither is as large as the least of the states in its unit.

    Parameters
    ----------
    starts
        (states,): the states at time 0 with the default parameters.
    amounts
        The state that each dose goes into, and its amounts.
    """
    names = [state.name for state in model.states]
    if solver.atol is not None:
        return absolute_tolerances(model.name, names, solver.atol, LARGEST)
    sizes = np.where(np.isfinite(starts) & (starts != 0), np.abs(starts), np.inf)
    for name, amount in amounts:
        positive = amount[np.isfinite(amount) & (amount > 0)]
        if positive.size and name in names:
            i = names.index(name)
            sizes[i] = min(sizes[i], float(positive.min()))
    units = np.array([state.unit for state in model.states])
    alike = np.array([sizes[units == unit].min(initial=np.inf) for unit in units])
    sizes = np.where(np.isfinite(sizes), sizes, alike)
    return np.minimum(LARGEST, np.maximum(solver.rtol * sizes, 1e-280))
