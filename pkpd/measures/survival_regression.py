"""Cox's regression, by statsmodels."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import DataError, MissingExtraError
from pkpd.measures.failed_members import Failed
from pkpd.measures.hazard_ratios import Ties, checked_ties
from pkpd.measures.stored_times import real_numbers
from pkpd.measures.survival_times import checked_confidence, checked_events, checked_times, grouped, kept_rows, rows_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["cox"]

_FLAT = 100.0  # a standard error for a covariate of spread 1 beyond which the likelihood has no maximum


def cox(
    time: Any,
    event: Any,
    covariates: Mapping[str, Any],
    *,
    ties: Ties = "efron",
    strata: Any = None,
    confidence: float = 0.95,
    failed: Failed = "raise",
) -> xr.Dataset:
    """Cox's proportional-hazards regression: a hazard ratio for a unit of each covariate.

    Parameters
    ----------
    time, event
        (patients,): as for `kaplan_meier`.
    covariates
        By name a number for each patient, (patients,), in a mapping or the columns of a table;
        an arm is ``{"durvalumab": table["arm"] == "durvalumab"}``.
    ties
        How events at one time are treated: ``"efron"`` or ``"breslow"``.
    strata
        (patients,): a label for each; each stratum has a baseline hazard of its own.
    confidence
        Coverage of the intervals, which are symmetric in the logarithm (Wald).
    failed
        What to do about rows without a time, an event or a covariate: ``"raise"``, or
        ``"exclude"`` them.

    Returns
    -------
    xarray.Dataset
        Over ``term``: ``hazard_ratio``, ``lower``, ``upper``, ``log_hazard_ratio``,
        ``std_error``, ``p_value``; ``covariance`` over ``term`` and ``other``;
        ``log_likelihood`` and ``log_likelihood_null``, of the model and of none.

    Raises
    ------
    MissingExtraError
        If statsmodels is not installed; the extra ``survival`` brings it.
    DataError
        If arguments do not fit one another, a covariate is constant or follows from others, or
        the likelihood rises without end (no events at one value of a covariate).

    References
    ----------
    Cox DR. J R Stat Soc B 34:187-220 (1972).  Efron B. J Am Stat Assoc 72:557-565 (1977).
    Breslow N. Biometrics 30:89-99 (1974).

    Examples
    --------
    >>> import pkpd
    >>> fit = pkpd.cox([5, 8, 12, 3, 4, 9], [1, 1, 0, 1, 1, 1], {"treated": [1, 1, 1, 0, 0, 0]})
    >>> fit["hazard_ratio"].sel(term="treated").round(4).item()
    0.4229
    """
    if not hasattr(covariates, "items") or not len(covariates.keys()):
        raise DataError(f"cox: covariates is {covariates!r}; expected {{name: a number for each patient}}.")
    names = list(map(str, covariates.keys()))
    time, event, strata, *columns = rows_of("cox", time, event, strata, *(of for _, of in covariates.items()))
    times = checked_times("cox", time)
    happened, known = checked_events("cox", event, len(times))
    X = _columns(names, columns, len(times))
    rows = kept_rows("cox", known & ~np.isnan(times) & ~np.isnan(X).any(axis=1), failed)
    stratum = None if strata is None else grouped("cox", "strata", strata, len(times))[1][rows]
    ties, confidence = checked_ties("cox", ties), checked_confidence("cox", confidence)
    _check_covariates(names, X[rows], happened[rows])
    center, spread = X[rows].mean(axis=0), X[rows].std(axis=0)
    numbers = _fitted(times[rows], happened[rows], (X[rows] - center) / spread, stratum, ties)
    _check_maximum(names, numbers)
    return _labelled(names, numbers, spread, {"confidence": confidence, "ties": ties, "excluded": int((~rows).sum())})


def _columns(names: list[str], columns: list[Any], n: int) -> Array:
    """The covariates as numbers, (patients, covariates)."""
    arrays = []
    for name, values in zip(names, columns, strict=True):
        numbers = real_numbers(values)
        if numbers is None or numbers.shape != (n,):
            raise DataError(
                f"cox: the covariate {name!r} is {values!r}; expected a number for each of the {n} patients, such as "
                "table['arm'] == 'durvalumab' for an arm."
            )
        arrays.append(numbers)
    return np.stack(arrays, axis=1)


def _check_covariates(names: list[str], X: Array, event: Mask) -> None:
    if not event.any():
        raise DataError(f"cox: none of the {len(event)} times is that of an event.")
    for name, column in zip(names, X.T, strict=True):
        if not np.isfinite(column).all():
            raise DataError(f"cox: the covariate {name!r} is infinite in row {int(np.argmin(np.isfinite(column)))}.")
        if np.ptp(column) == 0:
            raise DataError(f"cox: the covariate {name!r} is {column[0]:g} for all; leave it out.")
    rank = int(np.linalg.matrix_rank((X - X.mean(axis=0)) / X.std(axis=0)))
    if rank < len(names):
        raise DataError(f"cox: of the covariates {', '.join(names)} only {rank} are independent; leave some out.")


def _fitted(time: Array, event: Mask, X: Array, stratum: Any, ties: Ties) -> tuple[Array, Array, float, float]:
    """Coefficients, their covariance, and the log-likelihood there and at 0."""
    try:
        from statsmodels.duration.hazard_regression import PHReg
    except ImportError as error:
        raise MissingExtraError(
            "cox() needs statsmodels, which is not installed; pip install 'pkpd[survival]' brings it. "
            "hazard_ratio() compares two arms without it."
        ) from error
    model = PHReg(time, X, status=event.astype(float), strata=stratum, ties=ties)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a search without a maximum is refused by its caller
        estimates = np.asarray(model.fit().params)
    with np.errstate(all="ignore"):
        covariance = np.linalg.pinv(-model.hessian(estimates))
    return estimates, covariance, float(model.loglike(estimates)), float(model.loglike(np.zeros(X.shape[1])))


def _check_maximum(names: list[str], numbers: tuple[Array, Array, float, float]) -> None:
    estimates, covariance, reached, _ = numbers
    errors = np.sqrt(np.abs(np.diag(covariance)))
    wrong = ~np.isfinite(estimates) | ~(errors < _FLAT) | (errors < 1e-12)
    if wrong.any() or not np.isfinite(reached):
        name = names[int(np.argmax(wrong))]
        raise DataError(
            f"cox: the likelihood rises without end in {name!r}, which happens where one of its values has no events; "
            "the hazard ratio is 0 or infinite."
        )


def _labelled(
    names: list[str], numbers: tuple[Array, Array, float, float], spread: Array, about: dict[str, Any]
) -> xr.Dataset:
    import xarray as xr
    from scipy.special import ndtr, ndtri

    scaled, covariance, reached, null = numbers
    estimates, covariance = scaled / spread, covariance / np.outer(spread, spread)
    errors = np.sqrt(np.diag(covariance))
    z = ndtri((1 + about["confidence"]) / 2)
    columns = {
        "hazard_ratio": (np.exp(estimates), "hazard ratio"),
        "lower": (np.exp(estimates - z * errors), "lower confidence limit"),
        "upper": (np.exp(estimates + z * errors), "upper confidence limit"),
        "log_hazard_ratio": (estimates, "log hazard ratio"),
        "std_error": (errors, "standard error of the log hazard ratio"),
        "p_value": (2 * ndtr(-np.abs(estimates / errors)), "p, two-sided (Wald)"),
    }
    variables: dict[str, Any] = {
        name: ("term", values, {"long_name": meaning, "units": "1"}) for name, (values, meaning) in columns.items()
    }
    variables["covariance"] = (("term", "other"), covariance, {"long_name": "covariance of the log hazard ratios"})
    variables["log_likelihood"] = ((), reached, {"long_name": "log partial likelihood"})
    variables["log_likelihood_null"] = ((), null, {"long_name": "log partial likelihood without covariates"})
    return xr.Dataset(variables, coords={"term": names, "other": names}, attrs=about)
