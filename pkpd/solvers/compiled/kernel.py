"""The functions of one model on lanes, and the rows of memory they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy
from llvmlite import ir

from pkpd.solvers.compiled.expressions import Invariants, write
from pkpd.solvers.compiled.lanes import Code, Rows, function
from pkpd.solvers.compiled.shape import Shape
from pkpd.solvers.compiled.value import Value
from pkpd.solvers.equations.system import AMOUNT, TIME, System

__all__ = ["Kernel"]

# A number for each event: its trigger and the slope of it now, before, and at a place between; whether it is
# armed, now and at a place within a step; whether it is due; how often it fired, and when first.
EVENT_ROWS = (
    "trigger", "slope", "was", "was_slope", "inner", "inner_slope", "armed", "ready", "pending", "fired", "first",
)  # fmt: skip


class Kernel:
    """A model's functions in one LLVM module; all take a pointer to the same workspace.

    Attributes
    ----------
    shape
        The shape of all its functions.
    searched
        The number of events for which a step is cut short; those after them only watch.
    rates, triggers, trigger_slopes, changes, hold
        Functions of the module: ``rates(w, t, x, d)`` writes the slopes at time `t` and
        state `x` to `d`; ``triggers(w, t, x, d)`` and ``trigger_slopes(w, t, x, d)`` likewise
        the functions of the events and their slopes; ``changes(w)`` writes to row
        ``d`` the state after the jump or event numbered in row ``which``; ``hold(w)``
        computes what depends on parameters and inputs alone.
    """

    def __init__(self, model: System, stages: int, shape: Shape, *, watches: bool = False) -> None:
        self.model, self.shape = model, shape
        self.searched = len(model.events) - (model.watching if watches else 0)
        self.module = ir.Module("pkpd")
        self.n = n = len(model.states)
        self.stages = stages
        self._held = Invariants([*model.p, *model.u])
        self._offsets: dict[str, int] = {}
        self.size = 0
        rates = [self._held.extract(e) for e in model.rates]
        triggers = [self._held.extract(e) for e, _ in model.events]
        trigger_slopes = [self._held.extract(e) for e in model.trigger_slopes[: self.searched]]
        self.reserve(y=n, x=n, g=n, d=n, k=n * stages, p=len(model.p), u=len(model.u), atol=n)
        self.reserve(**dict.fromkeys(EVENT_ROWS, self.events))
        self.rate_expressions, self._triggers, self._trigger_slopes = rates, triggers, trigger_slopes

    @property
    def events(self) -> int:
        return len(self.model.events)

    @cached_property
    def small(self) -> bool:
        """Whether the rates may be written out at each stage: a sixth faster, but slower to compile."""
        return sum(int(e.count_ops()) for e in self.model.rates) * self.stages <= self.shape.inlined

    def reserve(self, **rows: int) -> None:
        """Give names to rows of the workspace."""
        for name, count in rows.items():
            self._offsets[name] = self.size
            self.size += count

    def rows(self, code: Code, w: Value, name: str, first: int = 0) -> Rows:
        return Rows(code, w.raw, self._offsets[name] + first)

    def function(self, name: str, *kinds: Any, inline: bool = False) -> tuple[Code, list[Any]]:
        """A new function of the workspace and of further arguments of these types."""
        return function(self.module, name, [self.shape.pointer, *kinds], self.shape, inline=inline)

    def extract(self, expressions: Sequence[Any]) -> list[Any]:
        """`expressions` with what is constant held; only before `write_functions`."""
        return [self._held.extract(e) for e in expressions]

    def write_functions(self) -> None:
        """Write the functions, once everything is extracted."""
        self.reserve(held=len(self._held.values))
        self.rates = self._of_state("rates", self.rate_expressions, inline=self.small)
        if self.events:
            self.triggers = self._of_state("triggers", self._triggers)
        if self.searched:
            self.trigger_slopes = self._of_state("trigger_slopes", self._trigger_slopes)
        self.changes = self._write_changes()
        self.hold = self._write_hold()

    def symbols(
        self, code: Code, w: Value, x: Callable[[int], Value], t: Callable[[], Value] | None = None
    ) -> Mapping[Any, Callable[[], Value]]:
        """Where each symbol of the model's expressions is found."""
        m = self.model
        found: dict[Any, Callable[[], Value]] = {}
        for name, symbols in (("p", m.p), ("u", m.u), ("held", self._held.symbols)):
            if symbols:
                rows = self.rows(code, w, name)
                found |= {s: lambda rows=rows, i=i: rows[i] for i, s in enumerate(symbols)}
        found |= {s: lambda i=i: x(i) for i, s in enumerate(m.y)}
        if t is not None:
            found[TIME] = t
        return found

    def _of_state(self, name: str, expressions: Sequence[sympy.Expr], *, inline: bool = False) -> Any:
        vector, pointer = self.shape.vector, self.shape.pointer
        code, (w, t, x, d) = self.function(name, vector, pointer, pointer, inline=inline)
        state, result = Rows(code, x.raw), Rows(code, d.raw)
        values = write(code, expressions, self.symbols(code, w, lambda i: state[i], lambda: t))
        for i, value in enumerate(values):
            result[i] = value
        code.end()
        return self.module.globals[name]

    def _write_changes(self) -> Any:
        code, (w,) = self.function("changes")
        y, d = self.rows(code, w, "y"), self.rows(code, w, "d")
        which, t, amount = (self.rows(code, w, name)[0] for name in ("which", "t", "amount"))
        found = {**self.symbols(code, w, lambda i: y[i], lambda: t), AMOUNT: lambda: amount}
        maps = [*self.model.jumps, *(then for _, then in self.model.events)]
        for j in code.each(self.n):
            d[j] = y[j]
        for number, row in enumerate(maps):
            chosen = which.equals(float(number))
            changed = [i for i in range(self.n) if row[i] != self.model.y[i]]
            for i, value in zip(changed, write(code, [row[i] for i in changed], found), strict=True):
                d[i] = code.select(chosen, value, d[i])
        code.end()
        return self.module.globals["changes"]

    def _write_hold(self) -> Any:
        code, (w,) = self.function("hold")
        held = self.rows(code, w, "held")
        found = self.symbols(code, w, lambda i: code.number(0.0))
        for i, value in enumerate(write(code, self._held.values, found)):
            held[i] = value
        code.end()
        return self.module.globals["hold"]
