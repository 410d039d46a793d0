"""Models from models: composition by name, renaming, other defaults."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import sympy

from pkpd.errors import ModelError, ParameterError, UnitError, unknown_name
from pkpd.symbolic.checks import output_unit
from pkpd.symbolic.model import Dosing, Event, Model, Output, Route, require_model
from pkpd.symbolic.symbols import Declared, Given, Parameter, State
from pkpd.units import convert, parse_quantity, parse_unit, same_unit

__all__ = ["compose", "parameter_value", "renamed", "with_defaults"]


def compose(name: str, *parts: Model, description: str = "") -> Model:
    """Join parts by name into one model; the order of the parts never matters.

    Each `given` of a part is met by the output, or the state, of that name in another
    part; terms add to the rates of the states they act on; routes of one name act
    together, each on states of its own.

    Raises
    ------
    ModelError
        If a name is defined twice or declared differently, two parts own one state,
        givens go round in a circle, or the parts' times differ.
    UnitError
        If what meets a given has another unit.
    """
    if not parts:
        raise ModelError(f"{name}: nothing to compose; give at least one part.")
    ordered = sorted((require_model(part, "compose") for part in parts), key=lambda part: (part.name, part.hash))
    times = sorted({part.time for part in ordered})
    if len(times) > 1:
        raise ModelError(f"{name}: the parts' times differ ({', '.join(times)}); write them in one unit.")
    met = _met_givens(name, ordered)
    mapped = [_mapped(part, met) for part in ordered]
    rates = _union(name, "state", [(p.name, m["rates"]) for p, m in zip(ordered, mapped, strict=True)])
    terms: dict[State, sympy.Expr] = {}
    for fields in mapped:
        for target, term in fields["terms"].items():
            table = rates if target in rates else terms
            table[target] = table.get(target, sympy.S.Zero) + term
    return Model(
        name,
        rates=rates,
        terms=terms,
        outputs=_union(name, "output", [(p.name, m["outputs"]) for p, m in zip(ordered, mapped, strict=True)]),
        routes=_joined_routes(name, [fields["routes"] for fields in mapped]),
        events=[event for fields in mapped for event in fields["events"]],
        dosing=_union(name, "dosing of", [(p.name, m["dosing"]) for p, m in zip(ordered, mapped, strict=True)]),
        time=times[0],
        description=description,
    )


def renamed(model: Model, names: str | Mapping[str, str]) -> Model:
    """`model` under other names.

    Parameters
    ----------
    model
        Any model or part.
    names
        A prefix for all that the model declares itself (states, parameters, givens,
        outputs, routes; not the states of other parts), or a mapping of old to new names.

    Raises
    ------
    UnknownNameError
        If the mapping names what the model does not have.
    """
    if not isinstance(names, str | Mapping):
        raise ModelError(f"{model.name}: renamed() got {names!r}; expected a prefix, or {{old name: new name}}.")
    own = {s.name for s in model.symbols.values() if s not in model.foreign}
    every = own | set(model.outputs) | set(model.routes)
    new = {name: names + name for name in every} if isinstance(names, str) else dict(names)
    known = every | {s.name for s in model.foreign}
    for name in new:
        if name not in known:
            raise unknown_name(model.name, "name", name, known)
    symbols = {s: _redeclared(s, name=new[s.name]) for s in model.symbols.values() if s.name in new}
    fields = _mapped(model, symbols)
    return Model(
        names + model.name if isinstance(names, str) else model.name,
        rates=fields["rates"],
        terms=fields["terms"],
        outputs={new.get(k, k): v for k, v in fields["outputs"].items()},
        routes={new.get(k, k): dataclasses.replace(v, name=new.get(k, k)) for k, v in fields["routes"].items()},
        events=fields["events"],
        dosing=fields["dosing"],
        time=model.time,
        description=model.description,
    )


def with_defaults(model: Model, values: Mapping[str, Any]) -> Model:
    """`model` with other default values (see `parameter_value`); an alternative brings its source along."""
    changed: dict[Declared, Declared] = {}
    free = {s.name: s for s in model.settable}
    for name, value in values.items():
        if name not in free:
            raise unknown_name(model.name, "parameter", name, free)
        key = "value" if isinstance(free[name], Parameter) else "default"
        sources = {a[0]: a[3] for a in getattr(free[name].declaration, "alternatives", ())}
        said = {"source": sources[value]} if isinstance(value, str) and value in sources else {}
        changed[free[name]] = _redeclared(free[name], **{key: parameter_value(model, free[name], value)}, **said)
    fields = _mapped(model, changed)
    return Model(model.name, **fields, time=model.time, description=model.description)


def parameter_value(model: Model, symbol: Parameter | Given, value: Any) -> float:
    """A value for a parameter as a number in its unit.

    Parameters
    ----------
    model
        Named in messages.
    symbol
        The parameter.
    value
        A number in the parameter's unit; text with a unit (``"0.4 nM"``); or the name of
        one of the alternatives it declares.

    Raises
    ------
    ParameterError
        If the text is neither a quantity nor an alternative, or a number is not finite.
    UnitError
        If the unit cannot be converted.
    """
    what = f"{model.name}: parameter {symbol.name!r}"
    if isinstance(value, str):
        others = {a[0]: a[1] for a in getattr(symbol.declaration, "alternatives", ())}
        if value in others:
            return float(others[value])
        try:
            number, unit = parse_quantity(value, what)
        except UnitError:
            known = f" or an alternative ({', '.join(sorted(others))})" if others else ""
            raise ParameterError(
                f"{what} is {value!r}; expected a number, or one with a unit, such as '1.5 {symbol.unit}'{known}."
            ) from None
        value = number if unit is None else convert(number, unit, symbol.unit, what)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError(f"{what} is {value!r}; expected a number in {symbol.unit}.") from None
    if not math.isfinite(number):
        raise ParameterError(f"{what} is {number}; give a finite number in {symbol.unit}.")
    return number


def _redeclared(symbol: Declared, **changes: Any) -> Declared:
    return type(symbol)(dataclasses.replace(symbol.declaration, **changes))


def _mapped(model: Model, table: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields of `model` with symbols replaced by symbols or expressions, starts included."""
    moved = {s: table.get(s, s) for s in model.symbols.values() if isinstance(s, State)}
    restarted = {
        s: _redeclared(s, name=moved[s].name, start=s.start.xreplace(dict(table))) if s in model.rates else moved[s]
        for s in moved
    }
    whole = {**table, **restarted}

    def new(expression: Any) -> Any:
        return expression.xreplace(whole)

    def keyed(entries: Mapping[State, Any]) -> dict[State, Any]:
        return {whole.get(s, s): new(e) for s, e in entries.items()}

    return {
        "rates": keyed(model.rates),
        "terms": keyed(model.terms),
        "outputs": {k: Output(new(o.expression), o.meaning, o.unit) for k, o in model.outputs.items()},
        "routes": {k: Route(r.name, keyed(r.jumps), whole.get(r.rate, r.rate)) for k, r in model.routes.items()},
        "events": tuple(Event(new(e.when), keyed(e.then)) for e in model.events),
        "dosing": {
            whole.get(s, s): Dosing(**{k: new(e) for k, e in d.attributes.items()}) for s, d in model.dosing.items()
        },
    }


