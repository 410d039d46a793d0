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
from pkpd.solvers.steady_states import RepeatedDosing, steady_states
from pkpd.solvers.timelines import Stops, Timeline, joined, timeline
from pkpd.symbolic.model import Model

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
        found = self.values.at(rows)
        if controlled_model.system.parameters[-1:] == (TIME_OFFSET,):
            start = self.data["TIME"][self.cuts.first[self.cuts.segment[rows]]]
            found = np.vstack([found, start])
        return np.ascontiguousarray(found)


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
    """

    model: ControlledSystem
    parameters: Array
    starts: Array
    stops: Timeline
    unsteady: Index


def segment_problems(task: Task, rtol: float, atol: Array, method: str) -> SegmentProblems:
    """Turn records into initial value problems; steady states are solved for here."""
    switches = _Switches(task)
    model = _controlled_model(task, switches)
    given = single_doses(task.doses, task.cuts)
    switched = switches.stops(model, given)
    status = _Status(task.cuts, model, switched)
    parameters = task.parameters(model, task.cuts.first)
    with np.errstate(all="ignore"):
        starts = numpy_code(model.system).starts(parameters)
    replaced, added, unsteady = _steady(task, model, status, starts, (rtol, atol, method))
    doses, covariates = _dose_stops(task, model, given, switches), _covariate_stops(task, model)
    stops = joined([*added, *switched, *doses, *covariates, _landings(task.cuts)])
    initial = _initial_levels(task, model, status)
    return SegmentProblems(model, parameters, replaced, timeline(stops, len(task.cuts), initial), unsteady)


def _controlled_model(task: Task, switches: _Switches) -> ControlledSystem:
    names = task.values.names
    return controlled(
        numbered_system(task.model),
        tuple(int(i) for i in np.unique(task.doses.state[task.doses.infused])),
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

    def stops(self, model: ControlledSystem, given: SingleDoses) -> list[Stops]:
        """The stops at which a compartment is emptied and turned off, or turned on."""
        cuts, found = self.task.cuts, []
        for state in self.states:
            rows = self.off[self.off_state == state]
            rank = self.off_rank[self.off_state == state]
            slot = model.switch[state]
            empty = {"jump": model.empty[state], "slot": slot, "change": 0.0}
            found.append(Stops.at(cuts.segment[rows], cuts.elapsed[rows], rank, **empty))
            rows = self.on[self.on_state == state]
            found.append(Stops.at(cuts.segment[rows], cuts.elapsed[rows], record_rank(rows), slot=slot, change=1.0))
            dosed = self.task.doses.state[given.dose] == state
            where = (given.segment[dosed], given.start[dosed], given.rank[dosed])
            found.append(Stops.at(*where, slot=slot, change=1.0))
        return found

    def ends(self, given: SingleDoses, who: Index) -> Array:
        """When the infusions `who` end: at the latest when their compartment is turned off."""
        end, cuts = given.end[who], self.task.cuts
        if not len(self.off):
            return end
        keys = (cuts.segment[self.off], self.off_state, cuts.elapsed[self.off], self.off_rank)
        order = np.lexsort(keys[::-1])
        state = self.task.doses.state[given.dose[who]]
        next_ = count_before(keys, (given.segment[who], state, given.start[who], given.rank[who]))
        off = order[np.minimum(next_, len(order) - 1)]
        follows = (next_ < len(order)) & (keys[0][off] == given.segment[who]) & (keys[1][off] == state)
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
        found = np.zeros((len(self.model.system.inputs), len(segment)))
        for state, slot in self.model.switch.items():
            found[slot] = 1.0
            keys = self.keys[state]
            if len(keys[0]):
                last = count_before(keys, (self.cuts.course[segment], segment, time, rank - 0.25)) - 1
                told = (last >= 0) & (keys[0][np.maximum(last, 0)] == self.cuts.course[segment])
                found[slot] = np.where(told, self.values[state][np.maximum(last, 0)], 1.0)
        return found


# ---- doses


def _dose_stops(task: Task, model: ControlledSystem, given: SingleDoses, switches: _Switches) -> list[Stops]:
    doses, found = task.doses, []
    infused = doses.infused[given.dose]
    for state in np.unique(doses.state):
        here = doses.state[given.dose] == state
        who = np.flatnonzero(here & ~infused)
        where = (given.segment[who], given.start[who], given.rank[who])
        found.append(Stops.at(*where, jump=model.add[int(state)], amount=doses.amount[given.dose[who]]))
        who = np.flatnonzero(here & infused)
        if len(who):
            found += _infusion_stops(task, model.infusion[int(state)], given, who, switches.ends(given, who))
    return found


def _infusion_stops(task: Task, slot: int, given: SingleDoses, who: Index, end: Array) -> list[Stops]:
    segment, rate = given.segment[who], task.doses.rate[given.dose[who]]
    begins = Stops.at(segment, given.start[who], given.rank[who], slot=slot, change=rate, running=1)
    ends = Stops.at(segment, end, np.full(len(who), -1.0), slot=slot, change=-rate, running=-1)
    return [begins, ends.take(end <= task.cuts.last[segment])]


# ---- covariates


def _covariate_stops(task: Task, model: ControlledSystem) -> list[Stops]:
    """Where a covariate changes: at a record if carried forward, else after one, to what holds until the next."""
    found, cuts = [], task.cuts
    rank = record_rank(np.arange(len(task.data))) + (task.carry != "forward")
    for i, (slot, slope_slot) in model.covariate.items():
        values, slopes = _from_record_on(task, task.values.timed[task.values.names[i]])
        changed = _changes(task, task.values.timed[task.values.names[i]], values, slopes)
        where = (cuts.segment[changed], cuts.elapsed[changed], rank[changed])
        found.append(Stops.at(*where, slot=slot, change=values[changed]))
        if slope_slot >= 0:
            found.append(Stops.at(*where, slot=slope_slot, change=slopes[changed]))
    return found


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
) -> tuple[Array, list[Stops], Index]:
    """Starts with the steady states that replace them, stops that add the others, and the rows that have none."""
    doses, cuts = task.doses, task.cuts
    unsteady = np.full(len(cuts), NEVER, dtype=np.int64)
    which = np.flatnonzero(doses.steady > 0)
    if not len(which):
        return starts, [], unsteady
    _check_time(task, int(doses.row[which[0]]))
    rows = doses.row[which]
    segment = cuts.segment[rows]
    dosings = _repeated_dosings(task, model, status, which)
    rtol, atol, method = accuracy
    states, found = steady_states(model, dosings, rtol=rtol, atol=atol, method=method)
    np.minimum.at(unsteady, segment[~found], rows[~found])
    adds = doses.steady[which] == 2
    starts = starts.copy()
    starts[:, segment[~adds]] = states[:, ~adds]
    where = (segment[adds], cuts.elapsed[rows[adds]], record_rank(rows[adds]))
    return starts, [Stops.at(*where, jump=model.add[i], amount=row[adds]) for i, row in enumerate(states)], unsteady


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
        amount=doses.amount[which],
        rate=doses.rate[which],
        duration=doses.duration[which],
        interval=doses.interval[which],
        phase=doses.phase[which],
    )
