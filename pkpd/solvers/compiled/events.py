"""Events: when they are armed, when they fire, and what they set off.

An event fires when its trigger falls below zero while it is armed, and once only until its
trigger has been above zero again.
"""

from __future__ import annotations

from pkpd.solvers.compiled.frame import Frame
from pkpd.solvers.compiled.value import Value
from pkpd.solvers.problem import Status

__all__ = ["arm", "cascade", "jump", "pending"]

LONGEST_CASCADE = 1000.0  # events that fire one another at one time


def arm(frame: Frame, fresh: Value) -> None:
    """Arm, in new members, the events whose condition does not hold already."""
    code = frame.code
    frame.triggers(frame.get("t"), "y", "trigger")
    for e in range(frame.kernel.events):
        armed = frame.rows("armed")[e]
        start = code.select(_holds(frame, e), 0.0, code.number(1.0))
        frame.rows("armed")[e] = code.select(fresh & (armed < 0.0), start, armed)


def _holds(frame: Frame, e: int) -> Value:
    """Whether the condition of an event holds; one that is no number counts as if it did."""
    trigger = frame.rows("trigger")[e]
    return ~(trigger >= 0.0) if frame.kernel.model.strictness[e] else ~(trigger > 0.0)


def jump(frame: Frame, generation: Value) -> None:
    """One jump in every lane where `which` names one; an armed event whose condition then holds becomes pending."""
    code, events = frame.code, frame.kernel.events
    frame.triggers(frame.get("t"), "y", "was")
    frame.call(frame.kernel.changes)
    y, d = frame.rows("y"), frame.rows("d")
    for j in code.each(frame.kernel.n):
        y[j] = d[j]
    frame.triggers(frame.get("t"), "y", "trigger")
    jumped = frame.get("which") >= 0.0
    for e in range(events):
        armed, now, was = (frame.rows(name)[e] for name in ("armed", "trigger", "was"))
        fired = jumped & (armed > 0.0) & ~now.is_nan() & _holds(frame, e)
        # An event that just fired stays quiet until its trigger has truly risen again.
        risen = jumped & (now > 0.0) & (now > was)
        frame.rows("armed")[e] = code.select(risen, 1.0, code.select(fired, 0.0, armed))
        frame.rows("pending")[e] = code.select(fired, generation, frame.rows("pending")[e])
    frame.put_where(jumped, "h", 0.0)


def cascade(frame: Frame) -> None:
    """Fire the pending events: those set off last first, and those in order of declaration."""
    code = frame.code
    if not frame.kernel.events:
        return
    with code.forever() as firing:
        latest = _next_pending(frame)
        fires = frame.get("which") >= 0.0
        firing.leave_when(~code.any(fires))
        _log(frame)
        frame.put_where(fires, "chain", frame.get("chain") + 1.0)
        jump(frame, latest + 1.0)
        endless = frame.get("chain") > LONGEST_CASCADE
        frame.put_where(endless, "failed", float(Status.endless_events))
        for e in range(frame.kernel.events):
            frame.rows("pending")[e] = code.select(endless, 0.0, frame.rows("pending")[e])


def _next_pending(frame: Frame) -> Value:
    """Put the number of the jump of the event to fire in row ``which``, -1 where none is; its generation."""
    code, first = frame.code, len(frame.kernel.model.jumps)
    latest, which = code.number(0.0), code.number(-1.0)
    for e in range(frame.kernel.events):
        generation = frame.rows("pending")[e]
        later = generation > latest
        latest, which = code.select(later, generation, latest), code.select(later, float(first + e), which)
    frame.put("which", which)
    return latest


def _log(frame: Frame) -> None:
    """The event in row ``which`` is pending no longer; it is counted, and the time is kept of its first."""
    code, jumps, t = frame.code, len(frame.kernel.model.jumps), frame.get("t")
    pending, fired, first = (frame.rows(name) for name in ("pending", "fired", "first"))
    for e in range(frame.kernel.events):
        chosen = frame.get("which").equals(float(jumps + e))
        pending[e] = code.select(chosen, 0.0, pending[e])
        fired[e] = code.select(chosen, fired[e] + 1.0, fired[e])
        first[e] = code.select(chosen & (t < first[e]), t, first[e])


def pending(frame: Frame) -> Value:
    """The lanes in which an event waits to fire."""
    mask = frame.rows("pending")[0] > 0.0
    for e in range(1, frame.kernel.events):
        mask = mask | (frame.rows("pending")[e] > 0.0)
    return mask
