"""A panel for each arm of a fit: observations and the fitted curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

import pkpd
from pkpd.figures import labels
from pkpd.figures.style import BLUE, GRAY, RED, STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["panels"]

PANEL = (1.75, 1.45)  # inches
POINTS = 301


def panels(
    fit: pkpd.Fit,
    output: str,
    arms: Sequence[str],
    *,
    titles: Mapping[str, str] | None = None,
    columns: int = 4,
    log: bool = False,
    reference: pkpd.Fit | None = None,
    per: tuple[float, str] = (1.0, ""),
) -> Figure:
    """Small multiples of one output, all on the same axes.

    Parameters
    ----------
    fit
        What `pkpd.fit` returned.
    output
        The observed output.
    arms
        The arms to show, a panel each.
    titles
        The title of each arm; its name by default.
    columns
        Panels in a row.
    log
        Whether the axis of the output is logarithmic.
    reference
        A second fit of the same arms, drawn in gray.
    per
        The unit of time to draw in: how many of it are one of the model's, and its name.
    """
    factor, unit = per[0], per[1] or fit.model.time
    times = np.linspace(fit.data.start, float(fit.data.time.max()), POINTS)
    rows = -(-len(arms) // columns)
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(columns * PANEL[0], rows * PANEL[1] + 0.3), sharex=True, sharey=True, squeeze=False
        )
        for spare in axes.flat[len(arms) :]:
            spare.remove()
        curves = [(other, color) for other, color in ((reference, GRAY), (fit, RED)) if other is not None]
        drawn = [(other.predict(times)[output], color) for other, color in curves]
        table = fit.residuals
        for ax, arm in zip(axes.flat, arms, strict=False):
            for course, color in drawn:
                ax.plot(factor * times, course.sel(arm=arm), color=color, linewidth=1.0)
            mine = table[(table["arm"] == arm) & (table["output"] == output)]
            ax.plot(factor * mine["time"], mine["observed"], "o", color=BLUE, markersize=2.5, linestyle="none")
            ax.set_title((titles or {}).get(arm, arm))
            ax.set_yscale("log" if log else "linear")
        figure.supxlabel(f"Time ({unit})", fontsize=8)
        figure.supylabel(labels.quantity(drawn[-1][0]), fontsize=8)
    return figure
