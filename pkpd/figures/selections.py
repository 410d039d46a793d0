"""Which numbers of a run a figure shows, checked before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.errors import DataError, unknown_name
from pkpd.measures import failed_members
from pkpd.measures.stored_times import stored
from pkpd.units import parse_unit

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Statistic",
    "checked_band",
    "checked_lines",
    "is_geometric",
    "length_like",
    "measurable",
    "one_number",
    "only",
    "require",
    "volume_like",
    "where",
]

Statistic = Literal["max", "min", "last"]

_WORDS = {"max": "highest", "min": "lowest", "last": "last"}


def measurable(data: xr.Dataset | xr.DataArray, output: str | None) -> tuple[xr.DataArray, xr.DataArray]:
    """The values of `output`, and which members have them (a boolean array without time)."""
    import xarray as xr

    if not isinstance(data, xr.Dataset | xr.DataArray):
        raise DataError(f"a figure is drawn of a result of simulate(), not of {data!r}.")
    if isinstance(data, xr.Dataset):
        if output is None:
            has = ", ".join(str(v) for v in data.data_vars if v not in ("status", "ended"))
            raise DataError(f"{where(data)} is a Dataset; say which of its variables to show: {has}.")
        return failed_members.variable(data, output), failed_members.evaluable(data, output)
    if output is not None:
        raise DataError(f"output={output!r} chooses a variable of a Dataset; {where(data)} is a single DataArray.")
    known = data.notnull()
    return data, known.all("time") if "time" in data.dims else known


def where(data: xr.Dataset | xr.DataArray) -> str:
    """What a message calls the data."""
    return str(data.attrs.get("model") or getattr(data, "name", None) or "the data")


def require(array: xr.DataArray, *dims: str) -> None:
    """Refuse an array that lacks one of the dimensions."""
    if not hasattr(array, "dims"):
        raise DataError(f"a figure is drawn of labelled values, as from simulate() or a measure, not of {array!r}.")
    for dim in dims:
        if dim not in array.dims:
            raise unknown_name(where(array), "dimension", str(dim), map(str, array.dims))


def only(array: xr.DataArray, allowed: Iterable[str], cure: str) -> None:
    """Refuse an array that varies over another dimension than those allowed."""
    for dim in array.dims:
        if dim not in set(allowed):
            raise DataError(
                f"{where(array)} varies over {dim!r} too ({array.sizes[dim]} values); "
                f"{cure}choose one value with .sel({dim}=...) or .isel({dim}=...)."
            )


def one_number(
    values: xr.DataArray, usable: xr.DataArray, at: float | None, statistic: Statistic | None
) -> xr.DataArray:
    """Time taken out of `values`: at one stored time, or by a statistic; NaN where not usable."""
    if "time" not in values.dims:
        if at is not None or statistic is not None:
            raise DataError(f"{where(values)} has no dimension 'time'; leave out at= and statistic=.")
        return values.where(usable)
    if (at is None) == (statistic is None):
        raise DataError(
            f"{where(values)} varies over time: say either at= (a stored time) or statistic= ('max', 'min', 'last')."
        )
    kept = values.where(usable)
    if at is not None:
        return _named(kept.isel(time=stored(values, at)), values, f"at {_clock(values, at)}")
    if statistic not in _WORDS:
        raise unknown_name("a figure", "statistic", str(statistic), _WORDS)
    reduced = kept.isel(time=-1) if statistic == "last" else getattr(kept, statistic)("time", skipna=False)
    return _named(reduced, values, "", f"{_WORDS[statistic]} ")


def is_geometric(values: Any) -> bool:
    """Whether positive values are spaced by a constant factor, as from ``np.geomspace``."""
    v = np.asarray(values, dtype=float) if np.asarray(values).dtype.kind in "if" else np.array([])
    if len(v) < 3 or (v <= 0).any():
        return False
    steps = np.diff(np.log(v))
    return bool(np.allclose(steps, steps[0], rtol=0.02) and not np.allclose(np.diff(v), v[1] - v[0], rtol=0.02))


def checked_band(band: tuple[float, float] | None) -> tuple[float, float] | None:
    """A pair of quantiles in rising order, between 0 and 1."""
    if band is None:
        return None
    try:
        low, high = (float(q) for q in band)
    except (TypeError, ValueError):
        low = high = np.nan
    if not 0 <= low < high <= 1:
        raise DataError(f"band is {band!r}; expected two rising quantiles between 0 and 1, such as (0.05, 0.95).")
    return low, high


def checked_lines(lines: Mapping[str, float] | None) -> dict[str, float]:
    """Levels to draw, by what to call them."""
    if not isinstance(lines, Mapping | None):
        raise DataError(f"lines is {lines!r}; expected levels by what to call them, such as {{'target': 10}}.")
    return dict(lines or {})


def volume_like(unit: str) -> bool:
    """Whether a unit measures a volume."""
    return bool(parse_unit(unit).dimensionality == parse_unit("mm^3").dimensionality)


def length_like(unit: str) -> bool:
    """Whether a unit measures a length, as sums of diameters do."""
    return bool(parse_unit(unit).dimensionality == parse_unit("mm").dimensionality)


def _clock(values: xr.DataArray, at: float) -> str:
    unit = str(values["time"].attrs.get("units", ""))
    return f"time {at:g}" if unit in ("", "1") else f"{unit} {at:g}"


def _named(reduced: xr.DataArray, values: xr.DataArray, suffix: str = "", prefix: str = "") -> xr.DataArray:
    name = values.attrs.get("long_name") or values.name
    return reduced.assign_attrs(values.attrs, long_name=f"{prefix}{name} {suffix}".strip())
