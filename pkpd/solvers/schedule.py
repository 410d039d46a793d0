"""When an integration stops, what jumps there, and the input rates in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Index
from pkpd.solvers.rounding import merged, snapped

__all__ = ["Schedule", "make_schedule", "starts_and_ends"]


@dataclass(frozen=True)
class Schedule:
    """Stops of each member in order of time; one row where all members stop alike.

    Attributes
    ----------
    times
        (rows, stops), infinite where a member has fewer stops.
    jumps
        (rows, stops): the number of the jump route, or -1 where only an input changes.
    amounts
        (rows, stops): the dose of the jump.
    input_values
        (rows, stops + 1, inputs): the input rates before the first stop and after each.
    """

    times: Array
    jumps: Index
    amounts: Array
    input_values: Array

    @property
    def shared(self) -> bool:
        """Whether one row serves every member."""
        return len(self.times) == 1

    def take(self, rows: Index) -> Schedule:
        """Some of the rows."""
        return Schedule(self.times[rows], self.jumps[rows], self.amounts[rows], self.input_values[rows])

    def input_values_at(self, times: Array, *, before: bool) -> Array:
        """The input rates at `times`, just before or after a stop there: (rows, times, inputs).

        Parameters
        ----------
        times
            (times,), the same for all; or (members, times), and the rows are then those members.
        """
        stops, input_values = self.times, self.input_values
        if times.ndim == 2:
            stops = np.broadcast_to(stops, (len(times), stops.shape[1]))
            input_values = np.broadcast_to(input_values, (len(times), *input_values.shape[1:]))
        return np.take_along_axis(input_values, _stops_passed(stops, times, before)[:, :, None], axis=1)


def _stops_passed(stops: Array, times: Array, before: bool) -> Index:
    """How many stops of each row come before each of `times`, (rows, times); walks the shorter axis."""
    if times.ndim == 2 and len(times) > times.shape[1]:
        passes = np.less if before else np.less_equal
        return np.stack([passes(stops, at[:, None]).sum(axis=1, dtype=np.int64) for at in times.T], axis=1)
    side: Literal["left", "right"] = "left" if before else "right"
    each = np.broadcast_to(times, (len(stops), times.shape[-1]))
    return np.stack([np.searchsorted(row, at, side=side) for row, at in zip(stops, each, strict=True)])


def make_schedule(
    times: Array,
    amounts: Array,
    durations: Array,
    jump_of: Index,
    input_of: Index,
    inputs: int,
    stored: Array | None = None,
) -> Schedule:
    """Turn doses into stops.

    Parameters
    ----------
    times, amounts, durations
        (rows, doses).  A dose with a NaN duration is a jump; any other raises its input by
        ``amount/duration`` from its time until its duration has passed.
    jump_of, input_of
        (doses,): the jump route and the input of each dose; -1 where it has none.
    inputs
        The number of inputs.
    stored
        (times,): a stop that differs from one of these, or from another stop, by rounding
        alone is at that time.
    """
    rows, doses = times.shape
    lasting = ~np.isnan(durations)
    stops = starts_and_ends(times, durations, stored)
    jumps = np.concatenate([np.where(lasting, -1, jump_of), np.full((rows, doses), -1)], axis=1)
    sizes = np.concatenate([np.where(lasting, 0.0, amounts), np.zeros((rows, doses))], axis=1)
    with np.errstate(invalid="ignore"):
        rate = np.where(lasting, amounts / durations, 0.0)
    change = np.concatenate([rate, -rate], axis=1)
    order = np.argsort(stops, axis=1, kind="stable")  # doses at one time keep their order
    used = int(np.isfinite(stops).sum(axis=1).max(initial=0))

    def ordered(table: NDArray[Any]) -> NDArray[Any]:
        return np.take_along_axis(table, order, axis=1)[:, :used]

    input_values = np.zeros((rows, used + 1, inputs))
    slots = ordered(np.tile(np.where(lasting, input_of, -1), 2))
    for slot in range(inputs):
        input_values[:, 1:, slot] = _sums(np.where(slots == slot, ordered(change), 0.0))
    return Schedule(ordered(stops), ordered(jumps).astype(np.int64), ordered(sizes), input_values)


def starts_and_ends(times: Array, durations: Array, stored: Array | None) -> Array:
    """When doses begin, then when they end, (rows, 2*doses); infinite where a dose has no end."""
    doses = times.shape[1]
    ends = times + np.where(np.isnan(durations), np.inf, durations)
    stops = merged(snapped(np.concatenate([times, ends], axis=1), np.empty(0) if stored is None else stored))
    vanished = np.isfinite(ends) & (stops[:, doses:] <= stops[:, :doses])
    stops[:, doses:][vanished] = ends[vanished]
    return stops


def _sums(changes: Array) -> Array:
    """Running sums of rates that begin and end, exactly zero where none of them runs."""
    running = np.cumsum(np.sign(changes), axis=1)
    sums: Array = np.where(running > 0, np.cumsum(changes, axis=1), 0.0)
    return sums
