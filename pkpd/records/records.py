"""Records: a table of doses and observations in NONMEM's columns, frozen and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Index
from pkpd.errors import DataError, UnitError, unknown_name
from pkpd.units import conversion_factor, parse_unit, same_unit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STANDARD", "Records"]


STANDARD = (
    "ID", "TIME", "EVID", "MDV", "AMT", "RATE", "DUR", "CMT", "ADDL", "II", "SS", "DV", "CENS", "LLOQ", "OCC", "DVID",
)  # fmt: skip
ALWAYS_SHOWN = ("ID", "TIME", "EVID", "MDV", "AMT", "DV")


@dataclass(frozen=True, eq=False, repr=False)
class Records:
    """Doses and observations of many subjects, one record a row; see `pkpd.read_nonmem`.

    Two are equal if they hold the same numbers, covariates, compartments and unit of time.

    Attributes
    ----------
    standard
        NONMEM's data items by name, each of shape (rows,).  Amounts are in the units of the
        model that the records are used with, and so are times, rates and intervals where
        `time` does not say otherwise.  What the table does not have is here with NONMEM's
        default: 0, or NaN for DV, LLOQ, OCC and DVID.
    covariates
        The other columns by name: numbers with NaN where missing, or texts.
    compartments
        The state or route behind each number of CMT; empty to number the states of the model.
    name
        Where the records come from, for messages.
    time
        The unit of TIME, II and DUR, and of the time in RATE; None for that of the model.
    clock
        Whether TIME was read from clock times, and no unit was asked for: it is in hours,
        and nobody has said what II, DUR and RATE are in.
    """

    standard: Mapping[str, NDArray[Any]]
    covariates: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    compartments: Mapping[int, str] = field(default_factory=dict)
    name: str = "records"
    time: str | None = None
    clock: bool = False

    def __post_init__(self) -> None:
        for key in ("standard", "covariates"):
            columns = {name: column.view() for name, column in getattr(self, key).items()}
            for column in columns.values():
                column.flags.writeable = False
            object.__setattr__(self, key, MappingProxyType(columns))
        object.__setattr__(self, "compartments", MappingProxyType(dict(self.compartments)))

    def __reduce__(self) -> tuple[Any, ...]:
        columns = (dict(self.standard), dict(self.covariates))
        return Records, (*columns, dict(self.compartments), self.name, self.time, self.clock)

    def __len__(self) -> int:
        return len(self.standard["ID"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column: a data item in capitals, or a covariate as it is spelled in the table."""
        if name in self.standard:
            return self.standard[name]
        if name not in self.covariates:
            raise unknown_name(self.name, "column", name, [*self.standard, *self.covariates])
        return self.covariates[name]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Records)
            and (dict(self.compartments), self.time) == (dict(other.compartments), other.time)
            and list(self.covariates) == list(other.covariates)
            and all(_same(self[name], other[name]) for name in (*STANDARD, *self.covariates))
        )

    @property
    def first_rows(self) -> Index:
        """The row at which each subject begins."""
        ids = self.standard["ID"]
        return np.flatnonzero(np.append(True, ids[1:] != ids[:-1])) if len(ids) else np.empty(0, dtype=np.int64)

    @property
    def subjects(self) -> NDArray[Any]:
        """The ID of each subject, in the order of the records."""
        return self.standard["ID"][self.first_rows]

    @property
    def table(self) -> pd.DataFrame:
        """The records as a table; data items that say nothing anywhere are left out."""
        import pandas as pd

        items = [n for n in STANDARD if n in ALWAYS_SHOWN or _says_something(self.standard[n])]
        return pd.DataFrame({n: self[n] for n in (*items, *self.covariates)})

    def in_time(self, unit: str) -> Records:
        """The same records with TIME, II, DUR and RATE in another unit of time.

        Records whose own unit is not known are taken to be in this one.  Covariates stay as
        they are.

        Raises
        ------
        DataError
            If TIME was read from clock times, which are hours, and no unit was asked for.
        UnitError
            If `unit` is neither a unit of time nor that of a model whose time has none.
        """
        here, there = parse_unit(self.time or unit), parse_unit(unit)
        factor = conversion_factor(here, there)
        if factor is None or there.dimensionality not in (parse_unit("day").dimensionality, {}):
            raise UnitError(f"{self.name}: times in {self.time or unit} cannot be converted to {unit}.")
        if self.clock and not same_unit(here, there):
            raise DataError(
                f"{self.name}: TIME was read from clock times, so it is in hours, and the model's time is in {unit}. "
                "Say read_nonmem(..., time='h') if II, DUR and RATE are in hours too: all are then converted."
            )
        if factor == 1:
            return replace(self, time=unit, clock=False)
        rate = self.standard["RATE"]
        scaled = {key: self.standard[key] * factor for key in ("TIME", "II", "DUR")}
        scaled["RATE"] = np.where(rate > 0, rate / factor, rate)
        return replace(self, standard={**self.standard, **scaled}, time=unit, clock=False)

    def repeated(self, copies: int) -> Records:
        """The records so many times, one after another, each time with subjects of their own."""
        subject = np.cumsum(np.isin(np.arange(len(self)), self.first_rows))
        whole = subject[-1] if len(self) else 0
        ids = np.concatenate([subject + whole * i for i in range(copies)]).astype(np.int64)
        standard = {name: np.tile(column, copies) for name, column in self.standard.items()} | {"ID": ids}
        covariates = {name: np.tile(column, copies) for name, column in self.covariates.items()}
        return replace(self, standard=standard, covariates=covariates)

    def place(self, row: int) -> str:
        """Where a row is, for messages; rows count from 1."""
        return f"{self.name}: row {row + 1} (ID {self['ID'][row]})"

    def __repr__(self) -> str:
        return f"<Records {self.name}: {len(self)} rows, {len(self.first_rows)} subjects>"


def _says_something(column: NDArray[Any]) -> bool:
    if column.dtype == object:
        return True
    return bool((column != 0).any()) if column.dtype.kind in "iu" else bool((~np.isnan(column) & (column != 0)).any())


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if (one.dtype == object) != (other.dtype == object):
        return False
    return np.array_equal(one, other) if one.dtype == object else np.array_equal(one, other, equal_nan=True)
