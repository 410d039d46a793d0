"""Progression-free survival from assessments, with the rules by which it is censored.

Source: FDA, Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics (2018), appendix
with examples of tables for the analysis of PFS, table A (2007: appendix 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Codes, Index, Mask

__all__ = ["REASONS", "Assessments", "ProgressionFree", "progression_free"]

REASONS = (
    "progression", "death", "last_assessment", "new_therapy", "missed_visits", "no_assessment", "no_baseline",
)  # fmt: skip
PROGRESSION, DEATH, LAST_ASSESSMENT, NEW_THERAPY, MISSED_VISITS, NO_ASSESSMENT, NO_BASELINE = range(7)


@dataclass(frozen=True)
class Assessments:
    """What PFS is read from: (visits, patients) over time, (patients,) else.

    Attributes
    ----------
    day, due
        The day of each scan, NaN where there was none, and the day at which each was due.
    evaluable
        Whether the scan was evaluable; at visit 0 whether there was a baseline.
    progression
        The visit of the progression, -1 where there was none.
    death, new_therapy
        Days; NaN where there was none.
    """

    day: Array
    due: Array
    evaluable: Mask
    progression: Index
    death: Array
    new_therapy: Array


@dataclass(frozen=True)
class ProgressionFree:
    """Time, whether it ended in an event, and the reason as a code, each (patients,)."""

    day: Array
    event: Mask
    reason: Codes


def progression_free(seen: Assessments, missed: int | None) -> ProgressionFree:
    """The time from day 0 to progression or death, or to where it is censored.

    Parameters
    ----------
    seen
        The assessments.
    missed
        After so many missed or not evaluable visits in a row, or more, an event is censored.
    """
    progressed = _day_of(seen.day, seen.progression)
    event_day = np.fmin(progressed, seen.death)
    last = _last_evaluable(seen, event_day)
    reason = np.where(progressed <= np.where(np.isnan(seen.death), np.inf, seen.death), PROGRESSION, DEATH)
    reason[np.isnan(event_day)] = LAST_ASSESSMENT
    if missed is not None:
        reason[(_missed(seen, last, event_day) >= missed) & (reason <= DEATH)] = MISSED_VISITS
    treated = seen.new_therapy < np.where(np.isnan(event_day), np.inf, event_day)
    last = np.where(treated, np.minimum(last, _last_evaluable(seen, seen.new_therapy, until=True)), last)
    reason[treated] = NEW_THERAPY
    reason[(reason > DEATH) & (last <= 0)] = NO_ASSESSMENT
    reason[~seen.evaluable[0]] = NO_BASELINE
    is_event: Mask = reason <= DEATH
    censored = np.where(last > 0, _day_of(seen.day, last), 0.0)
    return ProgressionFree(
        np.where(reason == NO_BASELINE, 0.0, np.maximum(np.where(is_event, event_day, censored), 0.0)),
        is_event,
        reason.astype(np.int8),
    )


def _day_of(day: Array, visit: Index) -> Array:
    days = np.take_along_axis(day, np.maximum(visit, 0)[None], axis=0)[0]
    return np.where(visit >= 0, days, np.nan)


def _last_evaluable(seen: Assessments, limit: Array, *, until: bool = False) -> Index:
    """The last visit that was evaluable before `limit` (with `until` on that day too); -1 where none was."""
    with np.errstate(invalid="ignore"):
        past = ~(seen.day <= limit) if until else seen.day >= limit
    usable = seen.evaluable & ~past
    return np.where(usable.any(axis=0), len(usable) - 1 - usable[::-1].argmax(axis=0), -1)


def _missed(seen: Assessments, last: Index, limit: Array) -> Index:
    """How many visits after the last evaluable one were due before `limit` and were missed or not evaluable."""
    number = np.arange(len(seen.day))[:, None]
    with np.errstate(invalid="ignore"):
        passed = (number > last) & (np.where(np.isnan(seen.day), seen.due, seen.day) < limit)
    counts: Index = passed.sum(axis=0)
    return counts
