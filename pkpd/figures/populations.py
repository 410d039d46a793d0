"""A population, member by member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import DataError, SimulationError
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.scales import scale_output, time_ticks
from pkpd.figures.selections import measurable, only, require, where
from pkpd.figures.style import BLACK, BLUE, GRAY, OKABE_ITO, RED, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["spaghetti"]

_USUAL, _FAR = 0.95, 3.0  # an axis is cut where a member is so many times as high as this share of members


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

    Failed members are left out, and an axis that a few members alone would set is cut; the figure says how
    many they are.

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

    Examples
    --------
    >>> import pkpd
    >>> model = pkpd.load("kosinsky_2018")
    >>> run = pkpd.simulate(model, times=range(31), parameters=pkpd.sample(model, 20, seed=1), outputs=["V"])
    >>> ax = spaghetti(run, "V")
    >>> ax.get_ylabel()
    'Total tumor volume (mm³)'
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
        cut = "" if log else _cut_outliers(axes, rows[kept])
        margin = 0.015 * (time[-1] - time[0])
        axes.set_xlim(time[0] - margin, time[-1] + margin)
        time_ticks(axes, float(time[0]), float(time[-1]), str(values["time"].attrs.get("units")))
        axes.set_xlabel(labels.quantity(values["time"]))
        axes.set_ylabel(labels.output(values, 34))
        room = legend_above(axes)
        note(axes, labels.left_out(int((~kept).sum()), kept.size), cut, pad=room)
    return axes


def _cut_outliers(ax: Axes, rows: Array) -> str:
    """End the axis above nearly all members where a few reach several times as high; the sentence that counts them."""
    tops = rows.max(axis=1)
    usual = float(np.quantile(tops, _USUAL))
    if not 0 < _FAR * usual < tops.max():
        return ""
    top = 1.3 * usual
    ax.set_ylim(top=top)
    return f"{int((tops > top).sum())} of {len(tops)} members run off the axis"


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
