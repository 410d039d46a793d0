"""Exposure: non-compartmental measures of a concentration, for each dosing interval."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError
from pkpd.measures.failed_members import Failed, kept, over_time
from pkpd.measures.noncompartmental import areas, back_extrapolated, terminal, time_above
from pkpd.measures.stored_times import stored
from pkpd.measures.thresholds import threshold
from pkpd.units import label, parse_unit

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["exposure"]

Start = Literal["stored", "back_extrapolated"]

_ROWS = 4096  # curves at a time: the terminal phase needs a dozen arrays of their size


def exposure(
    run: xr.Dataset,
    output: str = "C",
    *,
    intervals: Sequence[float] | None = None,
    above: float | str | None = None,
    lloq: float | str | None = None,
    start: Start = "stored",
    failed: Failed = "raise",
) -> xr.Dataset:
    """Non-compartmental exposure of every member in every dosing interval.

    Parameters
    ----------
    run
        The result of `simulate`, stored often enough: only stored times are read.
    output
        The concentration.
    intervals
        The bounds of the dosing intervals, ``[0, 28, 56]`` for two: stored times, increasing.
        One interval, from the first stored time to the last, by default.
    above
        A level (a number in the output's unit, or ``"10 mg/L"``) for ``time_above``.
    lloq
        The lower limit of quantification, in the same forms: ``auc_last`` and ``auc_inf`` end at
        the last value that reaches it, and values below it take no part in the half-life.
    start
        The value at an interval's start: ``"stored"``, or, for a bolus into a run that shows
        values before doses, ``"back_extrapolated"`` from the next two, log-linearly.
    failed
        What to do about members that failed: ``"raise"``, or ``"exclude"`` them (NaN).

    Returns
    -------
    xarray.Dataset
        Over the run's dimensions without time, and ``interval`` (with the coordinates
        ``interval_start`` and ``interval_end``):

        - ``cmax``; ``tmax``, since the interval's start; ``trough``, at its end; ``average``,
          ``auc/tau``
        - ``auc``, over the interval; ``auc_last``, to the last value of ``lloq`` or more;
          ``auc_inf``, that extrapolated by the terminal phase, and ``auc_extrapolated``, the
          share of it beyond the last value, in percent.  `auc_inf` means an exposure where
          no dose follows.
        - ``lambda_z``, ``half_life``, ``lambda_z_points``, ``lambda_z_r2``: the terminal phase
          after the maximum, NaN where 3 points do not show one
        - ``time_above``, where `above` is given
        - ``accumulation_auc``, ``accumulation_cmax``, ``accumulation_trough``: the ratios to
          the first interval, where there are several

    Raises
    ------
    SimulationError
        If a bound is not a stored time, or a member failed and the policy is ``"raise"``.
    DataError
        If the bounds do not increase, an interval holds too few stored times, or several
        intervals are to be read from a run that shows values after doses.
    UnknownNameError
        If the run has no such output.
    UnitError
        If the unit of a level does not fit the output.

    Notes
    -----
    Areas are linear where the curve rises and logarithmic where it falls.  The terminal phase
    is the line of ln C against time over the last 3 or more points after the maximum with the
    highest adjusted R2; of those within 1e-4 of it, that of the most points.

    References
    ----------
    Gabrielsson J, Weiner D. Non-compartmental analysis. Methods Mol Biol 929:377-389 (2012).
    Purves RD. J Pharmacokinet Biopharm 20:211-226 (1992).
    """
    import xarray as xr

    values = over_time(run, output, "exposure")
    bounds = _bounds(run, values, intervals, start)
    usable = kept(run, output, failed, "exposure")
    given = {"above": above, "lloq": lloq}
    levels = {name: None if one is None else threshold(one, values, name) for name, one in given.items()}
    ordered = values.where(usable).transpose(..., "time")
    curves = ordered.to_numpy().reshape(-1, ordered.sizes["time"])
    times = values["time"].to_numpy()
    found = [
        _measured(times[i : j + 1], curves[:, i : j + 1], start, **levels)
        for i, j in itertools.pairwise(stored(values, b) for b in bounds)
    ]
    about = _attributes(values)
    shape = ordered.shape[:-1]
    dims = (*ordered.dims[:-1], "interval")
    variables = {
        name: (dims, np.stack([one[name] for one in found], axis=-1).reshape(*shape, len(found)), about[name])
        for name in found[0]
    }
    unit = {"units": values["time"].attrs.get("units", "1")}
    coords = {
        "interval": ("interval", np.arange(1, len(found) + 1), {"long_name": "dosing interval"}),
        "interval_start": ("interval", bounds[:-1], {**unit, "long_name": "start of the interval"}),
        "interval_end": ("interval", bounds[1:], {**unit, "long_name": "end of the interval"}),
    }
    result = xr.Dataset(variables, {**_kept_coordinates(values), **coords}, _settings(run, output, levels, start))
    return _with_accumulation(result) if len(found) > 1 else result


# ---- what is asked for


def _bounds(run: xr.Dataset, values: xr.DataArray, intervals: Any, start: Start) -> Array:
    times = values["time"].to_numpy()
    try:
        bounds = np.array([times[0], times[-1]] if intervals is None else intervals, dtype=float)
    except (TypeError, ValueError):
        bounds = np.empty(0)
    if bounds.ndim != 1 or len(bounds) < 2 or not (np.diff(bounds) > 0).all():
        raise DataError(f"intervals is {intervals!r}; expected two or more increasing bounds, such as [0, 28, 56].")
    if start not in ("stored", "back_extrapolated"):
        raise DataError(f"start is {start!r}; expected 'stored' or 'back_extrapolated'.")
    if len(bounds) > 2 and run.attrs.get("at_dose") == "after":
        raise DataError(
            "exposure(): this run shows values after doses, so a bound between two intervals has no trough. "
            "Simulate with at_dose='before'; the start of a bolus is start='back_extrapolated'."
        )
    least = 3 if start == "back_extrapolated" else 2
    for i, (low, high) in enumerate(itertools.pairwise(stored(values, b) for b in bounds)):
        if high - low + 1 < least:
            raise DataError(
                f"exposure(): the interval {bounds[i]:g} to {bounds[i + 1]:g} holds {high - low + 1} stored times; "
                f"expected at least {least}."
            )
    return bounds


# ---- one interval


def _measured(times: Array, curves: Array, start: Start, above: float | None, lloq: float | None) -> dict[str, Array]:
    """The measures of one interval by name, each (members,)."""
    parts = [_of_rows(times, rows, start, above, lloq) for rows in _chunks(curves)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _chunks(curves: Array) -> Iterator[Array]:
    for i in range(0, len(curves), _ROWS):
        yield curves[i : i + _ROWS]


def _of_rows(times: Array, rows: Array, start: Start, above: float | None, lloq: float | None) -> dict[str, Array]:
    curves = back_extrapolated(times, rows) if start == "back_extrapolated" else rows
    lost = np.asarray(np.isnan(curves).any(axis=1))
    curves = np.where(lost[:, None], 0.0, curves)
    peak = np.argmax(curves, axis=1)
    sizes = areas(times, curves)
    auc = sizes.sum(axis=1)
    found = {
        "cmax": curves.max(axis=1),
        "tmax": times[peak] - times[0],
        "trough": curves[:, -1],
        "average": auc / (times[-1] - times[0]),
        "auc": auc,
        **_extrapolated(times, curves, sizes, peak, lloq),
    }
    if above is not None:
        found["time_above"] = time_above(times, curves, above)
    return {name: np.where(lost, np.nan, column) for name, column in found.items()}


def _extrapolated(times: Array, curves: Array, sizes: Array, peak: Index, lloq: float | None) -> dict[str, Array]:
    """The area to the last measurable value and beyond, and the terminal phase that carries it there."""
    measurable = (curves > 0) & (curves >= (lloq or 0.0))
    position = np.arange(len(times))
    last = np.where(measurable, position, -1).max(axis=1)
    before_last = position[1:] <= last[:, None]
    auc_last = np.where(before_last, sizes, 0.0).sum(axis=1)
    phase = terminal(times, curves, measurable & (position > peak[:, None]))
    end = np.take_along_axis(curves, np.maximum(last, 0)[:, None], axis=1)[:, 0]
    tail = end / phase.rate
    return {
        "auc_last": auc_last,
        "auc_inf": auc_last + tail,
        "auc_extrapolated": 100 * tail / (auc_last + tail),
        "lambda_z": phase.rate,
        "half_life": np.log(2) / phase.rate,
        "lambda_z_points": phase.points,
        "lambda_z_r2": phase.adjusted_r2,
    }


# ---- the result


def _attributes(values: xr.DataArray) -> dict[str, dict[str, str]]:
    unit, clock = values.attrs.get("units", "1"), values["time"].attrs.get("units", "1")
    area = label(parse_unit(unit) * parse_unit(clock))
    rate = label(parse_unit("1") / parse_unit(clock))
    said = {
        "cmax": (unit, "highest concentration"),
        "tmax": (clock, "time of the highest concentration"),
        "trough": (unit, "concentration at the end of the interval"),
        "average": (unit, "average concentration"),
        "auc": (area, "area under the curve over the interval"),
        "auc_last": (area, "area under the curve to the last measurable concentration"),
        "auc_inf": (area, "area under the curve to infinity"),
        "auc_extrapolated": ("%", "share of the area that is extrapolated"),
        "lambda_z": (rate, "terminal rate"),
        "half_life": (clock, "terminal half-life"),
        "lambda_z_points": ("1", "points of the terminal phase"),
        "lambda_z_r2": ("1", "adjusted R2 of the terminal phase"),
        "time_above": (clock, "time above the level"),
    }
    return {name: {"units": u, "long_name": text} for name, (u, text) in said.items()}


def _kept_coordinates(values: xr.DataArray) -> dict[str, Any]:
    return {str(name): c for name, c in values.coords.items() if "time" not in c.dims}


def _settings(run: xr.Dataset, output: str, levels: dict[str, float | None], start: Start) -> dict[str, Any]:
    given = {name: number for name, number in levels.items() if number is not None}
    rule = {"area_rule": "linear up, logarithmic down", "interval_start_value": start.replace("_", " ")}
    return {"model": str(run.attrs.get("model", "")), "output": output, **given, **rule}


def _with_accumulation(result: xr.Dataset) -> xr.Dataset:
    ratios = {}
    for name in ("auc", "cmax", "trough"):
        first = result[name].isel(interval=0, drop=True)
        ratio = (result[name] / first.where(first > 0)).transpose(*result[name].dims)
        ratios[f"accumulation_{name}"] = ratio.assign_attrs(
            units="1", long_name=f"accumulation of the {result[name].attrs['long_name']}"
        )
    return result.assign(ratios)
