"""The order of records that a table has in disorder: by subject, by occasion, by time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Index, Mask
from pkpd.errors import DataError

__all__ = ["first_meeting", "sorted_order", "with_resets"]


def sorted_order(table: Mapping[str, NDArray[Any]], name: str) -> Index:
    """The rows by subject in the order of first appearance, then by occasion, then by time.

    A reset (EVID 3, 4) begins an occasion, and so does a new OCC at which the time of a
    subject begins again; rows of one time keep their order.

    Raises
    ------
    DataError
        If a record below a reset has an earlier time, or sorting would give two doses of
        different places in the table at one time.
    """
    subject, occasion = _subjects(table["ID"]), occasions(table)
    order: Index = np.lexsort((table["TIME"], occasion, subject))
    _check_resets(table, order, subject, occasion, name)
    meeting = first_meeting(table)
    if meeting is not None:
        first, second = meeting
        raise DataError(
            f"{name}: row {second + 1} (ID {table['ID'][second]}), column TIME: sort=True would give its dose and that "
            f"of row {first + 1} at one time, {table['TIME'][second]:g}, into one compartment; if a new occasion "
            "begins between them, set EVID to 3 or 4 there, or number the occasions in OCC."
        )
    return order


def with_resets(table: Mapping[str, NDArray[Any]], order: Index, name: str) -> dict[str, NDArray[Any]]:
    """The sorted table with a reset where the time of a subject begins again at a new OCC.

    Raises
    ------
    DataError
        If such an occasion begins with an observation, which cannot reset.
    """
    table = {key: column[order] for key, column in table.items()}
    again = np.flatnonzero(_goes_back(table) & ~np.isin(table["EVID"], (3, 4)))
    observed = again[table["EVID"][again] == 0]
    if len(observed):
        row = observed[0]
        raise DataError(
            f"{name}: row {order[row] + 1} (ID {table['ID'][row]}), column OCC: the time of the subject begins again "
            "with this occasion, whose first record is an observation; put a reset (EVID 3) at time "
            f"{table['TIME'][row]:g} before it."
        )
    evid = table["EVID"].copy()
    evid[again] = np.where(evid[again] == 1, 4, 3)
    return table | {"EVID": evid}


def occasions(table: Mapping[str, NDArray[Any]]) -> Index:
    """A number for each row that rises with the occasions of its subject."""
    subject = _subjects(table["ID"])
    reset = np.isin(table["EVID"], (3, 4)).astype(np.int64)
    by_subject = np.argsort(subject, kind="stable")
    total, numbers = np.cumsum(reset[by_subject]), subject[by_subject]
    before = (total - reset[by_subject])[np.searchsorted(numbers, numbers)]
    occasion = np.empty(len(subject), dtype=np.int64)
    occasion[by_subject] = total - before
    return occasion * (len(subject) + 1) + _restarts(table, subject)


def _subjects(ids: NDArray[Any]) -> Index:
    import pandas as pd

    codes: Index = pd.factorize(ids)[0].astype(np.int64)
    return codes


def _restarts(table: Mapping[str, NDArray[Any]], subject: Index) -> Index:
    """How often the time of its subject has begun again with a new OCC, at each row."""
    import pandas as pd

    occ = pd.factorize(table["OCC"])[0]  # -1 where missing
    if (occ < 0).all():
        return np.zeros(len(occ), dtype=np.int64)
    frame = pd.DataFrame({"subject": subject, "occ": occ, "time": table["TIME"]})
    starts = frame[frame["occ"] >= 0].groupby(["subject", "occ"], sort=False)["time"].min().reset_index()
    before = starts.groupby("subject", sort=False)["time"].shift()
    starts["restarts"] = (starts["time"] <= before).groupby(starts["subject"], sort=False).cumsum()
    joined = frame.merge(starts[["subject", "occ", "restarts"]], on=["subject", "occ"], how="left")
    return joined["restarts"].fillna(0).to_numpy(dtype=np.int64)


def _check_resets(table: Mapping[str, NDArray[Any]], order: Index, subject: Index, occasion: Index, name: str) -> None:
    """Refuse a record that stands below a reset and whose time is before it."""
    reset = np.isin(table["EVID"], (3, 4))
    if not reset.any():
        return
    at = {(subject[row], occasion[row]): row for row in np.flatnonzero(reset)}
    for row in order:
        above = at.get((subject[row], occasion[row]))
        if above is not None and table["TIME"][row] < table["TIME"][above]:
            raise DataError(
                f"{name}: row {row + 1} (ID {table['ID'][row]}), column TIME: TIME is {table['TIME'][row]:g}, before "
                f"the reset of row {above + 1} at {table['TIME'][above]:g}, under which it stands; sort=True cannot "
                "tell its occasion. Put it above the reset, or number the occasions in OCC."
            )


def first_meeting(table: Mapping[str, NDArray[Any]]) -> tuple[int, int] | None:
    """Two doses that sorting by time would give at once, though the time goes back between them."""
    subject, occasion = _subjects(table["ID"]), occasions(table)
    rows = np.lexsort((occasion, subject))
    stretch = np.cumsum(_goes_back({key: table[key][rows] for key in ("ID", "TIME")}))
    dosed = np.flatnonzero(np.isin(table["EVID"][rows], (1, 4)) & (table["AMT"][rows] > 0))
    seen: dict[tuple[Any, ...], tuple[int, int]] = {}
    for row, part in zip(rows[dosed].tolist(), stretch[dosed].tolist(), strict=True):
        key = (subject[row], occasion[row], table["TIME"][row], table["CMT"][row])
        other, other_part = seen.setdefault(key, (row, part))
        if other_part != part:
            return other, row
    return None


def _goes_back(table: Mapping[str, NDArray[Any]]) -> Mask:
    """Where the time of a subject goes back."""
    ids, time = table["ID"], table["TIME"]
    back: Mask = np.append(False, (ids[1:] == ids[:-1]) & (time[1:] < time[:-1]))
    return back
