"""Scans of real patients, read from a tidy table."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import DataError
from pkpd.measures.scan_data import NEW, NO_LESION, NON_TARGET, TARGET
from pkpd.records.tidy_tables import Table, nearest, read_table
from pkpd.trials.scans import collect_scans

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["read_scans"]

EXPECTED = "patient, day and diameter, and where known lesion, role, node, organ, unequivocal and visit"
REQUIRED = ("patient", "day", "diameter")
OPTIONAL = ("lesion", "role", "node", "organ", "unequivocal", "visit")
ROLES = {"target": TARGET, "t": TARGET, "non-target": NON_TARGET, "nontarget": NON_TARGET, "non_target": NON_TARGET}
ROLES |= {"nt": NON_TARGET, "new": NEW}
YES = {"1": True, "true": True, "yes": True, "y": True, "0": False, "false": False, "no": False, "n": False}
ABSENT = ("absent", "resolved", "disappeared")
UNSEEN = ("ne", "not evaluable", "not_evaluable", "nan", "na", "")
SMALL = ("too small to measure", "too_small", "too small")


@dataclass(frozen=True)
class _Rows:
    """The rows of a table of scans: who, when, which lesion, and what was seen."""

    patient: Index
    day: Array
    lesion: Index
    diameter: Array
    small: Mask


def read_scans(table: str | Path | pd.DataFrame, *, baseline_until: float = 1.0) -> xr.Dataset:
    """Read the scans of patients from a tidy table with one lesion of one scan a row.

    Parameters
    ----------
    table
        A CSV file or a DataFrame with the columns ``patient``, ``day`` and ``diameter``.  A
        diameter is a number of mm, 0 or ``absent``; ``too small to measure``, which counts 5 mm;
        or ``not evaluable``, ``NE`` or an empty cell.  Lines that begin with ``#`` before the
        column names tell the source.  Further columns with a meaning:

        - ``lesion`` tells the lesions of a patient apart.  Without it there is one, which may be
          a sum of diameters.
        - ``role`` is ``target``, ``non-target`` or ``new``, the same in all rows of a lesion.
          Without it a lesion is a target where the baseline scan has it, and new where not.
        - ``node`` is yes or no, ``organ`` a name, each the same in all rows of a lesion.
        - ``unequivocal`` is yes where a non-target lesion was judged to have progressed so.
        - ``visit`` is the number of the visit, 0 for the baseline; numbers that a patient skips
          are visits that were missed.  Without it the scans of a patient are numbered in order.

    baseline_until
        Without a column ``visit``, the baseline is the last scan at or before this day; earlier
        ones are dropped.  A patient without one has no baseline, visit 0 is missing.

    Returns
    -------
    xarray.Dataset
        As from `collect_scans`.  A lesion without a row at a scan is not evaluable there; a new
        lesion is absent before its first row.

    Raises
    ------
    DataError
        If a column is missing; a cell is not what it should be; a lesion has two rows at one
        scan, or two roles.  The message names the file, the line and the column.

    Examples
    --------
    >>> import pandas as pd, pkpd
    >>> table = pd.DataFrame({"patient": "A", "day": [-3, 40, 80], "diameter": [40, 30, "NOT EVALUABLE"]})
    >>> pkpd.read_scans(table).diameter.to_numpy().ravel().tolist()
    [40.0, 30.0, nan]
    """
    cells = read_table(table, EXPECTED)
    for name in REQUIRED:
        if name not in cells.columns:
            near = nearest(name, [c for c in cells.columns if c not in (*REQUIRED, *OPTIONAL)])
            hint = f" Is it {near!r}?" if near else ""
            raise DataError(f"{cells.name} has no column {name!r}; expected {EXPECTED}.{hint}")
    if not len(cells):
        raise DataError(f"{cells.name} has {len(cells)} rows; expected one for each lesion of each scan.")
    patients, patient = _numbered(cells.texts("patient"))
    lesions = cells.texts("lesion") if "lesion" in cells.columns else ["1"] * len(cells)
    diameter, small = _diameters(cells)
    rows = _Rows(patient, np.array(cells.numbers("day")), _lesion_numbers(patient, lesions), diameter, small)
    visit = _given_visits(cells, rows) if "visit" in cells.columns else _visits(rows, float(baseline_until))
    kept = visit >= 0
    _check_repeats(cells, patients, lesions, rows, visit)
    return _collected(cells, patients, rows, visit, kept)


# ---- cells


def _numbered(names: Sequence[str]) -> tuple[list[str], Index]:
    """The distinct names in the order of first appearance, and which each cell has."""
    order = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return list(order), np.array([order[name] for name in names], dtype=np.int64)


def _lesion_numbers(patient: Index, names: Sequence[str]) -> Index:
    """The lesions of each patient, numbered from 0 in the order of first appearance."""
    numbers: dict[tuple[int, str], int] = {}
    counts: dict[int, int] = {}
    for who, name in zip(patient.tolist(), names, strict=True):
        if (who, name) not in numbers:
            numbers[who, name] = counts.get(who, 0)
            counts[who] = numbers[who, name] + 1
    return np.array([numbers[key] for key in zip(patient.tolist(), names, strict=True)], dtype=np.int64)


def _diameters(cells: Table) -> tuple[Array, Mask]:
    """Each diameter in mm, NaN where there is none, and whether it was too small to measure."""
    sizes, small = np.full(len(cells), np.nan), np.zeros(len(cells), dtype=bool)
    for row, cell in enumerate(cells.columns["diameter"]):
        word = "" if cell is None else " ".join(str(cell).split()).lower()
        small[row] = word in SMALL
        if word in ABSENT:
            sizes[row] = 0.0
        elif word not in UNSEEN and word not in SMALL:
            sizes[row] = _size(cells, row, cell)
    return sizes, small


def _size(cells: Table, row: int, cell: Any) -> float:
    try:
        size = float(cell)
    except (TypeError, ValueError):
        size = math.nan
    if isinstance(cell, bool) or not 0 <= size < math.inf:
        raise DataError(
            f"{cells.place(row, 'diameter')} is {reprlib.repr(cell)}; expected mm, or one of absent, "
            "too small to measure, not evaluable."
        )
    return size


# ---- visits


def _visits(rows: _Rows, baseline_until: float) -> Index:
    """The visit of each row: 0 for the last scan up to `baseline_until`, -1 for those before it."""
    visit = np.full(len(rows.day), -1, dtype=np.int64)
    for chosen in _by_patient(rows.patient):
        days = np.unique(rows.day[chosen])
        before = int((days <= baseline_until).sum())
        visit[chosen] = np.searchsorted(days, rows.day[chosen]) - max(before - 1, 0) + (before == 0)
    return visit


def _given_visits(cells: Table, rows: _Rows) -> Index:
    numbers = np.array(cells.numbers("visit"))
    for row in np.flatnonzero((numbers < 0) | (numbers != np.rint(numbers)))[:1].tolist():
        raise DataError(
            f"{cells.place(row, 'visit')} is {numbers[row]:g}; expected a whole number, 0 for the baseline."
        )
    days: dict[tuple[int, int], tuple[float, int]] = {}
    for row, key in enumerate(zip(rows.patient.tolist(), numbers.astype(int).tolist(), strict=True)):
        day, first = days.setdefault(key, (float(rows.day[row]), row))
        if day != rows.day[row]:
            raise DataError(
                f"{cells.place(row, 'day')} is {rows.day[row]:g}, but {cells.labels[first]} has day {day:g} for the "
                f"same visit {key[1]}; expected one day for each visit of a patient."
            )
    return numbers.astype(np.int64)


def _by_patient(patient: Index) -> list[Index]:
    order = np.argsort(patient, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(patient[order])) + 1)


def _check_repeats(cells: Table, patients: list[str], lesions: Sequence[str], rows: _Rows, visit: Index) -> None:
    places: dict[tuple[int, float, int], int] = {}
    for row, key in enumerate(zip(rows.patient.tolist(), rows.day.tolist(), rows.lesion.tolist(), strict=True)):
        first = places.setdefault(key, row)
        if first != row:
            raise DataError(
                f"{cells.name}, {cells.labels[row]} repeats {cells.labels[first]}: patient {patients[key[0]]!r}, day "
                f"{key[1]:g}, lesion {lesions[row]!r}. Expected one row for each lesion of a scan."
            )


# ---- arrays


def _collected(cells: Table, patients: list[str], rows: _Rows, visit: Index, kept: Mask) -> xr.Dataset:
    shape = (len(patients), int(visit.max()) + 1, int(rows.lesion.max()) + 1)
    at = (rows.patient[kept], visit[kept], rows.lesion[kept])
    day, diameter = np.full(shape[:2], np.nan), np.full(shape, np.nan)
    small, unequivocal = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    day[at[:2]], diameter[at], small[at] = rows.day[kept], rows.diameter[kept], rows.small[kept]
    if "unequivocal" in cells.columns:
        unequivocal[at] = np.array(cells.choices("unequivocal", YES, False))[kept]
    seen = np.zeros(shape, dtype=bool)
    seen[at] = True
    role = _roles(cells, rows, seen, day)
    _fill_before(diameter, seen, role == NEW)
    node = _of_lesion(cells, rows, "node", cells.choices("node", YES, False)) if "node" in cells.columns else False
    organ = _of_lesion(cells, rows, "organ", _numbered(cells.texts("organ"))[1]) if "organ" in cells.columns else None
    return collect_scans(
        day, diameter, role, node=node, too_small=small, unequivocal=unequivocal, organ=organ, patient=patients
    ).assign_attrs(name=cells.name, source=cells.source)


def _roles(cells: Table, rows: _Rows, seen: Mask, day: Array) -> Index:
    """The role of each lesion: as the table says, or target at baseline and new later."""
    exists = seen.any(axis=1)
    if "role" in cells.columns:
        return np.where(exists, _of_lesion(cells, rows, "role", cells.choices("role", ROLES, NO_LESION)), NO_LESION)
    without = np.isnan(day[:, 0])[:, None]  # with no baseline nothing can be new
    return np.where(exists, np.where(seen[:, 0, :] | without, TARGET, NEW), NO_LESION)


def _fill_before(diameter: Array, seen: Mask, new: Mask) -> None:
    """A new lesion was absent at the scans before the first one that mentions it."""
    before = (np.cumsum(seen, axis=1) == 0) & new[:, None, :]
    diameter[before] = 0.0


def _of_lesion(cells: Table, rows: _Rows, column: str, values: Sequence[Any] | Index) -> Any:
    """What a column says of each lesion, (patients, lesions); all rows of a lesion must agree."""
    numbers = np.asarray(values).astype(np.int64)
    table = np.zeros((int(rows.patient.max()) + 1, int(rows.lesion.max()) + 1), dtype=np.int64)
    last = np.full(table.shape, -1, dtype=np.int64)
    for row, at in enumerate(zip(rows.patient.tolist(), rows.lesion.tolist(), strict=True)):
        if last[at] >= 0 and table[at] != numbers[row]:
            now, before = (reprlib.repr(cells.columns[column][r]) for r in (row, last[at]))
            raise DataError(
                f"{cells.place(row, column)} is {now}, but {cells.labels[last[at]]} says {before} of the same lesion; "
                f"expected one {column} for a lesion."
            )
        table[at], last[at] = numbers[row], row
    return table
