"""The verb: a model, observations and free parameters become a `Fit`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, cast, overload

import numpy as np

from pkpd.ensembles.streams import check_seed
from pkpd.errors import FitError
from pkpd.fitting.curves import Curve, as_curve, in_units_of
from pkpd.fitting.free_parameters import Coordinate, Free, coordinates
from pkpd.fitting.function_predictor import FunctionPredictor
from pkpd.fitting.likelihoods import BlqMethod
from pkpd.fitting.mixed.covariance import CovarianceKind
from pkpd.fitting.mixed.estimation import fit_mixed_effects
from pkpd.fitting.mixed.progress import Told
from pkpd.fitting.mixed.results import Estimator, MixedFit
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.multistart import check_starts, multistart
from pkpd.fitting.objective import Objective
from pkpd.fitting.observation_models import (
    blq_method,
    error_coordinates,
    likelihood_groups,
    likelihoods,
    with_further_rows,
)
from pkpd.fitting.optimum import fit_of
from pkpd.fitting.outcomes import Binomial, EventTime, Poisson
from pkpd.fitting.predictor import Predictor
from pkpd.fitting.priors import Priors, settled_prior, within_support
from pkpd.fitting.record_observations import RecordObservations, record_observations, require_risk
from pkpd.fitting.record_predictor import RecordPredictor
from pkpd.fitting.regimen_predictor import RegimenPredictor
from pkpd.fitting.results import Fit, SdMeaning
from pkpd.fitting.search import minimize
from pkpd.fitting.start_checks import check_start
from pkpd.fitting.tied import with_tied_parameters
from pkpd.fitting.usable_data import check_side, measured, with_sides
from pkpd.measures.residual_error import ResidualError
from pkpd.prepared.solver import Solver
from pkpd.records.observations import Dataset, Side
from pkpd.records.records import Records
from pkpd.solvers.problem import Progress
from pkpd.symbolic.model import Model

__all__ = ["fit"]


SOLVER = Solver(rtol=1e-9)

ErrorModels = ResidualError | Binomial | Poisson | EventTime


@overload
def fit(
    model: MixedEffects,
    data: Records,
    *,
    method: Estimator | None = None,
    outputs: str | Mapping[Any, str] | None = None,
    blq: BlqMethod | None = None,
    solver: Solver | None = None,
    start: MixedFit | Mapping[str, float] | None = None,
    starts: int = 1,
    seed: int = 0,
    covariance: CovarianceKind | None = "R",
    progress: Told = None,
    **sampling: Any,
) -> MixedFit: ...


@overload
def fit(
    model: Model | Curve | Callable[..., Any],
    data: Dataset | Records,
    free: Mapping[str, Free] | Iterable[str],
    *,
    error: ErrorModels | Mapping[str, ErrorModels] | None = None,
    blq: BlqMethod | None = None,
    outputs: str | Mapping[Any, str] | None = None,
    at_dose: Side | None = None,
    parameters: Mapping[str, Any] | None = None,
    sd_is: Literal["known", "relative"] | None = None,
    solver: Solver | None = None,
    method: str | None = None,
    rtol: float | None = None,
    atol: float | Mapping[str, float] | None = None,
    max_steps: int | None = None,
    optimizer: str | None = None,
    starts: int = 1,
    seed: int = 0,
    max_evaluations: int = 1000,
    progress: Progress | None = None,
) -> Fit: ...


def fit(
    model: Any,
    data: Any,
    free: Any = None,
    *,
    error: Any = None,
    blq: BlqMethod | None = None,
    outputs: str | Mapping[Any, str] | None = None,
    at_dose: Side | None = None,
    parameters: Mapping[str, Any] | None = None,
    sd_is: Literal["known", "relative"] | None = None,
    solver: Solver | None = None,
    method: str | None = None,
    rtol: float | None = None,
    atol: float | Mapping[str, float] | None = None,
    max_steps: int | None = None,
    optimizer: str | None = None,
    start: Any = None,
    starts: int = 1,
    seed: int = 0,
    covariance: CovarianceKind | None = "R",
    max_evaluations: int = 1000,
    progress: Any = None,
    **sampling: Any,
) -> Fit | MixedFit:
    """Estimate parameters of a model, or of its regimens: by maximum likelihood, or by weighted least squares.

    With `error` the log-likelihood of the observations is maximized, the numbers of the error
    models among what is estimated; with priors, its sum with their log-densities (MAP).
    Without `error` the sum of squares of ``(predicted - observed)/sd`` over all arms is
    minimized, which is the likelihood of normal errors with known standard deviations.  The
    derivatives are exact, integrated with the model; all arms, subjects and covariates are one
    ensemble.

    Of a `mixed_effects` model the population parameters are estimated: typical values, variances
    of random effects, numbers of error models.

    Parameters
    ----------
    model
        A closed model; a `mixed_effects` model; or a plain function ``f(time, b1, b2, ...)``, named
        or not by `pkpd.curve`, of the times of observations in arms without doses.
    data
        From `read_observations`; or from `read_nonmem`, an arm each subject: its records
        dose it as in `predict`, and its rows with EVID 0 and MDV 0 are the observations,
        before or after a dose of the same time as their order says.  A column ``sd`` is the
        standard deviation of DV.  Where CENS is 1 the limit is LLOQ, or DV if that is more or LLOQ is
        missing; where no row is flagged, a DV below LLOQ is below the limit.
    free
        What to estimate: ``{name: free(...)}``, or a list of names for those that start at
        the model's value within their declared bounds.  A mixed-effects model says it itself.
    error
        How observations of an output differ from its predictions: ``{output: error model}``, or
        one error model where one output is observed.  Error models are `additive_error`,
        `proportional_error`, `combined_error`, `power_error` and `lognormal_error`, whose numbers
        are where their estimates start (``.fixed()`` holds them), `binomial_error`,
        `poisson_error` and `event_time`.  An output without one has the standard deviations of
        the data.
    blq
        What to do with observations flagged as beyond a limit: ``"M1"`` leaves them out, with a
        warning that counts them (the default without `error`); ``"M3"`` takes the chance to be
        beyond the limit (the default with `error`); ``"M4"`` the same given that observations
        are positive.
    outputs
        For records, what DV measures: the name of a state or output, or ``{DVID: name}``
        (rows of other DVID are left out); the model's only output by default.
    at_dose
        For observations at the time of a dose of which the data do not say it, whether they
        are ``"before"`` it or ``"after"``.  Where nobody says, and it matters, a warning names
        arm and time and what was assumed: before, but after where the model has exactly 0
        before the dose and a value was measured.
    parameters
        Other parameters to hold at values that differ from the model's, as for `simulate`; or
        to tie: ``{"CLm": 0.5*model["CL"]}``, an expression of the model's own symbols, and of new
        ones by `pkpd.param`, which may then be free.
    sd_is
        ``"known"``: the standard deviations of the data are those of the errors, and the
        covariance is not scaled.  ``"relative"``: they are weights, true up to one common
        factor that is estimated from the residuals.  By default known where the data have
        them, and relative (with equal weights) where they do not.
    solver
        How to integrate; ``Solver(rtol=1e-9)`` by default.  `rtol` must be 1e-6 or less.
    method, rtol, atol, max_steps
        The options of `pkpd.Solver` one by one; they take precedence over those of `solver`.  Of a
        mixed-effects model `method` is the estimator: ``"focei"`` (the default), ``"foce"``,
        ``"fo"``, ``"laplace"``, ``"saem"`` or ``"importance"``.
    optimizer
        Which minimizer: a method of lmfit by its name, or ``"trust-constr"`` of scipy.
        ``"differential_evolution"`` integrates each generation as one ensemble, between the bounds or, where
        there are none, in the range of `starts`; the default takes its best point to the end.  By
        default lmfit's ``"least_squares"`` for sums of squares, ``"trust-constr"`` with the
        expected information as its Hessian for other likelihoods.
    start
        Of a mixed-effects model: values by label to begin with, or an earlier `MixedFit`, such as
        one that Ctrl-C ended.
    starts
        How many searches; the first begins at the starts of `free`, the others at those of a
        Latin hypercube over the bounds, or where there are none over 0.1 to 10 times the start on
        a log scale, and twice its size either way otherwise.  All are one ensemble; the best end is
        the fit, and ``Fit.starts`` tells of them all.  Of a mixed-effects model the others have every number
        off by the factor ``spread=`` (3 by default), up or down, one search after another.
    seed
        Of the hypercube, and of an optimizer that draws random numbers.
    covariance
        Of a mixed-effects model: where standard errors come from, the Hessian ``"R"``, the squared
        gradients ``"S"`` or the ``"sandwich"`` of both; None for none.
    max_evaluations
        A search ends without success after so many evaluations.
    progress
        Called with the number of searches done and `starts`; of one search with the evaluations done and
        `max_evaluations`.  Ctrl-C ends the search, and the best point so far is the fit.  Of a
        mixed-effects model True for a line on the terminal, or a function that is called with
        the iteration, the objective and the estimates by label.
    sampling
        Of a mixed-effects model: `restarts`, from how many draws the modes of each subject are
        also sought (8); `iterations`, the most of a search (200); `phases`, the iterations of SAEM
        before and after its gain falls (200, 150); `chains`; `samples`, the points of importance
        sampling for each subject (1024).

    Returns
    -------
    Fit, MixedFit
        Estimates, covariance, residuals, `report()`, `predict(times)`.

    Raises
    ------
    UnknownNameError
        If the model has no such parameter, or not the output that was observed.
    FitError
        If a start is outside its bounds, a log scale meets a bound below 0, there are fewer
        observations than free parameters, the model cannot be solved at the start, or an
        observation is impossible under its error model.

    References
    ----------
    Beal SL. Ways to fit a PK model with some data below the quantification limit.
    J Pharmacokinet Pharmacodyn 28:481-504 (2001), for M1, M3 and M4.

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
    if isinstance(model, MixedEffects):
        stated = {
            "free": free, "error": error, "at_dose": at_dose, "parameters": parameters, "sd_is": sd_is, "rtol": rtol,
            "atol": atol, "max_steps": max_steps, "optimizer": optimizer,
        }  # fmt: skip
        return fit_mixed_effects(
            model, data, stated, method=method, outputs=outputs, blq=blq, solver=solver, start=start, starts=starts,
            seed=seed, covariance=covariance, progress=progress, **sampling,
        )  # fmt: skip
    if sampling or start is not None:
        name = "start" if start is not None else next(iter(sampling))
        raise FitError(f"fit: {name}= is for mixed_effects() models, and the model is {model!r}.")
    if not isinstance(solver, Solver | None):
        raise FitError(f"fit: solver is {solver!r}; expected pkpd.Solver(...).")
    options = (solver or SOLVER).but(method=method, rtol=rtol, atol=atol, max_steps=max_steps)
    _check(model, data, parameters, outputs, at_dose, options.rtol, max_evaluations)
    if isinstance(model, Model):
        data = data.in_units(model.units) if isinstance(data, Dataset) else data
        model, held = with_tied_parameters(model, dict(parameters or {}), free)
    else:  # a curve has what a fit asks of a model
        named = as_curve(model, data)
        model, held, data = cast("Model", named), dict(parameters or {}), in_units_of(named, data)
    observed = record_observations(model, data, outputs) if isinstance(data, Records) else data
    whole = observed.data if isinstance(observed, RecordObservations) else observed
    beyond = blq_method(blq, error)
    meaning = _meaning_of_sd(whole, sd_is, error, beyond)
    known = observed.take(measured(whole)) if beyond == "M1" else observed
    objective = _objective(model, known, free, error, beyond, held, options, at_dose, relative=meaning == "relative")
    if len(objective.data) < len(objective.coordinates):
        raise FitError(
            f"fit: {len(objective.data)} observations cannot determine {len(objective.coordinates)} free parameters "
            f"({', '.join(c.label for c in objective.coordinates)})."
        )
    check_start(objective, objective.start)
    check_starts(starts)
    check_seed(seed)
    ends = None
    if starts != 1:
        ends = multistart(objective, starts, seed, optimizer=optimizer, limit=max_evaluations, progress=progress)
    optimum = minimize(
        objective, None if ends is None else ends.end[ends.best], optimizer=optimizer, limit=max_evaluations,
        scale_covariance=meaning == "relative", seed=seed, progress=progress if ends is None else None,
    )  # fmt: skip
    return fit_of(objective, optimum, meaning, ends)


