"""Stored times: where a measure reads what was simulated or measured."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import SimulationError
from pkpd.solvers.rounding import snapped

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["later", "real_numbers", "stored"]


def stored(values: xr.DataArray, time: float) -> int:
    """The index of a stored time; one that only rounding separates from `time` is that time.

    Raises
    ------
    SimulationError
        If it is not stored; the message names the nearest that is.
    """
    _check_number("time", time)
    times = values["time"].to_numpy()
    nearest = int(np.abs(times - float(time)).argmin())
    if snapped(np.array(float(time)), times) != times[nearest]:
        raise SimulationError(f"time {time:g} is not stored; the nearest that is stored is {times[nearest]:g}.")
    return nearest


def later(values: xr.DataArray, after: float, measure: str) -> xr.DataArray:
    """The values at the times stored after `after`, of which there must be one; `measure` asks."""
    _check_number(f"the time after which {measure}() looks", after)
    times = values["time"].to_numpy()
    rest = values.isel(time=times > snapped(np.array(float(after)), times))
    if not rest.sizes["time"]:
        raise SimulationError(
            f"{measure}() looks after time {after:g}, but the last stored time is {float(values['time'].max()):g}."
        )
    return rest


def real_numbers(values: Any) -> Array | None:
    """`values` as an array of real numbers; None where one is masked, imaginary, too large or no number at all."""
    if np.ma.is_masked(values):
        return None
    try:
        array = np.asarray(values)
        return None if array.dtype.kind in "cmMSU" else np.array(array, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return None


def _check_number(what: str, value: Any) -> None:
    number = real_numbers(value) if isinstance(value, Real) else None
    if number is None or np.isnan(number):
        raise SimulationError(f"{what} is {value!r}; expected a number in the unit of the run's time.")
