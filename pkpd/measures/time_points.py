"""Responses at each visit by RECIST 1.1: of the target lesions, of the others, and over all.

Source: Eisenhauer et al., Eur J Cancer 45:228-247 (2009), sections 4.3 and 4.4, tables 1 and 2;
the reappearance of a lesion after a complete response: table 3, footnote, and the EORTC's answers
to frequent questions (recist.eortc.org).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Codes, Index, Mask
from pkpd.measures.lesion_status import LesionStatus
from pkpd.measures.response_codes import CR, NE, NED, NON, NOT_ASSESSED, PD, PR, SD

__all__ = ["TimePoints", "at_least", "overall_response", "time_points"]

GROWTH, SHRINKAGE, STEP = 1.2, 0.7, 5.0  # +20 % of the nadir, -30 % of the baseline, and 5 mm


@dataclass(frozen=True)
class TimePoints:
    """Responses at each visit, (visits, patients), as codes; -1 where there is nothing to assess.

    Attributes
    ----------
    target, non_target, overall
        The response of the target lesions, of the non-target lesions, and over all.
    nadir
        The smallest sum of diameters before each visit, in mm.
    """

    target: Codes
    non_target: Codes
    overall: Codes
    nadir: Array


def time_points(status: LesionStatus) -> TimePoints:
    """Assess each visit by RECIST 1.1; visits after a progression too, as if the trial went on."""
    nadir = _nadir(status.total)
    target = target_response(status, nadir)
    non_target = non_target_response(status)
    overall = overall_response(status, target, non_target, status.new)
    _relapse(overall, status.targets_there | status.non_targets_there)
    return TimePoints(target, non_target, overall, nadir)


def at_least(value: Array, threshold: Array | float) -> Mask:
    """Whether a value reaches a threshold, up to rounding: 49 mm is 30 % below 70 mm."""
    reached: Mask = value >= threshold - 1e-9 * np.abs(threshold)
    return reached


def target_response(status: LesionStatus, nadir: Array) -> Codes:
    """CR, PR, SD, PD or NE of the target lesions; -1 at the baseline and where there are none.

    A sum that lacks a lesion is not evaluable, unless what was measured is progression already.
    """
    baseline = status.total[:1]
    with np.errstate(invalid="ignore"):
        grown = at_least(status.part, GROWTH * nadir) & at_least(status.part - nadir, STEP)
        shrunk = at_least(-status.total, -SHRINKAGE * baseline)
    response = np.where(shrunk, PR, SD)
    response[grown] = PD
    response[np.isnan(status.total) & ~grown] = NE
    response[status.targets_gone] = CR  # also where nodes of less than 10 mm grow
    response[:, np.isnan(baseline[0])] = NE
    return _where_assessed(response, status, status.targets)


def non_target_response(status: LesionStatus) -> Codes:
    """CR, non-CR/non-PD, PD or NE of the non-target lesions; -1 at the baseline and where there are none."""
    response = np.where(status.non_targets_seen, NON, NE)
    response[status.non_targets_gone] = CR
    response[status.unequivocal] = PD
    return _where_assessed(response, status, status.non_targets)


def overall_response(status: LesionStatus, target: Codes, non_target: Codes, new: Mask) -> Codes:
    """The response over all: table 1 with target lesions, table 2 with others alone."""
    response = np.where(status.targets, target, np.where(status.non_targets, non_target, NED))
    response[(target == CR) & (non_target != CR) & status.non_targets] = PR
    response[(target == PD) | (non_target == PD) | new] = PD
    response[:, ~status.scanned[0]] = NE  # without a baseline nothing can be compared
    return _where_assessed(response, status, np.ones(response.shape[1], dtype=bool))


def _where_assessed(response: Index, status: LesionStatus, who: Mask) -> Codes:
    codes = np.where(status.scanned & who, response, NOT_ASSESSED).astype(np.int8)
    codes[0] = NOT_ASSESSED
    return codes


def _nadir(total: Array) -> Array:
    """The smallest sum before each visit; the baseline's at the baseline itself."""
    smallest = np.fmin.accumulate(total, axis=0)
    return np.concatenate([smallest[:1], smallest[:-1]])


def _relapse(overall: Codes, present: Mask) -> None:
    """After a complete response, any lesion that is seen again is progression."""
    complete = np.zeros(overall.shape[1], dtype=bool)
    for response, seen in zip(overall, present, strict=True):
        response[complete & seen & (response != NOT_ASSESSED)] = PD
        complete |= response == CR
