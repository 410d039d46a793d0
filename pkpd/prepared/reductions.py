"""What is kept of a trajectory instead of its course in time, as a user says it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from pkpd.errors import SimulationError, unknown_name
from pkpd.solvers.reductions import Reduction
from pkpd.symbolic.model import Model

__all__ = ["reductions_of"]


def reductions_of(model: Model, reduce: Mapping[str, tuple[Any, ...]] | None) -> dict[str, Reduction]:
    """The reductions named in ``reduce={name: (variable, kind)}``.

    Raises
    ------
    SimulationError, UnknownNameError
        If one is not well formed, or speaks of what the model does not have.
    """
    if not reduce:
        return {}
    if not isinstance(reduce, Mapping):
        raise SimulationError(
            f"reduce is {reduce!r}; expected {{name: (variable, kind)}}, such as {{'top': ('C', 'max')}}."
        )
    return {name: _reduction(model, name, entry) for name, entry in reduce.items()}


def _reduction(model: Model, name: str, entry: Any) -> Reduction:
    observables = [*(s.name for s in model.states), *model.outputs]
    if not isinstance(entry, tuple) or len(entry) not in (2, 3):
        raise SimulationError(
            f"reduce[{name!r}] is {entry!r}; expected (variable, kind) or (variable, kind, threshold)."
        )
    if name in model.units or name in ("time", "status", "ended"):
        raise SimulationError(f"reduce has the name {name!r}, which {model.name} has already; choose another.")
    if entry[0] not in observables:
        raise unknown_name(model.name, "state or output", str(entry[0]), observables)
    if len(entry) == 3 and not (isinstance(entry[2], Real) and math.isfinite(entry[2])):
        unit = model.units[entry[0]]
        raise SimulationError(f"the threshold of reduce[{name!r}] is {entry[2]!r}; expected a number in {unit}.")
    return Reduction(*entry)
