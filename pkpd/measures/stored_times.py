"""Stored times: a measure reads what the integrator stored and does not interpolate."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import SimulationError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["later", "stored"]


def stored(values: xr.DataArray, time: float) -> int:
    """The index of a stored time.

    Raises
    ------
    SimulationError
        If it is not stored; the message names the nearest that is.
    """
    _check_number("time", time)
    times = values["time"].to_numpy()
    nearest = int(np.abs(times - time).argmin())
    if not np.isclose(times[nearest], time, rtol=1e-9, atol=1e-12):
        raise SimulationError(f"time {time:g} is not stored; the nearest that is stored is {times[nearest]:g}.")
    return nearest


def later(values: xr.DataArray, after: float, measure: str) -> xr.DataArray:
    """The values at the times stored after `after`, of which there must be one; `measure` asks."""
    _check_number(f"the time after which {measure}() looks", after)
    found = values.isel(time=values["time"].to_numpy() > after)
    if not found.sizes["time"]:
        raise SimulationError(
            f"{measure}() looks after time {after:g}, but the last stored time is {float(values['time'].max()):g}."
        )
    return found


def _check_number(what: str, value: Any) -> None:
    if not isinstance(value, Real) or np.isnan(float(value)):
        raise SimulationError(f"{what} is {value!r}; expected a number in the unit of the run's time.")
