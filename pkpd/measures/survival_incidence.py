"""Cumulative incidence where one event excludes the others: Aalen and Johansen's estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import DataError
from pkpd.measures.failed_members import Failed
from pkpd.measures.survival_estimates import Band, check_band, estimate, from_zero, unobserved
from pkpd.measures.survival_times import (
    Counts,
    checked_confidence,
    checked_times,
    counted,
    grouped,
    kept_rows,
    rows_of,
    unit_of,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["cumulative_incidence"]


def cumulative_incidence(
    time: Any,
    cause: Any,
    *,
    group: Any = None,
    confidence: float = 0.95,
    interval: Band = "log-log",
    unit: str | None = None,
    failed: Failed = "raise",
) -> xr.Dataset:
    """The fraction that has had each of several events by a time, where the first excludes the others.

    One minus Kaplan-Meier, with the other causes called censored, is the fraction that *would*
    have the event if nothing else could happen; it adds up to more than there are patients.

    Parameters
    ----------
    time
        (patients,): the time of the first event or of the last look, 0 or more.
    cause
        (patients,): which event it was, as text (``""`` where censored) or as a number (0 where
        censored).
    group
        (patients,): a label for each, such as the arm; each group then has curves of its own.
        Of labelled times also the name of their coordinate: ``group="arm"``.
    confidence
        Coverage of the band.
    interval
        The scale on which the band is symmetric: ``"log-log"``, ``"log"`` or ``"plain"``.
    unit
        Of the times; by default that of a labelled array.
    failed
        What to do about rows without a time or a cause (NaN or None): ``"raise"``, or
        ``"exclude"`` them.

    Returns
    -------
    xarray.Dataset
        Over ``cause``, with groups ``group``, and ``time`` (0 and each distinct time):
        ``incidence``, ``lower``, ``upper``, ``std_error`` and ``events``; without a cause
        ``survival`` (free of any event), ``at_risk``, ``censored``, and by group ``last_time``,
        after which all are NaN where anyone is left.

    Raises
    ------
    DataError
        If arguments do not fit one another, or there is no event at all.

    Notes
    -----
    The variance is that of the delta method on the counts at each time, which for a single
    cause is Greenwood's.

    References
    ----------
    Aalen OO, Johansen S. Scand J Stat 5:141-150 (1978).  The variance: Marubini E, Valsecchi MG,
    Analysing Survival Data from Clinical Trials and Observational Studies (1995), section 10.3.

    Examples
    --------
    >>> import pkpd
    >>> curves = pkpd.cumulative_incidence([2, 3, 5, 8, 9], ["death", "relapse", "", "relapse", ""])
    >>> curves["incidence"].sel(time=8).round(3).values.tolist()
    [0.2, 0.5]
    """
    confidence = checked_confidence("cumulative_incidence", confidence)
    check_band("cumulative_incidence", interval)
    unit = unit_of(time, unit)
    time, cause, group = rows_of("cumulative_incidence", time, cause, group)
    times = checked_times("cumulative_incidence", time)
    causes, codes, known = _causes(cause, len(times))
    rows = kept_rows("cumulative_incidence", known & ~np.isnan(times), failed)
    labels, groups = (
        ([None], np.zeros(len(times), dtype=np.int64))
        if group is None
        else grouped("cumulative_incidence", "group", group, len(times))
    )
    any_event = from_zero(counted(times[rows], codes[rows] > 0, groups[rows], len(labels)))
    events = np.stack([
        from_zero(counted(times[rows], codes[rows] == number, groups[rows], len(labels))).events
        for number in range(1, len(causes) + 1)
    ])  # fmt: skip
    incidence, error = _estimates(any_event, events)
    lower, upper = _band(incidence, error, confidence, interval)
    columns = {"incidence": incidence, "lower": lower, "upper": upper, "std_error": error}
    about = {"confidence": confidence, "interval": interval, "excluded": int((~rows).sum())}
    by_group = None if group is None else labels
    return _labelled(any_event, events, columns, causes, by_group, unit, about)


def _causes(cause: Any, n: int) -> tuple[list[Any], Index, Mask]:
    """The events there are, the number of each row's (0 where censored), and whether it is known."""
    values = np.asarray(cause)
    if values.shape != (n,):
        raise DataError(f"cumulative_incidence: cause has the shape {values.shape}; expected one for each of {n} rows.")
    if values.dtype.kind in "biuf":
        known, happened = ~np.isnan(values.astype(float)), values != 0
    else:
        known = np.array([label is not None and label == label for label in values.tolist()])
        happened = values != ""
        odd = [label for label in values[known].tolist() if not isinstance(label, str)]
        if odd:
            raise DataError(f"cumulative_incidence: a cause is {odd[0]!r}; expected all of them text, or all numbers.")
    if not (known & happened).any():
        raise DataError(f"cumulative_incidence: none of the {n} rows has an event; all are censored.")
    codes = np.zeros(n, dtype=np.int64)
    names, numbers = np.unique(values[known & happened], return_inverse=True)
    codes[known & happened] = numbers + 1
    return names.tolist(), codes, known


