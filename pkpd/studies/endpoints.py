"""Endpoints of a study: a number for each member, from its courses at the times of the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Codes
from pkpd.errors import UnitError, unknown_name
from pkpd.measures.event_times import first_event
from pkpd.measures.recist import recist
from pkpd.measures.recist_rules import RecistRules
from pkpd.measures.response_codes import CR, PR, response_attrs
from pkpd.measures.responses import best_change, complete_response
from pkpd.measures.scan_data import TARGET
from pkpd.prepared.values import Values
from pkpd.studies.endpoint_tables import (
    BestChange,
    CompleteResponse,
    Endpoint,
    EndpointTable,
    FirstEvent,
    RecistEndpoint,
)
from pkpd.symbolic.model import Model
from pkpd.toml_files import Table, TomlFile, checked
from pkpd.units import conversion_factor, parse_unit

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_endpoint", "endpoint_attrs", "endpoint_values", "endpoints_of", "variables_of"]


class _Endpoints(Table):
    endpoints: dict[str, Endpoint]


def endpoints_of(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Endpoints by name, of which each may be a mapping such as ``{"kind": "best_change", "of": "V"}``.

    Raises
    ------
    DataError, UnknownNameError
        If a kind or an option is not what is expected.
    """
    plain = {name: e.plain() if isinstance(e, EndpointTable) else e for name, e in stated.items()}
    return dict(checked(_Endpoints, TomlFile("Study", {"endpoints": plain}, {})).endpoints)


def variables_of(endpoint: Any) -> tuple[str, ...]:
    """The states and outputs whose courses an endpoint is read from."""
    if isinstance(endpoint, FirstEvent):
        return tuple(v for event in (*endpoint.names, *endpoint.censored_by) for v in (event, f"t_{event}"))
    death = getattr(endpoint, "death", None)
    return (*endpoint.names, *([] if death is None else [death, f"t_{death}"]))


def check_endpoint(model: Model, endpoint: Any, where: str) -> None:
    """Refuse an endpoint of what the model does not have; `where` names its place.

    Raises
    ------
    UnknownNameError
        If there is no such variable or event.
    UnitError
        If diameters are no lengths.
    """
    variables = [*(s.name for s in model.states), *model.outputs]
    events = [name for name in variables if f"t_{name}" in variables]
    named = (*endpoint.names, *endpoint.censored_by) if isinstance(endpoint, FirstEvent) else ()
    named = (endpoint.death,) if getattr(endpoint, "death", None) else named
    for event in named:
        if event not in events:
            raise unknown_name(f"{where}: {model.name}", "event", event, events)
    for name in () if isinstance(endpoint, FirstEvent) else endpoint.names:
        if name not in variables:
            raise unknown_name(f"{where}: {model.name}", "state or output", name, variables)
    if isinstance(endpoint, RecistEndpoint):
        _in_mm(model, endpoint, where)


def endpoint_values(model: Model, endpoints: Mapping[str, Any], times: Array, solved: Values) -> dict[str, Array]:
    """By name the endpoints of members in the shape of their statuses; those of members that failed mean nothing."""
    shape = solved.status.shape
    run = _labeled(model, times, solved)
    assessed: dict[Any, xr.Dataset] = {}  # several endpoints may be read from one assessment
    values = {}
    for name, endpoint in endpoints.items():
        if isinstance(endpoint, RecistEndpoint):
            rules = (endpoint.names, endpoint.death, endpoint.confirmation, endpoint.stable)
            if rules not in assessed:
                assessed[rules] = _assessed(model, endpoint, run)
            value = _recist_value(model, endpoint.kind, assessed[rules]).reshape(shape)
        else:
            value = _measured(endpoint, run)
        values[name] = value
    return values


def endpoint_attrs(model: Model, endpoint: Any) -> dict[str, Any]:
    """The unit and the meaning of an endpoint; of a code also what it stands for."""
    of = ", ".join(model.meaning(name) or name for name in endpoint.names)
    unit, words = _ABOUT[endpoint.kind]
    codes = response_attrs("") if endpoint.kind == "best_response" else {}
    kept = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in codes.items()}
    known = {"units": model.time if unit == "time" else unit, "long_name": f"{words}: {of}"}
    return {**kept, **known, "endpoint": endpoint.kind}


_ABOUT = {
    "best_change": ("%", "lowest change from baseline"),
    "complete_response": ("1", "at or below the detection limit"),
    "best_response": ("1", "best response"),
    "objective_response": ("1", "best response is CR or PR"),
    "response_time": ("time", "first response"),
    "progression_time": ("time", "first progression"),
    "pfs_time": ("time", "progression-free survival"),
    "pfs_event": ("1", "progression or death was seen"),
    "event_time": ("time", "first event, or end of observation"),
    "event_seen": ("1", "event was seen"),
}