def _met_givens(name: str, parts: Iterable[Model]) -> dict[Any, Any]:
    """Each given that some part supplies, with its expression, free of met givens."""
    supplies: dict[str, tuple[Model, sympy.Expr, str]] = {}
    for part in parts:
        offered = {s.name: (s, s.unit) for s in part.rates}
        offered |= {k: (o.expression, output_unit(part, k)) for k, o in part.outputs.items()}
        for key, (expression, unit) in offered.items():
            supplies.setdefault(key, (part, expression, unit))
    met: dict[Any, Any] = {}
    for part in parts:
        for symbol in part.settable:
            if isinstance(symbol, Given) and symbol.name in supplies:
                supplier, expression, unit = supplies[symbol.name]
                if not same_unit(parse_unit(unit), parse_unit(symbol.unit)):
                    raise UnitError(
                        f"{name}: {part.name} takes {symbol.name!r} in [{symbol.unit}], "
                        f"but {supplier.name} supplies it in [{unit}]."
                    )
                met[symbol] = expression
    for _ in met:
        met = {symbol: expression.xreplace(met) for symbol, expression in met.items()}
    circular = sorted(s.name for s, e in met.items() if e.atoms(Given) & met.keys())
    if circular:
        raise ModelError(f"{name}: the givens {', '.join(circular)} depend on one another in a circle.")
    return _with_starts(parts, met)


def _with_starts(parts: Iterable[Model], met: dict[Any, Any]) -> dict[Any, Any]:
    """Add the states whose start uses a met given: their declaration changes with it, in every part."""
    states = {
        s: _redeclared(s, start=s.start.xreplace(met))
        for part in parts
        for s in part.rates
        if s.start.atoms(Given) & met.keys()
    }
    return {symbol: expression.xreplace(states) for symbol, expression in met.items()} | states


def _union(name: str, kind: str, tables: Iterable[tuple[str, Mapping[Any, Any]]]) -> dict[Any, Any]:
    union: dict[Any, Any] = {}
    owner: dict[str, str] = {}
    for part, table in tables:
        for key, value in table.items():
            label = getattr(key, "name", key)
            if label in owner:
                raise ModelError(f"{name}: the {kind} {label!r} is defined twice, by {owner[label]} and by {part}.")
            owner[label] = part
            union[key] = value
    return union


def _joined_routes(name: str, tables: Iterable[Mapping[str, Route]]) -> dict[str, Route]:
    joined: dict[str, Route] = {}
    for table in tables:
        for key, route in table.items():
            other = joined.get(key)
            if other is None or other == route:
                joined[key] = route
                continue
            both = sorted(s.name for s in other.jumps.keys() & route.jumps.keys())
            if other.rate is not None or route.rate is not None or both:
                clash = f"both set {both[0]!r}" if both else "one is a jump and the other a rate"
                raise ModelError(f"{name}: two parts have the route {key!r} and {clash}.")
            joined[key] = Route(key, {**other.jumps, **route.jumps})
    return joined
