"""Curves of survival and of cumulative incidence, with the numbers at risk below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, unknown_name
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.style import APART_IN_GRAY, BLACK, COLUMN, GRAY, canvas, note
from pkpd.measures.survival import numbers_at_risk
from pkpd.measures.survival_times import checked_times

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["incidence_curves", "survival_curves"]

_ROW = 9.0  # points between rows of the table
_TOP = 27.0  # points from the axis to its header: below the ticks and the label of the axis
_LEGEND_ROW = 9.5  # points
_STYLES = ("-", "--", ":", "-.")


def survival_curves(
    curve: xr.Dataset,
    *,
    reference: xr.Dataset | None = None,
    reference_name: str = "reference",
    what: str = "Fraction without an event",
    band: bool = True,
    median: bool = False,
    risk_at: Sequence[float] | None = None,
    risk_table: bool = True,
    colors: Mapping[Any, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Kaplan-Meier curves with their bands, ticks where times are censored, and the numbers at risk.

    Parameters
    ----------
    curve
        From `kaplan_meier`, with or without groups.
    reference
        Other curves, such as those of a published trial, drawn dashed; a group of the same name
        has the same color.
    reference_name
        What the legend calls them, such as ``"trial"``.
    what
        The label of the vertical axis, such as ``"Overall survival"``.
    band
        Whether to draw the confidence bands.
    median
        Whether to mark where each curve comes to one half.
    risk_at
        Times of the table of numbers at risk; by default the ticks of the axis.
    risk_table
        Whether to draw it.
    colors
        By group, instead of the house colors in their order.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If `curve` or `reference` is not from `kaplan_meier`, or a time is out of range.
    UnknownNameError
        If a color is for a group that is not there.

    Examples
    --------
    >>> import pkpd
    >>> curve = pkpd.kaplan_meier([5, 8, 12, 20], [1, 0, 1, 1], unit="month")
    >>> ax = survival_curves(curve, what="Overall survival")
    >>> ax.get_ylabel()
    'Overall survival'
    """
    groups = _groups(curve, "survival")
    others = {} if reference is None else _groups(reference, "survival")
    shades = _colors([*groups, *others], colors)
    rows = len(groups) if risk_table else 0
    with canvas(ax, _size(rows)) as axes:
        for name, of in others.items():
            _steps(axes, of["time"], of["survival"], shades[name], None, "--", 1.0)
        for name, of in groups.items():
            _steps(axes, of["time"], of["survival"], shades[name], name, "-", 1.4)
            if band:
                _band(axes, of, shades[name])
            _ticks(axes, of, shades[name])
            if median:
                _mark_median(axes, of, shades[name])
        _finish(axes, curve, what, groups, others)
        if reference is not None:
            axes.plot([], [], color=GRAY, linestyle="--", linewidth=1.0, label=reference_name)
        room = legend_above(axes) if len(groups) > 1 or reference is not None else 4
        note(axes, _left_out(curve, groups), pad=room)
        if rows:
            _risk_table(axes, groups, shades, risk_at)
    return axes


