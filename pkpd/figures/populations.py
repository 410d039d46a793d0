"""A population, member by member."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import DataError, SimulationError
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.scales import scale_output
from pkpd.figures.selections import checked_lines, length_like, measurable, only, require, volume_like, where
from pkpd.figures.style import BLACK, BLUE, GRAY, OKABE_ITO, PALE, RED, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["spaghetti", "waterfall"]


# RECIST 1.1 on a sum of diameters (Eisenhauer et al., Eur J Cancer 45:228-247, 2009), and the
# same diameters as volumes of similar shape: 0.7^3 - 1 and 1.2^3 - 1.
_DIAMETERS = {"\N{MINUS SIGN}30 %": -30.0, "+20 %": 20.0}
_VOLUMES = {
    "\N{MINUS SIGN}65.7 %\n(diameter\n\N{MINUS SIGN}30 %)": -65.7,
    "+72.8 %\n(diameter\n+20 %)": 72.8,
}


def spaghetti(
    run: xr.Dataset,
    output: str,
    *,
    classes: xr.DataArray | None = None,
    median: bool = True,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """An output of every member against time, with the median.

    Failed members are left out; the figure says how many.

    Parameters
    ----------
    run
        The result of `simulate`, over ``member``.
    output
        A variable of the run.
    classes
        A class for each member, such as the flags of `complete_response`; colors the lines.
    median
        Whether to draw the median of the members shown.
    log
        Whether the axis of the output is logarithmic; values of 0 and less are not shown then.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    UnknownNameError
        If the run has no such output, or no dimension ``member`` or ``time``.
    DataError
        If the run varies over a further dimension, or `classes` is not one value a member.
    SimulationError
        If no member is left to show.
    """
    values, usable = measurable(run, output)
    require(values, "member", "time")
    only(values, {"member", "time"}, "")
    groups = _groups(classes, usable)
    rows = values.transpose("member", "time").to_numpy()
    kept = usable.to_numpy()
    if not kept.any():
        raise SimulationError(f"{where(run)}: no member has {output!r} at every time; all {usable.size} failed.")
    time = values["time"].to_numpy()
    with canvas(ax) as axes:
        for name, (chosen, color) in groups.items():
            _threads(axes, time, rows[chosen & kept], color, name)
        if median:
            axes.plot(time, np.median(rows[kept], axis=0), color=BLACK, linewidth=1.8, label="median")
        scale_output(axes, log)
        axes.set_xlim(time[0], time[-1])
        axes.set_xlabel(labels.quantity(values["time"]))
        axes.set_ylabel(labels.quantity(values, 34))
        room = legend_above(axes)
        note(axes, labels.left_out(int((~kept).sum()), kept.size), pad=room)
    return axes


def waterfall(
    change: xr.DataArray,
    *,
    lines: Mapping[str, float] | None = None,
    cap: float = 100.0,
    ax: Axes | None = None,
) -> Axes:
    """Percent change from baseline of every member, sorted, from the largest growth to the deepest response.

    Members without a value (excluded by a declared policy) are left out; the figure says how
    many.

    Parameters
    ----------
    change
        In percent, over ``member``: from `best_change`, or from `percent_change` at one time.
    lines
        Levels to draw, by what to call them.  By default those of RECIST 1.1 where the
        baseline was a length, -30 % and +20 %, and the same in volume where it was a volume,
        -65.7 % and +72.8 %; none otherwise.  ``{}`` for none.
    cap
        Bars are cut at this growth, in percent; the figure says how many are.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    UnknownNameError
        If `change` has no dimension ``member``.
    DataError
        If it varies over a further dimension, is not in percent, or `cap` is not positive.
    SimulationError
        If no member is left to show.
    """
    require(change, "member")
    only(change, {"member"}, "")
    if change.attrs.get("units") != "%":
        raise DataError(f"waterfall() needs a change in percent; {where(change)} is in {change.attrs.get('units')!r}.")
    if not isinstance(cap, int | float) or not cap > 0:
        raise DataError(f"cap is {cap!r}; expected a growth of more than 0 %.")
    reference = _reference(change) if lines is None else checked_lines(lines)
    heights = np.sort(change.to_numpy()[change.notnull().to_numpy()])[::-1]
    if not len(heights):
        raise SimulationError(f"{where(change)}: no member is left to show; all {change.size} were excluded.")
    with canvas(ax) as axes:
        _bars(axes, heights, reference, cap)
        axes.set_ylabel(labels.quantity(change, 34))
        cut = int((heights > cap).sum())
        counts = f"n = {len(heights)}" + (f", {cut} bars cut at +{cap:g} %" if cut else "")
        note(axes, counts, labels.left_out(change.size - len(heights), change.size))
    return axes


# ---- spaghetti


def _groups(classes: xr.DataArray | None, usable: xr.DataArray) -> dict[str, tuple[Mask, Any]]:
    """For each class the members in it and a color; the count is in the name."""
    kept = usable.to_numpy()
    if classes is None:
        return {f"members (n = {int(kept.sum())})": (np.ones(kept.shape, dtype=bool), GRAY)}
    if classes.dims != ("member",) or classes.size != usable.size:
        raise DataError(
            f"classes has the shape {dict(classes.sizes)}; expected one value for each of the {usable.size} members."
        )
    values = classes.to_numpy()
    known = classes.notnull().to_numpy()
    if (kept & ~known).any():
        raise DataError(f"classes has no value for {int((kept & ~known).sum())} members that did not fail.")
    groups = {}
    for value, color in zip(_distinct(values[known]), (BLUE, RED, *OKABE_ITO[2:]) * 9, strict=False):
        chosen = known & (values == value)
        groups[f"{_class_name(classes, value)} (n = {int((chosen & kept).sum())})"] = (chosen, color)
    return groups


def _distinct(values: Any) -> list[Any]:
    """The classes in the order of their colors: true before false, else sorted."""
    return sorted(set(values.tolist()), reverse=set(values.tolist()) <= {0, 1})


def _class_name(classes: xr.DataArray, value: Any) -> str:
    if isinstance(value, bool | float) and value in (0, 1):
        return labels.meaning(classes) if value else f"no {labels.meaning(classes)}"
    return labels.number(value)


def _threads(ax: Axes, time: Array, rows: Array, color: Any, name: str) -> None:
    """Thin lines, fainter the more there are; drawn as one artist."""
    from matplotlib.collections import LineCollection

    alpha = float(np.clip(12 / max(len(rows), 1), 0.12, 0.6))
    segments = [np.column_stack([time, row]) for row in rows]
    threads = LineCollection(segments, colors=[color], linewidths=0.6, alpha=alpha, rasterized=len(rows) > 500)
    ax.add_collection(threads)
    ax.autoscale_view()
    ax.plot([], [], color=color, linewidth=1.2, label=name)  # in the legend, a line that is not faint


# ---- waterfall


def _reference(change: xr.DataArray) -> dict[str, float]:
    unit = str(change.attrs.get("baseline_units", "1"))
    return _VOLUMES if volume_like(unit) else _DIAMETERS if length_like(unit) else {}


def _bars(ax: Axes, heights: Array, reference: Mapping[str, float], cap: float) -> None:
    place = np.arange(1, len(heights) + 1)
    gap = 0.2 if len(heights) <= 60 else 0.0
    colors = [_class_color(height, reference.values()) for height in heights]
    ax.bar(place, np.minimum(heights, cap), width=1 - gap, color=colors)
    ax.axhline(0, color=BLACK, linewidth=0.6)
    for text, line in reference.items():
        ax.axhline(line, color=BLACK, linewidth=0.6, linestyle=(0, (4, 3)))
        ax.annotate(
            text, (1, line), xytext=(3, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", fontsize=6.5,
        )  # fmt: skip
    ax.set_xlim(0.5, len(heights) + 0.5)
    ax.set_ylim(min(-100.0, float(heights[-1])), cap if heights[0] > 0 else 10)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel("Members, sorted")


def _class_color(height: float, reference: Iterable[float]) -> str:
    """Blue from the deepest level of response on, orange from the highest of growth on, else pale."""
    if height <= min((line for line in reference if line < 0), default=-np.inf):
        return BLUE
    return RED if height >= max((line for line in reference if line > 0), default=np.inf) else PALE
