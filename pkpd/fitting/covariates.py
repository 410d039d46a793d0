"""Which columns of the observations set a parameter of the model, and whether they can."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError
from pkpd.records.observations import Dataset
from pkpd.symbolic.model import Model

__all__ = ["covariates"]


def covariates(model: Model, data: Dataset) -> dict[str, Array]:
    """By the name of a parameter its column, (observations,): columns of the same name, or the same but for case.

    Raises
    ------
    FitError
        If a value is missing, or differs within a subject.
    """
    names = {s.name for s in model.settable}
    lowered = {name.lower(): name for name in names if sum(n.lower() == name.lower() for n in names) == 1}
    matched = {}
    for column, values in data.columns.items():
        name = column if column in names else lowered.get(column.lower())
        if name is not None and name not in matched:
            _check(column, values, data)
            matched[name] = values
    return matched


def _check(column: str, values: Array, data: Dataset) -> None:
    subjects: dict[tuple[str, str], float] = {}
    for i, value in enumerate(values.tolist()):
        subject = data.subject[i] if data.subject else ""
        where = f"arm {data.arm[i]!r}" + (f", subject {subject!r}" if subject else "")
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