# ---- from courses


def _labeled(model: Model, times: Array, solved: Values) -> xr.Dataset:
    """The courses as measures take them; of members that failed those of 1, which are not kept."""
    import xarray as xr

    dims = ("arm", "member")[2 - solved.status.ndim :]
    failed = (solved.status != 0)[..., None]
    courses = {
        name: ((*dims, "time"), np.where(failed, 1.0, values), {"units": model.units[name]})
        for name, values in solved.columns.items()
    }
    return xr.Dataset(courses, {"time": ("time", times, {"units": model.time})}, {"model": model.name})


def _measured(endpoint: Any, run: xr.Dataset) -> Array:
    if isinstance(endpoint, BestChange):
        value = best_change(run, endpoint.of, baseline=endpoint.baseline)
    elif isinstance(endpoint, CompleteResponse):
        value = complete_response(run, endpoint.of, below=endpoint.below, after=endpoint.after)
    else:
        events = first_event(run, *endpoint.names, censored_by=endpoint.censored_by)
        value = events["time" if endpoint.kind == "event_time" else "event"]
    return value.to_numpy().astype(float)


def _assessed(model: Model, endpoint: RecistEndpoint, run: xr.Dataset) -> xr.Dataset:
    """The assessment of every member by RECIST 1.1, each time of the study a visit."""
    import xarray as xr

    factors = _in_mm(model, endpoint, model.name)
    days = run["time"].to_numpy() * _days(model)
    sizes = [run[name].to_numpy() * f for name, f in zip(endpoint.names, factors, strict=True)]
    diameter = np.stack(sizes, axis=-1).reshape(-1, len(days), len(sizes))
    patients, lesions = len(diameter), len(sizes)
    none = np.zeros(diameter.shape, dtype=bool)
    visits, death = np.broadcast_to(days, (patients, len(days))), _death(model, endpoint.death, run)
    alive = True if death is None else ~(visits > death[:, None])
    scans = xr.Dataset(
        {
            "day": (("patient", "visit"), np.where(alive, visits, np.nan)),
            "scheduled": (("patient", "visit"), visits),
            "diameter": (("patient", "visit", "lesion"), np.maximum(diameter, 0.0)),
            "role": (("patient", "lesion"), np.full((patients, lesions), TARGET, dtype=np.int8)),
            "node": (("patient", "lesion"), np.zeros((patients, lesions), dtype=bool)),
            "too_small": (("patient", "visit", "lesion"), none),
            "unequivocal": (("patient", "visit", "lesion"), none),
        }
    )
    rules = RecistRules(confirmation=endpoint.confirmation, stable=endpoint.stable)
    return recist(scans, rules=rules, death=death)


def _death(model: Model, event: str | None, run: xr.Dataset) -> Array | None:
    """The day on which each member died, NaN where it did not."""
    if event is None:
        return None
    day = run[f"t_{event}"].isel(time=-1) * _days(model)
    died: Array = day.where(run[event].isel(time=-1) == 1).to_numpy().reshape(-1)
    return died


def _recist_value(model: Model, kind: str, assessed: xr.Dataset) -> Array:
    if kind in ("best_response", "objective_response"):
        best: Codes = assessed["best_response"].to_numpy()
        return best.astype(float) if kind == "best_response" else np.isin(best, (CR, PR)).astype(float)
    if kind == "pfs_event":
        return assessed["pfs_event"].to_numpy().astype(float)
    day = {"response_time": "response_day", "progression_time": "progression_day", "pfs_time": "pfs_day"}[kind]
    when = assessed[day].to_numpy() / _days(model)
    return when if kind == "pfs_time" else np.where(np.isnan(when), np.inf, when)


def _days(model: Model) -> float:
    """How many days the model's unit of time has."""
    factor = conversion_factor(parse_unit(model.time), parse_unit("day"))
    if factor is None:
        raise UnitError(f"{model.name} has the time {model.time!r}; RECIST counts days.")
    return factor


def _in_mm(model: Model, endpoint: RecistEndpoint, where: str) -> list[float]:
    """How many mm the unit of each diameter has."""
    factors = []
    for name in endpoint.names:
        factor = conversion_factor(parse_unit(model.units[name]), parse_unit("mm"))
        if factor is None:
            observed = [*(s.name for s in model.states), *model.outputs]
            lengths = [n for n in observed if conversion_factor(parse_unit(model.units[n]), parse_unit("mm"))]
            known = f" {model.name} has {', '.join(lengths)}." if lengths else ""
            raise UnitError(
                f"{where}: {endpoint.kind} is read from diameters, and {name!r} is in {model.units[name]!r}; expected "
                f"a length such as mm.{known}"
            )
        factors.append(factor)
    return factors
