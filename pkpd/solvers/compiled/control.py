"""The size of the first step and of the next, and who gives up."""

from __future__ import annotations

from pkpd.solvers.compiled.elementary import rough_power
from pkpd.solvers.compiled.frame import Frame
from pkpd.solvers.compiled.value import Value
from pkpd.solvers.problem import STIFF, Status
from pkpd.solvers.tableaus import GROW, SAFETY, SHRINK

__all__ = ["control_step", "restart"]

EPSILON = 2.0**-52
MEMORY = 0.02  # how much the error of the step before counts (Hairer, Norsett, Wanner II.4: beta)
STIFF_STEPS = 10  # steps in a row at the edge of stability


def restart(frame: Frame, fresh: Value) -> None:
    """The slope, and a first step, after a discontinuity (Hairer, Norsett, Wanner II.4)."""
    code, n = frame.code, frame.kernel.n
    y, x, g, d, atol = (frame.rows(name) for name in ("y", "x", "g", "d", "atol"))
    t, rtol = frame.get("t"), frame.get("rtol")
    frame.call(frame.kernel.rates, t, y.pointer, d.pointer)
    if frame.control.stability is not None:
        k = frame.rows("k")
        for j in code.each(n):
            k[j] = code.select(fresh, d[j], k[j])
    zero, one, two = (code.numbers(0.0) for _ in range(3))
    for j in code.each(n):
        weight = 1.0 / (atol[j] + rtol * code.absolute(y[j]))
        zero.set(zero.get() + (y[j] * weight) * (y[j] * weight))
        one.set(one.get() + (d[j] * weight) * (d[j] * weight))
    d0, d1 = (code.sqrt(v.get() * (1.0 / n)) for v in (zero, one))
    guess = code.select((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / code.select(d1 > 0.0, d1, 1.0))
    for j in code.each(n):
        x[j] = y[j] + guess * d[j]
    frame.call(frame.kernel.rates, t + guess, x.pointer, g.pointer)
    for j in code.each(n):
        part = (g[j] - d[j]) / (atol[j] + rtol * code.absolute(y[j]))
        two.set(two.get() + part * part)
    d2 = code.sqrt(two.get() * (1.0 / n)) / guess
    steepest = code.select(d1 > d2, d1, d2)
    step = rough_power(0.01 / steepest, 1 / frame.control.error_order)
    step = code.select(steepest <= 1e-15, code.larger(1e-3 * guess, 1e-6), step)
    step = code.smaller(step, 100.0 * guess)
    step = code.select(code.finite(step) & (step > 0.0), step, 1e-6)
    frame.put_where(fresh, "h", step)
    frame.put_where(fresh, "old_error", 1.0)


def control_step(frame: Frame, accepted: Value, h_try: Value, h: Value) -> None:
    """The next step size, and who gives up."""
    code, live, error = frame.code, frame.live(), frame.get("error")
    factor = SAFETY * rough_power(error, -0.5 * (1 / frame.control.error_order - 0.75 * MEMORY))
    factor = factor * rough_power(frame.get("old_error"), 0.5 * MEMORY)
    frame.put_where(accepted, "old_error", code.select(error > 1e-8, error, 1e-8))
    factor = code.select(factor > SHRINK, code.select(factor < GROW, factor, GROW), SHRINK)
    # A step cut short by a stop says little about how long the next may be.
    longer = h_try * factor
    cut = (h_try < 0.999 * h) & (longer < h)
    shorter = h_try * code.select(factor < SAFETY, factor, SAFETY)
    good = code.finite(error)
    frame.put("h", code.select(accepted, code.select(cut, h, longer), code.select(good, shorter, SHRINK * h_try)))
    for name in ("since", "taken"):
        frame.put(name, frame.get(name) + 1.0)
    size = code.larger(code.absolute(frame.get("t")), 1e-12)
    stuck = live & ~accepted & (h_try <= 16 * EPSILON * size)
    frame.put_where(stuck, "failed", code.select(good, float(Status.step_too_small), float(Status.not_finite)))
    weary = live & ~stuck & (frame.get("since") >= code.splat(frame.a["max_steps"]))
    frame.put_where(weary, "failed", float(Status.max_steps))
    _watch_stiffness(frame, accepted, h_try)
    frame.alert(live & (frame.get("failed") > 0.0))


def _watch_stiffness(frame: Frame, accepted: Value, h_try: Value) -> None:
    """Stiff is who stays at the edge of stability with many steps of this size still to go."""
    code, edge = frame.code, frame.control.stability
    if edge is None:
        return
    steep = frame.get("stiffness") > (0.9 * edge) ** 2
    count = frame.get("stiff") + 1.0
    frame.put_where(accepted, "stiff", code.select(steep, count, 0.0))
    far = (frame.get("end") - frame.get("t")) > code.splat(frame.a["patience"]) * h_try
    frame.put_where(accepted & (frame.get("stiff") >= float(STIFF_STEPS)) & far, "failed", float(STIFF))
