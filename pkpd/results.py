"""The labelled result: arrays become an xarray.Dataset with units, meanings and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.prepared.derivatives import derivative_name
from pkpd.prepared.parameters import ParameterValues
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.values import Values
from pkpd.solvers.problem import Status
from pkpd.solvers.reductions import Reduction
from pkpd.symbolic.model import Model
from pkpd.units import label, parse_unit

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ResultSpec", "dataset", "reduced_attrs", "versions"]


@dataclass(frozen=True)
class ResultSpec:
    """All that a result says beside its numbers.

    Attributes
    ----------
    prepared
        What was integrated.
    values
        The parameters it was integrated for.
    settings
        The options of `simulate`.
    """

    prepared: Prepared
    values: ParameterValues
    settings: Mapping[str, Any]

    @property
    def model(self) -> Model:
        return self.prepared.model

    @property
    def dims(self) -> tuple[str, ...]:
        """The dimensions before time: the arms, then those of the ensemble."""
        return (*(["arm"] if self.prepared.arms else []), *self.values.ensemble.dims)

    @property
    def shape(self) -> tuple[int, ...]:
        return (*([len(self.prepared.arms)] if self.prepared.arms else []), *self.values.ensemble.shape)


def dataset(spec: ResultSpec, values: Values) -> xr.Dataset:
    """The labelled result; see `pkpd.simulate` for what it holds."""
    import xarray as xr

    variables = _reduced(spec, values) if spec.prepared.reductions else _courses(spec, values)
    variables["status"] = (spec.dims, values.status.reshape(spec.shape).astype(np.int8), _status_attrs())
    about = {"units": spec.model.time, "long_name": "last time the member reached"}
    variables["ended"] = (spec.dims, values.ended.reshape(spec.shape), about)
    return xr.Dataset(variables, _coordinates(spec), attrs=_provenance(spec, values))


def _courses(spec: ResultSpec, values: Values) -> dict[str, Any]:
    model, wrt = spec.model, spec.prepared.wrt
    dims, shape = (*spec.dims, "time"), (*spec.shape, len(spec.prepared.times))
    variables: dict[str, Any] = {}
    for name in spec.prepared.outputs:
        about = {"units": model.units[name], "long_name": model.meaning(name)}
        variables[name] = (dims, values[name].reshape(shape), about)
        if wrt:
            slopes = values.sensitivities[name].reshape(*shape, len(wrt))
            slope_attrs: dict[str, Any] = {
                "units": [_quotient(model.units[name], unit) for unit in wrt.values()],
                "long_name": f"derivative of {model.meaning(name)}",
            }
            variables[derivative_name(name)] = ((*dims, "parameter"), slopes, slope_attrs)
    return variables


def _reduced(spec: ResultSpec, values: Values) -> dict[str, Any]:
    return {
        name: (spec.dims, values[name].reshape(spec.shape), reduced_attrs(spec.model, reduction))
        for name, reduction in spec.prepared.reductions.items()
    }


def reduced_attrs(model: Model, reduction: Reduction) -> dict[str, Any]:
    """The unit and the meaning of a number that is kept instead of a course."""
    unit = model.units[reduction.of]
    if reduction.kind == "auc":
        unit = label(parse_unit(unit) * parse_unit(model.time))
    elif "time" in reduction.kind or reduction.threshold is not None:
        unit = model.time
    limit = f" {reduction.threshold:g}" if isinstance(reduction.threshold, float) else ""
    return {"units": unit, "long_name": f"{reduction.kind.replace('_', ' ')}{limit} of {model.meaning(reduction.of)}"}


def _coordinates(spec: ResultSpec) -> dict[str, Any]:
    prepared, ensemble = spec.prepared, spec.values.ensemble
    coords: dict[str, Any] = {}
    if prepared.arms:
        coords["arm"] = ("arm", list(prepared.arms), {"long_name": "arm"})
    if not prepared.reductions:
        coords["time"] = ("time", prepared.times, {"units": spec.model.time, "long_name": "time"})
    for i, (name, symbol) in enumerate(prepared.known.symbols.items()):
        dims, numbers = ensemble.columns.get(name, ((), spec.values.matrix[i, 0]))
        coords[name] = (dims, numbers, {"units": symbol.unit, "long_name": symbol.meaning})
    coords |= ensemble.labels
    if "member" in ensemble.sizes:
        coords.setdefault("member", ("member", np.arange(ensemble.sizes["member"])))
    if prepared.wrt:
        coords["parameter"] = ("parameter", list(prepared.wrt), {"long_name": "what a sensitivity is a derivative by"})
    return coords


def _quotient(unit: str, by: str) -> str:
    return label(parse_unit(unit) / parse_unit(by))


def _status_attrs() -> dict[str, Any]:
    return {
        "long_name": "how the integration ended",
        "flag_values": np.array([int(s) for s in Status], dtype=np.int8),
        "flag_meanings": " ".join(s.name for s in Status),
    }


def _provenance(spec: ResultSpec, values: Values) -> dict[str, Any]:
    return {
        "model": spec.model.name,
        "model_hash": spec.model.hash,
        **spec.settings,
        "method_used": values.note or spec.settings["method"],
        "values_at_dose_times": f"{spec.settings['at_dose']} the dose",
        "versions": versions(),
    }


@cache
def versions() -> str:
    """The versions of this package and of those that numbers depend on."""
    import platform

    import scipy
    import sympy

    from pkpd.version import __version__

    return (
        f"pkpd {__version__}, python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, sympy {sympy.__version__}"
    )
