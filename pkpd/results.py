"""The labelled result: arrays become an xarray.Dataset with units, meanings and provenance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble
from pkpd.errors import SimulationError, unknown_name
from pkpd.solvers.chunks import Collected
from pkpd.solvers.equations.tangent import derivative_label
from pkpd.solvers.problem import Status
from pkpd.solvers.reductions import Reduction
from pkpd.symbolic.model import Model
from pkpd.units import label, parse_unit

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ResultSpec", "dataset", "derivative_name", "shown"]


def shown(model: Model, outputs: Iterable[str] | None) -> list[str]:
    """The states and outputs asked for; all where none are named.

    Raises
    ------
    UnknownNameError
        If the model has no such state or output.
    SimulationError
        If `outputs` is neither names nor None.
    """
    known = [*(s.name for s in model.states), *model.outputs]
    if outputs is None:
        return known
    if not isinstance(outputs, Iterable):
        raise SimulationError(f"outputs is {outputs!r}; expected names of states or outputs.")
    wanted = [outputs] if isinstance(outputs, str) else list(outputs)
    for name in wanted:
        if name not in known:
            raise unknown_name(model.name, "state or output", str(name), known)
    return wanted


@dataclass(frozen=True)
class ResultSpec:
    """All that a result says of the run it came from.

    Attributes
    ----------
    known, values
        The declaration, and the number or the array over members, of every parameter.
    wanted
        The states and outputs to show.
    wrt
        What they are differentiated by, with the unit of each.
    reductions
        What is shown of them instead of their course in time.
    settings
        The options of `simulate`.
    """

    model: Model
    ensemble: Ensemble
    known: Mapping[str, Any]
    values: Mapping[str, Any]
    times: Array
    wanted: list[str]
    wrt: Mapping[str, str] = field(default_factory=dict)
    reductions: Mapping[str, Reduction] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The columns to collect: what is shown, each followed by its derivatives."""
        return [name for x in self.wanted for name in (x, *(derivative_label(x, k) for k in self.wrt))]


def derivative_name(of: str) -> str:
    """The name of the variable that holds the derivatives of a state or output."""
    return f"sensitivity_{of}"


def dataset(run: ResultSpec, found: Collected) -> xr.Dataset:
    """The result of a run; see `pkpd.simulate` for what it holds."""
    import xarray as xr

    dims, shape = run.ensemble.dims, run.ensemble.shape
    variables = _reduced(run, found) if run.reductions else _courses(run, found)
    variables["status"] = (dims, found.status.reshape(shape).astype(np.int8), _status_attrs())
    about = {"units": run.model.time, "long_name": "last time the member reached"}
    variables["ended"] = (dims, found.ended.reshape(shape), about)
    return xr.Dataset(variables, _coordinates(run), attrs=_provenance(run, found))


def _courses(run: ResultSpec, found: Collected) -> dict[str, Any]:
    dims, shape = (*run.ensemble.dims, "time"), (*run.ensemble.shape, len(run.times))
    variables: dict[str, Any] = {}
    for name in run.wanted:
        about = {"units": run.model.units[name], "long_name": run.model.meaning(name)}
        variables[name] = (dims, found.columns[name].reshape(shape), about)
        if run.wrt:
            slopes = np.stack([found.columns[derivative_label(name, k)] for k in run.wrt], axis=-1)
            its: dict[str, Any] = {
                "units": [_quotient(run.model.units[name], unit) for unit in run.wrt.values()],
                "long_name": f"derivative of {run.model.meaning(name)}",
            }
            variables[derivative_name(name)] = ((*dims, "parameter"), slopes.reshape(*shape, -1), its)
    return variables


def _reduced(run: ResultSpec, found: Collected) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    for name, reduction in run.reductions.items():
        unit = run.model.units[reduction.of]
        if reduction.kind == "auc":
            unit = label(parse_unit(unit) * parse_unit(run.model.time))
        elif "time" in reduction.kind or reduction.threshold is not None:
            unit = run.model.time
        limit = "" if reduction.threshold is None else f" {reduction.threshold:g}"
        said = f"{reduction.kind.replace('_', ' ')}{limit} of {run.model.meaning(reduction.of)}"
        about = {"units": unit, "long_name": said, "stored_times": len(run.times)}
        variables[name] = (run.ensemble.dims, found.columns[name].reshape(run.ensemble.shape), about)
    return variables


def _coordinates(run: ResultSpec) -> dict[str, Any]:
    coords: dict[str, Any] = {}
    if not run.reductions:
        coords["time"] = ("time", run.times, {"units": run.model.time, "long_name": "time"})
    for name, value in run.values.items():
        dims, values = run.ensemble.columns.get(name, ((), value))
        coords[name] = (dims, values, {"units": run.known[name].unit, "long_name": run.known[name].meaning})
    coords |= run.ensemble.labels
    if "member" in run.ensemble.sizes:
        coords.setdefault("member", ("member", np.arange(run.ensemble.sizes["member"])))
    if run.wrt:
        coords["parameter"] = ("parameter", list(run.wrt), {"long_name": "what a sensitivity is a derivative by"})
    return coords


def _quotient(unit: str, by: str) -> str:
    return label(parse_unit(unit) / parse_unit(by))


def _status_attrs() -> dict[str, Any]:
    return {
        "long_name": "how the integration ended",
        "flag_values": np.array([int(s) for s in Status], dtype=np.int8),
        "flag_meanings": " ".join(s.name for s in Status),
    }


def _provenance(run: ResultSpec, found: Collected) -> dict[str, Any]:
    import platform

    import scipy
    import sympy

    import pkpd

    return {
        "model": run.model.name,
        "model_hash": run.model.hash,
        **run.settings,
        "method_used": found.note or run.settings["method"],
        "values_at_dose_times": f"{run.settings['at_dose']} the dose",
        "versions": (
            f"pkpd {pkpd.__version__}, python {platform.python_version()}, numpy {np.__version__}, "
            f"scipy {scipy.__version__}, sympy {sympy.__version__}"
        ),
    }
