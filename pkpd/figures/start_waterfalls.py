"""Where the searches of a fit ended, from the best to the worst."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.style import BLUE, PALE, RED, canvas, note

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from pkpd.fitting.multistart import Starts
    from pkpd.fitting.results import Fit

__all__ = ["start_waterfall"]


def start_waterfall(starts: Starts | Fit, *, ax: Axes | None = None) -> Axes:
    """How far below the best log-posterior each search ended, sorted; level steps are distinct optima.

    Up to a difference of 1 the axis is linear, beyond it logarithmic.  Searches that failed are left
    out; the figure counts them, the optima, and the searches that ended in the best.

    Parameters
    ----------
    starts
        From a fit with several starts: the fit itself, or its ``starts``.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If the fit had one start, or every search failed.
    """
    searches: Any = getattr(starts, "starts", starts)
    if not hasattr(searches, "table"):
        raise DataError(
            f"start_waterfall() got {starts!r}; expected a fit of several starts, as from fit(..., starts=20)."
        )
    table = searches.table
    ended = table[(table["optimum"] > 0) & np.isfinite(table["log_posterior"])]
    if ended.empty:
        raise DataError(f"start_waterfall: all {len(table)} searches failed, so there is no optimum to show.")
    ended = ended.sort_values("log_posterior", ascending=False, kind="stable")
    below = (float(ended["log_posterior"].max()) - ended["log_posterior"]).to_numpy()
    best = (ended["optimum"] == 1).to_numpy()
    place = np.arange(1, len(ended) + 1)
    with canvas(ax) as axes:
        axes.plot(place, below, color=PALE, linewidth=0.8, zorder=1)
        _marks(axes, place, below, best, ended["optimum"].to_numpy())
        axes.set_yscale("symlog", linthresh=1, linscale=0.6)
        axes.set_ylim(max(1.0, 1.6 * float(below.max())), -0.25)
        _ticks(axes, float(below.max()))
        axes.set_xlim(0.3, len(ended) + 0.7)
        axes.xaxis.set_major_locator(_whole_numbers())
        axes.set_xlabel("Search, sorted")
        axes.set_ylabel("Log-posterior below the best")
        room = 4.0 if best.all() else legend_above(axes)
        note(axes, _counts(ended), labels.left_out(len(table) - len(ended), len(table), "searches"), pad=room)
    return axes


def _ticks(ax: Axes, largest: float) -> None:
    """At 0, at 1 and at each power of ten (of a hundred, where there are many) up to the largest."""
    powers = range(max(int(np.floor(np.log10(max(largest, 1.0)))), 0) + 1)
    shown = [10**p for p in powers if len(powers) <= 6 or p % 2 == 0]
    ax.set_yticks([0, *shown], ["0", *(f"{y:g}" if y < 1e5 else rf"$10^{{{round(np.log10(y))}}}$" for y in shown)])
    ax.minorticks_off()


def _whole_numbers() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True)


def _marks(ax: Axes, place: Any, below: Any, best: Any, optimum: Any) -> None:
    """The best optimum in blue circles; the others in squares, by turns filled and hollow, so that neighbors differ."""
    look: dict[str, Any] = {"linestyle": "none", "marker": "s", "markersize": 3.6}
    ax.plot(place[best], below[best], color=BLUE, label="best optimum", **{**look, "marker": "o"})
    for parity, fill, name in ((0, RED, "other optima"), (1, "white", "_")):
        chosen = ~best & (optimum % 2 == parity)
        if chosen.any():
            ax.plot(place[chosen], below[chosen], color=RED, markerfacecolor=fill, label=name, **look)


def _counts(ended: pd.DataFrame) -> str:
    optima = int(ended["optimum"].nunique())
    in_best = int((ended["optimum"] == 1).sum())
    return f"{len(ended)} searches, {optima} {'optimum' if optima == 1 else 'optima'}, {in_best} in the best"
