"""Regimens and a model as an initial value problem, with everything settled but the values of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.prepared.parameters import KnownParameters, ParameterValues
from pkpd.prepared.solver import Solver
from pkpd.prepared.tolerances import state_tolerances
from pkpd.solvers.equations.numpy_code import NumpyCode, numpy_code
from pkpd.solvers.equations.system import System, numbered_system
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import Schedule, make_schedule
from pkpd.symbolic.model import Model
from pkpd.treatment.regimens import Regimen
from pkpd.treatment.timed_doses import DoseFunction, TimedDoses, dose_function

__all__ = ["RegimenProblems", "regimen_problems"]


@dataclass(frozen=True, eq=False)
class RegimenProblems:
    """A model under one regimen, or under one of several by arm.

    Attributes
    ----------
    system
        With an input for each route on which a dose lasts.
    doses
        The doses of each arm as functions of the parameters.
    times
        (times,): when states are stored.
    atol
        (states,).
    before
        Whether a stored time that coincides with a dose shows the value before it.
    """

    known: KnownParameters
    regimens: tuple[Regimen, ...]
    system: System
    doses: tuple[DoseFunction, ...]
    times: Array
    solver: Solver
    atol: Array
    before: bool

    def problem(self, values: ParameterValues) -> Problem:
        """The problem for these values; its members are those of the first arm, then of the second, and so on."""
        arms, rows = len(self.doses), len(self.system.parameters)
        parameters = np.ascontiguousarray(np.tile(values.matrix[:rows], arms))
        return Problem(
            model=self.system,
            parameters=parameters,
            starts=self._starts(parameters, values),
            schedule=self._schedule(values),
            times=self.times,
            rtol=self.solver.rtol,
            atol=self.atol,
            before=self.before,
            max_steps=self.solver.max_steps,
        )

    def _starts(self, parameters: Array, values: ParameterValues) -> Array:
        with np.errstate(all="ignore"):
            starts = self._code.starts(parameters)
        for name, value in values.starts.items():
            row = np.broadcast_to(np.asarray(value, dtype=float), values.members)
            starts[self.system.states.index(name)] = np.tile(row, len(self.doses))
        return starts

    @cached_property
    def _code(self) -> NumpyCode:
        return numpy_code(self.system)

    # ---- doses

    def timed(self, values: ParameterValues) -> tuple[TimedDoses, ...]:
        """The doses of each arm as numbers."""
        numbers = self.by_name(values)
        return tuple(doses(numbers, values.members) for doses in self.doses)

    def by_name(self, values: ParameterValues) -> dict[str, Any]:
        """A number, or an array over members, for each parameter that doses use."""
        return {
            name: values.matrix[i] if name in values.varied else values.matrix[i, 0]
            for name, i in ((self.known.names[i], i) for i in self._dosing_rows)
        }

    @cached_property
    def _number(self) -> Mapping[str, int]:
        return {name: i for i, name in enumerate(self.known.names)}

    @cached_property
    def _dosing_rows(self) -> Index:
        """The rows of a matrix of parameters that doses use."""
        names = {name for doses in self.doses for name in doses.names}
        return np.array(sorted(self._number[name] for name in names), dtype=np.int64)

    def _schedule(self, values: ParameterValues) -> Schedule:
        """The stops of all arms; those of the last call where nothing that doses use has changed."""
        key = (values.members, values.matrix[self._dosing_rows].tobytes())
        if self._last.get("key") != key:
            self._last.update(key=key, schedule=self._made(values))
        schedule: Schedule = self._last["schedule"]
        return schedule

    @cached_property
    def _last(self) -> dict[str, Any]:
        return {}

    def _made(self, values: ParameterValues) -> Schedule:
        schedules = [self._schedule_of(doses) for doses in self.timed(values)]
        return schedules[0] if len(schedules) == 1 else stacked(schedules, values.members)

    def _schedule_of(self, doses: TimedDoses) -> Schedule:
        jump_of = [_position(self.system.jump_routes, route) for route in doses.routes]
        input_of = [_position(self.system.inputs, route) for route in doses.routes]
        return make_schedule(
            doses.times,
            doses.amounts,
            doses.durations,
            np.array(jump_of, dtype=np.int64),
            np.array(input_of, dtype=np.int64),
            len(self.system.inputs),
            self.times,
        )


def _position(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else -1


def stacked(schedules: Sequence[Schedule], members: int) -> Schedule:
    """One schedule for the members of several arms, each of which has a row for all or for each member."""
    stops = max(schedule.times.shape[1] for schedule in schedules)

    def rows(table: Any, width: int, fill: float | None) -> Any:
        own = np.repeat(table, members, axis=0) if len(table) == 1 else table
        lacking = [(0, 0), (0, width - own.shape[1]), *[(0, 0)] * (own.ndim - 2)]
        return np.pad(own, lacking, mode="edge") if fill is None else np.pad(own, lacking, constant_values=fill)

    return Schedule(
        np.concatenate([rows(s.times, stops, np.inf) for s in schedules]),
        np.concatenate([rows(s.jumps, stops, -1) for s in schedules]),
        np.concatenate([rows(s.amounts, stops, 0.0) for s in schedules]),
        np.concatenate([rows(s.levels, stops + 1, None) for s in schedules]),
    )


def regimen_problems(
    known: KnownParameters, regimens: Sequence[Regimen], times: Array, solver: Solver, *, before: bool
) -> RegimenProblems:
    """Settle everything about a model and its regimens but the values of parameters.

    Raises
    ------
    RegimenError, UnitError
        If a dose does not fit the model.
    """
    model = known.model
    doses = tuple(dose_function(model, regimen) for regimen in regimens)
    lasting = [entry.route for regimen in regimens for entry in regimen.doses if entry.duration is not None]
    system = numbered_system(model, tuple(dict.fromkeys(lasting)))
    atol = _tolerances(model, system, known, doses, solver)
    return RegimenProblems(known, tuple(regimens), system, doses, times, solver, atol, before)


def _tolerances(
    model: Model, system: System, known: KnownParameters, doses: Sequence[DoseFunction], solver: Solver
) -> Array:
    with np.errstate(all="ignore"):
        starts = numpy_code(system).starts(known.defaults[: len(system.parameters), None])[:, 0]
    amounts = [
        (state.name, function.numbers[1, [r == route for r in function.routes]])
        for function in doses
        for route in dict.fromkeys(function.routes)
        for state in model.routes[route].jumps
    ]
    return state_tolerances(model, solver, starts, amounts)