def _objective(
    model: Model,
    known: Dataset | RecordObservations,
    free: Any,
    error: Any,
    blq: BlqMethod,
    held: Mapping[str, Any],
    options: Solver,
    at_dose: Side | None,
    *,
    relative: bool,
) -> Objective:
    """What is maximized, with every observation on one side of a dose."""
    data = known if isinstance(known, Dataset) else known.data
    moved = tuple(within_support(c) for c in coordinates(model, data, free))
    chosen = likelihoods(data, error, blq)
    if isinstance(known, RecordObservations):
        require_risk(known, chosen)
    longer, places, source = with_further_rows(data, chosen)
    asked = longer if isinstance(known, Dataset) else dataclasses.replace(known, data=longer, rows=known.rows[source])
    predictor = _predictor(model, asked, moved, held, options)
    if isinstance(predictor, RegimenPredictor):
        predictor = dataclasses.replace(
            predictor, data=with_sides(predictor, np.array([c.start for c in moved]), at_dose)
        )
    own = predictor.data.take(np.arange(len(longer)) < len(data))
    errors = error_coordinates(model, chosen)
    groups = likelihood_groups(own, chosen, places, len(moved))
    return Objective(predictor, own, groups, errors, _priors(moved), relative)


def _priors(moved: Sequence[Coordinate]) -> Priors:
    return Priors(
        {
            i: settled_prior(c.label, c.prior, float(c.natural(c.start)))
            for i, c in enumerate(moved)
            if c.prior is not None
        }
    )


