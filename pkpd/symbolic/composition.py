"""Models from models: composition by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import sympy

from pkpd.errors import ModelError, UnitError
from pkpd.symbolic.checks import output_unit
from pkpd.symbolic.model import Model, Route, require_model
from pkpd.symbolic.symbols import Given, State
from pkpd.symbolic.values import parameter_value
from pkpd.symbolic.variants import fields_with, redeclared
from pkpd.units import conversion_factor, parse_unit, same_unit

__all__ = ["compose", "parameter_value"]


def compose(name: str, *parts: Model, description: str = "", time: str | None = None) -> Model:
    """Join parts by name into one model; the order of the parts never matters.

    Each `given` of a part is met by the output, or the state, of that name in another
    part; terms add to the rates of the states they act on; routes of one name act
    together, each on states of its own.

    Parameters
    ----------
    name
        Of the whole.
    parts
        Models; a drug in hours and a tumor in days are joined in one unit, see `time`.
    description
        Text for people.
    time
        The unit of time of the whole, into which every part is converted by
        `Model.in_time`; by default the longest among the parts' units, so that hours and
        days are joined in days.

    Raises
    ------
    ModelError
        If a name is defined twice or declared differently, two parts own one state, or
        givens go round in a circle.
    UnitError
        If what meets a given has another unit, or a part without a unit of time meets one
        that has one.

    Examples
    --------
    >>> import pkpd
    >>> compose("exposed", pkpd.load("pk_1cmt"), pkpd.load("pdl1_occupancy"))
    <Model exposed: 1 states, 8 parameters>
    """
    if not parts:
        raise ModelError(f"{name}: nothing to compose; give at least one part.")
    models = [require_model(part, "compose") for part in parts]
    common = _longest_time(models) if time is None else time
    in_one_time = [part if part.time == common else part.in_time(common) for part in models]
    ordered = sorted(in_one_time, key=lambda part: (part.name, part.hash))
    met = _met_givens(name, ordered)
    mapped = [fields_with(part, met) for part in ordered]
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
        time=common,
        description=description,
    )


def _longest_time(parts: Iterable[Model]) -> str:
    """The longest of the parts' units of time; of two names for it the first in the alphabet."""
    times = sorted({part.time for part in parts})
    in_days = {time: conversion_factor(parse_unit(time), parse_unit("day")) or 0.0 for time in times}
    longest = max(in_days.values())
    return next(time for time in times if math.isclose(in_days[time], longest))


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
        s: redeclared(s, start=s.start.xreplace(met))
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
            joined[key] = Route(key, {**other.jumps, **route.jumps}, replaces=other.replaces or route.replaces)
    return joined
