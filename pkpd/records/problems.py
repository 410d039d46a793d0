"""Records and a model as what an integrator takes: starts, stops and inputs of every segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Index
from pkpd.errors import RegimenError
from pkpd.records.doses import compartments, state_numbers
from pkpd.records.records import Records
from pkpd.records.segments import Doses, Segments, SingleDoses, record_rank, single_doses
from pkpd.records.values import Values
from pkpd.solvers.equations.controlled import TIME_OFFSET, ControlledSystem, controlled
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import TIME, numbered_system
from pkpd.solvers.ordering import count_before
from pkpd.solvers.steady_states import SETTLED, RepeatedDosing, accumulators, steady_states
from pkpd.solvers.timelines import Stops, Timeline, joined, timeline
from pkpd.symbolic.model import Model, Route

__all__ = ["SegmentProblems", "Task", "segment_problems"]


NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Task:
    """A model and what a table of records does to it."""

    model: Model
    data: Records
    cuts: Segments
    values: Values
    doses: Doses
    carry: str

    def parameters(self, controlled_model: ControlledSystem, rows: Index) -> Array:
        """The parameters at some rows, with the time at which the segment of each began."""
        values = self.values.at(rows)
        if controlled_model.system.parameters[-1:] == (TIME_OFFSET,):
            start = self.data["TIME"][self.cuts.first[self.cuts.segment[rows]]]
            values = np.vstack([values, start])
        return np.ascontiguousarray(values)

    @property
    def infused_routes(self) -> tuple[str, ...]:
        """The routes that some dose takes over a duration."""
        routes = list(self.model.routes)
        return tuple(routes[i] for i in np.unique(self.doses.route[self.doses.infused]) if i >= 0)

    def jumps(self, model: ControlledSystem) -> Index:
        """The number of the jump that each dose makes if given at once, -1 where it cannot."""
        routes = [-1 if r.rate else model.system.jump_routes.index(name) for name, r in self.model.routes.items()]
        return _by_target(self.doses, [model.add[i] for i in range(len(self.model.states))], routes)

    def slots(self, model: ControlledSystem) -> Index:
        """The number of the input that is the rate of each dose if it lasts, -1 where none is."""
        inputs = model.system.inputs[: len(self.infused_routes)]
        routes = [inputs.index(name) if name in inputs else -1 for name in self.model.routes]
        return _by_target(self.doses, [model.infusion.get(i, -1) for i in range(len(self.model.states))], routes)


def _by_target(doses: Doses, states: list[int], routes: list[int]) -> Index:
    """A number for each dose, by the state or the route that takes it; the last element stands for -1."""
    by_state, by_route = np.array([*states, -1]), np.array([*routes, -1])
    numbers: Index = np.where(doses.route < 0, by_state[doses.state], by_route[doses.route])
    return numbers


@dataclass(frozen=True)
class SegmentProblems:
    """An initial value problem for each segment.

    Attributes
    ----------
    model
        The model under the control of the stops.
    parameters, starts
        (parameters, segments) and (states, segments).
    stops
        What happens to each segment.
    unsteady
        (segments,): the row from which on a segment has no values, because the steady
        state of that record was not found.
    unsettled
        (segments,): the number of the state that did not settle there, negative where all
        did or it is not known; see `SteadyStates`.
    """

    model: ControlledSystem
    parameters: Array
    starts: Array
    stops: Timeline
    unsteady: Index
    unsettled: Index


def segment_problems(task: Task, rtol: float, atol: Array, method: str) -> SegmentProblems:
    """Turn records into initial value problems; steady states are solved for here."""
    switches = _Switches(task)
    model = _controlled_model(task, switches)
    singles = single_doses(task.doses, task.cuts, task.data)
    switched = switches.stops(model, singles)
    status = _Status(task.cuts, model, switched)
    parameters = task.parameters(model, task.cuts.first)
    with np.errstate(all="ignore"):
        starts = numpy_code(model.system).starts(parameters)
    replaced, added, unsteady, unsettled = _steady(task, model, status, starts, (rtol, atol, method))
    doses, covariates = _dose_stops(task, model, singles, switches), _covariate_stops(task, model)
    stops = joined([*added, *switched, *doses, *covariates, _landings(task.cuts)])
    initial = _initial_levels(task, model, status)
    line = timeline(stops, len(task.cuts), initial)
    return SegmentProblems(model, parameters, replaced, line, unsteady, unsettled)


def _controlled_model(task: Task, switches: _Switches) -> ControlledSystem:
    names = task.values.names
    return controlled(
        numbered_system(task.model, task.infused_routes),
        tuple(int(i) for i in np.unique(task.doses.state[task.doses.infused]) if i >= 0),
        switches.states,
        tuple(names.index(name) for name in task.values.changing),
        sloped=task.carry == "linear",
    )


def _landings(cuts: Segments) -> Stops:
    """A stop that does nothing at the end of each segment: its last step is then its own, whoever is solved with it."""
    members = np.arange(len(cuts))
    return Stops.at(members, cuts.last, np.full(len(members), np.inf))


# ---- compartments that are turned off and on


class _Switches:
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


class _Status:
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

    def levels(self, segment: Index, time: Array, rank: Array) -> Array:
        """The inputs of the model with its switches as they are just before a time and rank, (inputs, looks)."""
        levels = np.zeros((len(self.model.system.inputs), len(segment)))
        for state, slot in self.model.switch.items():
            levels[slot] = 1.0
            keys = self.keys[state]
            if len(keys[0]):
                last = count_before(keys, (self.cuts.course[segment], segment, time, rank - 0.25)) - 1
                switched = (last >= 0) & (keys[0][np.maximum(last, 0)] == self.cuts.course[segment])
                levels[slot] = np.where(switched, self.values[state][np.maximum(last, 0)], 1.0)
        return levels


# ---- doses


def _dose_stops(task: Task, model: ControlledSystem, singles: SingleDoses, switches: _Switches) -> list[Stops]:
    """The stops of doses at once, and those at which one that lasts begins and ends."""
    doses, dose = task.doses, singles.dose
    jump, slot, infused = task.jumps(model), task.slots(model), doses.infused[dose]
    stops = []
    for number in np.unique(jump[dose[~infused]]):
        who = np.flatnonzero(~infused & (jump[dose] == number))
        where = (singles.segment[who], singles.start[who], singles.rank[who])
        stops.append(Stops.at(*where, jump=number, amount=doses.amount[dose[who]]))
    for number in np.unique(slot[dose[infused]]):
        who = np.flatnonzero(infused & (slot[dose] == number))
        stops += _infusion_stops(task, int(number), singles, who, switches.ends(singles, who))
    return stops


def _infusion_stops(task: Task, slot: int, singles: SingleDoses, who: Index, end: Array) -> list[Stops]:
    segment, rate = singles.segment[who], task.doses.rate[singles.dose[who]]
    begins = Stops.at(segment, singles.start[who], singles.rank[who], slot=slot, change=rate, running=1)
    ends = Stops.at(segment, end, np.full(len(who), -1.0), slot=slot, change=-rate, running=-1)
    return [begins, ends.take(end <= task.cuts.last[segment])]


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


# ---- covariates


def _covariate_stops(task: Task, model: ControlledSystem) -> list[Stops]:
    """Where a covariate changes: at a record if carried forward, else after one, to what holds until the next."""
    stops, cuts = [], task.cuts
    rank = record_rank(np.arange(len(task.data))) + (task.carry != "forward")
    for i, (slot, slope_slot) in model.covariate.items():
        values, slopes = _from_record_on(task, task.values.timed[task.values.names[i]])
        changed = _changes(task, task.values.timed[task.values.names[i]], values, slopes)
        where = (cuts.segment[changed], cuts.elapsed[changed], rank[changed])
        stops.append(Stops.at(*where, slot=slot, change=values[changed]))
        if slope_slot >= 0:
            stops.append(Stops.at(*where, slot=slope_slot, change=slopes[changed]))
    return stops


def _from_record_on(task: Task, values: Array) -> tuple[Array, Array]:
    """A covariate from each record on, as its value at the start of the segment and its slope; (rows,) each."""
    flat = np.zeros_like(values)
    if task.carry == "forward":
        return values, flat
    after = np.append(values[1:], values[-1:])
    if task.carry == "backward":
        return after, flat
    elapsed = task.cuts.elapsed
    span = np.append(elapsed[1:] - elapsed[:-1], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.where(span > 0, (after - values) / span, 0.0)
    return np.where(span > 0, values - slopes * elapsed, after), slopes


def _changes(task: Task, at_record: Array, values: Array, slopes: Array) -> Index:
    """The rows from which on a covariate is another than before them."""
    edge = task.cuts.segment[1:] != task.cuts.segment[:-1]
    begins, ends = np.append(True, edge), np.append(edge, True)
    value_before = np.where(begins, at_record, np.append(0.0, values[:-1]))
    slope_before = np.where(begins, 0.0, np.append(0.0, slopes[:-1]))
    changed = (values != value_before) | (slopes != slope_before)
    return np.flatnonzero(changed & (~ends | (task.carry == "forward")))


def _initial_levels(task: Task, model: ControlledSystem, status: _Status) -> Array:
    members = np.arange(len(task.cuts))
    levels = status.levels(members, np.zeros(len(members)), np.full(len(members), -np.inf))
    for i, (slot, _) in model.covariate.items():
        levels[slot] = task.values.timed[task.values.names[i]][task.cuts.first]
    return levels


# ---- steady states


def _steady(
    task: Task, model: ControlledSystem, status: _Status, starts: Array, accuracy: tuple[float, Array, str]
) -> tuple[Array, list[Stops], Index, Index]:
    """Starts with the steady states that replace them, stops that add the others, the rows that have none, and why."""
    doses, cuts = task.doses, task.cuts
    unsteady, unsettled = np.full(len(cuts), NEVER, dtype=np.int64), np.full(len(cuts), SETTLED)
    which = np.flatnonzero(doses.steady > 0)
    if not len(which):
        return starts, [], unsteady, unsettled
    _check_time(task, int(doses.row[which[0]]))
    rows = doses.row[which]
    segment = cuts.segment[rows]
    rtol, atol, method = accuracy
    steady = steady_states(model, _repeated_dosings(task, model, status, which), rtol=rtol, atol=atol, method=method)
    failed = np.flatnonzero(steady.unsettled != SETTLED)[::-1]
    np.minimum.at(unsteady, segment[failed], rows[failed])
    unsettled[segment[failed]] = steady.unsettled[failed]  # backward, so that the first row of a segment stays
    adds = doses.steady[which] == 2
    starts = starts.copy()
    starts[:, segment[~adds]] = steady.states[:, ~adds]
    added = steady.states.copy()
    added[list(accumulators(model.system))] = 0.0  # what only accumulates goes on from where it is
    where = (segment[adds], cuts.elapsed[rows[adds]], record_rank(rows[adds]))
    stops = [Stops.at(*where, jump=model.add[i], amount=row[adds]) for i, row in enumerate(added)]
    return starts, stops, unsteady, unsettled


def _check_time(task: Task, row: int) -> None:
    if any(TIME in rate.free_symbols for rate in numbered_system(task.model).rates):
        raise RegimenError(
            f"{task.data.place(row)}, column SS: the rates of {task.model.name} depend on time itself, "
            "so repeated doses have no steady state."
        )


def _repeated_dosings(task: Task, model: ControlledSystem, status: _Status, which: Index) -> RepeatedDosing:
    doses, cuts = task.doses, task.cuts
    rows, state = doses.row[which], doses.state[which]
    parameters = task.parameters(model, rows)
    levels = status.levels(cuts.segment[rows], cuts.elapsed[rows], record_rank(rows))
    for i, (slot, _) in model.covariate.items():
        levels[slot] = task.values.timed[task.values.names[i]][rows]
    with np.errstate(all="ignore"):
        starts = numpy_code(model.system).starts(parameters)
    for number, slot in model.switch.items():
        levels[slot] = np.where(state == number, 1.0, levels[slot])
        starts[number] *= levels[slot]
    return RepeatedDosing(
        parameters=parameters,
        levels=levels,
        starts=starts,
        state=state,
        jump=task.jumps(model)[which],
        slot=task.slots(model)[which],
        amount=doses.amount[which],
        rate=doses.rate[which],
        duration=doses.duration[which],
        interval=doses.interval[which],
        phase=doses.phase[which],
    )
