"""Responses of patients by RECIST 1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from pkpd.measures.assessing import FollowUp, Verdict, assess
from pkpd.measures.best_responses import counted, first_true
from pkpd.measures.lesion_status import LesionStatus
from pkpd.measures.recist_rules import RecistRules
from pkpd.measures.response_codes import PD, response_attrs
from pkpd.measures.time_points import time_points

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["recist"]


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
        (patients,): the day of death, NaN where the patient lives; no scan comes after it.  Together with missed visits
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
        - ``progression_day`` of the first progression, whatever follows from it, and ``death_day``.
        - ``pfs_day``, ``pfs_event`` and ``pfs_reason``, why it ended or was censored.

    Raises
    ------
    DataError
        If `scans` is not what a scan can be, an array has not one value a patient, or a scan is
        after death.

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
    return assess(scans, FollowUp.of(scans, rules, death, new_therapy), _judge)


def _judge(scans: xr.Dataset, status: LesionStatus, follow_up: FollowUp) -> Verdict:
    points = time_points(status)
    ends = points.overall == PD
    visits = counted(points.overall, status.day, follow_up.new_therapy, ends)
    return Verdict(points, points.overall, response_attrs, visits, first_true(ends))
