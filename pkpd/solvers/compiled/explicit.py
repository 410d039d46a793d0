"""One step of an explicit Runge-Kutta method on lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pkpd.solvers.compiled.driver import write_driver
from pkpd.solvers.compiled.frame import SCALARS, Control
from pkpd.solvers.compiled.kernel import Kernel
from pkpd.solvers.compiled.lanes import Code, Rows, Variable
from pkpd.solvers.compiled.shape import Shape
from pkpd.solvers.compiled.value import Value
from pkpd.solvers.equations.system import System
from pkpd.solvers.tableaus import Explicit

__all__ = ["explicit_kernel"]

STEEP = 0.25  # of the longest stable step: up to there what decays fast is integrated as accurately as all else


def explicit_kernel(model: System, method: Explicit, shape: Shape) -> Kernel:
    """The whole integrator of one model with an explicit method."""
    kernel = Kernel(model, method.all_stages, shape, watches=True)
    kernel.reserve(**dict.fromkeys(SCALARS, 1))
    kernel.write_functions()
    _write_step(kernel, method)
    _write_dense(kernel, method)
    write_driver(kernel, Control(method.error_order, method.stages, method.stability, dense=True), method.name)
    return kernel


def _write_step(kernel: Kernel, method: Explicit) -> None:
    """A function ``step(w)``.

    From rows ``t``, ``y``, ``h_try`` and the first of ``k`` it computes the new state (row
    ``x``); the square of its error in units of the tolerance, of the state with the largest,
    so that none hides behind the others (row ``error``); and the square of the step size
    times the steepest eigenvalue (row ``stiffness``).
    """
    last = method.stages - 1
    code, (w,) = kernel.function("step")
    for s in range(1, last + 1):
        # The last state but one is kept: with the last it tells the steepest eigenvalue.
        _write_stage(kernel, method, code, w, s, "g" if s == last - 1 else "x")
    _write_error(kernel, method, code, w)
    code.end()


def _write_stage(kernel: Kernel, method: Explicit, code: Code, w: Value, s: int, argument: str) -> None:
    """The slope of stage `s`; the state where it is taken goes to the row `argument`."""
    t, h = kernel.rows(code, w, "t")[0], kernel.rows(code, w, "h_try")[0]
    y, k, x = kernel.rows(code, w, "y"), kernel.rows(code, w, "k"), kernel.rows(code, w, argument)
    # What the newest slope adds comes last and in one operation: all else is summed while that slope is waited for.
    *earlier, newest = np.flatnonzero(method.a[s])
    scaled = h * float(method.a[s, newest])
    for j in code.each(kernel.n):
        known = y[j] + h * _combined(method.a[s, :newest], k, j, kernel.n) if earlier else y[j]
        x[j] = known + k[j + int(newest) * kernel.n] * scaled
    slopes = kernel.rows(code, w, "k", s * kernel.n)
    code.call_function(kernel.rates, w, t + float(method.c[s]) * h, x.pointer, slopes.pointer)


def _combined(weights: Any, k: Rows, j: Any, n: int) -> Value:
    terms = [(s, float(weight)) for s, weight in enumerate(weights) if weight != 0.0]
    s, weight = terms[0]
    total = k[j + s * n] * weight
    for s, weight in terms[1:]:
        total = total + k[j + s * n] * weight
    return total


def _write_error(kernel: Kernel, method: Explicit, code: Code, w: Value) -> None:
    """The error of the step that ends in row ``x``, and how steep it was.

    What is promised is that the error of each step is below the tolerance, measured by the
    larger of the state before and after.  Where the step is longer than a quarter of what is
    stable, what decays fast breaks that promise unseen: the combined estimate of DOP853 is too
    small there, and a state falls within a step by more than its tolerance may.  There the
    plain estimate counts, measured by the state after the step alone.
    """
    n, last = kernel.n, method.stages - 1
    y, x, g, k, atol = (kernel.rows(code, w, name) for name in ("y", "x", "g", "k", "atol"))
    rtol, h = kernel.rows(code, w, "rtol")[0], kernel.rows(code, w, "h_try")[0]
    estimates = method.errors[:1] if kernel.model.kinked else method.errors
    sums = [code.numbers(0.0) for _ in estimates]
    size, slopes, states = (code.numbers(0.0) for _ in range(3))
    for j in code.each(n):
        new = x[j]
        scale = atol[j] + rtol * _larger_size(code, y[j], new)
        weight = 1.0 / scale
        errors = [_combined(estimate, k, j, n) for estimate in estimates]
        for total, error in zip(sums, errors, strict=True):
            part = error * weight
            square = part * part
            total.set(code.maximum(square, total.get()))
            size.set(size.get() + square * 0.0)  # not finite where an error is not
        slope, state = (k[j + last * n] - k[j + (last - 1) * n]) * weight, (new - g[j]) * weight
        slopes.set(slopes.get() + slope * slope)
        states.set(states.get() + state * state)
        size.set(size.get() + scale)
    below = states.get()
    stiffness = code.select(below > 0.0, h * h * slopes.get() / below, 0.0)
    combined = code.numbers(_square(code, sums))
    steep = stiffness > (STEEP * method.stability) ** 2
    with code.when(code.any(steep)):
        combined.set(code.select(steep, _strict_square(kernel, estimates[0], code, w), combined.get()))
    bounded = code.select(code.finite(size.get()), combined.get(), float("nan"))
    kernel.rows(code, w, "error")[0] = h * h * bounded
    kernel.rows(code, w, "stiffness")[0] = stiffness


def _strict_square(kernel: Kernel, estimate: Any, code: Code, w: Value) -> Value:
    """The largest square of an estimate over the states, in units of the tolerance after the step."""
    x, k, atol = (kernel.rows(code, w, name) for name in ("x", "k", "atol"))
    rtol, largest = kernel.rows(code, w, "rtol")[0], code.numbers(0.0)
    for j in code.each(kernel.n):
        part = _combined(estimate, k, j, kernel.n) / (atol[j] + rtol * code.absolute(x[j]))
        largest.set(code.larger(part * part, largest.get()))
    return largest.get()


def _square(code: Code, sums: Sequence[Variable]) -> Value:
    """The square of one estimate, or of two combined as in DOP853."""
    square = sums[0].get()
    if len(sums) == 1:
        return square
    whole = square + 0.01 * sums[1].get()
    return code.select(whole > 0.0, square * square / whole, whole)


def _larger_size(code: Code, a: Value, b: Value) -> Value:
    """The larger size of two; NaN where `b` is."""
    a, b = code.absolute(a), code.absolute(b)
    return code.select(a > b, a, b)


def _write_dense(kernel: Kernel, method: Explicit) -> None:
    """``prepare_dense(w)``, and ``dense(w)``: the state at the part ``theta`` of the step, to row ``d``."""
    n = kernel.n
    code, (w,) = kernel.function("prepare_dense")
    for s in range(method.stages, method.all_stages):
        _write_stage(kernel, method, code, w, s, "d")
    code.end()
    code, (w,) = kernel.function("dense")
    theta, h = kernel.rows(code, w, "theta")[0], kernel.rows(code, w, "h_try")[0]
    y, k, d = (kernel.rows(code, w, name) for name in ("y", "k", "d"))
    weights = [(s, _polynomial(code, row, theta) * h) for s, row in enumerate(method.dense) if row.any()]
    for j in code.each(n):
        total = code.number(0.0)
        for s, weight in weights:
            total = total + k[j + s * n] * weight
        d[j] = y[j] + total
    code.end()


def _polynomial(code: Code, coefficients: Any, x: Value) -> Value:
    """A polynomial without a constant term, from its lowest coefficient on."""
    value = code.number(coefficients[-1])
    for c in coefficients[-2::-1]:
        value = value * x + float(c)
    return value * x
