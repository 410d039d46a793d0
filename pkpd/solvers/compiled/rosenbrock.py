"""One step of a Rosenbrock method on lanes, with the model's own Jacobian and a sparse LU."""

from __future__ import annotations

from typing import Any

from pkpd.solvers.compiled.block_lu import BlockLU, Blocks, blocks_of
from pkpd.solvers.compiled.driver import write_driver
from pkpd.solvers.compiled.expressions import write_each
from pkpd.solvers.compiled.frame import SCALARS, Control
from pkpd.solvers.compiled.kernel import Kernel
from pkpd.solvers.compiled.lanes import Code, Rows
from pkpd.solvers.compiled.shape import Shape
from pkpd.solvers.compiled.sparse_lu import elimination
from pkpd.solvers.compiled.table_lu import TableLU
from pkpd.solvers.compiled.unrolled_lu import UnrolledLU
from pkpd.solvers.compiled.value import Value
from pkpd.solvers.equations.derivatives import partial
from pkpd.solvers.equations.system import TIME, System
from pkpd.solvers.tableaus import Rosenbrock

__all__ = ["rosenbrock_kernel"]

MOST_UNROLLED = 2500  # operations of an elimination and a solution that are written out


def rosenbrock_kernel(model: System, method: Rosenbrock, shape: Shape) -> Kernel:
    """The whole integrator of one model with a Rosenbrock method; steps end on the times to store."""
    kernel = Kernel(model, method.stages, shape)
    blocks = _blocks(model)
    jacobian = _jacobian(model, kernel, blocks)
    drift = kernel.extract([partial(rate, TIME) for rate in model.rates])
    kernel.reserve(**dict.fromkeys(SCALARS, 1))
    kernel.reserve(f=kernel.n, drift=kernel.n, pivots=1, f_new=kernel.n * bool(kernel.events))
    plan = elimination(blocks.size, frozenset(entry for entry in jacobian if blocks.number(entry[0]) == 0))
    small = plan.operations + len(plan.entries) <= MOST_UNROLLED
    first = UnrolledLU(kernel, plan, blocks.size) if small else TableLU(kernel, plan, blocks.size)
    lu = first if blocks.size == kernel.n else BlockLU(kernel, first, blocks, jacobian)
    kernel.write_functions()
    lu.write_solve()
    step = _Step(kernel, method, lu)
    step.write_factor(jacobian, drift)
    step.write_step(drifting=any(e != 0 for e in drift))
    if kernel.events:
        _write_dense(kernel)
    write_driver(
        kernel,
        Control(method.error_order, method.stages, None, dense=False),
        method.name if small else f"{method.name} (LU by table)",
    )
    return kernel


def _jacobian(model: System, kernel: Kernel, blocks: Blocks) -> dict[tuple[int, int], Any]:
    """The entries that are not zero and repeat no others, by row and column, those of the first block first."""
    found = {}
    for i, j in _dependences(model):
        if not blocks.repeated((i, j)):
            (found[i, j],) = kernel.extract([partial(model.rates[i], model.y[j])])
    return {entry: e for entry, e in found.items() if e != 0}


def _dependences(model: System) -> list[tuple[int, int]]:
    """Which rate uses which state."""
    number = {y: j for j, y in enumerate(model.y)}
    used = ([number[s] for s in rate.free_symbols if s in number] for rate in model.rates)
    return [(i, j) for i, states in enumerate(used) for j in sorted(states)]


def _blocks(model: System) -> Blocks:
    """The blocks of a tangent, where its equations are what it says."""
    blocks = blocks_of(model.blocks, len(model.y))
    return blocks if blocks.triangular(_dependences(model)) else blocks_of((), len(model.y))


