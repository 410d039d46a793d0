"""Times to an event as every measure of survival takes them: checked, and counted at each distinct time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import DataError, unknown_name
from pkpd.measures.failed_members import Failed
from pkpd.measures.stored_times import real_numbers

__all__ = [
    "Counts", "checked_confidence", "checked_events", "checked_times", "counted", "grouped", "kept_rows",
    "rows_of", "unit_of",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Counts:
    """What happened at each distinct time, (times,), and in each group, (groups, times).

    Attributes
    ----------
    times
        (times,): distinct times of an event or a censoring, rising.
    at_risk
        (groups, times): under observation just before each time.
    events
        (groups, times).
    censored
        (groups, times).
    last
        (groups,): the last time of anyone in the group.
    """

    times: Array
    at_risk: Index
    events: Index
    censored: Index
    last: Array


def rows_of(measure: str, time: Any, *others: Any) -> tuple[Any, ...]:
    """Labelled arrays of any dimensions as one row a patient; the name of a coordinate stands for its values."""
    dims = getattr(time, "dims", None)
    if dims is None or not hasattr(time, "coords"):
        return (time, *others)
    rows = [np.ravel(time)]
    for other in others:
        if isinstance(other, str):
            if other not in time.coords:
                raise unknown_name(f"{measure}: the array of times", "coordinate", other, map(str, time.coords))
            other = time.coords[other]
        labelled = hasattr(other, "dims") and set(other.dims) <= set(dims)
        rows.append(np.ravel(other.broadcast_like(time).transpose(*dims)) if labelled else other)
    return tuple(rows)


def checked_times(measure: str, time: Any) -> Array:
    """Times, (patients,), each a number of 0 or more or NaN; infinite ones are refused."""
    times = real_numbers(time)
    if times is None or times.ndim != 1:
        raise DataError(f"{measure}: time is {_short(time)}; expected one number for each patient.")
    if not len(times):
        raise DataError(f"{measure}: there are {len(times)} times; expected at least one.")
    wrong = np.flatnonzero(np.isinf(times) | (times < 0))
    if len(wrong):
        raise DataError(
            f"{measure}: the time of row {wrong[0]} is {times[wrong[0]]:g}; expected a number of 0 or more. An event "
            "that has not happened is censored at the end of follow-up, see censored_at()."
        )
    return times


def checked_events(measure: str, event: Any, n: int) -> tuple[Mask, Mask]:
    """Whether each of `n` times is that of an event, and whether that is known."""
    flags = real_numbers(event)
    if flags is None or flags.shape != (n,):
        raise DataError(f"{measure}: event is {_short(event)}; expected true or false for each of the {n} times.")
    wrong = np.flatnonzero(~(np.isin(flags, (0, 1)) | np.isnan(flags)))
    if len(wrong):
        raise DataError(
            f"{measure}: the event of row {wrong[0]} is {flags[wrong[0]]:g}; expected 1 (it happened) or 0 (censored)."
        )
    return flags == 1, ~np.isnan(flags)


def grouped(measure: str, what: str, values: Any, n: int) -> tuple[list[Any], Index]:
    """The distinct labels of a grouping in their order of sorting, and the number of each row's label."""
    labels = np.asarray(values)
    if labels.shape != (n,):
        raise DataError(f"{measure}: {what} is {_short(values)}; expected a label for each of the {n} times.")
    missing = np.flatnonzero([label is None or label != label for label in labels.tolist()])
    if len(missing):
        raise DataError(f"{measure}: row {missing[0]} has no {what} ({labels[missing[0]]!r}).")
    try:
        distinct, codes = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise DataError(f"{measure}: {what} mixes labels that cannot be sorted, such as {labels[0]!r}.") from error
    return distinct.tolist(), codes.astype(np.int64)


def kept_rows(measure: str, known: Mask, failed: Failed) -> Mask:
    """The rows to count; under ``failed="raise"`` all must be known."""
    if failed not in ("raise", "exclude"):
        raise DataError(f"{measure}: failed is {failed!r}; expected 'raise' or 'exclude'.")
    lost = int((~known).sum())
    if lost and failed == "raise":
        raise DataError(
            f"{measure}: {lost} of {len(known)} rows have no time or no event (the first is row "
            f"{int(np.argmin(known))}); failed='exclude' leaves them out."
        )
    if lost == len(known):
        raise DataError(f"{measure}: all {lost} rows lack a time or an event; nothing is left to count.")
    return known


def counted(time: Array, event: Mask, group: Index, groups: int) -> Counts:
    """Count at each distinct time of any group."""
    times, at = np.unique(time, return_inverse=True)
    cell, size = group * len(times) + at, groups * len(times)
    shape = (groups, len(times))
    events = np.bincount(cell, weights=event, minlength=size).reshape(shape).astype(np.int64)
    everyone = np.bincount(cell, minlength=size).reshape(shape)
    at_risk = np.cumsum(everyone[:, ::-1], axis=1)[:, ::-1]
    last = np.array([time[group == number].max(initial=0.0) for number in range(groups)])
    return Counts(times, at_risk, events, everyone - events, last)


def checked_confidence(measure: str, confidence: float) -> float:
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise DataError(f"{measure}: confidence is {confidence!r}; expected a number between 0 and 1, such as 0.95.")
    return float(confidence)


def unit_of(time: Any, unit: str | None) -> str:
    """The unit of the times: as told, or in the attributes of a labelled array."""
    if unit is not None:
        return unit
    attrs = getattr(time, "attrs", {})
    return str(attrs.get("units", "")) if isinstance(attrs, Mapping) else ""


def _short(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return repr(value)[:60] if shape is None else f"an array of shape {tuple(shape)} of {getattr(value, 'dtype', '?')}"
