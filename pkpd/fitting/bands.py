"""Bands about the curves of a fit: how well the curve is known, and where an observation to come would lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.ensembles.streams import check_seed
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.bootstrap import Bootstrap
from pkpd.fitting.draws import Draws, parameter_draws
from pkpd.fitting.likelihoods import KnownSd, NormalError
from pkpd.fitting.posterior import Posterior
from pkpd.fitting.predictor import Predictor
from pkpd.fitting.record_observations import RecordObservations
from pkpd.fitting.record_predictor import RecordPredictor
from pkpd.fitting.results import Fit
from pkpd.fitting.thresholds import check_confidence
from pkpd.measures.residual_error import ResidualError, additive_error
from pkpd.records.observations import Dataset

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["bands"]

LIMITS = ("low", "median", "high")


def bands(
    source: Fit | Bootstrap | Posterior,
    times: Any,
    *,
    kind: Literal["confidence", "prediction"] = "confidence",
    confidence: float = 0.95,
    outputs: str | Iterable[str] | None = None,
    draws: int = 1024,
    seed: int = 0,
) -> xr.Dataset:
    """Bands about the curves of every arm, from draws of the parameters, all as one ensemble.

    Parameters
    ----------
    source
        What tells how well the parameters are known: a fit by its covariance (draws are normal
        on the scale of the search, or Student's t where the size of errors is estimated), a
        bootstrap by its replicates, a posterior by its draws.
    times
        In the model's unit of time, as for `Fit.predict`: increasing.
    kind
        ``"confidence"``: of the curve.  ``"prediction"``: of an observation to come, by the error
        model of its output.
    confidence
        The probability between the limits, at each time by itself.
    outputs
        States or outputs of the model; those that were observed by default.
    draws
        How many, at most; by the covariance rounded up to a power of two.
    seed
        A whole number.

    Returns
    -------
    xarray.Dataset
        A variable for each output with the dimensions ``limit`` (low, median, high), ``arm`` and
        ``time``; ``failed``, by arm, counts draws that could not be solved, which no limit counts.
        An arm whose subjects have covariates has their mean.

    Raises
    ------
    FitError
        If the fit has no covariance, a number is out of range, a time is before the model starts, or an
        output has no error model for a prediction.
    UnknownNameError
        If the model has no such output.

    Examples
    --------
    >>> import numpy as np, pandas as pd, pkpd
    >>> t = np.array([1.0, 2.0, 5.0, 10.0])
    >>> table = pd.DataFrame({"arm": "a", "time": t, "output": "C", "value": [9.2, 8.1, 6.1, 3.6], "sd": 0.2})
    >>> data = pkpd.read_observations(table, {"a": pkpd.bolus(100, "iv")})
    >>> result = pkpd.fit(pkpd.load("pk_1cmt"), data, {"CL": pkpd.free(0.5, log=True), "V": pkpd.free(8, log=True)})
    >>> pkpd.bands(result, [0.0, 5.0, 20.0])["C"].sizes["time"]
    3
    """
    if kind not in ("confidence", "prediction"):
        raise FitError(f"bands: kind is {kind!r}; expected 'confidence' or 'prediction'.")
    if not isinstance(draws, int | np.integer) or isinstance(draws, bool) or draws < 16:
        raise FitError(f"bands: draws is {draws!r}; expected a whole number of 16 or more.")
    check_confidence(confidence)
    check_seed(seed)
    drawn = parameter_draws(source, int(draws), seed)
    names, wanted = _outputs(drawn.fit, outputs), drawn.fit.predictor.course(times)
    errors = {name: _error(drawn.fit, name) for name in names} if kind == "prediction" else {}
    curves = _curves(drawn.fit.predictor, drawn.x[:, : len(drawn.fit.predictor.coordinates)], wanted, names)
    failed: Mask = np.asarray(~np.isfinite(curves).any(axis=(2, 3)))
    if errors:
        curves = _observed(curves, drawn, names, errors)
    tails = [(1 - confidence) / 2, 0.5, (1 + confidence) / 2]
    return _labelled(drawn.fit, names, wanted, _quantiles(curves, tails), failed, kind, confidence)


def _outputs(fit: Fit, outputs: Any) -> list[str]:
    known = [*(s.name for s in fit.model.states), *fit.model.outputs]
    names = fit.data.outputs if outputs is None else [outputs] if isinstance(outputs, str) else outputs
    for name in names:
        if name not in known:
            raise unknown_name(fit.model.name, "state or output", str(name), known)
    return list(names)


# ---- curves


def _curves(predictor: Predictor, points: Array, times: Array, names: Sequence[str]) -> Array:
    """(arms, points, outputs, times), NaN where a trajectory failed."""
    if isinstance(predictor, RecordPredictor):
        return np.stack([_of_subject(predictor, arm, points, times, names) for arm in predictor.data.arms])
    arms, shape = predictor.data.arms, (len(predictor.data.arms), len(names), len(times))
    grid = _grid(predictor.data, arms, times, names)
    first = _grid(predictor.data, arms[:1], np.array([predictor.data.start]), names[:1])  # the model starts there
    values = dataclasses.replace(predictor, data=_joined(grid, first))(points)[:, :-1]
    return np.moveaxis(values.reshape(len(points), *shape), 0, 1)


def _of_subject(predictor: RecordPredictor, arm: str, points: Array, times: Array, names: Sequence[str]) -> Array:
    """(points, outputs, times) of one subject of a table; NaN before the first record."""
    records, rows = predictor.with_times(arm, times)
    seen = rows >= 0
    values = np.full((len(points), len(names), len(times)), np.nan)
    if seen.any():
        own = [i for i, c in enumerate(predictor.coordinates) if c.arm in (None, arm)]
        data = _grid(predictor.data, [arm], times[seen], names)
        alone = dataclasses.replace(
            predictor,
            data=data,
            coordinates=[predictor.coordinates[i] for i in own],
            observed=RecordObservations(records, data, np.tile(rows[seen], len(names))),
        )
        values[:, :, seen] = alone(points[:, own]).reshape(len(points), len(names), -1)
    return values


def _grid(data: Dataset, arms: Sequence[str], times: Array, names: Sequence[str]) -> Dataset:
    """A place for a value of each output at each time in each arm; covariates are their means."""
    each = len(names) * len(times)
    n = len(arms) * each
    columns = {k: np.repeat([np.mean(v[data.rows(arm)]) for arm in arms], each) for k, v in data.columns.items()}
    return Dataset(
        arm=tuple(np.repeat(np.array(arms, dtype=object), each).tolist()),
        time=np.tile(times, len(arms) * len(names)),
        output=tuple(np.tile(np.repeat(np.array(names, dtype=object), len(times)), len(arms)).tolist()),
        value=np.zeros(n),
        sd=np.ones(n),
        regimens={arm: data.regimens[arm] for arm in arms},
        name=data.name,
        columns=columns,
    )


def _joined(grid: Dataset, last: Dataset) -> Dataset:
    """The places of both."""
    return dataclasses.replace(
        grid,
        arm=grid.arm + last.arm,
        output=grid.output + last.output,
        at_dose=grid.at_dose + last.at_dose,
        time=np.concatenate([grid.time, last.time]),
        value=np.concatenate([grid.value, last.value]),
        sd=np.concatenate([grid.sd, last.sd]),
        censored=np.concatenate([grid.censored, last.censored]),
        columns={name: np.concatenate([column, last.columns[name]]) for name, column in grid.columns.items()},
    )


# ---- observations


def _error(fit: Fit, name: str) -> tuple[ResidualError, Sequence[str], Sequence[int]]:
    """The error model of an output, and the coordinates of its numbers."""
    group = next((g for g in fit.objective.groups if g.output == name), None)
    if group is not None and isinstance(group.likelihood, NormalError):
        return group.likelihood.error, list(group.likelihood.numbers), group.numbers.tolist()
    if group is not None and isinstance(group.likelihood, KnownSd) and not fit.data.sd_given:
        return additive_error(1.0), [], []
    cure = f"fit with error={{{name!r}: ...}}, or ask for kind='confidence'"
    if group is None:
        why = "was not observed"
    elif isinstance(group.likelihood, KnownSd):
        why = "has an error that is known at the times of the data only"
    else:
        why, cure = f"is observed by counts or event times ({group.likelihood})", "ask for kind='confidence'"
    raise FitError(f"bands: {name!r} {why}, so that an observation to come cannot be predicted; {cure}.")


def _observed(curves: Array, drawn: Draws, names: Sequence[str], errors: Any) -> Array:
    """Curves with an error each, the same number of standard deviations at all times of a draw."""
    observed = np.array(curves)
    for j, name in enumerate(names):
        error, numbers, positions = errors[name]
        for i, x in enumerate(drawn.x):
            values = {n: float(drawn.fit.coordinates[p].natural(x[p])) for n, p in zip(numbers, positions, strict=True)}
            scores = np.full(curves[:, i, j].shape, drawn.scores[i] * drawn.sigma[i])
            observed[:, i, j] = error.with_numbers(values).observed(curves[:, i, j], scores)
    return observed


# ---- labels


def _quantiles(curves: Array, tails: Sequence[float]) -> Array:
    """(limits, arms, outputs, times) over the draws that could be solved; NaN where none could."""
    limits = np.full((len(tails), curves.shape[0], *curves.shape[2:]), np.nan)
    for arm, values in enumerate(curves):
        seen: Mask = np.isfinite(values).any(axis=0)
        limits[:, arm][:, seen] = np.nanquantile(values[:, seen], tails, axis=0)
    return limits


def _labelled(
    fit: Fit, names: Sequence[str], times: Array, limits: Array, failed: Mask, kind: str, confidence: float
) -> xr.Dataset:
    import xarray as xr

    variables: dict[str, Any] = {
        name: (
            ("limit", "arm", "time"),
            limits[:, :, j],
            {"units": fit.model.units[name], "long_name": fit.model.meaning(name)},
        )
        for j, name in enumerate(names)
    }
    variables["failed"] = ("arm", failed.sum(axis=1))
    return xr.Dataset(
        variables,
        {
            "limit": list(LIMITS),
            "arm": np.array(fit.data.arms),
            "time": ("time", times, {"units": fit.model.time, "long_name": "time"}),
        },
        {"kind": kind, "confidence": confidence, "draws": int(failed.shape[1])},
    )
