"""From what each visit shows to the assessment of patients: best response, its duration, PFS.

Patients are assessed a few thousand at a time, so that their arrays stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pkpd.arrays import Array, Codes, Index, Mask
from pkpd.errors import DataError
from pkpd.measures.best_responses import best_response
from pkpd.measures.lesion_status import LesionStatus, lesion_status
from pkpd.measures.progression import REASONS, Assessments, progression_free
from pkpd.measures.recist_rules import RecistRules
from pkpd.measures.response_codes import NE, NOT_ASSESSED, flag_attrs, response_attrs
from pkpd.measures.scan_data import check_scans
from pkpd.measures.time_points import TimePoints

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FollowUp", "Verdict", "assess", "day_at"]

_BLOCK = 4096
_ROUNDING = 1e-6  # days
Described = tuple[Any, dict[str, Any]]


@dataclass(frozen=True)
class FollowUp:
    """The rules of the trial, and what else became of its patients, in days, NaN for nothing, (patients,)."""

    rules: RecistRules
    death: Array
    new_therapy: Array

    @staticmethod
    def of(
        scans: xr.Dataset, rules: RecistRules | None, death: ArrayLike | None, new_therapy: ArrayLike | None
    ) -> FollowUp:
        """Checked; without a schedule a death is an event only where missed visits do not matter."""
        check_scans(scans)
        known = RecistRules() if rules is None else rules
        patients = scans.sizes["patient"]
        died = _days("death", death, patients)
        _check_alive(scans, died)
        if "scheduled" not in scans.data_vars and known.missed is not None and not np.isnan(died).all():
            raise DataError(
                f"death has {int((~np.isnan(died)).sum())} days, but the scans have no variable 'scheduled', the days "
                "at which visits were due, without which visits missed before a death cannot be counted. Give "
                "collect_scans(scheduled=...), or RecistRules(missed=None) to take every death for an event."
            )
        return FollowUp(known, died, _days("new_therapy", new_therapy, patients))

    def of_patients(self, some: slice) -> FollowUp:
        """The same of some patients."""
        return FollowUp(self.rules, self.death[some], self.new_therapy[some])


@dataclass(frozen=True)
class Verdict:
    """What a criterion makes of the visits: (visits, patients) over time, (patients,) else.

    Attributes
    ----------
    points
        The responses of the lesions by RECIST 1.1.
    overall, names
        The response at each visit as a code, and the attributes of such codes.
    visits
        The visits that count for the best response.
    progression
        The visit of the progression, -1 where there is none.
    by_visit, by_patient
        Further variables, with their attributes.
    """

    points: TimePoints
    overall: Codes
    names: Callable[[str], dict[str, Any]]
    visits: Mask
    progression: Index
    by_visit: dict[str, Described] = field(default_factory=dict)
    by_patient: dict[str, Described] = field(default_factory=dict)


Judge = Callable[["xr.Dataset", LesionStatus, FollowUp], Verdict]


def assess(scans: xr.Dataset, follow_up: FollowUp, judge: Judge) -> xr.Dataset:
    """The assessment of all patients by a criterion."""
    import xarray as xr

    parts = [_variables(some, some_follow_up, judge) for some, some_follow_up in _blocks(scans, follow_up)]
    variables = {
        name: (dims, np.concatenate([part[name][1] for part in parts]), attrs)
        for name, (dims, _, attrs) in parts[0].items()
    }
    return xr.Dataset(variables, {dim: scans[dim] for dim in ("patient", "visit") if dim in scans.coords})


def day_at(day: Array, visit: Index) -> Array:
    """The day of a visit of each patient, NaN where that is -1."""
    days = np.take_along_axis(day, np.maximum(visit, 0)[None], axis=0)[0]
    return np.where(visit >= 0, days, np.nan)


def _days(name: str, days: ArrayLike | None, patients: int) -> Array:
    """A day for each patient, NaN where there is none."""
    if days is None:
        return np.full(patients, np.nan)
    try:
        array = np.asarray(days, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{name} is {days!r:.60}; expected a day for each patient, NaN for none.") from None
    if array.shape != (patients,):
        raise DataError(f"{name} has the shape {array.shape}; expected a day for each of {patients} patients.")
    return array


def _check_alive(scans: xr.Dataset, died: Array) -> None:
    latest = np.fmax.reduce(scans["day"].to_numpy(), axis=1)
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(latest > died + _ROUNDING)
    if len(wrong):
        at = int(wrong[0])
        name = scans["patient"].to_numpy()[at] if "patient" in scans.coords else at
        raise DataError(
            f"death of patient {name} is on day {died[at]:g}, but the last scan on day {latest[at]:g} (so of "
            f"{len(wrong)} patients); expected no scan after death: NaN as its day."
        )


def _blocks(scans: xr.Dataset, follow_up: FollowUp) -> Iterator[tuple[xr.Dataset, FollowUp]]:
    for start in range(0, max(scans.sizes["patient"], 1), _BLOCK):
        some = slice(start, start + _BLOCK)
        yield scans.isel(patient=some), follow_up.of_patients(some)


def _variables(scans: xr.Dataset, follow_up: FollowUp, judge: Judge) -> dict[str, Any]:
    """The variables of an assessment: dimensions, values and attributes."""
    status = lesion_status(scans)
    verdict = judge(scans, status, follow_up)
    best, start = best_response(verdict.overall, status.day, verdict.visits, follow_up.rules)
    free = progression_free(_assessments(scans, status, verdict, follow_up), follow_up.rules.missed)
    total = np.where(status.targets, status.total, np.nan)  # a patient without targets has no sum
    change = 100 * (total / total[0] - 1)
    lowest = np.fmin.reduce(np.where(verdict.visits, change, np.nan), axis=0)
    percent = {"units": "%", "baseline_units": "mm"}
    by_visit: dict[str, Described] = {
        "response": (verdict.overall, verdict.names("response")),
        "target_response": (verdict.points.target, response_attrs("response of target lesions")),
        "non_target_response": (verdict.points.non_target, response_attrs("response of non-target lesions")),
        "day": (status.day, {"long_name": "day of the scan", "units": "day"}),
        "sum_of_diameters": (total, {"long_name": "sum of diameters of target lesions", "units": "mm"}),
        "nadir": (
            np.where(status.targets, verdict.points.nadir, np.nan),
            {"long_name": "smallest sum of diameters before", "units": "mm"},
        ),
        "change": (change, {"long_name": "change in sum of diameters", **percent}),
        "new_lesion": (status.new, {"long_name": "new lesion", "units": "1"}),
    }
    by_patient: dict[str, Described] = {
        "best_response": (best, verdict.names("best response")),
        "best_change": (lowest, {"long_name": "best change in sum of diameters", **percent}),
        "response_day": (start, {"long_name": "first day of the response", "units": "day"}),
        "response_duration": (free.day - start, {"long_name": "duration of response", "units": "day"}),
        "response_ended": (free.event & ~np.isnan(start), {"long_name": "end of response seen", "units": "1"}),
        "progression_day": (
            day_at(status.day, verdict.progression),
            {"long_name": "day of first progression", "units": "day"},
        ),
        "death_day": (follow_up.death, {"long_name": "day of death", "units": "day"}),
        "pfs_day": (free.day, {"long_name": "progression-free survival", "units": "day"}),
        "pfs_event": (free.event, {"long_name": "progression or death", "units": "1"}),
        "pfs_reason": (free.reason, flag_attrs("why progression-free survival ended", REASONS)),
    }
    over = {
        name: (("patient", "visit"), array.T, attrs) for name, (array, attrs) in (by_visit | verdict.by_visit).items()
    }
    each = {name: (("patient",), array, attrs) for name, (array, attrs) in (by_patient | verdict.by_patient).items()}
    return over | each


def _assessments(scans: xr.Dataset, status: LesionStatus, verdict: Verdict, follow_up: FollowUp) -> Assessments:
    """What PFS is read from."""
    evaluable = (verdict.overall != NE) & (verdict.overall != NOT_ASSESSED)
    evaluable[0] = status.scanned[0]
    due = scans["scheduled"].to_numpy().T if "scheduled" in scans.data_vars else status.day
    return Assessments(status.day, due, evaluable, verdict.progression, follow_up.death, follow_up.new_therapy)
