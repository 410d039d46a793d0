"""A model under its treatment, settled but for parameters: parameters in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble
from pkpd.errors import SimulationError
from pkpd.memory import in_bytes, physical_memory
from pkpd.prepared.asked import regimens_by_arm
from pkpd.prepared.derivatives import Slopes, differentiated, integrated_slopes
from pkpd.prepared.event_log import event_log
from pkpd.prepared.linearized import linearized_values
from pkpd.prepared.parameters import KnownParameters, ParameterValues
from pkpd.prepared.records import RecordProblems
from pkpd.prepared.regimens import RegimenProblems, regimen_problems
from pkpd.prepared.solver import Solver
from pkpd.prepared.values import Patients, Values
from pkpd.solvers.chunks import Collected, collect
from pkpd.solvers.observing import collect_numbers
from pkpd.solvers.problem import Problem, Progress, Status
from pkpd.solvers.reductions import Reduction
from pkpd.symbolic.model import Model
from pkpd.treatment.regimens import Regimen
from pkpd.treatment.timed_doses import TimedDoses
from pkpd.units import time_in

__all__ = ["Prepared"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A model under its treatment with everything settled but the values of parameters; see `prepare`.

    Attributes
    ----------
    model
        The model.
    parameters
        What a bare array of parameters has a row for, in this order.
    arms
        The names of the arms; empty where there is one regimen for all, or a table.
    times
        (times,): when values are stored; empty for a table, whose records say when.
    outputs
        The states and outputs that are returned.
    wrt
        What they are differentiated by, with the unit of each.
    order
        Of the derivatives, 1 or 2.
    reductions
        What is returned of them instead of their course in time.
    """

    model: Model
    parameters: tuple[str, ...]
    arms: tuple[str, ...]
    times: Array
    outputs: tuple[str, ...]
    wrt: Mapping[str, str]
    order: int
    reductions: Mapping[str, Reduction]
    solver: Solver
    known: KnownParameters = field(repr=False)
    problems: RegimenProblems | RecordProblems = field(repr=False)

    def __call__(
        self, parameters: Mapping[str, Any] | Ensemble | Array | None = None, *, progress: Progress | None = None
    ) -> Values:
        """Integrate for these parameters.

        Parameters
        ----------
        parameters
            What differs from the model's defaults: a mapping of names to a value or to an array
            over members, an `Ensemble`, or a bare array of shape (parameters, members) or
            (parameters,) with a row for each of `Prepared.parameters`; where regimens were
            given by arm also (parameters, arms, members).  Under a table of
            records a member is a subject, and a bare array may have the shape (parameters,
            copies, subjects): as many copies of the table are then integrated as one ensemble.
        progress
            Called with the number of members done and their number, now and then.

        Raises
        ------
        ParameterError, UnknownNameError, RegimenError
            If a value is not acceptable.
        """
        if isinstance(self.problems, RecordProblems):
            return self._of_records(self.problems, parameters, progress)
        return self.solve(self.values_of(parameters), progress)

    def _of_records(
        self, problems: RecordProblems, parameters: Any, progress: Progress | None = None, *, once: bool = False
    ) -> Values:
        settings, number = problems.settings_of(parameters, self.parameters)
        copies = number if isinstance(parameters, np.ndarray) and parameters.ndim == 3 else 0
        seen = problems.solve(settings, number, progress, once=once)

        def by_copy(column: Any) -> Any:
            return column.reshape(copies, -1, *column.shape[1:]) if copies else column

        return Values(
            columns={name: by_copy(seen.columns[name]) for name in self.outputs},
            status=by_copy(seen.status),
            ended=np.empty(0),
            sensitivities={name: by_copy(seen.first[name]) for name in self.outputs if seen.first},
            second_sensitivities={name: by_copy(seen.second[name]) for name in self.outputs if seen.second},
        )

    # ---- regimens

    def values_of(self, parameters: Any) -> ParameterValues:
        """A value of every parameter for every member."""
        if isinstance(parameters, np.ndarray):
            return self.known.rows(self.parameters, parameters, len(self.arms))
        return self.known.values(parameters)

    def solve(self, values: ParameterValues, progress: Progress | None = None) -> Values:
        """Integrate regimens for values that `values_of` has made."""
        problems, solver = self._regimens, self.solver
        how = (solver.method, progress, solver.threads, solver.device)
        if self.reductions:
            self._check_thresholds(values)
            plain, first_dose = problems.plain_problem(values), problems.first_dose(values)
            numbers = collect_numbers(plain, self.reductions, first_dose, *how)
            return self._shaped(values, _named(numbers, plain.starts, problems))
        self._require_room(values)
        problem = problems.problem(values)
        collected = _named(collect(problem, self.outputs, *how), problem.starts, problems)
        if not self.wrt:
            return self._shaped(values, collected, problem)
        slopes = integrated_slopes(problems, values, tuple(self.wrt), self.outputs, self.order)
        return self._shaped(values, collected, problem, slopes)

    def linearized(self, parameters: Mapping[str, Any] | Ensemble | Array | None = None) -> Values:
        """As a call, with values and derivatives of the same integrations: what an optimizer asks for.

        A call integrates the values alone and the derivatives beside it, so that asking for
        derivatives moves no value.  Here values may differ from those of a call by the error of
        the integration.  Of first derivatives; anything else is a call.

        Parameters
        ----------
        parameters
            As for a call.
        """
        if self.order != 1 or self.reductions or not self.wrt:
            return self(parameters)
        if isinstance(self.problems, RecordProblems):
            return self._of_records(self.problems, parameters, once=True)
        values = self.values_of(parameters)
        self._require_room(values)
        collected, slopes = linearized_values(self.problems, values, tuple(self.wrt), self.outputs)
        return self._shaped(values, collected, None, slopes)

    def differentiated(self, names: Sequence[str]) -> Prepared:
        """The same under regimens with first derivatives by these parameters; what is settled is shared."""
        return replace(self, wrt=differentiated(self.model, self.known, names), order=1)

    def loosened(self, factor: float) -> Prepared:
        """The same with tolerances of the integration so many times larger."""
        solver = self.solver.but(rtol=self.solver.rtol * factor)
        return replace(self, solver=solver, problems=self.problems.loosened(factor))

    def _check_thresholds(self, values: ParameterValues) -> None:
        members = values.members * max(len(self.arms), 1)
        for name, reduction in self.reductions.items():
            if isinstance(reduction.threshold, tuple) and len(reduction.threshold) != members:
                raise SimulationError(
                    f"reduce[{name!r}] has {len(reduction.threshold)} thresholds; expected one, or one for each of the "
                    f"{members} members."
                )

    def _require_room(self, values: ParameterValues) -> None:
        """Refuse a result that would not fit into the memory of this machine."""
        members, times, room = values.members * max(len(self.arms), 1), len(self.times), physical_memory()
        kept = max(len(self.outputs), len(self.model.states)) * (1 + len(self.wrt))
        if room is not None and 8 * members * times * kept > room:
            raise SimulationError(
                f"{self.model.name}: {members:,} members x {times:,} times x {kept} states and outputs would take "
                f"{in_bytes(8 * members * times * kept)} of memory, and this machine has {in_bytes(room)}. Keep "
                "numbers instead of courses with reduce=, fewer variables with outputs=, or fewer times."
            )

    def first_dose(self, values: ParameterValues) -> Array:
        """(arms x members,): when the first dose is given, infinite where there is none."""
        return self._regimens.first_dose(values)

    def resume(
        self,
        patients: Patients,
        parameters: Mapping[str, Any] | Ensemble | Array | ParameterValues | None = None,
        *,
        doses: Regimen | TimedDoses | None = None,
        until: float | str | None = None,
        times: Array | None = None,
    ) -> Values:
        """Go on from where patients stand, under the same regimen or another.

        Parameters
        ----------
        patients
            `Values.final` of an earlier call.
        parameters
            As for a call, or what `values_of` made of them; the members are the same.
        doses
            What is given instead of the doses prepared: a regimen, or arrays with doses of each
            member's own (an infinite time is no dose).  Doses before the time of a patient are
            not given again; an infusion that has begun goes on.
        until
            The last stored time of interest, a number or text such as ``"8 weeks"``; by default
            all of `times`.  Times that a patient has reached already are NaN.
        times
            (members, times): stored times of each member's own instead of those prepared, with
            infinity after the last; a member ends at its last.

        Raises
        ------
        SimulationError
            If there are several arms, derivatives or reductions, or another number of patients.
        RegimenError
            If arrays hold a dose that lasts on a route on which no dose prepared does.
        """
        problems = self._regimens
        if not isinstance(patients, Patients):
            raise SimulationError(f"resume() got {patients!r}; expected the `final` of an earlier call.")
        if self.arms or self.wrt or self.reductions:
            raise SimulationError(
                "resume() goes on with courses of one arm; prepare each arm alone, without reduce= and sensitivities=."
            )
        if times is not None and until is not None:
            raise SimulationError(f"resume() got times= and until={until!r}; a member ends at the last of its times.")
        values = parameters if isinstance(parameters, ParameterValues) else self.values_of(parameters)
        timed = doses if isinstance(doses, TimedDoses) else None
        if doses is not None and timed is None:
            _, (regimen,) = regimens_by_arm(doses)
            problems = regimen_problems(self.known, [regimen], self.times, self.solver, before=problems.before)
        last = None if until is None else time_in(until, self.model.time, "until")
        resumed = problems.resumed(values, patients, last, timed, _own_times(times, values.members))
        how = (self.solver.method, None, self.solver.threads, self.solver.device)
        return self._shaped(values, collect(resumed, self.outputs, *how), resumed)

    @property
    def _regimens(self) -> RegimenProblems:
        if isinstance(self.problems, RecordProblems):
            raise SimulationError("what was prepared with a table of records is called with parameters.")
        return self.problems

    def _shaped(
        self,
        values: ParameterValues,
        collected: Collected,
        problem: Problem | None = None,
        slopes: Slopes | None = None,
    ) -> Values:
        def by_arm(column: Any) -> Any:
            return column.reshape(len(self.arms), values.members, *column.shape[1:]) if self.arms else column

        status, ended = collected.status, collected.ended
        if slopes is not None:
            status = np.where(status == Status.ok, slopes.status, status)
            ended = np.minimum(ended, slopes.ended)
        return Values(
            columns={name: by_arm(collected.columns[name]) for name in self.reductions or self.outputs},
            status=by_arm(status),
            ended=by_arm(ended),
            note=collected.note,
            sensitivities={} if slopes is None else {k: by_arm(v) for k, v in slopes.first.items()},
            second_sensitivities={} if slopes is None else {k: by_arm(v) for k, v in slopes.second.items()},
            **({} if problem is None else _standing(problem, collected, len(tuple(self.model.events)))),
        )


def _own_times(times: Array | None, members: int) -> Array | None:
    if times is None:
        return None
    table = np.ascontiguousarray(times, dtype=float)
    if table.ndim != 2 or len(table) != members or not np.isfinite(table[:, :1]).all():
        raise SimulationError(
            f"times has the shape {table.shape}; expected ({members}, times), a finite first time for each member."
        )
    if (np.diff(np.where(np.isinf(table), np.nan, table), axis=1) <= 0).any() or (table[:, 0] < 0).any():
        raise SimulationError(f"times of members begin at {table[:, 0].min():g}; expected 0 or more, and increasing.")
    return table


def _named(collected: Collected, starts: Array, problems: RegimenProblems) -> Collected:
    """The same with the status of members whose steady state was not found."""
    if not problems.steady.any:
        return collected
    lost = np.isnan(starts).any(axis=0)
    return replace(collected, status=np.where(lost, Status.no_steady_state, collected.status))


def _standing(problem: Problem, collected: Collected, events: int) -> dict[str, Any]:
    """Where members stand, and what has happened to them."""
    assert collected.last is not None
    times, counts = event_log(problem, collected, events)
    final = Patients(collected.ended, collected.last.final, collected.last.armed)
    return {"final": final, "event_times": times, "event_counts": counts}
