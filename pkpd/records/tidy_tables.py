"""Tidy tables as they stand: CSV files and DataFrames, cell by cell, with where each cell is."""

from __future__ import annotations

import csv
import difflib
import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pkpd.errors import DataError

__all__ = ["Table", "as_text", "nearest", "read_csv", "read_table"]


@dataclass(frozen=True)
class Table:
    """Columns of cells by name, and where they come from.

    Attributes
    ----------
    name, source
        The file, and the text of its ``#`` lines.
    columns
        The cells of each column, as they were written.
    labels
        For each row where it is: ``line 5`` of a file, ``row x`` of a DataFrame.
    """

    name: str
    source: str
    columns: Mapping[str, Sequence[Any]]
    labels: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)

    def place(self, row: int, column: str) -> str:
        """Where a cell is, for messages."""
        return f"{self.name}, {self.labels[row]}: column {column!r}"

    def texts(self, column: str) -> list[str]:
        """A column of names; an empty cell is refused."""
        for row, cell in enumerate(self.columns[column]):
            if _missing(cell) and str(cell).strip() != "NA":  # an arm may be called that
                raise DataError(f"{self.place(row, column)} is empty; expected a name.")
        return [as_text(cell) for cell in self.columns[column]]

    def numbers(self, column: str) -> list[float]:
        """A column of finite numbers; a missing one is refused."""
        return [self.number(row, column) for row in range(len(self))]

    def numbers_or_nan(self, column: str) -> list[float]:
        """A column of finite numbers, NaN where a cell is empty."""
        cells = self.columns[column]
        return [math.nan if _missing(cell) else self.number(row, column) for row, cell in enumerate(cells)]

    def choices(self, column: str, meanings: Mapping[str, Any], default: Any) -> list[Any]:
        """A column of words by their meaning, in any case; `default` where a cell is empty."""
        chosen = []
        for row, cell in enumerate(self.columns[column]):
            word = as_text(cell).lower()
            if not _missing(cell) and word not in meanings:
                raise DataError(
                    f"{self.place(row, column)} is {reprlib.repr(cell)}; expected one of {', '.join(meanings)}."
                )
            chosen.append(default if _missing(cell) else meanings[word])
        return chosen

    def plain(self, column: str) -> list[str]:
        """The cells of a column as text, whatever they are."""
        return [as_text(cell) for cell in self.columns[column]]

    def number(self, row: int, column: str) -> float:
        """A cell as a finite number; a missing one is refused."""
        cell, where = self.columns[column][row], self.place(row, column)
        if _missing(cell):
            state = "empty" if cell is None or (isinstance(cell, str) and not cell.strip()) else "NaN"
            raise DataError(f"{where} is {state}; leave out the row of what was not measured.")
        if isinstance(cell, bool | np.bool_ | complex | np.complexfloating):
            raise DataError(f"{where} is {cell!r}; expected a real number.")
        try:
            number = float(cell)
        except OverflowError:
            raise DataError(f"{where} is {reprlib.repr(cell)}; expected a finite number.") from None
        except (TypeError, ValueError):
            raise DataError(f"{where} is {reprlib.repr(cell)}; expected a number.") from None
        if not math.isfinite(number):
            raise DataError(f"{where} is {number}; expected a finite number.")
        return number


def as_text(cell: Any) -> str:
    """A cell as text; a number that is whole is written as such, so that 1 and 1.0 are one subject."""
    if isinstance(cell, float | np.floating) and math.isfinite(cell) and cell == int(cell):
        return str(int(cell))
    return str(cell).strip()


def _missing(cell: Any) -> bool:
    return cell is None or cell is np.ma.masked or str(cell).strip().lower() in ("", "nan", "na", "<na>", "nat")


# ---- reading


def read_table(table: Any, expected: str) -> Table:
    """The table of a CSV file or a DataFrame; `expected` names its columns in messages.

    Raises
    ------
    DataError
        If it is neither, or its rows and columns do not make a table.
    """
    if isinstance(table, str | Path):
        return read_csv(Path(table), expected)
    if not (hasattr(table, "columns") and hasattr(table, "index")):
        raise DataError(f"the observations are {reprlib.repr(table)}; expected the path of a CSV file or a DataFrame.")
    header = [str(c) for c in table.columns]
    _check_header("the DataFrame", header)
    columns = {c: table.iloc[:, i].tolist() for i, c in enumerate(header)}
    labels = table.index if table.index.is_unique else range(len(table))  # as after pandas.concat
    return Table("the DataFrame", "", columns, [f"row {label}" for label in labels])


def read_csv(path: Path, expected: str) -> Table:
    """The table of a CSV file; lines that begin with ``#`` before the column names are its source."""
    lines = _lines(path)
    above = next((i for i, line in enumerate(lines) if not line.lstrip().startswith("#")), len(lines))
    rows = _rows(path, lines, above)
    if not rows:
        raise DataError(f"{path.name} is empty; expected the columns {expected}.")
    (_, header), body = rows[0], rows[1:]
    for number, cells in body:
        if len(cells) != len(header):
            raise DataError(f"{path.name}, line {number} has {len(cells)} cells; the header has {len(header)} columns.")
    _check_header(path.name, header)
    source = "\n".join(line.lstrip().removeprefix("#").strip() for line in lines[:above])
    columns = {c: [cells[i] for _, cells in body] for i, c in enumerate(header)}
    return Table(path.name, source, columns, [f"line {number}" for number, _ in body])


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"there is no file {str(path)!r}.")
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file in UTF-8.") from None


def _rows(path: Path, lines: Sequence[str], above: int) -> list[tuple[int, list[str]]]:
    """The rows with any cell filled, each with the number of its line."""
    reader = csv.reader(lines[above:], skipinitialspace=True)
    try:
        numbered = [(above + reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise DataError(f"{path.name}, line {above + reader.line_num} cannot be read: {error}.") from None
    return [(number, row) for number, row in numbered if any(row)]


def _check_header(where: str, header: Sequence[str]) -> None:
    twice = next((c for i, c in enumerate(header) if c in header[:i]), None)
    if twice is not None:
        raise DataError(f"{where} has the column {twice!r} twice.")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that is spelled most like `name`, in any case; None if none is."""
    lowered = {n.lower(): n for n in names}
    near = difflib.get_close_matches(name.lower(), lowered, n=1)
    return lowered[near[0]] if near else None