def _estimates(counts: Counts, events: Index) -> tuple[Array, Array]:
    """Incidence and its standard error, (causes, groups, times), by sums over times that are shared by all t."""
    n = np.maximum(counts.at_risk, 1).astype(float)
    d = counts.events.astype(float)
    survival, _ = estimate(counts)
    before = np.concatenate([np.ones((len(survival), 1)), survival[:, :-1]], axis=1)
    F: Array = np.cumsum(before * events / n, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        all_causes = np.where((d > 0) & (n > d), d / (n * (n - d)), 0.0)
    own = before**2 * events * (n - events) / n**3
    both = before * events / n**2
    # sum over s <= t of (F(t) - F(s))^2 a(s) + own(s) - 2 (F(t) - F(s)) both(s), with F(t) taken out of the sums
    A, AF, AFF = (np.cumsum(all_causes * F**power, axis=-1) for power in (0, 1, 2))
    B, BF = (np.cumsum(both * F**power, axis=-1) for power in (0, 1))
    variance = F**2 * A - 2 * F * AF + AFF + np.cumsum(own, axis=-1) - 2 * (F * B - BF)
    return F, np.sqrt(np.maximum(variance, 0.0))


def _band(F: Array, error: Array, confidence: float, interval: Band) -> tuple[Array, Array]:
    from scipy.special import ndtri

    z = ndtri((1 + confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        if interval == "log-log":
            lower, upper = (F ** np.exp(sign * z * error / (F * -np.log(F))) for sign in (1, -1))
        elif interval == "log":
            lower, upper = (F * np.exp(sign * z * error / F) for sign in (-1, 1))
        else:
            lower, upper = (F + sign * z * error for sign in (-1, 1))
    none = F == 0
    return np.where(none, 0.0, np.clip(lower, 0, 1)), np.where(none, 0.0, np.clip(upper, 0, 1))


_MEANINGS = {
    "incidence": "fraction with the event",
    "lower": "lower confidence limit",
    "upper": "upper confidence limit",
    "std_error": "standard error",
    "events": "number of events",
    "survival": "fraction without any event",
    "at_risk": "number at risk just before",
    "censored": "number censored",
}


def _labelled(
    counts: Counts,
    events: Index,
    columns: dict[str, Array],
    causes: list[Any],
    groups: list[Any] | None,
    unit: str,
    about: dict[str, Any],
) -> xr.Dataset:
    import xarray as xr

    survival, _ = estimate(counts)
    beyond = unobserved(counts, survival)
    dims = ("time",) if groups is None else ("group", "time")

    def shaped(name: str, values: Any, first: tuple[str, ...] = ()) -> Any:
        one = values[..., 0, :] if groups is None else values
        return (*first, *dims), one, {"long_name": _MEANINGS[name], "units": "1"}

    variables = {name: shaped(name, np.where(beyond, np.nan, of), ("cause",)) for name, of in columns.items()}
    variables["events"] = shaped("events", events, ("cause",))
    variables["survival"] = shaped("survival", np.where(beyond, np.nan, survival))
    variables["at_risk"] = shaped("at_risk", counts.at_risk)
    variables["censored"] = shaped("censored", counts.censored)
    last = counts.last[0] if groups is None else counts.last
    variables["last_time"] = (dims[:-1], last, {"long_name": "last time", "units": unit})
    coords: dict[str, Any] = {"cause": causes, "time": ("time", counts.times, {"long_name": "time", "units": unit})}
    if groups is not None:
        coords["group"] = groups
    return xr.Dataset(variables, coords=coords, attrs=about)
