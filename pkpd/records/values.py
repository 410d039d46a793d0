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
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Parameter
from pkpd.symbolic.values import Bounds, check_bounds, parameter_value

__all__ = ["Values", "parameter_settings", "parameter_values"]


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
        values, subject = np.empty((len(self.names), len(rows))), self.subject[rows]
        for i, name in enumerate(self.names):
            if name in self.timed:
                values[i] = self.timed[name][rows]
            else:
                value = self.fixed[name]
                values[i] = value[subject] if getattr(value, "ndim", 0) else value
        return values


def parameter_values(
    model: Model, data: Records, cuts: Segments, parameters: Any, covariates: Iterable[str] | None, carry: str
) -> Values:
    """The parameters of the model at every record.

    Raises
    ------
    ParameterError, UnknownNameError, DataError
        If a name or a value is not acceptable; see `pkpd.predict`.
    """
    known = {s.name: s for s in model.settable}
    defaults = {name: s.value if isinstance(s, Parameter) else s.default for name, s in known.items()}
    fixed = defaults | parameter_settings(model, data, parameters)
    timed = without_gaps(data, cuts, covariate_columns(data, known, covariates), carry)
    return Values(tuple(known), fixed, timed, tuple(varying(timed, cuts)), cuts.subject)


def parameter_settings(model: Model, data: Records, parameters: Any, bounds: Bounds = "refuse") -> dict[str, Any]:
    """What the user sets: a number, or (subjects,), by name.

    Raises
    ------
    ParameterError, UnknownNameError, UnitError
        If a name or a value is not acceptable.
    """
    subjects = len(data.first_rows)
    if isinstance(parameters, Ensemble):
        if len(parameters) != subjects:
            raise ParameterError(f"the ensemble has {len(parameters)} members; {data.name} has {subjects} subjects.")
        parameters = {name: parameters[name] for name in parameters.columns}
    if not isinstance(parameters, Mapping | None):
        raise ParameterError(f"parameters is {parameters!r}; expected a mapping of names to values, or an Ensemble.")
    known = {s.name: s for s in model.settable}
    settings: dict[str, Any] = {}
    for name, value in (parameters or {}).items():
        if name not in known:
            raise unknown_name(model.name, "parameter", str(name), known)
        if _is_single(value):
            settings[name] = parameter_value(model, known[name], value, bounds=bounds)
        else:
            settings[name] = _by_subject(name, value, data, subjects)
            check_bounds(model, known[name], settings[name], f" of {data.name}", bounds=bounds)
    return settings


def _is_single(value: Any) -> bool:
    return isinstance(value, str) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0


def _by_subject(name: str, value: Any, data: Records, subjects: int) -> Array:
    """An array with a finite number for each subject; what would be lost on the way is refused."""
    if np.ma.is_masked(value):
        raise ParameterError(f"parameter {name!r} is a masked array; give every subject a value.")
    try:
        complex_ = np.iscomplexobj(value)
        numbers: Array = np.empty(0) if complex_ else np.asarray(value).astype(float)
    except (TypeError, ValueError, OverflowError):
        what = f"parameter {name!r} is a {type(value).__name__} of something else"
        raise ParameterError(f"{what}; expected numbers, one for each subject.") from None
    if complex_:
        raise ParameterError(f"parameter {name!r} has complex numbers; expected real ones.")
    if numbers.shape != (subjects,):
        raise ParameterError(
            f"parameter {name!r} has the shape {numbers.shape}; expected one value, or one for each of the "
            f"{subjects} subjects of {data.name}."
        )
    if not np.isfinite(numbers).all():
        which = int(np.argmin(np.isfinite(numbers)))
        raise ParameterError(
            f"parameter {name!r} is {numbers[which]} for ID {data.subjects[which]}; expected a number."
        )
    return numbers
