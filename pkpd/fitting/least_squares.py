"""The verb: a model, observations and free parameters become a `Fit`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError
from pkpd.fitting.free_parameters import Coordinate, Free, coordinates
from pkpd.fitting.objective import Objective
from pkpd.fitting.predictions import Predictor
from pkpd.fitting.results import Fit
from pkpd.fitting.uncertainty import at_bound, uncertainty
from pkpd.records.observations import Dataset
from pkpd.symbolic.model import Model

__all__ = ["fit"]


TOLERANCES = {"ftol": 1e-10, "xtol": 1e-10, "gtol": 1e-10}


def fit(
    model: Model,
    data: Dataset,
    free: Mapping[str, Free] | Iterable[str],
    *,
    parameters: Mapping[str, Any] | None = None,
    sd_is: Literal["known", "relative"] | None = None,
    method: str = "auto",
    rtol: float = 1e-9,
    atol: float | Mapping[str, float] = 1e-12,
    max_steps: int = 100_000,
    max_evaluations: int = 1000,
) -> Fit:
    """Estimate parameters of a model, or of its regimens, by weighted least squares.

    Minimizes the sum of squares of ``(predicted - observed)/sd`` over all arms with lmfit
    (scipy's trust-region reflective algorithm).  The derivatives are central differences,
    for which all perturbed parameters of an arm are integrated as one ensemble.
    Predictions at the time of a dose are those before the dose.

    Parameters
    ----------
    model
        A closed model.
    data
        See `read_observations`.
    free
        What to estimate: ``{name: free(...)}``, or a list of names for those that start at
        the model's value within their declared bounds.
    parameters
        Other parameters to hold at values that differ from the model's, as for `simulate`.
    sd_is
        ``"known"``: the standard deviations of the data are those of the errors, and the
        covariance is not scaled.  ``"relative"``: they are weights, true up to one common
        factor that is estimated from the residuals.  By default known where the data have
        them, and relative (with equal weights) where they do not.
    method, rtol, atol, max_steps
        As for `simulate`; `rtol` must stay well below 1e-6 for the differences to be exact.
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
    """
    _check(model, data, rtol, max_evaluations)
    if not isinstance(parameters, Mapping | None):
        raise FitError(f"fit: parameters is {parameters!r}; expected {{name: value}}.")
    moved = coordinates(model, data, free)
    meaning = _meaning_of_sd(data, sd_is)
    if len(data) < len(moved):
        raise FitError(
            f"fit: {len(data)} observations cannot determine {len(moved)} free parameters "
            f"({', '.join(c.label for c in moved)})."
        )
    settings = {"method": method, "rtol": rtol, "atol": atol, "max_steps": max_steps}
    predictor = Predictor(model, data, moved, dict(parameters or {}), settings)
    objective = Objective(predictor)
    objective.first_residuals(np.array([c.start for c in moved]))
    calls, found = _minimize(objective, moved, meaning, max_evaluations)
    return _fit(objective, found, meaning, calls)


def _check(model: Any, data: Any, rtol: Any, max_evaluations: Any) -> None:
    if not isinstance(model, Model):
        raise FitError(f"fit: got {model!r} as the model; load one with pkpd.load(name).")
    if not isinstance(data, Dataset):
        raise FitError(f"fit: got a {type(data).__name__} as the data; read them with pkpd.read_observations(...).")
    if not isinstance(rtol, float) or not 0 < rtol <= 1e-6:
        raise FitError(f"fit: rtol is {rtol!r}; differences of predictions need 1e-6 or less.")
    if not isinstance(max_evaluations, int) or max_evaluations < 1:
        raise FitError(f"fit: max_evaluations is {max_evaluations!r}; expected a whole number of 1 or more.")


def _meaning_of_sd(data: Dataset, sd_is: Any) -> Literal["known", "relative"]:
    if sd_is not in (None, "known", "relative"):
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


def _minimize(objective: Objective, moved: Sequence[Coordinate], meaning: str, limit: int) -> tuple[Counter[str], Any]:
    """lmfit's result, and how often it asked for residuals and Jacobians."""
    import lmfit

    start = lmfit.Parameters()
    for i, c in enumerate(moved):  # names of our own: lmfit refuses or shadows some of a user's
        start.add(f"p_{i}", value=c.start, min=c.lower, max=c.upper)
    calls: Counter[str] = Counter()

    def point(values: Any) -> Array:
        return np.array([values[f"p_{i}"].value for i in range(len(moved))])

    def residuals(values: Any) -> Array:
        calls["residuals"] += 1
        return objective.residuals(point(values))

    def jacobian(values: Any) -> Array:
        calls["jacobians"] += 1
        return objective.jacobian(point(values))

    with np.errstate(all="ignore"):  # lmfit's own covariance of a singular problem; ours says why
        found = lmfit.minimize(
            residuals, start, method="least_squares", jac=jacobian, x_scale="jac",
            scale_covar=meaning == "relative", nan_policy="propagate", max_nfev=limit, **TOLERANCES,
        )  # fmt: skip
    return calls, found


def _fit(objective: Objective, found: Any, meaning: Literal["known", "relative"], calls: Counter[str]) -> Fit:
    predictor = objective.predictor
    moved = tuple(predictor.coordinates)
    x = np.array([found.params[f"p_{i}"].value for i in range(len(moved))])
    predicted, jacobian = predictor(x[None])[0], objective.jacobian(x)
    residuals = (predicted - predictor.data.value) / predictor.data.sd
    bound = at_bound(moved, x, residuals, jacobian)
    freedom = len(residuals) - len(moved)
    variance = 1.0 if meaning == "known" else float(residuals @ residuals) / freedom if freedom else np.nan
    known = uncertainty(
        moved, jacobian, scale=variance, bound=bound, idle=objective.without_effect(jacobian, x),
        failure="" if found.success else str(found.message).rstrip("."),
    )  # fmt: skip
    return Fit(
        model=predictor.model,
        data=predictor.data,
        constants=predictor.constants,
        coordinates=moved,
        x=x,
        covariance_x=known.covariance,
        at_bound=bound,
        covariance_missing=known.missing,
        predicted=predicted,
        sd_is=meaning,
        evaluations=calls["residuals"],
        jacobians=calls["jacobians"],
        solves=predictor.solves.total(),
        failures_by_arm=predictor.failures,
        success=bool(found.success),
        message=str(found.message),
        settings=predictor.settings,
        lmfit_result=found,
    )
