"""Events that only watch: what they change decides on no rate, so that no step ends for them.

Such an event is looked for at the end of a step and at parts of it, on Hermite's cubic
through the ends, and where its trigger has fallen below zero it is located on the dense
output.  What it changes is written to the state at the end of the step.
"""

from __future__ import annotations

from pkpd.solvers.compiled.frame import INFINITY, Frame
from pkpd.solvers.compiled.value import Value

__all__ = ["watch"]

PARTS = 4  # of a step
MOST_LOOKS = 40  # at one place
NARROW = 2.0**-40  # of the step


def watch(frame: Frame, accepted: Value) -> None:
    """Make the changes of the watching events that fire within the step of each lane."""
    code, rows = frame.code, frame.rows
    _start(frame, accepted)
    for part in code.repeat(PARTS):
        begin = code.splat(part.to_real()) * (1.0 / PARTS)
        _look(frame, begin + 1.0 / PARTS)
        for e in _watching(frame):
            _inspect(frame, e, begin, accepted)
    some = code.number(0.0) > 1.0
    for e in _watching(frame):
        some = some | (rows("slope")[e] < INFINITY)
        rows("armed")[e] = code.select(accepted, rows("ready")[e], rows("armed")[e])
    with code.when(code.any(some)):
        frame.call_named("prepare_dense")
        for e in _watching(frame):
            fired = rows("slope")[e] < INFINITY
            with code.when(code.any(fired)):
                _locate(frame, e, fired)
                _change(frame, e, fired)


def _watching(frame: Frame) -> range:
    return range(frame.kernel.searched, frame.kernel.events)


def _start(frame: Frame, accepted: Value) -> None:
    """The triggers at the start of the step; one that a stop has brought below zero fires there."""
    code, rows = frame.code, frame.rows
    frame.triggers(frame.get("t"), "y", "was")
    for e in _watching(frame):
        was, armed = rows("was")[e], rows("armed")[e]
        fallen = accepted & (armed > 0.0) & (was < 0.0)
        rows("ready")[e] = code.select(was > 0.0, 1.0, code.select(fallen, 0.0, armed))
        rows("slope")[e] = code.select(fallen, 0.0, INFINITY)
        rows("was_slope")[e] = code.number(0.0)
        rows("inner")[e] = rows("inner_slope")[e] = was


def _look(frame: Frame, theta: Value) -> None:
    """The triggers at the part `theta` of the step, in row ``trigger``; at its end those of the new state itself."""
    code, n = frame.code, frame.kernel.n
    y, x, k, d = (frame.rows(name) for name in ("y", "x", "k", "d"))
    h, last = frame.get("h_try"), (frame.control.stages - 1) * n
    rest = 1.0 - theta
    chord, first, end = theta * theta * (3.0 - 2.0 * theta), h * theta * rest * rest, h * theta * theta * rest
    for j in code.each(n):
        d[j] = y[j] + chord * (x[j] - y[j]) + first * k[j] - end * k[j + last]
    at_end = theta.equals(1.0)
    for j in code.each(n):
        d[j] = code.select(at_end, x[j], d[j])
    frame.triggers(code.select(at_end, frame.get("t_new"), frame.get("t") + theta * h), "d", "trigger")


def _inspect(frame: Frame, e: int, begin: Value, accepted: Value) -> None:
    """Keep the bracket of the first time that event `e` fires: rows ``was_slope`` to ``slope``, parts of the step."""
    code = frame.code
    ready, was, now, low, high, v_low, v_high = (
        frame.rows(name) for name in ("ready", "was", "trigger", "was_slope", "slope", "inner_slope", "inner")
    )
    fires = accepted & (ready[e] > 0.0) & (now[e] < 0.0)
    first = fires & high[e].equals(INFINITY)
    low[e] = code.select(first, begin, low[e])
    v_low[e] = code.select(first, was[e], v_low[e])
    v_high[e] = code.select(first, now[e], v_high[e])
    high[e] = code.select(first, begin + 1.0 / PARTS, high[e])
    ready[e] = code.select(now[e] > 0.0, 1.0, code.select(fires, 0.0, ready[e]))
    was[e] = now[e]


def _locate(frame: Frame, e: int, fired: Value) -> None:
    """Narrow the bracket of event `e` on the dense output, by the Illinois method; every fourth look halves."""
    code, rows = frame.code, frame.rows
    low, high, v_low, v_high = (code.numbers(rows(name)[e]) for name in ("was_slope", "slope", "inner_slope", "inner"))
    looks, side = code.numbers(0.0), code.numbers(0.0)
    with code.forever() as search:
        width = high.get() - low.get()
        search.leave_when(~code.any(fired & (width > NARROW) & (looks.get() < float(MOST_LOOKS))))
        looks.set(looks.get() + 1.0)
        halves = (looks.get() * 0.25).equals(code.floor(looks.get() * 0.25))
        chord = low.get() + width * (v_low.get() / (v_low.get() - v_high.get()))
        inside = (chord > low.get()) & (chord < high.get()) & ~halves
        middle = code.select(inside, chord, low.get() + 0.5 * width)
        _at(frame, middle)
        value = rows("trigger")[e]
        past = value < 0.0
        # The weight of an end that stays is halved.
        v_high.set(code.select(past, value, code.select(side.get() < 0.0, 0.5 * v_high.get(), v_high.get())))
        v_low.set(code.select(past, code.select(side.get() > 0.0, 0.5 * v_low.get(), v_low.get()), value))
        high.set(code.select(past, middle, high.get()))
        low.set(code.select(past, low.get(), middle))
        side.set(code.select(past, 1.0, code.number(-1.0)))
    rows("slope")[e] = code.select(fired, high.get(), rows("slope")[e])


def _at(frame: Frame, theta: Value) -> None:
    """The state at the part `theta` of the step, in row ``d``, and the triggers there."""
    frame.put("theta", theta)
    frame.call_named("dense")
    frame.triggers(frame.get("t") + theta * frame.get("h_try"), "d", "trigger")


def _change(frame: Frame, e: int, fired: Value) -> None:
    """Write what event `e` changes to the end of the step."""
    code, kernel = frame.code, frame.kernel
    y, x, g, d = (frame.rows(name) for name in ("y", "x", "g", "d"))
    constant = [j for j, rate in enumerate(kernel.model.rates) if rate == 0]
    t, place = code.numbers(frame.get("t")), code.select(fired, frame.rows("slope")[e], 0.0)
    _at(frame, place)
    for j in code.each(kernel.n):
        g[j] = y[j]
        y[j] = d[j]
    for i in constant:
        y[i] = x[i]  # with what other events have changed
    frame.put("t", t.get() + place * frame.get("h_try"))
    frame.put("which", code.select(fired, float(len(kernel.model.jumps) + e), -1.0))
    frame.call(kernel.changes)
    for i in constant:
        x[i] = code.select(fired, d[i], x[i])
    for j in code.each(kernel.n):
        y[j] = g[j]
    fires, first = frame.rows("fired"), frame.rows("first")
    fires[e] = code.select(fired, fires[e] + 1.0, fires[e])
    first[e] = code.select(fired & (frame.get("t") < first[e]), frame.get("t"), first[e])
    frame.put("t", t.get())
