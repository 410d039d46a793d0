"""A table of records and a model as initial value problems, with everything settled but parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import ParameterError
from pkpd.prepared.parameters import KnownParameters
from pkpd.prepared.solver import Solver
from pkpd.prepared.tolerances import state_tolerances
from pkpd.records.covariates import covariate_columns, varying, without_gaps
from pkpd.records.doses import dose_records, dose_slopes, dosing_parameters, route_numbers, state_numbers
from pkpd.records.looks import Looks, looks_of
from pkpd.records.predictions import SegmentGroup, segment_groups
from pkpd.records.problems import SegmentProblems, Task, segment_problems
from pkpd.records.records import Records
from pkpd.records.segments import Doses, Segments, segments
from pkpd.records.steady_records import RecordDirections
from pkpd.records.values import Values as RecordParameters
from pkpd.records.values import parameter_settings
from pkpd.solvers.chunks import below_zero, falls_below_zero
from pkpd.solvers.directions import Directions, no_change
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import numbered_system
from pkpd.solvers.problem import Problem, Progress, Status
from pkpd.solvers.solve import solve
from pkpd.solvers.tangent_problems import TangentProblem, tangent_problem

__all__ = ["RecordProblems", "RecordValues", "record_problems"]

MOST_KEPT = 2_000_000
"""The numbers of schedules up to which they are kept for the next call."""


@dataclass(frozen=True, eq=False)
class RecordValues:
    """What is seen at the records of `copies` copies of a table.

    Attributes
    ----------
    columns
        By name of a state or output, (copies x rows,).
    first, second
        By name, (copies x rows, K) and (copies x rows, K, K).
    status, unsettled
        (copies x rows,): a `Status`, and the number of the state that did not settle.
    """

    columns: dict[str, Array]
    first: dict[str, Array]
    second: dict[str, Array]
    status: Index
    unsettled: Index


@dataclass(frozen=True, eq=False)
class _Table:
    """Some copies of the records, one after another, cut into segments, with the covariates of every row."""

    data: Records
    cuts: Segments
    timed: Mapping[str, Array]
    changing: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Plan:
    """The stops of all segments for the values of dosing parameters in `key`, and their groups if they are kept."""

    key: tuple[Any, ...]
    task: Task
    problems: SegmentProblems
    groups: tuple[SegmentGroup, ...] | None
    steady: bool
    along: RecordDirections | None


@dataclass(frozen=True, eq=False)
class RecordProblems:
    """A model under a table of records.

    Attributes
    ----------
    data
        In the model's unit of time.
    columns
        The column that holds each parameter which the table gives.
    wrt, order
        What values are differentiated by, and how often.
    """

    known: KnownParameters
    data: Records
    columns: Mapping[str, str]
    carry: str
    solver: Solver
    atol: Array
    wrt: tuple[str, ...] = ()
    order: int = 1

    @cached_property
    def subjects(self) -> int:
        return len(self.data.first_rows)

    # ---- parameters

    def settings_of(self, parameters: Any, rows: Sequence[str]) -> tuple[dict[str, Any], int]:
        """What a call sets, a number or (copies x subjects,) by name, and the number of copies."""
        if not isinstance(parameters, np.ndarray):
            return parameter_settings(self.known.model, self.data, parameters, self.known.bounds), 1
        subjects = self.subjects
        good = parameters.ndim == 1 or (parameters.ndim in (2, 3) and parameters.shape[-1] == subjects)
        if not good or len(parameters) != len(rows):
            shapes = f"({len(rows)},), ({len(rows)}, {subjects}) or ({len(rows)}, copies, {subjects})"
            raise ParameterError(
                f"parameters has the shape {parameters.shape}; expected {shapes}: a row for each of {', '.join(rows)}."
            )
        if parameters.dtype.kind not in "iufb" or np.ma.is_masked(parameters):
            raise ParameterError(f"parameters is an array of {parameters.dtype}; expected real numbers.")
        table = parameters.astype(float)
        copies = table.shape[1] if table.ndim == 3 else 1
        flat = table.reshape(len(rows), -1) if table.ndim > 1 else table
        self.known.check_rows(rows, flat)
        return dict(zip(rows, flat, strict=True)), copies

    def _parameters(self, table: _Table, settings: Mapping[str, Any]) -> RecordParameters:
        fixed = {**self._defaults, **settings}
        return RecordParameters(self.known.names, fixed, table.timed, table.changing, table.cuts.subject)

    @cached_property
    def _defaults(self) -> dict[str, float]:
        return dict(zip(self.known.names, self.known.defaults.tolist(), strict=True))

    # ---- the table

    @cached_property
    def _tables(self) -> dict[int, _Table]:
        return {}

    def _table(self, copies: int) -> _Table:
        if copies not in self._tables:
            data = self.data if copies == 1 else self.data.repeated(copies)
            cuts = segments(data)
            timed = without_gaps(data, cuts, self.columns, self.carry)
            self._tables.clear()  # one number of copies at a time
            self._tables[copies] = _Table(data, cuts, timed, tuple(varying(timed, cuts)))
        return self._tables[copies]

    # ---- stops

    @cached_property
    def _plans(self) -> dict[str, _Plan]:
        return {}

    @cached_property
    def _dosing(self) -> tuple[str, ...]:
        """The parameters that doses or conditions on the clock depend on."""
        table = self._table(1)
        values = self._parameters(table, {})
        doses = dose_records(self.known.model, table.data, values)
        plan = segment_problems(
            Task(self.known.model, table.data, table.cuts, values, replace(doses, steady=0 * doses.steady), self.carry),
            self.solver.rtol, self.atol, self.solver.method,
        )  # fmt: skip
        on_clock = frozenset(plan.clock.system.parameters[i] for i in plan.clock.used)
        return tuple(sorted((dosing_parameters(self.known.model, doses) | on_clock) & set(self.known.names)))

    def _plan(self, table: _Table, values: RecordParameters, copies: int) -> _Plan:
        """The stops for these values: those of the last call where nothing that decides on them has changed."""
        used = [values.fixed[name] for name in self._dosing if name not in table.timed]
        key = (copies, *(value.tobytes() if isinstance(value, np.ndarray) else value for value in used))
        last = self._plans.get("last")
        if last is not None and last.key == key and not last.steady:
            return last
        model = self.known.model
        doses = dose_records(model, table.data, values)
        along = self._record_directions(table, values, doses)
        task = Task(model, table.data, table.cuts, values, doses, self.carry)
        problems = segment_problems(task, self.solver.rtol, self.atol, self.solver.method, along)
        stops = problems.stops
        small = len(stops.stops) * (3 + len(stops.initial)) <= MOST_KEPT
        groups = tuple(segment_groups(stops, table.cuts, len(problems.starts))) if small else None
        plan = _Plan(key, task, problems, groups, bool((doses.steady > 0).any()), along)
        if small:
            self._plans["last"] = plan
        return plan

    def _states(self, plan: _Plan, values: RecordParameters) -> tuple[Array, Array]:
        """The parameters and starts of all segments for these values."""
        problems = plan.problems
        if plan.task.values is values:
            return problems.parameters, problems.starts
        parameters = plan.task.parameters(problems.model, plan.task.cuts.first, values)
        with np.errstate(all="ignore"):
            return parameters, numpy_code(problems.model.system).starts(parameters)

    def _record_directions(self, table: _Table, values: RecordParameters, doses: Doses) -> RecordDirections | None:
        """What to differentiate by; None for nothing."""
        if not self.wrt:
            return None
        slopes = dose_slopes(self.known.model, table.data, values, doses, self.wrt)
        name, what = self.known.model.name, ", ".join(map(repr, self.wrt))
        if self.order == 2 and (doses.steady > 0).any():
            raise ParameterError(
                f"{name}: second derivatives by {what} do not go through the steady states (SS) of {self.data.name}; "
                "only first ones do."
            )
        if self.order == 2 and slopes.any:
            raise ParameterError(
                f"{name}: second derivatives by {what} would go through F, lag, rate or duration of a dose in a "
                "table; only first ones do."
            )
        sizes = [abs(self.known.default_of(name)) or 1.0 for name in self.wrt]
        return RecordDirections(self.wrt, np.array(sizes), slopes)

    # ---- one call

    def loosened(self, factor: float) -> RecordProblems:
        """The same with tolerances so many times larger."""
        return replace(self, solver=self.solver.but(rtol=self.solver.rtol * factor), atol=self.atol * factor)

    def solve(
        self, settings: Mapping[str, Any], copies: int, progress: Progress | None = None, *, once: bool = False
    ) -> RecordValues:
        """Integrate all segments and read every record; `once`: values and derivatives of the same integrations."""
        table = self._table(copies)
        values = self._parameters(table, settings)
        plan = self._plan(table, values, copies)
        states = self._states(plan, values)
        system, rows = plan.problems.clock.system, len(table.cuts.elapsed)
        names, K = (*system.states, *system.output_names), len(self.wrt)
        # Every row belongs to a segment, and every segment to a group.
        columns, first = np.empty((len(names), rows)), np.empty((len(names), rows, K))
        second = np.empty((len(names), rows, K, K) if self.order == 2 and K else (0, rows, K, K))
        status = np.zeros(rows, dtype=np.int64)
        done = 0
        groups = plan.groups or segment_groups(plan.problems.stops, table.cuts, len(plan.problems.starts))
        for number, group in enumerate(groups):
            problem = self._problem(plan, group, *states)
            if not (once and K):
                self._read(problem, group, self._looks(plan, number, problem, group), columns, status)
            if K:
                along, tangent = self._along(plan, number, problem, group)
                looks = self._looks(plan, number, along, group)
                kept = columns if once else None
                self._differentiate(along, tangent, group, looks, first, second, status, kept)
            done += len(group.segments)
            if progress is not None:
                progress(done, len(table.cuts))
        if plan.steady:
            unsteady = plan.problems.unsteady[table.cuts.segment] <= np.arange(rows)
            status = np.where(unsteady, Status.no_steady_state, status)
        return RecordValues(
            dict(zip(names, columns, strict=True)),
            dict(zip(names, first, strict=True)) if K else {},
            dict(zip(names, second, strict=True)) if len(second) else {},
            status,
            plan.problems.unsettled[table.cuts.segment],
        )

    def _problem(self, plan: _Plan, group: SegmentGroup, parameters: Array, starts: Array) -> Problem:
        solver, system = self.solver, plan.problems.clock.system
        return group.problem(system, parameters, starts, solver.rtol, self.atol, solver.max_steps)

    def _read(
        self, problem: Problem, group: SegmentGroup, looks: Iterable[Looks], columns: Array, status: Index
    ) -> None:
        solution = solve(problem, self.solver.method, None, self.solver.threads, self.solver.device)
        n = len(problem.model.states)
        _note_negative(problem, group, solution.states, status)
        for some in looks:
            states, outputs = some.read(problem, solution.states)
            columns[:n, some.rows], columns[n:, some.rows] = states, outputs
            lost = np.isnan(states)
            if np.count_nonzero(lost):
                why = solution.status[group.member[some.part]]
                status[some.rows] = np.where(lost.any(axis=0), why, status[some.rows])

    def _differentiate(
        self, along: TangentProblem, problem: Problem, group: SegmentGroup, looks: Iterable[Looks], first: Array,
        second: Array, status: Index, columns: Array | None,
    ) -> None:  # fmt: skip
        solution = solve(problem, self.solver.method, None, self.solver.threads, self.solver.device)
        n, lanes = len(along.base.model.states), along.lanes
        if columns is not None:
            _note_negative(along.base, group, solution.states[::lanes, :, :n], status)
        for some in looks:
            states, outputs = some.read(problem, solution.states)
            rows = some.rows
            for names, (slopes, curvatures) in (
                (slice(0, n), along.of_states(states)),
                (slice(n, None), along.of_outputs(outputs)),
            ):
                first[names, rows] = slopes
                if curvatures is not None:
                    second[names, rows] = curvatures
            if columns is not None:  # those of the first lane
                columns[:n, rows] = states[:n, ::lanes]
                columns[n:, rows] = outputs[: len(columns) - n, ::lanes]
            lost = np.isnan(states)
            if np.count_nonzero(lost):
                why = along.status(solution)[group.member[some.part]]
                one = lost.reshape(len(states), len(why), -1).any(axis=(0, 2))
                status[rows] = np.where(one & (status[rows] == 0), why, status[rows])

    @cached_property
    def _settled_looks(self) -> dict[tuple[int, bool], tuple[SegmentGroup, tuple[Looks, ...]]]:
        return {}

    def _looks(
        self, plan: _Plan, number: int, problem: Problem | TangentProblem, group: SegmentGroup
    ) -> Iterable[Looks]:
        """Where the records of a group look; as in the last call where its stops are the same."""
        key = (number, isinstance(problem, TangentProblem))
        last = self._settled_looks.get(key)
        if last is not None and last[0] is group:
            return last[1]
        if isinstance(problem, TangentProblem):
            looks = looks_of(problem.problem, group, problem.lanes, problem.source)
        else:
            looks = looks_of(problem, group)
        if plan.groups is None:
            return looks
        self._settled_looks[key] = (group, tuple(looks))
        return self._settled_looks[key][1]

    @cached_property
    def _tangents(self) -> dict[int, tuple[SegmentGroup, TangentProblem]]:
        return {}

    def _along(
        self, plan: _Plan, number: int, problem: Problem, group: SegmentGroup
    ) -> tuple[TangentProblem, Problem]:  # fmt: skip
        """The derivatives of a group and what to solve; those of the last call where the stops are the same."""
        last = self._tangents.get(number)
        if last is not None and last[0] is group and last[1].suits(problem.parameters):
            return last[1], last[1].problem_at(problem.parameters, problem.starts)
        along = tangent_problem(problem, self._directions(plan, group), order=self.order)
        if plan.groups is not None:
            self._tangents[number] = (group, along)
            self._settled_looks.pop((number, True), None)
        return along, along.problem

    def _directions(self, plan: _Plan, group: SegmentGroup) -> Directions:
        system, along, dstarts = plan.problems.clock.system, plan.along, plan.problems.dstarts
        assert along is not None
        follows = dstarts is None
        return Directions(
            along.unit(system.parameters),
            along.unit(system.states) if dstarts is None else dstarts[:, group.segments],
            follow=follows,
            sizes=along.sizes,
            stops=group.changes if group.changes.dtimes.shape[-1] else no_change(group.schedule, len(along.names)),
        )


def _note_negative(problem: Problem, group: SegmentGroup, states: Array, status: Index) -> None:
    """Write into `status` where a state that has no values below zero has one."""
    if falls_below_zero(problem, states):
        below = np.logical_or.accumulate(below_zero(problem, states), axis=1)
        status[group.rows] = np.where(below[group.member, group.place], Status.negative, status[group.rows])


def record_problems(
    known: KnownParameters,
    data: Records,
    solver: Solver,
    *,
    covariates: Iterable[str] | None,
    carry: str,
    rows: Sequence[str] = (),
    wrt: Sequence[str] = (),
    order: int = 1,
) -> RecordProblems:
    """Settle everything about a model and a table of records but the values of parameters.

    Raises
    ------
    DataError, RegimenError, UnknownNameError, ParameterError
        If a record cannot be given to this model, or a derivative is by what the table gives.
    """
    model = known.model
    timed = data.in_time(model.time)
    columns = covariate_columns(timed, known.names, covariates)
    for what, names in (("sensitivities", wrt), ("parameters", rows)):
        for name in names:
            if name in columns:
                raise ParameterError(
                    f"{what} names {name!r}, which column {columns[name]!r} of {data.name} gives record by record; "
                    "leave one of the two out (covariates= names the columns to use)."
                )
    atol = _tolerances(known, timed, solver)
    return RecordProblems(known, timed, columns, carry, solver, atol, tuple(wrt), order)


def _tolerances(known: KnownParameters, data: Records, solver: Solver) -> Array:
    """The absolute tolerance of each state; that of a dosed state suits the size of its doses."""
    model, system = known.model, numbered_system(known.model)
    with np.errstate(all="ignore"):
        starts = numpy_code(system).starts(known.defaults[:, None])[:, 0]
    rows = np.flatnonzero(data["AMT"] > 0)
    amounts = []
    if len(rows):
        states, routes, amount = state_numbers(model, data, rows), route_numbers(model, data, rows), data["AMT"][rows]
        amounts = [(system.states[i], amount[states == i]) for i in np.unique(states[states >= 0])]
        by_route = [(list(model.routes.values())[i], amount[routes == i]) for i in np.unique(routes[routes >= 0])]
        amounts += [(state.name, given) for route, given in by_route for state in route.jumps]
    return state_tolerances(model, solver, starts, amounts)
