"""Members come to a lane, and leave it with all that they have come to."""

from __future__ import annotations

from typing import Any

from pkpd.solvers.compiled.events import arm
from pkpd.solvers.compiled.frame import STIFF, Frame
from pkpd.solvers.compiled.lanes import Value
from pkpd.solvers.compiled.stops import load_stop
from pkpd.solvers.compiled.storage import blank, load_save, store_state
from pkpd.solvers.problem import Status

__all__ = ["leave", "take_members"]


def take_members(frame: Frame, more: Any) -> None:
    """Give every idle lane the next member."""
    code, a = frame.code, frame.a
    frame.put("fresh", 0.0)
    with code.each_lane(~frame.live()) as lane:
        taken = Value(code, code.builder.atomic_rmw("add", a["next"].raw, code.whole(1).raw, "monotonic"))
        more.set(taken < a["count"])
        with code.when(taken < a["count"]):
            _load(frame, lane, code.load(a["order"].raw, taken))
    fresh = frame.get("fresh") > 0.0
    for name in ("h", "failed", "stiff", "since", "taken"):
        frame.put_where(fresh, name, 0.0)
    frame.call(frame.kernel.hold)
    if frame.kernel.events:
        arm(frame, fresh)
    finite = fresh
    for j in range(frame.kernel.n):
        finite = finite & code.finite(frame.rows("y")[j])
    frame.put_where(fresh & ~finite, "failed", float(Status.not_finite))
    held_back = frame.get("stop_at").equals(frame.get("t")) & ~frame.before
    store_state(frame, fresh & finite & ~held_back)


def _load(frame: Frame, lane: Value, m: Value) -> None:
    code, a, members = frame.code, frame.a, frame.a["members"]
    code.store(frame.member, lane, m)
    for name, source in (("p", "parameters"), ("y", "states"), ("armed", "armed")):
        rows, count = frame.rows(name), frame.count(name)
        with code.each(count) as i:
            rows.set_lane(i, lane, code.load(a[source].raw, i * members + m))
    frame.rows("t").set_lane(0, lane, code.load(a["at"].raw, m))
    code.store(frame.stop, lane, code.load(a["stop"].raw, m))
    code.store(frame.saved, lane, code.load(a["saved"].raw, m))
    load_stop(frame, lane, m)
    load_save(frame, lane, m)
    row = m * a["own_times"]
    times = code.load(a["counts"].raw, row)
    frame.rows("end").set_lane(0, lane, code.load(a["times"].raw, row * a["stored"] + times - 1))
    frame.rows("clip").set_lane(0, lane, 0.0)
    with code.when(times <= a["few"]):
        frame.rows("clip").set_lane(0, lane, 1.0)
    for name in ("live", "fresh"):
        frame.rows(name).set_lane(0, lane, 1.0)


def leave(frame: Frame) -> None:
    """Write back the members that are done or failed."""
    code, a = frame.code, frame.a
    done = frame.live() & ((frame.get("t") >= frame.get("end")) | (frame.get("failed") > 0.0))
    with code.each_lane(done) as lane:
        m = code.load(frame.member, lane)
        status = frame.rows("failed").lane(0, lane).to_whole()
        steps = frame.rows("taken").lane(0, lane).to_whole()
        code.store(a["status"].raw, m, status)
        code.store(a["steps"].raw, m, code.load(a["steps"].raw, m) + steps)
        code.store(a["at"].raw, m, frame.rows("t").lane(0, lane))
        code.store(a["stop"].raw, m, code.load(frame.stop, lane))
        code.store(a["saved"].raw, m, code.load(frame.saved, lane))
        for name, source in (("y", "states"), ("armed", "armed")):
            with code.each(frame.count(name)) as i:
                code.store(a[source].raw, i * a["members"] + m, frame.rows(name).lane(i, lane))
        with code.when(status.differs(STIFF)):
            blank(frame, lane, m)
        frame.rows("live").set_lane(0, lane, 0.0)
