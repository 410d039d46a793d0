"""Numbers of the flagship beside published ones, each with what is known of its uncertainty."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison", "Estimate", "median", "share"]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, where it has one."""

    value: float
    low: float = np.nan
    high: float = np.nan


def share(successes: int, n: int, level: float = 0.95) -> Estimate:
    """A share of `n` patients with Wilson's interval (J Am Stat Assoc 22:209, 1927)."""
    from scipy.stats import binomtest

    interval = binomtest(int(successes), int(n)).proportion_ci(level, method="wilson")
    return Estimate(successes / n, interval.low, interval.high)


def median(values: Sequence[float] | np.ndarray, level: float = 0.95) -> Estimate:
    """A median with the interval between two order statistics that binomial chance gives."""
    from scipy.stats import binom

    ordered = np.sort(np.asarray(values, dtype=float))
    low = int(binom.ppf((1 - level) / 2, len(ordered), 0.5))
    return Estimate(float(np.median(ordered)), float(ordered[max(low - 1, 0)]), float(ordered[-max(low, 1)]))


@dataclass(frozen=True)
class Comparison:
    """What was computed, and what was published of the same.

    Parameters
    ----------
    claim
        In a sentence: what the comparison shows, its misses too.
    labels, computed, published
        For each quantity.
    y_label
        What they are, with the unit.
    note
        Numbers of patients, and what the intervals are.
    tuned
        What of the published numbers a value of the model was chosen by; "" for none.
    """

    claim: str
    labels: Sequence[str]
    computed: Sequence[Estimate]
    published: Sequence[Estimate]
    y_label: str
    note: str
    tuned: str = ""

    def table(self) -> str:
        """A row for each quantity."""
        width = max(len(label) for label in self.labels)
        rows = zip(self.labels, self.computed, self.published, strict=True)
        return "\n".join(f"    {label:<{width}}  computed {_text(c)}  published {_text(p)}" for label, c, p in rows)

    def draw(self, ax: Axes | None = None) -> Axes:
        """Pairs of points with their intervals, the computed one first."""
        from pkpd.figures.legends import legend_above
        from pkpd.figures.style import BLACK, BLUE, canvas

        width = max(3.5, 0.85 * len(self.labels))
        with canvas(ax, size=(width, 2.8)) as axes:
            looks = (("computed", self.computed, BLUE, "o", -0.12), ("published", self.published, BLACK, "D", 0.12))
            for label, estimates, color, marker, shift in looks:
                x = np.arange(len(estimates)) + shift
                y = np.array([e.value for e in estimates])
                reach = np.array([[e.value - e.low, e.high - e.value] for e in estimates]).T
                axes.errorbar(
                    x, y, np.nan_to_num(reach), fmt=marker, color=color, markersize=4, linewidth=1, label=label,
                    clip_on=False,
                )  # fmt: skip
            axes.axhline(0, color="0.6", lw=0.6)
            axes.set_xticks(range(len(self.labels)), [textwrap.fill(label, 13) for label in self.labels], fontsize=6)
            axes.set_xlim(-0.5, len(self.labels) - 0.5)
            axes.set_ylabel(self.y_label)
            room = legend_above(axes)
            axes.set_title(textwrap.fill(self.claim, int(16 * width)), fontsize=7, pad=room)
            axes.set_xlabel(textwrap.fill(self.note, int(18 * width)), fontsize=6)
        return axes


def _text(estimate: Estimate) -> str:
    interval = "" if np.isnan(estimate.low) else f" ({estimate.low:.3g} to {estimate.high:.3g})"
    return f"{estimate.value:.3g}{interval}"
