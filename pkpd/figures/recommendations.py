"""What patients are recommended beside what is best for them, and what that gains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError
from pkpd.figures import labels
from pkpd.figures.legends import legend_above
from pkpd.figures.style import BLACK, BLUE, COLUMN, GRAY, PALE, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["recommendation_gains", "recommended_regimens"]


def recommended_regimens(recommended: xr.DataArray, best: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """One decision by patient: what was recommended against what is best in truth, as circles by number of patients.

    Parameters
    ----------
    recommended, best
        A decision over ``patient``, from the `optimum` of two surfaces.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If they are not numbers by patient, of the same patients.
    """
    pairs = [np.asarray(a, dtype=float).reshape(-1) for a in (best, recommended)]
    if pairs[0].shape != pairs[1].shape or recommended.dims != ("patient",):
        raise DataError(f"recommended_regimens() got {pairs[1].shape} and {pairs[0].shape} values; expected the same.")
    places, count = np.unique(np.stack(pairs)[:, np.isfinite(pairs[0] + pairs[1])], axis=1, return_counts=True)
    with canvas(ax) as axes:
        span = [min(places.min(), 0), places.max()]
        axes.plot(span, span, color=PALE, linewidth=0.8, zorder=0)
        axes.scatter(places[0], places[1], s=220 * count / count.max(), color=BLUE, alpha=0.6, linewidth=0)
        for x, y, number in zip(*places, count, strict=True):
            if number >= 0.15 * count.max():
                axes.annotate(str(number), (x, y), ha="center", va="center", fontsize=6, color=BLACK)
        room = 0.1 * (places.max() - places.min() or 1.0)
        axes.set(xlim=(places.min() - room, places.max() + room), ylim=(places.min() - room, places.max() + room))
        name = labels.quantity(recommended, 30)
        axes.set_xlabel(f"Best in truth: {name[0].lower()}{name[1:]}")
        axes.set_ylabel(f"Recommended: {name[0].lower()}{name[1:]}")
        note(axes, f"n = {int(count.sum())} patients")
    return axes


def recommendation_gains(tables: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """The mean gain of each way to choose a regimen over another one, with its interval.

    Parameters
    ----------
    tables
        By label what `compare_recommendations` returns.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If there is none, or one is not from `compare_recommendations`.
    """
    if not tables or not all("mean_gain" in table for table in tables.values()):
        raise DataError("recommendation_gains() needs tables by label from compare_recommendations().")
    with canvas(ax, (COLUMN[0], 1.2 + 0.25 * len(tables))) as axes:
        for y, table in enumerate(tables.values()):
            middle, low, high = (float(table[name]) for name in ("mean_gain", "lower", "upper"))
            axes.plot([low, high], [y, y], color=BLUE, linewidth=1)
            axes.plot(middle, y, "o", color=BLUE)
        possible = float(next(iter(tables.values()))["possible_gain"])
        axes.axvline(possible, color=GRAY, linewidth=0.8, linestyle="--", label="each patient's own optimum")
        axes.axvline(0, color=GRAY, linewidth=0.8)
        axes.set_yticks(range(len(tables)), list(tables))
        axes.set_ylim(len(tables) - 0.5, -0.5)
        first = next(iter(tables.values()))
        percent = f"{100 * float(first.attrs['confidence']):g} % interval"
        note(axes, f"bars: {percent}, n = {first.attrs['patients']} patients", pad=legend_above(axes))
        axes.tick_params(axis="y", length=0)
        unit = str(first["gain"].attrs.get("units", "1"))
        axes.set_xlabel("Mean gain over one regimen for all" + (f" ({unit})" if unit != "1" else ""))
    return axes
