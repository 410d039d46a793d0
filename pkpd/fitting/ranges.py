"""Where a search over a whole range looks: within the bounds, and around the start where there are none."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array
from pkpd.fitting.objective import Objective

__all__ = ["search_ranges"]

FACTOR = np.log(10.0)  # either way of a start on the log scale that has no bound
SPANS = 2.0  # either way on a linear scale


def search_ranges(objective: Objective) -> tuple[Array, Array]:
    """The lower and the upper end of each coordinate's range, (coordinates,), on the scale of the search.

    A range is that of the bounds.  Where a side has no bound it reaches to 10 times the start, or a tenth
    of it, on a log scale, and to twice its size above or below it otherwise.
    """
    start = objective.start
    reach = np.array([FACTOR if c.log else SPANS * c.span(c.start) for c in objective.coordinates])
    lower = np.where(np.isfinite(objective.lower), objective.lower, start - reach)
    upper = np.where(np.isfinite(objective.upper), objective.upper, start + reach)
    return lower, upper
