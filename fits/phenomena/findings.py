"""What a phenomenon comes to: a claim, its numbers and its curves."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import pkpd
from pkpd.figures.legends import legend_above
from pkpd.figures.style import COLUMN, GRAY, OKABE_ITO, canvas
from pkpd.figures.waterfalls import draw_levels
from pkpd.fits.phenomena.regimens import days_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Array", "Finding", "holds"]

Array = NDArray[np.float64]
ROUTES = {"durvalumab": "iv", "radiation": "radiation_primary", "chemotherapy": "chemo"}

# A treatment has its color and dashes in every figure; what is told apart by something else has others.
_BLUE, _RED, _GREEN, _PURPLE, _AMBER, _SKY, _BLACK = OKABE_ITO
_ALONE = (_BLACK, ":")
TREATMENTS = {
    "none": _ALONE, "untreated": _ALONE, "no durvalumab": _ALONE, "durvalumab": (_BLUE, "-"),
    "radiation": (_RED, "--"), "chemotherapy": (_SKY, (0, (5, 1))), "both": (_GREEN, "-."),
}  # fmt: skip
OTHERS = tuple(zip((_PURPLE, _AMBER, _GREEN, _BLACK, _SKY), ("-", "--", "-.", ":", (0, (5, 1))), strict=True))


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
    y_label: str = "Sum of diameters (day 0 = 1)"
    x_label: str = "Time from the first treatment (day)"
    log: bool = False
    thresholds: Mapping[str, float] = field(default_factory=dict)
    top: float | None = None  # of the y axis, where curves leave it
    bands: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    regimen: pkpd.Regimen | None = None
    note: str = "one patient in each arm"
    log_x: bool = False
    zero: bool = True  # whether the y axis begins at 0

    def draw(self, ax: Axes | None = None) -> Axes:
        """The curves, with the claim above them."""
        with canvas(ax) as axes:
            looks = _looks(self.curves)
            for label, y in self.curves.items():
                color, dashes = looks[label]
                marker = "o" if len(self.x) < 20 else None
                axes.plot(self.x, y, color=color, linestyle=dashes, label=label, marker=marker, markersize=3)
                if label in self.bands:
                    axes.fill_between(self.x, *self.bands[label], color=color, alpha=0.18, linewidth=0)
            draw_levels(axes, self.thresholds)
            axes.set(xlabel=self.x_label, yscale="log" if self.log else "linear")
            axes.set_ylabel(textwrap.fill(self.y_label, 34))
            axes.set_xscale("log" if self.log_x else "linear")
            axes.set_ylim(bottom=0 if self.zero and not self.log else None, top=self.top)
            if len(self.x) < 5:
                axes.set_xticks(self.x)
            marked = self._mark_doses(axes)
            room = legend_above(axes, lift=0.045 * marked)
            axes.set_title(textwrap.fill(self.claim, 56), fontsize=7, pad=room + 7 * marked)
            if ax is None:
                axes.figure.set_size_inches(COLUMN[0], 2.9 + (room + 7 * marked) / 72)
            axes.annotate(
                self.note, (0.5, 0), xycoords="axes fraction", xytext=(0, -30), textcoords="offset points", ha="center",
                va="top", size=6, color=GRAY,
            )  # fmt: skip
        return axes

    def _mark_doses(self, axes: Axes) -> int:
        """A tick above the axes for each dose and each fraction within the time that is drawn; how many rows."""
        last, rows = float(self.x[-1]), 0
        for label, route in ROUTES.items():
            days = days_of(self.regimen, route)
            days = days[days <= last]
            if len(days):
                height = np.full(len(days), 1.025 + 0.04 * rows)
                axes.plot(
                    days, height, "|", color=TREATMENTS[label][0], markersize=4, label=f"dose, {label}",
                    transform=axes.get_xaxis_transform(), clip_on=False,
                )  # fmt: skip
                rows += 1
        return rows


def _looks(names: Iterable[str]) -> dict[str, tuple[str, Any]]:
    """The color and dashes of each curve."""
    chosen = list(names)
    taken = {TREATMENTS[name][0] for name in chosen if name in TREATMENTS}
    others = iter([look for look in OTHERS if look[0] not in taken])
    return {name: TREATMENTS[name] if name in TREATMENTS else next(others) for name in chosen}


def holds(condition: Any, sentence: str) -> None:
    """Refuse a finding that the simulation does not bear out."""
    if not bool(condition):
        raise AssertionError(sentence)
