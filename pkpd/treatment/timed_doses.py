"""A regimen for one model and its parameter values, as arrays: what is given to whom, when."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy

from pkpd.arrays import Array, Index
from pkpd.errors import RegimenError, UnitError, unknown_name
from pkpd.symbolic.dimensions import unit_of
from pkpd.symbolic.model import Model, Route
from pkpd.symbolic.symbols import Given, Parameter
from pkpd.treatment.regimens import Administration, Quantity, Regimen
from pkpd.units import conversion_factor, label, parse_unit, same_unit

__all__ = ["DoseFunction", "TimedDoses", "dose_function", "steady_intervals", "timed_doses"]


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


@dataclass(frozen=True, eq=False)
class DoseFunction:
    """A regimen for one model, with everything settled but the values of parameters; see `dose_function`.

    Attributes
    ----------
    routes
        The route of each dose.
    names
        The parameters that its times (with the lag), amounts and durations use.
    numbers
        (3, doses): times, amounts and durations without what depends on parameters; a duration
        is NaN for a dose given at once.
    expressions
        What is added to them, each once, over the symbols of `names`.
    places
        For each of `expressions` where it is added: the parts and the doses.
    """

    routes: tuple[str, ...]
    names: tuple[str, ...]
    numbers: Array
    expressions: tuple[sympy.Expr, ...]
    places: tuple[tuple[Index, Index], ...]

    def __call__(self, values: Mapping[str, Any], members: int) -> TimedDoses:
        """The doses for these values: a number, or (members,), for each of `names`.

        Raises
        ------
        RegimenError
            If a time, amount or duration comes out negative or not finite, or a duration too
            short for double precision to tell the end of the dose from its start.
        """
        return _checked(TimedDoses(self.routes, *self.table(values, members)))

    def table(self, values: Mapping[str, Any], members: int) -> Array:
        """The numbers behind them, (3, members or 1, doses), whatever they come out as."""
        rows = 1 if all(np.ndim(values[name]) == 0 for name in self.names) else members
        table = np.repeat(self.numbers[:, None, :], rows, axis=1)
        added = self._function(*(values[name] for name in self.names))
        for (parts, doses), value in zip(self.places, added, strict=True):
            table[parts, :, doses] += value
        return table

    def derivatives(self, values: Mapping[str, Any], rows: int, wrt: Sequence[str]) -> Array:
        """The derivatives of times, amounts and durations by `wrt`: (3, rows, doses, K)."""
        return self._filled(values, rows, [(name,) for name in wrt])

    def second_derivatives(self, values: Mapping[str, Any], rows: int, wrt: Sequence[str]) -> Array:
        """The second ones, by each pair k <= l of `wrt` in order: (3, rows, doses, pairs)."""
        return self._filled(values, rows, list(itertools.combinations_with_replacement(wrt, 2)))

    def _filled(self, values: Mapping[str, Any], rows: int, by: list[tuple[str, ...]]) -> Array:
        slopes = np.zeros((3, rows, len(self.routes), len(by)))
        moving = [k for k, names in enumerate(by) if set(names) <= set(self.names)]
        if moving and self.expressions:
            arguments = [values[name] for name in self.names]
            numbers = iter(self._slopes(tuple(by[k] for k in moving))(*arguments))
            for parts, doses in self.places:
                for k in moving:
                    slopes[parts, :, doses, k] = next(numbers)
        return slopes

    @cached_property
    def _symbols(self) -> list[sympy.Symbol]:
        return [sympy.Symbol(f"a_{i}", real=True) for i in range(len(self.names))]

    @cached_property
    def _function(self) -> Callable[..., Sequence[Any]]:
        return _compiled(self._symbols, list(self.expressions))

    @cached_property
    def _slope_functions(self) -> dict[tuple[tuple[str, ...], ...], Callable[..., Sequence[Any]]]:
        return {}

    def _slopes(self, by: tuple[tuple[str, ...], ...]) -> Callable[..., Sequence[Any]]:
        if by not in self._slope_functions:
            number = dict(zip(self.names, self._symbols, strict=True))
            symbols = [[number[name] for name in names] for names in by]
            slopes = [sympy.diff(expression, *one) for expression in self.expressions for one in symbols]
            self._slope_functions[by] = _compiled(self._symbols, slopes)
        return self._slope_functions[by]


def dose_function(model: Model, regimen: Regimen) -> DoseFunction:
    """Settle `regimen` for `model`; a dose comes later by the lag of the compartments it reaches.

    Parameters
    ----------
    model
        Its routes say which unit an amount has and whether a duration is possible.
    regimen
        The doses.

    Raises
    ------
    RegimenError
        If the model has no such route, or a route does not take a duration or needs one.
    UnitError
        If a unit cannot be converted to that of the route.
    """
    doses = regimen.in_time(model.time).doses
    routes = {entry.route: _route(model, entry) for entry in doses}
    lags = {name: model.lag(name) for name in routes}
    amounts: dict[tuple[str, Quantity], sympy.Expr] = {}
    every: list[list[sympy.Expr]] = []
    for entry in doses:
        if _demanding(routes[entry.route], entry):
            _route(model, entry)
        key = entry.route, entry.amount
        if key not in amounts:
            amounts[key] = _amount(entry.amount, routes[entry.route], model.time)
        parts = [_converted(Quantity(entry.time), model.time, "a dose time") + lags[entry.route], amounts[key]]
        if entry.duration is not None:
            parts.append(_converted(entry.duration, model.time, f"a duration on {entry.route!r}"))
        every.append(parts)
    used = set(regimen.parameters).union(*(lag.atoms(Parameter, Given) for lag in lags.values()))
    return _of_parts(tuple(entry.route for entry in doses), used, every)


def steady_intervals(model: Model, regimen: Regimen) -> DoseFunction:
    """The intervals of the doses that meet a steady state, in the place of the times of doses; see `dose_function`."""
    steady = [d for d in regimen.in_time(model.time).doses if d.ss and d.interval is not None]
    intervals = [_converted(Quantity(d.interval), model.time, "the interval of a dose with ss=True") for d in steady]
    used = {symbol for interval in intervals for symbol in interval.atoms(Parameter, Given)}
    return _of_parts(tuple(d.route for d in steady), used, [(interval, sympy.S.Zero) for interval in intervals])


def _of_parts(routes: tuple[str, ...], used: set[Any], every: Sequence[Sequence[sympy.Expr]]) -> DoseFunction:
    """A function of the parameters `used`; `every` dose has a time, an amount and, where it lasts, a duration."""
    numbers, added = np.full((3, len(every)), np.nan), dict[sympy.Expr, list[tuple[int, int]]]()
    for dose, parts in enumerate(every):
        for part, expression in enumerate(parts):
            number, rest = expression.as_coeff_Add()
            numbers[part, dose] = float(number)
            if rest != 0:
                added.setdefault(rest, []).append((part, dose))
    symbols = sorted(used, key=lambda s: str(s.name))
    plain = {s: sympy.Symbol(f"a_{i}", real=True) for i, s in enumerate(symbols)}
    places = [np.array(where, dtype=np.int64).T for where in added.values()]
    return DoseFunction(
        routes,
        tuple(str(s.name) for s in symbols),
        numbers,
        tuple(expression.xreplace(plain) for expression in added),
        tuple((parts, doses) for parts, doses in places),
    )


def _demanding(route: Route, entry: Administration) -> bool:
    """Whether the route may refuse this dose: a rate route one at once, a jump route one that lasts."""
    return (route.rate is None) == (entry.duration is not None)


def timed_doses(model: Model, regimen: Regimen, values: Mapping[str, Any], members: int) -> TimedDoses:
    """The doses of `regimen` for `model` at these values; see `dose_function`."""
    return dose_function(model, regimen)(values, members)


def _compiled(symbols: list[sympy.Symbol], expressions: list[sympy.Expr]) -> Callable[..., Sequence[Any]]:
    """A function of the values of `symbols` that gives those of `expressions`."""
    function: Callable[..., Sequence[Any]] = sympy.lambdify(symbols, expressions, modules="numpy", cse=True)
    return function


def _checked(doses: TimedDoses) -> TimedDoses:
    times, amounts, durations = doses.times, doses.amounts, doses.durations
    _check("time", times, doses.routes, times >= 0)
    _check("amount", amounts, doses.routes, amounts >= 0)
    _check("duration", durations, doses.routes, np.isnan(durations) | (durations > 0), allow_nan=True)
    _check_resolved(times, durations, doses.routes)
    return doses


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


def _amount(quantity: Quantity, route: Route, time: str) -> sympy.Expr:
    """An amount in the unit of its route; a mass becomes an amount of substance by the molar mass of the route."""
    what = f"a dose on {route.name!r}"
    if quantity.unit is None:
        return _converted(quantity, route.unit(time), what)
    factor = route.amount_factor(quantity.unit, time, f"{what} is {quantity}")
    return quantity.expression if factor == 1.0 else factor * quantity.expression


def _converted(quantity: Quantity, unit: str, what: str) -> sympy.Expr:
    """`quantity` in `unit`, as an expression."""
    expression = quantity.expression
    factor = _factor(quantity, unit, what)
    if not expression.is_number:
        own_unit = unit_of(expression, what, bare_numbers=True)
        if own_unit is not None and not same_unit(own_unit, parse_unit(unit)):
            raise UnitError(f"{what} is {expression} [{label(own_unit)}]; expected [{unit}].")
    return expression if factor == 1.0 else factor * expression


def _factor(quantity: Quantity, unit: str, what: str) -> float:
    if quantity.unit is None:
        return 1.0
    found = conversion_factor(parse_unit(quantity.unit), parse_unit(unit))
    if found is None:
        raise UnitError(f"{what} is {quantity}, which cannot be converted to {unit}.")
    return found


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
