"""On which day of its window each patient starts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.streams import by_runs, uniforms
from pkpd.treatment.therapies import Within
from pkpd.units import time_in

__all__ = ["drawn_starts"]


def drawn_starts(starts: Mapping[str, Within], unit: str, seed: int, numbers: Index) -> dict[str, tuple[Within, Array]]:
    """For each start the time after what it follows, a whole number of days into its window.

    Parameters
    ----------
    numbers
        (patients,): numbers of the patients, which with the seed and the name decide the draw.
    """
    drawn, per_day = {}, time_in("1 day", unit, "a day")
    for name, start in starts.items():
        first, last = start.days(unit)
        days = np.floor((last - first) / per_day + 1e-9) + 1
        chance = _uniforms(seed, f"start of {name}", numbers) if days > 1 else np.zeros(len(numbers))
        drawn[name] = (start, first + per_day * np.minimum(np.floor(chance * days), days - 1))
    return drawn


def _uniforms(seed: int, name: str, numbers: Index) -> Array:
    return by_runs(numbers, lambda first, n: uniforms(seed, name, n, first))
