"""What the functions that write the driver share: its arguments, its rows and its state.

A `Frame` is the function ``run`` while it is being written.  The rows of its workspace are
read and written by name; a mask tells which of the lanes an instruction concerns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from pkpd.solvers.compiled.kernel import Kernel
from pkpd.solvers.compiled.lanes import Code, Rows, Variable
from pkpd.solvers.compiled.shape import BIT, DOUBLE, INT
from pkpd.solvers.compiled.value import Value

__all__ = ["ARGUMENTS", "INFINITY", "SCALARS", "Control", "Frame", "make_frame"]

INFINITY = float("inf")

_D, _I = ir.PointerType(DOUBLE), ir.PointerType(INT)
# The arguments of the public function ``run``, in order.  It returns when all members are done, or when it has made
# as many ``turns`` as it may, of which it leaves there what is left.  Another call with the same workspace, and zero
# for ``begin``, goes on from there.
ARGUMENTS: dict[str, Any] = {
    "workspace": _D, "begin": INT, "turns": _I,
    "next": _I, "count": INT, "order": _I, "cancel": _I, "members": INT,
    "parameters": _D, "states": _D, "at": _D, "stop": _I, "saved": _I, "armed": _D, "fired": _D, "first": _D,
    "status": _I, "steps": _I,
    "stop_times": _D, "jumps": _I, "amounts": _D, "input_values": _D, "stops": INT, "own_schedule": INT,
    "times": _D, "stored": INT, "own_times": INT, "counts": _I, "out": _D,
    "rtol": DOUBLE, "atol": _D, "before": INT, "max_steps": DOUBLE, "patience": DOUBLE, "few": INT,
}  # fmt: skip

# The rows of one number for each lane; a whole number in the first three.
SCALARS = (
    "member", "stop", "saved",
    "t", "t_new", "h", "h_try", "error", "old_error", "stiffness", "stiff", "stop_at", "save_at", "end", "clip",
    "since", "taken", "failed", "live", "fresh", "which", "amount", "theta", "rtol", "chain",
    "low", "high", "v_low", "v_high", "nearest",
)  # fmt: skip


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
        Whether the method has an interpolant fit to be stored; without one the steps of every
        member must end on the times to store, as they do for who has no more than ``few`` of them.
    """

    error_order: int
    stages: int
    stability: float | None
    dense: bool


@dataclass(frozen=True)
class Frame:
    """The function ``run`` being written.

    Attributes
    ----------
    a
        Its arguments by name.
    workspace
        The rows, in every lane; the function's own where the shape is private.
    member, stop, saved
        For each lane the number of its member, of its next stop and of its next time to store.
    attention
        Whether some lane has come to a stop, to its end or to a failure.
    before
        Whether a time that coincides with a stop stores the value before the jump.
    """

    kernel: Kernel
    control: Control
    code: Code
    a: dict[str, Value]
    workspace: Value
    member: Any
    stop: Any
    saved: Any
    attention: Variable
    before: Value

    def rows(self, name: str) -> Rows:
        return self.kernel.rows(self.code, self.workspace, name)

    def get(self, name: str) -> Value:
        """The value of the row `name` in every lane."""
        return self.rows(name)[0]

    def put(self, name: str, x: Any) -> None:
        self.rows(name)[0] = x

    def put_where(self, mask: Value, name: str, x: Any) -> None:
        """Write `x` to the lanes in `mask` and leave the others as they are."""
        self.put(name, self.code.replaced(mask, x, self.get(name)))

    def call(self, function: Any, *more: Any) -> None:
        self.code.call_function(function, self.workspace, *more)

    def call_named(self, name: str) -> None:
        """Call a function of the method, such as ``step``."""
        self.call(self.kernel.module.globals[name])

    def live(self) -> Value:
        """The lanes that have a member."""
        return self.get("live") > 0.0

    def running(self) -> Value:
        """The lanes whose member has not failed."""
        return self.live() & self.get("failed").equals(0.0)

    def triggers(self, t: Value, x: str, into: str) -> None:
        """Write the triggers at time `t` and the state in row `x` to the row `into`."""
        if self.kernel.events:
            self.call(self.kernel.triggers, t, self.rows(x).pointer, self.rows(into).pointer)

    def trigger_slopes(self, t: Value, x: str, into: str) -> None:
        """Write the slopes of the triggers at time `t` and the state in row `x` to the row `into`."""
        self.call(self.kernel.trigger_slopes, t, self.rows(x).pointer, self.rows(into).pointer)

    def alert(self, mask: Value) -> None:
        """Ask for attention where any lane is set in `mask`."""
        self.attention.set(self.attention.get() | self.code.any(mask))

    def count(self, name: str) -> int:
        """How many numbers of this name a member has."""
        model = self.kernel.model
        return {"p": len(model.p), "y": self.kernel.n, "u": len(model.u)}.get(name, self.kernel.events)


def make_frame(kernel: Kernel, control: Control, code: Code, arguments: dict[str, Value]) -> Frame:
    """The frame at the start of the function."""
    workspace = _workspace(kernel, code, arguments["workspace"])
    member, stop, saved = (
        code.builder.bitcast(kernel.rows(code, workspace, name).pointer, ir.PointerType(INT)) for name in SCALARS[:3]
    )
    attention = code.variable(BIT, 1)
    before = code.splat(arguments["before"].differs(0))
    return Frame(kernel, control, code, arguments, workspace, member, stop, saved, attention, before)


def _workspace(kernel: Kernel, code: Code, argument: Value) -> Value:
    if kernel.shape.private:
        return code.allocate(kernel.size)
    return Value(code, code.builder.bitcast(argument.raw, kernel.shape.pointer))
