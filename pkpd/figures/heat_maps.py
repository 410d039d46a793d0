"""An output over two swept parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError, SimulationError
from pkpd.figures import labels
from pkpd.figures.scales import cell_edges, scale_parameter
from pkpd.figures.selections import Statistic, measurable, one_number, only, require, where
from pkpd.figures.style import canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["heat_map"]

_NOTHING = "#d9d9d9"  # a cell whose simulation failed


def heat_map(
    run: xr.Dataset | xr.DataArray,
    x: str,
    y: str,
    *,
    output: str | None = None,
    at: float | None = None,
    statistic: Statistic | None = None,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """An output as color over two swept parameters.

    An axis is logarithmic where its values are spaced by a factor.  Cells that failed are
    gray; the figure says how many.

    Parameters
    ----------
    run
        The result of `simulate`, or a measure of it without time.
    x, y
        The dimensions on the horizontal and the vertical axis.
    output
        A variable of the run; None where `run` is a single DataArray.
    at
        The stored time whose values are shown; this or `statistic` where the output varies
        over time.
    statistic
        ``"max"``, ``"min"`` or ``"last"`` over time.
    log
        Whether colors are on a logarithmic scale; values of 0 and less take the lowest color.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    UnknownNameError
        If the run has no such output, dimension or statistic.
    DataError
        If the run varies over a further dimension, an axis is not of numbers, or `log` is
        asked for and no value is more than 0.
    SimulationError
        If the time is not stored, or nothing is left to show.
    """
    values, usable = measurable(run, output)
    reduced = one_number(values, usable, at, statistic)
    if x == y:
        raise DataError(f"heat_map() got {x!r} for both axes; name two dimensions.")
    require(reduced, x, y)
    only(reduced, {x, y}, "")
    reduced = reduced.sortby([x, y]).transpose(y, x)
    for axis in (x, y):
        if reduced[axis].dtype.kind not in "iuf":
            raise DataError(f"heat_map() needs numbers along {axis!r}; it has {reduced[axis].to_numpy().tolist()}.")
    if not bool(reduced.notnull().any()):
        raise SimulationError(f"{where(run)}: nothing to show; all {usable.size} simulations failed.")
    with canvas(ax) as axes:
        _draw(axes, reduced, x, y, log)
        note(axes, labels.left_out(int((~usable).sum()), usable.size, "simulations").replace("left out", "gray"))
    return axes


def _draw(ax: Axes, reduced: xr.DataArray, x: str, y: str, log: bool) -> None:
    edges = [cell_edges(reduced[axis].to_numpy().astype(float)) for axis in (x, y)]
    numbers = np.ma.masked_invalid(reduced.to_numpy())
    norm = _norm(reduced, log)
    if log:
        numbers = np.ma.maximum(numbers, norm.vmin)
    mesh = ax.pcolormesh(*edges, numbers, cmap="viridis", norm=norm, rasterized=True)
    ax.set_facecolor(_NOTHING)
    for which, axis in (("x", x), ("y", y)):
        scale_parameter(ax, which, reduced[axis].to_numpy())
        getattr(ax, f"set_{which}label")(labels.quantity(reduced[axis], 36))
    ax.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]])
    bar = ax.figure.colorbar(
        mesh, ax=ax, pad=0.02, aspect=25, extend="min" if log and reduced.min() <= 0 else "neither"
    )
    bar.outline.set_visible(False)
    bar.set_label(labels.quantity(reduced, 34))


def _norm(reduced: xr.DataArray, log: bool) -> Any:
    from matplotlib.colors import LogNorm, Normalize

    if not log:
        return Normalize(float(reduced.min()), float(reduced.max()))
    positive = reduced.where(reduced > 0)
    if not bool(positive.notnull().any()):
        raise DataError(f"{where(reduced)} is nowhere more than 0; a logarithmic color scale cannot show it.")
    return LogNorm(float(positive.min()), float(positive.max()))
