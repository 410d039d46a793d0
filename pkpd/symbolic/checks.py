"""What a model must fulfil, and the sentence said where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.relational import GreaterThan, LessThan, StrictGreaterThan, StrictLessThan

from pkpd.errors import ModelError, UnitError
from pkpd.symbolic.dimensions import unit_of
from pkpd.symbolic.symbols import Clock, Declared, Dose, Given, InputRate, Parameter, State, check_name
from pkpd.units import conversion_factor, label, parse_unit, same_unit

if TYPE_CHECKING:
    from pkpd.symbolic.model import Event, Model, Route

__all__ = [
    "bioavailability",
    "check_closed",
    "check_model",
    "declared_symbols",
    "every_symbol",
    "expressions",
    "lag",
    "output_unit",
    "reached_states",
]


def expressions(model: Model) -> Iterator[tuple[str, sympy.Basic]]:
    """Every expression of a model, each with the words that name its place."""
    for state, rate in model.rates.items():
        yield f"d {state.name}/dt", rate
        yield f"the start of {state.name}", state.start
    for state, term in model.terms.items():
        yield f"the term for d {state.name}/dt", term
    for name, out in model.outputs.items():
        yield f"output {name!r}", out.expression
    for name, route in model.routes.items():
        for state, jump in route.jumps.items():
            yield f"route {name!r} for {state.name}", jump
    for event in model.events:
        yield f"the event {event.when}", event.when
        for state, value in event.then.items():
            yield f"the event {event.when} for {state.name}", value
    for state, dosing in model.dosing.items():
        for key, value in dosing.attributes.items():
            yield f"the dosing attribute {key} of {state.name}", value


def declared_symbols(model: Model) -> set[Declared]:
    """The named symbols (not dose and clock) that occur anywhere in a model."""
    symbols: set[Declared] = {*model.rates, *model.terms, *model.dosing}
    for _, expression in expressions(model):
        symbols |= expression.atoms(Declared)
    for route in model.routes.values():
        symbols |= set(route.jumps) | ({route.rate} if route.rate is not None else set())
    for event in model.events:
        symbols |= set(event.then)
    return {s for s in symbols if not isinstance(s, Dose | Clock)}


def every_symbol(model: Model) -> set[Declared]:
    """All declared symbols of a model: the named ones, its doses and its clock."""
    return declared_symbols(model).union(*(e.atoms(Declared) for _, e in expressions(model)))


def check_model(model: Model) -> None:
    """Refuse a model that is not well formed; see `Model` for what is raised."""
    check_name(model.name, "model")
    if model.time != "1" and conversion_factor(parse_unit(model.time), parse_unit("day")) is None:
        raise UnitError(
            f"{model.name}: its time is in {model.time!r}; expected a time such as h or day, or '1' for none."
        )
    _check_dosing(model)
    _check_symbols(model)
    _check_names(model)
    for route in model.routes.values():
        _check_route(model, route)
    for event in model.events:
        _check_event(model, event)
    _check_inputs(model)
    _check_units(model)


def check_closed(model: Model) -> None:
    """Refuse a part that lacks a given or a state that another part owns."""
    for symbol in model.settable:
        if isinstance(symbol, Given) and symbol.default is None:
            raise ModelError(
                f"{model.name} needs {symbol.name!r} ({symbol.meaning}, {symbol.unit}), which no part supplies. "
                f"Compose it with a part that has an output {symbol.name!r}, or give it a default."
            )
    for state in model.foreign:
        raise ModelError(
            f"{model.name} acts on the state {state.name!r} ({state.meaning}), which no part owns. "
            f"Compose it with the part that has the rate of {state.name!r}."
        )
    if not model.rates:
        raise ModelError(f"{model.name} has no states, so there is nothing to simulate.")


def output_unit(model: Model, name: str) -> str:
    """The unit of an output: as declared, or as its expression has it."""
    out = model.outputs[name]
    if out.unit is not None:
        return str(out.unit)
    if isinstance(out.expression, Declared):
        return str(out.expression.unit)
    unit = unit_of(out.expression, f"{model.name}: output {name!r}")
    return "1" if unit is None else label(unit)


def _check_symbols(model: Model) -> None:
    for place, expression in expressions(model):
        for symbol in sorted(expression.free_symbols, key=str):
            if not isinstance(symbol, Declared):
                raise ModelError(
                    f"{model.name}: {place} uses the undeclared symbol {symbol}; declare it with param, state or given."
                )
        if expression.has(sympy.nan, sympy.zoo, sympy.I):
            raise ModelError(f"{model.name}: {place} is {expression}, which is not a real number.")
    by_name: dict[str, Declared] = {}
    for symbol in sorted(declared_symbols(model), key=lambda s: (s.name, repr(s.declaration))):
        other = by_name.setdefault(symbol.name, symbol)
        if other != symbol:
            raise ModelError(
                f"{model.name}: {symbol.name!r} is declared twice, differently: {_difference(other, symbol)}."
            )


def _difference(one: Declared, other: Declared) -> str:
    """In what two declarations of one name differ."""
    if type(one) is not type(other):
        return f"as a {type(one).__name__.lower()} and as a {type(other).__name__.lower()}"
    pairs = [
        (f.name, getattr(one.declaration, f.name), getattr(other.declaration, f.name)) for f in fields(one.declaration)
    ]
    return "; ".join(f"{name} {_worded(a)} and {_worded(b)}" for name, a, b in pairs if a != b)


def _worded(value: Any) -> str:
    """A field of a declaration; the start of a state with the values of its parameters."""
    if not isinstance(value, sympy.Expr):
        return repr(value)
    values = ", ".join(f"{p.name} = {p.value:g}" for p in sorted(value.atoms(Parameter), key=str))
    return f"{value} ({values}; set them after composing, compose(...).using(...))" if values else str(value)


def _check_names(model: Model) -> None:
    symbols = {s.name for s in declared_symbols(model)}
    for name in model.outputs:
        check_name(name, "output")
        if name in symbols:
            raise ModelError(
                f"{model.name}: output {name!r} has the name of a symbol; every state is in the result by itself, "
                "so rename or drop the output."
            )
    for name in model.routes:
        check_name(name, "route")
    for state in model.terms:
        if state in model.rates:
            raise ModelError(f"{model.name}: terms adds to {state.name!r}, which the model owns; put it into its rate.")


def _check_route(model: Model, route: Route) -> None:
    if route.rate is not None:
        return
    doses = route.doses
    if len(doses) != 1:
        units = ", ".join(sorted(d.unit for d in doses)) or "none"
        raise ModelError(
            f"{model.name}: route {route.name!r} needs exactly one dose(unit) in its jumps; it has {units}."
        )
    for state, jump in route.jumps.items():
        _forbid(model, f"route {route.name!r} for {state.name}", jump, InputRate, "an input rate")
        if not route.replaces and jump.has(Dose) and state not in jump.free_symbols:
            raise ModelError(
                f"{model.name}: a dose on route {route.name!r} overwrites {state.name!r} by {jump}; write "
                f"{{{state.name}: {state.name} + {jump}}} to add to it, or "
                f"Route({route.name!r}, {{...}}, replaces=True) where that is meant."
            )


def _check_event(model: Model, event: Event) -> None:
    if not isinstance(event.when, StrictLessThan | StrictGreaterThan | LessThan | GreaterThan):
        raise ModelError(
            f"{model.name}: an event is triggered by {event.when!r}; expected one comparison, such as T < T_min."
        )
    if not event.then:
        raise ModelError(f"{model.name}: the event {event.when} changes no state.")


def _check_dosing(model: Model) -> None:
    for state, dosing in model.dosing.items():
        if not isinstance(state, State) or not hasattr(dosing, "attributes"):
            raise ModelError(f"{model.name}: dosing has {state!r}: {dosing!r}; expected {{state: Dosing(...)}}.")
        for key, value in dosing.attributes.items():
            for symbol in sorted(value.free_symbols, key=str):
                if not isinstance(symbol, Parameter | Given):
                    raise ModelError(
                        f"{model.name}: the dosing attribute {key} of {state.name} uses {symbol.name!r}; "
                        "it is made of parameters and givens only."
                    )
    for route in model.routes.values():
        for key, words in (("lag", "lags"), ("F", "bioavailabilities")):
            if len(_dosing_attribute(model, route, key)) > 1:
                raise ModelError(
                    f"{model.name}: route {route.name!r} reaches compartments with different {words}; "
                    "give each its own route."
                )


def reached_states(model: Model, route: Route) -> tuple[State, ...]:
    """The states that a dose on `route` changes: by a jump, or by a rate that its input enters."""
    if route.rate is None:
        return tuple(route.jumps)
    rates = (*model.rates.items(), *model.terms.items())
    return tuple(state for state, rate in rates if rate.has(route.rate))


def _dosing_attribute(model: Model, route: Route, key: str) -> set[sympy.Expr]:
    """F or the lag of the states that a dose on `route` reaches."""
    default = {"F": sympy.S.One, "lag": sympy.S.Zero}[key]
    return {getattr(model.dosing[s], key) if s in model.dosing else default for s in reached_states(model, route)}


def lag(model: Model, route: Route) -> sympy.Expr:
    """How long after its time a dose on `route` arrives."""
    return next(iter(_dosing_attribute(model, route, "lag")), sympy.S.Zero)


def bioavailability(model: Model, route: Route) -> sympy.Expr:
    """The part of a dose on `route` that arrives, beyond what the route itself says.

    A route whose own expressions hold F, such as ``{depot: depot + F*dose("mg")}``, has applied it.
    """
    F = next(iter(_dosing_attribute(model, route, "F")), sympy.S.One)
    every_rate = (*model.rates.values(), *model.terms.values())
    own = route.jumps.values() if route.rate is None else [sympy.diff(rate, route.rate) for rate in every_rate]
    spelled_out = any(expression.free_symbols & F.free_symbols for expression in own)
    return sympy.S.One if spelled_out else F


def _check_inputs(model: Model) -> None:
    routed = {route.rate for route in model.routes.values() if route.rate is not None}
    used: set[Any] = set()
    for place, expression in expressions(model):
        used |= expression.atoms(InputRate)
        if not place.startswith("route"):
            _forbid(model, place, expression, Dose, "a dose")
    for symbol in sorted(used - routed, key=str):
        raise ModelError(
            f"{model.name}: the input rate {symbol.name!r} has no route; add routes={{'name': {symbol.name}}}."
        )
    for symbol in sorted(routed - used, key=str):
        raise ModelError(f"{model.name}: the input rate {symbol.name!r} has a route, but no rate uses it.")


def _forbid(model: Model, place: str, expression: sympy.Basic, kind: type, words: str) -> None:
    for symbol in expression.atoms(kind):
        raise ModelError(f"{model.name}: {place} uses {words} ({symbol.name}), which belongs elsewhere.")


def _check_units(model: Model) -> None:
    time = parse_unit(model.time)
    for state, rate in (*model.rates.items(), *model.terms.items()):
        _expect(rate, parse_unit(state.unit) / time, f"{model.name}: d {state.name}/dt")
    for state in model.rates:
        if not state.start.is_number:
            _expect(state.start, parse_unit(state.unit), f"{model.name}: the start of {state.name}")
    for name, out in model.outputs.items():
        declared = None if out.unit is None else parse_unit(out.unit)
        _expect(out.expression, declared, f"{model.name}: output {name!r}")
    for name, route in model.routes.items():
        for state, jump in route.jumps.items():
            _expect(jump, parse_unit(state.unit), f"{model.name}: route {name!r} for {state.name}")
    for event in model.events:
        unit_of(event.when, f"{model.name}: the event {event.when}")
        for state, value in event.then.items():
            if not value.is_number:
                _expect(value, parse_unit(state.unit), f"{model.name}: the event {event.when} for {state.name}")
    for state, dosing in model.dosing.items():
        wanted = {"F": parse_unit("1"), "lag": time, "rate": parse_unit(state.unit) / time, "duration": time}
        for key, value in dosing.attributes.items():
            if not value.is_number:
                _expect(value, wanted[key], f"{model.name}: the dosing attribute {key} of {state.name}")
    for symbol in set().union(*(e.atoms(Clock) for _, e in expressions(model))):
        if not same_unit(parse_unit(symbol.unit), time):
            raise UnitError(f"{model.name}: its time is in {model.time}, but clock({symbol.unit!r}) is used.")


def _expect(expression: sympy.Basic, unit: Any, where: str) -> None:
    actual = unit_of(expression, where)
    if unit is None or actual is None or same_unit(actual, unit):
        return
    raise UnitError(f"{where} is {expression} [{label(actual)}]; expected [{label(unit)}].")
