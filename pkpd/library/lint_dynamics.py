"""Lint of dynamics: inputs that do nothing, quantities that stand still, states that fall below zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sympy

from pkpd.errors import UnitError
from pkpd.library.findings import Finding, shown
from pkpd.library.lint_numbers import time_units
from pkpd.library.probing import ROUNDING, confined, evaluate, points, start_value, terms_of
from pkpd.symbolic.dimensions import unit_of
from pkpd.symbolic.symbols import Declared, Parameter, State

if TYPE_CHECKING:
    from pkpd.library.probing import Points
    from pkpd.symbolic.model import Model

__all__ = [
    "dead_routes",
    "frozen_outputs",
    "frozen_starts",
    "frozen_states",
    "negative_states",
    "overwritten_states",
    "zero_inputs",
]

# ---- inputs that do nothing


def dead_routes(model: Model) -> Iterator[Finding]:
    at = points(model)
    for name, route in model.routes.items():
        effects = {s.name: jump - s for s, jump in route.jumps.items()}
        for s, rate in _all_rates(model):
            if route.rate is not None and rate.has(route.rate):
                effects[s.name] = rate - rate.xreplace({route.rate: sympy.S.Zero})
        for target, effect in effects.items():
            change, size = terms_of(effect, at)
            if not (abs(change) > ROUNDING * size).any():
                yield Finding(
                    "dead-route", "error", f"route {name!r}",
                    f"a dose on {name!r} does not change {target!r}: "
                    f"{_because_of(effect)} at the defaults.",
                )  # fmt: skip


def overwritten_states(model: Model) -> Iterator[Finding]:
    for name, route in model.routes.items():
        for s, jump in route.jumps.items():
            if not route.replaces and s not in jump.free_symbols:
                yield Finding(
                    "overwritten-state", "warning", f"route {name!r}",
                    f"a dose on {name!r} sets {s.name!r} to {shown(jump)}, whatever it was before; "
                    f"add to {s.name!r}, or say Route({name!r}, ..., replaces=True).",
                )  # fmt: skip


def _because_of(effect: sympy.Expr) -> str:
    zeros = sorted(s.name for s in effect.atoms(Parameter) if s.value == 0)
    return f"{' and '.join(zeros)} {'is' if len(zeros) == 1 else 'are'} 0" if zeros else f"{shown(effect)} is 0"


def zero_inputs(model: Model) -> Iterator[Finding]:
    for s, rate in _all_rates(model):
        for symbol in sorted((p for p in rate.atoms(Parameter) if p.value == 0), key=str):
            for term in _products_with(symbol, rate):
                if term.xreplace({symbol: sympy.S.Zero}) == 0:
                    yield Finding(
                        "zero-input", "warning", f"parameter {symbol.name!r}",
                        f"{symbol.name!r} is 0 by default, so that {shown(term)} in d {s.name}/dt does nothing.",
                    )  # fmt: skip
                    break


def _products_with(symbol: Parameter, rate: sympy.Expr) -> Iterator[sympy.Expr]:
    """The terms of a rate that have `symbol`, and those of sums of rates inside it, as in ``T*(a - b)``.

    A term of the rate that is the symbol alone multiplies nothing: it is an offset, such as
    the hazard without a drug.
    """
    yield from (t for t in sympy.Add.make_args(rate) if t.has(symbol) and t not in (symbol, -symbol))
    for inner in rate.atoms(sympy.Add) - {rate}:
        if inner.has(symbol) and _is_rate(inner):
            yield from (t for t in inner.args if t.has(symbol))


def _is_rate(expression: sympy.Expr) -> bool:
    try:
        unit = unit_of(expression, "a term")
    except UnitError:
        return False
    return unit is not None and bool(time_units(unit))


# ---- what stands still


def frozen_states(model: Model) -> Iterator[Finding]:
    settable = _settable(model)
    at = points(model)
    stuck = {s for s in model.states if s not in settable and start_value(s) == 0}
    for s in model.states:
        if s not in settable and not _moves(model.rates[s], at):
            stuck.discard(s)
            yield Finding(
                "frozen-state", "error", f"state {s.name!r}",
                f"{s.name!r} stays at its start: its rate is 0, and no route and no event sets it. "
                "Make it a parameter, or write its rate.",
            )  # fmt: skip
    for s in sorted(_never_lifted(model, stuck, at), key=str):
        yield Finding(
            "stuck-at-zero", "error", f"state {s.name!r}",
            f"{s.name!r} starts at 0 and stays there: at 0 its rate is 0 whatever the inputs and the other states are, "
            "and no route and no event sets it. Give it a start or a source.",
        )  # fmt: skip


def _never_lifted(model: Model, stuck: set[State], at: Points) -> set[State]:
    while True:
        here = {**at, **{s: 0 * at[s] for s in stuck}}
        lifted = {s for s in stuck if _moves(model.rates[s], here)}
        if not lifted:
            return stuck
        stuck = stuck - lifted


def _moves(rate: sympy.Expr, at: Points) -> bool:
    change, size = terms_of(rate, at)
    return bool((abs(change) > ROUNDING * size).any() or (change != change).all())


def _settable(model: Model) -> set[State]:
    by_route = {s for route in model.routes.values() for s in route.jumps}
    return by_route | {s for event in model.events for s in event.then}


def frozen_starts(model: Model) -> Iterator[Finding]:
    starts: dict[Any, list[State]] = {}
    for s in model.states:
        if isinstance(s.start, Parameter):
            starts.setdefault(s.start, []).append(s)
    for changed, rate in _all_rates(model):
        used = rate.atoms(Declared)
        for symbol in sorted(used & starts.keys(), key=str):
            if not used & set(starts[symbol]):
                name = starts[symbol][0].name
                yield Finding(
                    "frozen-start", "warning", f"d {changed.name}/dt",
                    f"uses {symbol.name!r}, where {name!r} starts, but not {name!r}: is {name!r} meant?",
                )  # fmt: skip


def frozen_outputs(model: Model) -> Iterator[Finding]:
    for name, out in model.outputs.items():
        if out.expression.is_number or isinstance(out.expression, Parameter):
            yield Finding(
                "frozen-output", "warning", f"output {name!r}",
                f"{name!r} is always {shown(out.expression)}; an output follows a state, an input or the time.",
            )  # fmt: skip


# ---- signs


def negative_states(model: Model) -> Iterator[Finding]:
    at = points(model)
    for s in model.states:
        if start_value(s) < 0:
            yield _negative(s, f"the start of {s.name}", f"{s.name!r} starts at {start_value(s):g}.")
    within = confined(model, at)
    for s, rate in _all_rates(model):
        worst = _lowest(rate, {**within, s: 0 * at[s]})
        if worst is not None:
            yield _negative(s, f"d {s.name}/dt", f"{s.name!r} falls below 0: at {s.name} = 0 {_situation(rate, worst)}")
    for name, route in model.routes.items():
        for s, jump in route.jumps.items():
            worst = _lowest(jump, at)
            if worst is not None:
                yield _negative(s, f"route {name!r}", f"a dose takes {s.name!r} below 0: {_situation(jump, worst)}")
    for event in model.events:
        fires = evaluate(event.when, at) != 0
        for s, value in event.then.items():
            worst = _lowest(value, {k: v[fires] for k, v in at.items()}) if fires.any() else None
            if worst is not None:
                yield _negative(s, f"the event {event.when}", f"it sets {s.name!r} below 0: {_situation(value, worst)}")


def _negative(state: State, where: str, sentence: str) -> Finding:
    return Finding("negative-state", "error" if state.declaration.nonnegative else "warning", where, sentence)


def _lowest(expression: sympy.Expr, at: Points) -> dict[Declared, float] | None:
    """The point where `expression` is most clearly negative, or None where it never is."""
    import numpy as np

    value, size = terms_of(expression, at)
    # Where there is no value, or an infinite one, there is no sign to judge.
    share = np.divide(value, size, out=np.zeros_like(value), where=np.isfinite(size) & (size > 0))
    lowest = int(share.argmin())
    return {s: float(values[lowest]) for s, values in at.items()} if share[lowest] < -ROUNDING else None


def _situation(expression: sympy.Expr, at: dict[Declared, float]) -> str:
    varied = sorted((s for s in expression.free_symbols if not isinstance(s, Parameter)), key=str)
    others = [f"{s.name} = {at[s]:.3g}" for s in varied if not (isinstance(s, State) and at[s] == 0)]
    return f"{shown(expression)} is negative{' at ' + ', '.join(others) if others else ''}."


def _all_rates(model: Model) -> list[tuple[State, sympy.Expr]]:
    return [*model.rates.items(), *model.terms.items()]
