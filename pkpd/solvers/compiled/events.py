"""Events: when they are armed, when they fire, and what they set off."""

from __future__ import annotations

from pkpd.solvers.compiled.frame import Frame
from pkpd.solvers.compiled.lanes import Value
from pkpd.solvers.problem import Status

__all__ = ["arm", "cascade", "jump", "pending"]

LONGEST_CASCADE = 1000.0  # events that fire one another at one time


def arm(frame: Frame, fresh: Value) -> None:
    """Arm, in new members, the events whose condition does not hold already."""
    code = frame.code
    frame.triggers(frame.get("t"), "y", "trigger")
    for e in range(frame.kernel.events):
        armed = frame.rows("armed")[e]
        start = code.select(frame.rows("trigger")[e] >= 0.0, 1.0, 0.0)
        frame.rows("armed")[e] = code.select(fresh & (armed < 0.0), start, armed)


def jump(frame: Frame, generation: Value) -> None:
    """One jump in every lane that `which` names one; events it sets off become pending."""
    code, events = frame.code, frame.kernel.events
    frame.triggers(frame.get("t"), "y", "was")
    frame.call(frame.kernel.changes)
    y, d = frame.rows("y"), frame.rows("d")
    with code.each(frame.kernel.n) as j:
        y[j] = d[j]
    frame.triggers(frame.get("t"), "y", "trigger")
    jumped = frame.get("which") >= 0.0
    for e in range(events):
        armed, now, was = (frame.rows(name)[e] for name in ("armed", "trigger", "was"))
        fired = jumped & (armed > 0.0) & (now < 0.0)
        # An event that just fired stays quiet until its trigger has truly risen again.
        risen = jumped & (now > 0.0) & (now > was)
        frame.rows("armed")[e] = code.select(risen, 1.0, code.select(fired, 0.0, armed))
        frame.rows("pending")[e] = code.select(fired, generation, frame.rows("pending")[e])
    frame.put_where(jumped, "h", 0.0)


def cascade(frame: Frame) -> None:
    """Fire the pending events: those set off last first, and those in order of declaration."""
    code, first = frame.code, len(frame.kernel.model.jumps)
    if not frame.kernel.events:
        return
    with code.forever() as firing:
        best, which = code.number(0.0), code.number(-1.0)
        for e in range(frame.kernel.events):
            pending = frame.rows("pending")[e]
            better = pending > best
            best, which = code.select(better, pending, best), code.select(better, float(first + e), which)
        fires = which >= 0.0
        firing.leave_when(~code.any(fires))
        frame.put("which", which)
        for e in range(frame.kernel.events):
            pending = frame.rows("pending")[e]
            frame.rows("pending")[e] = code.select(which.equals(float(first + e)), 0.0, pending)
        frame.put_where(fires, "chain", frame.get("chain") + 1.0)
        jump(frame, best + 1.0)
        endless = frame.get("chain") > LONGEST_CASCADE
        frame.put_where(endless, "failed", float(Status.step_too_small))
        for e in range(frame.kernel.events):
            frame.rows("pending")[e] = code.select(endless, 0.0, frame.rows("pending")[e])


def pending(frame: Frame) -> Value:
    mask = frame.rows("pending")[0] > 0.0
    for e in range(1, frame.kernel.events):
        mask = mask | (frame.rows("pending")[e] > 0.0)
    return mask
