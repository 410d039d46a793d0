"""Patients through a trial: a line or a bar for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.figures import labels
from pkpd.figures.response_colors import ORDER, RESPONSE_COLORS, legend_of_responses, response_classes
from pkpd.figures.selections import where
from pkpd.figures.style import BLACK, COLUMN, canvas, note
from pkpd.figures.waterfalls import draw_levels, reference_lines
from pkpd.measures.response_codes import CR, ICPD, PD, PR, code_names

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["spider", "swimmer"]

_WEEK = 7.0
_MOST = 80  # bars that can be told apart on a page


def spider(assessment: xr.Dataset, *, cap: float = 100.0, ax: Axes | None = None) -> Axes:
    """Change in the sum of diameters of every patient against time, colored by best response.

    A line begins with the baseline scan and goes from one evaluable scan to the next; a dot is the
    first scan with a new lesion.

    Parameters
    ----------
    assessment
        As from `recist` or `irecist`.
    cap
        The axis ends at this growth, in percent; the figure says how many patients go beyond.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    UnknownNameError
        If the assessment lacks a variable.
    DataError
        If `cap` is not positive.
    SimulationError
        If no patient has a change to show.

    Examples
    --------
    >>> import numpy as np, pkpd
    >>> sizes = np.array([[40, 20, 0.0], [40, 44, 60]])[:, :, None]
    >>> assessment = pkpd.recist(pkpd.collect_scans(np.array([-3.0, 42, 84]), sizes, [1]))
    >>> ax = spider(assessment)
    >>> ax.get_xlabel()
    'Time (weeks)'
    """
    _require(assessment, "change", "day", "best_response", "new_lesion")
    if not isinstance(cap, int | float) or not cap > 0:
        raise DataError(f"cap is {cap!r}; expected a growth of more than 0 %.")
    change = assessment["change"].transpose("patient", "visit")
    values, weeks = change.to_numpy(), assessment["day"].transpose("patient", "visit").to_numpy() / _WEEK
    shown = (~np.isnan(values)).sum(axis=1) > 1
    if not shown.any():
        raise SimulationError(
            f"{where(change)}: no patient has two scans to show; there are {change.sizes['patient']}."
        )
    names = np.array(response_classes(assessment["best_response"]), dtype=object)
    with canvas(ax, (COLUMN[0], 3.0)) as axes:
        for name in reversed(ORDER):  # responses above, which are fewer
            _legs(axes, weeks, values, shown & (names == name), RESPONSE_COLORS[name])
        axes.axhline(0, color=BLACK, linewidth=0.6)
        draw_levels(axes, reference_lines(change))
        new = assessment["new_lesion"].transpose("patient", "visit").to_numpy()
        marks = _first_new(axes, weeks, values, new & shown[:, None], cap)
        axes.set_xlim(min(0.0, float(np.nanmin(weeks[shown]))), float(np.nanmax(weeks[shown])) * 1.02)
        axes.set_ylim(-105, cap)
        axes.set_xlabel("Time (weeks)")
        axes.set_ylabel(labels.quantity(change, 34))
        room = legend_of_responses(axes, list(names[shown]), *marks)
        beyond = int((np.nanmax(values[shown], axis=1) > cap).sum())
        note(
            axes,
            f"n = {int(shown.sum())}" + (f", {beyond} go beyond +{cap:g} %" if beyond else ""),
            f"{int((~shown).sum())} of {len(shown)} patients without two scans left out" if not shown.all() else "",
            pad=room,
        )
    return axes


def swimmer(assessment: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """A bar for each patient from day 0 to the last scan or death, colored by best response.

    The longest is above.  Marks are the first scan of a response, the first progression, by iRECIST
    unconfirmed and confirmed, and an arrow where the patient was followed without an event.

    Parameters
    ----------
    assessment
        As from `recist` or `irecist`, of 80 patients or fewer.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    UnknownNameError
        If the assessment lacks a variable.
    DataError
        If there are more patients than can be told apart.
    SimulationError
        If there are none.

    Examples
    --------
    >>> import numpy as np, pkpd
    >>> sizes = np.array([[40, 20, 0.0], [40, 44, 60]])[:, :, None]
    >>> assessment = pkpd.recist(pkpd.collect_scans(np.array([-3.0, 42, 84]), sizes, [1]))
    >>> len(swimmer(assessment).patches)
    2
    """
    _require(assessment, "response", "day", "best_response", "pfs_day", "pfs_event", "death_day")
    count = assessment.sizes["patient"]
    if count > _MOST:
        raise DataError(
            f"swimmer() got {count} patients; {_MOST} can be told apart. Choose some with .isel(patient=...)."
        )
    if not count:
        raise SimulationError(f"swimmer() got {count} patients; expected one or more.")
    names = response_classes(assessment["best_response"])
    weeks = assessment["day"].transpose("patient", "visit").to_numpy() / _WEEK
    last = np.fmax(assessment["pfs_day"].to_numpy(), assessment["death_day"].to_numpy()) / _WEEK
    ends = np.fmax(np.fmax.reduce(weeks, axis=1), last)
    ends = np.maximum(np.where(np.isnan(ends), 0.0, ends), 0.0)
    place = np.empty(count)
    place[np.argsort(ends, kind="stable")] = np.arange(count)
    height = max(COLUMN[1], 0.5 + 0.1 * count)
    with canvas(ax, (COLUMN[0], height)) as axes:
        axes.barh(place, ends, height=0.75, color=[RESPONSE_COLORS[name] for name in names])
        marks = _marks(axes, assessment, weeks, place, ends)
        axes.set_ylim(-0.7, count - 0.3)
        axes.set_xlim(0, max(float(ends.max()), 1.0) * 1.06)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Time (weeks)")
        axes.set_ylabel("Patients")
        note(axes, f"n = {count}", pad=legend_of_responses(axes, names, *marks))
    return axes


def _require(assessment: xr.Dataset, *names: str) -> None:
    has = list(map(str, getattr(assessment, "data_vars", ())))
    for name in names:
        if name not in has:
            raise unknown_name("the assessment", "variable", name, has)


def _legs(ax: Axes, weeks: Array, values: Array, chosen: Mask, color: str) -> None:
    """The lines of some patients, without their scans that were not evaluable, as one artist."""
    from matplotlib.collections import LineCollection

    if not chosen.any():
        return
    known = ~np.isnan(values)
    legs = [np.column_stack([weeks[i][known[i]], values[i][known[i]]]) for i in np.flatnonzero(chosen)]
    width = 0.9 if len(values) <= 100 else 0.5
    ax.add_collection(LineCollection(legs, colors=[color], linewidths=width, rasterized=len(values) > 500))


def _first_new(ax: Axes, weeks: Array, values: Array, new: Mask, cap: float) -> list[Any]:
    """A dot at the first scan with a new lesion, where its change is known and on the axis."""
    who = np.flatnonzero(new.any(axis=1))
    at = new[who].argmax(axis=1)
    heights = values[who, at]
    with np.errstate(invalid="ignore"):
        inside = heights <= cap
    if not inside.any():
        return []
    size = 9 if len(values) <= 100 else 4
    dots = ax.scatter(weeks[who, at][inside], heights[inside], s=size, color=BLACK, zorder=3, linewidths=0)
    dots.set_label("new lesion")
    return [dots]


def _marks(ax: Axes, assessment: xr.Dataset, weeks: Array, place: Array, ends: Array) -> list[Any]:
    """Marks on the bars, one artist a kind, for the legend."""
    response = assessment["response"].transpose("patient", "visit").to_numpy()
    immune = "iCPD" in code_names(assessment["response"]).values()
    progressed = _first(weeks, response == PD)
    death = assessment["death_day"].to_numpy() / _WEEK
    without = ~assessment["pfs_event"].to_numpy() & np.isnan(death)
    kinds = [
        ("CR or PR", _first(weeks, (response == CR) | (response == PR)), "^", "white"),
        ("iUPD" if immune else "progression", progressed, "D" if immune else "X", "white" if immune else BLACK),
        ("iCPD", _first(weeks, response == ICPD), "X", BLACK),
        ("death", death, "s", BLACK),
        ("no event", np.where(without, ends, np.nan), ">", BLACK),
    ]
    size = 16 if len(ends) <= 40 else 9
    artists = []
    for name, at, marker, fill in kinds:
        known = ~np.isnan(at)
        if known.any():
            how: dict[str, Any] = {"facecolors": fill, "edgecolors": BLACK, "linewidths": 0.6, "zorder": 3}
            drawn = ax.scatter(at[known], place[known], s=size, marker=marker, **how)
            drawn.set_label(name)
            artists.append(drawn)
    return artists


def _first(weeks: Array, flags: Mask) -> Array:
    """The time of the first visit with a flag, NaN where there is none."""
    at = flags.argmax(axis=1)
    return np.where(flags.any(axis=1), weeks[np.arange(len(weeks)), at], np.nan)
