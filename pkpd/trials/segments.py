"""From one decision to the next: patients integrated to days of their own, with doses of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.prepared.parameters import ParameterValues
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.values import Patients, Values
from pkpd.solvers.rounding import SAME_TIME
from pkpd.treatment.timed_doses import TimedDoses
from pkpd.trials.cycles import Cycle
from pkpd.trials.dosing import Doses

__all__ = ["Reached", "begin", "go_on"]


@dataclass(frozen=True, eq=False)
class Reached:
    """What patients have come to.

    Attributes
    ----------
    patients
        Where they stand.
    current
        By name the outputs there, (patients,).
    event_days
        (events, patients): when each event of the model first happened; infinite where never.
    status
        (patients,): how the integration went, 0 for well.
    running
        The doses that have not arrived in full.
    """

    patients: Patients
    current: Mapping[str, Array]
    event_days: Array
    status: Index
    running: Doses


def begin(prepared: Prepared, values: ParameterValues) -> Reached:
    """Patients at the model's start; `prepared` stores the time 0 alone."""
    start = prepared.solve(values)
    assert start.final is not None
    assert start.event_times is not None
    return Reached(start.final, _last(start), start.event_times, start.status, Doses.none())


def go_on(
    prepared: Prepared, values: ParameterValues, cycles: tuple[Cycle, ...], reached: Reached, doses: Doses, until: Array
) -> Reached:
    """Integrate each patient to a day of their own.

    Parameters
    ----------
    doses
        Those given from where each patient stands until then.
    until
        (patients,): not before where the patient stands; who stands there already stays.
    """
    moving = (until > reached.patients.at) & (reached.status == 0)
    every = Doses.joined([reached.running, doses])
    # A dose that arrives at the very end is made by the segment after.
    running = every.take(every.ends >= until[every.patient] * (1 - SAME_TIME))
    if not moving.any():
        return replace(reached, running=running)
    who = np.flatnonzero(moving)
    table = timed(every, cycles, who, len(until))
    later = prepared.resume(reached.patients.take(who), values.take(who), doses=table, times=until[who, None])
    return _joined(replace(reached, running=running), who, later)


def timed(doses: Doses, cycles: tuple[Cycle, ...], who: Index, patients: int) -> TimedDoses:
    """Doses of some of the patients as a table with a row for each: those of a route side by side."""
    row = np.full(patients, -1)
    row[who] = np.arange(len(who))
    doses = doses.take(row[doses.patient] >= 0)
    routes = list(dict.fromkeys(route for cycle in cycles for route in cycle.routes))
    number = [np.array([routes.index(route) for route in cycle.routes]) for cycle in cycles]
    route = np.zeros(len(doses.day), dtype=np.int64)
    for therapy, of_dose in enumerate(number):
        own = doses.therapy == therapy
        route[own] = of_dose[doses.dose[own]]
    place, width = _places(row[doses.patient], route, len(routes))
    shape = (len(who), int(width.sum()))
    column = np.concatenate([[0], np.cumsum(width)])[route] + place
    times, amounts, durations = np.full(shape, np.inf), np.zeros(shape), np.full(shape, np.nan)
    cells = (row[doses.patient], column)
    times[cells], amounts[cells], durations[cells] = doses.day + doses.lag, doses.amount, doses.duration
    names = tuple(name for name, own in zip(routes, width.tolist(), strict=True) for _ in range(own))
    return TimedDoses(names, times, amounts, durations)


def _places(row: Index, route: Index, routes: int) -> tuple[Index, Index]:
    """How many doses of the same patient and route come before each, and the most of each route."""
    key = row * routes + route
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    first = np.searchsorted(ordered, ordered, side="left")
    place = np.empty(len(key), dtype=np.int64)
    place[order] = np.arange(len(key)) - first
    width = np.zeros(routes, dtype=np.int64)
    np.maximum.at(width, route, place + 1)
    return place, width


def _last(values: Values) -> dict[str, Array]:
    return {name: column[..., -1] for name, column in values.columns.items()}


def _joined(reached: Reached, who: Index, later: Values) -> Reached:
    """What all have reached, once some have gone on."""
    assert later.final is not None
    assert later.event_times is not None
    if len(who) == len(reached.status):
        first = np.minimum(reached.event_days, later.event_times)
        return Reached(later.final, _last(later), first, later.status, reached.running)
    current = {name: _put(column, who, later.columns[name][:, -1]) for name, column in reached.current.items()}
    events = reached.event_days.copy()
    events[:, who] = np.minimum(events[:, who], later.event_times)
    status = reached.status.copy()
    status[who] = later.status
    return Reached(reached.patients.put(who, later.final), current, events, status, reached.running)


def _put(column: Array, who: Index, values: Array) -> Array:
    changed = column.copy()
    changed[who] = values
    return changed
