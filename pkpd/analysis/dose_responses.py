"""EC50, Hill coefficient and the ends of dose-response curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.analysis.hill import HillFit, fit_hill, hill
from pkpd.analysis.members import Members, members_of
from pkpd.analysis.sobol import check_confidence
from pkpd.arrays import Array
from pkpd.ensembles.streams import check_seed
from pkpd.errors import DataError
from pkpd.measures.failed_members import Failed

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["dose_response"]

_QUANTITIES = ("E0", "Emax", "EC50", "hill")


def dose_response(
    run: xr.Dataset | xr.DataArray,
    output: str | None = None,
    *,
    dose: str,
    E0: float | None = None,
    failed: Failed = "raise",
    confidence: float = 0.95,
    resamples: int = 200,
    seed: int = 1,
) -> xr.Dataset:
    """Fit ``E = E0 + (Emax - E0) dose^h/(EC50^h + dose^h)`` to a response over a swept dose, with intervals.

    The response may rise or fall.  Over ``member`` the curve of the mean is fitted.

    Parameters
    ----------
    run
        A result without time, or with one time chosen (``run.sel(time=28)``), or a measure of it.
    output
        A variable of the run; None where `run` is a single DataArray.
    dose
        The dimension of doses, concentrations or exposures, 0 or more, of which there are more than numbers estimated.
    E0
        The effect without drug, where it is known; estimated by default.
    failed
        ``"raise"`` refuses a response that failed somewhere; ``"exclude"`` leaves out each member
        that failed at any dose, or without members the doses that failed, counted in ``excluded``.
    confidence
        Of the intervals: without members by the residuals and Student's t (of EC50 and h on their
        logarithm), with members by the percentiles of a bootstrap over them.
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    xarray.Dataset
        ``estimate``, ``low`` and ``high`` over ``quantity`` (E0, Emax, EC50, hill), each with its ``unit``, and
        ``fitted`` over the doses, after further dimensions of the response, each of which has a fit of its
        own.  ``within_doses`` says whether EC50 lies among the doses; where it does not, it is extrapolated.

    Raises
    ------
    SimulationError
        If something failed under ``"raise"``, or nothing is left.
    DataError, UnknownNameError
        If a name is not known, a dose is negative, or there are too few.

    Notes
    -----
    Intervals by residuals describe how well the curve fits; a sweep without noise that is no Hill
    curve has them too.

    Examples
    --------
    >>> import numpy as np, pkpd, xarray as xr
    >>> dose = np.array([0, 1, 3, 10, 30, 100.0])
    >>> effect = xr.DataArray(80 * dose**2 / (100 + dose**2), {"dose": dose}, "dose")
    >>> pkpd.dose_response(effect, dose="dose")["estimate"].round(3).values
    array([ 0., 80., 10.,  2.])
    """
    check_confidence("dose_response", confidence)
    check_seed(seed)
    response = members_of("dose_response", run, output, (dose,), failed)
    doses = _doses(response.values[dose], 4 - (E0 is not None))
    rows = [
        _fitted(doses, column, E0, (confidence, resamples, seed))
        for column in response.columns  # (members, doses) of each further combination
    ]
    return _labelled(response, dose, doses, rows, failed, confidence)


def _doses(coordinate: xr.DataArray, estimated: int) -> Array:
    doses = coordinate.to_numpy()
    if doses.dtype.kind not in "iuf" or (doses < 0).any():
        raise DataError(f"dose_response(): {coordinate.name!r} is {doses.tolist()}; expected doses of 0 and more.")
    if len(doses) <= estimated:
        raise DataError(
            f"dose_response(): {len(doses)} doses along {coordinate.name!r} are too few; expected {estimated + 1}."
        )
    return np.asarray(doses, dtype=float)


def _fitted(doses: Array, column: Array, E0: float | None, how: tuple[float, int, int]) -> tuple[HillFit, Array]:
    """The fit of the mean curve, and limits (quantities, 2)."""
    confidence, resamples, seed = how
    mean = column.mean(axis=0)
    use = np.isfinite(mean)
    fitted = fit_hill(doses[use], mean[use], E0)
    if len(column) == 1:
        return fitted, fitted.limits(confidence)
    rng = np.random.default_rng(seed)
    draws = [column[rng.integers(len(column), size=len(column))].mean(axis=0) for _ in range(resamples)]
    again = np.array([fit_hill(doses[use], draw[use], E0).values for draw in draws])
    again = again[np.isfinite(again).all(axis=1)]
    tails = [0.5 - confidence / 2, 0.5 + confidence / 2]
    enough = len(again) >= 0.9 * resamples  # else the intervals would be those of the draws that suit
    return fitted, np.quantile(again, tails, axis=0).T if enough else np.full((4, 2), np.nan)


def _labelled(
    response: Members,
    dose: str,
    doses: Array,
    rows: list[tuple[HillFit, Array]],
    failed: Failed,
    confidence: float,
) -> xr.Dataset:
    import xarray as xr

    values = response.values
    estimates = np.array([fit.values for fit, _ in rows])
    limits = np.array([ends for _, ends in rows])
    curves = np.array([hill(doses, *fit.values) for fit, _ in rows])
    positive = doses[doses > 0]
    inside = (estimates[:, 2] >= positive.min()) & (estimates[:, 2] <= doses.max())
    dims, shape = response.others, response.shape
    unit, of_dose = (str(array.attrs.get("units", "1")) for array in (values, values[dose]))
    about = {"long_name": "of the Hill curve"}
    variables: dict[str, Any] = {
        "estimate": ((*dims, "quantity"), estimates.reshape(*shape, 4), about),
        "low": ((*dims, "quantity"), limits[..., 0].reshape(*shape, 4), about),
        "high": ((*dims, "quantity"), limits[..., 1].reshape(*shape, 4), about),
        "fitted": ((*dims, dose), curves.reshape(*shape, -1), dict(values.attrs)),
        "within_doses": (dims, inside.reshape(shape), {"long_name": "whether EC50 lies among the doses"}),
        "excluded": (dims, response.excluded, {"long_name": "members or doses left out", "units": "1"}),
    }
    coords = {d: values[d] for d in (*dims, dose) if d in values.coords}
    labels = {"quantity": list(_QUANTITIES), "unit": ("quantity", [unit, unit, of_dose, "1"])}
    attrs = {"output": str(values.name or ""), "failure_policy": failed, "confidence": confidence}
    return xr.Dataset(variables, {**coords, **labels}, attrs)
