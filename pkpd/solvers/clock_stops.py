"""The stops of a clocked system, and their place among those of a schedule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy

from pkpd.arrays import Array, Index
from pkpd.solvers.directions import StopDirections, no_change
from pkpd.solvers.equations.clock import ClockedSystem
from pkpd.solvers.equations.clock_times import SAME_TIME, Changes, Question, changes
from pkpd.solvers.schedule import Schedule
from pkpd.solvers.timelines import Stops, joined

__all__ = [
    "AFTER_ALL",
    "BEFORE_ALL",
    "FIRES",
    "ClockStops",
    "clock_schedule",
    "clock_stops",
    "moving_clock_schedule",
    "with_stops",
]

JUST_BEFORE = 1e-9
"""Of the span: how long before the start a change is taken to come at the start."""

BEFORE_ALL, FIRES, AFTER_ALL = -1.0, 1e300, np.inf
"""Ranks among the stops of one time: of what is new at that time already, of events, of what is new after it."""


@dataclass(frozen=True)
class ClockStops:
    """What the clock does to members.

    Attributes
    ----------
    stops
        In any order; the slots are numbers of inputs of the clocked system.
    shift
        (stops, directions): d time in each direction of the parameters.
    initial
        (clock inputs, members): their values before the first stop.
    """

    stops: Stops
    shift: Array
    initial: Array


def clock_stops(
    clocked: ClockedSystem, parameters: Array, until: Any, *, start: Any = 0.0, directions: Array | None = None
) -> ClockStops:
    """Solve for the times at which the clock changes an input, or sets off an event.

    A condition that holds at `start` holds from there on, and an event whose condition holds
    at `start` does not fire.  Times that a parameter makes infinite, NaN or earlier than
    `start` are no stops.

    Parameters
    ----------
    parameters
        (parameters, members), of ``clocked.system``.
    until, start
        A number or (members,), in the time of the system.
    directions
        (parameters, members, directions); by default none.

    Raises
    ------
    SimulationError
        If a condition changes more than a million times in a member.
    """
    members = parameters.shape[1]
    begin, end = (np.broadcast_to(np.asarray(t, dtype=float), (members,)) for t in (start, until))
    differentiated = directions is not None and clocked.settle < 0
    question = Question(
        parameters,
        # What changes at the very start can only come later: its time counts in a derivative.
        begin - JUST_BEFORE * np.maximum(end - begin, np.abs(begin)) if differentiated else begin,
        end,
        np.zeros((len(parameters), members, 0)) if directions is None else directions,
        clocked.system.parameters,
    )
    known: dict[sympy.Symbol, Changes] = {}
    fires_after = begin + SAME_TIME * np.maximum(end - begin, np.abs(begin))
    for condition in clocked.conditions:
        known[condition.symbol] = changes(condition, clocked.system.p, question, known)
    slots = [c for c in clocked.conditions if c.slot >= 0]
    initial = np.array([known[c.symbol].first for c in slots]).reshape(len(slots), members)
    none = np.zeros(0, dtype=np.int64)
    parts = [(Stops.at(none, np.zeros(0), np.zeros(0)), np.zeros((0, question.directions.shape[2])))]
    jumps = frozenset[sympy.Symbol]().union(*(e.free_symbols for row in clocked.system.jumps for e in row))
    parts += [_changing(c.slot, known[c.symbol], seen=clocked.system.u[c.slot] in jumps) for c in slots]
    parts += [_firing(jump, known[c.symbol], fires_after) for c in clocked.conditions for jump in c.jump]
    if clocked.settle >= 0:
        parts += [_settling(clocked.settle, known[c.symbol]) for c in slots]
    stops, shift = joined([stops for stops, _ in parts]), np.concatenate([shift for _, shift in parts])
    return ClockStops(replace(stops, time=np.maximum(stops.time, begin[stops.member])), shift, initial)


def _changing(slot: int, when: Changes, *, seen: bool) -> tuple[Stops, Array]:
    """Where an input changes: after the doses of that time, but where a jump sees what is new already."""
    rank = np.where(when.at_once & seen, BEFORE_ALL, AFTER_ALL)
    return Stops.at(when.member, when.time, rank, slot=slot, change=when.value), when.shift


def _firing(jump: int, when: Changes, after: Array) -> tuple[Stops, Array]:
    due = (when.value > 0) & (when.time > after[when.member])
    return Stops.at(when.member[due], when.time[due], np.full(due.sum(), FIRES), jump=jump), when.shift[due]


def _settling(jump: int, when: Changes) -> tuple[Stops, Array]:
    return Stops.at(when.member, when.time, np.full(len(when.time), AFTER_ALL), jump=jump), when.shift


def clock_schedule(clocked: ClockedSystem, schedule: Schedule, parameters: Array, until: float) -> Schedule:
    """`schedule` with the stops of the clock up to `until`; one row where all members still stop alike.

    Parameters
    ----------
    schedule
        Of the inputs that the system had before it was clocked.
    parameters
        (parameters, members).
    """
    if not clocked.conditions:
        return schedule
    used = parameters[list(clocked.used)]
    if schedule.shared and parameters.shape[1] and (used == used[:, :1]).all():
        parameters = parameters[:, :1]
    clock = clock_stops(clocked, parameters, until)
    return with_stops(schedule, clock.stops, clock.initial)[0]


def moving_clock_schedule(
    clocked: ClockedSystem,
    schedule: Schedule,
    along: StopDirections,
    parameters: Array,
    dparameters: Array,
    until: float,
) -> tuple[Schedule, StopDirections]:
    """`clock_schedule`, with how all its stops change along directions of the parameters.

    Parameters
    ----------
    along
        How the stops of `schedule` change.
    dparameters
        (parameters, K).
    """
    if not clocked.conditions:
        return schedule, along
    directions = np.broadcast_to(dparameters[:, None, :], (*parameters.shape, dparameters.shape[1]))
    clock = clock_stops(clocked, parameters, until, directions=directions)
    return with_stops(schedule, clock.stops, clock.initial, along, clock.shift)


def with_stops(
    schedule: Schedule,
    stops: Stops,
    initial: Array,
    along: StopDirections | None = None,
    shift: Array | None = None,
) -> tuple[Schedule, StopDirections]:
    """`schedule` with more stops and further inputs, which are set and never summed.

    Stops of one time, up to rounding, keep the order of their ranks, and those of `schedule`
    have the rank 0; equal ranks keep their order, those of `schedule` first.

    Parameters
    ----------
    stops
        Of members 0, 1, ...; slots count on from the inputs of `schedule`.
    initial
        (further inputs, members): their values before the first stop.  One member serves all
        rows of `schedule`, as one row of `schedule` serves all members.
    along, shift
        How the stops of `schedule`, and the times of `stops`, (stops, K), change along
        directions; by default along none.
    """
    along = no_change(schedule) if along is None else along
    shift = np.zeros((len(stops), along.dtimes.shape[-1])) if shift is None else shift
    rows = max(len(schedule.times), initial.shape[1])
    one_row = np.zeros(rows, dtype=np.int64)
    own = schedule if len(schedule.times) == rows else schedule.take(one_row)
    along = along if len(along.dtimes) == rows else along.take(one_row)
    times, rank, jumps, amounts, slots, change, dtimes = _rows_of_stops(stops, shift, initial.shape[1], rows)
    old = own.times.shape[1]
    times = np.concatenate([own.times, times], axis=1)
    ranks = np.concatenate([np.zeros_like(own.times), rank], axis=1)
    times = _snapped(times, old)
    order = np.lexsort((ranks, times), axis=1)
    used = int(np.isfinite(times).sum(axis=1).max(initial=0))
    order = order[:, :used]

    def merged(one: Any, other: Any) -> Any:
        index = order.reshape(*order.shape, *[1] * (one.ndim - 2))
        return np.take_along_axis(np.concatenate([one, other], axis=1), index, axis=1)

    passed = np.cumsum(np.pad(order < old, ((0, 0), (1, 0))), axis=1)
    input_values = np.take_along_axis(own.input_values, passed[:, :, None], axis=1)
    dinput_values = np.take_along_axis(along.dinput_values, passed[:, :, None, None], axis=1)
    first = own.input_values.shape[2]
    nothing = np.full(own.times.shape, -1)
    added = _held(merged(nothing, slots) - first, merged(np.zeros_like(own.times), change), initial, rows)
    changes = StopDirections(
        merged(along.dtimes, dtimes),
        merged(along.damounts, np.zeros_like(dtimes)),
        np.pad(dinput_values, ((0, 0), (0, 0), (0, added.shape[2]), (0, 0))),
    )
    whole = Schedule(
        np.take_along_axis(times, order, axis=1),
        merged(own.jumps, jumps).astype(np.int64),
        merged(own.amounts, amounts),
        np.concatenate([input_values, added], axis=2),
    )
    return whole, changes


def _rows_of_stops(stops: Stops, shift: Array, members: int, rows: int) -> tuple[Any, ...]:
    """Time, rank, jump, amount, slot, change and shift of each stop, a row for each member."""
    order = np.argsort(stops.member, kind="stable")
    stops = stops.take(order)
    first = np.searchsorted(stops.member, np.arange(members + 1))
    count = np.diff(first)
    there = np.arange(int(count.max(initial=0))) < count[:, None]

    def filled(values: Any, otherwise: float) -> Any:
        out = np.full((*there.shape, *values.shape[1:]), otherwise, dtype=values.dtype)
        out[there] = values
        return np.broadcast_to(out, (rows, *out.shape[1:]))

    return (
        filled(stops.time, np.inf), filled(stops.rank, np.inf), filled(stops.jump, -1), filled(stops.amount, 0.0),
        filled(stops.slot, -1), filled(stops.change, 0.0), filled(shift[order], 0.0),
    )  # fmt: skip


def _snapped(times: Array, old: int) -> Array:
    """`times` with those after the first `old` columns moved to a time that differs by rounding alone."""
    if not times.shape[1]:
        return times
    order = np.argsort(times, axis=1, kind="stable")
    ordered = np.take_along_axis(times, order, axis=1)
    with np.errstate(invalid="ignore"):
        near = np.isfinite(ordered[:, 1:]) & (np.diff(ordered, axis=1) <= SAME_TIME * np.abs(ordered[:, 1:]))
    group = np.cumsum(np.pad(~near, ((0, 0), (1, 0))), axis=1)
    rows = np.arange(len(times))[:, None]
    time_of = np.full((len(times), times.shape[1] + 1), np.inf)
    time_of[rows, group] = ordered
    is_old = order < old
    time_of[np.broadcast_to(rows, group.shape)[is_old], group[is_old]] = ordered[is_old]
    moved = np.where(is_old, ordered, time_of[rows, group])
    out = np.empty_like(times)
    np.put_along_axis(out, order, moved, axis=1)
    return out


def _held(slots: Index, change: Array, initial: Array, rows: int) -> Array:
    """(rows, stops + 1, inputs): the value of each further input before the first stop and after each."""
    held = np.empty((rows, slots.shape[1] + 1, len(initial)))
    start = np.broadcast_to(initial.T, (rows, len(initial)))
    held[:, 0] = start
    for slot in range(len(initial)):
        last = np.maximum.accumulate(np.where(slots == slot, np.arange(slots.shape[1]), -1), axis=1)
        value = np.take_along_axis(change, np.maximum(last, 0), axis=1) if slots.shape[1] else change
        held[:, 1:, slot] = np.where(last >= 0, value, start[:, slot, None])
    return held
