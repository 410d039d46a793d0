"""The dose records as the model takes them: which state, how much, how fast, how late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import DataError, RegimenError, unknown_name
from pkpd.records.records import Records
from pkpd.records.segments import Doses
from pkpd.records.values import Values
from pkpd.symbolic.model import Dosing, Model

__all__ = ["compartments", "dose_records", "state_numbers"]


WORDS = {"F": "bioavailability", "lag": "lag", "rate": "rate for RATE -1", "duration": "duration for RATE -2"}


def dose_records(model: Model, data: Records, values: Values) -> Doses:
    """The dose records with the state, amount, rate, duration and lag that the model gives them.

    Raises
    ------
    DataError
        If a dose goes into a compartment that the model does not have.
    RegimenError
        If bioavailability, lag, or a rate or duration that the record leaves to the model
        is missing, negative or not finite.
    """
    rows = np.flatnonzero(np.isin(data["EVID"], (1, 4)))
    state = state_numbers(model, data, rows)
    of = _Attributes(model, data, values, rows, state)
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
        amount=np.where(speed > 0, 0.0, arriving),
        rate=speed,
        duration=np.where(constant, np.inf, np.where(arriving > 0, length, 0.0)),
        lag=of("lag", np.full(len(rows), True)),
        interval=data["II"][rows],
        additional=data["ADDL"][rows],
        steady=data["SS"][rows],
    )


def compartments(model: Model, data: Records) -> dict[int, str]:
    """The state behind each number of a compartment: as the records say, or as the model counts.

    Raises
    ------
    UnknownNameError
        If the model does not have such a state.
    """
    names = [s.name for s in model.states]
    table = dict(data.compartments) or {i + 1: name for i, name in enumerate(names)}
    for state in table.values():
        if state not in names:
            raise unknown_name(model.name, "state", state, names)
    return table


def state_numbers(model: Model, data: Records, rows: Index) -> Index:
    """The number of the state that CMT means at some rows, whatever its sign; 0 is the lowest compartment."""
    table, names = compartments(model, data), [s.name for s in model.states]
    numbers = np.abs(data["CMT"][rows])
    numbers = np.where(numbers == 0, min(table), numbers)
    unknown = ~np.isin(numbers, list(table))
    if unknown.any():
        row = int(np.argmax(unknown))
        known = ", ".join(f"{n} ({state})" for n, state in table.items())
        raise DataError(
            f"{data.place(int(rows[row]))}, column CMT: {model.name} has no compartment {numbers[row]}; it has {known}."
        )
    lookup = np.zeros(max(table) + 1, dtype=np.int64)
    for number, state in table.items():
        lookup[number] = names.index(state)
    found: Index = lookup[numbers]
    return found


@dataclass(frozen=True)
class _Attributes:
    """The dosing attributes of the states that some rows dose."""

    model: Model
    data: Records
    values: Values
    rows: Index
    state: Index

    def __call__(self, key: str, needed: Mask) -> Array:
        """One of them, (rows,), checked where it is needed; NaN where the model has none."""
        plain = [sympy.Symbol(f"p_{i}") for i in range(len(self.values.names))]
        rename = dict(zip(self.model.settable, plain, strict=True))
        found = np.full(len(self.rows), np.nan)
        for number in np.unique(self.state[needed]):
            expression = getattr(self.model.dosing.get(self.model.states[number], Dosing()), key)
            if expression is not None:
                who = np.flatnonzero(self.state == number)
                function = sympy.lambdify([plain], expression.xreplace(rename), "numpy")
                found[who] = function(list(self.values.at(self.rows[who])))
        least = found >= 0 if key in ("F", "lag") else found > 0
        self._check(key, found, needed & ~(least & np.isfinite(found)))
        return found

    def _check(self, key: str, found: Array, bad: Mask) -> None:
        if not bad.any():
            return
        i = int(np.argmax(bad))
        state, least = self.model.states[self.state[i]], "0 or more" if key in ("F", "lag") else "more than 0"
        place, where = self.data.place(int(self.rows[i])), f"{WORDS[key]} of {state.name!r} in {self.model.name}"
        if getattr(self.model.dosing.get(state, Dosing()), key) is None:
            raise RegimenError(f"{place}: there is no {where}; declare dosing={{{state.name}: Dosing({key}=...)}}.")
        raise RegimenError(f"{place}: the {where} is {found[i]:g}; expected a finite number of {least}.")
