"""What a phenomenon comes to: a claim, its numbers and its curves."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import pkpd
from pkpd.fits.phenomena.regimens import days_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Array", "Finding", "holds"]

Array = NDArray[np.float64]
MARKS = {
    "durvalumab": ("iv", "#E69F00"),
    "radiation": ("radiation_primary", "#000000"),
    "chemotherapy": ("chemo", "#56B4E9"),
}


@dataclass(frozen=True)
class Finding:
    """What was found, and the curves that show it.

    Parameters
    ----------
    claim
        In a sentence.
    numbers
        What it rests on, by name.
    x, curves
        What is drawn: y by label.
    bands
        By the label of a curve its lower and upper edge.
    regimen
        Its doses and fractions are marked on the time axis.
    note
        Who is drawn: a patient or how many, and what a band holds.
    """

    claim: str
    numbers: Mapping[str, float]
    x: Array
    curves: Mapping[str, Array]
    y_label: str = "sum of diameters (day 0 = 1)"
    x_label: str = "time from the first treatment, days"
    log: bool = False
    thresholds: Mapping[str, float] = field(default_factory=dict)
    top: float | None = None  # of the y axis, to leave room for the legend
    bands: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    regimen: pkpd.Regimen | None = None
    note: str = "one patient in each arm"
    log_x: bool = False
    zero: bool = True  # whether the y axis begins at 0

    def draw(self, ax: Axes | None = None) -> Axes:
        """The curves, with the claim above them."""
        from pkpd.figures.style import OKABE_ITO, canvas

        with canvas(ax, size=(3.5, 2.9)) as axes:
            styles = zip(self.curves.items(), OKABE_ITO, ("-", "--", "-.", ":") * 2, strict=False)
            for (label, y), color, style in styles:
                axes.plot(
                    self.x, y, style, color=color, label=label, marker="o" if len(self.x) < 20 else None, markersize=3
                )
                if label in self.bands:
                    axes.fill_between(self.x, *self.bands[label], color=color, alpha=0.18, linewidth=0)
            self._mark_thresholds(axes)
            axes.set(xlabel=self.x_label, yscale="log" if self.log else "linear")
            axes.set_ylabel(textwrap.fill(self.y_label, 34))
            axes.set_xscale("log" if self.log_x else "linear")
            axes.set_ylim(bottom=0 if self.zero and not self.log else None, top=self.top)
            if len(self.x) < 5:
                axes.set_xticks(self.x)
            marked = self._mark_doses(axes)
            axes.set_title(textwrap.fill(self.claim, 56), fontsize=7, pad=6 + 5 * marked)
            axes.text(0.5, -0.25, self.note, transform=axes.transAxes, ha="center", va="top", size=6, color="0.35")
            axes.legend(fontsize=6, handlelength=3, frameon=True, facecolor="white", edgecolor="none", framealpha=0.75)
        return axes

    def _mark_thresholds(self, axes: Axes) -> None:
        for label, threshold in self.thresholds.items():
            axes.axhline(threshold, color="0.6", lw=0.8, zorder=0)
            axes.annotate(label, (1, threshold), xycoords=("axes fraction", "data"), ha="right", va="bottom", size=6)

    def _mark_doses(self, axes: Axes) -> int:
        """A tick above the axes for each dose and each fraction within the time that is drawn; how many rows."""
        last, rows = float(self.x[-1]), 0
        for label, (route, color) in MARKS.items():
            days = days_of(self.regimen, route)
            days = days[days <= last]
            if len(days):
                height = np.full(len(days), 1.025 + 0.04 * rows)
                axes.plot(
                    days, height, "|", color=color, markersize=4, label=label, transform=axes.get_xaxis_transform(),
                    clip_on=False,
                )  # fmt: skip
                rows += 1
        return rows


def holds(condition: Any, sentence: str) -> None:
    """Refuse a finding that the simulation does not bear out."""
    if not bool(condition):
        raise AssertionError(sentence)
