"""A fit as a JSON file of our own schema, and back; a file holds values alone, nothing that could be run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, overload

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, PkpdError
from pkpd.fitting.curves import Curve
from pkpd.fitting.error_json import likelihood_as_json, likelihood_from_json, prior_as_json, prior_from_json
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.function_predictor import FunctionPredictor
from pkpd.fitting.likelihoods import Likelihood
from pkpd.fitting.mixed.fit_json import FORMAT as MIXED
from pkpd.fitting.mixed.fit_json import mixed_fit_from_json, write_mixed_fit
from pkpd.fitting.mixed.results import MixedFit
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.multistart import Starts
from pkpd.fitting.objective import Objective
from pkpd.fitting.observation_models import error_coordinates, likelihood_groups, with_further_rows
from pkpd.fitting.predictor import Predictor
from pkpd.fitting.priors import Priors, settled_prior
from pkpd.fitting.record_observations import RecordObservations, observed_values
from pkpd.fitting.record_predictor import RecordPredictor
from pkpd.fitting.regimen_predictor import RegimenPredictor
from pkpd.fitting.results import Fit, SdMeaning
from pkpd.fitting.saved_models import curve_from_json, model_as_json, model_from_json
from pkpd.fitting.solver_json import solver_as_json, solver_from_json
from pkpd.json_files import Fields, json_number, json_numbers, read_json, write_json
from pkpd.records.data_json import data_as_json, data_from_json, records_as_json, records_from_json
from pkpd.records.observations import Dataset
from pkpd.records.records import Records
from pkpd.symbolic.model import Model
from pkpd.version import __version__

__all__ = ["read_fit", "write_fit"]

FORMAT, SCHEMA = "pkpd fit", 1
SEARCH = ("covariance_missing", "log_likelihood", "evaluations", "jacobians", "solves", "success", "message")


def write_fit(fit: Fit | MixedFit, path: str | Path) -> Path:
    """Write a fit as JSON: estimates, covariance, data, regimens or records, error models, solver and messages.

    The model, or the function, is not in the file, but its name and its hash; see `read_fit`.  What is specific to
    lmfit (`Fit.lmfit_result`) is left out.  Of a mixed-effects fit the file holds the random effects too, and what its
    statement says, so that it is not read with another.

    Parameters
    ----------
    fit
        The result of `pkpd.fit`.
    path
        Its folder must exist.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    DataError
        If the fit has a part that a file cannot hold, which is named, or the file cannot be written.

    Examples
    --------
    ``pkpd.write_fit(fit, "fit.json")``; later ``pkpd.refit(pkpd.read_fit("fit.json"))`` goes on from the estimates.

    >>> import pkpd
    >>> from pkpd.fits import mc38_radiation
    >>> result = mc38_radiation.run()
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = pkpd.read_fit(write_fit(result, f"{folder}/fit.json"))
    >>> again.success
    True
    """
    if isinstance(fit, MixedFit):
        return write_mixed_fit(fit, path)
    if not isinstance(fit, Fit):
        raise DataError(f"write_fit() got {fit!r}; expected what fit() returns.")
    objective, records = fit.objective, _records_as_json(fit.predictor, len(fit.data))
    content: dict[str, Any] = {
        "format": FORMAT,
        "schema": SCHEMA,
        "pkpd": __version__,
        "model": model_as_json(fit.model),
        "function": isinstance(fit.model, Curve),
        "data": data_as_json(fit.data),
        "records": records,
        "constants": {name: _constant(name, value) for name, value in fit.constants.items()},
        "solver": solver_as_json(fit.solver),
        "likelihoods": {group.output: likelihood_as_json(group.likelihood) for group in objective.groups},
        "weights": json_numbers(objective.weights),
        "free": [_coordinate_as_json(c) for c in fit.predictor.coordinates],
        "labels": [c.label for c in fit.coordinates],
        "estimates": [json_number(float(c.natural(v))) for c, v in zip(fit.coordinates, fit.x, strict=True)],
        "x": json_numbers(fit.x),
        "covariance_x": json_numbers(fit.covariance_x),
        "at_bound": [bool(held) for held in fit.at_bound],
        "sd_is": fit.sd_is,
        "failures_by_arm": dict(fit.failures_by_arm),
        "starts": None if fit.starts is None else _starts_as_json(fit.starts),
    }
    content |= {name: json_numbers(getattr(fit, name)) for name in ("predicted", "standardized", "sd")}
    content |= {name: json_number(getattr(fit, name)) for name in SEARCH}
    return write_json(path, content)


@overload
def read_fit(path: str | Path, model: MixedEffects, *, data: Records | None = None) -> MixedFit: ...


@overload
def read_fit(
    path: str | Path, model: Model | Curve | Callable[..., Any] | None = None, *, data: Dataset | Records | None = None
) -> Fit: ...


def read_fit(path: str | Path, model: Any = None, *, data: Dataset | Records | None = None) -> Fit | MixedFit:
    """Read a fit that `write_fit` wrote; `pkpd.refit` continues it, ``pkpd.fit(..., start=)`` one of mixed effects.

    Parameters
    ----------
    path
        The file.
    model
        The model that was fitted.  One of the library need not be given, also with other defaults or in
        another unit of time; its hash must be that in the file.  A function that was fitted has to be given: files
        hold no code; and so has the `mixed_effects` model of a mixed-effects fit.
    data
        The observations that were fitted, where a regimen could not be written; a message says so.

    Returns
    -------
    Fit or MixedFit
        With the numbers of the file.  Nothing is integrated; `lmfit_result` is None.

    Raises
    ------
    DataError
        If the file is no fit, an entry is missing or of a wrong kind, `model` is needed or another
        than was fitted, or `data` are others.
    """
    fields = read_json(path)
    if str(fields.content.get("format")).startswith(MIXED):
        return mixed_fit_from_json(fields, model, data)
    if fields.content.get("format") != FORMAT:
        raise fields.wrong("format", f"{FORMAT!r}, which write_fit() writes")
    if fields.integer("schema") != SCHEMA:
        raise DataError(
            f"{fields.where} has the schema {fields.integer('schema')}, and pkpd {__version__} reads {SCHEMA}; it was "
            f"written by pkpd {fields.text('pkpd')}."
        )
    function = fields.content.get("function") is True
    fitted = model if function else model_from_json(fields.part("model"), model)
    try:
        fit = _fit(fields, _objective(fields, fitted, data, function=function))
        if function:
            _check_function(fields, fit)
        return fit
    except DataError:
        raise
    except PkpdError as error:  # of a file that was changed
        raise DataError(f"{fields.where} is no fit of {fields.part('model').text('name')}: {error}") from error


def _check_function(fields: Fields, fit: Fit) -> None:
    """Refuse a function of the same text that has other values, as one made by another call of a function has."""
    again = fit.objective.predictions(fit.x[None])[0]
    same = np.isclose(again, fit.predicted, rtol=1e-9, atol=1e-12 * np.abs(fit.predicted).max(), equal_nan=True)
    if not same.all():
        i = int(np.argmin(same))
        raise DataError(
            f"{fields.where}: the function {fit.model.name!r} predicts {again[i]:.6g} at time {fit.data.time[i]:g} of "
            f"arm {fit.data.arm[i]!r}, and the one that was fitted {fit.predicted[i]:.6g}."
        )


# ---- what was fitted


def _objective(fields: Fields, model: Any, replacement: Dataset | Records | None, *, function: bool) -> Objective:
    """As `fit` builds it, with every observation on the side of a dose that was written."""
    if not isinstance(replacement, Dataset | Records | None):
        raise DataError(f"read_fit() got {replacement!r} as the data; expected a Dataset or Records.")
    regimens = replacement if isinstance(replacement, Dataset) else None
    data = data_from_json(fields.part("data"), regimens)
    if regimens is not None:
        _check_same(fields.where, data, regimens)
    models = fields.part("likelihoods")
    chosen: dict[str, Likelihood] = {name: likelihood_from_json(models.part(name)) for name in models.content}
    if list(chosen) != list(data.outputs):
        raise models.wrong("likelihoods", f"one for each of {', '.join(data.outputs)}")
    moved = tuple(_coordinate(part) for part in fields.parts("free"))
    longer, places, source = with_further_rows(data, chosen)
    constants = {name: _read_constant(fields.part("constants"), name) for name in fields.part("constants").content}
    solver = solver_from_json(fields.part("solver"))
    records = fields.part_or_none("records")
    predictor: Predictor
    if function:
        curve = curve_from_json(fields.part("model"), model, data)
        predictor = FunctionPredictor(cast("Model", curve), longer, moved, constants, solver)
    elif records is None:
        predictor = RegimenPredictor(model, longer, moved, constants, solver)
    else:
        observed = _observed(records, data, replacement)
        observed = dataclasses.replace(observed, data=longer, rows=observed.rows[source])
        predictor = RecordPredictor(model, longer, moved, constants, solver, observed=observed)
    groups = likelihood_groups(data, chosen, places, len(moved))
    relative = fields.choice("sd_is", ("known", "relative", "modeled")) == "relative"
    errors = error_coordinates(model, chosen)
    return Objective(predictor, data, groups, errors, _priors(moved), relative, fields.numbers("weights"))


def _priors(moved: tuple[Coordinate, ...]) -> Priors:
    with_prior = {i: c for i, c in enumerate(moved) if c.prior is not None}
    return Priors({i: settled_prior(c.label, c.prior, float(c.natural(c.start))) for i, c in with_prior.items()})


def _check_same(where: str, written: Dataset, given: Dataset) -> None:
    """Refuse observations in the place of others."""
    here = {_row(given, i) for i in range(len(given))}
    for i in range(len(written)):
        if _row(written, i) not in here:
            raise DataError(
                f"{where}: data is not what was fitted: {written.output[i]!r} at time {written.time[i]:g} of arm "
                f"{written.arm[i]!r} was {written.value[i]:g}."
            )


def _row(data: Dataset, i: int) -> tuple[str, str, float, float]:
    return data.arm[i], data.output[i], float(data.time[i]), float(data.value[i])


def _records_as_json(predictor: Predictor, observations: int) -> dict[str, Any] | None:
    if isinstance(predictor, RecordPredictor):
        rows = predictor.observed.rows[:observations]
        return {**records_as_json(predictor.observed.records), "rows": json_numbers(rows)}
    if isinstance(predictor, RegimenPredictor | FunctionPredictor):
        return None
    raise DataError(
        f"write_fit: a fit by {type(predictor).__name__} is of no model under regimens or records, and of no function."
    )


def _observed(fields: Fields, data: Dataset, replacement: Any) -> RecordObservations:
    records = replacement if isinstance(replacement, Records) else records_from_json(fields)
    rows = fields.integers("rows")
    if len(rows) != len(data) or (rows < 0).any() or (rows >= len(records)).any():
        raise fields.wrong("rows", f"the rows of {len(data)} observations among {len(records)} records")
    values = np.array(observed_values(records, rows)[0], dtype=float)
    if not np.array_equal(values, data.value):
        row = int(rows[int(np.argmax(values != data.value))])
        raise DataError(f"{fields.where}: {records.place(row)} is not the observation that was fitted.")
    return RecordObservations(records, data, rows)


# ---- the parts


def _constant(name: str, value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, str):
        return {"text": plain}
    try:
        return float(plain)
    except (TypeError, ValueError):
        raise DataError(
            f"write_fit: the parameter {name!r} is held at {value!r}; a file holds numbers and texts."
        ) from None


def _read_constant(constants: Fields, name: str) -> float | str:
    if isinstance(constants.content[name], dict):
        return constants.part(name).text("text")
    return constants.number(name)


def _coordinate_as_json(c: Coordinate) -> dict[str, Any]:
    numbers = {name: json_number(getattr(c, name)) for name in ("start", "lower", "upper")}
    prior = None if c.prior is None else prior_as_json(c.label, c.prior)
    return {"parameter": c.parameter, "arm": c.arm, "unit": c.unit, "log": c.log, **numbers, "prior": prior}


def _coordinate(part: Fields) -> Coordinate:
    prior = part.part_or_none("prior")
    return Coordinate(
        part.text("parameter"),
        part.text_or_none("arm"),
        part.text("unit"),
        part.number("start"),
        part.number("lower"),
        part.number("upper"),
        part.flag("log"),
        None if prior is None else prior_from_json(prior),
    )


# ---- what was found


def _fit(fields: Fields, objective: Objective) -> Fit:
    k, n = len(objective.coordinates), len(objective.data)
    if fields.texts("labels") != tuple(c.label for c in objective.coordinates):
        raise fields.wrong("labels", f"the estimated numbers {', '.join(c.label for c in objective.coordinates)}")
    at_bound = np.array(fields.flags("at_bound"))
    if len(at_bound) != k:
        raise fields.wrong("at_bound", f"{k} flags")
    failures = fields.part("failures_by_arm")
    meaning: Any = fields.choice("sd_is", ("known", "relative", "modeled"))
    sd_is: SdMeaning = meaning
    return Fit(
        objective=objective,
        x=_finite(fields, "x", k),
        covariance_x=fields.numbers("covariance_x", k, k),
        at_bound=at_bound,
        covariance_missing=fields.text("covariance_missing"),
        predicted=fields.numbers("predicted", n),
        standardized=fields.numbers("standardized", n),
        sd=fields.numbers("sd", n),
        log_likelihood=fields.number("log_likelihood"),
        sd_is=sd_is,
        evaluations=fields.integer("evaluations"),
        jacobians=fields.integer("jacobians"),
        solves=fields.integer("solves"),
        failures_by_arm={arm: failures.integer(arm) for arm in failures.content},
        success=fields.flag("success"),
        message=fields.text("message"),
        lmfit_result=None,
        starts=_starts(fields.part_or_none("starts"), objective),
    )


def _starts_as_json(starts: Starts) -> dict[str, Any]:
    arrays = ("begin", "end", "log_posterior_begin", "log_posterior", "success", "evaluations")
    plain = {"messages": list(starts.messages), "seed": starts.seed, "interrupted": starts.interrupted}
    return {name: json_numbers(getattr(starts, name)) for name in arrays} | plain


def _starts(fields: Fields | None, objective: Objective) -> Starts | None:
    if fields is None:
        return None
    messages, k = fields.texts("messages"), len(objective.coordinates)
    n = len(messages)
    success, evaluations = np.array(fields.flags("success"), dtype=bool), fields.integers("evaluations")
    if len(success) != n or len(evaluations) != n:
        raise fields.wrong("success", f"{n} entries, one for each start, as many as evaluations")
    return Starts(
        coordinates=objective.coordinates,
        begin=fields.numbers("begin", n, k),
        end=fields.numbers("end", n, k),
        log_posterior_begin=fields.numbers("log_posterior_begin", n),
        log_posterior=fields.numbers("log_posterior", n),
        success=success,
        messages=messages,
        evaluations=evaluations,
        seed=fields.integer("seed"),
        interrupted=fields.flag("interrupted"),
    )


def _finite(fields: Fields, name: str, k: int) -> Array:
    x = fields.numbers(name, k)
    if not np.isfinite(x).all():
        raise fields.wrong(name, f"{k} finite numbers")
    return x
