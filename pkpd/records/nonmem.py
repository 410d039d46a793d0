"""NONMEM's tables of records: reading, the meaning of what they leave out, and writing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Index, Mask
from pkpd.errors import DataError, unknown_name
from pkpd.records.checks import RowCheck, check_records
from pkpd.records.records import STANDARD, Records
from pkpd.storage import write_atomically

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_nonmem", "write_nonmem"]

WHOLE = ("EVID", "MDV", "CMT", "ADDL", "SS", "CENS")
UNKNOWN_IF_MISSING = ("DV", "LLOQ", "OCC", "DVID")
TEXT_ALLOWED = ("ID", "OCC", "DVID")
# The names of older Monolix tables; a DOSE is an amount only beside columns of dosing.
MONOLIX = {"DOSE": "AMT", "Y": "DV", "YTYPE": "DVID"}
DOSING = {"ADDL", "II", "SS", "RATE", "EVID"}


def read_nonmem(
    source: str | Path | pd.DataFrame,
    *,
    compartments: Mapping[int, str] | None = None,
    columns: Mapping[str, str] | None = None,
    sort: bool = False,
) -> Records:
    """Read a table of dose and observation records in NONMEM's columns.

    The data items ID, TIME, AMT, RATE, DUR, EVID, CMT, ADDL, II, SS, DV, MDV, CENS, LLOQ,
    OCC and DVID are known in any case; ID and TIME are required; every other column is a
    covariate.  ``.``, ``NA`` and nothing at all are missing values.  What the records do is
    told by `pkpd.predict`.

    What is left out has NONMEM's meaning.  Without EVID a record with an AMT, or with a
    RATE, ADDL, II or SS, is a dose, any other an observation, or EVID 2 where MDV is 1.
    Without MDV it is 1 on every record that is no observation; an observation without a
    DV has MDV 1 in any case.  CMT 0 or missing is the default compartment of a dose: the
    lowest number of `compartments`, or 1.

    From other programs: a DUR is the duration of an infusion (as in rxode2); EVID 101,
    201, ... is a dose into compartment 1, 2, ... (RxODE); DOSE, Y and YTYPE stand for AMT,
    DV and DVID where those are missing, and a dose of 0 without EVID, as for animals that
    get the vehicle, is an EVID 2 (Monolix).

    Parameters
    ----------
    source
        A file with fields separated by commas, semicolons, tabs or blanks, names in its
        first line (which may begin with ``#``); or a DataFrame.  Lines that begin with ``#``
        are comments.
    compartments
        The model's state for each number of CMT, such as ``{1: "depot", 2: "central"}``.
        Without it, compartment n is the n-th state of the model.
    columns
        Data items under other names, such as ``{"CONC": "DV"}``.
    sort
        Sort the records of each subject by time (records at one time keep their order)
        and bring them together, where NONMEM would refuse them.

    Raises
    ------
    DataError
        If a column is missing or twice there; a value is text, missing, negative or not
        whole where it may not be; the times of a subject decrease without a reset (EVID 3
        or 4); a subject's records lie apart; or the data items of a record contradict one
        another (EVID 1 without a dose, II without ADDL or SS, a CMT not in `compartments`,
        ...).  The message names the row, counted from 1 below the names, and the column.
    """
    frame, name = _frame(source)
    if not isinstance(columns, Mapping | None):
        raise DataError(f"columns is {columns!r}; expected {{name in the table: data item}}, such as {{'CONC': 'DV'}}.")
    frame = _named(frame, name, columns or {})
    table = {key: _column(frame, key, name) for key in STANDARD}
    covariates = {key: _covariate(frame[key]) for key in frame.columns if key not in STANDARD}
    if not len(frame):
        raise DataError(f"{name} has no records.")
    check = RowCheck(name, table)
    table = _completed(table, set(frame.columns), check)
    if sort:
        order = _order(table)
        table = {key: column[order] for key, column in table.items()}
        covariates = {key: column[order] for key, column in covariates.items()}
        check = RowCheck(name, table, order)
    numbered = _compartments(compartments)
    check_records(table, numbered, check)
    return Records(table, covariates, numbered, name)


def write_nonmem(data: Records, path: str | Path) -> None:
    """Write records as a table with commas between fields and ``.`` for missing values.

    EVID and MDV are written out; data items that say nothing are left out.  Numbers are
    written to their last digit: `read_nonmem` gives the same records again, with the same
    `compartments`.

    Raises
    ------
    DataError
        If the folder does not exist.
    """
    if not isinstance(data, Records):
        raise DataError(f"write_nonmem() got {data!r}; expected records, as from read_nonmem().")
    write_atomically(path, lambda temporary: data.table.to_csv(temporary, index=False, na_rep="."))


# ---- the table as it stands


def _frame(source: Any) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True), "records"
    path = Path(source)
    if not path.is_file():
        raise DataError(f"there is no file {str(path)!r}.")
    try:
        names, separator = _header(path)
        frame = pd.read_csv(
            path, sep=separator, header=None, skiprows=1, names=range(len(names)), na_values=["."],
            encoding="utf-8-sig", skipinitialspace=True, low_memory=False, **_exact_floats(pd.__version__),
        )  # fmt: skip
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name} is empty; expected the names of the data items in its first line.") from None
    except pd.errors.ParserError as error:
        raise DataError(f"{path.name}: {str(error).strip()}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path.name} is not a text in UTF-8.") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(f"{path.name}: its rows have more fields than the {len(names)} names in the first line.")
    frame.columns = pd.Index(names)
    return _without_comments(frame), path.name


def _exact_floats(version: str) -> dict[str, Any]:
    """Before its version 3.1, pandas read numbers to their last digit only when asked to."""
    major, minor = (int(part) for part in version.split(".")[:2])
    return {} if (major, minor) >= (3, 1) else {"float_precision": "round_trip"}


def _header(path: Path) -> tuple[list[str], str]:
    """The names in the first line, and what separates them."""
    with path.open(encoding="utf-8-sig") as file:
        line = file.readline().strip().lstrip("#")
    separator = _separator(line)
    fields = line.split() if separator == r"\s+" else line.split(separator)
    return [f.strip().strip("\"'") for f in fields], separator


def _separator(line: str) -> str:
    counts = {mark: line.count(mark) for mark in (",", ";", "\t")}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else r"\s+"


def _without_comments(frame: pd.DataFrame) -> pd.DataFrame:
    first = frame.iloc[:, 0]
    if first.dtype.kind in "ifb":
        return frame
    comment = first.astype(str).str.startswith("#")
    return frame[~comment].reset_index(drop=True).infer_objects() if comment.any() else frame


def _named(frame: pd.DataFrame, name: str, columns: Mapping[str, str]) -> pd.DataFrame:
    """The frame with data items in capitals, renamed by `columns` and from Monolix's names."""
    spelled = [str(c).strip() for c in frame.columns]
    for key, item in columns.items():
        if key not in spelled:
            raise unknown_name(name, "column", str(key), spelled)
        if item not in STANDARD:
            raise unknown_name("a table of records", "data item", str(item), STANDARD)
    new = [columns.get(c, c.upper() if c.upper() in STANDARD else c) for c in spelled]
    if not columns:
        new = _from_monolix(new)
    seen: dict[str, int] = {}
    for position, key in enumerate(new):
        if not key:
            raise DataError(f"{name}: column {position + 1} has no name.")
        if key.upper() in seen:
            both = f"{spelled[seen[key.upper()]]!r} (column {seen[key.upper()] + 1}) and {spelled[position]!r}"
            raise DataError(f"{name}: the column {key!r} is there twice: {both} (column {position + 1}).")
        seen[key.upper()] = position
    for required in ("ID", "TIME"):
        if required not in new:
            raise DataError(f"{name} has no column {required!r}. It has {', '.join(spelled)}.")
    return frame.set_axis(new, axis=1)


def _from_monolix(names: list[str]) -> list[str]:
    has = set(names)
    missing = {old: item for old, item in MONOLIX.items() if item not in has}
    if not has & DOSING:
        missing.pop("DOSE", None)
    return [missing.get(n.upper(), n) for n in names]


# ---- columns as arrays


def _column(frame: pd.DataFrame, key: str, name: str) -> NDArray[Any]:
    """A data item as numbers, NaN where missing; or as texts, where those are allowed."""
    import pandas as pd

    if key not in frame.columns:
        return np.broadcast_to(np.nan, len(frame))
    column = _covariate(frame[key])
    if column.dtype == object and key not in TEXT_ALLOWED:
        numbers = pd.to_numeric(pd.Series(column), errors="coerce").to_numpy()
        row = next(i for i, v in enumerate(column) if v is not None and np.isnan(numbers[i]))
        raise DataError(f"{name}: row {row + 1}, column {key}: {column[row]!r} is not a number.")
    return column


def _covariate(series: pd.Series[Any]) -> NDArray[Any]:
    """A column as numbers with NaN, or as texts with None, where it has any text."""
    import pandas as pd

    if series.dtype.kind in "ifub":
        return series.to_numpy(dtype=float)
    texts = series.astype("string").str.strip().replace({".": pd.NA, "": pd.NA, "NA": pd.NA})
    numbers = pd.to_numeric(texts, errors="coerce")
    if (numbers.isna() == texts.isna()).all():
        return numbers.to_numpy(dtype=float, na_value=np.nan)
    return texts.astype(object).where(texts.notna(), None).to_numpy(dtype=object)


def _completed(table: dict[str, NDArray[Any]], there: set[str], check: RowCheck) -> dict[str, NDArray[Any]]:
    """The data items without missing values, except where missing is a meaning."""
    table = dict(table)
    table["ID"] = _identifiers(table["ID"], check)
    check.table = table
    check(np.isfinite(table["TIME"]), "TIME", "expected a finite number; clock times and dates are not read")
    vehicle = (table["AMT"] == 0) & (np.nan_to_num(table["RATE"]) == 0) & ~(table["SS"] > 0)
    for key in STANDARD:
        if key in UNKNOWN_IF_MISSING or key in ("ID", "TIME", "MDV"):
            continue
        table[key] = (
            np.nan_to_num(table[key], nan=0.0, posinf=np.inf, neginf=-np.inf) if key in there else _zeros(table)
        )
    _classic_events(table)
    if "EVID" not in there:
        doses = np.logical_or.reduce([table[k] != 0 for k in ("AMT", "RATE", "ADDL", "II", "SS")])
        other = np.where((table["MDV"] == 1) | (vehicle & doses), 2, 0)
        table["EVID"] = np.where(doses & ~vehicle, 1, other)
    silent = (table["EVID"] != 0) | _missing(table["DV"])
    table["MDV"] = np.where(silent & ~(table["MDV"] > 1), 1.0, np.nan_to_num(table["MDV"]))
    for key in WHOLE:
        check(
            np.isfinite(table[key]) & (table[key] == np.round(table[key])), key, "expected a whole number", table[key]
        )
        table[key] = table[key].astype(np.int64)
    return table


def _zeros(table: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    return np.broadcast_to(0.0, len(table["ID"]))


def _missing(column: NDArray[Any]) -> Mask:
    if column.dtype == object:
        return np.array([v is None for v in column])
    found: Mask = np.isnan(column)
    return found


def _identifiers(column: NDArray[Any], check: RowCheck) -> NDArray[Any]:
    check(~_missing(column), "ID", "expected a number or a text", column)
    if column.dtype == object:
        return column
    return column.astype(np.int64) if (column == np.round(column)).all() else column


def _classic_events(table: dict[str, NDArray[Any]]) -> None:
    """RxODE's EVID 101, 201, ...: a dose given at once into compartment 1, 2, ..."""
    evid = table["EVID"]
    classic = (evid > 100) & (evid < 10_000) & (evid % 100 == 1)
    if classic.any():
        table["CMT"] = np.where(classic, evid // 100, table["CMT"])
        table["EVID"] = np.where(classic, 1.0, evid)


def _order(table: Mapping[str, NDArray[Any]]) -> Index:
    import pandas as pd

    return np.lexsort((table["TIME"], pd.factorize(table["ID"])[0]))


def _compartments(given: Mapping[int, str] | None) -> dict[int, str]:
    if given is not None and not isinstance(given, Mapping):
        raise DataError(
            f"compartments is {given!r}; expected the states by number, such as {{1: 'depot', 2: 'central'}}."
        )
    for number, state in (given or {}).items():
        if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < 1:
            raise DataError(f"compartments has the number {number!r}; expected whole numbers of 1 or more.")
        if not isinstance(state, str) or not state:
            raise DataError(f"compartments[{number}] is {state!r}; expected the name of a state of the model.")
    return {int(number): state for number, state in sorted((given or {}).items())}
