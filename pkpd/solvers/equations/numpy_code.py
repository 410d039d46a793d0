"""numpy functions for a model, made by sympy's lambdify with common subexpressions shared.

Every function works on all members at once: a state array has shape (states, members),
a parameter array (parameters, members), an input array (inputs, members), and time and
amount (members,).  Rows by number do for an array of which a function uses these alone.
Each member's arithmetic is elementwise, so that its numbers do not depend on its
neighbors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import sympy

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.equations.system import AMOUNT, TIME, System

__all__ = ["JumpChange", "NumpyCode", "numpy_code", "vectorized"]

Rows = Callable[..., Array]
_HEAVISIDE = sympy.Function("heaviside")


class JumpChange(NamedTuple):
    """The states that a jump changes, (changed, 1), and their new values, a function like `NumpyCode.jumps`."""

    states: Index
    new: Rows


@dataclass(frozen=True)
class NumpyCode:
    """The numpy functions of one model; each is generated when it is first used."""

    model: System

    @cached_property
    def rates(self) -> Rows:
        """``rates(t, y, p, u)`` of shape (states, members)."""
        return self._rows(self.model.rates, TIME)

    @cached_property
    def jacobian(self) -> Rows:
        """``jacobian(t, y, p, u)`` of shape (states * states, members), row by row."""
        return self._rows([e for row in self.model.jacobian for e in row], TIME)

    @cached_property
    def absorbing(self) -> Mask:
        """For each state whether it stays at zero once it is there."""
        return np.array(self.model.absorbing)

    @cached_property
    def starts(self) -> Callable[[Array], Array]:
        """``starts(p)`` of shape (states, members)."""
        starts = vectorized([self.model.p], self.model.starts)
        if any(start.free_symbols for start in self.model.starts):
            return starts
        fixed = starts(np.empty((len(self.model.p), 1)))
        return lambda p: fixed.repeat(p.shape[1], axis=1)

    @cached_property
    def outputs(self) -> Rows:
        """``outputs(t, y, p, u)`` of shape (outputs, members)."""
        return self._rows(self.model.outputs, TIME)

    @cached_property
    def outputs_see_inputs(self) -> bool:
        """Whether an output depends on an input."""
        return any(not e.free_symbols.isdisjoint(self.model.u) for e in self.model.outputs)

    @cached_property
    def jumps(self) -> tuple[Rows, ...]:
        """For each jump route ``jump(t, y, p, u, amount)`` of shape (states, members)."""
        return tuple(self._rows(row, TIME, AMOUNT) for row in self.model.jumps)

    @cached_property
    def jump_changes(self) -> tuple[JumpChange, ...]:
        """For each jump route what it changes."""
        return tuple(self._change(row) for row in self.model.jumps)

    def _change(self, row: Sequence[sympy.Expr]) -> JumpChange:
        states = [i for i, (new, y) in enumerate(zip(row, self.model.y, strict=True)) if new != y]
        changed = [row[i] for i in states]
        return JumpChange(np.array(states, dtype=np.int64)[:, None], self._rows(changed, TIME, AMOUNT))

    @cached_property
    def output_parameters(self) -> tuple[int, ...]:
        """The parameters that an output depends on."""
        used = frozenset[Any]().union(*(e.free_symbols for e in self.model.outputs))
        return tuple(i for i, p in enumerate(self.model.p) if p in used)

    @cached_property
    def jump_parameters(self) -> tuple[int, ...]:
        """The parameters that a jump depends on."""
        used = frozenset[Any]().union(*(e.free_symbols for row in self.model.jumps for e in row))
        return tuple(i for i, p in enumerate(self.model.p) if p in used)

    @cached_property
    def triggers(self) -> Rows:
        """``triggers(t, y, p, u)`` of shape (events, members); negative once an event has fired."""
        return self._rows([trigger for trigger, _ in self.model.events], TIME)

    @cached_property
    def trigger_slopes(self) -> Rows:
        """``trigger_slopes(t, y, p, u)`` of shape (events, members): how fast each trigger changes on a trajectory."""
        return self._rows(self.model.trigger_slopes, TIME)

    @cached_property
    def event_jumps(self) -> tuple[Rows, ...]:
        """For each event ``jump(t, y, p, u)`` of shape (states, members)."""
        return tuple(self._rows(row, TIME) for _, row in self.model.events)

    def _rows(self, expressions: Sequence[sympy.Expr], time: sympy.Symbol, *more: sympy.Symbol) -> Rows:
        m = self.model
        return vectorized([time, m.y, m.p, m.u, *more], expressions)


@lru_cache(maxsize=256)
def numpy_code(model: System) -> NumpyCode:
    """The numpy functions of `model`, generated once in a process."""
    return NumpyCode(model)


def vectorized(arguments: Sequence[Any], expressions: Sequence[sympy.Expr]) -> Callable[..., Array]:
    """A function of `arguments`, symbols or tuples of them, that gives (expressions, members)."""
    plain = [_plain(e) for e in expressions]
    used = frozenset[Any]().union(*(e.free_symbols for e in plain))
    # Of each argument the rows that matter, handed over one by one: to unpack the others takes longer than to compute.
    places = [[i for i, s in enumerate(a) if s in used] if isinstance(a, tuple) else None for a in arguments]
    symbols = [
        symbol
        for a, place in zip(arguments, places, strict=True)
        for symbol in ([a] if place is None else [a[i] for i in place])
    ]
    modules = [{"heaviside": np.heaviside}, "scipy", "numpy"]
    generated: Any = sympy.lambdify(symbols, plain, modules=modules, cse=True)
    count = len(expressions)
    stacked = any(e.has(sympy.And, sympy.Or, sympy.Max, sympy.Min) for e in plain)

    def rows(*values: Array) -> Array:
        # What follows the first axis of the states is that of the members, or of members and times.
        shape = np.shape(values[0] if len(values) == 1 else values[1])
        room = shape[1:] if len(shape) > 1 else shape
        out = np.empty((count, *room))
        wanted: list[Any] = []
        for value, place in zip(values, places, strict=True):
            if place is None:
                wanted.append(value)
            else:
                wanted += [value[i] for i in place]
        if stacked:  # numpy joins conditions, and finds the largest, of arrays of one shape only
            wanted = [np.broadcast_to(value, room) for value in wanted]
        for i, row in enumerate(generated(*wanted)):
            out[i] = row
        return out

    return rows


def _plain(expression: sympy.Expr) -> sympy.Expr:
    """`expression` without what lambdify cannot write: conditions that are chosen by conditions, and steps of choices.

    It turns ``Heaviside`` into a choice by conditions, and fails where these hold a choice that may have no value.
    """
    plain: sympy.Expr = expression.replace(sympy.ITE, lambda c, yes, no: (c & yes) | (~c & no))
    return plain.replace(sympy.Heaviside, lambda x, at_zero=sympy.S.Half: _HEAVISIDE(x, at_zero))
