"""Which columns of the observations set a parameter of the model, and whether they can."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError
from pkpd.records.observations import Dataset
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Given, Parameter
from pkpd.symbolic.values import bound_limits

__all__ = ["check_within", "covariates"]


def covariates(model: Model, data: Dataset, spoken_for: Collection[str] = ()) -> dict[str, Array]:
    """By the name of a parameter its column, (observations,): columns of the same name, or the same but for case.

    Parameters
    ----------
    model, data
        What is fitted to what.
    spoken_for
        Parameters that no column sets, as they are free or held.

    Raises
    ------
    FitError
        If a value is missing, no number, or outside the bounds that its parameter declares, or differs
        within a subject.
    """
    symbols = {s.name: s for s in model.settable}
    exact = [(c, c) for c in (*data.unused, *data.columns) if c in symbols]
    alike = [(c, [name for name in symbols if name.lower() == c.lower()]) for c in data.columns]
    matched: dict[str, Array] = {}
    for column, name in (*exact, *((c, names[0]) for c, names in alike if len(names) == 1)):
        if name in matched or name in spoken_for:
            continue
        if column not in data.columns:
            raise FitError(
                f"fit: column {column!r} of {data.name} has the name of a parameter of {model.name}, which it sets, "
                "and not all of its cells are numbers. Mend them, or give the column another name."
            )
        _check(column, data.columns[column], data)
        check_within(symbols[name], column, data.columns[column], lambda row: _where(data, row))
        matched[name] = data.columns[column]
    return matched


def check_within(symbol: Parameter | Given, column: str, values: Array, where: Callable[[int], str]) -> None:
    """Refuse values of a column outside the bounds that their parameter declares; `where` names the place of a row.

    Raises
    ------
    FitError
    """
    low, high = bound_limits(symbol)
    outside = (values < low) | (values > high)
    if outside.any():
        row = int(np.argmax(outside))
        raise FitError(
            f"fit: covariate {column!r} of {where(row)} is {values[row]:g} {symbol.unit}, outside the bounds "
            f"{low:g} to {high:g} of the parameter {symbol.name!r} that it sets. Mend it, or name the column otherwise."
        )


def _where(data: Dataset, row: int) -> str:
    return f"arm {data.arm[row]!r}" + (f", subject {data.subject[row]!r}" if data.subject else "")


def _check(column: str, values: Array, data: Dataset) -> None:
    subjects: dict[tuple[str, str], float] = {}
    for i, value in enumerate(values.tolist()):
        subject, where = data.subject[i] if data.subject else "", _where(data, i)
        if np.isnan(value):
            raise FitError(
                f"fit: covariate {column!r} is missing in {data.name}: {where}, {data.output[i]!r} at time "
                f"{data.time[i]:g}. Fill it in, or leave out the subject."
            )
        first = subjects.setdefault((data.arm[i], subject), value)
        if data.subject and value != first:
            raise FitError(
                f"fit: covariate {column!r} of {where} is {first:g} and {value:g}; a covariate of a tidy table is "
                "constant in each subject. One that changes in time belongs in a NONMEM table (read_nonmem)."
            )
