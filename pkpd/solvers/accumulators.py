"""States that only accumulate, such as an area under a curve: nothing that matters depends on them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import sympy

from pkpd.solvers.equations.controlled import ControlledSystem
from pkpd.solvers.equations.system import System

__all__ = ["accumulators", "without_accumulators"]


@lru_cache(maxsize=64)
def accumulators(system: System) -> tuple[int, ...]:
    """The states that only accumulate: their own rate does not depend on them, nor any other state that matters."""
    uses = _uses(system)
    resting: set[int] = set()
    while True:
        used = set().union(*(states for i, states in enumerate(uses) if i not in resting))
        more = {i for i, rate in enumerate(system.rates) if i not in used | resting and rate != 0}
        if not more:
            return tuple(sorted(resting))
        resting |= more


def _uses(system: System) -> list[set[int]]:
    """The states that the rate of each state depends on, and those other ones that a jump of it does."""
    number = {y: i for i, y in enumerate(system.y)}
    uses = [{number[s] for s in rate.free_symbols if s in number} for rate in system.rates]
    for jump in system.jumps:
        for i, (y, value) in enumerate(zip(system.y, jump, strict=True)):
            uses[i] |= {number[s] for s in value.free_symbols - {y} if s in number}
    return uses


def without_accumulators(model: ControlledSystem) -> ControlledSystem:
    """The model with the states at rest that only accumulate, but for what is infused into them."""
    resting = accumulators(model.system)
    if not resting:
        return model
    rates = list(model.system.rates)
    for i in resting:
        rates[i] = model.system.u[model.infusion[i]] if i in model.infusion else sympy.S.Zero
    return replace(model, system=replace(model.system, rates=tuple(rates)))
