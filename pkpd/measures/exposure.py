"""Exposure: non-compartmental measures of a concentration, for each dosing interval."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import DataError, SimulationError
from pkpd.measures.failed_members import Failed, kept, over_time
from pkpd.measures.noncompartmental import (
    areas,
    back_extrapolated,
    between,
    bridged,
    limited,
    terminal,
    time_above,
)
from pkpd.measures.stored_times import real_numbers, stored
from pkpd.measures.thresholds import Threshold, by_row, described, threshold
from pkpd.solvers.rounding import snapped
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
    above: float | str | xr.DataArray | Array | None = None,
    lloq: float | str | xr.DataArray | Array | None = None,
    start: Start = "stored",
    failed: Failed = "raise",
) -> xr.Dataset:
    """Non-compartmental exposure of every member in every dosing interval.

    Parameters
    ----------
    run
        The result of `simulate`, stored often enough (only stored times are read); that of
        `observe`; or measured samples, a Dataset with the dimension ``time`` and no
        ``status``, in which NaN is a missing sample.
    output
        The concentration.
    intervals
        The bounds of the dosing intervals, ``[0, 28, 56]`` for two, increasing.  For a
        simulated run they are stored times; between the samples of observed data the value
        at a bound is interpolated by the rule of the areas, which knows of no dose between
        them.  One interval, from the first time to the last, by default.
    above
        A threshold for ``time_above``: a number in the output's unit, ``"10 mg/L"``, or an
        array by member (see Notes).
    lloq
        The lower limit of quantification, in the same forms.  Values at or below it, and
        those that `observe` flags as ``blq``, are not measurable; see Notes.
    start
        The value at an interval's start: ``"stored"``, or, for a bolus into a run that shows
        values before doses, ``"back_extrapolated"`` from the next two measurable ones,
        log-linearly.
    failed
        What to do about members that failed: ``"raise"``, or ``"exclude"`` them (NaN).

    Returns
    -------
    xarray.Dataset
        Over the run's dimensions without time, and ``interval`` (with the coordinates
        ``interval_start`` and ``interval_end``):

        - ``cmax``; ``tmax``, since the interval's start; ``trough``, at its end; ``average``,
          ``auc/tau``
        - ``auc``, over the interval; ``auc_last``, to the last measurable value;
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
        If a bound of a simulated run is not a stored time, or lies beyond the samples, or a
        member failed and the policy is ``"raise"``.
    DataError
        If the bounds do not increase, an interval holds too few stored times, or several
        intervals are to be read from a run that shows values after doses.
    UnknownNameError
        If the run has no such output.
    UnitError
        If the unit of a threshold does not fit the output.

    Notes
    -----
    Areas are linear where the curve rises and logarithmic where it falls.  The terminal phase
    is the line of ln C against time over the last 3 or more points after the maximum with the
    highest adjusted R2; of those within 1e-4 of it, that of the most points.

    What is not measurable counts, within each interval, as 0 before the first and after the
    last measurable value and is left out between two of them (PKNCA's default for ``conc.blq``:
    first and last keep, middle drop); it takes no part in the half-life.  So ``auc`` falls
    linearly from the last measurable value to 0 at the next sample (PKNCA's ``aucall``), and
    ``auc_last`` ends at that value.  A missing sample is bridged; where it is at a bound and no
    sample lies on its other side, what needs the bound is NaN.

    A threshold by member is a DataArray over the run's dimensions without time, or an array
    along ``member``.

    References
    ----------
    Gabrielsson J, Weiner D. Non-compartmental analysis. Methods Mol Biol 929:377-389 (2012).
    Purves RD. J Pharmacokinet Biopharm 20:211-226 (1992).
    Denney W, Duvvuri S, Buckeridge C. PKNCA. J Pharmacokinet Pharmacodyn 42:S65 (2015).

    Examples
    --------
    >>> import numpy as np, xarray as xr, pkpd
    >>> samples = xr.Dataset({"C": ("time", [8.0, 4.0, np.nan, 1.0])}, {"time": [0.0, 1.0, 2.0, 3.0]})
    >>> float(pkpd.exposure(samples)["auc_last"].round(3).item())
    10.099
    """
    import xarray as xr

    values = over_time(run, output, "exposure")
    bounds = _bounds(run, values, intervals, start)
    usable = kept(run, output, failed, "exposure", gaps=True)
    limits = {"above": _threshold(above, values, "above"), "lloq": _threshold(lloq, values, "lloq")}
    ordered = values.where(usable).transpose(..., "time")
    samples = _Samples(
        values["time"].to_numpy(),
        ordered.to_numpy().reshape(-1, ordered.sizes["time"]),
        _below(run, ordered, limits["lloq"]),
        by_row(limits["above"], ordered),
    )
    measures = [_measured(samples, low, high, start) for low, high in itertools.pairwise(bounds)]
    about = _attributes(values)
    shape, dims = ordered.shape[:-1], (*ordered.dims[:-1], "interval")
    variables = {
        name: (dims, np.stack([one[name] for one in measures], axis=-1).reshape(*shape, len(measures)), about[name])
        for name in measures[0]
    }
    coords = {**_kept_coordinates(values), **_interval_coordinates(values, bounds)}
    result = xr.Dataset(variables, coords, _settings(run, output, limits, start))
    return _with_accumulation(result) if len(measures) > 1 else result


# ---- what is asked for


def _threshold(wanted: Any, values: xr.DataArray, name: str) -> Threshold | None:
    return None if wanted is None else threshold(wanted, values, name)


def _bounds(run: xr.Dataset, values: xr.DataArray, intervals: Any, start: Start) -> Array:
    """The bounds, each bit by bit the stored time that it is up to rounding, if there is one."""
    times = values["time"].to_numpy()
    bounds = real_numbers([times[0], times[-1]] if intervals is None else intervals)
    if bounds is None or bounds.ndim != 1 or len(bounds) < 2 or not (np.diff(bounds) > 0).all():
        raise DataError(f"intervals is {intervals!r}; expected two or more increasing bounds, such as [0, 28, 56].")
    if not isinstance(start, str) or start not in ("stored", "back_extrapolated"):
        raise DataError(f"start is {start!r}; expected 'stored' or 'back_extrapolated'.")
    if len(bounds) > 2 and run.attrs.get("at_dose") == "after":
        raise DataError(
            "exposure(): this run shows values after doses, so a bound between two intervals has no trough. "
            "Simulate with at_dose='before'; the start of a bolus is start='back_extrapolated'."
        )
    if "status" in run:
        bounds = np.array([times[stored(values, bound)] for bound in bounds])
    bounds = snapped(bounds, times)
    _check_within(bounds, times)
    _check_filled(bounds, times, start)
    return bounds


def _check_within(bounds: Array, times: Array) -> None:
    for bound in bounds:
        if not times[0] <= bound <= times[-1]:
            raise SimulationError(
                f"exposure(): the bound {bound:g} lies beyond the samples, {times[0]:g} to {times[-1]:g}; "
                "nothing is extrapolated to a bound."
            )


def _check_filled(bounds: Array, times: Array, start: Start) -> None:
    least = 3 if start == "back_extrapolated" else 1
    for low, high in itertools.pairwise(bounds):
        count = int(((times >= low) & (times <= high)).sum())
        if count < least:
            raise DataError(
                f"exposure(): the interval {low:g} to {high:g} holds {count} stored times; expected at least {least}."
            )


# ---- one interval


@dataclass(frozen=True)
class _Samples:
    """Curves, (members, times) with NaN where no sample is; which are below the limit; a threshold, (members, 1)."""

    times: Array
    curves: Array
    below: Mask
    above: Array | None

    def blocks(self) -> Iterator[_Samples]:
        for i in range(0, len(self.curves), _ROWS):
            rows = slice(i, i + _ROWS)
            above = None if self.above is None else np.broadcast_to(self.above, (len(self.curves), 1))[rows]
            yield _Samples(self.times, self.curves[rows], self.below[rows], above)


def _below(run: xr.Dataset, ordered: xr.DataArray, lloq: Threshold | None) -> Mask:
    """Which samples are not measurable: at or below the limit, or flagged by `observe`."""
    below = np.zeros((ordered[..., 0].size, ordered.sizes["time"]), dtype=bool)
    if lloq is not None:
        below |= (ordered <= lloq).transpose(*ordered.dims).to_numpy().reshape(below.shape)
    flags = run.get("blq")
    if flags is not None and flags.dtype == bool and ordered.name == "value":
        below |= flags.transpose(*ordered.dims).to_numpy().reshape(below.shape)
    return below


def _measured(samples: _Samples, low: float, high: float, start: Start) -> dict[str, Array]:
    """The measures of one interval by name, each (members,)."""
    parts = [_of_rows(*_cut(block, low, high), block.above, start) for block in samples.blocks()]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _cut(samples: _Samples, low: float, high: float) -> tuple[Array, Array, Mask]:
    """The times of an interval, the curves there, and which of their values are measurable samples."""
    times, curves = samples.times, samples.curves
    inside = (times > low) & (times < high)
    edges = [_at_bound(samples, bound) for bound in (low, high)]
    pieces = [edges[0][0], curves[:, inside], edges[1][0]]
    below = np.concatenate([edges[0][1], samples.below[:, inside], edges[1][1]], axis=1)
    sampled = np.concatenate([edges[0][2], ~np.isnan(curves[:, inside]), edges[1][2]], axis=1)
    whole = np.concatenate(pieces, axis=1)
    measurable = sampled & ~below & (whole > 0)
    return np.concatenate([[low], times[inside], [high]]), _after_limit(whole, below, measurable), measurable


def _after_limit(curves: Array, below: Mask, measurable: Mask) -> Array:
    """`limited`, where anything is below a limit; a 0 that was measured without one stays."""
    return limited(curves, measurable | ~below) if below.any() else curves


def _at_bound(samples: _Samples, bound: float) -> tuple[Array, Mask, Mask]:
    """At a bound the value, whether it is below the limit, and whether it is a sample; each (members, 1)."""
    times = samples.times
    right = int(np.searchsorted(times, bound))
    at = samples.curves[:, right] if times[right] == bound else np.full(len(samples.curves), np.nan)
    sampled = ~np.isnan(at)
    below = samples.below[:, right] & sampled
    if not sampled.all():
        full = bridged(times, np.where(samples.below, 0.0, samples.curves))
        left = right if times[right] == bound else right - 1
        share = 0.0 if left == right else (bound - times[left]) / (times[right] - times[left])
        at = np.where(sampled, at, between(share, full[:, left], full[:, right]))
    return at[:, None], below[:, None], sampled[:, None]


def _of_rows(times: Array, curves: Array, measurable: Mask, above: Array | None, start: Start) -> dict[str, Array]:
    if start == "back_extrapolated":
        curves = back_extrapolated(times, curves, measurable)
    curves = bridged(times, curves)
    known = ~np.isnan(curves)
    lost = ~known.any(axis=1)
    heights = np.where(known, curves, -np.inf)
    peak = np.argmax(heights, axis=1)
    sizes = areas(times, curves)
    auc = sizes.sum(axis=1)
    measures = {
        "cmax": heights.max(axis=1),
        "tmax": times[peak] - times[0],
        "trough": curves[:, -1],
        "average": auc / (times[-1] - times[0]),
        "auc": auc,
        **_extrapolated(times, curves, sizes, peak, measurable),
    }
    if above is not None:
        measures["time_above"] = time_above(times, curves, above)
    return {name: np.where(lost, np.nan, column) for name, column in measures.items()}


def _extrapolated(times: Array, curves: Array, sizes: Array, peak: Index, measurable: Mask) -> dict[str, Array]:
    """The area to the last measurable value and beyond, and the terminal phase that carries it there."""
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
    meanings = {
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
        "time_above": (clock, "time above the threshold"),
    }
    return {name: {"units": u, "long_name": text} for name, (u, text) in meanings.items()}


def _kept_coordinates(values: xr.DataArray) -> dict[str, Any]:
    return {str(name): c for name, c in values.coords.items() if "time" not in c.dims}


def _interval_coordinates(values: xr.DataArray, bounds: Array) -> dict[str, Any]:
    unit = {"units": values["time"].attrs.get("units", "1")}
    return {
        "interval": ("interval", np.arange(1, len(bounds)), {"long_name": "dosing interval"}),
        "interval_start": ("interval", bounds[:-1], {**unit, "long_name": "start of the interval"}),
        "interval_end": ("interval", bounds[1:], {**unit, "long_name": "end of the interval"}),
    }


def _settings(run: xr.Dataset, output: str, limits: Mapping[str, Threshold | None], start: Start) -> dict[str, Any]:
    numbers = {n: described(v) if hasattr(v, "dims") else v for n, v in limits.items() if v is not None}
    rule = {"area_rule": "linear up, logarithmic down", "interval_start_value": start.replace("_", " ")}
    return {"model": str(run.attrs.get("model", "")), "output": output, **numbers, **rule}


def _with_accumulation(result: xr.Dataset) -> xr.Dataset:
    ratios = {}
    for name in ("auc", "cmax", "trough"):
        first = result[name].isel(interval=0, drop=True)
        ratio = (result[name] / first.where(first > 0)).transpose(*result[name].dims)
        ratios[f"accumulation_{name}"] = ratio.assign_attrs(
            units="1", long_name=f"accumulation of the {result[name].attrs['long_name']}"
        )
    return result.assign(ratios)
