"""Observations: a tidy table with a regimen for each arm, checked once when it is read."""

from __future__ import annotations

import csv
import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError
from pkpd.treatment.regimens import Regimen

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dataset", "arm_names", "read_observations"]


TEXTS, NUMBERS = ("arm", "output"), ("time", "value")
REQUIRED = ("arm", "time", "output", "value")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Observations and the regimen under which each arm was observed; see `read_observations`.

    Attributes
    ----------
    arm, output
        What each observation belongs to and what it measures, one text for each.
    time, value, sd
        (observations,): in the units of the model's time and of the output.  `sd` is 1
        throughout where the standard deviations are not given.
    regimens
        The regimen of each arm, in the order in which the arms first appear; None for an
        untreated arm.
    sd_given
        Whether the standard deviations are data.
    name, source
        The file, and the text of its ``#`` lines.
    unused
        Columns that were found and have no meaning here.
    """

    arm: tuple[str, ...]
    time: Array
    output: tuple[str, ...]
    value: Array
    sd: Array
    regimens: Mapping[str, Regimen | None]
    sd_given: bool = True
    name: str = "observations"
    source: str = ""
    unused: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("time", "value", "sd"):
            column = np.array(getattr(self, key), dtype=float)
            column.flags.writeable = False
            object.__setattr__(self, key, column)
        object.__setattr__(self, "regimens", MappingProxyType(dict(self.regimens)))

    def __len__(self) -> int:
        return len(self.arm)

    def __reduce__(self) -> tuple[Any, ...]:
        columns = (self.arm, self.time, self.output, self.value, self.sd)
        return Dataset, (*columns, dict(self.regimens), self.sd_given, self.name, self.source, self.unused)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms, in the order in which they first appear."""
        return tuple(self.regimens)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What is observed, in the order of first appearance."""
        return tuple(dict.fromkeys(self.output))

    @property
    def table(self) -> pd.DataFrame:
        """The observations as a table: arm, time, output, value and, where given, sd."""
        import pandas as pd

        columns: dict[str, Any] = {"arm": self.arm, "time": self.time, "output": self.output, "value": self.value}
        return pd.DataFrame(columns | ({"sd": self.sd} if self.sd_given else {}))

    def rows(self, arm: str) -> Index:
        """The positions of the observations of one arm."""
        return np.flatnonzero(np.array([a == arm for a in self.arm]))

    def keep(self, wanted: Any) -> Dataset:
        """The observations at which `wanted` is true, with the arms that are left.

        Parameters
        ----------
        wanted
            (observations,) of truth values, such as ``data.time >= 8``.

        Raises
        ------
        DataError
            If the shape differs, or nothing is left.
        """
        mask = np.asarray(wanted)
        if mask.shape != (len(self),) or mask.dtype != bool:
            raise DataError(f"{self.name}: keep() takes {len(self)} truth values, one for each observation.")
        if not mask.any():
            raise DataError(f"{self.name}: keep() leaves no observation.")
        arm = tuple(a for a, kept in zip(self.arm, mask, strict=True) if kept)
        return dataclasses.replace(
            self,
            arm=arm,
            time=self.time[mask],
            output=tuple(o for o, kept in zip(self.output, mask, strict=True) if kept),
            value=self.value[mask],
            sd=self.sd[mask],
            regimens={a: r for a, r in self.regimens.items() if a in arm},
        )

    def __repr__(self) -> str:
        return (
            f"<Dataset {self.name}: {len(self)} observations of {', '.join(self.outputs)} "
            f"in {len(self.arms)} arms ({', '.join(self.arms)})>"
        )


def read_observations(table: str | Path | pd.DataFrame, regimens: Mapping[Any, Regimen | None]) -> Dataset:
    """Read a tidy table of observations and join it with the regimen of each arm.

    Parameters
    ----------
    table
        A CSV file or a DataFrame with one observation a row and the columns ``arm``,
        ``time`` and ``output`` (a state or output of the model), ``value`` (in its unit),
        and, where known, ``sd``, the standard deviation of `value`.  Lines that begin
        with ``#`` before the column names tell the source.  Several observations of an
        output at one time are replicates; a row that is repeated in full is refused.
        What was not measured has no row.
    regimens
        For each arm its regimen, or None where nothing was given.

    Raises
    ------
    DataError
        If a column is missing; a cell is empty, not a number, not finite or out of range;
        a row is repeated; or the arms of the table and of `regimens` are not the same.
        The message names the file, the line (of a DataFrame, the row's label) and the column.
    """
    if isinstance(table, str | Path):
        name, source, columns, labels = _read_csv(Path(table))
    else:
        name, source, columns, labels = _read_frame(table)
    unused = _check_columns(name, list(columns))
    texts = {c: _texts(name, c, columns[c], labels) for c in TEXTS}
    numbers = {c: _numbers(name, c, columns[c], labels) for c in (*NUMBERS, *(["sd"] if "sd" in columns else []))}
    _check_ranges(name, numbers, labels)
    _check_repeats(name, [*texts.values(), *numbers.values()], labels)
    arms = dict.fromkeys(texts["arm"])
    return Dataset(
        arm=tuple(texts["arm"]),
        time=np.array(numbers["time"]),
        output=tuple(texts["output"]),
        value=np.array(numbers["value"]),
        sd=np.array(numbers.get("sd", [1.0] * len(labels))),
        regimens=_matched(name, list(arms), regimens),
        sd_given="sd" in numbers,
        name=name,
        source=source,
        unused=unused,
    )


def arm_names(path: str | Path) -> list[str]:
    """The arms that a CSV file names, in the order in which they first appear; none where it has no such column.

    Raises
    ------
    DataError
        If the file is not there or not a table.
    """
    columns = _read_csv(Path(path))[2]
    return list(dict.fromkeys(arm for arm in columns.get("arm", ()) if arm))


# ---- reading

Table = tuple[str, str, dict[str, Sequence[Any]], list[str]]


def _read_csv(path: Path) -> Table:
    if not path.is_file():
        raise DataError(f"there is no file {str(path)!r}.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file in UTF-8.") from None
    told = next((i for i, line in enumerate(lines) if not line.lstrip().startswith("#")), len(lines))
    reader = csv.reader(lines[told:], skipinitialspace=True)
    numbered = [(told + reader.line_num, [cell.strip() for cell in row]) for row in reader]
    filled = [(number, row) for number, row in numbered if any(row)]
    if not filled:
        raise DataError(f"{path.name} is empty; expected the columns {', '.join(REQUIRED)} and, where known, sd.")
    (_, header), rows = filled[0], filled[1:]
    for number, row in rows:
        if len(row) != len(header):
            raise DataError(f"{path.name}, line {number} has {len(row)} cells; the header has {len(header)} columns.")
    source = "\n".join(line.lstrip().removeprefix("#").strip() for line in lines[:told])
    _check_header(path.name, header)
    return (
        path.name, source,
        {c: [row[i] for _, row in rows] for i, c in enumerate(header)},
        [f"line {number}" for number, _ in rows],
    )  # fmt: skip


def _read_frame(frame: Any) -> Table:
    if not (hasattr(frame, "columns") and hasattr(frame, "index")):
        raise DataError(f"the observations are {frame!r}; expected the path of a CSV file or a DataFrame.")
    header = [str(c) for c in frame.columns]
    _check_header("the DataFrame", header)
    columns = {c: frame.iloc[:, i].tolist() for i, c in enumerate(header)}
    return "the DataFrame", "", columns, [f"row {label}" for label in frame.index]


def _check_header(where: str, header: Sequence[str]) -> None:
    twice = next((c for i, c in enumerate(header) if c in header[:i]), None)
    if twice is not None:
        raise DataError(f"{where} has the column {twice!r} twice.")


# ---- checking


def _check_columns(where: str, found: list[str]) -> tuple[str, ...]:
    """The columns without a meaning, after a refusal of what is missing or only misspelled."""
    spare = [c for c in found if c not in (*REQUIRED, "sd")]
    for name in REQUIRED:
        if name not in found:
            near = _nearest(name, spare)
            hint = f" Is it {near!r}?" if near else ""
            raise DataError(f"{where} has no column {name!r}.{hint} It has {', '.join(map(repr, found))}.")
    if "sd" not in found and any(c.lower() == "sd" for c in spare):
        wrong = next(c for c in spare if c.lower() == "sd")
        raise DataError(f"{where} has a column {wrong!r}; the standard deviation is read from 'sd'. Rename it.")
    return tuple(spare)


def _nearest(name: str, names: Iterable[str]) -> str | None:
    lowered = {n.lower(): n for n in names}
    near = difflib.get_close_matches(name, lowered, n=1)
    return lowered[near[0]] if near else None


def _texts(where: str, column: str, cells: Sequence[Any], labels: Sequence[str]) -> list[str]:
    for cell, label in zip(cells, labels, strict=True):
        if cell is None or str(cell).strip() in ("", "nan", "<NA>"):
            raise DataError(f"{where}, {label}: column {column!r} is empty; expected a name.")
    return [str(cell).strip() for cell in cells]


def _numbers(where: str, column: str, cells: Sequence[Any], labels: Sequence[str]) -> list[float]:
    return [_number(f"{where}, {label}: column {column!r}", cell) for cell, label in zip(cells, labels, strict=True)]


def _number(where: str, cell: Any) -> float:
    if _missing(cell):
        shown = "empty" if cell is None or cell == "" else "NaN"
        raise DataError(f"{where} is {shown}; leave out the row of what was not measured.")
    try:
        number = float(cell)
    except (TypeError, ValueError):
        raise DataError(f"{where} is {cell!r}; expected a number.") from None
    if not math.isfinite(number):
        raise DataError(f"{where} is {number}; expected a finite number.")
    return number


def _missing(cell: Any) -> bool:
    text = str(cell).strip().lower()
    return cell is None or text in ("", "nan", "na", "<na>", "nat")


def _check_ranges(where: str, numbers: Mapping[str, Sequence[float]], labels: Sequence[str]) -> None:
    if not labels:
        raise DataError(f"{where} has column names but no observations.")
    for time, label in zip(numbers["time"], labels, strict=True):
        if time < 0:
            raise DataError(f"{where}, {label}: column 'time' is {time:g}; a model starts at time 0, so 0 or more.")
    for sd, label in zip(numbers.get("sd", ()), labels, strict="sd" in numbers):
        if sd <= 0:
            raise DataError(
                f"{where}, {label}: column 'sd' is {sd:g}; a standard deviation is more than 0. "
                "Give one to this observation, or leave out the row."
            )


def _check_repeats(where: str, columns: Sequence[Sequence[Any]], labels: Sequence[str]) -> None:
    seen: dict[tuple[Any, ...], str] = {}
    for row, label in zip(zip(*columns, strict=True), labels, strict=True):
        if row in seen:
            raise DataError(
                f"{where}, {label} repeats {seen[row]}: arm {row[0]!r}, output {row[1]!r}, time {row[2]:g}, "
                f"value {row[3]:g}. Remove one."
            )
        seen[row] = label


def _matched(where: str, arms: Sequence[str], regimens: Any) -> dict[str, Regimen | None]:
    if not isinstance(regimens, Mapping):
        raise DataError(f"regimens is {regimens!r}; expected a mapping of each arm to its Regimen or None.")
    given = {str(arm): regimen for arm, regimen in regimens.items()}
    for arm in arms:
        if arm not in given:
            near = _nearest(arm, [g for g in given if g not in arms])
            hint = f" Is it {near!r}?" if near else " Give regimens={...: None} if it was not treated."
            raise DataError(f"{where}: arm {arm!r} has no regimen.{hint.replace('...', repr(arm))}")
    for arm, regimen in given.items():
        if arm not in arms:
            raise DataError(f"regimens names arm {arm!r}, which is not in {where}. It has {', '.join(arms)}.")
        if regimen is not None and not isinstance(regimen, Regimen):
            raise DataError(f"the regimen of arm {arm!r} is {regimen!r}; expected a Regimen or None.")
    return {arm: given[arm] for arm in arms}
