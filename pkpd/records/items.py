"""Which column of a table is which data item: NONMEM's names, Monolix's, and what the user says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pkpd.errors import DataError, unknown_name
from pkpd.records.clock import DATES
from pkpd.records.records import STANDARD

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_columns", "named"]


# What only Monolix's tables have, and the name that they share with covariates of others.
MONOLIX = {"Y": "DV", "YTYPE": "DVID", "TINF": "DUR", "ADM": "CMT"}
AMOUNT = {"DOSE": "AMT"}
# Beside these a DOSE may be an amount or a covariate.
DOSING = {"ADDL", "II", "SS", "RATE", "EVID", "DUR"}
NEVER_COVARIATES = ("TINF", "ADM")


def check_columns(columns: Any) -> Mapping[str, str | None]:
    """`columns` of `pkpd.read_nonmem`, if it is a mapping of names to data items.

    Raises
    ------
    DataError, UnknownNameError
        If it is not.
    """
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        raise DataError(f"columns is {columns!r}; expected {{name in the table: data item}}, such as {{'CONC': 'DV'}}.")
    for key, item in columns.items():
        if not isinstance(key, str) or not isinstance(item, str | None):
            raise DataError(
                f"columns has {key!r}: {item!r}; expected {{name in the table: data item}}, such as {{'CONC': 'DV'}}, "
                "or None for a covariate."
            )
        if item is not None and item not in (*STANDARD, *DATES):
            raise unknown_name("a table of records", "data item", item, (*STANDARD, *DATES))
    return columns


def named(frame: pd.DataFrame, name: str, columns: Mapping[str, str | None]) -> pd.DataFrame:
    """The frame with data items in capitals, renamed by `columns` and from Monolix's names.

    Raises
    ------
    DataError, UnknownNameError
        If a name is missing, twice there, or may mean two things.
    """
    spelled = [str(c).strip() for c in frame.columns]
    for key in columns:
        if key not in spelled:
            raise unknown_name(name, "column", key, spelled)
    names = [_standard(c, columns) for c in spelled]
    fixed = {c for c, item in columns.items() if item is None}
    names = _from_monolix(names, spelled, fixed, name, bool(columns))
    _check_unique(names, spelled, name)
    for required in ("ID", "TIME"):
        if required not in names:
            raise DataError(f"{name} has no column {required!r}. It has {', '.join(spelled)}.")
    return frame.set_axis(names, axis=1)


def _standard(spelled: str, columns: Mapping[str, str | None]) -> str:
    if spelled in columns:
        return columns[spelled] or spelled
    return spelled.upper() if spelled.upper() in (*STANDARD, *DATES) else spelled


def _from_monolix(names: list[str], spelled: list[str], covariates: set[str], name: str, told: bool) -> list[str]:
    """The names with Monolix's replaced; DOSE is an amount only beside names that Monolix alone has."""
    has = set(names)
    open_ = [n.upper() if s not in covariates else "" for n, s in zip(names, spelled, strict=True)]
    items = {old: item for old, item in MONOLIX.items() if old in open_ and not (told and old in ("Y", "YTYPE"))}
    for old in NEVER_COVARIATES:
        if old in items and items[old] in has:
            raise DataError(
                f"{name} has both {old} (Monolix) and {items[old]}; say which one is meant, such as columns="
                f"{{{old!r}: None}} for a covariate."
            )
    items = {old: item for old, item in items.items() if item not in has}
    if "DOSE" in open_ and "AMT" not in has and not told:
        if items:
            items |= AMOUNT
        elif has & DOSING:
            raise DataError(
                f"{name} has the column DOSE and no AMT: say columns={{'{spelled[open_.index('DOSE')]}': 'AMT'}} if it "
                "is what is given, or None in its place if it is a covariate."
            )
    return [items.get(key, n) for key, n in zip(open_, names, strict=True)]


def _check_unique(names: list[str], spelled: list[str], name: str) -> None:
    seen: dict[str, int] = {}
    for position, key in enumerate(names):
        if not key:
            raise DataError(f"{name}: column {position + 1} has no name.")
        if key.upper() in seen:
            both = f"{spelled[seen[key.upper()]]!r} (column {seen[key.upper()] + 1}) and {spelled[position]!r}"
            raise DataError(f"{name}: the column {key!r} is there twice: {both} (column {position + 1}).")
        seen[key.upper()] = position
