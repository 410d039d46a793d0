"""Who is treated in which arm: at random, or in permuted blocks within strata."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.streams import uniforms

__all__ = ["allocated", "allocated_in_blocks"]


def allocated(weights: Sequence[int], patients: int, seed: int, stream: str) -> Index:
    """The arm of each patient, (patients,): shares as exact as whole numbers allow, in random order."""
    edges = np.cumsum(weights) / sum(weights) * patients
    arms = np.searchsorted(edges - 1e-9, np.arange(patients), side="right")
    order = np.argsort(uniforms(seed, stream, patients), kind="stable")
    arm = np.empty(patients, dtype=np.int64)
    arm[order] = arms
    return arm


def allocated_in_blocks(weights: Sequence[int], stratum: Index, day: Array, seed: int, stream: str) -> Index:
    """The arm of each patient, in permuted blocks of twice the sum of `weights` within each stratum.

    Parameters
    ----------
    stratum, day
        (patients,): the stratum of each, and the day of enrollment, in whose order blocks are filled.
    """
    block = np.repeat(np.arange(len(weights)), 2 * np.array(weights))
    arm = np.empty(len(stratum), dtype=np.int64)
    for number in np.unique(stratum):
        mine = np.flatnonzero(stratum == number)
        mine = mine[np.argsort(day[mine], kind="stable")]
        blocks = -(-len(mine) // len(block))
        chance = uniforms(seed, f"{stream}, stratum {number}", blocks * len(block)).reshape(blocks, len(block))
        arm[mine] = block[np.argsort(chance, axis=1, kind="stable")].ravel()[: len(mine)]
    return arm
