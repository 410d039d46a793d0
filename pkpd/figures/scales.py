"""Scales of axes, and the numbers on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.figures.selections import is_geometric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["cell_edges", "plain_log", "scale_output", "scale_outputs", "scale_parameter", "write_powers"]


def scale_output(ax: Axes, log: bool) -> None:
    """A logarithmic axis, or a linear one that starts at 0 where the curves come near it."""
    scale_outputs([ax], log)


def scale_outputs(axes: Sequence[Axes], log: bool) -> None:
    """`scale_output` of panels that have their vertical axis in common."""
    if log:
        axes[0].set_yscale("log", nonpositive="mask")
        for ax in axes:
            plain_log(ax, "y")
        return
    low = min(float(ax.dataLim.intervaly[0]) for ax in axes)
    high = max(float(ax.dataLim.intervaly[1]) for ax in axes)
    for ax in axes:
        write_powers(ax, "y", max(abs(low), abs(high)))
    if -1e-9 * high <= low < 0.5 * high:  # the end of an error bar may round below 0
        axes[0].set_ylim(bottom=0)


def write_powers(ax: Axes, which: str, largest: float) -> None:
    """Very large and very small numbers with their power of ten, which else stands where the legend is."""
    if not 0 < largest < np.inf or 1e-3 <= largest < 1e5:
        return
    power = int(np.floor(np.log10(largest)))
    axis = getattr(ax, f"{which}axis")
    axis.set_major_formatter(lambda v, _: rf"${v / 10.0**power:g}\times 10^{{{power}}}$" if v else "0")


def scale_parameter(ax: Axes, which: str, values: Any) -> None:
    """A logarithmic axis for values that are spaced by a factor."""
    if is_geometric(values):
        getattr(ax, f"set_{which}scale")("log")
        plain_log(ax, which)


def plain_log(ax: Axes, which: str) -> None:
    """Write 20 and 500 rather than 2 x 10^1 and 5 x 10^2, where the numbers stay short."""
    from matplotlib.ticker import LogFormatter

    class PlainLog(LogFormatter):
        """Labels the ticks that matplotlib would, all in one notation."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    low, high = getattr(ax, f"get_{which}lim")()
    if low >= 0.9e-3 and high <= 2e4:
        axis = getattr(ax, f"{which}axis")
        axis.set_major_formatter(PlainLog())
        axis.set_minor_formatter(PlainLog(minor_thresholds=(1.5, 0.5)))


def cell_edges(centers: Array) -> Array:
    """The borders of cells around `centers`, halfway between them on the axis's own scale."""
    if is_geometric(centers):
        return np.exp(_halfway(np.log(centers)))
    return _halfway(centers)


def _halfway(centers: Array) -> Array:
    if len(centers) == 1:
        return np.array([centers[0] - 0.5, centers[0] + 0.5])
    middle = (centers[1:] + centers[:-1]) / 2
    first, last = 2 * centers[0] - middle[0], 2 * centers[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])
