"""Levels to compare an output with: a detection limit, a target, a limit of quantification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pkpd.symbolic.symbols import finite_number
from pkpd.units import convert, parse_quantity

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["threshold"]


def threshold(given: float | str, values: xr.DataArray, what: str) -> float:
    """A number in the unit of `values`, or text with a unit of its own (``"10 mm^3"``), in the unit of `values`.

    Raises
    ------
    ParameterError
        If it is no finite number; `what` names it.
    UnitError
        If the text is no quantity, or its unit cannot be converted.
    """
    if isinstance(given, str):
        number, unit = parse_quantity(given, what)
        return number if unit is None else convert(number, unit, values.attrs.get("units", "1"), what)
    return finite_number(given, what)
