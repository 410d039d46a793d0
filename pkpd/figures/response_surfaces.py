"""A response surface over two decisions, and its course along one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError, unknown_name
from pkpd.figures import labels
from pkpd.figures.heat_maps import heat_map
from pkpd.figures.legends import legend_above
from pkpd.figures.scales import cell_edges, scale_parameter
from pkpd.figures.style import BLUE, GRAY, RED, canvas
from pkpd.trials.response_surfaces import ResponseSurface

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["decision_curve", "response_surface"]


def response_surface(surface: ResponseSurface, x: str, y: str, *, within: float = 0.05, ax: Axes | None = None) -> Axes:
    """The objective as color over two decisions, with what is infeasible hatched and the optimum marked.

    Other decisions are at the optimum.  Dots are the feasible regimens that come within a share of the best.

    Parameters
    ----------
    surface
        From `optimize_regimen`, of one patient or over a population.
    x, y
        The decisions on the axes.
    within
        The share, 0.05 for 5 %.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If members are kept apart, or a decision is not of numbers.
    UnknownNameError
        If the surface has no such decision.
    """
    plane, best = _section(surface, (x, y))
    near = surface.near(within).sel(_held(surface, best, (x, y))).transpose(y, x).to_numpy()
    with canvas(ax) as axes:
        heat_map(plane["objective"], x, y, ax=axes)
        _hatch(axes, plane["feasible"].sortby([x, y]).transpose(y, x))
        columns, rows = np.meshgrid(plane[x].to_numpy().astype(float), plane[y].to_numpy().astype(float))
        look: Any = {"color": "white", "markeredgecolor": GRAY, "markeredgewidth": 0.5}
        axes.plot(columns[near], rows[near], "o", markersize=3, label=f"within {100 * within:g} %", **look)
        axes.plot(float(best[x]), float(best[y]), "*", color=RED, markeredgecolor="white", markersize=10, label="best")
        legend_above(axes)
        _legend_patch(axes)
    return axes


def decision_curve(
    surface: ResponseSurface, x: str, *, resampled: xr.Dataset | None = None, ax: Axes | None = None
) -> Axes:
    """The objective along one decision, the others at the optimum; filled where feasible.

    Parameters
    ----------
    surface
        From `optimize_regimen`, of one patient or over a population.
    x
        The decision.
    resampled
        From `ResponseSurface.resampled`: its interval is drawn too.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If members are kept apart, or the decision is not of numbers.
    UnknownNameError
        If the surface has no such decision.
    """
    line, best = _section(surface, (x,))
    line = line.sortby(x)
    at, values = line[x].to_numpy(), line["objective"].to_numpy()
    feasible = line["feasible"].to_numpy()
    with canvas(ax) as axes:
        if resampled is not None:
            band = resampled.sel(_held(surface, best, (x,))).sortby(x)
            confidence = f"{100 * float(resampled.attrs['confidence']):g} % interval"
            axes.fill_between(at, band["lower"], band["upper"], color=BLUE, alpha=0.2, linewidth=0, label=confidence)
        axes.plot(at, values, color=BLUE)
        axes.plot(at[feasible], values[feasible], "o", color=BLUE, label="feasible")
        if not feasible.all():
            axes.plot(at[~feasible], values[~feasible], "o", color=BLUE, markerfacecolor="white", label="infeasible")
        axes.plot(float(best[x]), float(best["objective"]), "*", color=RED, markersize=10, label="best")
        scale_parameter(axes, "x", at)
        axes.set_xlabel(labels.quantity(line[x], 36))
        axes.set_ylabel(labels.quantity(line["objective"], 34))
        legend_above(axes)
    return axes


def _section(surface: ResponseSurface, shown: tuple[str, ...]) -> tuple[xr.Dataset, xr.Dataset]:
    """The surface over the decisions that are shown, the others at the optimum; and the optimum."""
    if not isinstance(surface, ResponseSurface) or surface.each:
        raise DataError("the figure needs a surface from optimize_regimen() with one optimum; of_each() has several.")
    for name in shown:
        if name not in surface.decisions:
            raise unknown_name("the surface", "decision", name, surface.decisions)
        if surface.problem.decisions[name].dtype.kind not in "iuf":
            raise DataError(f"the decision {name!r} is {surface.problem.decisions[name].tolist()}; expected numbers.")
    if len(set(shown)) < len(shown):
        raise DataError(f"response_surface() got {shown[0]!r} for both axes; name two decisions.")
    best = surface.optimum
    return surface.dataset.sel(_held(surface, best, shown)), best


def _held(surface: ResponseSurface, best: xr.Dataset, shown: tuple[str, ...]) -> dict[str, Any]:
    return {name: best[name].item() for name in surface.decisions if name not in shown}


def _hatch(ax: Axes, feasible: xr.DataArray) -> None:
    """Hatch the cells that are not feasible."""
    from matplotlib.patches import Rectangle

    ys, xs = (cell_edges(feasible[dim].to_numpy().astype(float)) for dim in feasible.dims)
    label = "infeasible"
    for row, column in np.argwhere(~feasible.to_numpy()):
        size = xs[column + 1] - xs[column], ys[row + 1] - ys[row]
        cell = Rectangle(
            (xs[column], ys[row]), *size, hatch="/////", facecolor="none", edgecolor="white", linewidth=0, label=label
        )
        ax.add_patch(cell)
        label = ""  # once in the legend


def _legend_patch(ax: Axes) -> None:
    """A hatch in white cannot be seen on white."""
    legend = ax.get_legend()
    for handle in [] if legend is None else legend.get_patches():
        handle.set_facecolor(GRAY)
