"""The dose records as the model takes them: which state or route, how much, how fast, how late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import DataError, RegimenError, unknown_name
from pkpd.records.records import Records
from pkpd.records.segments import Doses
from pkpd.records.values import Values
from pkpd.symbolic.model import Dosing, Model, Route

__all__ = ["compartments", "dose_records", "route_numbers", "state_numbers"]


WORDS = {"F": "bioavailability", "lag": "lag", "rate": "rate for RATE -1", "duration": "duration for RATE -2"}


def dose_records(model: Model, data: Records, values: Values) -> Doses:
    """The dose records with the target, amount, rate, duration and lag that the model gives them.

    A state takes what its `Dosing` says of a dose; a route says itself what arrives, as late
    as the states that it reaches.

    Raises
    ------
    DataError
        If a dose goes into a compartment that the model does not have.
    RegimenError
        If bioavailability, lag, or a rate or duration that the record leaves to the model
        is missing, negative or not finite; or a route cannot take the dose.
    """
    rows = np.flatnonzero(np.isin(data["EVID"], (1, 4)))
    state, route = state_numbers(model, data, rows), route_numbers(model, data, rows)
    _check_routes(model, data, rows, route)
    of = _Attributes(model, data, values, rows, state, route)
    amount, rate, duration = data["AMT"][rows], data["RATE"][rows], data["DUR"][rows]
    constant = (data["SS"][rows] > 0) & (amount == 0)
    arriving = of("F", np.full(len(rows), True)) * amount
    modeled_rate, modeled_duration = of("rate", rate == -1), of("duration", rate == -2)
    lasting = np.where(rate == -2, modeled_duration, duration)
    by_amount = lasting > 0
    with np.errstate(all="ignore"):
        speed = np.where(by_amount, arriving / lasting, np.where(rate == -1, modeled_rate, np.maximum(rate, 0.0)))
        length = np.where(by_amount, lasting, np.where(speed > 0, arriving / speed, 0.0))
    return Doses(
        row=rows,
        state=state,
        route=route,
        amount=np.where(speed > 0, 0.0, arriving),
        rate=speed,
        duration=np.where(constant, np.inf, np.where(arriving > 0, length, 0.0)),
        lag=of("lag", np.full(len(rows), True)),
        interval=np.where(constant, 0.0, data["II"][rows]),
        additional=np.where(constant, 0, data["ADDL"][rows]),
        steady=data["SS"][rows],
    )


def compartments(model: Model, data: Records) -> dict[int, str]:
    """The state or route behind each number of a compartment: as the records say, or as the model counts states.

    Raises
    ------
    UnknownNameError
        If the model has neither such a state nor such a route.
    """
    names = [s.name for s in model.states]
    table = dict(data.compartments) or {i + 1: name for i, name in enumerate(names)}
    for target in table.values():
        if target not in names and target not in model.routes:
            raise unknown_name(model.name, "state or route", target, [*names, *model.routes])
    return table


def state_numbers(model: Model, data: Records, rows: Index) -> Index:
    """The number of the state that CMT means at some rows, whatever its sign, or -1 where it means a route.

    0 is the lowest compartment, and a name that is both means the state.
    """
    names = [s.name for s in model.states]
    return _numbers(model, data, rows, lambda target: names.index(target) if target in names else -1)


def route_numbers(model: Model, data: Records, rows: Index) -> Index:
    """The number of the route that CMT means at some rows, or -1 where it means a state."""
    states, routes = {s.name for s in model.states}, list(model.routes)
    return _numbers(model, data, rows, lambda target: -1 if target in states else routes.index(target))


def _numbers(model: Model, data: Records, rows: Index, number_of: Callable[[str], int]) -> Index:
    table = compartments(model, data)
    numbers = np.abs(data["CMT"][rows])
    numbers = np.where(numbers == 0, min(table), numbers)
    unknown = ~np.isin(numbers, list(table))
    if unknown.any():
        row = int(np.argmax(unknown))
        known = ", ".join(f"{n} ({target})" for n, target in table.items())
        raise DataError(
            f"{data.place(int(rows[row]))}, column CMT: {model.name} has no compartment {numbers[row]}; it has {known}."
        )
    keys = np.array(sorted(table), dtype=np.int64)
    targets = np.array([number_of(table[int(key)]) for key in keys], dtype=np.int64)
    matched: Index = targets[np.searchsorted(keys, numbers)]
    return matched


# ---- what a route takes


def _check_routes(model: Model, data: Records, rows: Index, number: Index) -> None:
    """Refuse doses that their route cannot take."""
    for i in np.unique(number[number >= 0]):
        route = list(model.routes.values())[i]
        who = rows[number == i]
        lasts = (data["RATE"][who] > 0) | (data["DUR"][who] > 0)
        nothing = (data["AMT"][who] == 0) & (data["RATE"][who] == 0)
        for wrong, column, words in _demands(route, data, who, lasts | nothing):
            if wrong.any():
                row = int(who[np.argmax(wrong)])
                raise RegimenError(
                    f"{data.place(row)}, column {column}: {column} is {data[column][row]:g}; route {route.name!r} of "
                    f"{model.name} {words}."
                )


def _demands(route: Route, data: Records, rows: Index, lasts: Mask) -> list[tuple[Mask, str, str]]:
    rate, steady = data["RATE"][rows], data["SS"][rows]
    demands = [(rate < 0, "RATE", "has no modeled rate or duration; write a RATE or a DUR")]
    if route.rate is not None:
        demands.append((~lasts, "RATE", f"takes a dose rate ({route.rate.name}, {route.rate.unit}); write RATE or DUR"))
    elif route.additive is None:
        at_once = "acts at once and cannot last; leave RATE and DUR out"
        demands += [(rate > 0, "RATE", at_once), (data["DUR"][rows] > 0, "DUR", at_once)]
        demands.append((steady == 2, "SS", "does not add to its states, so no steady state can be added; use SS 1"))
    return demands


# ---- what the model says of doses


@dataclass(frozen=True)
class _Attributes:
    """The dosing attributes of the states and routes that some rows dose."""

    model: Model
    data: Records
    values: Values
    rows: Index
    state: Index
    route: Index

    def __call__(self, key: str, needed: Mask) -> Array:
        """One of them, (rows,), checked where it is needed; NaN where the model has none."""
        column = np.full(len(self.rows), np.nan)
        for target in np.unique(np.stack([self.state, self.route])[:, needed], axis=1).T:
            expression = self._expression(key, *target)
            if expression is not None:
                who = np.flatnonzero((self.state == target[0]) & (self.route == target[1]))
                column[who] = self._evaluated(expression, self.rows[who])
        least = column >= 0 if key in ("F", "lag") else column > 0
        self._check(key, column, needed & ~(least & np.isfinite(column)))
        return column

    def _expression(self, key: str, state: int, route: int) -> sympy.Expr | None:
        if route < 0:
            attribute: sympy.Expr | None = getattr(self._dosing(state), key)
            return attribute
        return {"F": sympy.S.One, "lag": self.model.lag(list(self.model.routes)[route])}.get(key)

    def _dosing(self, state: int) -> Dosing:
        return self.model.dosing.get(self.model.states[state], Dosing())

    def _evaluated(self, expression: sympy.Expr, rows: Index) -> Array:
        plain = [sympy.Symbol(f"p_{i}") for i in range(len(self.values.names))]
        rename = dict(zip(self.model.settable, plain, strict=True))
        function = sympy.lambdify([plain], expression.xreplace(rename), "numpy")
        return np.broadcast_to(np.asarray(function(list(self.values.at(rows))), dtype=float), len(rows))

    def _check(self, key: str, column: Array, bad: Mask) -> None:
        if not bad.any():
            return
        i = int(np.argmax(bad))
        least = "0 or more" if key in ("F", "lag") else "more than 0"
        name = self.model.states[self.state[i]].name if self.route[i] < 0 else list(self.model.routes)[self.route[i]]
        place, where = self.data.place(int(self.rows[i])), f"{WORDS[key]} of {name!r} in {self.model.name}"
        if self.route[i] < 0 and getattr(self._dosing(self.state[i]), key) is None:
            raise RegimenError(f"{place}: there is no {where}; declare dosing={{{name}: Dosing({key}=...)}}.")
        raise RegimenError(f"{place}: the {where} is {column[i]:g}; expected a finite number of {least}.")
