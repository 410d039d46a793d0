"""Outputs against time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, SimulationError
from pkpd.figures import labels
from pkpd.figures.doses import described_doses, dose_times, mark_doses
from pkpd.figures.filled_bands import FilledBand, scale_with
from pkpd.figures.legends import has_color_bar, key, line_colors
from pkpd.figures.scales import time_ticks
from pkpd.figures.selections import checked_band, measurable, only, require, where
from pkpd.figures.style import BLUE, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from pkpd.treatment.regimens import Regimen

__all__ = ["time_course"]


def time_course(
    run: xr.Dataset,
    output: str,
    *,
    by: str | None = None,
    band: tuple[float, float] | None = (0.05, 0.95),
    regimen: Regimen | None = None,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """An output against time: a line for each value of a dimension, or a population's median and band.

    Failed members are left out; the figure says how many.

    Parameters
    ----------
    run
        The result of `simulate`.
    output
        A variable of the run.
    by
        The dimension of which each value has its line; by default the only one besides
        ``member`` and ``time``.
    band
        The quantiles over ``member`` between which the band lies; None for the median alone.
    regimen
        Its doses are marked at the top, for each line where they differ.
    log
        Whether the axis of the output is logarithmic; values of 0 and less are not shown then.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    UnknownNameError
        If the run has no such output or dimension.
    DataError
        If the run varies over a further dimension, or `band` is not a pair of quantiles.
    SimulationError
        If no member is left to show.

    Examples
    --------
    >>> import pkpd
    >>> run = pkpd.simulate(pkpd.load("growth_logistic"), times=range(31), parameters=pkpd.grid(kg=[0.1, 0.2, 0.4]))
    >>> ax = time_course(run, "T", by="kg")
    >>> ax.get_xlabel()
    'Time (day)'
    """
    values, usable = measurable(run, output)
    quantiles = checked_band(band)
    by = _swept(values, by)
    only(values, {"time", "member", by or "time"}, "" if by else "name one dimension with by=, or ")
    colors = [BLUE] if by is None else line_colors(values[by])
    groups = _trajectories(values, usable, by)
    if not any(len(trajectories) for trajectories in groups):
        raise SimulationError(f"{where(run)}: no member has {output!r} at every time; all {usable.size} failed.")
    rows = [] if regimen is None else [dose_times(regimen, line) for line in _lines(values, by)]
    population = "member" in values.dims and by != "member"
    with canvas(ax) as axes:
        time = values["time"].to_numpy()
        bands = [
            band
            for trajectories, color, name in zip(groups, colors, _names(values, by), strict=True)
            for band in _draw(axes, time, trajectories, color, name, quantiles if population else None)
        ]
        hidden = _finish(axes, values, bands, log)
        if rows:
            mark_doses(axes, rows, colors, described_doses(regimen, values["time"].attrs.get("units")))
        room = key(axes, values[by] if by else None)
        described = labels.summary([len(trajectories) for trajectories in groups], quantiles) if population else ""
        note(axes, described, _lost(usable, population), hidden, pad=room)
    return axes


def _swept(values: xr.DataArray, by: str | None) -> str | None:
    require(values, "time")
    if by is not None:
        require(values, by)
        if by == "time":
            raise DataError("by='time' would make each time a line; time is the axis of a time course.")
        return by
    others = [str(d) for d in values.dims if d not in ("time", "member")]
    return others[0] if len(others) == 1 else None


def _lines(values: xr.DataArray, by: str | None) -> Iterable[xr.DataArray]:
    return [values] if by is None else [values.isel({by: i}) for i in range(values.sizes[by])]


def _trajectories(values: xr.DataArray, usable: xr.DataArray, by: str | None) -> list[Array]:
    """For each line an array (members, times) of the members that can be shown."""
    groups = []
    for line, ok in zip(_lines(values, by), _lines(usable, by), strict=True):
        rows = line.transpose(..., "time").to_numpy().reshape(-1, values.sizes["time"])
        groups.append(rows[ok.to_numpy().reshape(-1)])
    return groups


def _names(values: xr.DataArray, by: str | None) -> list[str]:
    """A name in the legend for each line, unless the color bar or the note says it."""
    if by is None or has_color_bar(values[by]):
        return ["_"] * (1 if by is None else values.sizes[by])
    return [labels.number(v) for v in values[by].to_numpy().tolist()]


def _draw(
    ax: Axes, time: Array, trajectories: Array, color: Any, name: str, band: tuple[float, float] | None
) -> list[FilledBand]:
    """The median, and the band that is to be drawn about it."""
    if not len(trajectories):
        return []
    ax.plot(time, np.median(trajectories, axis=0), color=color, label=name)
    if band is None:
        return []
    low, high = np.quantile(trajectories, band, axis=0)
    return [FilledBand(time, low, high, color)]


def _finish(ax: Axes, values: xr.DataArray, bands: list[FilledBand], log: bool) -> str:
    """Axes and their names; the sentence on what a logarithmic axis does not show."""
    scale_with(ax, bands, log, what=where(values))
    first, last = float(values["time"].min()), float(values["time"].max())
    margin = 0.015 * (last - first)  # so that nothing is cut at the edges
    ax.set_xlim(first - margin, last + margin)
    time_ticks(ax, first, last, str(values["time"].attrs.get("units")))
    ax.set_xlabel(labels.quantity(values["time"]))
    ax.set_ylabel(labels.output(values, 34))
    below = log and any(bool((np.asarray(line.get_ydata(), dtype=float) <= 0).any()) for line in ax.lines)
    return "values of 0 or less are off the axis" if below else ""


def _lost(usable: xr.DataArray, population: bool) -> str:
    return labels.left_out(int((~usable).sum()), usable.size, "members" if population else "simulations")
