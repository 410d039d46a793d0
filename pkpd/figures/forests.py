"""Forest plots: hazard ratios of subgroups with their intervals and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError
from pkpd.figures.style import BLACK, BLUE, GRAY, canvas

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["forest"]

_NEEDED = ("hazard_ratio", "lower", "upper", "std_error", "treated", "control", "events_treated", "events_control")
_ROW = 0.17  # inches
_WIDTH = 6.4
_LEFT, _RIGHT = 0.46, 0.75  # of the axes, in widths of the figure; the columns of text stand beside them
_ABOVE, _BELOW = 0.30, 0.52  # inches
_COLUMNS = {"label": -1.56, "treated": -0.67, "control": -0.24, "ratio": 1.42}  # in widths of the axes
_PLACES = {"label": "left", "treated": "center", "control": "center", "ratio": "center"}


def forest(
    table: xr.Dataset,
    *,
    treated: str = "Treated",
    control: str = "Control",
    limits: tuple[float, float] = (0.2, 3.0),
    ax: Axes | None = None,
) -> Axes:
    """Hazard ratios overall and by subgroup, on a logarithmic axis, beside the events of each arm.

    A square's area is the information behind it (one over the squared standard error).  An
    interval beyond the axis ends in an arrow; a ratio that could not be estimated is said to be
    so.

    Parameters
    ----------
    table
        From `subgroup_hazard_ratios`.
    treated, control
        What to call the arms.
    limits
        Of the axis, which must hold 1.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If `table` is not from `subgroup_hazard_ratios`, or the limits are no range around 1.
    """
    import xarray as xr

    if not isinstance(table, xr.Dataset) or not {*_NEEDED, "p_heterogeneity"} <= set(table.data_vars):
        raise DataError(f"forest() got a {type(table).__name__}; expected what subgroup_hazard_ratios() returns.")
    low, high = limits
    if not 0 < low < 1 < high:
        raise DataError(f"forest(): limits is {limits!r}; expected a range around 1, such as (0.2, 3).")
    lines = _lines(table)
    height = _ABOVE + _BELOW + _ROW * len(lines)
    with canvas(ax, (_WIDTH, height)) as axes:
        if ax is None:
            cast("Figure", axes.figure).set_layout_engine("none")  # which would make room for the columns of text
            axes.set_position((_LEFT, _BELOW / height, _RIGHT - _LEFT, _ROW * len(lines) / height))
        _axes(axes, len(lines), limits)
        _write(axes, -1.0, {"label": "Subgroup", "treated": treated, "control": control}, weight="bold")
        _write(axes, -1.0, {"ratio": f"Hazard ratio ({100 * table.attrs['confidence']:g} % CI)"}, weight="bold")
        for y, (row, text, header) in enumerate(lines):
            for column, words in text.items():
                _write(axes, y, {column: words}, weight="bold" if header and column == "label" else "normal")
            if row is not None:
                _mark(axes, y, table.isel(subgroup=row), _areas(table)[row], limits)
        _below(axes, f"\N{LEFTWARDS ARROW} favors {treated}", "right")
        _below(axes, f"favors {control} \N{RIGHTWARDS ARROW}", "left")
    return axes


def _lines(table: xr.Dataset) -> list[tuple[int | None, dict[str, str], bool]]:
    """The lines of the plot from the top: the row each shows, if any, its texts, and whether it is a heading."""
    lines: list[tuple[int | None, dict[str, str], bool]] = []
    last = ""
    for row, factor in enumerate(table["factor"].values.tolist()):
        if factor != last:
            p = float(table["p_heterogeneity"].sel(factors=factor))
            tail = "" if np.isnan(p) else f"heterogeneity p = {p:.2g}"
            lines.append((None, {"label": factor, "ratio": tail}, True))
        last = factor
        lines.append((row, _texts(table.isel(subgroup=row), bool(factor)), False))
    return lines


def _texts(row: xr.Dataset, indented: bool) -> dict[str, str]:
    ratio, low, high = (float(row[name]) for name in ("hazard_ratio", "lower", "upper"))
    known = np.isfinite(ratio) and np.isfinite(low)
    label = str(row["label"].item())
    return {
        "label": f"   {label}" if indented else label.capitalize(),
        "treated": f"{int(row['events_treated'])}/{int(row['treated'])}",
        "control": f"{int(row['events_control'])}/{int(row['control'])}",
        "ratio": f"{ratio:.2f} ({low:.2f}\N{EN DASH}{high:.2f})" if known else "not estimable",
    }


def _areas(table: xr.Dataset) -> Array:
    """Of the squares, in points squared, largest for everyone."""
    information = table["std_error"].to_numpy() ** -2.0
    known = np.isfinite(information)
    share: Array = np.where(known, information, 0.0) / max(information[known].max(initial=0.0), 1e-300)
    areas: Array = 4.0 + 32.0 * share
    return areas


def _axes(ax: Axes, count: int, limits: tuple[float, float]) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    ax.set_xscale("log")
    ax.set(xlim=limits, ylim=(count - 0.5, -0.5), xlabel="", yticks=[])
    ticks = [t for t in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if limits[0] <= t <= limits[1]]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xticklabels([f"{t:g}" for t in ticks])
    ax.spines["left"].set_visible(False)
    ax.axvline(1, color=BLACK, linewidth=0.6)


def _write(ax: Axes, y: float, texts: dict[str, str], weight: Any) -> None:
    for column, text in texts.items():
        ax.annotate(
            text, (_COLUMNS[column], y), xycoords=("axes fraction", "data"), ha=_PLACES[column], va="center",
            fontsize=7, fontweight=weight, annotation_clip=False, gid=column,
        )  # fmt: skip


def _below(ax: Axes, text: str, align: Any) -> None:
    """What a side of the line at 1 means, below the axis."""
    ax.annotate(
        text, (1, 0), xycoords=("data", "axes fraction"), xytext=(-5 if align == "right" else 5, -17),
        textcoords="offset points", ha=align, va="top", fontsize=6.5, color=GRAY, annotation_clip=False,
    )  # fmt: skip


def _mark(ax: Axes, y: float, row: xr.Dataset, area: float, limits: tuple[float, float]) -> None:
    """The square and its interval, cut at the limits of the axis."""
    ratio, low, high = (float(row[name]) for name in ("hazard_ratio", "lower", "upper"))
    if not (np.isfinite(ratio) and np.isfinite(low)):
        return
    ends = np.clip([low, high], *limits)
    ax.plot(ends, [y, y], color=BLUE, linewidth=1.0, gid="interval")
    for end, cut, marker in ((ends[0], low < limits[0], "<"), (ends[1], high > limits[1], ">")):
        if cut:
            ax.plot([end], [y], marker, color=BLUE, markersize=3.5, clip_on=False, gid="cut")
    if limits[0] <= ratio <= limits[1]:
        ax.scatter([ratio], [y], s=area, marker="s", color=BLUE, linewidths=0, zorder=3)
