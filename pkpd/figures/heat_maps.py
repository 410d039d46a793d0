"""An output over two swept parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.figures import labels
from pkpd.figures.scales import cell_edges, scale_parameter, tick_centers
from pkpd.figures.selections import Statistic, is_geometric, measurable, one_number, only, require, where
from pkpd.figures.style import BLACK, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["heat_map"]

_FEW = 12  # values along an axis of which each cell has its tick, or every second
_HALF_BRIGHT = 0.55
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
    values: bool = False,
    optimum: Literal["max", "min"] | None = None,
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
    values
        Whether to write its number into each cell; along an axis whose few values are spaced unevenly, or begin
        at 0, all cells are then as wide.
    optimum
        Mark the cell of the highest (``"max"``) or lowest (``"min"``) value; the figure says where it is.
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

    Examples
    --------
    >>> import pkpd
    >>> over = pkpd.grid(kg=[0.1, 0.2, 0.4], T0=[50, 100])
    >>> run = pkpd.simulate(pkpd.load("growth_logistic"), times=[0, 30], parameters=over)
    >>> ax = heat_map(run, "kg", "T0", output="T", at=30, values=True)
    >>> len(ax.texts)
    6
    """
    if optimum not in (None, "max", "min"):
        raise unknown_name("heat_map()", "optimum", str(optimum), ("max", "min"))
    shown, usable = measurable(run, output)
    reduced = one_number(shown, usable, at, statistic)
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
        if values:
            reduced = _numbered(reduced, x, y)
        mesh = _draw(axes, reduced, x, y, log)
        if values:
            _write_values(axes, mesh, reduced, x, y)
        best = "" if optimum is None else _mark_optimum(axes, reduced, x, y, optimum)
        note(axes, labels.left_out(int((~usable).sum()), usable.size, "simulations").replace("left out", "gray"), best)
    return axes


def _draw(ax: Axes, reduced: xr.DataArray, x: str, y: str, log: bool) -> Any:
    edges = [_edges(reduced, axis) for axis in (x, y)]
    numbers = np.ma.masked_invalid(reduced.to_numpy())
    norm = _norm(reduced, log)
    if log:
        numbers = np.ma.maximum(numbers, norm.vmin)
    mesh = ax.pcolormesh(*edges, numbers, cmap="viridis", norm=norm, rasterized=True)
    ax.set_facecolor(_NOTHING)
    for which, axis in (("x", x), ("y", y)):
        if f"{axis}_values" not in reduced.coords:
            scale_parameter(ax, which, reduced[axis].to_numpy())
        if reduced.sizes[axis] <= _FEW:
            centers = reduced[axis].to_numpy().astype(float)
            tick_centers(ax, which, centers, _values_along(reduced, axis))
        getattr(ax, f"set_{which}label")(labels.quantity(reduced[axis], 36))
    ax.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]])
    bar = ax.figure.colorbar(
        mesh, ax=ax, pad=0.02, aspect=25, extend="min" if log and reduced.min() <= 0 else "neither"
    )
    bar.outline.set_visible(False)
    bar.set_label(labels.output(reduced, 34))
    return mesh


def _numbered(reduced: xr.DataArray, x: str, y: str) -> xr.DataArray:
    """Along an axis whose values are spaced unevenly, or begin at 0, cells are numbered, so that all are as wide.

    The values themselves become the coordinates ``x_values`` and ``y_values``, written at the ticks.
    """
    for axis in (x, y):
        values = reduced[axis].to_numpy().astype(float)
        even = is_geometric(values) or (len(values) < 3 or np.allclose(np.diff(values), values[1] - values[0]))
        if len(values) <= _FEW and (not even or values[0] == 0):
            numbers = np.arange(1.0, len(values) + 1)
            about = reduced[axis].attrs
            reduced = reduced.assign_coords({f"{axis}_values": (axis, values), axis: (axis, numbers, about)})
    return reduced


def _edges(reduced: xr.DataArray, axis: str) -> Array:
    centers = np.asarray(reduced[axis].to_numpy(), dtype=float)
    return np.arange(0.5, len(centers) + 1) if f"{axis}_values" in reduced.coords else cell_edges(centers)


def _values_along(reduced: xr.DataArray, axis: str) -> Array:
    """The values at the ticks, whether cells are numbered or not."""
    named = f"{axis}_values" if f"{axis}_values" in reduced.coords else axis
    return np.asarray(reduced[named].to_numpy(), dtype=float)


def _write_values(ax: Axes, mesh: Any, reduced: xr.DataArray, x: str, y: str) -> None:
    """Each number in its cell, dark on light and light on dark."""
    size = float(np.clip(46 / max(reduced.shape), 3.5, 7))
    digits = 2 if max(reduced.shape) > _FEW else 3
    for i, row in enumerate(reduced.to_numpy()):
        for j, value in enumerate(row):
            if np.isfinite(value):
                color = "white" if _brightness(mesh, float(value)) < _HALF_BRIGHT else BLACK
                middle = (reduced[x].to_numpy()[j], reduced[y].to_numpy()[i])
                ax.text(
                    *middle,
                    labels.short_number(float(value), digits),
                    ha="center",
                    va="center",
                    color=color,
                    fontsize=size,
                )


def _brightness(mesh: Any, value: float) -> float:
    """Of a color on a gray print, from 0 to 1."""
    return float(np.dot(mesh.cmap(float(mesh.norm(np.maximum(value, mesh.norm.vmin))))[:3], (0.299, 0.587, 0.114)))


def _mark_optimum(ax: Axes, reduced: xr.DataArray, x: str, y: str, which: str) -> str:
    """A frame about the best cell, and where it is."""
    from matplotlib.patches import Rectangle

    numbers = reduced.to_numpy()
    i, j = np.unravel_index(int(np.nanargmax(numbers) if which == "max" else np.nanargmin(numbers)), numbers.shape)
    columns, rows = (_edges(reduced, axis) for axis in (x, y))
    corner = (columns[j], rows[i])
    for color, width in ((BLACK, 2.4), ("white", 1.0)):  # seen on any color
        ax.add_patch(
            Rectangle(
                corner, columns[j + 1] - columns[j], rows[i + 1] - rows[i], fill=False, edgecolor=color,
                linewidth=width, gid="optimum", zorder=3,
            )
        )  # fmt: skip
    named = ", ".join(f"{axis} = {_values_along(reduced, axis)[at]:.3g}" for axis, at in ((x, j), (y, i)))
    return f"frame: {'highest' if which == 'max' else 'lowest'}, {labels.short_number(float(numbers[i, j]))} at {named}"


def _norm(reduced: xr.DataArray, log: bool) -> Any:
    from matplotlib.colors import LogNorm, Normalize

    if not log:
        return Normalize(float(reduced.min()), float(reduced.max()))
    positive = reduced.where(reduced > 0)
    if not bool(positive.notnull().any()):
        raise DataError(f"{where(reduced)} is nowhere more than 0; a logarithmic color scale cannot show it.")
    return LogNorm(float(positive.min()), float(positive.max()))
