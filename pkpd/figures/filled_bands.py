"""Bands between two curves, on linear and logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError
from pkpd.figures.scales import scale_outputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FilledBand", "cut_below", "draw_bands", "mark_not_positive", "scale_with"]


@dataclass(frozen=True, eq=False)
class FilledBand:
    """What lies between `low` and `high` at the places `x`; NaN leaves a gap."""

    x: Array
    low: Array
    high: Array
    color: Any
    alpha: float = 0.18
    label: str = "_"
    zorder: float = 0.9


def scale_with(ax: Axes, bands: Sequence[FilledBand], log: bool, *, what: str = "the output") -> None:
    """Scale the axis of an output that holds lines and marks already, and draw `bands` in it.

    A logarithmic axis reaches down to the smallest positive value; what a band has below it, or at 0,
    is cut at the axis.

    Raises
    ------
    DataError
        If the axis is logarithmic and nothing is above 0.
    """
    if not log:
        draw_bands(ax, bands)
        scale_outputs([ax], log)
        return
    places = [v[np.isfinite(v) & (v > 0)] for band in bands for v in (band.low, band.high)]
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in ax.lines]
    places += [y[np.isfinite(y) & (y > 0)] for y in drawn]
    positive = np.concatenate([*places, np.empty(0)])
    if not positive.size:
        raise DataError(f"{what} is nowhere more than 0; a logarithmic axis cannot show it.")
    low, high = float(positive.min()), float(positive.max())
    margin = (high / low) ** 0.04 if high > 1.05 * low else 1.5
    scale_outputs([ax], log)
    ax.set_ylim(low / margin, high * margin)
    draw_bands(ax, bands)


def draw_bands(ax: Axes, bands: Sequence[FilledBand]) -> None:
    """Draw `bands` on axes whose scale is set; the limits of a logarithmic axis stay as they are."""
    limits = ax.get_ylim()
    log = ax.get_yscale() == "log"
    for band in bands:
        low, high = (cut_below(v, limits[0]) if log else v for v in (band.low, band.high))
        ax.fill_between(
            band.x, low, high, where=np.isfinite(low) & np.isfinite(high), color=band.color, alpha=band.alpha,
            linewidth=0, label=band.label, zorder=band.zorder,
        )  # fmt: skip
    if log:
        ax.set_ylim(*limits)


def cut_below(values: Array, bottom: float) -> Array:
    """`values`, none of them below `bottom`; NaN stays."""
    return np.where(np.isnan(values), np.nan, np.maximum(values, bottom))


def mark_not_positive(ax: Axes, x: Any, values: Array, color: Any) -> int:
    """Open triangles on a logarithmic axis where a value is 0 or less; how many there are."""
    at = np.flatnonzero(np.nan_to_num(values, nan=1.0) <= 0)
    if len(at):
        ax.plot(
            np.asarray(x)[at], np.full(len(at), 0.012), "v", transform=ax.get_xaxis_transform(), color=color,
            markerfacecolor="none", markersize=3.5, markeredgewidth=0.7, clip_on=False, gid="not positive", zorder=3,
        )  # fmt: skip
    return len(at)
