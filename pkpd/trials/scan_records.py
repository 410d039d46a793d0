"""Sizes at visits and the treatment so far, as records: what a patient's parameters are updated from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pkpd.errors import DataError, RegimenError, unknown_name
from pkpd.records.nonmem import read_nonmem
from pkpd.records.records import Records
from pkpd.symbolic.model import Model, require_model
from pkpd.treatment.administrations import Administration, Quantity
from pkpd.treatment.regimens import Regimen
from pkpd.units import time_in

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["scan_records"]


def scan_records(
    model: Model,
    regimen: Regimen | Mapping[Any, Regimen | None] | None,
    day: xr.DataArray,
    size: xr.DataArray,
    *,
    until: float | None = None,
) -> Records:
    """Records for `personalize` from sizes at visits, such as the sums of diameters that `recist` returns.

    Parameters
    ----------
    model
        Its routes are those of the doses.
    regimen
        What all patients were given, or by patient; times and amounts are numbers, with or without a unit.
    day, size
        The days of the scans, 0 or later, and what they showed, over ``patient`` and ``visit``; NaN where
        there is none.
    until
        The last day that is looked at, so that nothing later is known; doses after it are left out too.

    Raises
    ------
    DataError
        If an array is not over patients and visits, or a patient has no size, or one before day 0.
    RegimenError
        If a dose depends on parameters, or meets a steady state.
    UnknownNameError
        If the model has no such route.

    Examples
    --------
    >>> import numpy as np, pkpd, xarray as xr
    >>> day = xr.DataArray([[0.0, 42.0], [0.0, np.nan]], dims=("patient", "visit"))
    >>> sums = xr.DataArray([[50.0, 41.0], [30.0, np.nan]], dims=("patient", "visit"))
    >>> model = pkpd.load("durvalumab_tumor_immune_rt")
    >>> records = pkpd.scan_records(model, pkpd.bolus("1500 mg", "iv", every="4 weeks", n=2), day, sums)
    >>> int((records["EVID"] == 0).sum()), int((records["EVID"] == 1).sum())
    (3, 4)
    """
    import pandas as pd

    require_model(model, "scan_records")
    for name, array in (("day", day), ("size", size)):
        if not hasattr(array, "dims") or set(array.dims) != {"patient", "visit"}:
            raise DataError(f"scan_records(): {name} is over {getattr(array, 'dims', type(array).__name__)}; "
                            "expected patient and visit.")  # fmt: skip
    routes = {route: number for number, route in enumerate(sorted(model.routes), 1)}
    per_day = time_in("1 day", model.time, "a day")
    rows = []
    labels = day["patient"].to_numpy().tolist()
    for place, patient in enumerate(labels):
        own = _of_patient(regimen, patient)
        rows.append(_row(place + 1, 0.0, 2, order=-1))  # a subject begins with the first record: on day 0
        rows += [
            row for row in _doses(model, own, routes, place + 1) if until is None or row["TIME"] <= until * per_day
        ]
        days, sizes = (a.isel(patient=place).transpose("visit").to_numpy().astype(float) for a in (day, size))
        seen = (days == days) & (sizes == sizes) & (days <= (float("inf") if until is None else until))
        if not seen.any():
            raise DataError(
                f"scan_records(): patient {patient} has no size{'' if until is None else f' by day {until:g}'}."
            )
        if days[seen].min() < 0:
            raise DataError(
                f"scan_records(): patient {patient} has a size on day {days[seen].min():g}, before the first day of "
                "the model, 0; expected the baseline on day 0, or days (of doses too) that count from it."
            )
        pairs = zip(days[seen], sizes[seen], strict=True)
        rows += [_row(place + 1, on * per_day, 0, DV=read) for on, read in pairs]
    table = pd.DataFrame(rows).sort_values(["ID", "TIME", "ORDER"], kind="stable").drop(columns="ORDER")
    table["ID"] = [str(labels[number - 1]) for number in table["ID"]]
    if not (table["DUR"] > 0).any():
        table = table.drop(columns="DUR")
    return read_nonmem(table, compartments={number: route for route, number in routes.items()} or None)


def _of_patient(regimen: Any, patient: Any) -> Regimen | None:
    if isinstance(regimen, Mapping):
        if patient not in regimen:
            raise unknown_name("regimen", "patient", str(patient), map(str, regimen))
        regimen = regimen[patient]
    if regimen is not None and not isinstance(regimen, Regimen):
        raise RegimenError(f"scan_records(): the regimen of patient {patient} is {regimen!r}; expected a Regimen.")
    return regimen


def _row(number: int, time: float, kind: int, order: int = 0, **items: float) -> dict[str, Any]:
    """A record; `order` decides among those at one time."""
    return {
        "ID": number,
        "TIME": time,
        "EVID": kind,
        "DV": 0.0,
        "AMT": 0.0,
        "CMT": 1,
        "DUR": 0.0,
        **items,
        "ORDER": order,
    }


def _doses(model: Model, regimen: Regimen | None, routes: Mapping[str, int], number: int) -> list[dict[str, Any]]:
    """A row for each dose; a scan on its day is before it."""
    rows = []
    for dose in () if regimen is None else regimen.in_time(model.time).doses:
        if dose.route not in routes:
            raise unknown_name(model.name, "route", dose.route, routes)
        if dose.ss:
            raise RegimenError(f"scan_records(): a dose on route {dose.route!r} meets a steady state; give the doses.")
        amount, time = _amount(model, dose), _plain(dose, Quantity(dose.time))
        lasting = 0.0 if dose.duration is None else _plain(dose, dose.duration)
        rows.append(_row(number, time, 1, order=1, AMT=amount, CMT=routes[dose.route], DUR=lasting))
    return rows


def _amount(model: Model, dose: Administration) -> float:
    """In the unit of the route."""
    number, unit = _plain(dose, dose.amount), dose.amount.unit
    if unit is None:
        return number
    route = model.routes[dose.route]
    return number * float(route.amount_factor(unit, model.time, f"a dose on {dose.route!r} is {dose.amount}"))


def _plain(dose: Administration, quantity: Quantity) -> float:
    if not quantity.expression.is_number:
        raise RegimenError(
            f"scan_records(): a dose on route {dose.route!r} has {quantity.expression}; what was given is a number."
        )
    return float(quantity.expression)
