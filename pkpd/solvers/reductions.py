"""One number for each member out of its values at the stored times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import SimulationError, unknown_name

__all__ = ["KINDS", "Reduction", "reduce_values"]


@dataclass(frozen=True)
class Reduction:
    """What is kept of a variable: a kind (see `KINDS`) and, for some, a threshold in its unit.

    Attributes
    ----------
    of, kind
        The name of a state or output, and one of `KINDS`.
    threshold
        Of a first crossing: one for all members, or one for each.
    from_start
        Whether a first crossing counts from the first time, rather than from the first dose.
    """

    of: str
    kind: str
    threshold: float | tuple[float, ...] | None = None
    from_start: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name("reduce", "kind", str(self.kind), KINDS)
        if (self.threshold is not None) != self.kind.startswith("first_"):
            needs = "needs a threshold" if self.threshold is None else "takes no threshold"
            raise SimulationError(f"the reduction {self.kind!r} of {self.of!r} {needs}.")


def _first(reached: Mask, times: Array) -> Array:
    return np.where(reached.any(axis=1), times[reached.argmax(axis=1)], np.inf)


# Values (members, times), times and threshold -> (members,).  All speak of the stored times alone.
KINDS: dict[str, Callable[[Array, Array, Any], Any]] = {
    "min": lambda values, times, limit: values.min(axis=1),
    "max": lambda values, times, limit: values.max(axis=1),
    "last": lambda values, times, limit: values[:, -1],
    "time_of_min": lambda values, times, limit: times[values.argmin(axis=1)],
    "time_of_max": lambda values, times, limit: times[values.argmax(axis=1)],
    "first_below": lambda values, times, limit: _first(values <= limit, times),
    "first_above": lambda values, times, limit: _first(values >= limit, times),
    "auc": lambda values, times, limit: np.trapezoid(values, times, axis=1),
}


def reduce_values(reduction: Reduction, values: Array, times: Array) -> Array:
    """Reduce values of shape (members, times); NaN for a member that has not all of them."""
    limit = np.reshape(np.nan if reduction.threshold is None else reduction.threshold, (-1, 1))
    found = KINDS[reduction.kind](values, times, limit)
    return np.where(np.isfinite(values).all(axis=1), found, np.nan)
