"""Columns of a table as arrays: numbers to their last digit, texts, and identifiers that stay apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Mask
from pkpd.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_column", "identifiers", "missing", "numbers", "with_decimal_points"]


MISSING = ("", ".", "NA")
FORTRAN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
WHOLE_NUMBER = re.compile(r"[+-]?\d{1,18}")
EXACT = 2**53  # up to here a number of double precision tells whole numbers apart


def as_column(series: pd.Series[Any], where: str) -> NDArray[Any]:
    """A column as numbers with NaN, or as texts with None, where it has any text.

    Raises
    ------
    DataError
        If it holds complex numbers, or whole numbers too long to be read; `where` names it.
    """
    if series.dtype.kind in "ifub":
        return series.to_numpy(dtype=float, na_value=np.nan)
    texts = _texts(series, where)
    values = numbers(texts)
    return texts if values is None else values


def numbers(texts: NDArray[Any]) -> Array | None:
    """Texts as numbers, NaN where there is none; or None where a text is not a number."""
    try:
        values = np.array([np.nan if text is None else float(text) for text in texts])
    except ValueError:
        return _fortran_numbers(texts)
    # To Python 1_000 is a number too.
    return None if any("_" in text for text in texts if text is not None) else values


def _fortran_numbers(texts: NDArray[Any]) -> Array | None:
    """Numbers of which some have an exponent of double precision, such as 1.5D+02."""
    values = [np.nan if text is None else _fortran_number(text) for text in texts]
    return None if None in values else np.array(values, dtype=float)


def _fortran_number(text: str) -> float | None:
    if FORTRAN.fullmatch(text):
        return float(re.sub("[dD]", "e", text))
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def missing(column: NDArray[Any]) -> Mask:
    """Where a column of numbers or texts has no value."""
    if column.dtype == object:
        return np.array([value is None for value in column], dtype=bool)
    empty: Mask = np.isnan(column)
    return empty


def _texts(series: pd.Series[Any], where: str) -> NDArray[Any]:
    """A column as stripped texts with None where missing; a line break is a blank."""
    import pandas as pd

    values = series.astype(object).to_numpy()
    if all(type(value) is str for value in values):
        return np.array([_stripped(value) for value in values], dtype=object)
    empty = np.asarray(pd.isna(series))
    texts = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        texts[i] = None if empty[i] else _stripped(_text(value, i, where))
    return texts


def _stripped(text: str) -> str | None:
    """A text without blanks around it, and with a blank for a line break; None where it stands for nothing."""
    text = text.strip()
    if text in MISSING:
        return None
    return re.sub(r"[\r\n]+", " ", text) if "\n" in text or "\r" in text else text


def _text(value: Any, row: int, where: str) -> str:
    if isinstance(value, complex | np.complexfloating | list | tuple | dict | set | np.ndarray):
        raise DataError(f"{where.format(row=row + 1)}: {value!r} is neither a number nor a text.")
    try:
        return repr(float(value)) if isinstance(value, float) else str(value)
    except ValueError:  # Python writes no whole numbers of more than 4300 digits
        raise DataError(f"{where.format(row=row + 1)}: the value is a whole number too long to be read.") from None


def identifiers(series: pd.Series[Any], where: str) -> NDArray[Any]:
    """A column of identifiers, which stay apart whatever their length: whole numbers, numbers, or texts.

    Raises
    ------
    DataError
        If a number is so long that double precision does not tell it from the next.
    """
    if series.dtype.kind == "f":
        values = series.to_numpy(dtype=float, na_value=np.nan)
        long = np.abs(values) >= EXACT
        if long.any():
            row = int(np.argmax(long))
            raise DataError(
                f"{where.format(row=row + 1)}: {values[row]:.17g} is too long for double precision, which would merge "
                "IDs; give them as texts or whole numbers."
            )
        return _whole(values)
    if series.dtype.kind == "i" and isinstance(series.dtype, np.dtype):
        return series.to_numpy(dtype=np.int64)
    texts = _texts(series, where)
    if all(text is not None and WHOLE_NUMBER.fullmatch(text) for text in texts):
        return np.array([int(text) for text in texts], dtype=np.int64)
    read = numbers(texts)
    return texts if read is None or (np.abs(read) >= EXACT).any() else _whole(read)


def _whole(values: Array) -> NDArray[Any]:
    """Numbers as whole numbers, where all of them are."""
    good = np.isfinite(values)
    return values.astype(np.int64) if good.all() and (values == np.round(values)).all() else values


def with_decimal_points(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A table of texts with decimal points where all of its decimals are commas.

    Raises
    ------
    DataError
        If some numbers have a decimal comma and others a decimal point.
    """
    columns = [frame.iloc[:, i].to_numpy() for i in range(frame.shape[1])]
    commas = [i for i, column in enumerate(columns) if _has_decimal_commas(column)]
    if not commas:
        return frame
    row = next(r for r, text in enumerate(columns[commas[0]]) if DECIMAL_COMMA.fullmatch(text))
    for i, column in enumerate(columns):
        point = next((text for text in column if DECIMAL_POINT.fullmatch(text)), None)
        if point is not None:
            raise DataError(
                f"{name}: row {row + 1}, column {frame.columns[commas[0]]}: {columns[commas[0]][row]!r} has a decimal "
                f"comma, and {point!r} of column {frame.columns[i]} a decimal point; write all of them in one way."
            )
    for i in commas:
        columns[i] = np.array([text.replace(",", ".") for text in columns[i]], dtype=object)
    return type(frame)(dict(enumerate(columns))).set_axis(frame.columns, axis=1)


def _has_decimal_commas(texts: NDArray[Any]) -> bool:
    """Whether a column is all numbers, some of them with a decimal comma."""
    if not any("," in text for text in texts):
        return False
    there = [text for text in texts if text not in MISSING]
    commas = [DECIMAL_COMMA.fullmatch(text) is not None for text in there]
    return any(commas) and all(comma or FORTRAN.fullmatch(text) for comma, text in zip(commas, there, strict=True))
