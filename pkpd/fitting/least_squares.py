"""The verb: a model, observations and free parameters become a `Fit`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError
from pkpd.fitting.free_parameters import Coordinate, Free, coordinates
from pkpd.fitting.objective import Objective
from pkpd.fitting.predictor import Predictor
from pkpd.fitting.record_observations import RecordObservations, record_observations
from pkpd.fitting.record_predictor import RecordPredictor
from pkpd.fitting.regimen_predictor import RegimenPredictor
from pkpd.fitting.results import Fit
from pkpd.fitting.search import Search, minimize
from pkpd.fitting.uncertainty import at_bound, uncertainty
from pkpd.fitting.usable_data import check_side, measured, with_sides
from pkpd.prepared.solver import Solver
from pkpd.records.observations import Dataset, Side
from pkpd.records.records import Records
from pkpd.symbolic.model import Model

__all__ = ["fit"]


SOLVER = Solver(rtol=1e-9)


def fit(
    model: Model,
    data: Dataset | Records,
    free: Mapping[str, Free] | Iterable[str],
    *,
    outputs: str | Mapping[Any, str] | None = None,
    at_dose: Side | None = None,
    parameters: Mapping[str, Any] | None = None,
    sd_is: Literal["known", "relative"] | None = None,
    solver: Solver | None = None,
    method: str | None = None,
    rtol: float | None = None,
    atol: float | Mapping[str, float] | None = None,
    max_steps: int | None = None,
    max_evaluations: int = 1000,
) -> Fit:
    """Estimate parameters of a model, or of its regimens, by weighted least squares.

    Minimizes the sum of squares of ``(predicted - observed)/sd`` over all arms with lmfit
    (scipy's trust-region reflective algorithm).  The derivatives are exact, integrated with the
    model; those of records are central differences, all perturbed points as one ensemble.
    Observations
    that are flagged as below or above a limit are dropped, with a warning that counts them.

    Parameters
    ----------
    model
        A closed model.
    data
        From `read_observations`; or from `read_nonmem`, an arm each subject: its records
        dose it as in `predict`, and its rows with EVID 0 and MDV 0 are the observations,
        before or after a dose of the same time as their order says.  A column ``sd`` is the
        standard deviation of DV.
    free
        What to estimate: ``{name: free(...)}``, or a list of names for those that start at
        the model's value within their declared bounds.
    outputs
        For records, what DV measures: the name of a state or output, or ``{DVID: name}``
        (rows of other DVID are left out); the model's only output by default.
    at_dose
        For observations at the time of a dose of which the data do not say it, whether they
        are ``"before"`` it or ``"after"``.  Where nobody says, and it matters, a warning names
        arm and time and what was assumed: before, but after where the model has exactly 0
        before the dose and a value was measured.
    parameters
        Other parameters to hold at values that differ from the model's, as for `simulate`.
    sd_is
        ``"known"``: the standard deviations of the data are those of the errors, and the
        covariance is not scaled.  ``"relative"``: they are weights, true up to one common
        factor that is estimated from the residuals.  By default known where the data have
        them, and relative (with equal weights) where they do not.
    solver
        How to integrate; ``Solver(rtol=1e-9)`` by default.  `rtol` must be 1e-6 or less.
    method, rtol, atol, max_steps
        The options of `pkpd.Solver` one by one; they take precedence over those of `solver`.
    max_evaluations
        The search ends without success after so many evaluations of the residuals.

    Returns
    -------
    Fit
        Estimates, covariance, residuals, `report()`, `predict(times)`.

    Raises
    ------
    UnknownNameError
        If the model has no such parameter, or not the output that was observed.
    FitError
        If a start is outside its bounds, a log scale meets a bound below 0, there are fewer
        observations than free parameters, or the model cannot be solved at the start.

    Examples
    --------
    >>> import numpy as np, pandas as pd, pkpd
    >>> times = np.array([1.0, 2.0, 5.0, 10.0])
    >>> table = pd.DataFrame({"arm": "a", "time": times, "output": "C", "value": 10 * np.exp(-0.1 * times)})
    >>> data = pkpd.read_observations(table, {"a": pkpd.bolus(100, "iv")})
    >>> result = pkpd.fit(pkpd.load("pk_1cmt"), data, {"CL": pkpd.free(0.5, log=True), "V": pkpd.free(8, log=True)})
    >>> result.estimates["estimate"].round(4).to_dict()
    {'CL': 1.0, 'V': 10.0}
    """
    if not isinstance(solver, Solver | None):
        raise FitError(f"fit: solver is {solver!r}; expected pkpd.Solver(...).")
    options = (solver or SOLVER).but(method=method, rtol=rtol, atol=atol, max_steps=max_steps)
    _check(model, data, parameters, outputs, at_dose, options.rtol, max_evaluations)
    observed = record_observations(model, data, outputs) if isinstance(data, Records) else data
    whole = observed.data if isinstance(observed, RecordObservations) else observed
    meaning = _meaning_of_sd(whole, sd_is)
    known = observed.take(measured(whole))
    moved = coordinates(model, known if isinstance(known, Dataset) else known.data, free)
    predictor = _predictor(model, known, moved, dict(parameters or {}), options)
    if len(predictor.data) < len(moved):
        raise FitError(
            f"fit: {len(predictor.data)} observations cannot determine {len(moved)} free parameters "
            f"({', '.join(c.label for c in moved)})."
        )
    start = np.array([c.start for c in moved])
    if isinstance(predictor, RegimenPredictor):
        predictor = dataclasses.replace(predictor, data=with_sides(predictor, start, at_dose))
    objective = Objective(predictor)
    objective.check_start(start)
    search = Search(objective)
    result = minimize(search, moved, scale_covariance=meaning == "relative", limit=max_evaluations)
    return _fit(search, result, meaning)


def _check(model: Any, data: Any, parameters: Any, outputs: Any, at_dose: Any, rtol: Any, max_evaluations: Any) -> None:
    if not isinstance(model, Model):
        raise FitError(f"fit: got {model!r} as the model; load one with pkpd.load(name).")
    if not isinstance(data, Dataset | Records):
        raise FitError(
            f"fit: got a {type(data).__name__} as the data; read them with pkpd.read_observations(...) "
            "or pkpd.read_nonmem(...)."
        )
    if not isinstance(parameters, Mapping | None):
        raise FitError(f"fit: parameters is {parameters!r}; expected {{name: value}}.")
    if not isinstance(rtol, float) or not 0 < rtol <= 1e-6:
        raise FitError(f"fit: rtol is {rtol!r}; the derivatives of a fit need 1e-6 or less.")
    if not isinstance(max_evaluations, int) or max_evaluations < 1:
        raise FitError(f"fit: max_evaluations is {max_evaluations!r}; expected a whole number of 1 or more.")
    check_side(at_dose)
    if isinstance(data, Records) and at_dose is not None:
        raise FitError(f"fit: at_dose is {at_dose!r}, but the order of the records says what is before a dose.")
    if isinstance(data, Dataset) and outputs is not None:
        raise FitError(f"fit: outputs is {outputs!r}, but {data.name} says itself what each value measures.")


def _predictor(
    model: Model,
    observed: Dataset | RecordObservations,
    moved: Sequence[Coordinate],
    constants: Mapping[str, Any],
    solver: Solver,
) -> Predictor:
    if isinstance(observed, Dataset):
        return RegimenPredictor(model, observed, moved, constants, solver)
    return RecordPredictor(model, observed.data, moved, constants, solver, observed=observed)


def _meaning_of_sd(data: Dataset, sd_is: Any) -> Literal["known", "relative"]:
    if sd_is is not None and not (isinstance(sd_is, str) and sd_is in ("known", "relative")):
        raise FitError(f"fit: sd_is is {sd_is!r}; expected 'known' or 'relative'.")
    if data.sd_given:
        return "relative" if sd_is == "relative" else "known"
    if sd_is == "known":
        raise FitError(f"fit: sd_is is 'known', but {data.name} has no column 'sd'.")
    if len(data.outputs) > 1:
        raise FitError(
            f"fit: {data.name} observes {', '.join(data.outputs)} and has no column 'sd', "
            "so their errors cannot be weighed against each other. Add the column."
        )
    return "relative"


def _fit(search: Search, result: Any, meaning: Literal["known", "relative"]) -> Fit:
    objective, predictor = search.objective, search.objective.predictor
    x = search.point(result.params)
    predicted, jacobian = predictor(x[None])[0], objective.jacobian(x)
    residuals = (predicted - predictor.data.value) / predictor.data.sd
    bound = at_bound(predictor.coordinates, x, residuals, jacobian)
    known = uncertainty(
        predictor.coordinates, jacobian, scale=_variance(residuals, len(x), meaning), bound=bound,
        idle=objective.without_effect(jacobian, x),
        failure="" if result.success else str(result.message).rstrip("."),
    )  # fmt: skip
    return Fit(
        model=predictor.model,
        data=predictor.data,
        constants=predictor.constants,
        coordinates=tuple(predictor.coordinates),
        x=x,
        covariance_x=known.covariance,
        at_bound=bound,
        covariance_missing=known.missing,
        predicted=predicted,
        sd_is=meaning,
        evaluations=search.calls["residuals"],
        jacobians=search.calls["jacobians"],
        solves=predictor.solves.total(),
        failures_by_arm=predictor.failures,
        success=bool(result.success),
        message=str(result.message),
        solver=predictor.solver,
        lmfit_result=result,
        predictor=predictor,
    )


def _variance(residuals: Array, parameters: int, meaning: str) -> float:
    """The variance of a scaled residual; NaN where no residual is left to estimate it from."""
    freedom = len(residuals) - parameters
    if meaning == "known":
        return 1.0
    return float(residuals @ residuals) / freedom if freedom else np.nan
