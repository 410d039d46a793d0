"""What a choice of regimen for each patient is worth, against another choice, where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError
from pkpd.trials.response_surfaces import ResponseSurface

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["compare_recommendations"]


def compare_recommendations(
    truth: ResponseSurface,
    chosen: Mapping[str, Any] | xr.Dataset,
    instead_of: Mapping[str, Any] | xr.Dataset,
    *,
    confidence: float = 0.95,
) -> xr.Dataset:
    """How much better one choice of regimen does than another, patient by patient.

    Parameters
    ----------
    truth
        From `optimize_regimen` with the patients at their true parameters and ``each="patient"``, on the
        grid that the choices come from.
    chosen, instead_of
        The ``optimum`` of another surface, by patient or one for all; or a value for each decision.
    confidence
        Coverage of the interval.

    Returns
    -------
    xarray.Dataset
        ``gain`` by patient, in the unit of the objective, above 0 where `chosen` is better; ``mean_gain``
        with ``lower`` and ``upper`` (Student's t of the paired differences); ``possible_gain``, the
        mean gain of each patient's own optimum; ``better`` and ``worse``, shares of patients;
        ``chosen_infeasible`` and ``instead_infeasible``, shares that break a constraint in truth; and
        ``missing``, how many patients could not be compared.

    Raises
    ------
    DataError
        If patients are not kept apart, or fewer than two can be compared.

    Examples
    --------
    >>> import pkpd
    >>> model, amount = pkpd.load("pk_1cmt"), pkpd.param("amount", 100, "mg", "dose")
    >>> patients = pkpd.Ensemble({"patient": 3}, {"CL": (("patient",), [0.1, 0.3, 0.9])})
    >>> truth = pkpd.optimize_regimen(
    ...     model, pkpd.bolus(amount, "iv"), {"amount": [20, 40, 60, 80]}, times=[0, 7],
    ...     reduce={"trough": ("C", "last")}, minimize=lambda run: abs(run["trough"] - 10), parameters=patients,
    ...     each="patient",
    ... )
    >>> table = pkpd.compare_recommendations(truth, truth.optimum, {"amount": 60})
    >>> bool(table["mean_gain"] == table["possible_gain"]), float(table["worse"])
    (True, 0.0)
    """
    from scipy.stats import t

    if not isinstance(truth, ResponseSurface) or truth.each != ("patient",):
        raise DataError("compare_recommendations() needs a surface with each='patient' as the truth.")
    if not 0 < confidence < 1:
        raise DataError(f"confidence is {confidence!r}; expected a number between 0 and 1.")
    sign = 1.0 if truth.objective.high_is_bad else -1.0
    own, other, best = (truth.at(_over_patients(truth, choice)) for choice in (chosen, instead_of, truth.optimum))
    gain = sign * (other["objective"] - own["objective"])
    known = np.isfinite(gain.to_numpy())
    n = int(known.sum())
    if n < 2:
        raise DataError(f"compare_recommendations(): {n} patients can be compared; expected 2 or more.")
    values = gain.to_numpy()[known]
    reach = float(t.ppf((1 + confidence) / 2, n - 1)) * values.std(ddof=1) / np.sqrt(n)
    possible = (sign * (other["objective"] - best["objective"])).to_numpy()[known]
    unit = str(truth.dataset["objective"].attrs.get("units", "1"))
    table = gain.rename("gain").assign_attrs(units=unit, long_name="gain over the other choice").to_dataset()
    numbers = {
        "mean_gain": values.mean(), "lower": values.mean() - reach, "upper": values.mean() + reach,
        "possible_gain": np.nanmean(possible), "better": (values > 0).mean(), "worse": (values < 0).mean(),
        "chosen_infeasible": 1 - float(own["feasible"].mean()),
        "instead_infeasible": 1 - float(other["feasible"].mean()),
        "missing": len(known) - n,
    }  # fmt: skip
    return (
        table.drop_vars([c for c in table.coords if c != "patient"])
        .assign(numbers)
        .assign_attrs(confidence=confidence, patients=n)
    )


def _over_patients(truth: ResponseSurface, choice: Any) -> Any:
    """A choice as decisions by patient, in the order of the truth's patients."""
    import xarray as xr

    patients = truth.by_member["patient"] if "patient" in truth.by_member.coords else None
    size = truth.problem.people.sizes["patient"]
    decided = {}
    for name in truth.decisions:
        if name not in choice:
            raise DataError(f"the choice has no decision {name!r}; it has {', '.join(map(str, choice))}.")
        values = xr.DataArray(choice[name])
        if values.dims not in ((), ("patient",)):
            raise DataError(f"the choice of {name!r} is over {values.dims}; expected one value, or one by patient.")
        if values.dims and patients is not None and "patient" in values.coords:
            values = values.reindex(patient=patients)
        numbers = np.broadcast_to(values.to_numpy(), size)
        decided[name] = xr.DataArray(numbers, dims="patient", coords={} if patients is None else {"patient": patients})
    return decided
