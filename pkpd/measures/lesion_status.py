"""What the lesions of a patient show at each visit: sums of diameters, what is gone, what is new.

Arrays have the shape (visits, patients), so that a walk through the visits reads whole rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pkpd.arrays import Array, Codes, Index, Mask
from pkpd.measures.scan_data import NEW, NON_TARGET, TARGET, TOO_SMALL

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NORMAL_NODE", "Lesion", "LesionStatus", "each_lesion", "lesion_status"]

NORMAL_NODE = 10.0
"""Short axis in mm from which on a lymph node is pathological (Eisenhauer 2009)."""


@dataclass(frozen=True)
class Lesion:
    """One lesion of every patient, (visits, patients) over time and (patients,) else.

    Attributes
    ----------
    size
        In mm, 5 where too small to measure, NaN where not evaluable.
    present, gone
        Whether it is seen and pathological, or seen not to be; both False where not evaluable.
    unequivocal
        Whether it was judged to have progressed unequivocally.
    role, node, organ
        The role, whether a lymph node, and the organ (-1 where nobody says).
    """

    size: Array
    present: Mask
    gone: Mask
    unequivocal: Mask
    role: Codes
    node: Mask
    organ: Index


@dataclass(frozen=True)
class LesionStatus:
    """The lesions of all patients at all visits, (visits, patients) over time and (patients,) else.

    Attributes
    ----------
    day, scanned
        The day of each scan, and whether there was one.
    total
        Sum of diameters of the target lesions, NaN where one of them is not evaluable.
    part
        The same sum of those that are evaluable.
    targets, non_targets
        Whether the patient has such lesions.
    targets_gone, non_targets_gone
        Whether they have all disappeared, lymph nodes to less than 10 mm.
    non_targets_seen
        Whether all non-target lesions were evaluable.
    unequivocal
        Whether a non-target lesion progressed unequivocally.
    new
        Whether a new lesion is there.
    targets_there, non_targets_there
        Whether at least one of them is there.
    """

    day: Array
    scanned: Mask
    total: Array
    part: Array
    targets: Mask
    non_targets: Mask
    targets_gone: Mask
    non_targets_gone: Mask
    non_targets_seen: Mask
    unequivocal: Mask
    new: Mask
    targets_there: Mask
    non_targets_there: Mask


def each_lesion(scans: xr.Dataset) -> Iterator[Lesion]:
    """The lesions one after the other, each of all patients."""
    scanned = ~np.isnan(scans["day"].to_numpy().T)
    diameter, small = scans["diameter"].to_numpy(), scans["too_small"].to_numpy()
    unequivocal, role, node = (scans[name].to_numpy() for name in ("unequivocal", "role", "node"))
    organ = scans["organ"].to_numpy() if "organ" in scans.data_vars else np.full(role.shape, -1)
    for lesion in range(diameter.shape[2]):
        size = np.where(small[:, :, lesion].T, TOO_SMALL, diameter[:, :, lesion].T)
        size[~scanned] = np.nan
        least = np.where(node[:, lesion], NORMAL_NODE, np.nextafter(0, 1))
        yield Lesion(
            size, size >= least, size < least, unequivocal[:, :, lesion].T & scanned, role[:, lesion], node[:, lesion],
            organ[:, lesion],
        )  # fmt: skip


def lesion_status(scans: xr.Dataset) -> LesionStatus:
    """Gather what the criteria read of the lesions of each patient."""
    day = np.ascontiguousarray(scans["day"].to_numpy().T)
    total, part = np.zeros(day.shape), np.zeros(day.shape)
    targets, non_targets = np.zeros(day.shape[1], dtype=bool), np.zeros(day.shape[1], dtype=bool)
    every = [np.ones(day.shape, dtype=bool) for _ in range(3)]
    some = [np.zeros(day.shape, dtype=bool) for _ in range(4)]
    targets_gone, non_targets_gone, non_targets_seen = every
    unequivocal, new, targets_there, non_targets_there = some
    for lesion in each_lesion(scans):
        is_target, is_other = lesion.role == TARGET, lesion.role == NON_TARGET
        targets |= is_target
        non_targets |= is_other
        counted = np.where(is_target, lesion.size, 0.0)
        total += counted
        part += np.where(np.isnan(counted), 0.0, counted)
        targets_gone &= lesion.gone | ~is_target
        non_targets_gone &= lesion.gone | ~is_other
        non_targets_seen &= ~np.isnan(lesion.size) | ~is_other
        unequivocal |= lesion.unequivocal & is_other
        new |= lesion.present & (lesion.role == NEW)
        targets_there |= lesion.present & is_target
        non_targets_there |= lesion.present & is_other
    return LesionStatus(
        day, ~np.isnan(day), np.where(np.isnan(day), np.nan, total), part, targets, non_targets, targets_gone,
        non_targets_gone, non_targets_seen, unequivocal, new, targets_there, non_targets_there,
    )  # fmt: skip
