"""Differential evolution: every generation is one ensemble, and exact derivatives take its best point to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.fitting.ranges import search_ranges

if TYPE_CHECKING:
    from pkpd.fitting.optimizer_calls import Search

__all__ = ["evolved"]

PEOPLE = 15  # times the number of coordinates: scipy's own size of a population
TOLERANCE = 0.01  # of the spread of a population: scipy's own


def evolved(search: Search, limit: int, seed: int) -> Any:
    """What scipy's ``differential_evolution`` returns; the start is one of the first population.

    Parameters
    ----------
    search
        Its coordinates are sought between the ends of `search_ranges`.
    limit
        The evolution ends after so many evaluations, at the end of a generation.
    seed
        Of its random numbers.

    References
    ----------
    Storn R, Price K. Differential evolution: a simple and efficient heuristic for global optimization
    over continuous spaces. J Global Optim 11:341-359 (1997).
    """
    from scipy.optimize import Bounds, differential_evolution

    lower, upper = (end[search.vary] for end in search_ranges(search.objective))
    start = np.clip(search.base[search.vary], lower, upper)
    people = max(PEOPLE * len(start), 5)
    return differential_evolution(
        search.costs, Bounds(lower, upper), vectorized=True, updating="deferred", polish=False, x0=start,
        maxiter=max(limit // people - 1, 0), popsize=PEOPLE, tol=TOLERANCE, rng=np.random.default_rng(seed),
    )  # fmt: skip
