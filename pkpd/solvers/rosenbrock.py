"""One step of a Rosenbrock method on lanes, with the model's own Jacobian and its LU written out."""

from __future__ import annotations

from typing import Any

import sympy

from pkpd.solvers.canonical import TIME, Canonical
from pkpd.solvers.driver import SCALARS, Control, write_driver
from pkpd.solvers.expressions import write
from pkpd.solvers.kernel import POINTER, Kernel
from pkpd.solvers.lanes import VECTOR, Code, Rows, Value, function
from pkpd.solvers.sparse_lu import Elimination, elimination
from pkpd.solvers.tableaus import Rosenbrock

__all__ = ["rosenbrock_kernel"]

SMALLEST_PIVOT = 1e-10  # relative to the largest that was subtracted from it


def rosenbrock_kernel(model: Canonical, method: Rosenbrock) -> Kernel:
    """The whole integrator of one model with a Rosenbrock method; steps end on the times to store."""
    kernel = Kernel(model, method.stages)
    jacobian = _jacobian(model, kernel)
    drift = kernel.extract([_flat(sympy.diff(rate, TIME)) for rate in model.rates])
    plan = elimination(kernel.n, frozenset(jacobian))
    kernel.reserve(**dict.fromkeys(SCALARS, 1))
    kernel.reserve(lu=len(plan.entries), f=kernel.n, drift=kernel.n, pivots=1)
    kernel.write_functions()
    step = _Step(kernel, method, plan)
    step.write_factor(jacobian, drift)
    step.write_solve()
    step.write_step(drifting=any(e != 0 for e in drift))
    write_driver(kernel, Control(method.error_order, method.stages, None, dense=False))
    return kernel


def _jacobian(model: Canonical, kernel: Kernel) -> dict[tuple[int, int], Any]:
    """The entries that are not zero, by row and column."""
    found = {}
    for i, rate in enumerate(model.rates):
        present = rate.free_symbols
        for j, y in enumerate(model.y):
            if y in present:
                (found[i, j],) = kernel.extract([_flat(sympy.diff(rate, y))])
    return {entry: e for entry, e in found.items() if e != 0}


def _flat(expression: Any) -> Any:
    return expression.replace(sympy.DiracDelta, lambda *_: sympy.S.Zero)


