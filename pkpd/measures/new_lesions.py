"""New lesions as iRECIST reads them: targets and non-targets of their own.

Source: Seymour et al., Lancet Oncol 18:e143-e152 (2017): new lesions are measured by the principles of
RECIST 1.1, up to five and two of an organ as targets, apart from the lesions of the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.measures.lesion_status import Lesion, each_lesion
from pkpd.measures.scan_data import NEW, NON_TARGET

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MEASURABLE", "MEASURABLE_NODE", "NewLesions", "new_lesions"]

MEASURABLE, MEASURABLE_NODE = 10.0, 15.0  # mm; Eisenhauer 2009, section 3.1
_MOST, _OF_AN_ORGAN = 5, 2


@dataclass(frozen=True)
class NewLesions:
    """New and non-target lesions, (visits, patients) each.

    Attributes
    ----------
    appears
        Whether a new lesion is seen that was not seen before.
    there
        Whether a new lesion is seen.
    count
        How many new lesions there are; one that is not evaluable is taken to be there still.
    unequivocal
        Whether a new non-target lesion was judged to have progressed unequivocally.
    sums
        (3, visits, patients): sums of the diameters of the non-target lesions, the new target and
        the new non-target lesions, in mm; NaN where one of them is not evaluable.
    parts
        The same sums of those that are evaluable.
    """

    appears: Mask
    there: Mask
    count: Index
    unequivocal: Mask
    sums: Array
    parts: Array


def new_lesions(scans: xr.Dataset) -> NewLesions:
    """Follow the new lesions, and the non-target lesions, of every patient."""
    lesions = list(each_lesion(scans))
    shape = scans["day"].shape[::-1]
    appears, there, unequivocal = (np.zeros(shape, dtype=bool) for _ in range(3))
    count, sums, parts = np.zeros(shape, dtype=np.int64), np.zeros((3, *shape)), np.zeros((3, *shape))
    for lesion, is_target in zip(lesions, _chosen(lesions, shape[1]), strict=True):
        is_new = lesion.role == NEW
        seen = lesion.present & is_new
        ever = np.logical_or.accumulate(seen, axis=0)
        size = np.where(is_new & ~ever, 0.0, lesion.size)  # not evaluable before it is seen is absent
        for kind, chosen in enumerate([lesion.role == NON_TARGET, is_new & is_target, is_new & ~is_target]):
            if chosen.any():
                sums[kind] += np.where(chosen, size, 0.0)
                parts[kind] += np.where(chosen & ~np.isnan(size), size, 0.0)
        appears[1:] |= seen[1:] & ~ever[:-1]
        there |= seen
        count += seen | (ever & np.isnan(lesion.size))
        unequivocal |= lesion.unequivocal & is_new & ~is_target
    return NewLesions(appears, there, count, unequivocal, sums, parts)


def _chosen(lesions: list[Lesion], patients: int) -> list[Mask]:
    """For each lesion whether it is a new target: measurable when first seen, the largest first."""
    if not any((lesion.role == NEW).any() for lesion in lesions):
        return [np.zeros(patients, dtype=bool) for _ in lesions]
    first, size = _first_seen(lesions)
    node = np.array([lesion.node for lesion in lesions])
    organ = np.array([lesion.organ for lesion in lesions])
    measurable = size >= np.where(node, MEASURABLE_NODE, MEASURABLE)
    order = np.lexsort((-np.nan_to_num(size), first), axis=0)
    chosen = np.zeros(first.shape, dtype=bool)
    everyone = np.arange(patients)
    for rank in range(len(lesions)):
        lesion = order[rank]
        same = organ[lesion, everyone] == organ
        crowded = (organ[lesion, everyone] >= 0) & ((chosen & same).sum(axis=0) >= _OF_AN_ORGAN)
        chosen[lesion, everyone] = measurable[lesion, everyone] & (chosen.sum(axis=0) < _MOST) & ~crowded
    return list(chosen)


def _first_seen(lesions: list[Lesion]) -> tuple[Index, Array]:
    """The visit at which each new lesion was first seen (the number of visits for never), and how large it was."""
    first, size = [], []
    for lesion in lesions:
        there = lesion.present & (lesion.role == NEW)
        visit = np.where(there.any(axis=0), there.argmax(axis=0), len(there))
        at = np.minimum(visit, len(there) - 1)
        first.append(visit)
        size.append(np.where(visit < len(there), np.take_along_axis(lesion.size, at[None], axis=0)[0], np.nan))
    return np.array(first), np.array(size)
