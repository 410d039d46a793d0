"""The steady states that records ask for (SS): what segments start with, or what is added to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import RegimenError
from pkpd.records.doses import DoseSlopes
from pkpd.records.segments import record_rank
from pkpd.records.switches import Status
from pkpd.records.tasks import Task
from pkpd.solvers.accumulators import accumulators
from pkpd.solvers.equations.controlled import ControlledSystem
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import TIME, numbered_system
from pkpd.solvers.repeated_dosing import (
    SHORTEST_INTERVAL,
    RepeatedDosing,
    short_intervals,
    slowest_times,
    time_since_dose_slopes,
)
from pkpd.solvers.steady_derivatives import DosingSlopes, start_slopes, steady_slopes
from pkpd.solvers.steady_states import SETTLED, steady_states
from pkpd.solvers.timelines import Stops

__all__ = ["RecordDirections", "SteadySegments", "steady_segments"]

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class RecordDirections:
    """What a table is differentiated by.

    Attributes
    ----------
    names
        K parameters or states.
    sizes
        (K,): how far a change along each is natural.
    doses
        How the doses change.
    """

    names: tuple[str, ...]
    sizes: Array
    doses: DoseSlopes

    def unit(self, names: tuple[str, ...]) -> Array:
        """Which of `names` each direction is along, (names, K)."""
        return np.array([[float(name == k) for k in self.names] for name in names]).reshape(len(names), -1)


@dataclass(frozen=True)
class SteadySegments:
    """The starts of all segments, with the steady states that replace them.

    Attributes
    ----------
    starts
        (states, segments).
    added
        The stops at which other steady states are added.
    unsteady, unsettled, dstarts
        As of `SegmentProblems`.
    """

    starts: Array
    added: list[Stops]
    unsteady: Index
    unsettled: Index
    dstarts: Array | None


def steady_segments(
    task: Task,
    model: ControlledSystem,
    status: Status,
    parameters: Array,
    accuracy: tuple[float, Array, str],
    along: RecordDirections | None,
) -> SteadySegments:
    """Solve for all steady states of a table, as one ensemble.

    Parameters
    ----------
    parameters
        (parameters, segments): those at the first record of each.
    accuracy
        rtol, atol and method of the search.

    Raises
    ------
    RegimenError
        If the model depends on time, or doses are too close; the message names the row.
    """
    cuts = task.cuts
    with np.errstate(all="ignore"):
        starts = numpy_code(model.system).starts(parameters)
    unsteady, unsettled = np.full(len(cuts), NEVER, dtype=np.int64), np.full(len(cuts), SETTLED)
    which = np.flatnonzero(task.doses.steady > 0)
    if not len(which):
        return SteadySegments(starts, [], unsteady, unsettled, None)
    rows = task.doses.row[which]
    _check_time(task, int(rows[0]))
    dosings = _repeated_dosings(task, model, status, which)
    _check_intervals(task, model, dosings, rows)
    rtol, atol, method = accuracy
    steady = steady_states(model, dosings, rtol=rtol, atol=atol, method=method)
    segment, adds = cuts.segment[rows], task.doses.steady[which] == 2
    failed = np.flatnonzero(steady.unsettled != SETTLED)[::-1]
    np.minimum.at(unsteady, segment[failed], rows[failed])
    unsettled[segment[failed]] = steady.unsettled[failed]  # backward, so that the first row of a segment stays
    changes, dstarts = None, None
    if along is not None:
        slopes = _slopes(task, model, dosings, which, along)
        changes = steady_slopes(model, dosings, steady, slopes, rtol=rtol, atol=atol, method=method)
        dstarts = _free(model, parameters, along)
        dstarts[:, segment[~adds]] = changes[:, ~adds]
    starts[:, segment[~adds]] = steady.states[:, ~adds]
    added = _additions(task, model, rows[adds], steady.states[:, adds], None if changes is None else changes[:, adds])
    return SteadySegments(starts, added, unsteady, unsettled, dstarts)


def _additions(task: Task, model: ControlledSystem, rows: Index, states: Array, changes: Array | None) -> list[Stops]:
    """The stops that add steady states, (states, additions), at some rows; `changes` along directions with them."""
    resting = list(accumulators(model.system))  # what only accumulates goes on from where it is
    amounts = states.copy()
    amounts[resting] = 0.0
    where = (task.cuts.segment[rows], task.cuts.elapsed[rows], record_rank(rows))
    stops = [Stops.at(*where, jump=model.add[i], amount=row) for i, row in enumerate(amounts)]
    if changes is None:
        return stops
    damounts = changes.copy()
    damounts[resting] = 0.0
    pairs = zip(stops, damounts, strict=True)
    return [replace(stop, dtime=0 * change, damount=change, dchange=0 * change) for stop, change in pairs]


# ---- what is refused


def _check_time(task: Task, row: int) -> None:
    if any(TIME in rate.free_symbols for rate in numbered_system(task.model).rates):
        raise RegimenError(
            f"{task.data.place(row)}, column SS: the rates of {task.model.name} depend on time itself, "
            "so repeated doses have no steady state."
        )


def _check_intervals(task: Task, model: ControlledSystem, dosings: RepeatedDosing, rows: Index) -> None:
    """Refuse doses so close that double precision does not tell the states before one from those before the next."""
    short = short_intervals(model, dosings)
    if short.any():
        i = int(np.argmax(short))
        raise RegimenError(
            f"{task.data.place(int(rows[i]))}, column II: II is {dosings.interval[i]:g}, less than "
            f"{SHORTEST_INTERVAL:g} of the slowest time constant of {task.model.name} "
            f"({slowest_times(model, dosings)[i]:g}), so that its steady state cannot be told from rounding; a "
            "constant infusion (AMT 0, RATE, SS 1) does the same."
        )


# ---- the doses and how they change


def _repeated_dosings(task: Task, model: ControlledSystem, status: Status, which: Index) -> RepeatedDosing:
    doses, cuts = task.doses, task.cuts
    rows, state = doses.row[which], doses.state[which]
    parameters = task.parameters(model, rows)
    input_values = status.input_values(cuts.segment[rows], cuts.elapsed[rows], record_rank(rows))
    for i, (slot, _) in model.covariate.items():
        input_values[slot] = task.values.timed[task.values.names[i]][rows]
    with np.errstate(all="ignore"):
        starts = numpy_code(model.system).starts(parameters)
    for number, slot in model.switch.items():
        input_values[slot] = np.where(state == number, 1.0, input_values[slot])
        starts[number] *= input_values[slot]
    return RepeatedDosing(
        parameters=parameters,
        input_values=input_values,
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


def _slopes(
    task: Task, model: ControlledSystem, dosings: RepeatedDosing, which: Index, along: RecordDirections
) -> DosingSlopes:
    doses, change = task.doses, along.doses
    starts = _free(model, dosings.parameters, along)
    for number, slot in model.switch.items():
        starts[number] *= dosings.input_values[slot][:, None]
    none = 0 * change.lag[which]
    return DosingSlopes(
        amount=change.amount[which],
        rate=change.rate[which],
        duration=change.duration[which],
        interval=none,
        phase=time_since_dose_slopes(doses.lag[which], doses.interval[which], change.lag[which], none),
        parameters=along.unit(model.system.parameters),
        starts=starts,
        sizes=along.sizes,
    )


def _free(model: ControlledSystem, parameters: Array, along: RecordDirections) -> Array:
    """How the model's own starts change, (states, members, K)."""
    system = model.system
    by_parameters = start_slopes(system, parameters, along.unit(system.parameters))
    return by_parameters + along.unit(system.states)[:, None]
