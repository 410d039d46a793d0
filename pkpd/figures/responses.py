"""An output against a parameter or a dose."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import SimulationError
from pkpd.figures import labels
from pkpd.figures.filled_bands import FilledBand, mark_not_positive, scale_with
from pkpd.figures.legends import has_color_bar, key, line_colors
from pkpd.figures.scales import scale_parameter, tick_centers
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
_FEW = 6  # values that each have a tick
_LETTERS = 36  # of categories in a row below the axes
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
    ``rate`` of `pkpd.rate`, has them as error bars.  Categories are not joined by a line.
    What failed is left out; the figure says how many.

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
        Whether the axis of the output is logarithmic; values of 0 and less are then triangles at its foot,
        which the figure counts.
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

    Examples
    --------
    >>> import pkpd
    >>> run = pkpd.simulate(pkpd.load("growth_logistic"), times=range(31), parameters=pkpd.grid(kg=[0.1, 0.2, 0.4]))
    >>> ax = response_curve(run, "T", x="kg", at=30)
    >>> ax.get_xlabel()
    'Growth rate (1/day)'
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
        bands: list[FilledBand] = []
        bars = _limits(run, reduced) is not None
        for i, color in enumerate(colors):
            chosen = [None if a is None else a if by is None else a.isel({by: i}) for a in (center, low, high)]
            label = "_" if by is None or has_color_bar(center[by]) else labels.number(center[by].to_numpy().tolist()[i])
            if by is None and heights:
                label = labels.meaning(reduced)
            bands += _draw(axes, x, chosen, color, label, bars=bars, log=log, aside=_aside(i, len(colors), bars))
        for (name, height), (dashes, color, width) in zip(heights.items(), cycle(_LEVELS), strict=False):
            # Over the axis itself, so that a level of 0 is seen.
            axes.axhline(height, color=color, linewidth=width, linestyle=dashes, label=name, zorder=2.6, clip_on=False)
        _finish(axes, reduced, x, bands, log)
        hidden = _not_shown(axes, center, x, by, colors) if log else ""
        room = key(axes, center[by] if by else None)
        described = labels.summary(reduced.notnull().sum("member").to_numpy().ravel(), quantiles) if population else ""
        lost = labels.left_out(int((~usable).sum()), usable.size, "simulations")
        note(axes, described or _bars_described(run, reduced), lost, hidden, pad=room)
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


def _bars_described(run: Any, reduced: xr.DataArray) -> str:
    """What error bars are, and of how many members."""
    limits = _limits(run, reduced)
    if limits is None:
        return ""
    share = run.attrs.get("confidence")
    bars = "bars: confidence interval" if share is None else f"bars: {100 * float(share):g} % confidence interval"
    if "n" not in run.data_vars:
        return bars
    counts = run["n"].to_numpy()
    few, many = int(counts.min()), int(counts.max())
    return f"{bars}, n = {few}" + ("" if few == many else f" to {many}") + (" each" if counts.size > 1 else "")


def _aside(i: int, count: int, bars: bool) -> float:
    """How far a line's marks stand from their place, in points, so that error bars do not cover each other."""
    return 3.0 * (i - (count - 1) / 2) if bars and count <= 5 else 0.0


def _draw(
    ax: Axes, x: str, chosen: list[Any], color: Any, label: str, *, bars: bool, log: bool, aside: float
) -> list[FilledBand]:
    """A line with marks, of categories marks alone; the band that is to be drawn about it."""
    center, low, high = chosen
    numbers = center[x].dtype.kind in "iuf"
    order = np.argsort(center[x].to_numpy()) if numbers else np.arange(center.sizes[x])
    at = center[x].to_numpy()[order] if numbers else np.arange(center.sizes[x])
    y = center.to_numpy()[order]
    visible = np.where(y > 0, y, np.nan) if log else y
    line: dict[str, Any] = {"color": color, "linestyle": "-" if numbers else "none"}
    if bars or (low is not None and not numbers):
        below, above = y - low.to_numpy()[order], high.to_numpy()[order] - y
        line |= {"transform": ax.transData + _points_aside(ax, aside)} if aside else {}
        ax.errorbar(
            at, y, yerr=[np.maximum(below, 0), np.maximum(above, 0)], capsize=2, elinewidth=0.8,
            **{**line, "linestyle": "none"},
        )  # fmt: skip
        ax.plot(at, visible, label=label, marker="o", linewidth=1.0, **line)
        return []
    ax.plot(at, visible, label=label, marker="o" if len(at) <= _MANY or not numbers else None, **line)
    return [] if low is None else [FilledBand(at, low.to_numpy()[order], high.to_numpy()[order], color)]


def _points_aside(ax: Axes, points: float) -> Any:
    from matplotlib.transforms import ScaledTranslation

    assert ax.figure is not None
    return ScaledTranslation(points / 72, 0, ax.figure.dpi_scale_trans)


def _not_shown(ax: Axes, center: xr.DataArray, x: str, by: str | None, colors: list[Any]) -> str:
    """Mark what is 0 or less at the foot of a logarithmic axis; the sentence that counts it."""
    numbers = center[x].dtype.kind in "iuf"
    at = center[x].to_numpy() if numbers else np.arange(center.sizes[x])
    rows = [center] if by is None else [center.isel({by: i}) for i in range(center.sizes[by])]
    count = sum(mark_not_positive(ax, at, row.to_numpy(), c) for row, c in zip(rows, colors, strict=True))
    return f"triangles: {count} of {center.size} values are 0 or less" if count else ""


def _on_the_axis(ax: Axes) -> bool:
    """Whether a level lies on the horizontal axis, where it would not be seen."""
    bottom = ax.get_ylim()[0]
    heights = [np.asarray(line.get_ydata(), dtype=float) for line in ax.lines]
    return bottom == 0 and any(y.size > 0 and not y.any() for y in heights)


def _finish(ax: Axes, reduced: xr.DataArray, x: str, bands: list[FilledBand], log: bool) -> None:
    if reduced[x].dtype.kind in "iuf":
        scale_parameter(ax, "x", reduced[x].to_numpy())
    scale_with(ax, bands, log, what=where(reduced))
    if not log and _on_the_axis(ax):
        ax.set_ylim(bottom=-0.03 * ax.get_ylim()[1])
    if reduced[x].dtype.kind not in "iuf":
        names = [labels.number(v) for v in reduced[x].to_numpy().tolist()]
        long = sum(map(len, names)) > _LETTERS
        ax.set_xticks(
            range(len(names)), names, rotation=30 if long else 0, ha="right" if long else "center",
            rotation_mode="anchor" if long else "default",
        )  # fmt: skip
        ax.set_xlim(-0.5, len(names) - 0.5)
    elif reduced.sizes[x] <= _FEW:
        tick_centers(ax, "x", np.sort(reduced[x].to_numpy()))
    named = labels.quantity(reduced[x])
    ax.set_xlabel(named if reduced[x].dtype.kind in "iuf" else labels.sentence(named))
    ax.set_ylabel(labels.output(reduced, 34))
