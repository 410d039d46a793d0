"""Stops of a tangent: around each that moves, a stop that adds f dtau to the derivatives and one that takes it away.

What a stop needs besides its jump is read from the inputs of the interval before it.  An
integrator so knows nothing of derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.solvers.directions import StopDirections
from pkpd.solvers.equations.tangent import TangentSystem
from pkpd.solvers.schedule import Schedule

__all__ = ["StopPlan", "stop_plan"]

NOTHING, OWN, BEFORE, AFTER, SETTLE = range(5)  # what a stop of a tangent does


@dataclass(frozen=True)
class StopPlan:
    """Which stops a tangent makes of those of its base.

    Attributes
    ----------
    kinds
        (stops,): what each does.
    source
        (stops,): the stop of the base that it belongs to.
    interval
        (stops + 1,): the interval of the base, by number, that lies before each stop and after the last.
    made
        (stops + 1,): whether a dose is being made in that interval, which then has no length.
    """

    tangent: TangentSystem
    kinds: Index
    source: Index
    interval: Index
    made: Mask

    def schedule(self, base: Schedule, along: StopDirections) -> Schedule:
        """The stops of the tangent."""
        own = self.kinds == OWN
        jumps = np.full((len(base.times), len(self.kinds)), -1, dtype=np.int64)
        jumps[:, own] = base.jumps[:, self.source[own]]
        jumps[:, (self.kinds == BEFORE) | (self.kinds == AFTER)] = self.tangent.shift
        jumps[:, self.kinds == SETTLE] = self.tangent.settle
        amounts = np.where(own, base.amounts[:, self.source], np.where(self.kinds == BEFORE, 1.0, -1.0))
        input_values = self._input_values(base.input_values, along)
        if self.tangent.at_dose >= 0:
            input_values[:, self.made, self.tangent.at_dose] = 1.0
        return Schedule(base.times[:, self.source], jumps, amounts, input_values)

    def changes(self, first: StopDirections, second: StopDirections) -> StopDirections:
        """How those stops change in turn along further directions.

        Parameters
        ----------
        first
            The changes of the stops of the base along the e further directions.
        second
            The second derivatives, of which the last axis is (d, e) flat.
        """
        d, e = self.tangent.d, first.dtimes.shape[-1]
        input_values = []
        for j in range(e):
            mixed = StopDirections(*(x.reshape(*x.shape[:-1], d, e)[..., j] for x in vars(second).values()))
            input_values.append(self._input_values(first.dinput_values[..., j], mixed))
        own = (self.kinds == OWN)[:, None]
        return StopDirections(
            first.dtimes[:, self.source],
            np.where(own, first.damounts[:, self.source], 0.0),
            np.stack(input_values, axis=-1),
        )

    def _input_values(self, input_values: Array, along: StopDirections) -> Array:
        """The inputs of the tangent: those of the base, and for each direction their changes and those of the stop."""
        m, rows = input_values.shape[2], len(input_values)
        result = np.zeros((rows, len(self.interval), len(self.tangent.system.inputs)))
        result[:, :, :m] = input_values[:, self.interval]
        for k in range(self.tangent.d):
            first = m + k * (m + 2)
            result[:, :, first : first + m] = along.dinput_values[..., k][:, self.interval]
            result[:, :-1, first + m] = along.damounts[..., k][:, self.source]
            result[:, :-1, first + m + 1] = along.dtimes[..., k][:, self.source]
        return result


def stop_plan(tangent: TangentSystem, base: Schedule, along: StopDirections) -> StopPlan:
    """Decide on the stops of `tangent`: no more than those of `base` where none of them moves."""
    moves: Mask = np.any(along.dtimes != 0, axis=(0, 2))
    starts, ends = moves.copy(), moves.copy()
    if len(moves) > 1:
        # Stops that move together need nothing between them.
        together: Mask = np.all(base.times[:, 1:] == base.times[:, :-1], axis=0)
        together &= np.all(along.dtimes[:, 1:] == along.dtimes[:, :-1], axis=(0, 2))
        starts[1:] &= ~together
        ends[:-1] &= ~together
    jumps: Mask = np.any(base.jumps >= 0, axis=0)
    watched = list(tangent.watched)
    settles: Mask = np.any(base.input_values[:, 1:, watched] != base.input_values[:, :-1, watched], axis=(0, 2))
    columns: list[tuple[int, int, int, bool]] = []  # kind, source, interval, made
    for i in range(len(moves)):
        gate = bool(jumps[i]) and tangent.at_dose >= 0
        if starts[i]:
            columns.append((BEFORE, i, i, False))
        elif gate:
            columns.append((NOTHING, i, i, False))
        if jumps[i] or not starts[i]:  # a mere change of an input comes with the stop before it
            columns.append((OWN, i, i, gate))
        if settles[i] and tangent.settle >= 0:
            columns.append((SETTLE, i, i + 1, True))
        if ends[i]:
            columns.append((AFTER, i, i + 1, False))
    kinds, source, interval, made = np.array(columns, dtype=np.int64).reshape(-1, 4).T
    last = np.append(interval, len(moves))
    return StopPlan(tangent, kinds, source, last, np.append(made, 0).astype(bool))