class _Step:
    """The function ``step(w)`` and those it calls, being written."""

    def __init__(self, kernel: Kernel, method: Rosenbrock, lu: UnrolledLU | TableLU | BlockLU) -> None:
        self.kernel, self.method, self.lu = kernel, method, lu

    def write_factor(self, jacobian: dict[tuple[int, int], Any], drift: list[Any]) -> None:
        """``factor(w)``: slopes, df/dt, and the LU of ``1/(h gamma) - J`` at the start of the step."""
        kernel = self.kernel
        code, (w,) = kernel.function("factor", inline=kernel.small)
        y, f, ft = (kernel.rows(code, w, name) for name in ("y", "f", "drift"))
        t, h = kernel.rows(code, w, "t")[0], kernel.rows(code, w, "h_try")[0]
        found = kernel.symbols(code, w, lambda i: y[i], lambda: t)
        values = write_each(code, [*kernel.rate_expressions, *drift, *jacobian.values()], found)
        for i in range(kernel.n):
            f[i] = next(values)
        for i in range(kernel.n):
            # Where the clock stands at a kink, as t**a at 0, the step does without df/dt.
            drift_i = next(values)
            ft[i] = code.select(code.finite(drift_i), drift_i, 0.0)
        shift = 1.0 / (self.method.gamma * h)
        kernel.rows(code, w, "pivots")[0] = self.lu.factor(code, w, zip(jacobian, values, strict=True), shift)
        code.end()

    def write_step(self, *, drifting: bool) -> None:
        kernel, method, n = self.kernel, self.method, self.kernel.n
        code, (w,) = kernel.function("step")
        t, h = kernel.rows(code, w, "t")[0], kernel.rows(code, w, "h_try")[0]
        y, x, f, ft, k = (kernel.rows(code, w, name) for name in ("y", "x", "f", "drift", "k"))
        code.call_function(kernel.module.globals["factor"], w)
        per_h = 1.0 / h
        for s in range(method.stages):
            slope = f
            if s > 0:
                slope = kernel.rows(code, w, "d")
                for j in code.each(n):
                    x[j] = self._state(s, y, x, k, j)
                code.call_function(kernel.rates, w, t + float(method.alpha[s]) * h, x.pointer, slope.pointer)
            for j in code.each(n):
                right = slope[j]
                if s > 0:
                    right = right + per_h * _added(None, method.c[s], k, j, n)
                if drifting and abs(method.d[s]) > 1e-12:
                    right = right + (h * float(method.d[s])) * ft[j]
                k[j + s * n] = right
            code.call_function(kernel.module.globals["solve"], w, kernel.rows(code, w, "k", s * n).pointer)
        self._write_error(code, w)
        code.end()

    def _state(self, s: int, y: Rows, x: Rows, k: Rows, j: Any) -> Value:
        """State `j` at stage `s`: that of the stage before with its slope added where the weights say no more."""
        a, n = self.method.a, self.kernel.n
        if s > 1 and (a[s, : s - 1] == a[s - 1, : s - 1]).all() and a[s, s - 1] == 1.0:
            return x[j] + k[j + (s - 1) * n]
        return _added(y[j], a[s], k, j, n)

    def _write_error(self, code: Code, w: Value) -> None:
        """The new state, and the square of its error in units of the tolerance, the largest over states."""
        kernel, n = self.kernel, self.kernel.n
        y, x, atol = (kernel.rows(code, w, name) for name in ("y", "x", "atol"))
        error, rtol = kernel.rows(code, w, "k", (self.method.stages - 1) * n), kernel.rows(code, w, "rtol")[0]
        total, size = code.numbers(0.0), code.numbers(0.0)
        for j in code.each(n):
            new = x[j] + error[j]
            x[j] = new
            a, b = code.absolute(y[j]), code.absolute(new)
            scale = atol[j] + rtol * code.select(a > b, a, b)
            part = error[j] / scale
            square = part * part
            total.set(code.maximum(square, total.get()))
            size.set(size.get() + scale + square * 0.0)  # not finite where an error is not
        largest = code.select(code.finite(size.get()), total.get(), float("nan"))
        kernel.rows(code, w, "error")[0] = largest + kernel.rows(code, w, "pivots")[0]


def _write_dense(kernel: Kernel) -> None:
    """``prepare_dense(w)`` and ``dense(w)`` as of an explicit method, by Hermite's cubic: to look for events only."""
    code, (w,) = kernel.function("prepare_dense")
    x, f_new = kernel.rows(code, w, "x"), kernel.rows(code, w, "f_new")
    code.call_function(kernel.rates, w, kernel.rows(code, w, "t_new")[0], x.pointer, f_new.pointer)
    code.end()
    code, (w,) = kernel.function("dense")
    theta, h = kernel.rows(code, w, "theta")[0], kernel.rows(code, w, "h_try")[0]
    y, x, f, f_new, d = (kernel.rows(code, w, name) for name in ("y", "x", "f", "f_new", "d"))
    rest = 1.0 - theta
    chord, first, last = theta * (3.0 - 2.0 * theta), h * rest * rest, h * theta * rest
    for j in code.each(kernel.n):
        d[j] = y[j] + theta * (chord * (x[j] - y[j]) + first * f[j] - last * f_new[j])
    code.end()


def _added(start: Value | None, weights: Any, k: Rows, j: Any, n: int) -> Value:
    total = start
    for s, weight in enumerate(weights):
        if weight != 0.0:
            term = k[j + s * n] * float(weight)
            total = term if total is None else total + term
    assert total is not None
    return total
