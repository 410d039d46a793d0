"""What is stored: each time once, in order, and NaN where a member has no value."""

from __future__ import annotations

from typing import Any

from pkpd.solvers.compiled.frame import INFINITY, Frame
from pkpd.solvers.compiled.lanes import Rows
from pkpd.solvers.compiled.value import Value

__all__ = ["blank", "load_save", "store_due", "store_state"]


def load_save(frame: Frame, lane: Any, m: Value) -> None:
    """The next time to store of a lane, infinite once all are stored."""
    code, a, saved = frame.code, frame.a, frame.code.load(frame.saved, lane)
    frame.rows("save_at").set_lane(0, lane, INFINITY)
    with code.when(saved < a["stored"]):
        place = m * a["own_times"] * a["stored"] + saved
        frame.rows("save_at").set_lane(0, lane, code.load(a["times"].raw, place))


def blank(frame: Frame, lane: Any, m: Value) -> None:
    """NaN from a failure on, and where a member has fewer times than others."""
    code, n = frame.code, frame.kernel.n
    saved = code.load(frame.saved, lane)
    for j in code.each(n):
        first = _place(frame, j, m, saved)
        for i in code.each(frame.a["stored"] - saved):
            code.store(frame.a["out"].raw, first + i, code.scalar(float("nan")))


def store_due(frame: Frame, accepted: Value) -> None:
    """Store all times that the step has reached; a time on a stop waits for the jump if asked."""
    code, t_new = frame.code, frame.get("t_new")
    with_end = frame.before | t_new.differs(frame.get("stop_at"))

    def due() -> Value:
        at = frame.get("save_at")
        return accepted & ((at < t_new) | (at.equals(t_new) & with_end))

    if frame.control.dense:
        with code.when(code.any(accepted & (frame.get("save_at") < t_new))):
            frame.call_named("prepare_dense")
    with code.forever() as storing:
        now = due()
        storing.leave_when(~code.any(now))
        rows = _interpolated(frame, now) if frame.control.dense else frame.rows("x")
        for lane in code.each_lane(now):
            _store_lane(frame, lane, rows)


def _interpolated(frame: Frame, due: Value) -> Rows:
    """The state at the next time to store of the lanes `due`."""
    x, d, at = frame.rows("x"), frame.rows("d"), frame.get("save_at")
    exact = at.equals(frame.get("t_new"))
    with frame.code.when(frame.code.any(due & ~exact)):
        frame.put("theta", (at - frame.get("t")) / frame.get("h_try"))
        frame.call_named("dense")
    for j in frame.code.each(frame.kernel.n):
        d[j] = frame.code.replaced(exact, x[j], d[j])
    return d


def store_state(frame: Frame, mask: Value) -> None:
    """Store the present state where the present time is one to store."""
    code = frame.code
    due = mask & frame.get("save_at").equals(frame.get("t"))
    for lane in code.each_lane(due):
        _store_lane(frame, lane, frame.rows("y"))


def _store_lane(frame: Frame, lane: Any, rows: Rows) -> None:
    """Store a lane's rows at its next time, which then is the one after."""
    code = frame.code
    m, saved = code.load(frame.member, lane), code.load(frame.saved, lane)
    for j in code.each(frame.kernel.n):
        code.store(frame.a["out"].raw, _place(frame, j, m, saved), rows.lane(j, lane))
    code.store(frame.saved, lane, saved + 1)
    load_save(frame, lane, m)


def _place(frame: Frame, j: Value, m: Value, saved: Value) -> Value:
    """Where in ``out``, of shape (states, members, times), a value belongs."""
    return (j * frame.a["members"] + m) * frame.a["stored"] + saved
