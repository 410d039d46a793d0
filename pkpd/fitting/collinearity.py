"""Which parameters make up for one another: collinearity of the columns of a sensitivity matrix."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index

__all__ = ["NEAR", "SINGULAR", "Confounded", "collinearity_indices", "confounded", "estimable", "subsets"]


SINGULAR = 1e-6  # a smaller ratio of singular values is the integrator's error
NEAR = 15.0  # the collinearity index above which parameters are hard to tell apart
MOST = 30_000  # subsets that are looked at


@dataclass(frozen=True, eq=False)
class Confounded:
    """Parameters whose effects on all observations make up for one another; no fewer of them do.

    Attributes
    ----------
    which
        The coordinates.
    index
        The collinearity index: infinite where nothing tells them apart.
    direction
        The relative changes, the largest of them 1, that together change the least.
    """

    which: tuple[int, ...]
    index: float
    direction: Array

    @property
    def exact(self) -> bool:
        return math.isinf(self.index)


def subsets(count: int) -> dict[int, Index]:
    """The subsets of so many columns by their size, (subsets, size): all, or the small ones of many columns."""
    sized: dict[int, Index] = {}
    total = 0
    for size in range(2, count + 1):
        total += math.comb(count, size)
        if total > MOST and size > 2:
            break
        sized[size] = np.array(list(itertools.combinations(range(count), size)), dtype=np.int64)
    return sized


def collinearity_indices(columns: Array, which: Index) -> Array:
    """The collinearity index of each subset, (subsets,); infinite where it is singular.

    It is ``1/sqrt(smallest eigenvalue of S.T @ S)``, S the columns scaled to length 1: a change
    of one parameter by 1 can be made up for by the others to 1/index.

    Parameters
    ----------
    columns
        (observations, columns), none of them 0.
    which
        (subsets, size).

    References
    ----------
    Brun R, Reichert P, Kuensch HR. Practical identifiability analysis of large environmental
    simulation models. Water Resour Res 37:1015-1030 (2001).
    """
    smallest = _least(columns, which)[0]
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(smallest > SINGULAR, 1 / smallest, np.inf))


def _least(columns: Array, which: Index) -> tuple[Array, Array]:
    """The smallest singular value of each subset of the normalized columns, and its vector.

    The triangular factor has the singular values of the tall matrix, without squaring them.
    """
    triangle: Array = np.linalg.qr(columns / np.linalg.norm(columns, axis=0))[1]
    _, values, rows = np.linalg.svd(np.moveaxis(triangle[:, which], 1, 0), full_matrices=True)
    size = which.shape[1]
    least = values[:, -1] if values.shape[1] == size else np.zeros(len(which))
    return least, rows[:, -1]


def confounded(columns: Array, near: float = NEAR) -> list[Confounded]:
    """The smallest subsets whose index is above `near`, the exact ones first.

    A subset that contains a smaller one that nothing tells apart is left out, and so is one
    that is no worse than a smaller one of its own.
    """
    met: list[Confounded] = []
    lengths = np.linalg.norm(columns, axis=0)
    for which in subsets(columns.shape[1]).values():
        least, vectors = _least(columns, which)
        for row in np.flatnonzero(least < 1 / near):
            index = math.inf if least[row] <= SINGULAR else 1 / float(least[row])
            direction = vectors[row] / lengths[which[row]]
            direction = direction / direction[np.argmax(np.abs(direction))]
            combination = Confounded(tuple(which[row].tolist()), index, direction)
            if not any(_tells_as_much(smaller, combination) for smaller in met):
                met.append(combination)
    return sorted(met, key=lambda c: -c.index)


def estimable(columns: Array, near: float = NEAR) -> Index:
    """Columns that can be told apart: the most influential one, and each next that the ones before explain least.

    They are as many of these, in that order, as have a collinearity index of `near` or less.

    References
    ----------
    Golub GH, Van Loan CF. Matrix Computations, 4th ed., Johns Hopkins (2013), section 5.5.7, for the order by a
    QR factorization with pivots.
    """
    from scipy.linalg import qr

    _, _, order = qr(columns, mode="economic", pivoting=True)
    chosen = 1
    while chosen < len(order) and collinearity_indices(columns, order[None, : chosen + 1])[0] <= near:
        chosen += 1
    return np.sort(order[:chosen]).astype(np.int64)


def _tells_as_much(smaller: Confounded, larger: Confounded) -> bool:
    return set(smaller.which) <= set(larger.which) and (smaller.exact or not larger.exact)
