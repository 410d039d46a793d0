"""A panel for each arm: observations and the fitted curve, all on the same axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import pkpd
from pkpd.figures import labels
from pkpd.figures.style import BLUE, GRAY, RED, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["panels"]

PANEL = (1.75, 1.45)  # inches
POINTS = 301


def panels(
    shown: Sequence[tuple[str, pkpd.Fit, str]],
    output: str,
    *,
    columns: int = 4,
    log: bool = False,
    bottom: float | None = None,
    label: str = "",
) -> Figure:
    """Small multiples of one output.

    Parameters
    ----------
    shown
        For each panel its title, the fit, and the arm.
    output
        The observed output.
    columns
        Panels in a row.
    log
        Whether the axis of the output is logarithmic.
    bottom
        Where the axis of the output begins.
    label
        Of that axis; the meaning and unit of the output by default.

    Observations beyond a limit are drawn at the limit, as triangles that point to where the truth is.
    """
    rows = -(-len(shown) // columns)
    size = (columns * PANEL[0], rows * PANEL[1] + 0.3)
    curves = {id(fit): _curves(fit, output) for _, fit, _ in shown}
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False)
        for spare in axes.flat[len(shown) :]:
            spare.remove()
        for ax, (title, fit, arm) in zip(axes.flat, shown, strict=False):
            course = curves[id(fit)].sel(arm=arm)
            ax.plot(course["time"], course, color=RED, linewidth=1.0)
            _observed(ax, fit, output, arm)
            ax.set_title(title)
            ax.set_yscale("log" if log else "linear")
        axes.flat[0].set_ylim(bottom=bottom)
        figure.supxlabel(labels.quantity(course["time"]), fontsize=8)
        figure.supylabel(label or labels.quantity(course), fontsize=8)
    return figure


def _curves(fit: pkpd.Fit, output: str) -> xr.DataArray:
    return fit.predict(np.linspace(fit.data.start, float(fit.data.time.max()), POINTS))[output]


def _observed(ax: Axes, fit: pkpd.Fit, output: str, arm: str) -> None:
    data = fit.data
    mine = (np.array(data.arm) == arm) & (np.array(data.output) == output)
    for kind, marker, color in ((0, "o", BLUE), (1, "v", GRAY), (-1, "^", GRAY)):
        rows = mine & (data.censored == kind)
        ax.plot(data.time[rows], data.value[rows], marker, color=color, markersize=2.5, linestyle="none")
