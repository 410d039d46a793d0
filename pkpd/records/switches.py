"""Compartments that records turn off and on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Index
from pkpd.errors import RegimenError
from pkpd.records.doses import compartments, state_numbers
from pkpd.records.segments import Segments, SingleDoses, record_rank
from pkpd.records.tasks import Task
from pkpd.solvers.equations.controlled import ControlledSystem
from pkpd.solvers.ordering import count_before
from pkpd.solvers.timelines import Stops, joined
from pkpd.symbolic.model import Model, Route

__all__ = ["Status", "Switches"]


class Switches:
    """The records that turn a compartment off or on."""

    def __init__(self, task: Task) -> None:
        data, self.task = task.data, task
        evid, number = data["EVID"], data["CMT"]
        self.off = np.flatnonzero((number < 0) & ((evid == 0) | (evid == 2)))
        self.off_state = state_numbers(task.model, data, self.off)
        self.states = tuple(int(i) for i in np.unique(self.off_state))
        _check_switched(task, self.off, self.off_state)
        known = np.isin(number, list(compartments(task.model, data)))
        on = np.flatnonzero((number > 0) & (evid == 2) & known) if self.states else np.empty(0, dtype=np.int64)
        state = state_numbers(task.model, data, on)
        self.on, self.on_state = on[np.isin(state, self.states)], state[np.isin(state, self.states)]

    @property
    def off_rank(self) -> Array:
        """An observation is made before it turns its compartment off."""
        observed = self.task.data["EVID"][self.off] == 0
        rank: Array = record_rank(self.off) + observed
        return rank

    def stops(self, model: ControlledSystem, singles: SingleDoses) -> list[Stops]:
        """The stops at which a compartment is emptied and turned off, or turned on."""
        cuts, stops = self.task.cuts, []
        for state in self.states:
            rows = self.off[self.off_state == state]
            rank = self.off_rank[self.off_state == state]
            slot = model.switch[state]
            empty = {"jump": model.empty[state], "slot": slot, "change": 0.0}
            stops.append(Stops.at(cuts.segment[rows], cuts.elapsed[rows], rank, **empty))
            rows = self.on[self.on_state == state]
            stops.append(Stops.at(cuts.segment[rows], cuts.elapsed[rows], record_rank(rows), slot=slot, change=1.0))
            dosed = self.task.doses.state[singles.dose] == state
            where = (singles.segment[dosed], singles.start[dosed], singles.rank[dosed])
            stops.append(Stops.at(*where, slot=slot, change=1.0))
        return stops

    def ends(self, singles: SingleDoses, who: Index) -> Array:
        """When the infusions `who` end: at the latest when their compartment is turned off."""
        end, cuts = singles.end[who], self.task.cuts
        if not len(self.off):
            return end
        keys = (cuts.segment[self.off], self.off_state, cuts.elapsed[self.off], self.off_rank)
        order = np.lexsort(keys[::-1])
        state = self.task.doses.state[singles.dose[who]]
        next_ = count_before(keys, (singles.segment[who], state, singles.start[who], singles.rank[who]))
        off = order[np.minimum(next_, len(order) - 1)]
        follows = (next_ < len(order)) & (keys[0][off] == singles.segment[who]) & (keys[1][off] == state)
        return np.where(follows, np.minimum(end, keys[2][off]), end)


class Status:
    """Whether a compartment is on, at any time; a steady state leaves it as it is, a reset turns it on."""

    def __init__(self, cuts: Segments, model: ControlledSystem, switched: list[Stops]) -> None:
        self.cuts, self.model = cuts, model
        self.keys: dict[int, tuple[NDArray[Any], ...]] = {}
        self.values: dict[int, Array] = {}
        for state, slot in model.switch.items():
            stops = joined(switched)
            own = stops.take(stops.slot == slot)
            keys = (cuts.course[own.member], own.member, own.time, own.rank)
            order = np.lexsort(keys[::-1])
            self.keys[state] = tuple(k[order] for k in keys)
            self.values[state] = own.change[order]

    def input_values(self, segment: Index, time: Array, rank: Array) -> Array:
        """The inputs of the model with its switches as they are just before a time and rank, (inputs, looks)."""
        input_values = np.zeros((len(self.model.system.inputs), len(segment)))
        for state, slot in self.model.switch.items():
            input_values[slot] = 1.0
            keys = self.keys[state]
            if len(keys[0]):
                last = count_before(keys, (self.cuts.course[segment], segment, time, rank - 0.25)) - 1
                switched = (last >= 0) & (keys[0][np.maximum(last, 0)] == self.cuts.course[segment])
                input_values[slot] = np.where(switched, self.values[state][np.maximum(last, 0)], 1.0)
        return input_values


def _check_switched(task: Task, off: Index, state: Index) -> None:
    """Refuse to turn off a route, or a state that a dose on a route reaches."""
    if (state < 0).any():
        row = int(off[np.argmax(state < 0)])
        name = compartments(task.model, task.data)[abs(int(task.data["CMT"][row]))]
        raise RegimenError(f"{task.data.place(row)}, column CMT: {name!r} is a route, which cannot be turned off.")
    routes = list(task.model.routes.values())
    for number in np.unique(task.doses.route[task.doses.route >= 0]):
        reached = _reached(task.model, routes[number])
        for row, name in zip(off, (task.model.states[i].name for i in state), strict=True):
            if name in reached:
                raise RegimenError(
                    f"{task.data.place(int(row))}, column CMT: {name!r} cannot be turned off, because doses on the "
                    f"route {routes[number].name!r} reach it; dose the state itself instead."
                )


def _reached(model: Model, route: Route) -> list[str]:
    """The states that a dose on `route` changes, or to whose rate it adds."""
    return [s.name for s in route.jumps] or [s.name for s, rate in model.rates.items() if rate.has(route.rate)]
