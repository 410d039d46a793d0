"""Members come to a lane, and leave it with all that they have come to.

The arrays of the caller hold all that another call needs to go on with a member.
"""

from __future__ import annotations

from typing import Any

from pkpd.solvers.compiled.events import arm
from pkpd.solvers.compiled.frame import Frame
from pkpd.solvers.compiled.stops import load_stop
from pkpd.solvers.compiled.storage import blank, load_save, store_state
from pkpd.solvers.compiled.value import Value
from pkpd.solvers.problem import STIFF, Status

__all__ = ["arrive", "canceled", "leave", "take_members"]

# The rows of a member that another call goes on with, and the arguments that hold them.
STANDING = (("y", "states"), ("armed", "armed"), ("fired", "fired"), ("first", "first"))


def canceled(frame: Frame) -> Value:
    """Whether the caller wants no more."""
    code = frame.code
    return Value(code, code.builder.load_atomic(frame.a["cancel"].raw, "monotonic", 8)).differs(0)


def take_members(frame: Frame, more: Any) -> None:
    """Give every idle lane the next member."""
    code, a = frame.code, frame.a
    frame.put("fresh", 0.0)
    for lane in code.each_lane(~frame.live()):
        taken = Value(code, code.builder.atomic_rmw("add", a["next"].raw, code.whole(1).raw, "monotonic"))
        more.set((taken < a["count"]) & ~canceled(frame))
        with code.when(more.get()):
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


def _load(frame: Frame, lane: Any, m: Value) -> None:
    """Put member `m` where it stands into a lane."""
    code, a, members = frame.code, frame.a, frame.a["members"]
    code.store(frame.member, lane, m)
    for name, source in (("p", "parameters"), *STANDING):
        rows, count = frame.rows(name), frame.count(name)
        for i in code.each(count):
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


def arrive(frame: Frame) -> None:
    """Write back the members that have come to their end, as they stand before any jump there."""
    arrived = frame.running() & (frame.get("t") >= frame.get("end"))
    for lane in frame.code.each_lane(arrived):
        _write_back(frame, lane)


def _write_back(frame: Frame, lane: Any) -> None:
    """Where the member of a lane stands."""
    code, a, m = frame.code, frame.a, frame.code.load(frame.member, lane)
    code.store(a["at"].raw, m, frame.rows("t").lane(0, lane))
    code.store(a["stop"].raw, m, code.load(frame.stop, lane))
    for name, source in STANDING:
        for i in code.each(frame.count(name)):
            code.store(a[source].raw, i * a["members"] + m, frame.rows(name).lane(i, lane))


def leave(frame: Frame) -> None:
    """Let go of the members that are done or failed; `arrive` has written back those that are done."""
    code, a = frame.code, frame.a
    done = frame.live() & ((frame.get("t") >= frame.get("end")) | (frame.get("failed") > 0.0))
    for lane in code.each_lane(done):
        m = code.load(frame.member, lane)
        status = frame.rows("failed").lane(0, lane).to_whole()
        steps = frame.rows("taken").lane(0, lane).to_whole()
        code.store(a["status"].raw, m, status)
        code.store(a["steps"].raw, m, code.load(a["steps"].raw, m) + steps)
        code.store(a["saved"].raw, m, code.load(frame.saved, lane))
        with code.when(status.differs(Status.ok)):
            _write_back(frame, lane)
        with code.when(status.differs(STIFF)):
            blank(frame, lane, m)
        frame.rows("live").set_lane(0, lane, 0.0)
