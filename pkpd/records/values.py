"""The parameters of a model at every record: defaults, what the user sets, and covariates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.ensembles import Ensemble
from pkpd.errors import ParameterError, unknown_name
from pkpd.records.covariates import covariate_columns, varying, without_gaps
from pkpd.records.records import Records
from pkpd.records.segments import Segments
from pkpd.symbolic.composition import parameter_value
from pkpd.symbolic.model import Model

__all__ = ["Values", "parameter_values"]


@dataclass(frozen=True)
class Values:
    """The parameters of the model at any record.

    `fixed` has a number or an array over subjects for each, `timed` an array over rows for
    those that the table gives; `changing` are the ones that change within a subject.
    """

    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    timed: Mapping[str, Array]
    changing: tuple[str, ...]
    subject: Index

    def at(self, rows: Index) -> Array:
        """(parameters, rows)."""
        found = np.empty((len(self.names), len(rows)))
        for i, name in enumerate(self.names):
            if name in self.timed:
                found[i] = self.timed[name][rows]
            else:
                value = self.fixed[name]
                found[i] = value if np.ndim(value) == 0 else value[self.subject[rows]]
        return found


def parameter_values(
    model: Model, data: Records, cuts: Segments, parameters: Any, covariates: Iterable[str] | None, carry: str
) -> Values:
    known = {s.name: s for s in model.settable}
    given = _given(model, data, parameters)
    fixed: dict[str, Any] = {}
    for name, symbol in known.items():
        default = getattr(symbol, "value", None)
        fixed[name] = given.get(name, symbol.default if default is None else default)
        if np.ndim(fixed[name]) == 0:
            fixed[name] = parameter_value(model, symbol, fixed[name])
    timed = without_gaps(data, cuts, covariate_columns(data, known, covariates), carry)
    return Values(tuple(known), fixed, timed, tuple(varying(timed, cuts)), cuts.subject)


def _given(model: Model, data: Records, parameters: Any) -> dict[str, Any]:
    subjects = len(data.first_rows)
    if isinstance(parameters, Ensemble):
        if len(parameters) != subjects:
            raise ParameterError(f"the ensemble has {len(parameters)} members; {data.name} has {subjects} subjects.")
        parameters = {name: parameters[name] for name in parameters.columns}
    if not isinstance(parameters, Mapping | None):
        raise ParameterError(f"parameters is {parameters!r}; expected a mapping of names to values, or an Ensemble.")
    known = {s.name for s in model.settable}
    found: dict[str, Any] = {}
    for name, value in (parameters or {}).items():
        if name not in known:
            raise unknown_name(model.name, "parameter", str(name), known)
        found[name] = value if np.ndim(value) == 0 else np.asarray(value, dtype=float)
        if np.ndim(value) > 0 and found[name].shape != (subjects,):
            raise ParameterError(
                f"parameter {name!r} has the shape {np.shape(value)}; expected one value, or one for each of the "
                f"{subjects} subjects of {data.name}."
            )
    return found
