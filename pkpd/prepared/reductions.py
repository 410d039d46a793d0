"""What is kept of a trajectory instead of its course in time, as a user says it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

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
    if not isinstance(entry, tuple) or len(entry) not in (2, 3, 4):
        raise SimulationError(
            f"reduce[{name!r}] is {entry!r}; expected (variable, kind) or (variable, kind, threshold)."
        )
    if name in model.units or name in ("time", "status", "ended"):
        raise SimulationError(f"reduce has the name {name!r}, which {model.name} has already; choose another.")
    if entry[0] not in observables:
        raise unknown_name(model.name, "state or output", str(entry[0]), observables)
    if len(entry) == 4 and entry[3] != "from_start":
        raise SimulationError(
            f"reduce[{name!r}] ends with {entry[3]!r}; a first crossing counts from the first dose, or "
            "with 'from_start' from the first time."
        )
    threshold = _threshold(name, entry[2], model.units[entry[0]]) if len(entry) > 2 else None
    return Reduction(entry[0], entry[1], threshold, from_start=len(entry) == 4)


def _is_finite(x: Any) -> bool:
    try:
        return isinstance(x, Real) and math.isfinite(x)
    except OverflowError:
        return False


def _threshold(name: str, threshold: Any, unit: str) -> float | tuple[float, ...]:
    """A threshold for all members, or one for each."""
    numbers = threshold if np.ndim(threshold) == 1 else [threshold]
    if np.ndim(threshold) > 1 or not all(map(_is_finite, numbers)):
        raise SimulationError(f"the threshold of reduce[{name!r}] is {threshold!r}; expected a number in {unit}.")
    return tuple(float(x) for x in numbers) if np.ndim(threshold) == 1 else float(threshold)
