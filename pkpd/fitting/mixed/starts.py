"""Searches from many starts: which optima there are, and how many searches end in each."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import FitError
from pkpd.fitting.mixed.classes import Classes, Numbers
from pkpd.fitting.mixed.natural import natural
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.fitting.text_tables import number, table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MixedStarts", "compared", "scattered"]

SAME = 0.05  # objectives that differ by less, and estimates by 2 %, are one optimum
MANY = 30  # from so many estimates on, two starts are different without a look
SHOWN = 8  # optima in the text


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
        """How many searches ended where, and what the optima say of the parameters."""
        found = self.table
        lost = int((self.optimum < 0).sum())
        parts = [f"{count} at {value:.4f}" for value, count in zip(found["objective"], found["searches"], strict=True)]
        text = f"Of {len(self.objective)} searches {', '.join(parts[:SHOWN]) or 'none'} converged"
        if len(parts) > SHOWN:
            text += f", and others at {len(parts) - SHOWN} more optima"
        text += f"; {lost} did not." if lost else "."
        if len(found) < 2:
            return "\n".join(textwrap.wrap(text, 100))
        text += (
            f" There are {len(found)} optima, of which that at {found['objective'].iloc[0]:.4f} is the lowest; compare "
            "what they say of the parameters before you trust it."
        )
        return "\n".join([*textwrap.wrap(text, 100), self._side_by_side(found)])

    def _side_by_side(self, found: pd.DataFrame) -> str:
        """A column for each optimum, a row for each estimate."""
        columns = found.head(SHOWN).drop(columns="searches").rename(columns={"objective": "optimum"})
        rows = [[str(label), *(number(v, 6 if label == "optimum" else 4) for v in columns[label])] for label in columns]
        return table(rows, left=1)


def scattered(subjects: Subjects, u: Array, searches: int, factor: float, seed: int) -> Array:
    """Starts about u, (searches, nu): the first is u, of the others every number is off by `factor`, up or down.

    No two are alike in what is up and what is down.  Starts within the box would rarely be as far
    off in several numbers at once as another optimum is: of theophylline, none of 32 that were
    uniform on the logarithms found the flip-flop optimum, which a seventh of the corners lead to.
    Once every corner has served, they serve anew at half the distance.

    Raises
    ------
    FitError
        If the numbers are not possible.
    """
    if isinstance(searches, bool) or not isinstance(searches, int) or searches < 1:
        raise FitError(f"fit: starts is {searches!r}; expected a whole number of 1 or more.")
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 1 < factor < np.inf:
        raise FitError(f"fit: spread is {factor!r}; expected the factor by which starts are off, a number above 1.")
    numbers = subjects.numbers
    free = np.flatnonzero(numbers.free)
    share = np.concatenate([np.zeros((1, len(free))), _corners(searches - 1, len(free), np.random.default_rng(seed))])
    starts = np.repeat(u[None], searches, axis=0)
    starts[:, free] += share * _sizes(numbers, factor)[free]
    return np.maximum(starts, numbers.lowest)


def _sizes(numbers: Numbers, factor: float) -> Array:
    """How far each number of u is off: by the factor, or by what is as much on its scale."""
    if isinstance(numbers, Classes):
        sizes = np.full(numbers.nu, np.log(factor))  # of the odds of a class
        sizes[: numbers.first_probability] = _sizes(numbers.population, factor)[numbers.source]
        return sizes
    population, p = numbers, len(numbers.components)
    sizes = np.full(population.nu, np.log(factor))
    for i, component in enumerate(population.components):
        if component.scale.kind == "linear":
            sizes[i] = (factor - 1) / 2 * component.size
    sizes[p : population.nb] = 0.5
    sizes[population.nb :][~population.diagonal] = 0.3 * np.exp(population.start_l[population.diagonal]).min()
    return sizes


def _corners(count: int, k: int, rng: np.random.Generator) -> Array:
    """Different corners of the cube from -1 to 1, (count, k); when there are no more, those of half its size."""
    if k > MANY:
        return np.asarray(2.0 * rng.integers(2, size=(count, k)) - 1, dtype=float)
    rounds: list[Array] = [np.empty((0, k))]
    left, size = count, 1.0
    while left:
        number = rng.choice(2**k, size=min(left, 2**k), replace=False)
        rounds.append(size * (2.0 * (number[:, None] >> np.arange(k) & 1) - 1))
        left, size = left - len(number), size / 2
    corners: Array = np.concatenate(rounds)
    return corners


def compared(subjects: Subjects, starts: Array, ends: Array, objective: Array, converged: Array) -> MixedStarts:
    """Which searches ended in one optimum."""
    numbers = subjects.numbers
    order = np.argsort(objective, kind="stable")
    optimum = np.full(len(objective), -1)
    optima: list[tuple[float, Array]] = []
    values = natural(numbers, ends)
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
    return MixedStarts(numbers.labels, natural(numbers, starts), values, objective, converged, optimum)
