"""The change of every patient, sorted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, SimulationError
from pkpd.figures import labels
from pkpd.figures.response_colors import RESPONSE_COLORS, legend_of_responses, response_classes
from pkpd.figures.selections import checked_lines, length_like, only, require, volume_like, where
from pkpd.figures.style import BLACK, BLUE, PALE, RED, canvas, note

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["draw_levels", "reference_lines", "waterfall"]


# RECIST 1.1 on a sum of diameters (Eisenhauer et al., Eur J Cancer 45:228-247, 2009), and the
# same diameters as volumes of similar shape: 0.7^3 - 1 and 1.2^3 - 1.
_DIAMETERS = {"\N{MINUS SIGN}30 %": -30.0, "+20 %": 20.0}
_VOLUMES = {
    "\N{MINUS SIGN}65.7 %\n(diameter\n\N{MINUS SIGN}30 %)": -65.7,
    "+72.8 %\n(diameter\n+20 %)": 72.8,
}


def waterfall(
    change: xr.DataArray,
    *,
    classes: xr.DataArray | None = None,
    lines: Mapping[str, float] | None = None,
    cap: float = 100.0,
    ax: Axes | None = None,
) -> Axes:
    """Percent change from baseline of every patient, sorted, from the largest growth to the deepest response.

    Members without a value (excluded by a declared policy, or not evaluable) are left out; the
    figure says how many.

    Parameters
    ----------
    change
        In percent, over ``member`` or ``patient``: from `best_change`, from `percent_change` at one
        time, or ``best_change`` of an assessment by `recist`.
    classes
        The best response of each, ``best_response`` of the same assessment: the color of its bar,
        with a legend.  Without it bars are colored by the lines that they reach.
    lines
        Levels to draw, by what to call them.  By default those of RECIST 1.1 where the
        baseline was a length, -30 % and +20 %, and the same in volume where it was a volume,
        -65.7 % and +72.8 %; none otherwise.  ``{}`` for none.
    cap
        Bars are cut at this growth, in percent; the figure says how many are.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    UnknownNameError
        If `change` has no dimension ``member`` or ``patient``.
    DataError
        If it varies over a further dimension, is not in percent, `cap` is not positive, or `classes`
        are not responses of the same patients.
    SimulationError
        If no member is left to show.

    Examples
    --------
    >>> import pkpd
    >>> model = pkpd.load("kosinsky_2018")
    >>> run = pkpd.simulate(model, times=range(31), parameters=pkpd.sample(model, 20, seed=1), outputs=["V"])
    >>> ax = waterfall(pkpd.best_change(run, "V"))
    >>> len(ax.patches)
    20
    """
    dim = "patient" if "patient" in getattr(change, "dims", ()) else "member"
    require(change, dim)
    only(change, {dim}, "")
    if change.attrs.get("units") != "%":
        raise DataError(f"waterfall() needs a change in percent; {where(change)} is in {change.attrs.get('units')!r}.")
    if not isinstance(cap, int | float) or not cap > 0:
        raise DataError(f"cap is {cap!r}; expected a growth of more than 0 %.")
    reference = reference_lines(change) if lines is None else checked_lines(lines)
    names = None if classes is None else _names(classes, change)
    known = np.flatnonzero(change.notnull().to_numpy())
    if not len(known):
        raise SimulationError(f"{where(change)}: no {dim} is left to show; all {change.size} were excluded.")
    order = known[np.argsort(-change.to_numpy()[known], kind="stable")]
    heights = change.to_numpy()[order]
    colors = [_class_color(height, reference.values()) for height in heights]
    with canvas(ax) as axes:
        room = 4.0
        if names is not None:
            colors = [RESPONSE_COLORS[names[i]] for i in order]
            room = legend_of_responses(axes, [names[i] for i in order])
        _bars(axes, heights, colors, reference, cap)
        axes.set_xlabel(f"{dim.capitalize()}s, sorted")
        axes.set_ylabel(labels.quantity(change, 34))
        cut = int((heights > cap).sum())
        counts = f"n = {len(heights)}" + (f", {cut} bars cut at +{cap:g} %" if cut else "")
        note(axes, counts, _left_out(change.size - len(heights), change.size, dim), pad=room)
    return axes


def reference_lines(change: xr.DataArray) -> dict[str, float]:
    """The levels of RECIST 1.1 in the unit of the baseline, by what to call them; none of other units."""
    unit = str(change.attrs.get("baseline_units", "1"))
    return _VOLUMES if volume_like(unit) else _DIAMETERS if length_like(unit) else {}


def _names(classes: xr.DataArray, change: xr.DataArray) -> list[str]:
    if getattr(classes, "dims", None) != change.dims or classes.size != change.size:
        raise DataError(
            f"classes has the shape {dict(getattr(classes, 'sizes', {}))}; expected a response for each of the "
            f"{change.size} values of {where(change)}."
        )
    return response_classes(classes)


def _left_out(lost: int, total: int, dim: str) -> str:
    """Members fail; patients are not evaluable."""
    if dim == "member":
        return labels.left_out(lost, total)
    return f"{lost} of {total} patients not evaluable, left out" if lost else ""


def _bars(ax: Axes, heights: Array, colors: Sequence[str], reference: Mapping[str, float], cap: float) -> None:
    place = np.arange(1, len(heights) + 1)
    gap = 0.2 if len(heights) <= 60 else 0.0
    ax.bar(place, np.minimum(heights, cap), width=1 - gap, color=colors)
    ax.axhline(0, color=BLACK, linewidth=0.6)
    draw_levels(ax, reference)
    ax.set_xlim(0.5, len(heights) + 0.5)
    ax.set_ylim(min(-100.0, float(heights[-1])), cap if heights[0] > 0 else 10)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)


def draw_levels(ax: Axes, levels: Mapping[str, float]) -> None:
    """Dashed lines, with what they are called right of the axes."""
    for text, line in levels.items():
        ax.axhline(line, color=BLACK, linewidth=0.6, linestyle=(0, (4, 3)))
        ax.annotate(
            text, (1, line), xytext=(3, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", fontsize=6.5,
        )  # fmt: skip


def _class_color(height: float, reference: Iterable[float]) -> str:
    """Blue from the deepest level of response on, orange from the highest of growth on, else pale."""
    if height <= min((line for line in reference if line < 0), default=-np.inf):
        return BLUE
    return RED if height >= max((line for line in reference if line > 0), default=np.inf) else PALE