def _check(model: Any, data: Any, parameters: Any, outputs: Any, at_dose: Any, rtol: Any, max_evaluations: Any) -> None:
    if not (isinstance(model, Model) or callable(model)):
        raise FitError(
            f"fit: got {model!r} as the model; load one with pkpd.load(name), or give a function f(time, b1, b2, ...)."
        )
    if not isinstance(data, Dataset | Records):
        raise FitError(
            f"fit: got a {type(data).__name__} as the data; read them with pkpd.read_observations(...) "
            "or pkpd.read_nonmem(...)."
        )
    if not isinstance(parameters, Mapping | None):
        raise FitError(f"fit: parameters is {parameters!r}; expected {{name: value}}.")
    if not isinstance(rtol, float) or not 0 < rtol <= 1e-6:
        raise FitError(f"fit: rtol is {rtol!r}; the derivatives of a fit need 1e-6 or less.")
    if not isinstance(max_evaluations, int) or isinstance(max_evaluations, bool) or max_evaluations < 1:
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
        if isinstance(model, Curve):
            return FunctionPredictor(model, observed, moved, constants, solver)
        return RegimenPredictor(model, observed, moved, constants, solver)
    return RecordPredictor(model, observed.data, moved, constants, solver, observed=observed)


def _meaning_of_sd(data: Dataset, sd_is: Any, error: Any, blq: BlqMethod) -> SdMeaning:
    if error is not None:
        if sd_is is not None:
            raise FitError(f"fit: sd_is is {sd_is!r}, but error= says how large the errors are.")
        return "modeled"
    if sd_is is not None and not (isinstance(sd_is, str) and sd_is in ("known", "relative")):
        raise FitError(f"fit: sd_is is {sd_is!r}; expected 'known' or 'relative'.")
    if blq != "M1" and data.censored.any() and (sd_is == "relative" or not data.sd_given):
        raise FitError(
            f"fit: blq is {blq!r}, which needs to know how large the errors are; give error=, such as "
            f"error={{{data.outputs[0]!r}: pkpd.additive_error(1)}}."
        )
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
