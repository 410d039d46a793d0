"""Levels to compare an output with: a detection limit, a target, a limit of quantification."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pkpd.errors import DataError
from pkpd.units import convert, parse_quantity

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["level"]


def level(given: float | str, values: xr.DataArray, what: str) -> float:
    """A number in the unit of `values`, or text with a unit of its own (``"10 mm^3"``), in the unit of `values`.

    Raises
    ------
    DataError
        If the number is not finite; `what` names it.
    UnitError
        If the text is no quantity, or its unit cannot be converted.
    """
    if isinstance(given, str):
        number, unit = parse_quantity(given, what)
        return number if unit is None else convert(number, unit, values.attrs.get("units", "1"), what)
    if not math.isfinite(given):
        raise DataError(f"{what} is {given}; expected a finite number.")
    return float(given)
