"""The plane of two states: flow, nullclines, equilibria, trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.scales import write_powers
from pkpd.figures.style import BLACK, BLUE, COLUMN, GRAY, OKABE_ITO, PALE, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["phase_portrait"]

_SIZE = (COLUMN[0], 3.1)
_ORANGE = OKABE_ITO[1]


def phase_portrait(plane: xr.Dataset, *, run: xr.Dataset | None = None, ax: Axes | None = None) -> Axes:
    """The flow of two states with their nullclines; filled equilibria are stable, open ones are not.

    Parameters
    ----------
    plane
        From `phase_plane`.
    run
        Trajectories to draw, a result of `simulate` with both states.  One that failed is drawn up to there,
        and counted.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If `plane` is not from `phase_plane`, or `run` lacks one of the states.

    Examples
    --------
    >>> import pkpd
    >>> plane = pkpd.phase_plane(pkpd.load("kuznetsov_1994"), {"E": (0, 4e6), "T": (0, 5e8)}, points=12, starts=4)
    >>> phase_portrait(plane).get_ylabel()
    'Tumor cells (cell)'
    """
    import xarray as xr
    from matplotlib.ticker import MaxNLocator

    if not isinstance(plane, xr.Dataset) or not {"kind", "stable"} <= set(plane.data_vars):
        raise DataError(f"phase_portrait() got a {type(plane).__name__}; expected what phase_plane() returns.")
    x, y = (str(plane.attrs[axis]) for axis in ("x", "y"))
    lacking = [] if run is None else [name for name in (x, y) if name not in run.data_vars]
    if lacking:
        raise DataError(f"phase_portrait(): the run has no state {lacking[0]!r}; simulate with outputs=[{x!r}, {y!r}].")
    with canvas(ax, _SIZE) as axes:
        _flow(axes, plane, x, y)
        _nullclines(axes, plane, x, y)
        if run is not None:
            _trajectories(axes, run, x, y)
        _equilibria(axes, plane, x, y)
        axes.set(xlim=_ends(plane[x]), ylim=_ends(plane[y]))
        axes.set_xlabel(labels.quantity(plane[x]))
        axes.set_ylabel(labels.quantity(plane[y], 34))
        for which, axis in (("x", x), ("y", y)):
            write_powers(axes, which, float(np.abs(plane[axis]).max()))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        room = legend_above(axes)
        if run is not None:
            note(axes, _failed(run), pad=room)
    return axes


def _ends(axis: xr.DataArray) -> tuple[float, float]:
    return float(axis[0]), float(axis[-1])


def _flow(ax: Axes, plane: xr.Dataset, x: str, y: str) -> None:
    across, up = plane[x].to_numpy(), plane[y].to_numpy()
    rates = [plane[f"rate_{name}"].transpose(y, x).to_numpy() for name in (x, y)]
    usable = np.isfinite(rates[0]) & np.isfinite(rates[1])
    u, v = (np.where(usable, rate, 0.0) for rate in rates)
    ax.streamplot(across, up, u, v, color=PALE, linewidth=0.6, arrowsize=0.6, density=1.1)


def _nullclines(ax: Axes, plane: xr.Dataset, x: str, y: str) -> None:
    across, up = plane[x].to_numpy(), plane[y].to_numpy()
    for name, color, dashes in ((x, BLUE, "-"), (y, _ORANGE, "--")):
        rate = plane[f"rate_{name}"].transpose(y, x).to_numpy()
        if np.nanmin(rate) < 0 < np.nanmax(rate) or (rate == 0).any():
            ax.contour(across, up, rate, levels=[0.0], colors=[color], linewidths=1.3, linestyles=dashes)
        ax.plot([], [], color=color, linestyle=dashes, linewidth=1.3, label=f"d{name}/dt = 0")


def _trajectories(ax: Axes, run: xr.Dataset, x: str, y: str) -> None:
    members = [d for d in run[x].dims if d != "time"]
    stacked = run[[x, y]].stack({"_each": members}, create_index=False) if members else run[[x, y]].expand_dims("_each")
    for i in range(stacked.sizes["_each"]):
        path = stacked.isel(_each=i)
        ax.plot(path[x], path[y], color=GRAY, linewidth=0.9, label="trajectory" if i == 0 else "_")


def _failed(run: xr.Dataset) -> str:
    """How many trajectories end early; empty where none does."""
    if "status" not in run or not (lost := int((run["status"] != 0).sum())):
        return ""
    return f"{lost} of {run['status'].size} trajectories failed, drawn up to there"


def _equilibria(ax: Axes, plane: xr.Dataset, x: str, y: str) -> None:
    stable = plane["stable"].to_numpy().astype(bool)
    across, up = plane[f"equilibrium_{x}"].to_numpy(), plane[f"equilibrium_{y}"].to_numpy()
    for which, fill, name in ((stable, BLACK, "stable"), (~stable, "white", "unstable")):
        if which.any():
            ax.plot(
                across[which], up[which], "o", markersize=5, markerfacecolor=fill, markeredgecolor=BLACK,
                markeredgewidth=0.9, label=name, clip_on=False, zorder=5,
            )  # fmt: skip
