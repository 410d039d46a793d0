"""Scales of axes, and the numbers on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.figures.selections import is_geometric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "cell_edges",
    "log_number",
    "plain_log",
    "scale_output",
    "scale_outputs",
    "scale_parameter",
    "tick_centers",
    "time_ticks",
    "write_powers",
]


_CLOSE = 0.08  # of an axis: ticks closer than this run into each other
_CHARACTER = 0.03  # of a horizontal axis: the width of a character of a label, with some space
_STEPS = {
    "day": (1, 2, 5, 7, 10, 14, 20, 21, 28, 42, 50, 56, 84, 91, 100, 112, 168, 182, 365, 730),
    "h": (1, 2, 4, 6, 8, 12, 24, 48, 72, 96, 168, 336),
    "week": (1, 2, 4, 6, 8, 12, 13, 24, 26, 52, 104),
    "month": (1, 2, 3, 6, 12, 24),
}  # from the smallest


def scale_output(ax: Axes, log: bool) -> None:
    """A logarithmic axis, or a linear one that starts at 0 where the curves come near it."""
    scale_outputs([ax], log)


def scale_outputs(axes: Sequence[Axes], log: bool) -> None:
    """`scale_output` of panels that have their vertical axis in common."""
    if log:
        for ax in axes:
            if ax.get_yscale() != "log":  # an error bar or a line that reaches 0 runs off the axis
                ax.set_yscale("log", nonpositive="clip")
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
    """Number a logarithmic axis in one notation: 20 and 500 where numbers stay short, else powers of ten.

    The notation is chosen when the axis is drawn, from the range that it then has.
    """
    axis = getattr(ax, f"{which}axis")
    axis.set_major_formatter(_log_numbers())
    axis.set_minor_formatter(_log_numbers())


def _log_numbers() -> Any:
    from matplotlib.ticker import Formatter

    class LogNumbers(Formatter):
        """Numbers at powers of ten; at 2 and 5 as well within two decades; at each within less than one."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            low, high = sorted(self.axis.get_view_interval())  # type: ignore[union-attr]
            return log_number(float(x), float(low), float(high))

    return LogNumbers()


def log_number(x: float, low: float, high: float) -> str:
    """What stands at the tick `x` of a logarithmic axis from `low` to `high`; empty where nothing does."""
    if not (x > 0 and 0 < low < high):
        return ""
    power = int(np.floor(np.log10(x) + 1e-9))
    digit = round(x / 10.0**power)
    if digit not in _digits(float(np.log10(high / low))):
        return ""
    if low >= 0.9e-3 and high <= 3e4:
        return f"{x:g}"
    return rf"$10^{{{power}}}$" if digit == 1 else rf"${digit}\times10^{{{power}}}$"


def _digits(decades: float) -> tuple[int, ...]:
    """The leading digits that are numbered."""
    if decades > 2:
        return (1,)
    return (1, 2, 5) if decades > 0.8 else tuple(range(1, 10))


def cell_edges(centers: Array) -> Array:
    """The borders of cells around `centers`, halfway between them on the axis's own scale.

    Where no center is negative, no cell reaches below 0.
    """
    if is_geometric(centers):
        return np.exp(_halfway(np.log(centers)))
    edges = _halfway(centers)
    if centers.min() >= 0:
        edges[0] = max(edges[0], 0.0)
    return edges


def tick_centers(ax: Axes, which: str, centers: Array, values: Array | None = None, most: int = 8) -> None:
    """Ticks at the centers of cells: at each where there is room, else at every second and so on, none too close."""
    step = -(-len(centers) // most)
    axis = getattr(ax, f"{which}axis")
    placed = axis.get_transform().transform(centers)
    written = [f"{v:.3g}" for v in (centers if values is None else values).tolist()]
    room = np.ptp(placed) * (max(_CLOSE, _CHARACTER * max(map(len, written))) if which == "x" else _CLOSE)
    chosen: list[int] = []
    for i in range(0, len(centers), step):
        if not chosen or abs(placed[i] - placed[chosen[-1]]) >= room:
            chosen.append(i)
    axis.set_ticks(centers[chosen], labels=[written[i] for i in chosen])
    axis.set_ticks([], minor=True)


def time_ticks(ax: Axes, first: float, last: float, unit: str) -> None:
    """Ticks along time in whole weeks or half days where days or hours are many, the last near the end."""
    steps = np.array(_STEPS.get(unit, ()), dtype=float)
    if not 0 <= first <= 0.02 * last or not steps.size or not last > 0:
        return
    counts = np.floor(last / steps + 1e-9)
    fitting = (counts >= 3) & (counts <= 6) & (last - counts * steps <= 0.05 * last)
    if fitting.any():
        step = steps[fitting][0]
        ax.set_xticks(np.arange(0.0, last + 1e-9 * last, step))


def _halfway(centers: Array) -> Array:
    if len(centers) == 1:
        return np.array([centers[0] - 0.5, centers[0] + 0.5])
    middle = (centers[1:] + centers[:-1]) / 2
    first, last = 2 * centers[0] - middle[0], 2 * centers[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])
