"""A regimen for one model and its parameter values, as arrays: what is given to whom, when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from pkpd.arrays import Array
from pkpd.errors import RegimenError, UnitError, unknown_name
from pkpd.symbolic.dimensions import unit_of
from pkpd.symbolic.model import Model, Route
from pkpd.symbolic.symbols import Given, Parameter
from pkpd.treatment.regimens import Administration, Quantity, Regimen
from pkpd.units import conversion_factor, label, parse_unit, same_unit

__all__ = ["DoseSlopes", "Slope", "TimedDoses", "dose_slopes", "timed_doses"]


SHORTEST = 1e-8  # duration of a dose, as a part of its time: the rounding of its end then costs 1e-8 of the amount


@dataclass(frozen=True)
class TimedDoses:
    """Doses as arrays of shape (members, doses); one row where all members are treated alike.

    A duration is NaN for a dose given at once.
    """

    routes: tuple[str, ...]
    times: Array
    amounts: Array
    durations: Array


@dataclass(frozen=True)
class Slope:
    """The derivative of one number of a dose: its expression, and its values, (rows,)."""

    expression: sympy.Expr
    values: Array


@dataclass(frozen=True)
class DoseSlopes:
    """The derivatives of the time, amount and duration of one dose, by parameter; none where it is always zero."""

    time: Mapping[str, Slope]
    amount: Mapping[str, Slope]
    duration: Mapping[str, Slope]


def timed_doses(model: Model, regimen: Regimen, values: Mapping[str, Any], members: int) -> TimedDoses:
    """Evaluate `regimen` for `model`; a dose comes later by the lag of the compartments it reaches.

    Parameters
    ----------
    model
        Its routes say which unit an amount has and whether a duration is possible.
    regimen
        The doses.
    values
        A number, or an array of shape (members,), for each parameter the regimen uses.
    members
        The number of members.

    Raises
    ------
    RegimenError
        If the model has no such route, a route does not take a duration or needs one, or a
        time, amount or duration comes out negative or not finite, or a duration too short
        for double precision to tell the end of the dose from its start.
    UnitError
        If a unit cannot be converted to that of the route.
    """
    columns: dict[str, list[Any]] = {"time": [], "amount": [], "duration": []}
    for entry in regimen.doses:
        route = _route(model, entry)
        due = _evaluate(Quantity(entry.time), model.time, "a dose time", values)
        lag = _evaluate(Quantity(model.lag(route.name)), model.time, f"the lag of {route.name!r}", values)
        columns["time"].append(due + lag)
        columns["amount"].append(_evaluate(entry.amount, route.unit(model.time), f"a dose on {route.name!r}", values))
        lasting = np.nan
        if entry.duration is not None:
            lasting = _evaluate(entry.duration, model.time, f"a duration on {route.name!r}", values)
        columns["duration"].append(lasting)
    rows = 1 if all(np.ndim(v) == 0 for c in columns.values() for v in c) else members
    times, amounts, durations = (
        np.stack([np.broadcast_to(np.asarray(v, float), rows) for v in c], axis=1) if c else np.empty((1, 0))
        for c in columns.values()
    )
    routes = tuple(entry.route for entry in regimen.doses)
    _check("time", times, routes, times >= 0)
    _check("amount", amounts, routes, amounts >= 0)
    _check("duration", durations, routes, np.isnan(durations) | (durations > 0), allow_nan=True)
    _check_resolved(times, durations, routes)
    return TimedDoses(routes, times, amounts, durations)


def dose_slopes(
    model: Model, regimen: Regimen, values: Mapping[str, Any], rows: int, wrt: tuple[str, ...]
) -> tuple[DoseSlopes, ...]:
    """Differentiate `regimen` by the parameters `wrt`: an entry for each dose.

    The units are those of `plan`; `rows` is the number of rows of its arrays.
    """
    lags = {entry.route: model.lag(_route(model, entry).name) for entry in regimen.doses}
    used = {*regimen.parameters}.union(*(lag.atoms(Parameter, Given) for lag in lags.values()))
    symbols = sorted((s for s in used if s.name in wrt), key=lambda s: str(s.name))

    def slopes(quantity: Quantity | None, unit: str) -> dict[str, Slope]:
        if quantity is None:
            return {}
        factor = _factor(quantity, unit, "a dose")
        found = {s.name: sympy.diff(quantity.expression, s) for s in symbols}
        return {
            name: Slope(slope * factor, np.broadcast_to(np.asarray(_number(slope, values) * factor, float), rows))
            for name, slope in found.items()
            if slope != 0
        }

    return tuple(
        DoseSlopes(
            slopes(Quantity(entry.time + lags[entry.route]), model.time),
            slopes(entry.amount, _route(model, entry).unit(model.time)),
            slopes(entry.duration, model.time),
        )
        for entry in regimen.doses
    )


def _route(model: Model, entry: Administration) -> Route:
    if entry.route not in model.routes:
        raise unknown_name(model.name, "route", entry.route, model.routes)
    route: Route = model.routes[entry.route]
    if route.rate is not None and entry.duration is None:
        raise RegimenError(
            f"{model.name}: route {route.name!r} takes a dose rate ({route.rate.name}, {route.rate.unit}); "
            "give each dose a duration."
        )
    if route.rate is None and entry.duration is not None and route.additive is None:
        jump = "; ".join(f"{s.name} -> {e}" for s, e in route.jumps.items())
        raise RegimenError(
            f"{model.name}: route {route.name!r} acts at once ({jump}) and cannot last {entry.duration}; "
            "leave the duration out."
        )
    return route


def _evaluate(quantity: Quantity, unit: str, what: str, values: Mapping[str, Any]) -> Any:
    expression = quantity.expression
    factor = _factor(quantity, unit, what)
    if not expression.is_number:
        its = unit_of(expression, what, bare_numbers=True)
        if its is not None and not same_unit(its, parse_unit(unit)):
            raise UnitError(f"{what} is {expression} [{label(its)}]; expected [{unit}].")
    return _number(expression, values) * factor


def _factor(quantity: Quantity, unit: str, what: str) -> float:
    if quantity.unit is None:
        return 1.0
    found = conversion_factor(parse_unit(quantity.unit), parse_unit(unit))
    if found is None:
        raise UnitError(f"{what} is {quantity}, which cannot be converted to {unit}.")
    return found


def _number(expression: sympy.Expr, values: Mapping[str, Any]) -> Any:
    if expression.is_number:
        return float(expression)
    symbols = sorted(expression.free_symbols, key=str)
    plain = [sympy.Symbol(f"a_{i}") for i in range(len(symbols))]
    function = sympy.lambdify(plain, expression.xreplace(dict(zip(symbols, plain, strict=True))), "numpy")
    return function(*(values[s.name] for s in symbols))


def _check(what: str, table: Array, routes: tuple[str, ...], good: Any, *, allow_nan: bool = False) -> None:
    bad = ~good if allow_nan else ~(good & np.isfinite(table))
    if bad.any():
        member, dose = np.argwhere(bad)[0]
        of = f" of member {member}" if len(table) > 1 else ""
        raise RegimenError(
            f"the {what} of dose {dose + 1}{of} on route {routes[dose]!r} is {table[member, dose]:g}; "
            f"expected a finite number of {'more than 0' if what == 'duration' else '0 or more'}."
        )


def _check_resolved(times: Array, durations: Array, routes: tuple[str, ...]) -> None:
    short = durations < SHORTEST * times
    if short.any():
        member, dose = np.argwhere(short)[0]
        raise RegimenError(
            f"dose {dose + 1} on route {routes[dose]!r} lasts {durations[member, dose]:g} from time "
            f"{times[member, dose]:g}, too short to tell its end from its start; give it at once, or over longer."
        )
