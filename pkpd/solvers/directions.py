"""Directions in which everything that an integrator is given may change: numbers alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.schedule import Schedule, starts_and_ends

__all__ = ["Directions", "MovingDoses", "StopDirections", "moving_schedule", "no_change", "pairs"]


@dataclass(frozen=True)
class StopDirections:
    """How the stops of a `Schedule` change along K directions; one row where all members are alike.

    A stop may move without a jump, as where an input rate or the side of a condition on the clock changes.

    Attributes
    ----------
    dtimes, damounts
        (rows, stops, K): the derivatives of the time and of the amount of each stop.
    dinput_values
        (rows, stops + 1, inputs, K): those of the input rates before the first stop and after each.
    """

    dtimes: Array
    damounts: Array
    dinput_values: Array

    def take(self, rows: Index) -> StopDirections:
        """Some of the rows."""
        return StopDirections(self.dtimes[rows], self.damounts[rows], self.dinput_values[rows])


def no_change(schedule: Schedule, count: int = 0) -> StopDirections:
    """The stops of `schedule` that change along none of `count` directions."""
    stops = np.zeros((*schedule.times.shape, count))
    return StopDirections(stops, stops, np.zeros((*schedule.input_values.shape, count)))


@dataclass(frozen=True)
class Directions:
    """K directions by which to differentiate.

    Attributes
    ----------
    dparameters
        (parameters, K), or (parameters, members, K) where each member has its own.
    dstarts
        (states, K) or (states, members, K): how the states at time 0 change of themselves; by
        default not at all.
    follow
        Whether the states at time 0 also change with the parameters that the model's starts
        use: for all states, or for each.  False for those that were set to a number.
    stops
        How the doses change; by default not at all.
    sizes
        (K,): how far a change along each direction is natural, such as the value of the
        parameter.  The tolerance of a derivative is that of its state divided by it; 1 by default.
    second
        The second derivatives of all of these along the directions k and l, for second
        order, with an entry in the place of K for each of `pairs`; by default zero.
    """

    dparameters: Array
    dstarts: Array | None = None
    follow: bool | Array = True
    stops: StopDirections | None = None
    sizes: Array | None = None
    second: Directions | None = None

    @property
    def count(self) -> int:
        return int(self.dparameters.shape[-1])


def pairs(count: int) -> Index:
    """The pairs k <= l of `count` directions, (pairs, 2), in the order (0, 0), (0, 1), ..., (1, 1), ..."""
    return np.stack(np.triu_indices(count), axis=1)


@dataclass(frozen=True)
class MovingDoses:
    """Doses and how they change along K directions.

    Attributes
    ----------
    times, amounts, durations
        (rows, doses).  A dose with a NaN duration is a jump; any other raises its input by
        ``amount/duration`` from its time until its duration has passed.
    dtimes, damounts, ddurations
        (rows, doses, K): their derivatives; those of a NaN duration do not count.
    jump_of, input_of
        (doses,): the jump route and the input of each dose; -1 where it has none.
    """

    times: Array
    amounts: Array
    durations: Array
    dtimes: Array
    damounts: Array
    ddurations: Array
    jump_of: Index
    input_of: Index


def moving_schedule(
    doses: MovingDoses, inputs: int, second: MovingDoses | None = None, stored: Array | None = None
) -> tuple[Schedule, Directions]:
    """Turn doses that change along directions into stops.

    Unlike `pkpd.solvers.schedule.make_schedule`, stops at one time change their inputs one
    after another, since each may move by itself.

    Parameters
    ----------
    doses
        The doses.
    inputs
        The number of inputs.
    second
        The second derivatives of the times, amounts and durations in the place of the first,
        with an entry for each of `pairs` in the place of K.
    stored
        As for `make_schedule`.

    Returns
    -------
    Schedule, Directions
        The stops, and directions in which nothing but they changes: `Directions.stops`, and
        with `second` also the stops of `Directions.second`.
    """
    lasting = ~np.isnan(doses.durations)
    times = starts_and_ends(doses.times, doses.durations, stored)
    order = np.argsort(times, axis=1, kind="stable")  # doses at one time keep their order
    used = int(np.isfinite(times).sum(axis=1).max(initial=0))
    order = order[:, :used]
    none = np.zeros_like(doses.times)
    jumps = np.concatenate([np.where(lasting, -1, doses.jump_of), np.full(lasting.shape, -1)], axis=1)
    amounts = np.concatenate([np.where(lasting, 0.0, doses.amounts), none], axis=1)
    input_values = _input_values(doses, lasting, times, inputs, doses.amounts / np.where(lasting, doses.durations, 1.0))
    schedule = Schedule(
        np.take_along_axis(times, order, axis=1),
        np.take_along_axis(jumps, order, axis=1).astype(np.int64),
        np.take_along_axis(amounts, order, axis=1),
        input_values[:, : used + 1],
    )
    rates = _rate_derivatives(doses)
    first = Directions(
        np.zeros((0, doses.dtimes.shape[-1])), stops=_changes(doses, lasting, times, order, inputs, rates)
    )
    if second is None:
        return schedule, first
    curved = _changes(second, lasting, times, order, inputs, _second_rate_derivatives(doses, second))
    return schedule, replace(first, second=Directions(np.zeros((0, second.dtimes.shape[-1])), stops=curved))


def _changes(
    doses: MovingDoses, lasting: Mask, times: Array, order: Index, inputs: int, rates: Array
) -> StopDirections:
    """The changes of sorted stops; `rates` are those of the rate of each dose, (rows, doses, K)."""
    there = lasting[..., None]
    dends = np.where(there, doses.dtimes + doses.ddurations, 0.0)
    dtimes = np.concatenate([doses.dtimes, dends], axis=1)
    damounts = np.concatenate([np.where(there, 0.0, doses.damounts), np.zeros_like(dends)], axis=1)
    used = order.shape[1]
    dinput_values = [
        _input_values(doses, lasting, times, inputs, rates[..., k])[:, : used + 1] for k in range(rates.shape[-1])
    ]
    shape = (len(times), used + 1, inputs, rates.shape[-1])
    return StopDirections(
        np.take_along_axis(dtimes, order[..., None], axis=1),
        np.take_along_axis(damounts, order[..., None], axis=1),
        np.stack(dinput_values, axis=-1) if dinput_values else np.zeros(shape),
    )


def _input_values(doses: MovingDoses, lasting: Mask, times: Array, inputs: int, rates: Array) -> Array:
    """The sum of what runs between stops, never a running difference: after the last infusion it is exactly zero."""
    count = doses.times.shape[1]
    place = np.argsort(np.argsort(times, axis=1, kind="stable"), axis=1)
    stop = np.arange(2 * count)
    input_values = np.zeros((len(times), 2 * count + 1, inputs))
    for dose in np.flatnonzero(lasting.any(axis=0)):
        runs = lasting[:, [dose]] & (place[:, [dose]] <= stop) & (stop < place[:, [count + dose]])
        input_values[:, 1:, doses.input_of[dose]] += np.where(runs, rates[:, [dose]], 0.0)
    return input_values


def _rate_derivatives(doses: MovingDoses) -> Array:
    """d (amount/duration), (rows, doses, K)."""
    duration = np.where(np.isnan(doses.durations), 1.0, doses.durations)[..., None]
    return (doses.damounts - doses.amounts[..., None] / duration * doses.ddurations) / duration


def _second_rate_derivatives(doses: MovingDoses, second: MovingDoses) -> Array:
    """d2 (amount/duration) for each of `pairs`, (rows, doses, pairs)."""
    one, other = pairs(doses.dtimes.shape[-1]).T
    D = np.where(np.isnan(doses.durations), 1.0, doses.durations)[..., None]
    rate, drates = doses.amounts[..., None] / D, _rate_derivatives(doses)
    crossed = drates[..., one] * doses.ddurations[..., other] + drates[..., other] * doses.ddurations[..., one]
    return (second.damounts - rate * second.ddurations - crossed) / D
