"""The verb: a model, its treatment and what is asked of them, settled once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from pkpd.errors import ParameterError, SimulationError
from pkpd.prepared.asked import Treatment, observables, regimens_by_arm, stored_times
from pkpd.prepared.derivatives import differentiated
from pkpd.prepared.parameters import KnownParameters, known_parameters
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.records import record_problems
from pkpd.prepared.reductions import reductions_of
from pkpd.prepared.regimens import regimen_problems
from pkpd.prepared.solver import Solver
from pkpd.records.covariates import CARRIES
from pkpd.records.records import Records
from pkpd.solvers.reductions import Reduction
from pkpd.symbolic.model import Model
from pkpd.symbolic.values import Bounds
from pkpd.treatment.body_weight import by_body_weight
from pkpd.treatment.over_time import OverTime
from pkpd.treatment.regimens import Regimen

__all__ = ["prepare"]


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
    arms, regimens = regimens_by_arm(treatment)
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
    for name in chosen:
        if known.is_start(name):
            raise ParameterError(
                f"parameters names the state {name!r}; under a table a subject begins with the model's starts."
            )
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


def _check(model: Any, at_dose: str, solver: Any) -> None:
    if not isinstance(model, Model):
        raise SimulationError(f"prepare() got {model!r} as the model; load one with pkpd.load(name).")
    if not isinstance(solver, Solver | None):
        raise SimulationError(f"solver is {solver!r}; expected pkpd.Solver(...).")
    if at_dose not in ("before", "after"):
        raise SimulationError(f"at_dose is {at_dose!r}; expected 'before' or 'after'.")


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
