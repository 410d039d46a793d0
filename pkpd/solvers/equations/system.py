"""A model as bare expressions over numbered symbols, ready for any code generator.

User symbols end here.  What follows knows only ``y_0, y_1, ...`` (states), ``p_0, ...``
(parameters), ``u_0, ...`` (input rates), ``t`` and ``amount``, so that no name a user
chose can collide with a name in generated code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any

import sympy
from sympy.core.relational import GreaterThan, StrictGreaterThan, StrictLessThan

from pkpd.solvers.equations.derivatives import partial
from pkpd.solvers.equations.guards import guards_of, may_undershoot, nonnegative_states
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Clock, Dose, Given, Parameter

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
    strict
        For each event whether its condition is strict (``<``, ``>``), so that it does not hold
        where its function is zero; empty where all are.
    guards
        Cuts at zero, ``Max(y_0, 0)``, that keep the base of a power from undershooting: see
        `pkpd.solvers.equations.guards`.
    watching
        The number of events, the last ones, that change nothing but states on which no rate, guard
        of another event or jump of another state depends, and whose own rate is zero.  What they
        change may show from the end of a step on, rather than from their time.
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
    strict: tuple[bool, ...] = ()
    guards: frozenset[sympy.Expr] = frozenset()
    watching: int = 0
    blocks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        assert not self.strict or len(self.strict) == len(self.events), "strict is by event"

    def __hash__(self) -> int:
        return self._hash

    def __getstate__(self) -> dict[str, Any]:
        # Another process hashes text in another way.
        return {name: value for name, value in self.__dict__.items() if name != "_hash"}

    @cached_property
    def _hash(self) -> int:
        """Computed once: to hash large expressions at every call takes longer than a short integration."""
        return hash(tuple(getattr(self, f.name) for f in fields(self)))

    @property
    def strictness(self) -> tuple[bool, ...]:
        """For each event whether its condition is strict."""
        return self.strict or (True,) * len(self.events)

    @cached_property
    def trigger_slopes(self) -> Row:
        """For each event the derivative of its function by time, along a trajectory."""
        return tuple(self._along(_without_remainders(trigger)) for trigger, _ in self.events)

    def _along(self, expression: sympy.Expr) -> sympy.Expr:
        by_state = (partial(expression, y) * rate for y, rate in zip(self.y, self.rates, strict=True))
        return sympy.Add(*by_state, partial(expression, TIME))

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
        kinks = sympy.Tuple(*self.rates).atoms(*KINKS) - self.guards
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

    def bare(expression: sympy.Expr) -> sympy.Expr:
        fixed = {s: TIME if isinstance(s, Clock) else AMOUNT for s in expression.atoms(Clock, Dose)}
        return expression.xreplace(rename).xreplace(fixed)

    arriving = {name: bare(model.bioavailability(name)) for name in model.routes}
    for route in model.routes.values():
        if route.rate is not None:
            rename[route.rate] = arriving[route.name] * slot.get(route.name, sympy.S.Zero)

    def row(changes: Mapping[Any, sympy.Expr]) -> Row:
        return tuple(bare(changes.get(s, s)) for s in model.states)

    rates = {s: bare(e) for s, e in model.rates.items()}
    for name in inputs:
        for state, slope in (model.routes[name].additive or {}).items():
            rates[state] += bare(slope) * arriving[name] * slot[name]
    jump_routes = tuple(name for name, route in model.routes.items() if route.rate is None)
    return _guarded(
        System(
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
            jumps=tuple(_scaled(row(model.routes[name].jumps), arriving[name]) for name in jump_routes),
            events=tuple((bare(_falling(e.when)), row(e.then)) for e in model.events),
            nonnegative=tuple(s.declaration.nonnegative for s in model.states),
            strict=tuple(isinstance(e.when, StrictGreaterThan | StrictLessThan) for e in model.events),
        ),
        frozenset(symbol for symbol, declared in zip(p, model.settable, strict=True) if _is_nonnegative(declared)),
    )


def _is_nonnegative(symbol: Parameter | Given) -> bool:
    """Whether a parameter is 0 or more: by its bounds, or by its default where they say nothing."""
    if isinstance(symbol, Given):
        return (symbol.default or 0.0) >= 0
    low, _ = symbol.declaration.bounds
    return bool(low >= 0 or (low == -math.inf and symbol.value >= 0))


def _guarded(system: System, parameters: frozenset[sympy.Symbol]) -> System:
    """`system` with the bases of powers cut at zero that only rounding can take below it."""
    rows = (*system.jumps, *(row for _, row in system.events))
    triggers = [trigger for trigger, _ in system.events]
    written = (*system.rates, *system.outputs, *triggers, *chain(*rows))
    if not may_undershoot(written, system.y):
        return system
    changes = {
        y: (start, *(row[i] for row in rows)) for i, (y, start) in enumerate(zip(system.y, system.starts, strict=True))
    }
    others = parameters | {*system.u, TIME, AMOUNT}
    declared = {y for y, flag in zip(system.y, system.nonnegative, strict=True) if flag}
    states = nonnegative_states(dict(zip(system.y, system.rates, strict=True)), changes, others, declared)
    table = guards_of(written, others | states, states)
    if not table:
        return system

    def new(row: Row) -> Row:
        return tuple(e.xreplace(table) for e in row)

    return replace(
        system,
        rates=new(system.rates),
        outputs=new(system.outputs),
        jumps=tuple(map(new, system.jumps)),
        events=tuple((trigger.xreplace(table), new(row)) for trigger, row in system.events),
        guards=frozenset(power.base for power in table.values()),
    )


def _scaled(jump: Row, arriving: sympy.Expr) -> Row:
    """A jump of which only a part of the dose arrives."""
    return jump if arriving == 1 else tuple(e.xreplace({AMOUNT: arriving * AMOUNT}) for e in jump)


def _falling(when: Any) -> sympy.Expr:
    """A function that is positive before the condition `when` holds and negative after."""
    return when.rhs - when.lhs if isinstance(when, StrictGreaterThan | GreaterThan) else when.lhs - when.rhs


def _without_remainders(expression: sympy.Expr) -> sympy.Expr:
    """`expression` with each remainder written by ``floor``, which has a derivative."""
    by_floor: sympy.Expr = expression.replace(sympy.Mod, lambda a, b: a - b * sympy.floor(a / b))
    return by_floor.replace(sympy.frac, lambda a: a - sympy.floor(a))


def _numbered(letter: str, count: int) -> Row:
    return tuple(sympy.Symbol(f"{letter}_{i}", real=True) for i in range(count))
