"""The error of an ensemble against its reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Error", "ensemble_error"]

FLOOR = 1e-3  # of a state's largest value: what is far below it counts absolutely


@dataclass(frozen=True)
class Error:
    """The error of the worst and of the median member, and how many members have no finite result."""

    worst: float
    median: float
    failed: int
    members: int


def ensemble_error(states: NDArray[np.float64], reference: NDArray[np.float64]) -> Error:
    """Compare `states` with as many members of `reference`, both (members, times, states).

    A member's error is the largest, over times and states, of |y - r| / (|r| + 1e-3 max|r|),
    the maximum taken over the member's times.  The worst member is infinitely wrong where
    one has failed.
    """
    compared = min(len(states), len(reference))
    value, reference = states[:compared], reference[:compared]
    size = np.abs(reference)
    scale = size + FLOOR * size.max(axis=1, keepdims=True)
    errors = (np.abs(value - reference) / scale).reshape(compared, -1).max(axis=1)
    finite = np.isfinite(errors)
    errors = np.where(finite, errors, np.inf)
    return Error(float(errors.max()), float(np.median(errors)), int((~finite).sum()), compared)
