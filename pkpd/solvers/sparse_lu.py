"""Which entries of a sparse matrix an LU decomposition fills, and a good order to eliminate in.

Pivots are taken from the diagonal.  That is safe for the matrices of a Rosenbrock step,
``1/(h gamma) - J``: a shorter step makes the diagonal larger, and the step is shortened
where a pivot comes out too small.

Source: the order is Markowitz's, as in Duff IS, Erisman AM, Reid JK. Direct Methods for
Sparse Matrices, 2nd ed., Oxford 2017, chapter 7.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Elimination", "elimination"]

Entries = frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Elimination:
    """An order of elimination and the entries that are not zero after it.

    Attributes
    ----------
    order
        The rows and columns in the order in which they are eliminated.
    entries
        (row, column) of all entries of L and U, the diagonal included.
    """

    order: tuple[int, ...]
    entries: Entries

    def left_of(self, row: int) -> list[int]:
        """The columns of L in `row`, in order of elimination."""
        place = self.order.index(row)
        return [j for j in self.order[:place] if (row, j) in self.entries]

    def right_of(self, row: int) -> list[int]:
        """The columns of U in `row`, right of the diagonal."""
        place = self.order.index(row)
        return [j for j in self.order[place + 1 :] if (row, j) in self.entries]


def elimination(size: int, nonzero: Entries) -> Elimination:
    """The elimination of a matrix of this size and pattern that fills little."""
    filled = set(nonzero) | {(i, i) for i in range(size)}
    rows = {i: {j for r, j in filled if r == i} for i in range(size)}
    columns = {j: {i for i, c in filled if c == j} for j in range(size)}
    left, order = set(range(size)), []
    while left:
        pivot = min(left, key=lambda i: ((len(rows[i] & left) - 1) * (len(columns[i] & left) - 1), i))
        left.remove(pivot)
        order.append(pivot)
        for i in columns[pivot] & left:
            for j in rows[pivot] & left:
                filled.add((i, j))
                rows[i].add(j)
                columns[j].add(i)
    return Elimination(tuple(order), frozenset(filled))
