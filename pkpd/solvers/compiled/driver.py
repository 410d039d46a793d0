"""The loop that takes members through their stops, events and stored times, on lanes.

Each lane has its own member, time, step size, stop and status.  A lane whose member is
done takes the next one from a counter that all threads share; since lanes never mix,
which lane, thread or order a member meets makes no difference to its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from pkpd.solvers.compiled.elementary import rough_power
from pkpd.solvers.compiled.kernel import POINTER, Kernel
from pkpd.solvers.compiled.lanes import BIT, DOUBLE, INT, LANES, VECTOR, Code, Rows, Value, function, publish, text

__all__ = ["ARGUMENTS", "STIFF", "Control", "write_driver"]

INFINITY = float("inf")
EPSILON = 2.0**-52
STIFF = 4  # a status of the driver's own: the member goes on with an implicit method
SAFETY, SHRINK, GROW = 0.9, 0.2, 8.0
MEMORY = 0.02  # how much the error of the step before counts (Hairer, Norsett, Wanner II.4: beta)
STIFF_STEPS = 10  # steps in a row at the edge of stability
ROOT_HALVINGS = 45  # an event is located to 2**-45 of its step
LOOKS = (0.75, 0.5, 0.25)  # parts of a step at which an event is looked for, the earliest last
LONGEST_CASCADE = 1000.0  # events that fire one another at one time

_D, _I = ir.PointerType(DOUBLE), ir.PointerType(INT)
# The arguments of the public function ``run``, in order.
ARGUMENTS: dict[str, Any] = {
    "workspace": POINTER,
    "next": _I, "count": INT, "order": _I, "cancel": _I, "members": INT,
    "parameters": _D, "states": _D, "at": _D, "stop": _I, "saved": _I, "armed": _D, "status": _I, "steps": _I,
    "stop_times": _D, "jumps": _I, "amounts": _D, "levels": _D, "stops": INT, "own_schedule": INT,
    "times": _D, "stored": INT, "own_times": INT, "counts": _I, "out": _D,
    "rtol": DOUBLE, "atol": _D, "before": INT, "max_steps": DOUBLE, "patience": DOUBLE, "few": INT,
}  # fmt: skip


@dataclass(frozen=True)
class Control:
    """What the driver must know of a method.

    Attributes
    ----------
    error_order
        The power of the step size in the local error.
    stages
        The number of slopes of a step.
    stability
        The edge of stability; None for an implicit method.
    dense
        Whether the method has an interpolant; without one the steps of every member must end
        on the times to store, as they do for who has no more than ``few`` of them.
    """

    error_order: int
    stages: int
    stability: float | None
    dense: bool


SCALARS = (
    "t", "t_new", "h", "h_try", "error", "old_error", "stiffness", "stiff", "stop_at", "save_at", "end", "clip",
    "since", "taken", "failed", "live", "fresh", "which", "amount", "theta", "rtol", "chain",
    "low", "high", "v_low", "v_high",
)  # fmt: skip


def write_driver(kernel: Kernel, control: Control, method: str) -> None:
    """Write the public function ``run`` of `kernel`, and what its caller must know.

    The workspace must be aligned for lanes and have as many rows as the constant ``rows``
    says; what integrates is told by the text ``method``.
    """
    code, values = function(kernel.module, "run", list(ARGUMENTS.values()), public=True)
    values[0].raw.add_attribute("noalias")
    publish(kernel.module, rows=ir.Constant(INT, kernel.size), method=text(method))
    _Driver(kernel, control, code, dict(zip(ARGUMENTS, values, strict=True))).write()


class _Driver:
    """The function ``run`` being written.  ``self.now.t`` is the value of row ``t``."""

    def __init__(self, kernel: Kernel, control: Control, code: Code, arguments: dict[str, Value]) -> None:
        self.kernel, self.control, self.code, self.a = kernel, control, code, arguments
        self.w = arguments["workspace"]
        self.member = code.allocate(INT, LANES)
        self.stop = code.allocate(INT, LANES)
        self.saved = code.allocate(INT, LANES)
        self.attention = code.variable(BIT, 1)
        self.before = code.splat(arguments["before"].differs(0))

    # ---- small things

    def rows(self, name: str) -> Rows:
        return self.kernel.rows(self.code, self.w, name)

    def get(self, name: str) -> Value:
        return self.rows(name)[0]

    def put(self, name: str, x: Any) -> None:
        self.rows(name)[0] = x

    def put_where(self, mask: Value, name: str, x: Any) -> None:
        self.put(name, self.code.select(mask, x, self.get(name)))

    def call(self, function: Any, *more: Any) -> None:
        self.code.call_function(function, self.w, *more)

    def live(self) -> Value:
        return self.get("live") > 0.0

    def running(self) -> Value:
        return self.live() & self.get("failed").equals(0.0)

    def triggers(self, t: Value, x: str, into: str) -> None:
        if self.kernel.events:
            self.call(self.kernel.triggers, t, self.rows(x).pointer, self.rows(into).pointer)

    # ---- the loop

    def write(self) -> None:
        code = self.code
        self._prepare()
        with code.forever() as turn:
            with code.when(self.attention.get()):
                self._attend()
            cancelled = Value(code, code.builder.load_atomic(self.a["cancel"].raw, "monotonic", 8))
            turn.leave_when(~code.any(self.live()) | cancelled.differs(0))
            self._step()
        code.end()

    def _prepare(self) -> None:
        code, size = self.code, self.kernel.size
        everything = Rows(code, self.w.raw)
        with code.each(size) as row:
            everything[row] = 0.0
        with code.each(self.kernel.n) as j:
            self.rows("atol")[j] = code.splat(code.load(self.a["atol"].raw, j))
        self.put("rtol", code.splat(self.a["rtol"]))

    def _attend(self) -> None:
        """Pass stops, let members leave, take new ones, and restart after a discontinuity."""
        code = self.code
        more = code.variable(BIT, 1)
        with code.forever() as filling:
            self._pass_stops()
            self._leave()
            filling.leave_when(~(code.any(~self.live()) & more.get()))
            self._take(more)
        fresh = self.live() & self.get("h").equals(0.0)
        with code.when(code.any(fresh)):
            self._restart(fresh)
        self.attention.set(0)

    # ---- members come and go

    def _take(self, more: Any) -> None:
        """Give every idle lane the next member."""
        code, a = self.code, self.a
        self.put("fresh", 0.0)
        with code.each_lane(~self.live()) as lane:
            taken = Value(code, code.builder.atomic_rmw("add", a["next"].raw, code.whole(1).raw, "monotonic"))
            more.set(taken < a["count"])
            with code.when(taken < a["count"]):
                self._load(lane, code.load(a["order"].raw, taken))
        fresh = self.get("fresh") > 0.0
        for name in ("h", "failed", "stiff", "since", "taken"):
            self.put_where(fresh, name, 0.0)
        self.call(self.kernel.hold)
        if self.kernel.events:
            self._arm(fresh)
        finite = fresh
        for j in range(self.kernel.n):
            finite = finite & code.finite(self.rows("y")[j])
        self.put_where(fresh & ~finite, "failed", 3.0)
        held_back = self.get("stop_at").equals(self.get("t")) & ~self.before
        self._store_state(fresh & finite & ~held_back)

    def _load(self, lane: Value, m: Value) -> None:
        code, a, members = self.code, self.a, self.a["members"]
        code.store(self.member, lane, m)
        for name, source in (("p", "parameters"), ("y", "states"), ("armed", "armed")):
            rows, count = self.rows(name), self._count(name)
            with code.each(count) as i:
                rows.set_lane(i, lane, code.load(a[source].raw, i * members + m))
        self.rows("t").set_lane(0, lane, code.load(a["at"].raw, m))
        code.store(self.stop, lane, code.load(a["stop"].raw, m))
        code.store(self.saved, lane, code.load(a["saved"].raw, m))
        self._load_stop(lane, m)
        self._load_save(lane, m)
        row = m * a["own_times"]
        times = code.load(a["counts"].raw, row)
        self.rows("end").set_lane(0, lane, code.load(a["times"].raw, row * a["stored"] + times - 1))
        self.rows("clip").set_lane(0, lane, 0.0)
        with code.when(times <= a["few"]):
            self.rows("clip").set_lane(0, lane, 1.0)
        for name in ("live", "fresh"):
            self.rows(name).set_lane(0, lane, 1.0)

    def _count(self, name: str) -> int:
        model = self.kernel.model
        return {"p": len(model.p), "y": self.kernel.n, "armed": self.kernel.events, "u": len(model.u)}[name]

    def _load_stop(self, lane: Value, m: Value) -> None:
        """The time of the next stop of a lane, and the input rates until then."""
        code, a = self.code, self.a
        row, stop = m * a["own_schedule"], code.load(self.stop, lane)
        inputs = self._count("u")
        with code.each(inputs) as i:
            place = (row * (a["stops"] + 1) + stop) * inputs + i
            self.rows("u").set_lane(i, lane, code.load(a["levels"].raw, place))
        self.rows("stop_at").set_lane(0, lane, INFINITY)
        with code.when(stop < a["stops"]):
            self.rows("stop_at").set_lane(0, lane, code.load(a["stop_times"].raw, row * a["stops"] + stop))

    def _load_save(self, lane: Value, m: Value) -> None:
        code, a, saved = self.code, self.a, self.code.load(self.saved, lane)
        self.rows("save_at").set_lane(0, lane, INFINITY)
        with code.when(saved < a["stored"]):
            place = m * a["own_times"] * a["stored"] + saved
            self.rows("save_at").set_lane(0, lane, code.load(a["times"].raw, place))

    def _arm(self, fresh: Value) -> None:
        """Arm, in new members, the events whose condition does not hold already."""
        code = self.code
        self.triggers(self.get("t"), "y", "trigger")
        for e in range(self.kernel.events):
            armed = self.rows("armed")[e]
            start = code.select(self.rows("trigger")[e] >= 0.0, 1.0, 0.0)
            self.rows("armed")[e] = code.select(fresh & (armed < 0.0), start, armed)

    def _leave(self) -> None:
        """Write back the members that are done or failed."""
        code, a = self.code, self.a
        done = self.live() & ((self.get("t") >= self.get("end")) | (self.get("failed") > 0.0))
        with code.each_lane(done) as lane:
            m = code.load(self.member, lane)
            status = self.rows("failed").lane(0, lane).to_whole()
            steps = self.rows("taken").lane(0, lane).to_whole()
            code.store(a["status"].raw, m, status)
            code.store(a["steps"].raw, m, code.load(a["steps"].raw, m) + steps)
            code.store(a["at"].raw, m, self.rows("t").lane(0, lane))
            code.store(a["stop"].raw, m, code.load(self.stop, lane))
            code.store(a["saved"].raw, m, code.load(self.saved, lane))
            for name, source in (("y", "states"), ("armed", "armed")):
                with code.each(self._count(name)) as i:
                    code.store(a[source].raw, i * a["members"] + m, self.rows(name).lane(i, lane))
            with code.when(status.differs(STIFF)):
                self._blank(lane, m)
            self.rows("live").set_lane(0, lane, 0.0)

    def _blank(self, lane: Value, m: Value) -> None:
        """NaN from a failure on, and where a member has fewer times than others."""
        code, n = self.code, self.kernel.n
        saved = code.load(self.saved, lane)
        with code.each(n) as j:
            first = self._place(j, m, saved)
            with code.each(self.a["stored"] - saved) as i:
                code.store(self.a["out"].raw, first + i, code.scalar(float("nan")))

    def _place(self, j: Value, m: Value, saved: Value) -> Value:
        """Where in ``out``, of shape (states, members, times), a value belongs."""
        return (j * self.a["members"] + m) * self.a["stored"] + saved

    # ---- stops and events

    def _pass_stops(self) -> None:
        """Make every jump that is due at the present time of a lane."""
        code = self.code
        self.put("chain", 0.0)
        with code.forever() as passing:
            at = self.running() & self.get("stop_at").equals(self.get("t"))
            passing.leave_when(~code.any(at))
            self.put("which", -1.0)
            with code.each_lane(at) as lane:
                self._read_stop(lane)
            self._change()
            with code.each_lane(at) as lane:
                code.store(self.stop, lane, code.load(self.stop, lane) + 1)
                self._load_stop(lane, code.load(self.member, lane))
            self.call(self.kernel.hold)
            for name in ("since", "h", "stiff"):
                self.put_where(at, name, 0.0)
            self._store_state(at & (self.get("stop_at") > self.get("t")) & ~self.before)

    def _read_stop(self, lane: Value) -> None:
        code, a = self.code, self.a
        row = code.load(self.member, lane) * a["own_schedule"]
        place = row * a["stops"] + code.load(self.stop, lane)
        self.rows("which").set_lane(0, lane, code.load(a["jumps"].raw, place).to_real())
        self.rows("amount").set_lane(0, lane, code.load(a["amounts"].raw, place))

    def _change(self) -> None:
        """Make the jumps in row ``which``, then the events that they set off."""
        self._jump(self.code.number(1.0))
        self._cascade()

    def _jump(self, generation: Value) -> None:
        """One jump in every lane that `which` names one; events it sets off become pending."""
        code, events = self.code, self.kernel.events
        self.triggers(self.get("t"), "y", "was")
        self.call(self.kernel.changes)
        y, d = self.rows("y"), self.rows("d")
        with code.each(self.kernel.n) as j:
            y[j] = d[j]
        self.triggers(self.get("t"), "y", "trigger")
        jumped = self.get("which") >= 0.0
        for e in range(events):
            armed, now, was = (self.rows(name)[e] for name in ("armed", "trigger", "was"))
            fired = jumped & (armed > 0.0) & (now < 0.0)
            # An event that just fired stays quiet until its trigger has truly risen again.
            risen = jumped & (now > 0.0) & (now > was)
            self.rows("armed")[e] = code.select(risen, 1.0, code.select(fired, 0.0, armed))
            self.rows("pending")[e] = code.select(fired, generation, self.rows("pending")[e])
        self.put_where(jumped, "h", 0.0)

    def _cascade(self) -> None:
        """Fire the pending events: those set off last first, and those in order of declaration."""
        code, first = self.code, len(self.kernel.model.jumps)
        if not self.kernel.events:
            return
        with code.forever() as firing:
            best, which = code.number(0.0), code.number(-1.0)
            for e in range(self.kernel.events):
                pending = self.rows("pending")[e]
                better = pending > best
                best, which = code.select(better, pending, best), code.select(better, float(first + e), which)
            fires = which >= 0.0
            firing.leave_when(~code.any(fires))
            self.put("which", which)
            for e in range(self.kernel.events):
                pending = self.rows("pending")[e]
                self.rows("pending")[e] = code.select(which.equals(float(first + e)), 0.0, pending)
            self.put_where(fires, "chain", self.get("chain") + 1.0)
            self._jump(best + 1.0)
            endless = self.get("chain") > LONGEST_CASCADE
            self.put_where(endless, "failed", 2.0)
            for e in range(self.kernel.events):
                self.rows("pending")[e] = code.select(endless, 0.0, self.rows("pending")[e])

    # ---- a step

    def _restart(self, fresh: Value) -> None:
        """The slope, and a first step, after a discontinuity (Hairer, Norsett, Wanner II.4)."""
        code, n = self.code, self.kernel.n
        y, x, g, d, atol = (self.rows(name) for name in ("y", "x", "g", "d", "atol"))
        t, rtol = self.get("t"), self.get("rtol")
        self.call(self.kernel.rates, t, y.pointer, d.pointer)
        if self.control.stability is not None:
            k = self.rows("k")
            with code.each(n) as j:
                k[j] = code.select(fresh, d[j], k[j])
        zero, one, two = (code.variable(VECTOR, 0.0) for _ in range(3))
        with code.each(n) as j:
            weight = 1.0 / (atol[j] + rtol * code.absolute(y[j]))
            zero.set(zero.get() + (y[j] * weight) * (y[j] * weight))
            one.set(one.get() + (d[j] * weight) * (d[j] * weight))
        d0, d1 = (code.sqrt(v.get() * (1.0 / n)) for v in (zero, one))
        guess = code.select((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / code.select(d1 > 0.0, d1, 1.0))
        with code.each(n) as j:
            x[j] = y[j] + guess * d[j]
        self.call(self.kernel.rates, t + guess, x.pointer, g.pointer)
        with code.each(n) as j:
            part = (g[j] - d[j]) / (atol[j] + rtol * code.absolute(y[j]))
            two.set(two.get() + part * part)
        d2 = code.sqrt(two.get() * (1.0 / n)) / guess
        steepest = code.select(d1 > d2, d1, d2)
        step = rough_power(0.01 / steepest, 1 / self.control.error_order)
        step = code.select(steepest <= 1e-15, code.larger(1e-3 * guess, 1e-6), step)
        step = code.smaller(step, 100.0 * guess)
        step = code.select(code.finite(step) & (step > 0.0), step, 1e-6)
        self.put_where(fresh, "h", step)
        self.put_where(fresh, "old_error", 1.0)

    def _step(self) -> None:
        code = self.code
        live, t, h = self.live(), self.get("t"), self.get("h")
        stop_at, end = self.get("stop_at"), self.get("end")
        limit = code.select(stop_at < end, stop_at, end)
        clipped = (self.get("clip") > 0.0) & (self.get("save_at") < limit)
        limit = code.select(clipped, self.get("save_at"), limit)
        left = limit - t
        lands = h * (1 + 1e-12) >= left
        # Two equal steps to the limit rather than a long one and a scrap.
        h_try = code.select(lands, left, code.select(2.0 * h > left, 0.5 * left, h))
        self.put("h_try", h_try)
        self.put("t_new", code.select(lands, limit, t + h_try))
        self.call(self.kernel.module.globals["step"])
        accepted = live & (self.get("error") <= 1.0)
        self._control(accepted, h_try, h)
        if self.kernel.events:
            self._locate(accepted)
        self._store_due(accepted)
        self._advance(accepted)

    def _control(self, accepted: Value, h_try: Value, h: Value) -> None:
        """The next step size, and who gives up."""
        code, live, error = self.code, self.live(), self.get("error")
        factor = SAFETY * rough_power(error, -0.5 * (1 / self.control.error_order - 0.75 * MEMORY))
        factor = factor * rough_power(self.get("old_error"), 0.5 * MEMORY)
        self.put_where(accepted, "old_error", code.select(error > 1e-8, error, 1e-8))
        factor = code.select(factor > SHRINK, code.select(factor < GROW, factor, GROW), SHRINK)
        # A step cut short by a stop says little about how long the next may be.
        longer = h_try * factor
        cut = (h_try < 0.999 * h) & (longer < h)
        shorter = h_try * code.select(factor < SAFETY, factor, SAFETY)
        good = code.finite(error)
        self.put("h", code.select(accepted, code.select(cut, h, longer), code.select(good, shorter, SHRINK * h_try)))
        for name in ("since", "taken"):
            self.put(name, self.get(name) + 1.0)
        size = code.larger(code.absolute(self.get("t")), 1e-12)
        stuck = live & ~accepted & (h_try <= 16 * EPSILON * size)
        self.put_where(stuck, "failed", code.select(good, 2.0, 3.0))
        weary = live & ~stuck & (self.get("since") >= code.splat(self.a["max_steps"]))
        self.put_where(weary, "failed", 1.0)
        self._watch_stiffness(accepted, h_try)
        self._alert(live & (self.get("failed") > 0.0))

    def _watch_stiffness(self, accepted: Value, h_try: Value) -> None:
        """Stiff is who stays at the edge of stability with many steps of this size still to go."""
        code, edge = self.code, self.control.stability
        if edge is None:
            return
        steep = self.get("stiffness") > (0.9 * edge) ** 2
        count = self.get("stiff") + 1.0
        self.put_where(accepted, "stiff", code.select(steep, count, 0.0))
        far = (self.get("end") - self.get("t")) > code.splat(self.a["patience"]) * h_try
        self.put_where(accepted & (self.get("stiff") >= float(STIFF_STEPS)) & far, "failed", float(STIFF))

    def _alert(self, mask: Value) -> None:
        self.attention.set(self.attention.get() | self.code.any(mask))

    def _advance(self, accepted: Value) -> None:
        code, n = self.code, self.kernel.n
        y, x, k = self.rows("y"), self.rows("x"), self.rows("k")
        last = (self.control.stages - 1) * n
        with code.each(n) as j:
            y[j] = code.select(accepted, x[j], y[j])
            if self.control.stability is not None:
                k[j] = code.select(accepted, k[j + last], k[j])
        self.put_where(accepted, "t", self.get("t_new"))
        t = self.get("t")
        if self.kernel.events:
            due = code.any(accepted & self._pending())
            with code.when(due):
                self.put("chain", 0.0)
                self._cascade()
        self._alert(accepted & ((t >= self.get("end")) | t.equals(self.get("stop_at")) | self.get("h").equals(0.0)))

    def _pending(self) -> Value:
        mask = self.rows("pending")[0] > 0.0
        for e in range(1, self.kernel.events):
            mask = mask | (self.rows("pending")[e] > 0.0)
        return mask

    # ---- the root of an event

    def _lowest(self, triggers: str = "trigger") -> Value:
        """The lowest trigger of the armed events."""
        code, lowest = self.code, self.code.number(INFINITY)
        for e in range(self.kernel.events):
            value = code.select(self.rows("armed")[e] > 0.0, self.rows(triggers)[e], INFINITY)
            lowest = code.select(value < lowest, value, lowest)
        return lowest

    def _locate(self, accepted: Value) -> None:
        """Shorten the step of each lane in which an armed event fires to the event, and mark it due."""
        code = self.code
        self.triggers(self.get("t_new"), "x", "trigger")
        self.put("high", self.get("h_try"))
        self.put("v_high", self._lowest())
        if self.control.dense:
            self._look_within()
        fired = accepted & (self.get("v_high") < 0.0)
        with code.when(code.any(fired)):
            self._bracket(fired)
            for e in range(self.kernel.events):
                armed, trigger = self.rows("armed")[e], self.rows("trigger")[e]
                due = fired & (armed > 0.0) & (trigger < 0.0)
                self.rows("pending")[e] = code.select(due, 1.0, self.rows("pending")[e])
                self.rows("armed")[e] = code.select(due, 0.0, armed)
            self.put_where(fired, "h", 0.0)
        for e in range(self.kernel.events):
            risen = accepted & (self.rows("trigger")[e] > 0.0)
            self.rows("armed")[e] = code.select(risen, 1.0, self.rows("armed")[e])

    def _look_within(self) -> None:
        """Look for triggers that fall below zero within the step and may be back at its end."""
        self.call(self.kernel.module.globals["prepare_dense"])
        for part in LOOKS:
            self.put("theta", part)
            self.call(self.kernel.module.globals["dense"])
            size = part * self.get("h_try")
            self.triggers(self.get("t") + size, "d", "was")
            value = self._lowest("was")
            self.put_where(value < 0.0, "high", size)
            self.put_where(value < 0.0, "v_high", value)

    def _bracket(self, fired: Value) -> None:
        """Redo the step with shorter sizes, down to the smallest after which an event has fired.

        The size is found by the bracketing method of Oliveira and Takahashi, ACM Trans
        Math Softw 2021;47:5, which needs no more steps than bisection and mostly far fewer.
        """
        code, t = self.code, self.get("t")
        whole, t_whole = code.variable(VECTOR, self.get("h_try")), code.variable(VECTOR, self.get("t_new"))
        self.put("low", 0.0)
        self.triggers(t, "y", "trigger")
        self.put("v_low", self._lowest())
        slack = code.variable(VECTOR, whole.get() * 0.5)
        tolerance = whole.get() * 2.0**-ROOT_HALVINGS

        def retry(size: Value) -> None:
            """Step by `size` where `fired`, and evaluate the triggers there."""
            unchanged = ~fired | size.equals(whole.get())
            self.put("h_try", code.select(unchanged, whole.get(), size))
            self.put("t_new", code.select(unchanged, t_whole.get(), t + size))
            self.call(self.kernel.module.globals["step"])
            self.triggers(self.get("t_new"), "x", "trigger")

        with code.forever() as search:
            low, high = self.get("low"), self.get("high")
            open_ = fired & (high - low > tolerance)
            search.leave_when(~code.any(open_))
            middle = self._next_size(low, high, slack.get(), whole.get())
            slack.set(slack.get() * 0.5)
            retry(code.select(open_, middle, high))
            value = self._lowest()
            past = value < 0.0
            self.put_where(open_ & past, "high", middle)
            self.put_where(open_ & past, "v_high", value)
            self.put_where(open_ & ~past, "low", middle)
            self.put_where(open_ & ~past, "v_low", value)
        retry(self.get("high"))

    def _next_size(self, low: Value, high: Value, slack: Value, whole: Value) -> Value:
        code = self.code
        v_low, v_high = self.get("v_low"), self.get("v_high")
        width, half = high - low, 0.5 * (low + high)
        chord = low + width * (v_low / (v_low - v_high))
        chord = code.select((chord >= low) & (chord <= high), chord, half)
        toward = code.select(half > chord, 1.0, -1.0)
        nudge = code.larger(0.2 * width * width / whole, whole * 2.0 ** -(ROOT_HALVINGS + 1))
        pushed = code.select(nudge <= code.absolute(half - chord), chord + toward * nudge, half)
        reach = code.larger(slack - 0.5 * width, 0.0) + whole * 2.0 ** -(ROOT_HALVINGS + 1)
        return code.select(code.absolute(pushed - half) <= reach, pushed, half - toward * reach)

    # ---- storing

    def _store_due(self, accepted: Value) -> None:
        """Store all times that the step has reached; a time on a stop waits for the jump if asked."""
        code, t_new = self.code, self.get("t_new")
        with_end = self.before | t_new.differs(self.get("stop_at"))

        def due() -> Value:
            at = self.get("save_at")
            return accepted & ((at < t_new) | (at.equals(t_new) & with_end))

        if self.control.dense:
            with code.when(code.any(accepted & (self.get("save_at") < t_new))):
                self.call(self.kernel.module.globals["prepare_dense"])
        with code.forever() as storing:
            now = due()
            storing.leave_when(~code.any(now))
            rows = self._interpolated() if self.control.dense else self.rows("x")
            with code.each_lane(now) as lane:
                self._store_lane(lane, rows)

    def _interpolated(self) -> Rows:
        """The state at the next time to store of each lane."""
        x, d, at = self.rows("x"), self.rows("d"), self.get("save_at")
        self.put("theta", (at - self.get("t")) / self.get("h_try"))
        self.call(self.kernel.module.globals["dense"])
        exact = at.equals(self.get("t_new"))
        with self.code.each(self.kernel.n) as j:
            d[j] = self.code.select(exact, x[j], d[j])
        return d

    def _store_state(self, mask: Value) -> None:
        """Store the present state where the present time is one to store."""
        code = self.code
        due = mask & self.get("save_at").equals(self.get("t"))
        with code.each_lane(due) as lane:
            self._store_lane(lane, self.rows("y"))

    def _store_lane(self, lane: Value, rows: Rows) -> None:
        code = self.code
        m, saved = code.load(self.member, lane), code.load(self.saved, lane)
        with code.each(self.kernel.n) as j:
            code.store(self.a["out"].raw, self._place(j, m, saved), rows.lane(j, lane))
        code.store(self.saved, lane, saved + 1)
        self._load_save(lane, m)
