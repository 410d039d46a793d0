"""What a table of records must fulfil, and the sentence said of the first row where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Index, Mask
from pkpd.errors import DataError
from pkpd.records.occasions import first_meeting

__all__ = ["RowCheck", "check_records"]


class RowCheck:
    """Refuses the first row that is not good, by its number in the table, its ID and the column."""

    def __init__(self, name: str, table: Mapping[str, NDArray[Any]], order: Index | None = None) -> None:
        self.name, self.table, self.order = name, table, order

    def __call__(self, good: Mask, column: str, expected: str, values: NDArray[Any] | None = None) -> None:
        if good.all():
            return
        row = int(np.argmin(good))
        value = (self.table[column] if values is None else values)[row]
        text = "missing" if value is None or value != value else value if isinstance(value, str) else f"{value:g}"
        raise DataError(f"{self.place(row)}, column {column}: {column} is {text}; {expected}.")

    def place(self, row: int) -> str:
        number = row if self.order is None else int(self.order[row])
        return f"{self.name}: row {number + 1} (ID {self.table['ID'][row]})"


def check_records(table: Mapping[str, NDArray[Any]], compartments: Mapping[int, str], check: RowCheck) -> None:
    """Refuse records that contradict themselves; see `pkpd.read_nonmem` for what is raised."""
    check.table = table
    _check_ranges(table, check)
    _check_order(table, check)
    _check_doses(table, check)
    _check_steady_states(table, check)
    if compartments:
        _check_compartments(table, compartments, check)


def _check_ranges(table: Mapping[str, NDArray[Any]], check: RowCheck) -> None:
    evid, rate = table["EVID"], table["RATE"]
    check(np.isin(evid, range(5)), "EVID", "expected 0 (observation), 1 (dose), 2 (other), 3 (reset) or 4 (both)")
    check(np.isin(table["SS"], range(4)), "SS", "expected 0, 1, 2 or 3")
    check(np.isin(table["MDV"], (0, 1, 100, 101)), "MDV", "expected 0 or 1")
    check(np.isin(table["CENS"], (-1, 0, 1)), "CENS", "expected -1, 0 or 1")
    check(~np.isinf(table["DV"]), "DV", "expected a finite number, or nothing where there is none")
    for column in ("AMT", "DUR", "II", "ADDL"):
        good = np.isfinite(table[column]) & (table[column] >= 0)
        check(good, column, "expected a finite number of 0 or more")
    modeled = (rate == -1) | (rate == -2)
    check(np.isfinite(rate) & ((rate >= 0) | modeled), "RATE", "expected 0 or more, -1 (modeled rate) or -2 (duration)")


def _check_order(table: Mapping[str, NDArray[Any]], check: RowCheck) -> None:
    ids, time, evid = table["ID"], table["TIME"], table["EVID"]
    same = np.append(False, ids[1:] == ids[:-1])
    earlier = np.append(False, time[1:] < time[:-1]) & same & (evid != 3) & (evid != 4)
    if earlier.any():
        row = int(np.argmax(earlier))
        raise DataError(
            f"{check.place(row)}, column TIME: TIME goes back from {time[row - 1]:g} to {time[row]:g} without a reset "
            f"(EVID 3 or 4); {_remedy(table, 'sort=True sorts the records of each subject.')}"
        )
    starts = np.flatnonzero(~same)
    _, first = np.unique(ids[starts].astype(str) if ids.dtype == object else ids[starts], return_index=True)
    if len(first) < len(starts):
        row = int(starts[np.setdiff1d(np.arange(len(starts)), first)[0]])
        raise DataError(
            f"{check.place(row)}, column ID: the ID comes again after records of others; NONMEM would "
            f"take it for another subject. {_remedy(table, 'sort=True brings its records together.')}"
        )


def _remedy(table: Mapping[str, NDArray[Any]], sorting: str) -> str:
    """What to do about a disorder: sort, unless that would give doses of two places at once."""
    if first_meeting(table) is None:
        return sorting
    return (
        "sorting would give two of its doses at once: set EVID to 3 or 4 where a new occasion begins, "
        "number the occasions in OCC, or give another subject another ID."
    )


def _check_doses(table: Mapping[str, NDArray[Any]], check: RowCheck) -> None:
    evid, amount, rate = table["EVID"], table["AMT"], table["RATE"]
    dose = (evid == 1) | (evid == 4)
    nothing = dose & (amount == 0) & ~(table["SS"] > 0)
    check(~nothing | (rate <= 0), "AMT", "a dose (EVID 1, 4) at a RATE needs an amount, or SS; RATE is 0 for a placebo")
    check(dose | (amount == 0), "AMT", "a record with EVID 0, 2 or 3 gives no dose; set EVID to 1, or AMT to 0")
    check(dose | (rate == 0), "RATE", "a record with EVID 0, 2 or 3 gives no dose; set EVID to 1, or RATE to 0")
    check(dose | (table["DUR"] == 0), "DUR", "a record with EVID 0, 2 or 3 gives no dose; set EVID to 1, or DUR to 0")
    check(dose | (table["SS"] == 0), "SS", "only a dose (EVID 1 or 4) has a steady state")
    check((table["DUR"] == 0) | (rate == 0), "DUR", "give an infusion a RATE or a DUR, not both")
    for column, words in (("ADDL", "additional doses"), ("II", "interval between doses")):
        check(
            (evid != 0) | (table[column] == 0),
            column,
            f"an observation has no {words}; is EVID 1 meant?",
        )
    further = table["ADDL"] > 0
    check(~further | (table["II"] > 0), "ADDL", "additional doses need an interval II of more than 0")
    check(~(dose & (table["II"] > 0)) | further | (table["SS"] > 0), "II", "an interval needs ADDL or SS")
    check(~dose | (table["CMT"] >= 0), "CMT", "a negative number turns a compartment off, with EVID 2")


def _check_steady_states(table: Mapping[str, NDArray[Any]], check: RowCheck) -> None:
    steady, interval, amount = table["SS"] > 0, table["II"], table["AMT"]
    placebo = steady & (amount == 0) & (table["RATE"] == 0) & (interval > 0)  # the model's own steady state
    constant = steady & (amount == 0) & ~placebo
    check(
        ~(steady & (amount > 0)) | (interval > 0),
        "II",
        "a steady state of repeated doses needs an interval",
    )
    check(~constant | (interval == 0), "II", "the steady state of a constant infusion (AMT 0) has II 0")
    check(~constant | (table["ADDL"] == 0), "ADDL", "the steady state of a constant infusion (AMT 0) has no ADDL")
    check(~constant | (table["RATE"] != -2), "RATE", "a constant infusion (AMT 0) has a RATE, or -1, not a duration")
    check(~constant | (table["DUR"] == 0), "DUR", "a constant infusion (AMT 0) has a RATE, not a duration")


def _check_compartments(table: Mapping[str, NDArray[Any]], compartments: Mapping[int, str], check: RowCheck) -> None:
    evid, number = table["EVID"], table["CMT"]
    used = (evid == 1) | (evid == 4) | ((number < 0) & (evid != 3))
    known = (number == 0) | np.isin(np.abs(number), list(compartments))
    numbers = ", ".join(f"{n} ({state})" for n, state in compartments.items())
    check(~used | known, "CMT", f"compartments has {numbers}")
