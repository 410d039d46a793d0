"""Which parameters can reach an output: a walk through the symbols that each equation uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy

from pkpd.symbolic.checks import reached_states
from pkpd.symbolic.elements import Event, Route
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Declared, State

__all__ = ["places_of", "reaching"]


def reaching(model: Model, outputs: Iterable[str], routes: Iterable[str] | None = None) -> frozenset[str]:
    """The names of all symbols on which these states and outputs can depend.

    A symbol that is not among them cannot change the outputs, whatever its value; one that is
    may still cancel.  States that stay at zero because nothing is given there are left out,
    and what stands beside them.

    Parameters
    ----------
    model
        A closed model.
    outputs
        Names of states and outputs.
    routes
        The routes by which doses are given; all by default.
    """
    dosed = [route for name, route in model.routes.items() if routes is None or name in set(routes)]
    uses = _uses(model, dosed)
    reached: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(uses.get(name, ()))
    return frozenset(reached)


def places_of(model: Model, name: str) -> list[str]:
    """Where a symbol stands in a model, in words: ``["dE/dt", "output RO"]``."""
    places = [f"d{state.name}/dt" for state, rate in model.rates.items() if name in _names(rate)]
    places += [f"the start of {state.name}" for state in model.states if name in _names(state.start)]
    places += [f"output {key}" for key, output in model.outputs.items() if name in _names(output.expression)]
    places += [f"route {key}" for key, route in model.routes.items() if name in _of_route(route)]
    for state, dosing in model.dosing.items():
        places += [f"{k} of doses into {state.name}" for k, e in dosing.attributes.items() if name in _names(e)]
    return places + ["an event"] * any(name in _of_event(event) for event in model.events)


def _uses(model: Model, dosed: Iterable[Route]) -> dict[str, set[str]]:
    """By the name of a state or output, the names it is computed from."""
    zero = _zero(model, dosed)
    uses = {key: _names(output.expression.xreplace(zero)) for key, output in model.outputs.items()}
    uses |= {s.name: _names(rate.xreplace(zero)) | _names(s.start) for s, rate in model.rates.items()}
    for route in dosed:
        targets = reached_states(model, route)
        own = _of_route(route).union(*(_of_dosing(model, state) for state in targets))
        for state in targets:
            uses[state.name] |= own
    for event in model.events:
        for state in event.then:
            uses[state.name] |= _of_event(event)
    return uses


def _zero(model: Model, dosed: Iterable[Route]) -> dict[Any, Any]:
    """The inputs that are not given, and the states that nothing lifts from a start of zero."""
    routes = list(dosed)
    inputs = {r.rate: sympy.S.Zero for r in model.routes.values() if r.rate is not None and r not in routes}
    lifted: set[State] = {s for route in routes for s in reached_states(model, route)}
    lifted |= {s for event in model.events for s in event.then}
    empty = {s for s in model.states if s.start == 0 and s not in lifted}
    while True:
        zero = inputs | dict.fromkeys(empty, sympy.S.Zero)
        rising = {s for s in empty if model.rates[s].xreplace(zero) != 0}
        if not rising:
            return zero
        empty -= rising


def _of_route(route: Route) -> set[str]:
    return set().union(*map(_names, route.jumps.values()))


def _of_dosing(model: Model, state: State) -> set[str]:
    attributes: Mapping[str, Any] = model.dosing[state].attributes if state in model.dosing else {}
    return set().union(*map(_names, attributes.values()))


def _of_event(event: Event) -> set[str]:
    return _names(event.when).union(*map(_names, event.then.values()))


def _names(expression: Any) -> set[str]:
    return {s.name for s in sympy.sympify(expression).atoms(Declared)}
