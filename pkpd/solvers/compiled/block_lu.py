"""The LU of a tangent: that of its base, used for one block of states after another.

The matrix of a tangent, ``1/(h gamma) - J``, is block triangular, and every block on its
diagonal is that of the base.  So one small matrix is factored, however many directions
there are, and what the blocks take from those before them is added to the right side.

Source: Feehery WF, Tolsma JE, Barton PI. Efficient sensitivity analysis of large-scale
differential-algebraic systems. Applied Numerical Mathematics 25:41-54 (1997).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from pkpd.solvers.compiled.kernel import Kernel
from pkpd.solvers.compiled.lanes import Code, Rows, constants
from pkpd.solvers.compiled.table_lu import TableLU
from pkpd.solvers.compiled.unrolled_lu import UnrolledLU
from pkpd.solvers.compiled.value import Value

__all__ = ["BlockLU", "Blocks", "blocks_of"]

Entry = tuple[int, int]
MOST_WRITTEN_OUT = 400  # entries of a block's rows that are written out


@dataclass(frozen=True)
class Blocks:
    """Blocks of `size` states each that begin at `starts`; what is between them has no rate."""

    starts: tuple[int, ...]
    size: int

    def number(self, state: int) -> int:
        """The block of a state; -1 for one between blocks."""
        return next((b for b, first in enumerate(self.starts) if first <= state < first + self.size), -1)

    def repeated(self, entry: Entry) -> bool:
        """Whether an entry repeats one of the first block."""
        row, column = map(self.number, entry)
        return row == column > 0

    def triangular(self, nonzero: Collection[Entry]) -> bool:
        """Whether no block takes anything from those after it, and nothing that is in no block changes."""
        return all(self.number(i) >= max(self.number(j), 0) for i, j in nonzero)


def blocks_of(starts: tuple[int, ...], states: int) -> Blocks:
    """The blocks that a `System` declares; a single one of all states where it declares none."""
    return Blocks(starts, starts[1] - starts[0]) if len(starts) > 1 else Blocks((0,), states)


class BlockLU:
    """``solve(w, z)`` of a kernel by that of its first block, and the part of its ``factor(w)`` that eliminates.

    The entries of the Jacobian must come with those of the first block first, and without
    those that repeat them.
    """

    def __init__(self, kernel: Kernel, first: UnrolledLU | TableLU, blocks: Blocks, nonzero: Iterable[Entry]) -> None:
        self.kernel, self.first, self.blocks = kernel, first, blocks
        entries = list(nonzero)
        self.leading = sum(blocks.number(i) == 0 for i, _ in entries)
        self.below = entries[self.leading :]
        kernel.reserve(below=len(self.below), unit=1)

    def factor(self, code: Code, w: Value, jacobian: Iterable[tuple[Entry, Value]], shift: Value) -> Value:
        """The LU of the first block of ``shift - J``, and what is below it; see `UnrolledLU.factor`."""
        values = iter(jacobian)
        pivots = self.first.factor(code, w, islice(values, self.leading), shift)
        below = self.kernel.rows(code, w, "below")
        for e, (_, value) in enumerate(values):
            below[e] = value
        self.kernel.rows(code, w, "unit")[0] = 1.0 / shift
        return pivots

    def write_solve(self) -> None:
        """``solve(w, z)``: replace `z` by the solution."""
        self.first.write_solve("solve_block")
        solve_block = self.kernel.module.globals["solve_block"]
        code, (w, z) = self.kernel.function("solve", self.kernel.shape.pointer)
        rows = Rows(code, z.raw)
        unit = self.kernel.rows(code, w, "unit")[0]
        for i in range(self.kernel.n):
            if self.blocks.number(i) < 0:
                rows[i] = rows[i] * unit
        for number, start in enumerate(self.blocks.starts):
            self._add_earlier(code, w, rows, number)
            code.call_function(solve_block, w, Rows(code, z.raw, start).pointer)
        code.end()

    def _add_earlier(self, code: Code, w: Value, z: Rows, number: int) -> None:
        """Add to the right side of a block what it takes from the blocks before it."""
        below = self.kernel.rows(code, w, "below")
        here = [(e, i, j) for e, (i, j) in enumerate(self.below) if self.blocks.number(i) == number]
        if len(here) <= MOST_WRITTEN_OUT:
            for i in dict.fromkeys(i for _, i, _ in here):
                total = z[i]
                for e, row, j in here:
                    if row == i:
                        total = total + below[e] * z[j]
                z[i] = total
            return
        columns = zip(("places", "into", "of"), zip(*here, strict=True), strict=True)
        places, into, of = (constants(self.kernel.module, f"{name}_{number}", column) for name, column in columns)
        for each in code.each(len(here)):
            target, source = code.entry(into, each), code.entry(of, each)
            z[target] = z[target] + below[code.entry(places, each)] * z[source]
