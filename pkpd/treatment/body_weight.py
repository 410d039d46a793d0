"""Doses per kilogram of body weight."""

from __future__ import annotations

import dataclasses
import warnings

from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Given, Parameter, param
from pkpd.treatment.regimens import Administration, Quantity, Regimen
from pkpd.units import conversion_factor, parse_unit

__all__ = ["by_body_weight"]

REFERENCE = 70.0
"""The body weight in kg, where neither the model nor the user gives one."""


def by_body_weight(model: Model, regimen: Regimen) -> Regimen:
    """`regimen` with amounts such as ``"10 mg/kg"`` multiplied by the body weight, the parameter ``WT``.

    Where the model has no such parameter the regimen gets one, of 70 kg unless it is set, and
    a warning says so.
    """
    return Regimen(tuple(_dose(model, entry) for entry in regimen.doses))


def _dose(model: Model, entry: Administration) -> Administration:
    unit = entry.amount.unit
    if unit is None or "kg" not in unit or entry.route not in model.routes:
        return entry
    wanted = parse_unit(model.routes[entry.route].unit(model.time))
    factor = conversion_factor(parse_unit(unit) * parse_unit("kg"), wanted)
    if factor is None:
        return entry
    weight = _weight(model, f"{entry.amount} on route {entry.route!r}")
    in_kg = conversion_factor(parse_unit(weight.unit), parse_unit("kg")) or 1.0
    return dataclasses.replace(entry, amount=Quantity(entry.amount.expression * factor * in_kg * weight))


def _weight(model: Model, amount: str) -> Parameter | Given:
    declared = model.symbols.get("WT")
    if isinstance(declared, Parameter | Given) and conversion_factor(parse_unit(declared.unit), parse_unit("kg")):
        return declared
    warnings.warn(
        f"{model.name} has no body weight WT; {amount} is given to {REFERENCE:g} kg unless parameters={{'WT': ...}} "
        "says otherwise.",
        UserWarning,
        stacklevel=6,
    )
    return param("WT", REFERENCE, "kg", "body weight", source="reference adult", bounds=(0, None))
