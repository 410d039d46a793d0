"""The LU of a small sparse matrix written out: an instruction for each operation, and no index."""

from __future__ import annotations

from collections.abc import Iterable

from pkpd.solvers.compiled.kernel import Kernel
from pkpd.solvers.compiled.lanes import Code, Rows
from pkpd.solvers.compiled.sparse_lu import SMALLEST_PIVOT, Elimination
from pkpd.solvers.compiled.value import Value

__all__ = ["UnrolledLU"]


class UnrolledLU:
    """``solve(w, z)`` of a kernel, and the part of its ``factor(w)`` that eliminates; for its first `size` states."""

    def __init__(self, kernel: Kernel, plan: Elimination, size: int) -> None:
        self.kernel, self.plan, self.size = kernel, plan, size
        self.place = {entry: i for i, entry in enumerate(sorted(plan.entries))}
        kernel.reserve(lu=len(self.place))

    def factor(self, code: Code, w: Value, jacobian: Iterable[tuple[tuple[int, int], Value]], shift: Value) -> Value:
        """The LU of ``shift - J``; the value is NaN in lanes where a pivot is too small, and else zero.

        The diagonal of U is kept as its reciprocal.
        """
        matrix = {entry: code.number(0.0) for entry in self.plan.entries}
        matrix |= {entry: -value for entry, value in jacobian}
        for i in range(self.size):
            matrix[i, i] = matrix[i, i] + shift
        pivots = self._eliminate(code, matrix, shift)
        lu = self.kernel.rows(code, w, "lu")
        for entry, value in matrix.items():
            lu[self.place[entry]] = value
        return pivots

    def _eliminate(self, code: Code, m: dict[tuple[int, int], Value], shift: Value) -> Value:
        good = shift > 0.0
        for p in self.plan.order:
            good = good & (code.absolute(m[p, p]) > SMALLEST_PIVOT * shift)
            m[p, p] = 1.0 / m[p, p]
            for i in self.plan.below(p):
                m[i, p] = m[i, p] * m[p, p]
                for j in self.plan.upper[p]:
                    m[i, j] = m[i, j] - m[i, p] * m[p, j]
        return code.select(good, 0.0, float("nan"))

    def write_solve(self, name: str = "solve") -> None:
        """``solve(w, z)``: replace `z` by the solution."""
        code, (w, z) = self.kernel.function(name, self.kernel.shape.pointer, inline=self.kernel.small)
        lu, rows = self.kernel.rows(code, w, "lu"), Rows(code, z.raw)
        x = {i: rows[i] for i in range(self.size)}
        for i in self.plan.order:
            for j in self.plan.lower[i]:
                x[i] = x[i] - lu[self.place[i, j]] * x[j]
        for i in reversed(self.plan.order):
            for j in self.plan.upper[i]:
                x[i] = x[i] - lu[self.place[i, j]] * x[j]
            x[i] = x[i] * lu[self.place[i, i]]
        for i in range(self.size):
            rows[i] = x[i]
        code.end()
