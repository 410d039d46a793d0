"""A model and what a table of records does to it, with the numbers that the doses have in the controlled model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.records.records import Records
from pkpd.records.segments import Doses, Segments
from pkpd.records.values import Values
from pkpd.solvers.equations.controlled import TIME_OFFSET, ControlledSystem
from pkpd.symbolic.model import Model

__all__ = ["Task"]


@dataclass(frozen=True)
class Task:
    """A model and what a table of records does to it."""

    model: Model
    data: Records
    cuts: Segments
    values: Values
    doses: Doses
    carry: str

    def parameters(self, controlled_model: ControlledSystem, rows: Index, values: Values | None = None) -> Array:
        """The parameters, of `values` or the task's own, at some rows, with the time at which each segment began."""
        parameters = (self.values if values is None else values).at(rows)
        if controlled_model.system.parameters[-1:] == (TIME_OFFSET,):
            start = self.data["TIME"][self.cuts.first[self.cuts.segment[rows]]]
            parameters = np.vstack([parameters, start])
        return np.ascontiguousarray(parameters)

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
