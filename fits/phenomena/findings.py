"""What a phenomenon comes to: a claim, its numbers and its curves."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Array", "Finding", "holds"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """What was found, and the curves that show it."""

    claim: str
    numbers: Mapping[str, float]
    x: Array
    curves: Mapping[str, Array]
    y_label: str = "sum of diameters (day 0 = 1)"
    x_label: str = "time from the first treatment, days"
    log: bool = False
    thresholds: Mapping[str, float] = field(default_factory=dict)
    top: float | None = None  # of the y axis, to leave room for the legend

    def draw(self, ax: Axes | None = None) -> Axes:
        """The curves, with the claim above them."""
        from pkpd.figures.style import OKABE_ITO, canvas

        with canvas(ax) as axes:
            axes.set_prop_cycle(color=OKABE_ITO)
            for (label, y), style in zip(self.curves.items(), ("-", "--", "-.", ":") * 3, strict=False):
                axes.plot(self.x, y, style, label=label, marker="o" if len(self.x) < 20 else None, markersize=3)
            for label, threshold in self.thresholds.items():
                axes.axhline(threshold, color="0.6", lw=0.8)
                axes.annotate(
                    label, (1, threshold), xycoords=("axes fraction", "data"), ha="right", va="bottom", size=6
                )
            axes.set(xlabel=self.x_label, ylabel=self.y_label, yscale="log" if self.log else "linear")
            axes.set_ylim(top=self.top)
            axes.set_title(textwrap.fill(self.claim, 56), fontsize=7)
            axes.legend(fontsize=6, handlelength=3)
        return axes


def holds(condition: Any, sentence: str) -> None:
    """Refuse a finding that the simulation does not bear out."""
    if not bool(condition):
        raise AssertionError(sentence)
