"""Where within a step a trigger changes its sign, though it may not show at the end of the step.

The step is cut into parts.  At the ends of each part both the triggers and their slopes
along the trajectory are known: a trigger that is positive at both ends, falls at the first
and rises at the second has a minimum between, which is sought on the dense output by a
root of the slope.  So is the top of a trigger that is below zero at both ends, where an
event is armed again for a moment.  What turns twice within one part is not seen.
"""

from __future__ import annotations

from pkpd.solvers.compiled.frame import INFINITY, Frame
from pkpd.solvers.compiled.lanes import Variable
from pkpd.solvers.compiled.value import Value

__all__ = ["search_step"]

PARTS = 4  # of a step
MOST_LOOKS = 40  # at one extremum
AT_ONCE = 2.0**-45  # of the step
NARROW = 2.0**-26  # of the step: the value at an extremum is then known to rounding


def search_step(frame: Frame, accepted: Value) -> Value:
    """The lanes whose step must not end where it does, with a bracket in the rows ``low`` and ``high``.

    At ``low`` no armed event has fired; at ``high`` one has, or one has been armed again,
    and nothing else happens between.  The row ``ready`` tells which events are armed at ``low``.
    """
    code, rows = frame.code, frame.rows
    _start(frame)
    unsettled, within = code.truths(accepted), code.truths(False)
    for part in code.repeat(PARTS):
        begin = code.splat(part.to_real()) * (1.0 / PARTS)
        end = begin + 1.0 / PARTS
        _look(frame, end, "trigger", "slope")
        frame.put("nearest", INFINITY)
        for e in code.each(frame.kernel.searched):
            _inspect(frame, e, begin, end, unsettled.get())
        hits = unsettled.get() & (frame.get("nearest") < INFINITY)
        _bracket(frame, hits, begin)
        within.set(within.get() | hits)
        unsettled.set(unsettled.get() & ~hits)
        for e in code.each(frame.kernel.searched):
            risen = unsettled.get() & (rows("trigger")[e] > 0.0)
            rows("ready")[e] = code.select(risen, 1.0, rows("ready")[e])
            rows("was")[e] = code.select(unsettled.get(), rows("trigger")[e], rows("was")[e])
            rows("was_slope")[e] = rows("slope")[e]
    return within.get()


def _start(frame: Frame) -> None:
    """Triggers, their slopes and what is armed at the start of the step."""
    frame.triggers(frame.get("t"), "y", "was")
    frame.trigger_slopes(frame.get("t"), "y", "was_slope")
    for e in frame.code.each(frame.kernel.searched):
        # A change of an input at a stop may have raised it.
        frame.rows("ready")[e] = frame.code.select(frame.rows("was")[e] > 0.0, 1.0, frame.rows("armed")[e])
    frame.put("low", 0.0)
    frame.put("high", frame.get("h_try"))
    frame.call_named("prepare_dense")


def _look(frame: Frame, theta: Value, values: str, slopes: str) -> None:
    """The triggers and their slopes at the part `theta` of the step; its end is the new state itself."""
    code, x, d = frame.code, frame.rows("x"), frame.rows("d")
    frame.put("theta", theta)
    frame.call_named("dense")
    at_end = theta.equals(1.0)
    for j in code.each(frame.kernel.n):
        d[j] = code.select(at_end, x[j], d[j])
    t = code.select(at_end, frame.get("t_new"), frame.get("t") + theta * frame.get("h_try"))
    frame.triggers(t, "d", values)
    frame.trigger_slopes(t, "d", slopes)


def _inspect(frame: Frame, e: Value, begin: Value, end: Value, unsettled: Value) -> None:
    """Move the row ``nearest`` to where the event `e` has fired, or has been armed, if that is nearer."""
    code = frame.code
    ready, was, now, before, after = (frame.rows(n)[e] for n in ("ready", "was", "trigger", "was_slope", "slope"))
    armed = ready > 0.0
    fallen = unsettled & armed & (was < 0.0)  # by a change of an input at a stop
    falls = unsettled & armed & (now < 0.0)
    dips = unsettled & armed & (was >= 0.0) & (now >= 0.0) & (before < 0.0) & (after > 0.0)
    peaks = unsettled & ~armed & (was <= 0.0) & (now <= 0.0) & (before > 0.0) & (after < 0.0)
    place = code.numbers(code.select(falls, end, INFINITY))
    with code.when(code.any(dips | peaks)):
        extremum = _seek_extremum(frame, e, begin, end, dips, peaks)
        place.set(code.select(falls, place.get(), extremum.get()))
    place.set(code.select(fallen, begin + AT_ONCE, place.get()))
    frame.put("nearest", code.smaller(frame.get("nearest"), place.get()))


def _seek_extremum(frame: Frame, e: Value, begin: Value, end: Value, dips: Value, peaks: Value) -> Variable:
    """Where trigger `e` is below zero in a dip, or above it at a peak; infinity where it is not.

    A root of the slope by the Illinois method; every fourth look halves.
    """
    code = frame.code
    place, searching = code.numbers(INFINITY), code.truths(dips | peaks)
    low, high = code.numbers(begin), code.numbers(end)
    s_low, s_high = (code.numbers(frame.rows(name)[e]) for name in ("was_slope", "slope"))
    side, looks = code.numbers(0.0), code.numbers(0.0)
    with code.forever() as search:
        search.leave_when(~code.any(searching.get()))
        looks.set(looks.get() + 1.0)
        halves = (looks.get() * 0.25).equals(code.floor(looks.get() * 0.25))
        width = high.get() - low.get()
        chord = low.get() - s_low.get() * (width / (s_high.get() - s_low.get()))
        inside = (chord > low.get()) & (chord < high.get()) & ~halves
        middle = code.select(inside, chord, low.get() + 0.5 * width)
        _look(frame, middle, "inner", "inner_slope")
        value, slope = frame.rows("inner")[e], frame.rows("inner_slope")[e]
        past = (dips & (value < 0.0)) | (peaks & (value > 0.0))
        place.set(code.select(searching.get() & past, middle, place.get()))
        _narrow(low, high, s_low, s_high, side, middle, slope)
        open_ = ~past & slope.differs(0.0) & (high.get() - low.get() > NARROW) & (looks.get() < float(MOST_LOOKS))
        searching.set(searching.get() & open_)
    return place


def _narrow(
    low: Variable, high: Variable, s_low: Variable, s_high: Variable, side: Variable, middle: Value, slope: Value
) -> None:
    """Keep the part of the bracket in which the slope changes its sign; the weight of an end that stays is halved."""
    code = low.code
    upper = slope * s_low.get() > 0.0  # the extremum lies beyond the middle
    stays_high, stays_low = upper & (side.get() > 0.0), ~upper & (side.get() < 0.0)
    s_high.set(code.select(upper, code.select(stays_high, 0.5 * s_high.get(), s_high.get()), slope))
    s_low.set(code.select(upper, slope, code.select(stays_low, 0.5 * s_low.get(), s_low.get())))
    low.set(code.select(upper, middle, low.get()))
    high.set(code.select(upper, high.get(), middle))
    side.set(code.select(upper, 1.0, code.number(-1.0)))


def _bracket(frame: Frame, hits: Value, begin: Value) -> None:
    """Where a part `hits` something, that lies between the part's begin and the nearest place."""
    nearest, whole = frame.get("nearest"), frame.get("h_try")
    frame.put_where(hits, "low", begin * whole)
    frame.put_where(hits, "high", frame.code.select(nearest.equals(1.0), whole, nearest * whole))