class _Step:
    """The function ``step(w)`` and those it calls, being written."""

    def __init__(self, kernel: Kernel, method: Rosenbrock, plan: Elimination) -> None:
        self.kernel, self.method, self.plan = kernel, method, plan
        self.place = {entry: i for i, entry in enumerate(sorted(plan.entries))}

    def write_factor(self, jacobian: dict[tuple[int, int], Any], drift: list[Any]) -> None:
        """``factor(w)``: slopes, df/dt, and the LU of ``1/(h gamma) - J`` at the start of the step.

        The diagonal of U is kept as its reciprocal; row ``pivots`` is NaN where one is too small.
        """
        kernel = self.kernel
        code, (w,) = function(kernel.module, "factor", [POINTER], inline=kernel.small)
        y, f, ft, lu = (kernel.rows(code, w, name) for name in ("y", "f", "drift", "lu"))
        t, h = kernel.rows(code, w, "t")[0], kernel.rows(code, w, "h_try")[0]
        found = kernel.symbols(code, w, lambda i: y[i], lambda: t)
        values = write(code, [*kernel.rate_expressions, *drift, *jacobian.values()], found)
        for i in range(kernel.n):
            f[i], drift_i = values[i], values[kernel.n + i]
            # Where the clock stands at a kink, as t**a at 0, the step does without df/dt.
            ft[i] = code.select(code.finite(drift_i), drift_i, 0.0)
        shift = 1.0 / (self.method.gamma * h)
        matrix = {entry: code.number(0.0) for entry in self.plan.entries}
        matrix |= {entry: -value for entry, value in zip(jacobian, values[2 * kernel.n :], strict=True)}
        for i in range(kernel.n):
            matrix[i, i] = matrix[i, i] + shift
        kernel.rows(code, w, "pivots")[0] = self._eliminate(code, matrix, shift)
        for entry, value in matrix.items():
            lu[self.place[entry]] = value
        code.end()

    def _eliminate(self, code: Code, m: dict[tuple[int, int], Value], shift: Value) -> Value:
        good = shift > 0.0
        for p in self.plan.order:
            good = good & (code.absolute(m[p, p]) > SMALLEST_PIVOT * shift)
            m[p, p] = 1.0 / m[p, p]
            right = self.plan.right_of(p)
            for i in (i for i in self.plan.order if (i, p) in m and p in self.plan.left_of(i)):
                m[i, p] = m[i, p] * m[p, p]
                for j in right:
                    m[i, j] = m[i, j] - m[i, p] * m[p, j]
        return code.select(good, 0.0, float("nan"))

    def write_solve(self) -> None:
        """``solve(w, z)``: replace `z` by the solution."""
        code, (w, z) = function(self.kernel.module, "solve", [POINTER, POINTER], inline=self.kernel.small)
        lu, rows = self.kernel.rows(code, w, "lu"), Rows(code, z.raw)
        x = {i: rows[i] for i in range(self.kernel.n)}
        for i in self.plan.order:
            for j in self.plan.left_of(i):
                x[i] = x[i] - lu[self.place[i, j]] * x[j]
        for i in reversed(self.plan.order):
            for j in self.plan.right_of(i):
                x[i] = x[i] - lu[self.place[i, j]] * x[j]
            x[i] = x[i] * lu[self.place[i, i]]
        for i in range(self.kernel.n):
            rows[i] = x[i]
        code.end()

    def write_step(self, *, drifting: bool) -> None:
        kernel, method, n = self.kernel, self.method, self.kernel.n
        code, (w,) = function(kernel.module, "step", [POINTER])
        t, h = kernel.rows(code, w, "t")[0], kernel.rows(code, w, "h_try")[0]
        y, x, f, ft, k = (kernel.rows(code, w, name) for name in ("y", "x", "f", "drift", "k"))
        code.call_function(kernel.module.globals["factor"], w)
        per_h = 1.0 / h
        for s in range(method.stages):
            slope = f
            if s > 0:
                slope = kernel.rows(code, w, "d")
                with code.each(n) as j:
                    x[j] = _added(y[j], method.a[s], k, j, n)
                code.call_function(kernel.rates, w, t + float(method.alpha[s]) * h, x.pointer, slope.pointer)
            with code.each(n) as j:
                right = slope[j]
                if s > 0:
                    right = right + per_h * _added(None, method.c[s], k, j, n)
                if drifting and abs(method.d[s]) > 1e-12:
                    right = right + (h * float(method.d[s])) * ft[j]
                k[j + s * n] = right
            code.call_function(kernel.module.globals["solve"], w, kernel.rows(code, w, "k", s * n).pointer)
        self._write_error(code, w)
        code.end()

    def _write_error(self, code: Code, w: Value) -> None:
        """The new state, and the square of its error in units of the tolerance, the largest over states."""
        kernel, n = self.kernel, self.kernel.n
        y, x, atol = (kernel.rows(code, w, name) for name in ("y", "x", "atol"))
        error, rtol = kernel.rows(code, w, "k", (self.method.stages - 1) * n), kernel.rows(code, w, "rtol")[0]
        total, size = code.variable(VECTOR, 0.0), code.variable(VECTOR, 0.0)
        with code.each(n) as j:
            new = x[j] + error[j]
            x[j] = new
            a, b = code.absolute(y[j]), code.absolute(new)
            scale = atol[j] + rtol * code.select(a > b, a, b)
            part = error[j] / scale
            total.set(code.larger(part * part, total.get()))
            size.set(size.get() + scale)
        square = code.select(code.finite(size.get()), total.get(), float("nan"))
        kernel.rows(code, w, "error")[0] = square + kernel.rows(code, w, "pivots")[0]


def _added(start: Value | None, weights: Any, k: Rows, j: Value, n: int) -> Value:
    total = start
    for s, weight in enumerate(weights):
        if weight != 0.0:
            term = k[j + s * n] * float(weight)
            total = term if total is None else total + term
    assert total is not None
    return total
