"""Responses at each visit by iRECIST: a progression is unconfirmed until a later scan confirms it.

Source: Seymour et al., Lancet Oncol 18:e143-e152 (2017), table 2, with the EORTC's answers to frequent
questions (recist.eortc.org/irecist): the least time to a confirmation, increases that add up, and
new lesions after a progression that was not confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Codes, Index, Mask
from pkpd.measures.lesion_status import LesionStatus
from pkpd.measures.new_lesions import NewLesions
from pkpd.measures.recist_rules import RecistRules
from pkpd.measures.response_codes import CR, ICPD, NE, NON, NOT_ASSESSED, PD, PR
from pkpd.measures.time_points import GROWTH, STEP, at_least, overall_response

__all__ = ["immune_time_points"]


@dataclass(frozen=True)
class _Visit:
    """What a visit shows of each patient, (patients,)."""

    day: Array
    assessed: Mask
    target: Codes
    ordinary: Codes  # the response over all, were nothing progression
    kinds: Mask  # (3, patients): whether targets, non-targets and new lesions show progression
    appears: Mask
    new_there: Mask
    count: Index
    sums: Array  # (4, patients): targets, non-targets, new targets, new non-targets; NaN if incomplete
    parts: Array  # the same of the lesions that were evaluable


@dataclass(frozen=True)
class _Episode:
    """A progression that waits for its confirmation, of each patient, (patients,).

    Attributes
    ----------
    waiting
        Whether there is one.
    first, last
        The days of the first and the last iUPD of it.
    kinds
        (3, patients): whether targets, non-targets and new lesions progressed in it.
    lowest
        (4, patients): the smallest sums since it began, from which further increases count.
    target, count, new_sum
        The target response, the number of new lesions and their sum when it began.
    """

    waiting: Mask
    first: Array
    last: Array
    kinds: Mask
    lowest: Array
    target: Codes
    count: Index
    new_sum: Array


def immune_time_points(
    status: LesionStatus, target: Codes, non_target: Codes, new: NewLesions, rules: RecistRules
) -> Codes:
    """Assess each visit by iRECIST, (visits, patients); visits after an iCPD stay iCPD.

    Parameters
    ----------
    status, target, non_target
        The lesions, and their responses by RECIST 1.1.
    new
        The new lesions.
    rules
        When a scan confirms, and how much growth is an increase.
    """
    response = np.full(target.shape, NOT_ASSESSED, dtype=np.int8)
    patients = target.shape[1]
    episode = _no_episode(patients)
    complete, confirmed = np.zeros(patients, dtype=bool), np.zeros(patients, dtype=bool)
    lowest_new = np.full(patients, np.inf)
    ordinary = _ordinary(status, target, non_target, new.count)
    for number in range(1, len(target)):
        kinds = _kinds(number, status, target, new, complete, lowest_new)
        visit = _visit(number, status, target, ordinary, new, kinds)
        codes, episode = _assess(visit, episode, rules)
        response[number] = np.where(confirmed & visit.assessed, ICPD, codes)
        confirmed |= codes == ICPD
        complete |= codes == CR
        lowest_new = np.where(visit.appears, visit.sums[2], np.fmin(lowest_new, visit.sums[2]))
    return response


def _ordinary(status: LesionStatus, target: Codes, non_target: Codes, count: Index) -> Codes:
    """The response over all by everything but progression; no iCR while a new lesion is there."""
    stable = np.where(non_target == PD, NON, non_target).astype(np.int8)
    response = overall_response(status, target, stable, np.zeros(count.shape, dtype=bool))
    complete = (response == CR) & (count > 0)
    return np.where(complete, np.where(status.targets, PR, NON), response).astype(np.int8)


def _kinds(
    number: int, status: LesionStatus, target: Codes, new: NewLesions, complete: Mask, lowest_new: Array
) -> Mask:
    """Whether targets, non-targets and new lesions meet a criterion of progression at a visit.

    New lesions do when one appears, and when those that are there grow as RECIST asks of targets.
    """
    measured = new.parts[1, number]
    with np.errstate(invalid="ignore"):
        grown = at_least(measured, GROWTH * lowest_new) & at_least(measured - lowest_new, STEP)
    return np.array(
        [
            (target[number] == PD) | (complete & status.targets_there[number]),
            status.unequivocal[number] | (complete & status.non_targets_there[number]),
            new.appears[number] | grown | new.unequivocal[number],
        ]
    )


def _visit(number: int, status: LesionStatus, target: Codes, ordinary: Codes, new: NewLesions, kinds: Mask) -> _Visit:
    return _Visit(
        day=status.day[number],
        assessed=status.scanned[number] & status.scanned[0],
        target=target[number],
        ordinary=ordinary[number],
        kinds=kinds,
        appears=new.appears[number],
        new_there=new.there[number],
        count=new.count[number],
        sums=np.vstack([status.total[number], new.sums[:, number]]),
        parts=np.vstack([status.part[number], new.parts[:, number]]),
    )


def _no_episode(patients: int) -> _Episode:
    no, none = np.zeros(patients, dtype=bool), np.full(patients, np.nan)
    count, target = np.zeros(patients, dtype=np.int64), np.full(patients, NE, dtype=np.int8)
    return _Episode(no, none, none, np.zeros((3, patients), bool), np.full((4, patients), np.nan), target, count, none)


def _assess(visit: _Visit, episode: _Episode, rules: RecistRules) -> tuple[Codes, _Episode]:
    """The response of a visit, and what waits for confirmation after it."""
    least, most = rules.progression
    with np.errstate(invalid="ignore"):
        in_time = visit.day - episode.last <= most
        may_confirm = episode.waiting & in_time & (visit.day - episode.first >= least)
        added = visit.appears | (episode.waiting & (visit.count > episode.count))
        further = _further(visit, episode, added, rules)
        remains = episode.waiting & episode.kinds[2] & ~_improved(visit, episode)
    new = visit.kinds[2] | added | (remains & (visit.new_there | (visit.ordinary != NE)))
    kinds = np.array([visit.kinds[0], visit.kinds[1], new]) & visit.assessed
    confirms = visit.assessed & may_confirm & further
    progresses = kinds.any(axis=0) & ~confirms
    codes = np.where(confirms, ICPD, np.where(progresses, PD, visit.ordinary)).astype(np.int8)
    ends = visit.assessed & (confirms | (~progresses & (visit.ordinary != NE)))
    return codes, _next(visit, episode, kinds, progresses, in_time, ends)


def _further(visit: _Visit, episode: _Episode, added: Mask, rules: RecistRules) -> Mask:
    """Whether a progression went further: in what had progressed, or in another kind of lesion."""
    grown = visit.parts - episode.lowest
    measured = at_least(grown[[0, 2]], STEP)
    visible = grown[[1, 3]] > rules.non_target_increase + 1e-9
    targets = episode.kinds[0] & visit.kinds[0] & measured[0]
    non_targets = episode.kinds[1] & visible[0]
    new = episode.kinds[2] & (measured[1] | visible[1])
    further: Mask = targets | non_targets | new | added | (visit.kinds & ~episode.kinds).any(axis=0)
    return further


def _improved(visit: _Visit, episode: _Episode) -> Mask:
    """Whether new lesions no longer hold up a response: fewer, smaller by 5 mm, or targets respond better.

    The codes of CR, PR, SD and PD rise from 1 to 4.
    """
    fewer = visit.count < episode.count
    smaller = at_least(episode.new_sum - visit.sums[2:].sum(axis=0), STEP)
    responds = (visit.target >= CR) & (visit.target < episode.target)
    improved: Mask = fewer | smaller | responds
    return improved


def _next(visit: _Visit, episode: _Episode, kinds: Mask, progresses: Mask, in_time: Mask, ends: Mask) -> _Episode:
    """The episode after a visit: it begins, goes on, or has ended and the bar is reset."""
    begins, stays = progresses & ~(episode.waiting & in_time), progresses & episode.waiting & in_time
    lowest = np.where(stays, np.fmin(episode.lowest, visit.sums), episode.lowest)
    return _Episode(
        waiting=(episode.waiting | progresses) & ~ends,
        first=np.where(begins, visit.day, episode.first),
        last=np.where(progresses, visit.day, episode.last),
        kinds=np.where(begins, kinds, episode.kinds),
        lowest=np.where(begins, visit.sums, lowest),
        target=np.where(begins, visit.target, episode.target).astype(np.int8),
        count=np.where(begins, visit.count, episode.count),
        new_sum=np.where(begins, visit.sums[2:].sum(axis=0), episode.new_sum),
    )
