"""Tolerances, as a user gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import SimulationError, unknown_name

__all__ = ["absolute_tolerances", "tolerance"]

LEAST = 1e-14


def tolerance(name: str, value: Any) -> float:
    """`value` as a tolerance.

    Raises
    ------
    SimulationError
        If it is not a number between 0 and 1, or a relative one that no double reaches.
    """
    if not isinstance(value, int | float) or not 0 < value < 1:
        raise SimulationError(f"{name} is {value!r}; expected a number between 0 and 1, such as 1e-6.")
    if name == "rtol" and value < LEAST:
        raise SimulationError(f"rtol is {value!r}; double precision reaches {LEAST:g} at best.")
    return float(value)


def absolute_tolerances(model: str, states: Sequence[str], atol: Any, usual: float) -> Array:
    """The absolute tolerance of each state: `atol` for all, or by state, and `usual` for those it leaves out.

    Raises
    ------
    UnknownNameError
        If the model has no such state.
    SimulationError
        If a tolerance is not a number between 0 and 1.
    """
    if not isinstance(atol, Mapping):
        return np.full(len(states), tolerance("atol", atol))
    for name in atol:
        if name not in states:
            raise unknown_name(model, "state", name, states)
    return np.array([tolerance(f"atol of {s}", atol.get(s, usual)) for s in states])