def incidence_curves(
    curves: xr.Dataset,
    *,
    what: str = "Cumulative incidence",
    causes: Sequence[Any] | None = None,
    band: bool = True,
    risk_at: Sequence[float] | None = None,
    risk_table: bool = True,
    colors: Mapping[Any, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Cumulative incidence of competing events: a color for each event, a kind of line for each group.

    Parameters
    ----------
    curves
        From `cumulative_incidence`, with or without groups.
    what
        The label of the vertical axis.
    causes
        Which events to draw, in this order; by default all.
    band
        Whether to draw the confidence bands.
    risk_at, risk_table, ax
        As for `survival_curves`.
    colors
        By event, instead of the house colors in their order.

    Raises
    ------
    DataError
        If `curves` is not from `cumulative_incidence`, or there are more groups than kinds of
        lines.
    UnknownNameError
        If there is no such event, or a color is for one that is not there.

    Examples
    --------
    >>> import numpy as np, pkpd
    >>> table = pkpd.cumulative_incidence([5, 8, 12, 20], np.array(["relapse", "", "death", "relapse"]), unit="month")
    >>> incidence_curves(table).get_ylabel()
    'Cumulative incidence'
    """
    groups = _groups(curves, "incidence")
    if len(groups) > len(_STYLES):
        raise DataError(f"incidence_curves() tells {len(_STYLES)} groups apart; there are {len(groups)}.")
    names = curves["cause"].values.tolist() if causes is None else list(causes)
    for name in names:
        if name not in curves["cause"].values.tolist():
            raise unknown_name("the incidence", "cause", str(name), map(str, curves["cause"].values.tolist()))
    shades = _colors(names, colors)
    rows = len(groups) if risk_table else 0
    with canvas(ax, _size(rows)) as axes:
        for style, (group, of) in zip(_STYLES, groups.items(), strict=False):
            for cause in names:
                mine = of.sel(cause=cause)
                label = str(cause) if group is None else f"{cause}, {group}"
                _steps(axes, mine["time"], mine["incidence"], shades[cause], label, style, 1.4)
                if band:
                    _band(axes, mine, shades[cause])
        _finish(axes, curves, what, groups, {})
        axes.set_ylim(0, min(1.02, 1.08 * float(curves["upper"].sel(cause=names).max())))
        columns = min(len(groups), 2)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderpad=0, labelspacing=0.2)
        note(axes, _left_out(curves, groups), pad=4 + _LEGEND_ROW * -(-len(names) * len(groups) // columns))
        if rows:
            _risk_table(axes, groups, dict.fromkeys(groups, BLACK), risk_at)
    return axes


# ---- what is drawn


def _groups(curve: Any, needed: str) -> dict[Any, xr.Dataset]:
    """Each group's own curve, up to its last time; the one of a curve without groups is called None."""
    import xarray as xr

    maker = {"survival": "kaplan_meier", "incidence": "cumulative_incidence"}[needed]
    if not isinstance(curve, xr.Dataset) or not {needed, "last_time", "at_risk"} <= set(curve.data_vars):
        raise DataError(f"a figure of {needed} got a {type(curve).__name__}; expected what {maker}() returns.")
    names = curve["group"].values.tolist() if "group" in curve.dims else [None]
    each = {name: curve if name is None else curve.sel(group=name) for name in names}
    return {name: of.isel(time=(of["time"] <= of["last_time"]).to_numpy()) for name, of in each.items()}


def _colors(names: Sequence[Any], chosen: Mapping[Any, str] | None) -> dict[Any, str]:
    distinct = list(dict.fromkeys(names))
    for name in chosen or {}:
        if name not in distinct:
            raise unknown_name("the figure", "curve", str(name), map(str, distinct))
    house = dict(zip(distinct, APART_IN_GRAY * (1 + len(distinct) // len(APART_IN_GRAY)), strict=False))
    return house | dict(chosen or {})


def _steps(ax: Axes, time: Any, heights: Any, color: str, name: Any, style: str, width: float) -> None:
    label = "_" if name is None else str(name)
    ax.step(time, heights, where="post", color=color, label=label, linestyle=style, linewidth=width)


def _band(ax: Axes, of: xr.Dataset, color: str) -> None:
    time, low, high = (np.repeat(of[name].to_numpy(), 2) for name in ("time", "lower", "upper"))
    ax.fill_between(time[1:], low[:-1], high[:-1], color=color, alpha=0.15, linewidth=0)  # each value to the next time


def _ticks(ax: Axes, of: xr.Dataset, color: str) -> None:
    """A tick on the curve at each time at which somebody is censored."""
    here = (of["censored"] > 0).to_numpy()
    ax.plot(
        of["time"].to_numpy()[here], of["survival"].to_numpy()[here], "|", color=color, markersize=3.5,
        markeredgewidth=0.6, gid="censored",
    )  # fmt: skip


def _mark_median(ax: Axes, of: xr.Dataset, color: str) -> None:
    below = np.flatnonzero(of["survival"].to_numpy() <= 0.5 * (1 + 1e-9))
    if len(below):
        when = float(of["time"][below[0]])
        ax.plot([0, when, when], [0.5, 0.5, 0], color=color, linewidth=0.6, linestyle=":", gid="median")


def _finish(ax: Axes, curve: xr.Dataset, what: str, *groups: Mapping[Any, xr.Dataset]) -> None:
    end = max(float(of["last_time"]) for some in groups for of in some.values())
    ax.set(xlim=(0, end if end > 0 else 1), ylim=(0, 1.02), ylabel=what)
    ax.set_xlabel(labels.quantity(curve["time"]))


def _left_out(curve: xr.Dataset, groups: Mapping[Any, xr.Dataset]) -> str:
    """How many members failed and were excluded when the curve was made."""
    counted = sum(int(of["at_risk"].max()) for of in groups.values())
    lost = int(curve.attrs.get("excluded", 0))
    return labels.left_out(lost, lost + counted)


# ---- the numbers at risk


def _size(rows: int) -> tuple[float, float]:
    return COLUMN[0], COLUMN[1] + (_TOP + _ROW * rows) / 72 * (rows > 0)


def _risk_table(
    ax: Axes, groups: Mapping[Any, xr.Dataset], colors: Mapping[Any, str], at: Sequence[float] | None
) -> None:
    """Below the label of the axis: a row for each group, its numbers centered on their times."""
    low, high = ax.get_xlim()
    ticks: Array = np.array([t for t in ax.get_xticks() if low <= t <= high]) if at is None else np.array(at, float)
    times = checked_times("the table of numbers at risk", ticks)
    ax.set_xticks(times)
    ax.set_xlim(low, high)
    _text(ax, (0, 0), -_TOP, "Number at risk", GRAY, "left", "axes fraction")
    for row, (name, of) in enumerate(groups.items(), start=1):
        depth = -_TOP - _ROW * row
        if name is not None:
            _text(ax, (0, 0), depth, f"{name}", colors[name], "right", "axes fraction", shift=-12)
        for time, count in zip(times, numbers_at_risk(of, times).values, strict=True):
            place = ("data", "axes fraction")
            _text(ax, (time, 0), depth, str(int(count)), colors[name] if name is not None else BLACK, "center", place)


def _text(
    ax: Axes, at: tuple[float, float], depth: float, text: str, color: str, align: Any, place: Any, shift: float = 0
) -> None:
    ax.annotate(
        text, at, xycoords=place, xytext=(shift, depth), textcoords="offset points", ha=align, va="top", fontsize=6.5,
        color=color, annotation_clip=False, gid="risk",
    )  # fmt: skip
