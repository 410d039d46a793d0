"""NONMEM's tables of records: reading, the meaning of what they leave out, and writing."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Index
from pkpd.errors import DataError, UnitError
from pkpd.records.checks import RowCheck, check_records
from pkpd.records.clock import DATES, clock_intervals, has_clock, hours, since_first
from pkpd.records.columns import as_column, identifiers, missing, numbers, with_decimal_points
from pkpd.records.items import check_columns, named
from pkpd.records.occasions import sorted_order, with_resets
from pkpd.records.records import STANDARD, Records
from pkpd.records.tables import read_texts
from pkpd.storage import write_atomically
from pkpd.units import conversion_factor, parse_unit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_nonmem", "write_nonmem"]

WHOLE = ("EVID", "MDV", "CMT", "ADDL", "SS", "CENS")
UNKNOWN_IF_MISSING = ("DV", "LLOQ", "OCC", "DVID")
TEXT_ALLOWED = ("OCC", "DVID")
LARGEST_COMPARTMENT = 2**31 - 1


def read_nonmem(
    source: str | Path | pd.DataFrame,
    *,
    compartments: Mapping[int, str] | None = None,
    columns: Mapping[str, str | None] | None = None,
    time: str | None = None,
    comment: str | None = None,
    sort: bool = False,
) -> Records:
    """Read a table of dose and observation records in NONMEM's columns.

    The data items ID, TIME, AMT, RATE, DUR, EVID, CMT, ADDL, II, SS, DV, MDV, CENS, LLOQ,
    OCC and DVID are known in any case; ID and TIME are required; every other column is a
    covariate, but for dates.  ``.``, ``NA`` and nothing at all are missing values.  See
    `pkpd.predict` for what the records do.

    What is left out has NONMEM's meaning.  Without EVID a record with an AMT, or with a
    RATE, ADDL, II or SS, is a dose, any other an observation, or EVID 2 where MDV is 1.
    Without MDV it is 1 on every record that is no observation; an observation without a
    DV has MDV 1 in any case.  A value that CENS says to lie below (1) or above (-1) a limit has the
    limit in DV; one below it may have it in LLOQ.  Where nothing has CENS, a DV of less than
    LLOQ lies below it.  CMT 0 or missing is the default compartment of a dose: the
    lowest number of `compartments`, or 1.  EVID 1 with an AMT of 0 is a dose of nothing,
    such as a placebo; one with a missing AMT is refused.

    Clock times (``18:30``) and dates become hours since the subject's first record.  The
    name of the column orders the parts of a date: DATE month/day/year, DAT1 day/month/year,
    DAT2 year/month/day, DAT3 year/day/month; a whole number is a day.

    From other programs: a DUR is the duration of an infusion (as in rxode2); EVID 101,
    201, ... is a dose into compartment 1, 2, ... (RxODE); Y, YTYPE, TINF and ADM stand for
    DV, DVID, DUR and CMT where those are missing, and beside one of them DOSE for AMT; a
    dose of 0 without EVID, as for animals that get the vehicle, is an EVID 2 (Monolix).
    A table that NONMEM wrote, with TABLE NO. and names that come again, is read as it is.

    Parameters
    ----------
    source
        A file with fields separated by commas, semicolons, tabs or blanks, names in its
        first line (which may begin with ``#``); or a DataFrame.  Decimals have a point, or
        all of them a comma.  Lines that begin with ``#`` are comments.
    compartments
        The model's state or route for each number of CMT, such as ``{1: "depot", 2:
        "radiation"}``; a name that is both is the state.  Without it, compartment n is the
        n-th state of the model.
    columns
        Data items under other names, such as ``{"CONC": "DV"}``; None makes a covariate of
        a column that would be a data item of Monolix.
    time
        The unit of TIME, II and DUR, and of the time in RATE, such as ``"h"``: `pkpd.predict`
        converts them to that of the model.  Without it they are in the model's own.
    comment
        The character that begins a comment, or ``""`` where there are none.  By default it
        is ``#``, and a line is refused that begins with it but reads like a record.
    sort
        Sort the records of each subject by time (records at one time keep their order)
        and bring them together, where NONMEM would refuse them.  Occasions stay apart:
        those between resets, and those that OCC numbers where the time of a subject begins
        again, whose first dose then resets (EVID 4).

    Raises
    ------
    DataError
        If a column is missing or twice there; a value is text, missing, negative or not
        whole where it may not be; the times of a subject decrease without a reset (EVID 3
        or 4); a subject's records lie apart; or the data items of a record contradict one
        another (EVID 1 without a dose, II without ADDL or SS, a CMT not in `compartments`,
        ...).  The message names the row, counted from 1 below the names, and the column.
    UnitError
        If `time` is not a unit of time.

    Examples
    --------
    >>> import pandas as pd, pkpd
    >>> rows = pd.DataFrame({"ID": 1, "TIME": ["8:00", "18:30"], "AMT": [100, 0], "DV": [None, 3.5]})
    >>> pkpd.read_nonmem(rows, time="h")["TIME"]
    array([ 0. , 10.5])
    """
    renamed = check_columns(columns)
    numbered = _compartments(compartments)
    _check_options(time, comment)
    frame, name = _frame(source, comment, [key for key, item in renamed.items() if item in ("ID", "TIME")])
    frame = named(frame, name, renamed)
    if not len(frame):
        raise DataError(f"{name} has no records.")
    frame, clock = _timed(frame, name, time)
    table = {key: _column(frame, key, name) for key in STANDARD}
    covariates = {key: as_column(frame[key], _place(name, key)) for key in frame.columns if key not in STANDARD}
    check = RowCheck(name, table)
    table = _completed(table, set(frame.columns), check)
    if sort:
        order = sorted_order(table, name)
        table = with_resets(table, order, name)
        covariates = {key: column[order] for key, column in covariates.items()}
        check = RowCheck(name, table, order)
    check_records(table, numbered, check)
    return Records(table, covariates, numbered, name, time or ("h" if clock else None), clock and time is None)


def write_nonmem(data: Records, path: str | Path) -> None:
    """Write records as a table with commas between fields and ``.`` for missing values.

    EVID and MDV are written out; data items that say nothing are left out.  Numbers are
    written to their last digit: `read_nonmem` gives the same records again, with the same
    `compartments` and `time`.

    Raises
    ------
    DataError
        If the folder does not exist.
    """
    if not isinstance(data, Records):
        raise DataError(f"write_nonmem() got {data!r}; expected records, as from read_nonmem().")
    table = data.table
    # Quotation marks keep an ID that begins with # from being a comment.
    marked = any(str(subject).startswith("#") for subject in data.subjects)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if marked else csv.QUOTE_MINIMAL
    write_atomically(path, lambda temporary: table.to_csv(temporary, index=False, na_rep=".", quoting=quoting))


def _check_options(time: Any, comment: Any) -> None:
    if time is not None and (
        not isinstance(time, str) or conversion_factor(parse_unit(time), parse_unit("day")) is None
    ):
        raise UnitError(f"time is {time!r}; expected a unit of time, such as 'h' or 'day'.")
    if comment is not None and (not isinstance(comment, str) or len(comment) > 1):
        raise DataError(f"comment is {comment!r}; expected one character, such as '#', or '' for none.")


# ---- the table as it stands


def _frame(source: Any, comment: str | None, renamed: list[str]) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True), "records"
    if not isinstance(source, str | Path):
        raise DataError(f"read_nonmem() got {source!r}; expected the path of a file or a DataFrame.")
    path = Path(source)
    return with_decimal_points(read_texts(path, comment, renamed), path.name), path.name


def _place(name: str, key: str) -> str:
    return f"{name}: row {{row}}, column {key}"


def _column(frame: pd.DataFrame, key: str, name: str) -> NDArray[Any]:
    """A data item as numbers, NaN where missing; or as texts, where those are allowed."""
    if key not in frame.columns:
        return np.broadcast_to(np.nan, len(frame))
    if key == "ID":
        return identifiers(frame[key], _place(name, key))
    column = as_column(frame[key], _place(name, key))
    if column.dtype == object and key not in TEXT_ALLOWED:
        row = next(i for i, v in enumerate(column) if v is not None and numbers(column[i : i + 1]) is None)
        raise DataError(f"{name}: row {row + 1}, column {key}: {column[row]!r} is not a number.")
    return column


def _timed(frame: pd.DataFrame, name: str, unit: str | None) -> tuple[pd.DataFrame, bool]:
    """The frame with hours in the place of clock times and dates, and whether there were any."""
    dates = [key for key in DATES if key in frame.columns]
    if len(dates) > 1:
        raise DataError(f"{name} has the columns {' and '.join(dates)}; leave one of them as the date.")
    if not dates and not has_clock(frame["TIME"]):
        return frame, False
    elapsed = hours(frame["TIME"], frame[dates[0]] if dates else None, name)
    factor = conversion_factor(parse_unit("h"), parse_unit(unit or "h")) or 1.0
    ids = identifiers(frame["ID"], _place(name, "ID"))
    items = {"TIME": since_first(elapsed, ids) * factor}
    if "II" in frame and has_clock(frame["II"]):
        items["II"] = clock_intervals(frame["II"], name) * factor
    return frame.drop(columns=dates).assign(**items), True


# ---- what is left out


def _completed(table: dict[str, NDArray[Any]], there: set[str], check: RowCheck) -> dict[str, NDArray[Any]]:
    """The data items without missing values, except where missing is a meaning."""
    check(~missing(table["ID"]), "ID", "expected a number or a text")
    check(np.isfinite(table["TIME"]), "TIME", "expected a finite number")
    unknown_amount = missing(table["AMT"])
    vehicle = (table["AMT"] == 0) & (np.nan_to_num(table["RATE"]) == 0) & ~(table["SS"] > 0)
    table = {key: _filled(key, column, key in there) for key, column in table.items()}
    _classic_events(table)
    if "EVID" not in there:
        doses = np.logical_or.reduce([table[k] != 0 for k in ("AMT", "RATE", "ADDL", "II", "SS")])
        other = np.where((table["MDV"] == 1) | (vehicle & doses), 2, 0)
        table["EVID"] = np.where(doses & ~vehicle, 1, other)
    check.table = table
    forgotten = np.isin(table["EVID"], (1, 4)) & unknown_amount & ~(table["SS"] > 0)
    check(~forgotten, "AMT", "a dose (EVID 1, 4) needs an amount, 0 for a placebo, or SS and a RATE", table["AMT"])
    censored = (table["CENS"] == 1) & (table["EVID"] == 0) & (np.nan_to_num(table["MDV"]) == 0)
    check(
        ~(censored & missing(table["DV"]) & missing(table["LLOQ"])), "DV",
        "a value below a limit (CENS 1) needs the limit, in DV or in LLOQ", table["DV"],
    )  # fmt: skip
    silent = (table["EVID"] != 0) | (missing(table["DV"]) & ~censored)
    table["MDV"] = np.where(silent & ~(table["MDV"] > 1), 1.0, np.nan_to_num(table["MDV"]))
    for key in WHOLE:
        table[key] = _whole(table[key], key, check)
    return table


def _filled(key: str, column: NDArray[Any], there: bool) -> NDArray[Any]:
    """A data item with 0 where it is missing, unless missing is a meaning."""
    if key in (*UNKNOWN_IF_MISSING, "ID", "TIME", "MDV"):
        return column
    if not there:
        return np.broadcast_to(0.0, len(column))
    filled: Array = np.nan_to_num(column, nan=0.0, posinf=np.inf, neginf=-np.inf)
    return filled


def _whole(column: NDArray[Any], key: str, check: RowCheck) -> Index:
    good = np.isfinite(column) & (column == np.round(column))
    check(good, key, "expected a whole number", column)
    check(np.abs(column) <= LARGEST_COMPARTMENT, key, f"expected at most {LARGEST_COMPARTMENT}", column)
    whole: Index = column.astype(np.int64)
    return whole


def _classic_events(table: dict[str, NDArray[Any]]) -> None:
    """RxODE's EVID 101, 201, ...: a dose given at once into compartment 1, 2, ..."""
    evid = table["EVID"]
    classic = (evid > 100) & (evid < 10_000) & (evid % 100 == 1)
    if classic.any():
        table["CMT"] = np.where(classic, evid // 100, table["CMT"])
        table["EVID"] = np.where(classic, 1.0, evid)


def _compartments(compartments: Any) -> dict[int, str]:
    if compartments is None:
        return {}
    if not isinstance(compartments, Mapping):
        raise DataError(
            f"compartments is {compartments!r}; expected the states by number, such as {{1: 'depot', 2: 'central'}}."
        )
    for number, state in compartments.items():
        if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < 1:
            raise DataError(f"compartments has the number {number!r}; expected whole numbers of 1 or more.")
        if number > LARGEST_COMPARTMENT:
            raise DataError(f"compartments has a number above {LARGEST_COMPARTMENT}, which no CMT can be.")
        if not isinstance(state, str) or not state:
            raise DataError(f"compartments[{number}] is {state!r}; expected the name of a state or route of the model.")
    return {int(number): state for number, state in sorted(compartments.items())}
