"""The loop that takes members through their stops, events and stored times, on lanes.

Each lane has its own member, time, step size, stop and status.  A lane whose member is
done takes the next one from a counter that all threads share; since lanes never mix,
which lane, thread or order a member meets makes no difference to its numbers.
"""

from __future__ import annotations

from llvmlite import ir

from pkpd.solvers.compiled.control import control_step, restart
from pkpd.solvers.compiled.events import cascade, pending
from pkpd.solvers.compiled.frame import ARGUMENTS, Control, Frame, make_frame
from pkpd.solvers.compiled.kernel import Kernel
from pkpd.solvers.compiled.lanes import Rows, function, publish, text
from pkpd.solvers.compiled.members import arrive, canceled, leave, take_members
from pkpd.solvers.compiled.roots import locate
from pkpd.solvers.compiled.shape import BIT, INT
from pkpd.solvers.compiled.stops import pass_stops
from pkpd.solvers.compiled.storage import store_due
from pkpd.solvers.compiled.value import Value
from pkpd.solvers.compiled.watching import watch

__all__ = ["write_driver"]

LISTENS = 64  # turns, a power of two, after which it looks whether it is canceled


def write_driver(kernel: Kernel, control: Control, method: str) -> None:
    """Write the public function ``run`` of `kernel`, and what its caller must know.

    The workspace must be aligned to a row and have as many rows, of as many lanes, as the
    constants ``rows`` and ``lanes`` say: none where it is private.  What integrates is told by the text ``method``.
    """
    code, values = function(kernel.module, "run", list(ARGUMENTS.values()), kernel.shape, public=True)
    values[0].raw.add_attribute("noalias")
    rows, lanes = (ir.Constant(INT, i) for i in (kernel.size * (not kernel.shape.private), kernel.shape.lanes))
    publish(kernel.module, rows=rows, lanes=lanes, method=text(method))
    _write_loop(make_frame(kernel, control, code, dict(zip(ARGUMENTS, values, strict=True))))


def _write_loop(frame: Frame) -> None:
    """Each turn takes one step in every lane, after those that came to a stop have been attended to.

    To look whether it is canceled costs a device as much as a part of a step, so that this is done
    when a member is taken and now and then: `LISTENS` steps of the largest model take 0.1 s.
    """
    code, a = frame.code, frame.a
    with code.when(a["begin"].differs(0)):
        _prepare(frame)
    turns = code.variable(INT, code.load(a["turns"].raw, 0))
    stopped = code.variable(BIT, 0)
    with code.forever() as turn:
        with code.when(frame.attention.get()):
            _attend(frame)
        with code.when((turns.get() & (LISTENS - 1)).equals(0)):
            stopped.set(canceled(frame))
        turn.leave_when(~code.any(frame.live()) | stopped.get() | turns.get().equals(0))
        _step(frame)
        turns.set(turns.get() - 1)
    code.store(a["turns"].raw, 0, turns.get())
    code.end()


def _prepare(frame: Frame) -> None:
    """Empty lanes: nothing of what the workspace held before can show in a number."""
    code, size = frame.code, frame.kernel.size
    everything = Rows(code, frame.workspace.raw)
    for row in code.each(size):
        everything[row] = 0.0
    for j in code.each(frame.kernel.n):
        frame.rows("atol")[j] = code.splat(code.load(frame.a["atol"].raw, j))
    frame.put("rtol", code.splat(frame.a["rtol"]))


def _attend(frame: Frame) -> None:
    """Pass stops, let members leave, take new ones, and restart after a discontinuity."""
    code = frame.code
    more = code.variable(BIT, 1)
    with code.forever() as filling:
        arrive(frame)
        pass_stops(frame)
        leave(frame)
        filling.leave_when(~(code.any(~frame.live()) & more.get()))
        take_members(frame, more)
    fresh = frame.live() & frame.get("h").equals(0.0)
    with code.when(code.any(fresh)):
        restart(frame, fresh)
    frame.attention.set(0)


def _step(frame: Frame) -> None:
    """One step in every lane, which never passes its next stop, its end or an event."""
    code = frame.code
    live, t, h = frame.live(), frame.get("t"), frame.get("h")
    stop_at, end = frame.get("stop_at"), frame.get("end")
    limit = code.select(stop_at < end, stop_at, end)
    clipped = (frame.get("clip") > 0.0) & (frame.get("save_at") < limit)
    limit = code.select(clipped, frame.get("save_at"), limit)
    left = limit - t
    lands = h * (1 + 1e-12) >= left
    # Two equal steps to the limit rather than a long one and a scrap.
    h_try = code.select(lands, left, code.select(2.0 * h > left, 0.5 * left, h))
    frame.put("h_try", h_try)
    frame.put("t_new", code.select(lands, limit, t + h_try))
    frame.call_named("step")
    accepted = live & (frame.get("error") <= 1.0)
    control_step(frame, accepted, h_try, h)
    if frame.kernel.searched:
        locate(frame, accepted)
    if frame.kernel.events > frame.kernel.searched:
        watch(frame, accepted)
    store_due(frame, accepted)
    _advance(frame, accepted)


def _advance(frame: Frame, accepted: Value) -> None:
    """Stand at the end of the steps `accepted`, and fire what is due there."""
    code, n = frame.code, frame.kernel.n
    y, x, k = frame.rows("y"), frame.rows("x"), frame.rows("k")
    last = (frame.control.stages - 1) * n
    for j in code.each(n):
        y[j] = code.replaced(accepted, x[j], y[j])
        if frame.control.stability is not None:
            k[j] = code.replaced(accepted, k[j + last], k[j])
    frame.put_where(accepted, "t", frame.get("t_new"))
    t = frame.get("t")
    if frame.kernel.events:
        due = code.any(accepted & pending(frame))
        with code.when(due):
            frame.put("chain", 0.0)
            cascade(frame)
    frame.alert(accepted & ((t >= frame.get("end")) | t.equals(frame.get("stop_at")) | frame.get("h").equals(0.0)))
