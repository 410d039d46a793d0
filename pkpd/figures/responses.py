"""An output against a parameter or a dose."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import SimulationError
from pkpd.figures import labels
from pkpd.figures.legends import has_color_bar, key, line_colors
from pkpd.figures.scales import scale_output, scale_parameter
from pkpd.figures.selections import (
    Statistic,
    checked_band,
    checked_lines,
    measurable,
    one_number,
    only,
    require,
    where,
)
from pkpd.figures.style import BLACK, BLUE, GRAY, PALE, RED, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["response_curve"]

# Levels that coincide stay apart to the eye: a thin dark dash lies on a broad pale line.
_LEVELS: tuple[tuple[Any, str, float], ...] = ((":", GRAY, 1.0), ("-", PALE, 2.6), ("--", BLACK, 0.8), ("-.", RED, 0.8))
_MANY = 20  # points so close that marks would hide the line


def response_curve(
    run: xr.Dataset | xr.DataArray,
    output: str | None = None,
    *,
    x: str,
    at: float | None = None,
    statistic: Statistic | None = None,
    by: str | None = None,
    band: tuple[float, float] | None = (0.05, 0.95),
    lines: Mapping[str, float] | None = None,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """An output against a swept parameter: a dose-response or parameter-response curve.

    The axis of the parameter is logarithmic where its values are spaced by a factor.  Over
    ``member`` the median and a band are shown.  An output with confidence limits, such as the
    ``rate`` of `pkpd.rate`, has them as error bars.  What failed is left out; the figure says
    how many.

    Parameters
    ----------
    run
        The result of `simulate`, or a measure of it without time.
    output
        A variable of the run; None where `run` is a single DataArray.
    x
        The dimension on the horizontal axis.
    at
        The stored time whose values are shown; this or `statistic` where the output varies
        over time.
    statistic
        ``"max"``, ``"min"`` or ``"last"`` over time.
    by
        A further dimension, of which each value has its line.
    band
        The quantiles over ``member`` between which the band lies; None for the median alone.
    lines
        Levels to compare with, by name, such as the response without treatment.
    log
        Whether the axis of the output is logarithmic.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    UnknownNameError
        If the run has no such output, dimension or statistic.
    DataError
        If the run varies over a further dimension, or it is not clear which time is meant.
    SimulationError
        If the time is not stored, or nothing is left to show.
    """
    values, usable = measurable(run, output)
    quantiles, heights = checked_band(band), checked_lines(lines)
    reduced = one_number(values, usable, at, statistic)
    require(reduced, x, *([] if by is None else [by]))
    only(reduced, {x, "member", by or x}, "" if by else "name one dimension with by=, or ")
    population = "member" in reduced.dims and "member" not in (x, by)
    center, low, high = _summary(run, reduced, quantiles if population else None, population)
    if not bool(center.notnull().any()):
        raise SimulationError(f"{where(run)}: nothing to show; all {usable.size} simulations failed.")
    colors = [BLUE] if by is None else line_colors(center[by])
    with canvas(ax) as axes:
        for i, color in enumerate(colors):
            chosen = [None if a is None else a if by is None else a.isel({by: i}) for a in (center, low, high)]
            label = "_" if by is None or has_color_bar(center[by]) else labels.number(center[by].to_numpy().tolist()[i])
            _draw(axes, x, chosen, color, label, bars=_limits(run, reduced) is not None)
        for (name, height), (dashes, color, width) in zip(heights.items(), cycle(_LEVELS), strict=False):
            # Over the axis itself, so that a level of 0 is seen.
            axes.axhline(height, color=color, linewidth=width, linestyle=dashes, label=name, zorder=2.6, clip_on=False)
        _finish(axes, reduced, x, log)
        room = key(axes, center[by] if by else None)
        described = labels.summary(reduced.notnull().sum("member").to_numpy().ravel(), quantiles) if population else ""
        note(axes, described, labels.left_out(int((~usable).sum()), usable.size, "simulations"), pad=room)
    return axes


def _limits(run: Any, reduced: xr.DataArray) -> tuple[str, str] | None:
    """The names of the confidence limits that the output refers to (CF: ancillary variables)."""
    names = str(reduced.attrs.get("ancillary_variables", "")).split()
    return (names[0], names[1]) if len(names) == 2 and all(n in getattr(run, "data_vars", ()) for n in names) else None


def _summary(
    run: Any, reduced: xr.DataArray, band: tuple[float, float] | None, population: bool
) -> tuple[xr.DataArray, xr.DataArray | None, xr.DataArray | None]:
    """The line, and the lower and upper border of its band or error bars where it has them."""
    if population:
        low, high = (None, None) if band is None else (_quantile(reduced, q) for q in band)
        return _quantile(reduced, 0.5), low, high
    limits = _limits(run, reduced)
    return (reduced, None, None) if limits is None else (reduced, run[limits[0]], run[limits[1]])


def _quantile(reduced: xr.DataArray, q: float) -> xr.DataArray:
    """A quantile over members; NaN where all of them failed, which numpy would warn of."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        return reduced.quantile(q, "member", skipna=True).drop_vars("quantile")


def _draw(ax: Axes, x: str, chosen: list[Any], color: Any, label: str, *, bars: bool) -> None:
    center, low, high = chosen
    order = np.argsort(center[x].to_numpy())
    at, y = center[x].to_numpy()[order], center.to_numpy()[order]
    if bars:
        below, above = y - low.to_numpy()[order], high.to_numpy()[order] - y
        ax.errorbar(
            at, y, yerr=[below, above], color=color, label=label, marker="o", capsize=2, elinewidth=0.8, linewidth=1.0
        )
        return
    ax.plot(at, y, color=color, label=label, marker="o" if len(at) <= _MANY else None)
    if low is not None:
        ax.fill_between(at, low.to_numpy()[order], high.to_numpy()[order], color=color, alpha=0.18, linewidth=0)


def _finish(ax: Axes, reduced: xr.DataArray, x: str, log: bool) -> None:
    scale_parameter(ax, "x", reduced[x].to_numpy())
    scale_output(ax, log)
    if reduced[x].dtype.kind in "iuf" and reduced.sizes[x] <= 6:
        ax.set_xticks(reduced[x].to_numpy(), minor=False)
        ax.set_xticks([], minor=True)
    ax.set_xlabel(labels.quantity(reduced[x]))
    ax.set_ylabel(labels.quantity(reduced, 34))
