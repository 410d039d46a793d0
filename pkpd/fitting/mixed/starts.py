"""Searches from many starts: which optima there are, and how many searches end in each."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import FitError
from pkpd.fitting.mixed.natural import natural
from pkpd.fitting.mixed.subjects import Subjects

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MixedStarts", "compared", "scattered"]

SAME = 0.05  # objectives that differ by less, and estimates by 2 %, are one optimum


@dataclass(frozen=True, eq=False)
class MixedStarts:
    """Where the searches of a mixed-effects fit began and ended.

    Attributes
    ----------
    labels
        The labels of u.
    start, end
        (searches, nu): the estimates as one reads them; NaN where a search has no value.
    objective
        (searches,): at the end, infinite where a search has no value.
    converged
        (searches,).
    optimum
        (searches,): the number of the optimum that each ended in, 0 for the lowest; -1 for those that
        did not converge.
    """

    labels: tuple[str, ...]
    start: Array
    end: Array
    objective: Array
    converged: Array
    optimum: Index

    @property
    def table(self) -> pd.DataFrame:
        """A row for each optimum, the lowest first: objective, searches, and the estimates there."""
        import pandas as pd

        rows = []
        for k in range(int(self.optimum.max(initial=-1)) + 1):
            own = np.flatnonzero(self.optimum == k)
            best = own[np.argmin(self.objective[own])]
            rows.append([self.objective[best], len(own), *self.end[best]])
        return pd.DataFrame(rows, columns=["objective", "searches", *self.labels]).rename_axis("optimum")

    def report(self) -> str:
        """How many searches ended where."""
        table = self.table
        lost = int((self.optimum < 0).sum())
        counts = [int(np.count_nonzero(self.optimum == k)) for k in range(len(table))]
        parts = [f"{count} at {value:.4f}" for count, value in zip(counts, table["objective"], strict=True)]
        text = f"Of {len(self.objective)} searches {', '.join(parts[:8]) or 'none'} converged"
        if len(parts) > 8:
            text += f", and others at {len(parts) - 8} more optima"
        text += f"; {lost} did not." if lost else "."
        if sum(count > 1 for count in counts) > 1:
            text += " There are several optima: compare what they say of the parameters before you trust the lowest."
        return "\n".join(textwrap.wrap(text, 100))


def scattered(subjects: Subjects, u: Array, searches: int, factor: float, seed: int) -> Array:
    """Starts about u, (searches, nu): the first is u, the others are off by up to `factor` in every number.

    Raises
    ------
    FitError
        If the numbers are not possible.
    """
    if isinstance(searches, bool) or not isinstance(searches, int) or searches < 1:
        raise FitError(f"fit: starts is {searches!r}; expected a whole number of 1 or more.")
    from scipy.stats import qmc

    population = subjects.population
    free = np.flatnonzero(population.free)
    share = 2 * qmc.LatinHypercube(len(free), rng=np.random.default_rng(seed)).random(searches) - 1
    share[0] = 0.0
    starts = np.repeat(u[None], searches, axis=0)
    p = len(population.components)
    for column, i in enumerate(free):
        size = np.log(factor)
        if i < p and population.components[i].scale.kind == "linear":
            size = (factor - 1) / 2 * population.components[i].size
        elif p <= i < population.nb:
            size = 0.5
        elif i >= population.nb and not population.diagonal[i - population.nb]:
            size = 0.3 * np.exp(population.start_l[population.diagonal]).min()
        starts[:, i] = u[i] + share[:, column] * size
    return np.maximum(starts, population.lowest)


def compared(subjects: Subjects, starts: Array, ends: Array, objective: Array, converged: Array) -> MixedStarts:
    """Which searches ended in one optimum."""
    population = subjects.population
    order = np.argsort(objective, kind="stable")
    optimum = np.full(len(objective), -1)
    optima: list[tuple[float, Array]] = []
    values = natural(population, ends)
    for i in order:
        if not converged[i]:
            continue
        for k, (value, at) in enumerate(optima):
            if abs(objective[i] - value) < SAME and np.allclose(values[i], at, rtol=0.02, atol=1e-3):
                optimum[i] = k
                break
        else:
            optimum[i] = len(optima)
            optima.append((float(objective[i]), values[i]))
    return MixedStarts(population.labels, natural(population, starts), values, objective, converged, optimum)
