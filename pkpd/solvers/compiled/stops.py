"""The stops of a schedule: no step passes one, and each is made once."""

from __future__ import annotations

from typing import Any

from pkpd.solvers.compiled.events import cascade, jump
from pkpd.solvers.compiled.frame import INFINITY, Frame
from pkpd.solvers.compiled.storage import store_state
from pkpd.solvers.compiled.value import Value

__all__ = ["load_stop", "pass_stops"]


def load_stop(frame: Frame, lane: Any, m: Value) -> None:
    """The time of the next stop of a lane, and the input rates until then."""
    code, a = frame.code, frame.a
    row, stop = m * a["own_schedule"], code.load(frame.stop, lane)
    inputs = frame.count("u")
    for i in code.each(inputs):
        place = (row * (a["stops"] + 1) + stop) * inputs + i
        frame.rows("u").set_lane(i, lane, code.load(a["input_values"].raw, place))
    frame.rows("stop_at").set_lane(0, lane, INFINITY)
    with code.when(stop < a["stops"]):
        frame.rows("stop_at").set_lane(0, lane, code.load(a["stop_times"].raw, row * a["stops"] + stop))


def pass_stops(frame: Frame) -> None:
    """Make every jump that is due at the present time of a lane; those at its end only to be stored."""
    code = frame.code
    frame.put("chain", 0.0)
    with code.forever() as passing:
        onward = (frame.get("t") < frame.get("end")) | ~frame.before
        at = frame.running() & frame.get("stop_at").equals(frame.get("t")) & onward
        passing.leave_when(~code.any(at))
        frame.put("which", -1.0)
        for lane in code.each_lane(at):
            _read_stop(frame, lane)
        _change(frame)
        for lane in code.each_lane(at):
            code.store(frame.stop, lane, code.load(frame.stop, lane) + 1)
            load_stop(frame, lane, code.load(frame.member, lane))
        frame.call(frame.kernel.hold)
        for name in ("since", "h", "stiff"):
            frame.put_where(at, name, 0.0)
        store_state(frame, at & (frame.get("stop_at") > frame.get("t")) & ~frame.before)


def _read_stop(frame: Frame, lane: Any) -> None:
    """Put the jump of a lane's next stop, -1 where it has none, and its dose in rows ``which`` and ``amount``."""
    code, a = frame.code, frame.a
    row = code.load(frame.member, lane) * a["own_schedule"]
    place = row * a["stops"] + code.load(frame.stop, lane)
    frame.rows("which").set_lane(0, lane, code.load(a["jumps"].raw, place).to_real())
    frame.rows("amount").set_lane(0, lane, code.load(a["amounts"].raw, place))


def _change(frame: Frame) -> None:
    """Make the jumps in row ``which``, then the events that they set off."""
    jump(frame, frame.code.number(1.0))
    cascade(frame)
