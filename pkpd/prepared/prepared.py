"""The spine: a model, its treatment and what is asked of them, settled once; then parameters in, arrays out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble
from pkpd.errors import ParameterError, SimulationError, unknown_name
from pkpd.memory import in_bytes, physical_memory
from pkpd.prepared.derivatives import Slopes, differentiated, integrated_slopes
from pkpd.prepared.event_log import event_log
from pkpd.prepared.parameters import KnownParameters, ParameterValues, known_parameters
from pkpd.prepared.records import RecordProblems, RecordValues, record_problems
from pkpd.prepared.reductions import reductions_of
from pkpd.prepared.regimens import RegimenProblems, regimen_problems
from pkpd.prepared.solver import Solver
from pkpd.prepared.values import Patients, Values
from pkpd.records.covariates import CARRIES
from pkpd.records.records import Records
from pkpd.solvers.chunks import Collected, collect
from pkpd.solvers.observing import collect_numbers
from pkpd.solvers.problem import Problem, Progress, Status
from pkpd.solvers.reductions import Reduction
from pkpd.symbolic.model import Model
from pkpd.symbolic.values import Bounds
from pkpd.treatment.body_weight import by_body_weight
from pkpd.treatment.over_time import OverTime
from pkpd.treatment.regimens import Regimen
from pkpd.units import time_in

__all__ = ["Prepared", "Treatment", "observables", "prepare", "stored_times"]

Treatment = Regimen | Mapping[str, Regimen | None] | None


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
            (parameters,) with a row for each of `Prepared.parameters`.  Under a table of
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
            settings, copies = self.problems.settings_of(parameters, self.parameters)
            many = isinstance(parameters, np.ndarray) and parameters.ndim == 3
            return self._of_records(self.problems.solve(settings, copies, progress), copies if many else 0)
        return self.solve(self.values_of(parameters), progress)

    def _of_records(self, seen: RecordValues, copies: int) -> Values:
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
            return self.known.rows(self.parameters, parameters)
        return self.known.values(parameters)

    def solve(self, values: ParameterValues, progress: Progress | None = None) -> Values:
        """Integrate regimens for values that `values_of` has made."""
        problems, solver = self._regimens, self.solver
        how = (solver.method, progress, solver.threads)
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
        parameters: Mapping[str, Any] | Ensemble | Array | None = None,
        *,
        doses: Regimen | None = None,
        until: float | str | None = None,
    ) -> Values:
        """Go on from where patients stand, under the same regimen or another.

        Parameters
        ----------
        patients
            `Values.final` of an earlier call.
        parameters
            As for a call; the members are the same.
        doses
            What is given instead of the doses prepared; doses before the time of a patient are
            not given again.
        until
            The last stored time of interest, a number or text such as ``"8 weeks"``; by default
            all of `times`.  Times that a patient has reached already are NaN.

        Raises
        ------
        SimulationError
            If there are several arms, derivatives or reductions, or another number of patients.
        """
        problems = self._regimens
        if not isinstance(patients, Patients):
            raise SimulationError(f"resume() got {patients!r}; expected the `final` of an earlier call.")
        if self.arms or self.wrt or self.reductions:
            raise SimulationError(
                "resume() goes on with courses of one arm; prepare each arm alone, without reduce= and sensitivities=."
            )
        values = self.values_of(parameters)
        if doses is not None:
            _, (doses,) = _regimens(doses)
            problems = regimen_problems(self.known, [doses], self.times, self.solver, before=problems.before)
        last = None if until is None else time_in(until, self.model.time, "until")
        resumed = problems.resumed(values, patients, last)
        how = (self.solver.method, None, self.solver.threads)
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


def prepare(
    model: Model,
    treatment: Treatment | Records = None,
    *,
    times: Any = None,
    outputs: Iterable[str] | None = None,
    parameters: Iterable[str] | None = None,
    sensitivities: Iterable[str] = (),
    order: int = 1,
    reduce: Mapping[str, tuple[Any, ...]] | None = None,
    solver: Solver | None = None,
    at_dose: str = "before",
    covariates: Iterable[str] | Mapping[str, OverTime] | None = None,
    carry: str = "backward",
    bounds: Bounds = "refuse",
) -> Prepared:
    """Settle a model and its treatment once, to be integrated for many sets of parameters.

    Names, units, doses, equations and machine code are settled here; a call of what is
    returned takes numbers and gives plain arrays, at a fraction of the price of `simulate`.
    Optimizers, protocols and estimators use it.

    Parameters
    ----------
    model
        A closed model; it starts at time 0.
    treatment
        A regimen; or several by arm, a mapping of names to regimens (None for no doses); or
        a table from `pkpd.read_nonmem`, whose records say when values are wanted.
    times
        When to store, in the model's unit of time: increasing, 0 or more.  Not for a table.
    outputs
        The states and outputs to return; all by default.
    parameters
        The parameters (and states, for their values at time 0) that a bare array has rows for,
        in this order; all parameters of the model and the regimens by default.
    sensitivities
        Parameters, of the model or of the regimens, by which to differentiate everything that
        is returned; the name of a state stands for its value at time 0.
    order
        1, or 2 for second derivatives beside the first ones.
    reduce
        Instead of courses in time, numbers for each member; see `pkpd.simulate`.
    solver
        How to integrate.
    at_dose
        Whether a stored time that coincides with a dose shows the value ``"before"`` it (the
        trough) or ``"after"``; in a table the order of the records says it.
    covariates
        Under a regimen the parameters that change in time, ``{"CL": over_time(times, values)}``;
        of a table the columns to use, see `pkpd.predict`.
    carry
        Of a table; see `pkpd.predict`.
    bounds
        ``"ignore"`` takes values outside the bounds that their parameters declare.

    Raises
    ------
    ModelError, RegimenError, ParameterError, UnitError, UnknownNameError, SimulationError
        If the model is not closed, or a dose, a name or an option does not fit it.

    Examples
    --------
    >>> import pkpd
    >>> fit_me = pkpd.prepare(
    ...     pkpd.load("pk_1cmt"), pkpd.bolus(100, "iv"), times=[1, 2, 4], outputs=["C"], parameters=["CL", "V"]
    ... )
    >>> fit_me(np.array([[1.0, 2.0], [10.0, 10.0]]))["C"].shape
    (2, 3)
    """
    _check(model, at_dose, solver)
    if isinstance(treatment, Records):
        if times is not None or reduce is not None:
            raise SimulationError(
                "a table of records says itself when values are wanted; leave out times= and reduce=."
            )
        known = known_parameters(model, (), bounds)
        return _of_table(known, treatment, outputs, parameters, sensitivities, order, solver, covariates, carry)
    arms, regimens = _regimens(treatment)
    regimens = tuple(by_body_weight(model, regimen) for regimen in regimens)
    reductions = reductions_of(model, reduce)
    if reductions and (outputs is not None or sensitivities):
        raise SimulationError("reduce= says what is returned; leave out outputs= and sensitivities= with it.")
    if not isinstance(sensitivities, Iterable):
        raise SimulationError(f"sensitivities is {sensitivities!r}; expected names of parameters or states.")
    if order == 2 and not sensitivities:
        raise SimulationError("order is 2, and sensitivities= names nothing to differentiate by.")
    request = _Request(
        model,
        arms,
        regimens,
        tuple(stored_times(times, model.time)),
        tuple(observables(model, outputs)),
        None if parameters is None else _names(parameters),
        _names(sensitivities),
        _checked_order(order),
        tuple(reductions.items()),
        Solver() if solver is None else solver,
        at_dose == "before",
        covariates,
        bounds,
    )
    return _settled(request) if request.hashable else _settle(request)


def _of_table(
    known: KnownParameters,
    data: Records,
    outputs: Iterable[str] | None,
    parameters: Iterable[str] | None,
    sensitivities: Iterable[str],
    order: int,
    solver: Solver | None,
    covariates: Iterable[str] | None,
    carry: str,
) -> Prepared:
    model = known.model
    model.require_closed()
    if carry not in CARRIES:
        raise SimulationError(f"carry is {carry!r}; expected 'backward', 'forward' or 'linear'.")
    options = Solver() if solver is None else solver
    wrt = differentiated(model, known, _names(sensitivities))
    chosen = () if parameters is None else _rows(known, _names(parameters))
    problems = record_problems(
        known,
        data,
        options,
        covariates=covariates,
        carry=carry,
        rows=chosen,
        wrt=tuple(wrt),
        order=_checked_order(order),
    )
    return Prepared(
        model=model,
        parameters=chosen or tuple(name for name in known.names if name not in problems.columns),
        arms=(),
        times=np.empty(0),
        outputs=tuple(observables(model, outputs)),
        wrt=wrt,
        order=problems.order,
        reductions={},
        solver=options,
        known=known,
        problems=problems,
    )


@dataclass(frozen=True)
class _Request:
    """What is asked of `prepare`; the model counts as itself, not as one that is equal."""

    model: Model = field(compare=False)
    arms: tuple[str, ...]
    regimens: tuple[Regimen, ...]
    times: tuple[float, ...]
    outputs: tuple[str, ...]
    parameters: tuple[Any, ...] | None
    sensitivities: tuple[Any, ...]
    order: int
    reductions: tuple[tuple[str, Reduction], ...]
    solver: Solver
    before: bool
    covariates: Any
    bounds: Bounds
    identity: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", id(self.model))

    @property
    def hashable(self) -> bool:
        return not isinstance(self.solver.atol, Mapping) and not self.covariates


def _settle(request: _Request) -> Prepared:
    model, moments = request.model, np.array(request.times)
    model.require_closed()
    known = known_parameters(model, request.regimens, request.bounds)
    return Prepared(
        model=model,
        parameters=known.names if request.parameters is None else _rows(known, request.parameters),
        arms=request.arms,
        times=moments,
        outputs=request.outputs,
        wrt=differentiated(model, known, request.sensitivities),
        order=request.order,
        reductions=dict(request.reductions),
        solver=request.solver,
        known=known,
        problems=regimen_problems(
            known, request.regimens, moments, request.solver, before=request.before, covariates=request.covariates
        ),
    )


# What was prepared for the same request keeps the request's model alive, so that its identity stays its own.
_settled = lru_cache(maxsize=32)(_settle)


def observables(model: Model, outputs: Iterable[str] | None) -> list[str]:
    """The states and outputs asked for; all where none are named.

    Raises
    ------
    UnknownNameError
        If the model has no such state or output.
    SimulationError
        If `outputs` is neither names nor None.
    """
    known = [*(s.name for s in model.states), *model.outputs]
    if outputs is None:
        return known
    if not isinstance(outputs, Iterable):
        raise SimulationError(f"outputs is {outputs!r}; expected names of states or outputs.")
    wanted = [outputs] if isinstance(outputs, str) else list(outputs)
    for name in wanted:
        if name not in known:
            raise unknown_name(model.name, "state or output", str(name), known)
    return wanted


def stored_times(times: Any, unit: str) -> Array:
    """`times` as an array in `unit`; text such as ``"8 h"`` is converted.

    Raises
    ------
    SimulationError
        If they are not finite, increasing numbers of 0 or more.
    """
    if not isinstance(times, str) and any(isinstance(time, str) for time in np.ravel(np.asarray(times, object))):
        times = [time_in(time, unit, "a stored time") for time in times]
    try:
        if np.asarray(times).dtype.kind in "mMc" or np.ma.is_masked(times):
            raise TypeError("dates, complex numbers and masks have no place among times")
        moments = np.array(times, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise SimulationError(f"times is {_short(times)}; expected numbers.") from None
    if moments.ndim != 1 or not moments.size:
        what = repr(times) if moments.ndim == 0 else f"of shape {moments.shape}"
        raise SimulationError(f"times is {what}; expected a sequence of one or more times.")
    wrong = ~np.isfinite(moments) | (moments < 0) | (np.diff(moments, prepend=-1.0) <= 0)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise SimulationError(
            f"times[{i}] is {moments[i]:g}{f', after {moments[i - 1]:g}' if i else ''}; "
            "times must be finite, 0 or more (a model starts at time 0), and increasing."
        )
    return moments


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _check(model: Any, at_dose: str, solver: Any) -> None:
    if not isinstance(model, Model):
        raise SimulationError(f"prepare() got {model!r} as the model; load one with pkpd.load(name).")
    if not isinstance(solver, Solver | None):
        raise SimulationError(f"solver is {solver!r}; expected pkpd.Solver(...).")
    if at_dose not in ("before", "after"):
        raise SimulationError(f"at_dose is {at_dose!r}; expected 'before' or 'after'.")


def _regimens(treatment: Any) -> tuple[tuple[str, ...], tuple[Regimen, ...]]:
    """The names of the arms, none where there is one regimen, and the regimens."""
    if treatment is None or isinstance(treatment, Regimen):
        return (), (Regimen() if treatment is None else treatment,)
    if isinstance(treatment, Mapping) and treatment and len({str(arm) for arm in treatment}) == len(treatment):
        regimens = tuple(Regimen() if regimen is None else regimen for regimen in treatment.values())
        if all(isinstance(regimen, Regimen) for regimen in regimens):
            return tuple(str(arm) for arm in treatment), regimens
    what = f"a {type(treatment).__name__}" if np.ndim(treatment) else repr(treatment)
    table = " A table is read with pkpd.read_nonmem()." if hasattr(treatment, "columns") else ""
    raise SimulationError(
        f"got {what} as the regimen; make one with bolus, infusion or fractions, and join them with +, "
        f"or give a mapping of arms, each by its name, to regimens.{table}"
    )


def _checked_order(order: Any) -> int:
    if order not in (1, 2):
        raise SimulationError(f"order is {order!r}; derivatives are of order 1 or 2.")
    return int(order)


def _names(names: Iterable[Any]) -> tuple[Any, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _rows(known: KnownParameters, rows: tuple[Any, ...]) -> tuple[str, ...]:
    for name in rows:
        known.require(name)
        if rows.count(name) > 1:
            raise ParameterError(f"parameters names {name!r} twice.")
    return rows
