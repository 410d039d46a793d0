"""Responses of patients by iRECIST."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from pkpd.arrays import Codes, Index, Mask
from pkpd.measures.assessing import FollowUp, Verdict, assess, day_at
from pkpd.measures.best_responses import counted, first_true
from pkpd.measures.immune_time_points import immune_time_points
from pkpd.measures.lesion_status import LesionStatus
from pkpd.measures.new_lesions import new_lesions
from pkpd.measures.recist_rules import RecistRules
from pkpd.measures.response_codes import CR, ICPD, NED, NON, PD, PR, SD, immune_attrs
from pkpd.measures.time_points import time_points

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["irecist"]


def irecist(
    scans: xr.Dataset,
    *,
    rules: RecistRules | None = None,
    death: ArrayLike | None = None,
    new_therapy: ArrayLike | None = None,
) -> xr.Dataset:
    """Assess patients by iRECIST, at each visit and over all.

    Parameters
    ----------
    scans, rules, death, new_therapy
        As `recist` has them.

    Returns
    -------
    xarray.Dataset
        As from `recist`, with ``response`` and ``best_response`` by iRECIST and in addition, over
        (patient, visit), ``new_target_sum`` and ``new_non_target_sum`` (mm), and over (patient):

        - ``confirmed_day``, the day of the iCPD;
        - ``pseudoprogression``, whether iPR or iCR came after an iUPD and before any iCPD.

        ``progression_day``, ``pfs_day`` and ``pfs_event`` are of iPFS: the first iUPD that was
        confirmed or that no iSD, iPR or iCR followed.

    Raises
    ------
    DataError
        As `recist`.

    Notes
    -----
    A progression as RECIST 1.1 has it is unconfirmed, iUPD.  It becomes confirmed, iCPD, at a scan
    4 to 8 weeks later (``rules.progression``) if the target lesions, still in progression, or the
    new target lesions grew by 5 mm in their sum, if the non-target lesions or the new non-target
    lesions grew at all, if a further new lesion is seen, or if another kind of lesion progressed.
    Growth is counted from the smallest sum since the iUPD, so that increases add up.  A scan before
    the window confirms nothing; one after it, at which the progression stands, is a new iUPD.

    If the criteria of progression are no longer met, the bar is reset: the visit is iCR, iPR, iSD,
    and a later iUPD is measured from the nadir again.  After an iUPD by new lesions that are still
    there, the visit stays iUPD unless something improved (EORTC, scenarios B and F): the targets
    respond better than at the iUPD, a new lesion is gone, or their sum is smaller by 5 mm.  That the
    last two count as a change is our reading.  After a reset new lesions make an iUPD again when
    another one appears or their sum grows by 20 % and 5 mm over its nadir.  iCR is not possible
    while a new lesion is there.

    References
    ----------
    Seymour et al., Lancet Oncol 18:e143-e152 (2017); EORTC, recist.eortc.org/irecist.

    Examples
    --------
    A pseudoprogression: a quarter more at week 6, half less at week 12.

    >>> import pkpd
    >>> scans = pkpd.collect_scans([0, 42, 84, 126], [[[40], [50], [20], [18]]], [[1]])
    >>> assessment = pkpd.irecist(scans)
    >>> pkpd.response_names(assessment.response).to_numpy().tolist()
    [['not_assessed', 'iUPD', 'iPR', 'iPR']]
    >>> assessment.pseudoprogression.item(), assessment.pfs_event.item()
    (True, False)
    """
    return assess(scans, FollowUp.of(scans, rules, death, new_therapy), _judge)


def _judge(scans: xr.Dataset, status: LesionStatus, follow_up: FollowUp) -> Verdict:
    points, new = time_points(status), new_lesions(scans)
    overall = immune_time_points(status, points.target, points.non_target, new, follow_up.rules)
    confirmed = overall == ICPD
    visits = counted(overall, status.day, follow_up.new_therapy, confirmed)
    return Verdict(
        points,
        overall,
        immune_attrs,
        visits,
        _progression(overall, visits),
        by_visit={
            "new_target_sum": (new.sums[1], {"long_name": "sum of new target lesions", "units": "mm"}),
            "new_non_target_sum": (new.sums[2], {"long_name": "sum of new non-target lesions", "units": "mm"}),
        },
        by_patient={
            "confirmed_day": (
                day_at(status.day, first_true(confirmed)),
                {"long_name": "day of confirmed progression", "units": "day"},
            ),
            "pseudoprogression": (_pseudo(overall, visits), {"long_name": "pseudoprogression", "units": "1"}),
        },
    )


def _progression(overall: Codes, visits: Mask) -> Index:
    """The visit of the first iUPD after the last that was none, up to the iCPD; -1 where there is none."""
    number = np.arange(len(overall))[:, None]
    free = visits & np.isin(overall, (CR, PR, SD, NON, NED))
    last_free = np.where(free, number, -1).max(axis=0)
    return first_true(visits & ((overall == PD) | (overall == ICPD)) & (number > last_free))


def _pseudo(overall: Codes, visits: Mask) -> Mask:
    """Whether a response came after an iUPD, and before any iCPD."""
    progressed = np.logical_or.accumulate(visits & (overall == PD), axis=0)
    responds: Mask = (visits & progressed & ((overall == PR) | (overall == CR))).any(axis=0)
    return responds
