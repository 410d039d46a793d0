"""Thresholds that an output is compared with: a detection limit, a target, a limit of quantification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError
from pkpd.measures.stored_times import real_numbers
from pkpd.units import convert, parse_quantity

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Threshold", "by_row", "described", "threshold"]


Threshold = Any  # a float, or an xarray.DataArray over members


def threshold(wanted: Any, values: xr.DataArray, what: str) -> Threshold:
    """A threshold in the unit of `values`.

    Parameters
    ----------
    wanted
        A number in the unit of `values`; text with a unit of its own (``"10 mm^3"``); a
        DataArray over dimensions of `values` other than time, in the unit that its attribute
        ``units`` names; or a numpy array with one number for each member.
    values
        What is compared.
    what
        The name of the threshold, for messages.

    Returns
    -------
    float or xarray.DataArray
        The latter where the threshold differs by member.

    Raises
    ------
    ParameterError
        If it is not made of finite numbers, or its dimensions are not those of `values`.
    UnitError
        If the text is no quantity, or the unit cannot be converted.
    """
    if isinstance(wanted, str):
        number, unit = parse_quantity(wanted, what)
        return number if unit is None else convert(number, unit, values.attrs.get("units", "1"), what)
    if hasattr(wanted, "dims") or (isinstance(wanted, np.ndarray) and wanted.ndim):
        return _by_member(wanted, values, what)
    number_or_none = None if isinstance(wanted, list | tuple) else real_numbers(wanted)
    if number_or_none is None or not np.isfinite(number_or_none):
        raise ParameterError(f"{what} is {wanted!r}; expected a number that is finite, or text with a unit.")
    return float(number_or_none)


def by_row(limit: Threshold | None, template: xr.DataArray) -> Array | None:
    """A threshold as a column, (members, 1), in the order of the members of `template`; None stays None."""
    if limit is None:
        return None
    if not hasattr(limit, "dims"):
        return np.array([[limit]])
    first = template.isel(time=0, drop=True)
    return np.asarray(limit.broadcast_like(first).transpose(*first.dims).to_numpy().reshape(-1, 1))


def described(limit: Threshold) -> str:
    """A threshold in words: its number, or the range of its numbers."""
    if not hasattr(limit, "dims"):
        return f"{limit:g}"
    return f"{float(limit.min()):g} to {float(limit.max()):g} (by {', '.join(map(str, limit.dims))})"


def _by_member(wanted: Any, values: xr.DataArray, what: str) -> xr.DataArray:
    import xarray as xr

    axes = {str(d): n for d, n in values.sizes.items() if d != "time"}
    limit = wanted if isinstance(wanted, xr.DataArray) else None
    if limit is None and np.shape(wanted) == (axes.get("member"),):
        limit = xr.DataArray(wanted, dims="member")
    if limit is None or any(axes.get(str(d)) != n for d, n in limit.sizes.items()):
        shape = dict(limit.sizes) if limit is not None else np.shape(wanted)
        raise ParameterError(f"{what} has the shape {shape}; expected one number, or an array over {axes}.")
    numbers = real_numbers(wanted if isinstance(wanted, np.ndarray) else limit.to_numpy())
    if numbers is None or not np.isfinite(numbers).all():
        raise ParameterError(f"{what} has members for which it is not a finite number.")
    unit = limit.attrs.get("units")
    factor = 1.0 if unit is None else convert(1.0, unit, values.attrs.get("units", "1"), what)
    return limit.copy(data=factor * numbers)
