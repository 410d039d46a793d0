"""Covariates of real patients: rows of a table, drawn with replacement and kept together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.inputs import number, shortened
from pkpd.errors import DataError, ParameterError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Rows", "resampled"]


@dataclass(frozen=True)
class Rows:
    """Rows of a table, kept together; see `resampled`."""

    columns: Mapping[str, tuple[float, ...]]
    cumulative: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of the random numbers it needs."""
        return (f"<row of {' '.join(sorted(self.columns))}>",)

    def settled(self, values: Mapping[str, float], omegas: Mapping[str, float]) -> Rows:
        return self

    def draw(self, uniforms: Mapping[str, Array]) -> dict[str, Array]:
        """Values by name, from numbers between 0 and 1 by name."""
        rows = np.searchsorted(np.array(self.cumulative[:-1]), uniforms[self.streams[0]], side="right")
        return {name: np.array(values)[rows] for name, values in self.columns.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return Rows, (dict(self.columns), self.cumulative)


def resampled(table: pd.DataFrame, *, columns: Sequence[str] | None = None, weights: str | None = None) -> Rows:
    """Covariates of real patients: each member takes one row of `table`, drawn with replacement.

    Parameters
    ----------
    table
        A patient a row, a covariate a column, in the model's units.
    columns
        The columns to take; all but `weights` by default.
    weights
        The column that says how likely a row is to be drawn; all alike by default.

    Raises
    ------
    DataError
        If a cell is empty or not a finite number, a weight is negative, a column appears
        twice, or there is no row.  The message names the row and the column.
    UnknownNameError
        If the table has no such column.
    """
    if not hasattr(table, "columns"):
        raise DataError(f"resampled() got {table!r}; expected a DataFrame with a patient a row.")
    if isinstance(columns, str):
        raise DataError(f"resampled() got columns={columns!r}; expected a list of names, as [{columns!r}].")
    header = [str(c) for c in table.columns]
    wanted = [c for c in header if c != weights] if columns is None else list(columns)
    for name in [*wanted, *([weights] if weights else [])]:
        if name not in header:
            raise unknown_name("the table of covariates", "column", name, header)
        if header.count(name) > 1:
            raise DataError(f"the table of covariates has the column {name!r} {header.count(name)} times.")
    if not len(table) or not wanted:
        raise DataError("the table of covariates has no rows, or no columns to draw.")
    cells = {name: tuple(_cells(name, table, header)) for name in wanted}
    return Rows(cells, _cumulative(_cells(weights, table, header) if weights else [1.0] * len(table), weights))


def _cumulative(chances: list[float], weights: str | None) -> tuple[float, ...]:
    if min(chances) < 0 or not math.fsum(chances) > 0:
        raise DataError(f"the weights in column {weights!r} must be 0 or more and not all 0; one is {min(chances):g}.")
    cumulative = np.cumsum(chances) / math.fsum(chances)
    return tuple(cumulative.tolist())


def _cells(name: str, table: pd.DataFrame, header: list[str]) -> list[float]:
    """The numbers of a column."""
    cells = []
    for row, cell in zip(table.index, table.iloc[:, header.index(name)], strict=True):
        try:
            cells.append(number(cell, name))
        except ParameterError:
            raise DataError(
                f"the table of covariates, row {row}: column {name!r} is {shortened(cell)}; expected a finite number. "
                "Leave the row out, or fill the cell."
            ) from None
    return cells
