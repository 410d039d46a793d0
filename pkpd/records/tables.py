"""A file of records as texts: its separator, names, comments, and what NONMEM writes around a table."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pkpd.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_texts"]


SEPARATORS = (",", ";", "\t", " ")
TABLE_LINE = re.compile(r"\s*TABLE\s+NO\.?\s*(\d+)\s*(:.*)?", re.IGNORECASE)
TIME_LIKE = re.compile(r"[-+.\d][-+.,:\deEdD]*|\.|NA|", re.IGNORECASE)


@dataclass(frozen=True)
class _Line:
    """The fields of a line, whether they begin with an unquoted ``#``, and its number in the file."""

    fields: list[str]
    marked: bool
    number: int


def read_texts(path: Path, comment: str | None, renamed: Collection[str] = ()) -> pd.DataFrame:
    """Read a file as a table of texts, with the names of its first line.

    Parameters
    ----------
    path
        A text in UTF-8.
    comment
        What a comment begins with; None to leave it to the line, where ``#`` is doubtful.
    renamed
        Names that stand for ID and TIME, by which the line of the names is known.

    Raises
    ------
    DataError
        If there is no such file, it is no text, has no names, or a row has too many fields;
        or if a line begins with ``#`` and reads like a record and `comment` does not say
        which it is.
    """
    import pandas as pd

    lines = _lines(path)
    head = _head(lines, path.name, comment or "#", renamed)
    separator = _separator(lines[head])
    names = [name.strip().strip("\"'") for name in _split(lines[head].lstrip().lstrip("#"), separator)]
    rows = list(_rows(_parsed(lines[head + 1 :], head + 2, separator, path.name), names, comment, path.name))
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pd.DataFrame({i: np.array(column, dtype=object) for i, column in enumerate(columns)}).set_axis(names, axis=1)


def _lines(path: Path) -> list[str]:
    try:
        if not path.is_file():
            raise DataError(f"there is no file {str(path)!r}.")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path.name} is not a text in UTF-8.") from None
    except OSError as error:
        raise DataError(f"{str(path)[:80]!r} cannot be read: {error.strerror or error}.") from None
    if not text.strip():
        raise DataError(f"{path.name} is empty; expected the names of the data items in its first line.")
    return text.split("\n")


def _head(lines: list[str], name: str, comment: str, renamed: Collection[str]) -> int:
    """The line of the names: the first that is neither empty, nor NONMEM's TABLE NO., nor a comment."""
    tables = {
        match[1] for line in lines if line.lstrip()[:5].upper() == "TABLE" and (match := TABLE_LINE.fullmatch(line))
    }
    if len(tables) > 1:
        raise DataError(
            f"{name} holds several tables (TABLE NO. {', '.join(sorted(tables, key=int))}); keep one a file."
        )
    for number, line in enumerate(lines):
        text = line.strip()
        if not text or TABLE_LINE.fullmatch(line):
            continue
        if not text.startswith(("#", comment)) or _is_named(text, renamed):
            return number
    raise DataError(f"{name} has no line of names; expected the names of the data items, such as ID,TIME,AMT,DV.")


def _is_named(text: str, renamed: Collection[str]) -> bool:
    """Whether a line that begins as a comment has the names of data items."""
    fields = {field.strip().strip("\"'") for field in _split(text.lstrip("#"), _separator(text))}
    return {"ID", "TIME"} <= {field.upper() for field in fields} or any(name in fields for name in renamed)


def _separator(line: str) -> str:
    """The separator that makes the most fields of a line, whatever stands in quotation marks."""
    return max(SEPARATORS, key=lambda mark: len(_split(line.lstrip().lstrip("#"), mark)))


def _split(line: str, separator: str) -> list[str]:
    return next(csv.reader([_bare(line, separator)], delimiter=separator, skipinitialspace=True), [""])


def _bare(line: str, separator: str) -> str:
    """A line without blanks around it; where blanks separate, tabs do too."""
    return line.replace("\t", " ").strip() if separator == " " else line.rstrip("\r\n")


def _parsed(lines: list[str], first: int, separator: str, name: str) -> Iterator[_Line]:
    """The lines that are not empty, split."""
    for number, line in enumerate(lines, start=first):
        text = _bare(line, separator)
        if text and not text.isspace():
            yield _Line(_fields(text, separator, number, name), text.lstrip().startswith("#"), number)


def _fields(line: str, separator: str, number: int, name: str) -> list[str]:
    if '"' not in line and len(line) < csv.field_size_limit():
        return line.split() if separator == " " else [field.strip() for field in line.split(separator)]
    try:
        fields = next(csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise DataError(f"{name}: line {number} cannot be split into fields: {error}.") from None
    return [field.strip() for field in fields]


def _rows(lines: Iterator[_Line], names: list[str], comment: str | None, name: str) -> Iterator[list[str]]:
    count = 0
    for line in lines:
        if _is_page(line, names) or _is_comment(line, names, comment, name):
            continue
        count += 1
        if len(line.fields) > len(names):
            raise DataError(
                f"{name}: row {count} (line {line.number}) has {len(line.fields)} fields, more fields than the "
                f"{len(names)} names in the first line."
            )
        yield line.fields + [""] * (len(names) - len(line.fields))


def _is_page(line: _Line, names: list[str]) -> bool:
    """Whether a line is of those that NONMEM writes on every page: the number of the table, and the names."""
    first = line.fields[0]
    return line.fields == names or (
        first[:5].upper() == "TABLE" and TABLE_LINE.fullmatch(" ".join(line.fields)) is not None
    )


def _is_comment(line: _Line, names: list[str], comment: str | None, name: str) -> bool:
    if comment is not None:
        text = line.fields[0] if line.fields else ""
        return bool(comment) and text.startswith(comment) and (line.marked or comment != "#")
    if not line.marked or line.fields == ["#"]:
        return line.marked
    if not _reads_like_a_record(line.fields, names):
        return True
    raise DataError(
        f"{name}: line {line.number} begins with '#' and has the fields of a record: say comment='#' to leave such "
        f"lines out, or comment='' if {line.fields[0]!r} is an ID."
    )


def _reads_like_a_record(fields: list[str], names: list[str]) -> bool:
    upper = [name.upper() for name in names]
    if len(fields) != len(names) or "TIME" not in upper:
        return False
    return TIME_LIKE.fullmatch(fields[upper.index("TIME")]) is not None
