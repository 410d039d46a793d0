"""A model as bare expressions over numbered symbols, ready for any code generator.

User symbols end here.  What follows knows only ``y_0, y_1, ...`` (states), ``p_0, ...``
(parameters), ``u_0, ...`` (input rates), ``t`` and ``amount``, so that no name a user
chose can collide with a name in generated code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import sympy
from sympy.core.relational import GreaterThan, StrictGreaterThan

from pkpd.solvers.equations.derivatives import partial
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Clock, Dose

__all__ = ["AMOUNT", "TIME", "System", "numbered_system"]

TIME = sympy.Symbol("t", real=True)
AMOUNT = sympy.Symbol("amount", real=True)

Row = tuple[sympy.Expr, ...]

KINKS = (
    sympy.Piecewise, sympy.Heaviside, sympy.sign, sympy.Abs, sympy.Max, sympy.Min,
    sympy.floor, sympy.ceiling, sympy.frac, sympy.Mod,
)  # fmt: skip


@dataclass(frozen=True)
class System:
    """A closed model over numbered symbols.

    Attributes
    ----------
    states, parameters, inputs, jump_routes, output_names
        The users' names, by number.  `inputs` are the routes that have an input rate here.
    y, p, u
        The numbered symbols.
    rates, starts, outputs
        One expression for each state, state and output.
    jumps
        For each of `jump_routes` the new value of every state, in terms of `AMOUNT`.
    events
        For each event a function that turns negative when the event fires, and the new
        value of every state.
    nonnegative
        Which of the first states must not fall below zero.
    blocks
        Where blocks of states begin, all of the length of the first, of which each takes
        nothing from those after it, and by itself changes as the first does: a tangent.
    """

    name: str
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    jump_routes: tuple[str, ...]
    output_names: tuple[str, ...]
    y: Row
    p: Row
    u: Row
    rates: Row
    starts: Row
    outputs: Row
    jumps: tuple[Row, ...]
    events: tuple[tuple[sympy.Expr, Row], ...]
    nonnegative: tuple[bool, ...] = ()
    blocks: tuple[int, ...] = ()

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Computed once: code is looked up by its system in every call."""
        return hash((self.name, self.states, self.parameters, self.inputs, self.rates, self.outputs))

    @property
    def jacobian(self) -> tuple[Row, ...]:
        """d rate_i / d y_j, a row for each state.  Jumps in a rate count as flat."""
        return tuple(tuple(partial(rate, y) for y in self.y) for rate in self.rates)

    @cached_property
    def kinked(self) -> bool:
        """Whether a rate, or a slope of it, may jump at a time or a state; what parameters decide does not.

        There the error of DOP853 is its E5 alone.  Its usual estimate, E5**2/sqrt(E5**2 + E3**2/100),
        passes a step across a jump wherever E5 comes near zero, which it does at some step sizes.
        """
        moving = {TIME, *self.y}
        kinks = sympy.Tuple(*self.rates).atoms(*KINKS)
        return any(c.free_symbols & moving for kink in kinks for c in _deciding(kink))

    @property
    def absorbing(self) -> tuple[bool, ...]:
        """Which states stay at zero once they are there: their rate vanishes with them, whatever the others."""
        return tuple(rate.xreplace({y: sympy.S.Zero}) == 0 for rate, y in zip(self.rates, self.y, strict=True))


def _deciding(kink: Any) -> Sequence[Any]:
    """What decides on which branch of a kink a rate is."""
    return [condition for _, condition in kink.args] if isinstance(kink, sympy.Piecewise) else kink.args


@lru_cache(maxsize=256)
def numbered_system(model: Model, inputs: tuple[str, ...] = ()) -> System:
    """Number the symbols of a closed `model`.

    Parameters
    ----------
    model
        Refused where it lacks a given or a state.
    inputs
        The routes that get an input rate: a rate route, or an additive jump route given
        over a duration.  An input rate without a slot here is zero.

    Raises
    ------
    ModelError
        If the model is not closed.
    """
    model.require_closed()
    y = _numbered("y", len(model.states))
    p = _numbered("p", len(model.settable))
    u = _numbered("u", len(inputs))
    rename: dict[Any, Any] = {**dict(zip(model.states, y, strict=True)), **dict(zip(model.settable, p, strict=True))}
    slot = dict(zip(inputs, u, strict=True))
    for route in model.routes.values():
        if route.rate is not None:
            rename[route.rate] = slot.get(route.name, sympy.S.Zero)

    def bare(expression: sympy.Expr) -> sympy.Expr:
        fixed = {s: TIME if isinstance(s, Clock) else AMOUNT for s in expression.atoms(Clock, Dose)}
        return expression.xreplace(rename).xreplace(fixed)

    def row(changes: Mapping[Any, sympy.Expr]) -> Row:
        return tuple(bare(changes.get(s, s)) for s in model.states)

    rates = {s: bare(e) for s, e in model.rates.items()}
    for name in inputs:
        for state, slope in (model.routes[name].additive or {}).items():
            rates[state] += bare(slope) * slot[name]
    jump_routes = tuple(name for name, route in model.routes.items() if route.rate is None)
    return System(
        name=model.name,
        states=tuple(s.name for s in model.states),
        parameters=tuple(s.name for s in model.settable),
        inputs=inputs,
        jump_routes=jump_routes,
        output_names=tuple(model.outputs),
        y=y,
        p=p,
        u=u,
        rates=tuple(rates[s] for s in model.states),
        starts=tuple(bare(s.start) for s in model.states),
        outputs=tuple(bare(o.expression) for o in model.outputs.values()),
        jumps=tuple(row(model.routes[name].jumps) for name in jump_routes),
        events=tuple((bare(_falling(e.when)), row(e.then)) for e in model.events),
        nonnegative=tuple(s.declaration.nonnegative for s in model.states),
    )


def _falling(when: Any) -> sympy.Expr:
    """A function that is positive before the condition `when` holds and negative after."""
    return when.rhs - when.lhs if isinstance(when, StrictGreaterThan | GreaterThan) else when.lhs - when.rhs


def _numbered(letter: str, count: int) -> Row:
    return tuple(sympy.Symbol(f"{letter}_{i}", real=True) for i in range(count))
