"""Clock times and dates as hours: DATE, DAT1, DAT2 and DAT3 beside a TIME of hours and minutes.

Source: NONMEM help, DATE and TIME data items; two-digit years up to 50 are of this century
(LAST20=50).
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array
from pkpd.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DATES", "clock_intervals", "has_clock", "hours", "since_first"]


# The order of the parts of a date by the name of its column.
DATES = {
    "DATE": ("month", "day", "year"),
    "DAT1": ("day", "month", "year"),
    "DAT2": ("year", "month", "day"),
    "DAT3": ("year", "day", "month"),
}
CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d(?:\.\d*)?))?")
HOURS = re.compile(r"\d+(\.\d*)?|\.\d+")
LAST_OF_THIS_CENTURY = 50


def has_clock(series: pd.Series[Any]) -> bool:
    """Whether a column has clock times or moments."""
    if series.dtype.kind in "mM":
        return True
    return series.dtype.kind not in "ifub" and any(":" in str(value) for value in series)


def hours(time: pd.Series[Any], dates: pd.Series[Any] | None, name: str) -> Array:
    """The hours that each record stands for, from an origin that all records share.

    Parameters
    ----------
    time
        Clock times ``8:30`` or ``8:30:15``, hours, or moments (a pandas column of datetimes).
    dates
        Dates, in the order that the name of the column says, or numbers of days; None where
        there are none.
    name
        Where they come from, for messages.

    Raises
    ------
    DataError
        If a value is no clock time or no date, with its row.
    """
    if time.dtype.kind in "mM":
        return _moments(time, name, dated=dates is not None)
    of_day = np.array([_clock(value, f"{name}: row {i + 1}, column TIME") for i, value in enumerate(time)])
    if dates is None:
        return of_day
    column = str(dates.name)
    day = np.array([_day(value, column, f"{name}: row {i + 1}, column {column}") for i, value in enumerate(dates)])
    since_origin: Array = 24.0 * (day - day.min()) + of_day
    return since_origin


def clock_intervals(intervals: pd.Series[Any], name: str) -> Array:
    """Intervals II of hours and minutes as hours; 0 where there is none."""
    texts = [str(value).strip() for value in intervals]
    return np.array(
        [
            0.0 if text in ("", ".", "NA", "nan", "None", "<NA>") else _clock(text, f"{name}: row {i + 1}, column II")
            for i, text in enumerate(texts)
        ]
    )


def since_first(values: Array, ids: NDArray[Any]) -> Array:
    """Hours since the first record of each subject."""
    import pandas as pd

    codes, _ = pd.factorize(ids)
    first = pd.Series(values).groupby(codes).transform("first")
    elapsed: Array = values - first.to_numpy()
    return elapsed


def _moments(time: pd.Series[Any], name: str, *, dated: bool) -> Array:
    if dated:
        raise DataError(f"{name}: TIME has dates of its own, and there is a column of dates too; leave one out.")
    if time.isna().any():
        raise DataError(f"{name}: row {int(np.argmax(time.isna())) + 1}, column TIME: TIME is missing.")
    elapsed = time - time.min()
    moments: Array = np.asarray(elapsed / np.timedelta64(1, "h"), dtype=float)
    return moments


def _clock(value: Any, place: str) -> float:
    text = str(value).strip()
    clock = CLOCK.fullmatch(text)
    if clock is not None:
        return int(clock[1]) + int(clock[2]) / 60 + float(clock[3] or 0) / 3600
    if HOURS.fullmatch(text):
        return float(text)
    raise DataError(f"{place}: {text!r} is not a clock time; expected hours and minutes, such as '18:30'.")


def _day(value: Any, column: str, place: str) -> int:
    """The number of a day; a whole number counts days itself."""
    if isinstance(value, datetime.date) and value == value:  # NaT equals nothing
        return int(value.toordinal())
    text = re.sub(r"\.0*$", "", str(value).strip())
    if re.fullmatch(r"\d{1,5}", text):
        return int(text)
    order = DATES[column]
    parts = re.fullmatch(r"(\d{1,4})[/-](\d{1,4})[/-](\d{1,4})", text)
    if parts is None:
        raise DataError(f"{place}: {text!r} is not a date; expected {'/'.join(order)}, or the number of a day.")
    part = dict(zip(order, (int(p) for p in parts.groups()), strict=True))
    if part["year"] < 100:
        part["year"] += 2000 if part["year"] <= LAST_OF_THIS_CENTURY else 1900
    try:
        return datetime.date(**part).toordinal()
    except ValueError:
        others = " ".join(f"{key} {'/'.join(parts)}." for key, parts in DATES.items() if key != column)
        raise DataError(f"{place}: {text!r} is no {'/'.join(order)}, which {column} stands for. {others}") from None
