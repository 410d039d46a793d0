"""The LU of a large sparse matrix as loops over tables of indices, which are part of the machine code.

Row by row: a row is spread out over a full one, all rows above that it holds are taken
from it, and it is gathered again.  The operations on each entry, and their order, are
those of `unrolled_lu`, but the length of the code does not depend on their number.

Source: Duff IS, Erisman AM, Reid JK. Direct Methods for Sparse Matrices, 2nd ed., Oxford
2017, chapter 10.
"""

from __future__ import annotations

from collections.abc import Iterable

from pkpd.solvers.compiled.kernel import Kernel
from pkpd.solvers.compiled.lanes import Code, Rows, constants
from pkpd.solvers.compiled.sparse_lu import SMALLEST_PIVOT, Elimination
from pkpd.solvers.compiled.value import Value

__all__ = ["TableLU"]


class TableLU:
    """``solve(w, z)`` of a kernel, and the part of its ``factor(w)`` that eliminates; for its first `size` states.

    Rows and columns are numbered by the order of elimination.  The entries of a row lie
    side by side, those of L first, then the diagonal, then those of U.
    """

    def __init__(self, kernel: Kernel, plan: Elimination, size: int) -> None:
        self.kernel, self.size = kernel, size
        rows = [(*plan.lower[i], i, *plan.upper[i]) for i in plan.order]
        entries = [(i, j) for i, row in zip(plan.order, rows, strict=True) for j in row]
        self.place = {entry: e for e, entry in enumerate(entries)}
        kernel.reserve(lu=len(entries), row=size)
        number = {i: r for r, i in enumerate(plan.order)}
        diagonal = [self.place[i, i] for i in plan.order]
        starts = [at - len(plan.lower[i]) for i, at in zip(plan.order, diagonal, strict=True)]
        module = kernel.module
        self.order = constants(module, "order", plan.order)
        self.starts = constants(module, "starts", [*starts, len(entries)])
        self.diagonal = constants(module, "diagonal", diagonal)
        self.columns = constants(module, "columns", [number[j] for _, j in entries])
        self._write_eliminate()

    def factor(self, code: Code, w: Value, jacobian: Iterable[tuple[tuple[int, int], Value]], shift: Value) -> Value:
        """The LU of ``shift - J``; the value is NaN in lanes where a pivot is too small, and else zero.

        The diagonal of U is kept as its reciprocal.
        """
        lu = self.kernel.rows(code, w, "lu")
        for e in code.each(len(self.place)):
            lu[e] = 0.0
        for entry, value in jacobian:
            lu[self.place[entry]] = -value
        code.call_function(self.eliminate, w, shift)
        return self.kernel.rows(code, w, "pivots")[0]

    def _write_eliminate(self) -> None:
        """``eliminate(w, shift)``."""
        kernel = self.kernel
        code, (w, shift) = kernel.function("eliminate", kernel.shape.vector)
        self.eliminate = kernel.module.globals["eliminate"]
        lu, row = (kernel.rows(code, w, name) for name in ("lu", "row"))
        good = code.truths(1)
        for r in code.each(self.size):
            first, middle, end = self._row(code, r)
            for e in code.each(end, first):
                row[code.entry(self.columns, e)] = lu[e]
            row[r] = row[r] + shift
            for e in code.each(middle, first):
                self._take_away(code, lu, row, e)
            pivot = row[r]
            good.set(good.get() & (code.absolute(pivot) > SMALLEST_PIVOT * shift))
            lu[middle] = 1.0 / pivot
            for e in code.each(end, middle + 1):
                lu[e] = row[code.entry(self.columns, e)]
        kernel.rows(code, w, "pivots")[0] = code.select(good.get(), 0.0, float("nan"))
        code.end()

    def _take_away(self, code: Code, lu: Rows, row: Rows, e: Value) -> None:
        """Take from the full row the multiple of the row above that makes entry `e` vanish."""
        above = code.entry(self.columns, e)
        _, middle, end = self._row(code, above)
        factor = row[above] * lu[middle]
        lu[e] = factor
        for u in code.each(end, middle + 1):
            column = code.entry(self.columns, u)
            row[column] = code.fma(-factor, lu[u], row[column])

    def _row(self, code: Code, r: Value) -> tuple[Value, Value, Value]:
        """Where a row starts, its diagonal, and where it ends."""
        return code.entry(self.starts, r), code.entry(self.diagonal, r), code.entry(self.starts, r + 1)

    def write_solve(self, name: str = "solve") -> None:
        """``solve(w, z)``: replace `z` by the solution."""
        kernel = self.kernel
        code, (w, z) = kernel.function(name, kernel.shape.pointer)
        lu, x, rows = kernel.rows(code, w, "lu"), kernel.rows(code, w, "row"), Rows(code, z.raw)
        total = code.numbers(0.0)

        def take_away(first: Value, end: Value) -> Value:
            for e in code.each(end, first):
                total.set(code.fma(-lu[e], x[code.entry(self.columns, e)], total.get()))
            return total.get()

        for r in code.each(self.size):
            first, middle, _ = self._row(code, r)
            total.set(rows[code.entry(self.order, r)])
            x[r] = take_away(first, middle)
        for done in code.each(self.size):
            r = (self.size - 1) - done
            _, middle, end = self._row(code, r)
            total.set(x[r])
            x[r] = take_away(middle + 1, end) * lu[middle]
            rows[code.entry(self.order, r)] = x[r]
        code.end()
