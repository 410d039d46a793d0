"""Which entries of a sparse matrix an LU decomposition fills, and a good order to eliminate in.

Pivots are taken from the diagonal.  That is safe for the matrices of a Rosenbrock step,
``1/(h gamma) - J``: a shorter step makes the diagonal larger, and the step is shortened
where a pivot comes out too small.

Source: the order is Markowitz's, as in Duff IS, Erisman AM, Reid JK. Direct Methods for
Sparse Matrices, 2nd ed., Oxford 2017, chapter 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

__all__ = ["SMALLEST_PIVOT", "Elimination", "elimination"]

SMALLEST_PIVOT = 1e-10  # relative to 1/(h gamma), from which the Jacobian is taken away

Entries = frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Elimination:
    """An order of elimination and the entries that are not zero after it.

    Attributes
    ----------
    order
        The rows and columns in the order in which they are eliminated.
    lower, upper
        For each row its columns of L and of U, without the diagonal, in order of elimination.
    """

    order: tuple[int, ...]
    lower: tuple[tuple[int, ...], ...]
    upper: tuple[tuple[int, ...], ...]

    @cached_property
    def entries(self) -> Entries:
        """(row, column) of all entries of L and U, the diagonal included."""
        rows = enumerate(zip(self.lower, self.upper, strict=True))
        return frozenset((i, j) for i, (left, right) in rows for j in (*left, i, *right))

    def below(self, column: int) -> list[int]:
        """The rows of L in `column`."""
        return [i for i in self.order if column in self.lower[i]]

    @property
    def operations(self) -> int:
        """The multiplications that the elimination takes."""
        return sum(1 + len(self.upper[j]) for left in self.lower for j in left)


def elimination(size: int, nonzero: Entries) -> Elimination:
    """The elimination of a matrix of this size and pattern that fills little."""
    # What is left of each row and column, without the diagonal.
    rows: list[set[int]] = [set() for _ in range(size)]
    columns: list[set[int]] = [set() for _ in range(size)]
    for i, j in nonzero:
        if i != j:
            rows[i].add(j)
            columns[j].add(i)
    left, order = set(range(size)), []
    lower: list[list[int]] = [[] for _ in range(size)]
    while left:
        pivot = min(left, key=lambda i: (len(rows[i]) * len(columns[i]), i))
        left.remove(pivot)
        order.append(pivot)
        for i in columns[pivot]:
            rows[i] = (rows[i] | rows[pivot]) - {i, pivot}
            lower[i].append(pivot)
        for j in rows[pivot]:
            columns[j] = (columns[j] | columns[pivot]) - {j, pivot}
    place = {i: r for r, i in enumerate(order)}
    upper = tuple(tuple(sorted(row, key=place.__getitem__)) for row in rows)
    return Elimination(tuple(order), tuple(map(tuple, lower)), upper)
