"""Equilibria over a parameter: which are stable, where they end, and hysteresis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, unknown_name
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.scales import scale_output, scale_parameter
from pkpd.figures.style import BLACK, BLUE, GRAY, canvas

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["bifurcation_diagram"]


def bifurcation_diagram(table: xr.Dataset, state: str, *, log: bool = False, ax: Axes | None = None) -> Axes:
    """The equilibria of a state over a parameter: solid where stable, dashed where not; folds; hysteresis shaded.

    Parameters
    ----------
    table
        From `bifurcation`.
    state
        One of its states.
    log
        Whether the axis of the state is logarithmic.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If `table` is not from `bifurcation`, or `log` is asked for and no equilibrium is more than 0.
    UnknownNameError
        If it has no such state.

    Examples
    --------
    >>> import pkpd
    >>> x, mu = pkpd.state("x", "1", "state"), pkpd.param("mu", 0, "1", "forcing")
    >>> k = pkpd.param("k", 2, "1/day", "rate")
    >>> model = pkpd.Model("cusp", {x: k * (mu + x - x**3)})
    >>> table = pkpd.bifurcation(model, "mu", (-1, 1), {"x": (-2, 2)}, points=31)
    >>> bifurcation_diagram(table, "x").get_xlabel()
    'Forcing'
    """
    import xarray as xr

    if not isinstance(table, xr.Dataset) or not {"stable", "hysteresis", "fold_value"} <= set(table.data_vars):
        raise DataError(f"bifurcation_diagram() got a {type(table).__name__}; expected what bifurcation() returns.")
    states = [str(name) for name in np.atleast_1d(table.attrs["states"])]
    if state not in states:
        raise unknown_name("the table", "state", str(state), states)
    if log and not bool((table[state] > 0).any()):
        raise DataError(f"bifurcation_diagram(): {state!r} is nowhere more than 0; a logarithmic axis cannot show it.")
    parameter = str(table.attrs["parameter"])
    with canvas(ax) as axes:
        _shade(axes, table, parameter)
        _branches(axes, table, state, parameter)
        axes.plot(
            table["fold_value"], table[f"fold_{state}"], "o", color=BLACK, markersize=4, zorder=4,
            label="fold" if table.sizes["fold"] else "_",
        )  # fmt: skip
        axes.set_xlim(float(table[parameter][0]), float(table[parameter][-1]))
        scale_parameter(axes, "x", table[parameter].to_numpy())
        scale_output(axes, log)
        axes.set_xlabel(labels.quantity(table[parameter]))
        axes.set_ylabel(labels.quantity(table[state], 34))
        legend_above(axes)
    return axes


def _branches(ax: Axes, table: xr.Dataset, state: str, parameter: str) -> None:
    at = table[parameter].to_numpy()
    named: set[bool] = set()
    for i in range(table.sizes["branch"]):
        values, stable = table[state][i].to_numpy(), table["stable"][i].to_numpy()
        for which in (True, False):
            part = np.where(stable == which, values, np.nan)
            if np.isfinite(part).any():
                name = ("stable" if which else "unstable") if which not in named else "_"
                named.add(which)
                dashes, color, width = ("-", BLUE, 1.6) if which else ("--", GRAY, 1.1)
                ax.plot(*_to_folds(table, state, at, part), color=color, linestyle=dashes, linewidth=width, label=name)


def _to_folds(table: xr.Dataset, state: str, at: Array, part: Array) -> tuple[Array, Array]:
    """A branch drawn up to the folds at which it ends, which lie between two values of the parameter."""
    known = np.flatnonzero(np.isfinite(part))
    for value, height in zip(table["fold_value"].to_numpy(), table[f"fold_{state}"].to_numpy(), strict=True):
        before = known[0] > 0 and at[known[0] - 1] <= value <= at[known[0]]
        after = known[-1] + 1 < len(at) and at[known[-1]] <= value <= at[known[-1] + 1]
        if before or after:
            place = known[0] if before else known[-1] + 1
            at, part = np.insert(at, place, value), np.insert(part, place, height)
            known = np.flatnonzero(np.isfinite(part))
    return at, part


def _shade(ax: Axes, table: xr.Dataset, parameter: str) -> None:
    """Where the state depends on the way, as one span for each run of values."""
    at, apart = table[parameter].to_numpy(), table["hysteresis"].to_numpy().astype(bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], apart.astype(int), [0]])))
    for i, (first, last) in enumerate(edges.reshape(-1, 2)):
        ax.axvspan(at[first], at[last - 1], color=BLUE, alpha=0.1, linewidth=0, label="hysteresis" if i == 0 else "_")
