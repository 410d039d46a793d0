"""Covariates of records: which parameter each column is, and its value between records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, unknown_name
from pkpd.records.records import Records
from pkpd.records.segments import Segments

__all__ = ["CARRIES", "covariate_columns", "varying", "without_gaps"]


CARRIES = ("backward", "forward", "linear")


def covariate_columns(data: Records, parameters: Iterable[str], wanted: Iterable[str] | None = None) -> dict[str, str]:
    """The column that holds each parameter's values: of the same name, or the same but for case.

    Parameters
    ----------
    data
        The records.
    parameters
        The parameters of the model.
    wanted
        The columns to use; every one that is named like a parameter by default.

    Raises
    ------
    UnknownNameError
        If a wanted column is not there, or not named like a parameter.
    """
    names = list(parameters)
    lowered: dict[str, list[str]] = {}
    for name in names:
        lowered.setdefault(name.lower(), []).append(name)
    matched: dict[str, str] = {}
    columns = list(data.covariates) + [c for c in ("OCC", "DVID") if c in names and not _empty(data, c)]
    for column in columns if wanted is None else _wanted(wanted):
        if column not in columns:
            raise unknown_name(data.name, "covariate", str(column), columns)
        alike = [column] if column in names else lowered.get(column.lower(), [])
        if len(alike) == 1:
            matched[alike[0]] = column
        elif wanted is not None:
            raise unknown_name("the model", "parameter", str(column), names)
    return matched


def _wanted(wanted: Any) -> list[Any]:
    if not isinstance(wanted, Iterable):
        raise DataError(f"covariates is {wanted!r}; expected names of columns, or () for none.")
    return [wanted] if isinstance(wanted, str) else list(wanted)


def _empty(data: Records, column: str) -> bool:
    return data[column].dtype != object and bool(np.isnan(data[column]).all())


def without_gaps(data: Records, cuts: Segments, columns: Mapping[str, str], carry: str) -> dict[str, Array]:
    """The values of each parameter at every record, (rows,), missing ones filled as `carry` says.

    Raises
    ------
    DataError
        If a column is text, or has no value at all for a subject.
    """
    return {parameter: _filled(data, cuts, column, carry) for parameter, column in columns.items()}


def _filled(data: Records, cuts: Segments, column: str, carry: str) -> Array:
    values: Array = data[column]
    if values.dtype == object:
        row = next(i for i, v in enumerate(values) if isinstance(v, str))
        raise DataError(
            f"{data.place(row)}, column {column}: {values[row]!r} is not a number, and the model's parameter needs "
            "one; write a number for each category, or leave the column out with covariates=."
        )
    gaps = np.isnan(values)
    if not gaps.any():
        return values
    rows = np.arange(len(values))
    before = np.maximum.accumulate(np.where(gaps, -1, rows))
    after = np.minimum.accumulate(np.where(gaps, len(values), rows)[::-1])[::-1]
    has_before = (before >= 0) & (cuts.subject[before] == cuts.subject)
    has_after = (after < len(values)) & (cuts.subject[np.minimum(after, len(values) - 1)] == cuts.subject)
    nothing = ~has_before & ~has_after
    if nothing.any():
        row = int(np.argmax(nothing))
        raise DataError(
            f"{data.place(row)}, column {column}: the subject has no value of {column} at all; "
            "give one, or leave the column out with covariates=."
        )
    before, after = np.where(has_before, before, after), np.where(has_after, after, before)
    if carry == "linear":
        time = data["TIME"]
        span = time[after] - time[before]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(span > 0, (time - time[before]) / span, 0.0)
        line: Array = values[before] + share * (values[after] - values[before])
        return line
    return values[before if carry == "forward" else after]


def varying(values: Mapping[str, Array], cuts: Segments) -> list[str]:
    """The parameters whose value changes within a subject."""
    same = cuts.subject[1:] == cuts.subject[:-1]
    return [name for name, column in values.items() if (same & (column[1:] != column[:-1])).any()]
