"""A model under outside control: doses straight into states, switches, and covariates that change in time.

What a table of records does to a model becomes input rates and jumps of an ordinary
`System`, so that any integrator serves it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import lru_cache

import sympy

from pkpd.solvers.equations.system import AMOUNT, TIME, System

__all__ = ["TIME_OFFSET", "ControlledSystem", "controlled", "stretched"]

TIME_OFFSET = "time at the start"
DURATION = "duration of one unit of time"


@dataclasses.dataclass(frozen=True)
class ControlledSystem:
    """A `System` with further inputs and jumps after its own, and where they are.

    Attributes
    ----------
    system
        Its parameters end with the time at which a member starts, where the model depends
        on time; integration counts time from there.
    add, empty
        The number of the jump that adds an amount to a state, and of that which sets it to
        zero, by state.
    infusion, switch
        The number of the input that is the rate of infusion into a state, and of that
        which is 1 while a state is on and 0 while it is off, by state.
    covariate
        The number of the input that holds a covariate, and of that which holds its slope
        in time (-1 where it has none), by parameter.
    """

    system: System
    add: dict[int, int]
    empty: dict[int, int]
    infusion: dict[int, int]
    switch: dict[int, int]
    covariate: dict[int, tuple[int, int]]


def controlled(
    system: System,
    infused: Sequence[int] = (),
    switched: Sequence[int] = (),
    covariates: Sequence[int] = (),
    *,
    sloped: bool = False,
    shifted: bool = True,
) -> ControlledSystem:
    """`system` with control over some of its states and parameters.

    Parameters
    ----------
    system
        Its own inputs and jumps keep their numbers.
    infused
        The states that get an input rate.
    switched
        The states that can be turned off: their rate is then zero.
    covariates
        The parameters that change in time; a start still uses the parameter itself.
    sloped
        Whether a covariate changes linearly between stops, rather than at stops only.
    shifted
        Whether members count time from an offset of their own.
    """
    return _controlled(system, tuple(infused), tuple(switched), tuple(covariates), sloped, shifted)


@lru_cache(maxsize=64)
def _controlled(
    system: System,
    infused: tuple[int, ...],
    switched: tuple[int, ...],
    covariates: tuple[int, ...],
    sloped: bool,
    shifted: bool,
) -> ControlledSystem:
    names = list(system.inputs)

    def slot(name: str) -> int:
        names.append(name)
        return len(names) - 1

    infusion = {i: slot(f"into {system.states[i]}") for i in infused}
    switch = {i: slot(f"{system.states[i]} on") for i in switched}
    covariate = {
        i: (slot(system.parameters[i]), slot(f"slope of {system.parameters[i]}") if sloped else -1) for i in covariates
    }
    u = tuple(sympy.Symbol(f"u_{i}", real=True) for i in range(len(names)))
    held = {system.p[i]: u[k] + (u[s] * TIME if s >= 0 else 0) for i, (k, s) in covariate.items()}
    timed = _replaced(system, held, shifted=shifted)
    rates = [rate + (u[infusion[i]] if i in infusion else 0) for i, rate in enumerate(timed.rates)]
    rates = [rate * u[switch[i]] if i in switch else rate for i, rate in enumerate(rates)]
    first, count = len(timed.jumps), len(system.states)
    return ControlledSystem(
        dataclasses.replace(
            timed,
            inputs=tuple(names),
            u=u,
            rates=tuple(rates),
            jumps=(*timed.jumps, *_additions(system), *_erasures(system)),
            jump_routes=(
                *timed.jump_routes,
                *(f"add to {s}" for s in system.states),
                *(f"empty {s}" for s in system.states),
            ),
        ),
        add={i: first + i for i in range(count)},
        empty={i: first + count + i for i in range(count)},
        infusion=infusion,
        switch=switch,
        covariate=covariate,
    )


def _replaced(system: System, covariates: dict[sympy.Symbol, sympy.Expr], *, shifted: bool) -> System:
    """`system` with its time counted from an offset, and inputs in the place of covariates."""
    parameters, p = system.parameters, system.p
    table: dict[sympy.Basic, sympy.Expr] = dict(covariates)
    if shifted and _timed(system):
        parameters, p = (*parameters, TIME_OFFSET), (*p, sympy.Symbol(f"p_{len(p)}", real=True))
        table[TIME] = TIME + p[-1]

    def new(row: Sequence[sympy.Expr]) -> tuple[sympy.Expr, ...]:
        return tuple(e.xreplace(table) for e in row)

    return dataclasses.replace(
        system,
        parameters=parameters,
        p=p,
        rates=new(system.rates),
        outputs=new(system.outputs),
        jumps=tuple(new(row) for row in system.jumps),
        events=tuple((trigger.xreplace(table), new(row)) for trigger, row in system.events),
    )


def _timed(system: System) -> bool:
    events = [e for trigger, row in system.events for e in (trigger, *row)]
    jumps = [e for row in system.jumps for e in row]
    return any(TIME in e.free_symbols for e in (*system.rates, *system.outputs, *jumps, *events))


def _additions(system: System) -> list[tuple[sympy.Expr, ...]]:
    return [tuple(y + AMOUNT if y == target else y for y in system.y) for target in system.y]


def _erasures(system: System) -> list[tuple[sympy.Expr, ...]]:
    return [tuple(sympy.S.Zero if y == target else y for y in system.y) for target in system.y]


@lru_cache(maxsize=64)
def stretched(system: System) -> System:
    """`system` in a time of its own: a new last parameter says how long one unit of it lasts.

    Members whose durations differ then end at one time, 1.  Events are left out.
    """
    unit = sympy.Symbol(f"p_{len(system.p)}", real=True)
    return dataclasses.replace(
        system,
        parameters=(*system.parameters, DURATION),
        p=(*system.p, unit),
        rates=tuple(unit * rate.xreplace({TIME: unit * TIME}) for rate in system.rates),
        events=(),
        strict=(),
    )
