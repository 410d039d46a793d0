"""Regimens and a model as an initial value problem, with everything settled but the values of parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import ParameterError, RegimenError, SimulationError
from pkpd.prepared.changing import ChangingParameters, changing_parameters
from pkpd.prepared.parameters import KnownParameters, ParameterValues
from pkpd.prepared.solver import Solver
from pkpd.prepared.steady_starts import PlainStarts, SteadyStarts, steady_starts
from pkpd.prepared.tolerances import state_tolerances
from pkpd.prepared.values import Patients
from pkpd.solvers.clock_stops import clock_schedule
from pkpd.solvers.directions import StopDirections
from pkpd.solvers.equations.clock import ClockedSystem, clocked
from pkpd.solvers.equations.numpy_code import NumpyCode, numpy_code
from pkpd.solvers.equations.system import System, numbered_system
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import Schedule, make_schedule
from pkpd.solvers.tangent_problems import TangentProblem
from pkpd.symbolic.model import Model
from pkpd.treatment.regimens import Regimen
from pkpd.treatment.timed_doses import DoseFunction, TimedDoses, dose_function

__all__ = ["RegimenProblems", "regimen_problems"]

MOST_KEPT = 1_000_000
"""The numbers of a schedule up to which it is kept for the next call."""


@dataclass(frozen=True, eq=False)
class RegimenProblems:
    """A model under one regimen, or under one of several by arm.

    Attributes
    ----------
    system
        With an input for each route on which a dose lasts, and then for each parameter that changes.
    changing
        The parameters that change in time.
    clock
        The same with its conditions on the clock as inputs that change at stops.
    doses
        The doses of each arm as functions of the parameters.
    times
        (times,): when states are stored.
    atol
        (states,).
    before
        Whether a stored time that coincides with a dose shows the value before it.
    steady
        The steady states in which arms begin.
    """

    known: KnownParameters
    regimens: tuple[Regimen, ...]
    system: System
    changing: ChangingParameters
    clock: ClockedSystem
    doses: tuple[DoseFunction, ...]
    times: Array
    solver: Solver
    atol: Array
    before: bool
    steady: SteadyStarts

    def loosened(self, factor: float) -> RegimenProblems:
        """The same with tolerances so many times larger."""
        solver = self.solver.but(rtol=self.solver.rtol * factor)
        loose = replace(self, solver=solver, atol=self.atol * factor)
        vars(loose)["_last"] = self._last  # the stops are the same
        return loose

    def problem(self, values: ParameterValues) -> Problem:
        """The problem for these values; its members are those of the first arm, then of the second, and so on."""
        parameters = self._parameters(values)
        return self._posed(self.clock.system, values, parameters, self._schedule(values, parameters))

    def plain_problem(self, values: ParameterValues) -> Problem:
        """The same with its conditions on the clock still in the equations."""
        return self._posed(self.system, values, self._parameters(values), self._made(values))

    def resumed(
        self,
        values: ParameterValues,
        patients: Patients,
        until: float | None = None,
        doses: TimedDoses | None = None,
        times: Array | None = None,
    ) -> Problem:
        """The problem of going on from where patients stand.

        Parameters
        ----------
        doses
            Instead of the doses of the regimen.
        times
            (members, times), instead of `RegimenProblems.times`.

        Raises
        ------
        SimulationError
            If these are not as many as the members.
        RegimenError
            If a dose lasts on a route on which none of the regimen does.
        """
        expected = (len(self.system.states), values.members)
        if patients.states.shape != expected:
            raise SimulationError(
                f"resume() got {patients.states.shape[1]} patients of {len(patients.states)} states; expected "
                f"{expected[1]} of {expected[0]}."
            )
        at, starts = patients.at, np.ascontiguousarray(patients.states)
        if times is None:
            times = self.times if until is None else self.times[self.times <= until]
        parameters = self._parameters(values)
        if doses is None and times.ndim == 1:
            schedule = self._schedule(values, parameters)
        else:
            schedule = self._schedule_until(times, values, parameters, doses)
        system, solver = self.clock.system, self.solver
        return Problem(
            system, parameters, starts, schedule, times, solver.rtol, self.atol, self.before, solver.max_steps,
            at, patients.armed,
        )  # fmt: skip

    def _schedule_until(
        self, times: Array, values: ParameterValues, parameters: Array, doses: TimedDoses | None
    ) -> Schedule:
        """The stops up to the last of `times`, those of `doses` or of the one regimen, not kept."""
        if doses is None:
            doses = self.timed(values)[0]
        self._require_inputs(doses)
        stored = times if times.ndim == 1 else np.empty(0)  # a stop is near the times of its own member alone
        made = self.changing.joined(self._schedule_of(doses, stored), None, stored, 1)[0]
        last = float(np.max(times, where=np.isfinite(times), initial=0.0))
        return clock_schedule(self.clock, made, parameters, last)

    def _require_inputs(self, doses: TimedDoses) -> None:
        for route, durations in zip(doses.routes, doses.durations.T, strict=True):
            if not np.isnan(durations).all() and route not in self.system.inputs:
                raise RegimenError(
                    f"{self.known.model.name}: a dose on route {route!r} lasts; prepare it with a regimen that has "
                    "such a dose, so that the route has an input."
                )

    def first_dose(self, values: ParameterValues) -> Array:
        """(arms x members,): when the first dose is given, infinite where there is none."""
        firsts = [doses.times.min(axis=1, initial=np.inf) for doses in self.timed(values)]
        return np.concatenate([np.broadcast_to(first, values.members) for first in firsts])

    def _parameters(self, values: ParameterValues) -> Array:
        """(parameters, arms x members)."""
        own = self.changing.members()
        if own is not None and own != values.members:
            raise ParameterError(f"covariates= has values for {own} members; there are {values.members}.")
        rows = len(self.system.parameters)
        return self._of_all_arms(values, lambda own: self.changing.starts(own.matrix[:rows]))

    def _posed(self, system: System, values: ParameterValues, parameters: Array, schedule: Schedule) -> Problem:
        return Problem(
            model=system,
            parameters=parameters,
            starts=self._starts(parameters, values),
            schedule=schedule,
            times=self.times,
            rtol=self.solver.rtol,
            atol=self.atol,
            before=self.before,
            max_steps=self.solver.max_steps,
        )

    def _starts(self, parameters: Array, values: ParameterValues) -> Array:
        if not self.steady.any:
            return self._plain_states(parameters, values)
        return self.steady.states(self.plain_starts(parameters, values))

    def plain_starts(self, parameters: Array, values: ParameterValues) -> PlainStarts:
        """The states at time 0 before a steady state takes their place; `parameters` are those of all arms."""
        states = self._plain_states(parameters, values)
        numbers = [self.by_name(values.of_arm(arm)) for arm in range(len(self.doses))]
        return PlainStarts(states, parameters, self.timed(values), numbers, self.places)

    def _plain_states(self, parameters: Array, values: ParameterValues) -> Array:
        with np.errstate(all="ignore"):
            starts = self._code.starts(parameters)
        for name, value in values.starts.items():
            shape = (len(self.doses), values.members)
            starts[self.system.states.index(name)] = np.broadcast_to(np.asarray(value, dtype=float), shape).ravel()
        return starts

    def _of_all_arms(self, values: ParameterValues, rows: Callable[[ParameterValues], Array]) -> Array:
        """What `rows` has for the members of an arm, (rows, members), side by side for all arms."""
        arms = len(self.doses)
        if values.by_arm:
            return np.concatenate([rows(values.of_arm(arm)) for arm in range(arms)], axis=1)
        return rows(values) if arms == 1 else np.tile(rows(values), arms)

    @cached_property
    def _code(self) -> NumpyCode:
        return numpy_code(self.system)

    # ---- doses

    def timed(self, values: ParameterValues) -> tuple[TimedDoses, ...]:
        """The doses of each arm as numbers."""
        return tuple(self.timed_in(arm, values.of_arm(arm)) for arm in range(len(self.doses)))

    def timed_in(self, arm: int, values: ParameterValues) -> TimedDoses:
        """The doses of one arm as numbers, at the values of that arm."""
        numbers = self.by_name(values)
        return self.steady.arms[arm].with_earlier(self.doses[arm](numbers, values.members), numbers)

    def by_name(self, values: ParameterValues) -> dict[str, Any]:
        """A number, or an array over members, for each parameter that doses use; `values` are those of one arm."""
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

    @cached_property
    def _timing_rows(self) -> Index:
        """The rows of a matrix of parameters that doses or conditions on the clock use."""
        return np.union1d(self._dosing_rows, np.array(self.clock.used, dtype=np.int64))

    def _schedule(self, values: ParameterValues, parameters: Array) -> Schedule:
        """The stops of all arms; those of the last call where nothing that times and doses use has changed."""
        key = (values.matrix.shape[1:], values.matrix[self._timing_rows].tobytes())
        if self._last.get("key") == key:
            kept: Schedule = self._last["schedule"]
            return kept
        schedule = clock_schedule(self.clock, self._made(values), parameters, float(self.times[-1]))
        if schedule.input_values.size + schedule.times.size <= MOST_KEPT:
            self._last.update(key=key, schedule=schedule)
        return schedule

    @cached_property
    def _last(self) -> dict[str, Any]:
        return {}

    @cached_property
    def tangents(self) -> dict[Any, TangentProblem]:
        """Problems with derivatives that were made of these, for the next call with the same stops."""
        return {}

    def _made(self, values: ParameterValues) -> Schedule:
        schedules = [self._schedule_of(doses, self.times) for doses in self.timed(values)]
        doses = schedules[0] if len(schedules) == 1 else stacked(schedules, values.members)
        return self.changing.joined(doses, None, self.times, len(schedules))[0]

    def _schedule_of(self, doses: TimedDoses, stored: Array) -> Schedule:
        places, inputs = self.places(doses.routes), self.changing.inputs
        return make_schedule(doses.times, doses.amounts, doses.durations, *places, inputs, stored)

    def places(self, routes: Sequence[str]) -> tuple[Index, Index]:
        """The jump and the input of each route, -1 where it has none."""
        jump_of = [_position(self.system.jump_routes, route) for route in routes]
        input_of = [_position(self.system.inputs, route) for route in routes]
        return np.array(jump_of, dtype=np.int64), np.array(input_of, dtype=np.int64)

    # ---- what moves stops

    @cached_property
    def clock_names(self) -> frozenset[str]:
        """The parameters of conditions on the clock."""
        return frozenset(self.system.parameters[i] for i in self.clock.used)

    def moves_with(self, names: Sequence[str]) -> bool:
        """Whether a dose or a condition on the clock changes with one of these parameters."""
        used = self.clock_names.union(*(doses.names for doses in self.doses))
        return not used.isdisjoint(names)


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
        np.concatenate([rows(s.input_values, stops + 1, None) for s in schedules]),
    )


def stacked_changes(changes: Sequence[StopDirections], schedule: Schedule, members: int) -> StopDirections:
    """The changes of the stops of several arms, for the members of `schedule`."""
    stops = schedule.times.shape[1]

    def rows(table: Array, width: int) -> Array:
        own = np.repeat(table, members, axis=0) if len(table) == 1 else table
        return np.pad(own, [(0, 0), (0, width - own.shape[1]), *[(0, 0)] * (own.ndim - 2)])

    return StopDirections(
        np.concatenate([rows(c.dtimes, stops) for c in changes]),
        np.concatenate([rows(c.damounts, stops) for c in changes]),
        np.concatenate([rows(c.dinput_values, stops + 1) for c in changes]),
    )


def regimen_problems(
    known: KnownParameters,
    regimens: Sequence[Regimen],
    times: Array,
    solver: Solver,
    *,
    before: bool,
    covariates: Mapping[str, Any] | None = None,
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
    used = frozenset(name for function in doses for name in function.names)
    changing = changing_parameters(known, system, covariates, used)
    clock = clocked(changing.system)
    steady = steady_starts(model, changing, regimens, solver, atol)
    return RegimenProblems(
        known, tuple(regimens), changing.system, changing, clock, doses, times, solver, atol, before, steady
    )  # fmt: skip


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
