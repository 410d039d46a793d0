"""Contours of an output over two swept parameters, in facets over a third."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError, SimulationError
from pkpd.figures import labels
from pkpd.figures.panels import panel_title, sheet
from pkpd.figures.scales import scale_parameter
from pkpd.figures.selections import Statistic, measurable, one_number, only, require, where
from pkpd.figures.style import BLACK, ordered_map

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

__all__ = ["contours"]

_NOTHING = "#d9d9d9"  # where a simulation failed
_MOST = 24  # facets


def contours(
    run: xr.Dataset | xr.DataArray,
    x: str,
    y: str,
    *,
    output: str | None = None,
    facets: str | None = None,
    at: float | None = None,
    statistic: Statistic | None = None,
    levels: int = 9,
) -> Figure:
    """An output as filled contours over two swept parameters, a panel for each value of a third.

    All panels have their levels in common.  What failed is gray; each panel says how many.

    Parameters
    ----------
    run, output, at, statistic
        As for `heat_map`.
    x, y
        The dimensions on the horizontal and the vertical axis.
    facets
        A further dimension, of which each value has a panel.
    levels
        About how many.

    Raises
    ------
    UnknownNameError
        If the run has no such output, dimension or statistic.
    DataError
        If the run varies over a further dimension, an axis has fewer than two numbers, or there are too many facets.
    SimulationError
        If nothing is left to show.

    Examples
    --------
    >>> import pkpd
    >>> over = pkpd.grid(kg=[0.1, 0.2, 0.4], T0=[50, 100])
    >>> run = pkpd.simulate(pkpd.load("growth_logistic"), times=[0, 30], parameters=over)
    >>> figure = contours(run, "kg", "T0", output="T", at=30)
    """
    values, usable = measurable(run, output)
    reduced = one_number(values, usable, at, statistic)
    dims = [x, y, *([] if facets is None else [facets])]
    if len(set(dims)) < len(dims):
        raise DataError(f"contours() got {x!r}, {y!r} and facets={facets!r}; name different dimensions.")
    require(reduced, *dims)
    only(reduced, set(dims), "" if facets else "name one dimension with facets=, or ")
    _check_axes(reduced, x, y, levels)
    if not bool(reduced.notnull().any()):
        raise SimulationError(f"{where(run)}: nothing to show; all {usable.size} simulations failed.")
    panels = [reduced] if facets is None else [reduced.isel({facets: i}) for i in range(reduced.sizes[facets])]
    if len(panels) > _MOST:
        raise DataError(f"contours(): {facets!r} has {len(panels)} values; choose {_MOST} at most.")
    return _draw(panels, reduced, (x, y, facets), levels)


def _check_axes(reduced: xr.DataArray, x: str, y: str, levels: Any) -> None:
    for axis in (x, y):
        if reduced[axis].dtype.kind not in "iuf" or reduced.sizes[axis] < 2:
            raise DataError(f"contours() needs two numbers or more along {axis!r}; it has {reduced[axis].to_numpy()}.")
    if not isinstance(levels, int) or not 2 <= levels <= 50:
        raise DataError(f"contours(): levels is {levels!r}; expected a whole number from 2 to 50.")


def _draw(panels: list[xr.DataArray], reduced: xr.DataArray, dims: tuple[str, str, str | None], levels: int) -> Figure:
    from matplotlib.ticker import MaxNLocator

    x, y, facets = dims
    low, high = float(reduced.min()), float(reduced.max())
    steps = MaxNLocator(levels).tick_values(low, high if high > low else low + 1)
    with sheet(len(panels)) as page:
        for ax, panel in zip(page.axes, panels, strict=True):
            ordered = panel.sortby([x, y]).transpose(y, x)
            numbers = np.ma.masked_invalid(ordered.to_numpy().astype(float))
            ax.set_facecolor(_NOTHING)
            across, up = (ordered[d].to_numpy().astype(float) for d in (x, y))
            filled = ax.contourf(across, up, numbers, levels=steps, cmap=ordered_map(), extend="neither")
            ax.contour(across, up, numbers, levels=steps, colors=BLACK, linewidths=0.3)
            for which, d in (("x", x), ("y", y)):
                scale_parameter(ax, which, ordered[d].to_numpy())
            lost = int((~np.isfinite(ordered.to_numpy())).sum())
            gray = f"; {lost} of {numbers.size} failed, gray" if lost else ""
            panel_title(ax, f"{_facet(panel, facets)}{gray}".removeprefix("; "), letters=40)
        page.figure.supxlabel(labels.quantity(reduced[x]).replace("\n", " "), fontsize=8)
        page.figure.supylabel(labels.quantity(reduced[y]).replace("\n", " "), fontsize=8)
        bar = page.figure.colorbar(filled, ax=page.axes, pad=0.02, aspect=30)
        bar.set_label(labels.quantity(reduced, 34))
    return page.figure


def _facet(panel: xr.DataArray, facets: str | None) -> str:
    if facets is None:
        return ""
    unit = labels.plain_unit(str(panel[facets].attrs.get("units", "1")))
    return f"{facets} = {labels.number(panel[facets].item())}{f' {unit}' if unit else ''}"
