"""Responses of patients by RECIST 1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pkpd.arrays import Array, Codes, Index, Mask
from pkpd.errors import DataError
from pkpd.measures.best_responses import best_response, counted, first_true, response_start
from pkpd.measures.lesion_status import LesionStatus, lesion_status
from pkpd.measures.progression import REASONS, Assessments, ProgressionFree, progression_free
from pkpd.measures.recist_rules import RecistRules
from pkpd.measures.response_codes import NE, NOT_ASSESSED, PD, flag_attrs, response_attrs
from pkpd.measures.scan_data import check_scans
from pkpd.measures.time_points import time_points

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["assessments", "days_of", "labeled", "recist"]


def recist(
    scans: xr.Dataset,
    *,
    rules: RecistRules | None = None,
    death: ArrayLike | None = None,
    new_therapy: ArrayLike | None = None,
) -> xr.Dataset:
    """Assess patients by RECIST 1.1, at each visit and over all.

    Parameters
    ----------
    scans
        As from `collect_scans`, `read_scans` or `scan`.
    rules
        What the protocol lays down; those of `RecistRules` by default.
    death
        (patients,): the day of death, NaN where the patient lives.  Together with missed visits
        it needs the variable ``scheduled`` in `scans`, the days at which visits were due.
    new_therapy
        (patients,): the day at which another treatment of the tumor began, NaN for none.

    Returns
    -------
    xarray.Dataset
        Over (patient, visit):

        - ``response``, ``target_response`` and ``non_target_response``, as codes; see
          `response_names`.  Visits after a progression are assessed as if the trial went on; -1
          is the baseline and where no scan was made.
        - ``sum_of_diameters`` of the target lesions, ``nadir``, the smallest sum before the visit
          (mm), and ``change`` from baseline (%), NaN where not evaluable.
        - ``new_lesion``, whether there is one.

        Over (patient):

        - ``best_response`` as a code, ``best_change`` (%), the lowest change until progression.
        - ``response_day``, the first day of a response that was confirmed, and
          ``response_duration`` from then to progression or death; ``response_ended`` is False
          where that was censored.
        - ``progression_day`` of the first progression, whatever follows from it.
        - ``pfs_day``, ``pfs_event`` and ``pfs_reason``, why it ended or was censored.

    Raises
    ------
    DataError
        If `scans` is not what a scan can be, or an array has not one value a patient.

    Notes
    -----
    Target lesions: CR when all have disappeared and lymph nodes are below 10 mm; PR from 30 % below
    the baseline; PD from 20 % and 5 mm above the smallest sum before.  A sum that lacks a lesion is
    not evaluable, unless it shows progression without it.  New lesions, unequivocal progression of
    non-target lesions, and any lesion seen again after a complete response are progression.  Tumor
    markers, which a complete response of non-target lesions also asks for, are not part of it.

    References
    ----------
    Eisenhauer et al., Eur J Cancer 45:228-247 (2009).

    Examples
    --------
    >>> import pkpd
    >>> scans = pkpd.collect_scans([0, 42, 84, 126], [[[50, 20], [30, 15], [28, 14], [45, 14]]], [[1, 1]])
    >>> assessment = pkpd.recist(scans)
    >>> pkpd.response_names(assessment.response).to_numpy().tolist()
    [['not_assessed', 'PR', 'PR', 'PD']]
    >>> pkpd.response_names(assessment.best_response).item(), assessment.pfs_day.item()
    ('PR', 126.0)
    """
    check_scans(scans)
    rules = RecistRules() if rules is None else rules
    status = lesion_status(scans)
    points = time_points(status)
    ends = points.overall == PD
    other = days_of("new_therapy", new_therapy, status.day.shape[1])
    visits = counted(points.overall, status.day, other, ends)
    best = best_response(points.overall, status.day, visits, rules)
    seen = assessments(scans, status, points.overall, first_true(ends), rules, death, other)
    free = progression_free(seen, rules.missed)
    start = response_start(points.overall, status.day, visits, best, rules)
    by_visit = {
        "response": (points.overall, response_attrs("response by RECIST 1.1")),
        "target_response": (points.target, response_attrs("response of target lesions")),
        "non_target_response": (points.non_target, response_attrs("response of non-target lesions")),
    }
    return labeled(
        scans, status, by_visit, points.nadir, visits, (best, response_attrs("best response")), start, seen, free
    )


def days_of(name: str, days: ArrayLike | None, patients: int) -> Array:
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


def assessments(
    scans: xr.Dataset,
    status: LesionStatus,
    overall: Codes,
    progression: Index,
    rules: RecistRules,
    death: ArrayLike | None,
    new_therapy: Array,
) -> Assessments:
    """What PFS is read from; a death needs to know which visits were due before it."""
    died = days_of("death", death, status.day.shape[1])
    due = scans["scheduled"].to_numpy().T if "scheduled" in scans.data_vars else status.day
    if "scheduled" not in scans.data_vars and rules.missed is not None and not np.isnan(died).all():
        raise DataError(
            f"death= has {int((~np.isnan(died)).sum())} days, but the scans have no variable 'scheduled', the days at "
            "which visits were due, without which missed visits before a death cannot be counted. Give "
            "collect_scans(scheduled=...), or RecistRules(missed=None) to take every death for an event."
        )
    evaluable = (overall != NE) & (overall != NOT_ASSESSED)
    evaluable[0] = status.scanned[0]
    return Assessments(status.day, due, evaluable, progression, died, new_therapy)


def labeled(
    scans: xr.Dataset,
    status: LesionStatus,
    by_visit: dict[str, tuple[Any, dict[str, Any]]],
    nadir: Array,
    visits: Mask,
    best: tuple[Codes, dict[str, Any]],
    start: Array,
    seen: Assessments,
    free: ProgressionFree,
) -> xr.Dataset:
    """The Dataset of an assessment."""
    import xarray as xr

    change = 100 * (status.total / status.total[0] - 1)
    lowest = np.fmin.reduce(np.where(visits, change, np.nan), axis=0)
    progressed = np.where(
        seen.progression >= 0, np.take_along_axis(seen.day, np.maximum(seen.progression, 0)[None], 0)[0], np.nan
    )
    over_visits = by_visit | {
        "day": (status.day, {"long_name": "day of the scan", "units": "day"}),
        "sum_of_diameters": (status.total, {"long_name": "sum of diameters of target lesions", "units": "mm"}),
        "nadir": (nadir, {"long_name": "smallest sum of diameters before", "units": "mm"}),
        "change": (change, {"long_name": "change in sum of diameters", "units": "%", "baseline_units": "mm"}),
        "new_lesion": (status.new, {"long_name": "new lesion", "units": "1"}),
    }
    each = {
        "best_response": best,
        "best_change": (lowest, {"long_name": "best change in sum of diameters", "units": "%", "baseline_units": "mm"}),
        "response_day": (start, {"long_name": "first day of the response", "units": "day"}),
        "response_duration": (free.day - start, {"long_name": "duration of response", "units": "day"}),
        "response_ended": (free.event & ~np.isnan(start), {"long_name": "end of response seen", "units": "1"}),
        "progression_day": (progressed, {"long_name": "day of first progression", "units": "day"}),
        "pfs_day": (free.day, {"long_name": "progression-free survival", "units": "day"}),
        "pfs_event": (free.event, {"long_name": "progression or death", "units": "1"}),
        "pfs_reason": (free.reason, flag_attrs("why progression-free survival ended", REASONS)),
    }
    variables: dict[str, Any] = {n: (("patient", "visit"), v.T.copy(), attrs) for n, (v, attrs) in over_visits.items()}
    variables |= {n: ("patient", v, attrs) for n, (v, attrs) in each.items()}
    return xr.Dataset(variables, {dim: scans[dim] for dim in ("patient", "visit") if dim in scans.coords})
