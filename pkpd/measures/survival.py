"""Kaplan and Meier's estimate of survival, its median, its value at landmarks and its restricted mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError
from pkpd.measures.failed_members import Failed
from pkpd.measures.survival_estimates import Band, band, check_band, estimate, from_zero, unobserved
from pkpd.measures.survival_times import (
    Counts,
    checked_confidence,
    checked_events,
    checked_times,
    counted,
    grouped,
    kept_rows,
    rows_of,
    unit_of,
)  # fmt: skip

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "at_landmarks", "kaplan_meier", "landmark_survival", "median_survival", "numbers_at_risk", "restricted_mean",
]  # fmt: skip


def kaplan_meier(
    time: Any,
    event: Any,
    *,
    group: Any = None,
    confidence: float = 0.95,
    interval: Band = "log-log",
    unit: str | None = None,
    failed: Failed = "raise",
) -> xr.Dataset:
    """The fraction without an event against time, with Greenwood's error and a pointwise confidence band.

    Parameters
    ----------
    time
        (patients,): the time of the event or of the last look, 0 or more; a column of a table,
        a list, or a labelled array over any dimensions (arm and member, as from `first_event`).
    event
        (patients,): true where the event happened at that time, false where the time is
        censored.
    group
        (patients,): a label for each, such as the arm; each group then has a curve of its own.
        Of labelled times also the name of their coordinate: ``group="arm"``.
    confidence
        Coverage of the band.
    interval
        The scale on which the band is symmetric: ``"log-log"`` (log of the cumulative hazard,
        which keeps the band between 0 and 1), ``"log"`` or ``"plain"``.
    unit
        Of the times; by default that of a labelled array.
    failed
        What to do about rows without a time or an event (NaN): ``"raise"``, or ``"exclude"``
        them; `excluded` counts them.

    Returns
    -------
    xarray.Dataset
        Over ``time`` (0 and each distinct time) and, with groups, ``group``: ``survival``,
        ``lower``, ``upper`` and ``std_error`` just after each time, ``at_risk`` just before it,
        ``events`` and ``censored`` at it; ``last_time`` by group, after which survival is
        NaN unless it is 0; a group of which all rows were excluded has NaN throughout.  What is
        censored at the time of an event was at risk of it.

    Raises
    ------
    DataError
        If times, events or labels do not fit one another, or are out of range.

    References
    ----------
    Kaplan EL, Meier P. J Am Stat Assoc 53:457-481 (1958).  Greenwood M. Rep Public Health Med
    Subj 33 (1926).  The bands: Kalbfleisch JD, Prentice RL, The Statistical Analysis of Failure
    Time Data (1980), section 1.3.

    Examples
    --------
    >>> import pkpd
    >>> curve = pkpd.kaplan_meier([6, 6, 6, 6, 7, 9, 10], [1, 1, 1, 0, 1, 0, 1], unit="week")
    >>> [round(float(s), 4) for s in curve["survival"].sel(time=[6, 7])]
    [0.5714, 0.381]
    """
    confidence = checked_confidence("kaplan_meier", confidence)
    check_band("kaplan_meier", interval)
    unit = unit_of(time, unit)
    time, event, group = rows_of("kaplan_meier", time, event, group)
    times = checked_times("kaplan_meier", time)
    happened, known = checked_events("kaplan_meier", event, len(times))
    rows = kept_rows("kaplan_meier", known & ~np.isnan(times), failed)
    labels, codes = ([None], np.zeros(len(times), dtype=np.int64)) if group is None else grouped(
        "kaplan_meier", "group", group, len(times)
    )  # fmt: skip
    counts = from_zero(counted(times[rows], happened[rows], codes[rows], len(labels)))
    survival, relative = estimate(counts)
    columns = dict(zip(("lower", "upper"), band(survival, relative, confidence, interval), strict=True))
    columns = {"survival": survival, **columns, "std_error": survival * relative}
    beyond = unobserved(counts, survival)
    columns = {name: np.where(beyond, np.nan, column) for name, column in columns.items()}
    about = {"confidence": confidence, "interval": interval, "excluded": int((~rows).sum())}
    return _labelled(counts, columns, labels, group is not None, unit, about)


def median_survival(curve: xr.Dataset, quantile: float = 0.5) -> xr.Dataset:
    """The time by which half have had the event, with the interval of Brookmeyer and Crowley.

    Parameters
    ----------
    curve
        From `kaplan_meier`, whose confidence and scale the interval has.
    quantile
        The fraction with an event, 0.5 for the median.

    Returns
    -------
    xarray.Dataset
        ``median``, ``lower`` and ``upper``, by group where there are groups: the first time at
        which the curve, and its lower and upper band, are at or below ``1 - quantile``; infinite
        where that is never reached, NaN for a group of which all rows were excluded.

    Raises
    ------
    DataError
        If `curve` is not from `kaplan_meier`, or the quantile is not between 0 and 1.

    References
    ----------
    Brookmeyer R, Crowley J. Biometrics 38:29-41 (1982).

    Examples
    --------
    >>> import pkpd
    >>> curve = pkpd.kaplan_meier([1, 2, 3, 4, 5], [1, 1, 1, 1, 1])
    >>> float(pkpd.median_survival(curve)["median"])
    3.0
    """
    _require(curve, "median_survival")
    quantile = checked_confidence("median_survival, quantile", quantile)
    names = {"median": "survival", "lower": "lower", "upper": "upper"}
    import xarray as xr

    time = curve["time"]
    limit = (1 - quantile) * (1 + 1e-9)  # a product of fractions may miss 0.5 by rounding alone
    anyone = curve["at_risk"].isel(time=0, drop=True) > 0
    first = {name: time.where(curve[of] <= limit, np.inf).min("time").where(anyone) for name, of in names.items()}
    meaning = f"time by which {100 * quantile:g} % have had the event"
    about = {"long_name": meaning, "units": time.attrs.get("units", "")}
    return xr.Dataset({name: column.assign_attrs(about) for name, column in first.items()}, attrs=dict(curve.attrs))


def landmark_survival(curve: xr.Dataset, at: Any) -> xr.Dataset:
    """The fraction without an event at given times, with its interval and the numbers still at risk.

    Parameters
    ----------
    curve
        From `kaplan_meier`, whose confidence and scale the interval has.
    at
        Times, in the unit of the curve.

    Returns
    -------
    xarray.Dataset
        ``survival``, ``lower``, ``upper``, ``std_error`` and ``at_risk`` over ``time`` and, where
        there are groups, ``group``; NaN after the last time of a group that has survivors.

    Raises
    ------
    DataError
        If `curve` is not from `kaplan_meier`, or a time is not a number of 0 or more.

    Examples
    --------
    >>> import pkpd
    >>> curve = pkpd.kaplan_meier([3, 8, 14, 20], [1, 1, 1, 0])
    >>> pkpd.landmark_survival(curve, [6, 12])["survival"].values.tolist()
    [0.75, 0.5]
    """
    _require(curve, "landmark_survival")
    when = checked_times("landmark_survival", np.atleast_1d(np.asarray(at)))
    rows = at_landmarks(curve, when)[["survival", "lower", "upper", "std_error"]]
    rows = rows.where((rows["time"] <= curve["last_time"]) | (rows["survival"] == 0))
    return rows.assign(at_risk=numbers_at_risk(curve, when)).assign_attrs(curve.attrs)


def numbers_at_risk(curve: xr.Dataset, at: Any) -> xr.DataArray:
    """How many are under observation and without an event just before given times.

    Parameters
    ----------
    curve
        From `kaplan_meier` or `cumulative_incidence`.
    at
        Times, in the unit of the curve.

    Raises
    ------
    DataError
        If `curve` is no such curve, or a time is not a number of 0 or more.

    Examples
    --------
    >>> import pkpd
    >>> curve = pkpd.kaplan_meier([3, 8, 14, 20], [1, 1, 1, 0])
    >>> pkpd.numbers_at_risk(curve, [0, 8, 9]).values.tolist()
    [4, 3, 2]
    """
    import xarray as xr

    if not isinstance(curve, xr.Dataset) or "at_risk" not in curve:
        raise DataError(f"numbers_at_risk: got a {type(curve).__name__} without numbers at risk; expected a curve.")
    when = checked_times("numbers_at_risk", np.atleast_1d(np.asarray(at)))
    nobody = xr.zeros_like(curve["at_risk"].isel(time=[-1])).assign_coords(time=[np.inf])
    with_end = xr.concat([curve["at_risk"], nobody], "time")
    next_time: Index = np.searchsorted(curve["time"].to_numpy(), when, side="left")
    return with_end.isel(time=next_time).assign_coords(time=("time", when, curve["time"].attrs))


def restricted_mean(curve: xr.Dataset, until: float) -> xr.Dataset:
    """The mean time without an event up to a horizon: the area below the curve.

    Parameters
    ----------
    curve
        From `kaplan_meier`, whose confidence the interval has.
    until
        The horizon, in the unit of the curve; every group must be followed that far, or have no
        survivors.

    Returns
    -------
    xarray.Dataset
        ``mean``, ``std_error``, ``lower`` and ``upper`` (normal), by group where there are groups.

    Raises
    ------
    DataError
        If `curve` is not from `kaplan_meier`, or a group is not followed to the horizon.

    References
    ----------
    Klein JP, Moeschberger ML. Survival Analysis, 2nd ed. (2003), section 4.5: the variance is
    the sum over events of (area from the event to the horizon)^2 d/(Y (Y - d)).

    Examples
    --------
    >>> import pkpd
    >>> curve = pkpd.kaplan_meier([1, 2, 3, 4], [1, 1, 1, 0])
    >>> float(pkpd.restricted_mean(curve, 4)["mean"])
    2.5
    """
    import xarray as xr
    from scipy.special import ndtri

    _require(curve, "restricted_mean")
    (horizon,) = checked_times("restricted_mean", [until])
    last = curve["last_time"]
    short = (last < horizon) & ~(curve["survival"] == 0).any("time")
    if bool(short.any()):
        raise DataError(
            f"restricted_mean: a group is followed to {float(last.where(short).min()):g} only and has survivors, so "
            f"its mean up to {horizon:g} is not known; expected a horizon within the follow-up of every group."
        )
    means, errors = xr.apply_ufunc(
        _area, curve["survival"].fillna(0.0), curve["at_risk"], curve["events"],
        input_core_dims=[["time"]] * 3, output_core_dims=[[], []], vectorize=True,
        kwargs={"times": curve["time"].to_numpy(), "horizon": horizon},
    )  # fmt: skip
    z = ndtri((1 + curve.attrs["confidence"]) / 2)
    columns = {"mean": means, "std_error": errors, "lower": means - z * errors, "upper": means + z * errors}
    about = {"long_name": f"mean time without an event up to {horizon:g}", "units": curve["time"].attrs["units"]}
    labelled = {name: column.assign_attrs(about) for name, column in columns.items()}
    return xr.Dataset(labelled, attrs={"confidence": curve.attrs["confidence"], "until": float(horizon)})


def at_landmarks(curve: xr.Dataset, when: Array) -> xr.Dataset:
    """What a curve has at times: its value at the last of its own times, which begin with 0."""
    last: Index = np.searchsorted(curve["time"].to_numpy(), when, side="right") - 1
    return curve.isel(time=last).assign_coords(time=("time", when, curve["time"].attrs))


def _area(survival: Array, at_risk: Array, events: Array, times: Array, horizon: float) -> tuple[float, float]:
    """The area below the steps up to the horizon, and its standard error."""
    widths = np.diff(np.minimum(np.r_[times, np.inf], horizon))
    steps = survival * widths
    after = np.cumsum(steps[::-1])[::-1]  # from each time to the horizon
    counts = (events > 0) & (times <= horizon) & (at_risk > events)
    d, Y = events[counts], at_risk[counts]
    return float(steps.sum()), float(np.sqrt((after[counts] ** 2 * d / (Y * (Y - d))).sum()))


_MEANINGS = {
    "survival": "fraction without an event",
    "lower": "lower confidence limit",
    "upper": "upper confidence limit",
    "std_error": "standard error (Greenwood)",
    "at_risk": "number at risk just before",
    "events": "number of events",
    "censored": "number censored",
}


def _labelled(
    counts: Counts, columns: dict[str, Array], labels: list[Any], by_group: bool, unit: str, about: dict[str, Any]
) -> xr.Dataset:
    import xarray as xr

    integers = {"at_risk": counts.at_risk, "events": counts.events, "censored": counts.censored}
    dims = ("group", "time") if by_group else ("time",)
    variables = {
        name: (dims, column if by_group else column[0], {"long_name": _MEANINGS[name], "units": "1"})
        for name, column in (columns | integers).items()
    }
    last = (dims[:-1], counts.last if by_group else counts.last[0], {"long_name": "last time", "units": unit})
    coords: dict[str, Any] = {"time": ("time", counts.times, {"long_name": "time", "units": unit})}
    if by_group:
        coords["group"] = labels
    return xr.Dataset({**variables, "last_time": last}, coords=coords, attrs=about)


def _require(curve: Any, measure: str) -> None:
    import xarray as xr

    if not isinstance(curve, xr.Dataset) or not {"survival", "last_time", "at_risk"} <= set(curve.data_vars):
        raise DataError(f"{measure}: got {type(curve).__name__}; expected a curve from kaplan_meier().")
