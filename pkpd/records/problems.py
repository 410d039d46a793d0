"""Records and a model as what an integrator takes: starts, stops and inputs of every segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.records.doses import DoseSlopes
from pkpd.records.segments import Segments, SingleDoses, record_rank, single_doses
from pkpd.records.steady_records import RecordDirections, steady_segments
from pkpd.records.switches import Status, Switches
from pkpd.records.tasks import Task
from pkpd.solvers.clock_stops import clock_stops
from pkpd.solvers.equations.clock import ClockedSystem, clocked
from pkpd.solvers.equations.controlled import ControlledSystem, controlled
from pkpd.solvers.equations.system import numbered_system
from pkpd.solvers.timelines import Stops, Timeline, joined, timeline

__all__ = ["SegmentProblems", "Task", "segment_problems"]


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
    dstarts
        (states, segments, K): how the starts change along the directions; None where they follow
        those of the model.
    """

    model: ControlledSystem
    clock: ClockedSystem
    parameters: Array
    starts: Array
    stops: Timeline
    unsteady: Index
    unsettled: Index
    dstarts: Array | None = None


def segment_problems(
    task: Task, rtol: float, atol: Array, method: str, along: RecordDirections | None = None
) -> SegmentProblems:
    """Turn records into initial value problems; steady states are solved for here.

    Parameters
    ----------
    rtol, atol, method
        Of the search for steady states.
    along
        What the stops and steady states are differentiated by.
    """
    switches = Switches(task)
    model = _controlled_model(task, switches)
    singles = single_doses(task.doses, task.cuts, task.data)
    switched = switches.stops(model, singles)
    status = Status(task.cuts, model, switched)
    parameters = task.parameters(model, task.cuts.first)
    steady = steady_segments(task, model, status, parameters, (rtol, atol, method), along)
    slopes, wrt = (None, ()) if along is None else (along.doses, along.names)
    doses, covariates = _dose_stops(task, model, singles, switches, slopes), _covariate_stops(task, model)
    clock, timed = clocked(model.system), _clock_stops(task, model, parameters, wrt)
    stops = joined([*steady.added, *switched, *doses, *covariates, *timed.stops, _landings(task.cuts)])
    initial = np.concatenate([_initial_input_values(task, model, status), timed.initial])
    line = timeline(stops, len(task.cuts), initial)
    return SegmentProblems(
        model, clock, parameters, steady.starts, line, steady.unsteady, steady.unsettled, steady.dstarts
    )


def _controlled_model(task: Task, switches: Switches) -> ControlledSystem:
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


@dataclass(frozen=True)
class _Clock:
    stops: list[Stops]
    initial: Array


def _clock_stops(task: Task, model: ControlledSystem, parameters: Array, wrt: Sequence[str]) -> _Clock:
    """Where conditions on the clock change, and the inputs that hold them at the start."""
    clock = clocked(model.system)
    if not clock.conditions:
        return _Clock([], np.empty((0, len(task.cuts))))
    directions = np.array([[float(name == k) for k in wrt] for name in model.system.parameters])
    directions = np.broadcast_to(directions.reshape(len(parameters), 1, -1), (*parameters.shape, len(wrt)))
    timed = clock_stops(clock, parameters, task.cuts.last, directions=directions if wrt else None)
    stops = replace(timed.stops, dtime=timed.shift, damount=0 * timed.shift, dchange=0 * timed.shift)
    return _Clock([stops], timed.initial)


# ---- doses


def _dose_stops(
    task: Task, model: ControlledSystem, singles: SingleDoses, switches: Switches, slopes: DoseSlopes | None
) -> list[Stops]:
    """The stops of doses at once, and those at which one that lasts begins and ends."""
    slopes = _no_slopes(len(task.doses.row)) if slopes is None else slopes
    doses, dose = task.doses, singles.dose
    jump, slot, infused = task.jumps(model), task.slots(model), doses.infused[dose]
    stops = []
    for number in np.unique(jump[dose[~infused]]):
        who = np.flatnonzero(~infused & (jump[dose] == number))
        where = (singles.segment[who], singles.start[who], singles.rank[who])
        dtime, damount = slopes.lag[dose[who]], slopes.amount[dose[who]]
        at_once = Stops.at(*where, jump=number, amount=doses.amount[dose[who]])
        stops.append(replace(at_once, dtime=dtime, damount=damount, dchange=0 * dtime))
    for number in np.unique(slot[dose[infused]]):
        who = np.flatnonzero(infused & (slot[dose] == number))
        stops += _infusion_stops(task, int(number), singles, who, switches.ends(singles, who), slopes)
    return stops


def _no_slopes(doses: int) -> DoseSlopes:
    return DoseSlopes(*np.zeros((4, doses, 0)))


def _infusion_stops(
    task: Task, slot: int, singles: SingleDoses, who: Index, end: Array, slopes: DoseSlopes
) -> list[Stops]:
    dose, segment, start = singles.dose[who], singles.segment[who], singles.start[who]
    rate, drate, lag = task.doses.rate[dose], slopes.rate[dose], slopes.lag[dose]
    # What a steady state left running begins with its segment, whatever the lag.
    dstart = np.where(singles.running[who][:, None], 0.0, lag)
    dend = np.where((end < singles.end[who])[:, None], 0.0, lag + slopes.duration[dose])
    begins = Stops.at(segment, start, singles.rank[who], slot=slot, change=rate, running=1)
    ends = Stops.at(segment, end, np.full(len(who), -1.0), slot=slot, change=-rate, running=-1)
    begins = replace(begins, dtime=dstart, damount=0 * drate, dchange=drate)
    ends = replace(ends, dtime=dend, damount=0 * drate, dchange=-drate)
    return [begins, ends.take(end <= task.cuts.last[segment])]


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


def _initial_input_values(task: Task, model: ControlledSystem, status: Status) -> Array:
    members = np.arange(len(task.cuts))
    input_values = status.input_values(members, np.zeros(len(members)), np.full(len(members), -np.inf))
    for i, (slot, _) in model.covariate.items():
        input_values[slot] = task.values.timed[task.values.names[i]][task.cuts.first]
    return input_values
