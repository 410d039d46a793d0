"""The treatment that patients were given, dose by dose, with what was decided and why they left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError
from pkpd.figures.legends import legend_above
from pkpd.figures.style import BLACK, COLUMN, GRAY, OKABE_ITO, PALE, canvas, note
from pkpd.trials.treated import Treated

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["treatment_timeline"]

_WEEK = 7.0
_MOST = 40  # rows that can be told apart on a page
_MARKS = {"stop": ("stopped", "x", 12), "delay": ("delayed", "|", 9), "start": ("begun by a rule", ">", 8)}


def treatment_timeline(treated: Treated, patients: Sequence[int] | None = None, *, ax: Axes | None = None) -> Axes:
    """A row for each patient: every dose in the color of its therapy, decisions of rules, scans, and the end.

    Parameters
    ----------
    treated
        From `treat` or `treat_trial`.
    patients
        Numbers of the patients, 40 at most; by default the first 20.
    ax
        Axes to draw on; a new figure by default.

    Raises
    ------
    DataError
        If there is no such patient, or there are too many.
    """
    if not isinstance(treated, Treated):
        raise DataError(f"treatment_timeline() got a {type(treated).__name__}; expected a result of treat().")
    chosen = treated.numbers[:20] if patients is None else np.atleast_1d(np.asarray(patients, dtype=np.int64))
    _check(treated, chosen)
    with canvas(ax, (COLUMN[0], max(COLUMN[1], 0.9 + 0.18 * len(chosen)))) as axes:
        _lines(axes, treated, chosen)
        handles = [*_doses(axes, treated, chosen), *_scans(axes, treated, chosen), *_decided(axes, treated, chosen)]
        handles += _left(axes, treated, chosen)
        axes.set_ylim(len(chosen) - 0.4, -0.75)
        axes.set_yticks(np.arange(len(chosen)), [str(number) for number in chosen])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("Time (weeks)")
        axes.set_ylabel("Patient")
        note(axes, f"{len(chosen)} of {len(treated.numbers)} patients", pad=legend_above(axes, handles))
    return axes


def _check(treated: Treated, chosen: Index) -> None:
    if not 1 <= len(chosen) <= _MOST:
        raise DataError(f"treatment_timeline() got {len(chosen)} patients; expected 1 to {_MOST}.")
    unknown = chosen[~np.isin(chosen, treated.numbers)]
    if unknown.size:
        first, last = treated.numbers.min(), treated.numbers.max()
        raise DataError(f"there is no patient {unknown[0]}; they have the numbers {first} to {last}.")


def _rows(chosen: Index, patients: Any) -> Array:
    """The row of each patient of a table."""
    place = {int(number): float(row) for row, number in enumerate(chosen)}
    return np.array([place[int(patient)] for patient in patients])


def _lines(ax: Axes, treated: Treated, chosen: Index) -> None:
    """From the start to the end of observation."""
    last = treated.left[np.searchsorted(treated.numbers, chosen)] / _WEEK
    ax.hlines(np.arange(len(chosen)), 0, last, colors=PALE, linewidth=0.6, zorder=1)
    ax.set_xlim(-0.01 * float(last.max()), 1.03 * max(float(last.max()), 1.0))


def _doses(ax: Axes, treated: Treated, chosen: Index) -> list[Any]:
    table = treated.doses[treated.doses.patient.isin(chosen)]
    handles = []
    for number, therapy in enumerate(treated.therapies):
        own = table[table.therapy == therapy]
        if len(own):
            rows, color = _rows(chosen, own.patient), _color(number)
            ticks = ax.vlines(own.day / _WEEK, rows - 0.28, rows + 0.3, colors=color, linewidth=1.1, zorder=2)
            ticks.set_label(therapy)
            handles.append(ticks)
    return handles


def _scans(ax: Axes, treated: Treated, chosen: Index) -> list[Any]:
    scans = treated.walked.readings
    place = np.searchsorted(treated.numbers, chosen)
    day = scans.day[place] + treated.entry[place, None]
    row = np.broadcast_to(np.arange(len(chosen))[:, None], day.shape)
    made = np.isfinite(day)
    if not made.any():
        return []
    dots = ax.scatter(day[made] / _WEEK, row[made] + 0.42, s=2.5, color=GRAY, zorder=3, linewidths=0)
    dots.set_label("scan")
    return [dots]


def _decided(ax: Axes, treated: Treated, chosen: Index) -> list[Any]:
    """Above the row, in the color of the therapy that was stopped, delayed or begun."""
    table = treated.decisions[treated.decisions.patient.isin(chosen)]
    colors = {therapy: _color(number) for number, therapy in enumerate(treated.therapies)}
    handles = []
    for action, (meaning, marker, size) in _MARKS.items():
        own = table[table.action == action]
        if len(own):
            how: dict[str, Any] = {"marker": marker, "s": size, "linewidths": 0.9, "zorder": 4}
            where = own.day / _WEEK, _rows(chosen, own.patient) - 0.46
            ax.scatter(*where, c=[colors[therapy] for therapy in own.therapy], **how)
            handles.append(ax.scatter([], [], c=BLACK, label=meaning, **how))
    return handles


def _color(number: int) -> str:
    return OKABE_ITO[number % (len(OKABE_ITO) - 1)]  # but for black


def _left(ax: Axes, treated: Treated, chosen: Index) -> list[Any]:
    """Who left by an event, such as death."""
    place, handles = np.searchsorted(treated.numbers, chosen), []
    for event in treated.walked.leaving:
        day = treated.day_of(event)[place]
        there = np.isfinite(day)
        if there.any():
            marks = ax.scatter(
                day[there] / _WEEK,
                np.flatnonzero(there),
                s=14,
                marker="s",
                facecolor="white",
                edgecolor=BLACK,
                zorder=4,
            )
            marks.set_label(event.replace("_", " "))
            handles.append(marks)
    return handles
