"""Conditions on the clock and parameters alone become inputs that change at stops.

A condition such as ``t >= on``, or a step such as ``floor(t/day)``, changes where a function
of time, its level, passes zero or a whole number.  That takes no search: the times follow from
the parameters before anything is integrated.  So each becomes an input, which is constant
between stops, and no step of any integrator sees two branches.  An event whose condition is
on the clock alone becomes a jump at a stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sympy
from sympy.core.relational import Relational

from pkpd.solvers.equations.derivatives import partial
from pkpd.solvers.equations.system import KINKS, TIME, System

__all__ = ["SETTLE_CLOCK", "ClockCondition", "ClockedSystem", "clocked"]

SETTLE_CLOCK = "settle the clock"
"""The jump that leaves every state as it is, so that events whose guard uses a clock input follow its change."""

_STEPS = (*KINKS, Relational)


@dataclass(frozen=True)
class ClockCondition:
    """A function of the clock and parameters that is constant between stops.

    Attributes
    ----------
    kind
        ``">"`` or ``">="``: 1 where `level` is above zero (or at it), and 0 elsewhere;
        ``"floor"``: the largest whole number up to `level`.
    level
        In terms of `TIME`, parameters, and the symbols of conditions before this one.
    symbol
        What stands for its value in the levels of later conditions.
    slot
        The number of the input that holds its value; -1 where only other conditions use it.
    jump
        The jump routes that are due whenever it turns from 0 to 1.
    """

    kind: str
    level: sympy.Expr
    symbol: sympy.Symbol
    slot: int = -1
    jump: tuple[int, ...] = ()


@dataclass(frozen=True)
class ClockedSystem:
    """A system without conditions on the clock, and the conditions; `clock_stops` solves for their times.

    Attributes
    ----------
    system
        With further inputs, one for each condition that it uses, and a jump route for each
        event on the clock alone.  Its outputs are as they were.
    conditions
        Those that others use first.
    settle
        The number of the jump route `SETTLE_CLOCK`; -1 where no guard uses a clock input.
    """

    system: System
    conditions: tuple[ClockCondition, ...] = ()
    settle: int = -1

    @property
    def used(self) -> tuple[int, ...]:
        """The numbers of the parameters that decide on the times."""
        symbols = frozenset[Any]().union(*(c.level.free_symbols for c in self.conditions))
        return tuple(i for i, p in enumerate(self.system.p) if p in symbols)


@lru_cache(maxsize=256)
def clocked(system: System) -> ClockedSystem:
    """Put inputs in the place of conditions on the clock, and jumps in that of events on the clock.

    What is replaced are relations, ``Heaviside``, ``sign``, ``Abs``, ``Max``, ``Min``, ``floor``,
    ``ceiling``, ``frac`` and ``Mod`` of expressions in time and parameters alone, wherever they
    stand in rates, jumps and events, one within another too.  Kinks that a state or an input
    decides on stay as they are.  A system without any is returned as it is.

    Parameters
    ----------
    system
        Any system; covariates that change in time must already be inputs.

    Examples
    --------
    >>> import pkpd, sympy
    >>> from pkpd.solvers.equations.system import numbered_system
    >>> t, A = pkpd.clock("h"), pkpd.state("A", "mg", "drug")
    >>> r, on = pkpd.param("r", 1, "mg/h", "rate"), pkpd.param("on", 5, "h", "start")
    >>> model = pkpd.Model("pulse", rates={A: r * sympy.Heaviside(t - on)}, time="h")
    >>> clocked(numbered_system(model)).system.rates
    (p_1*Piecewise((1, u_0 < 1/2), (0, True)),)
    """
    conditions = _Conditions(system)
    rates, jumps = conditions.replaced_row(system.rates), [conditions.replaced_row(row) for row in system.jumps]
    events: list[tuple[sympy.Expr, Any]] = []
    kept: list[int] = []
    routes: dict[sympy.Symbol, tuple[int, ...]] = {}
    names = list(system.jump_routes)
    for number, (trigger, row) in enumerate(system.events):
        guard, row = conditions.replaced(trigger), conditions.replaced_row(row)
        if conditions.on_the_clock(guard):
            fired = conditions.condition(">", -guard)
            routes[fired] = (*routes.get(fired, ()), len(names))
            names.append(f"event {number}")
            jumps.append(row)
        else:
            events.append((guard, row))
            kept.append(number)
    if not conditions.symbols:
        return ClockedSystem(system)
    first = len(system.events) - system.watching
    watching = sum(number >= first for number in kept)
    plain = replace(
        system,
        rates=rates,
        jumps=tuple(jumps),
        jump_routes=tuple(names),
        events=tuple(events),
        strict=tuple(system.strictness[number] for number in kept),
        watching=watching,
    )
    return _with_slots(plain, conditions, routes)


def _with_slots(system: System, conditions: _Conditions, routes: dict[sympy.Symbol, tuple[int, ...]]) -> ClockedSystem:
    """Give an input to each condition that `system` uses."""
    pieces = [
        *system.rates,
        *(e for row in system.jumps for e in row),
        *(e for g, row in system.events for e in (g, *row)),
    ]
    symbols = frozenset[Any]().union(*(e.free_symbols for e in pieces))
    first = len(system.u)
    slots = {c: first + i for i, c in enumerate(c for c in conditions.symbols.values() if c in symbols)}
    inputs = {c: sympy.Symbol(f"u_{slot}", real=True) for c, slot in slots.items()}
    settles = any(g.free_symbols & inputs.keys() for g, _ in system.events)

    def new(row: Sequence[sympy.Expr]) -> tuple[sympy.Expr, ...]:
        return tuple(e.xreplace(inputs) for e in row)

    jumps, names = tuple(new(row) for row in system.jumps), system.jump_routes
    if settles:
        jumps, names = (*jumps, system.y), (*names, SETTLE_CLOCK)
    return ClockedSystem(
        replace(
            system,
            inputs=(*system.inputs, *(f"clock {i}" for i in range(len(slots)))),
            u=(*system.u, *inputs.values()),
            rates=new(system.rates),
            jumps=jumps,
            jump_routes=names,
            events=tuple((g.xreplace(inputs), new(row)) for g, row in system.events),
        ),
        tuple(
            ClockCondition(kind, level, symbol, slots.get(symbol, -1), routes.get(symbol, ()))
            for (kind, level), symbol in conditions.symbols.items()
        ),
        len(jumps) - 1 if settles else -1,
    )


class _Conditions:
    """The conditions met so far, each once, by kind and level."""

    def __init__(self, system: System) -> None:
        self.fixed = {TIME, *system.p}
        self.symbols: dict[tuple[str, sympy.Expr], sympy.Symbol] = {}
        self._replaced: dict[Any, Any] = {}

    def on_the_clock(self, expression: Any) -> bool:
        """Whether `expression` moves with the clock, and depends on nothing else but parameters."""
        symbols, own = expression.free_symbols, set(self.symbols.values())
        return symbols <= self.fixed | own and bool(symbols & ({TIME} | own))

    def condition(self, kind: str, level: sympy.Expr) -> sympy.Symbol:
        """The symbol of a condition: 1 or 0, or a whole number."""
        name = sympy.Symbol(f"c_{len(self.symbols)}", real=True)
        return self.symbols.setdefault((kind, level), name)

    def truth(self, level: sympy.Expr, strict: bool) -> Any:
        """``level > 0`` or, where not strict, ``level >= 0``."""
        if TIME not in level.free_symbols:
            return level > 0 if strict else level >= 0
        if level.could_extract_minus_sign():  # one condition for a relation and for its opposite
            return self.condition(">=" if strict else ">", -level) < sympy.S.Half
        return self.condition(">" if strict else ">=", level) > sympy.S.Half

    def whole(self, level: sympy.Expr) -> sympy.Expr:
        """The largest whole number up to `level`."""
        return self.condition("floor", level) if TIME in level.free_symbols else sympy.floor(level)

    def replaced_row(self, row: Sequence[sympy.Expr]) -> tuple[sympy.Expr, ...]:
        return tuple(map(self.replaced, row))

    def replaced(self, expression: Any) -> Any:
        """`expression` with symbols in the place of its conditions on the clock, the innermost first."""
        if TIME not in expression.free_symbols or not expression.has(*_STEPS):
            return expression
        if expression not in self._replaced:
            args = [self.replaced(a) for a in expression.args]
            same = all(a is b for a, b in zip(args, expression.args, strict=True))
            self._replaced[expression] = self._stepped(expression if same else expression.func(*args))
        return self._replaced[expression]

    def _stepped(self, node: Any) -> Any:
        if isinstance(node, sympy.Max | sympy.Min):
            return self._extreme(node)
        if TIME not in node.free_symbols or not self.on_the_clock(node):
            return node
        for kind, replacement in _REPLACEMENTS.items():
            if isinstance(node, kind):
                return replacement(self, *node.args)
        return self._relation(node) if isinstance(node, Relational) else node

    def _relation(self, relation: Any) -> Any:
        level = relation.lhs - relation.rhs
        if isinstance(relation, sympy.Eq | sympy.Ne):  # it holds, or fails, for an instant
            return sympy.true if isinstance(relation, sympy.Ne) else sympy.false
        if relation.rel_op in ("<", "<="):
            return self.truth(-level, relation.rel_op == "<")
        return self.truth(level, relation.rel_op == ">")

    def _extreme(self, node: Any) -> Any:
        """``Max`` or ``Min``, with what is on the clock among its arguments compared by conditions."""
        own = {TIME, *self.fixed, *self.symbols.values()}
        timed = sorted((a for a in node.args if a.free_symbols <= own), key=sympy.default_sort_key)
        if not any(TIME in a.free_symbols for a in timed):
            return node
        best, *others = timed
        for other in others:
            difference = best - other if isinstance(node, sympy.Max) else other - best
            best = sympy.Piecewise((best, self.truth(difference, strict=False)), (other, True))
        rest = [a for a in node.args if a not in timed]
        return node.func(best, *rest) if rest else best

    def side(self, level: Any, above: Any, at: Any, below: Any) -> Any:
        """A number by the sign of `level`."""
        rise = partial(level, TIME)
        if rise != 0 and not rise.free_symbols - self.fixed - {TIME} and TIME not in rise.free_symbols:
            return sympy.Piecewise((above, self.truth(level, strict=True)), (below, True))  # it never rests at zero
        return sympy.Piecewise(
            (above, self.truth(level, strict=True)), (below, self.truth(-level, strict=True)), (at, True)
        )


_REPLACEMENTS: dict[Any, Any] = {
    sympy.floor: lambda conditions, x: conditions.whole(x),
    sympy.ceiling: lambda conditions, x: -conditions.whole(-x),
    sympy.frac: lambda conditions, x: x - conditions.whole(x),
    sympy.Mod: lambda conditions, x, period: x - period * conditions.whole(x / period),
    sympy.Heaviside: lambda conditions, x, at=sympy.S.Half: conditions.side(x, sympy.S.One, at, sympy.S.Zero),
    sympy.sign: lambda conditions, x: conditions.side(x, sympy.S.One, sympy.S.Zero, -sympy.S.One),
    sympy.Abs: lambda conditions, x: sympy.Piecewise((x, conditions.truth(x, False)), (-x, True)),
}
