"""Which lesions of the baseline are measured: the choice of target lesions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pkpd.arrays import Mask
from pkpd.errors import DataError
from pkpd.measures.new_lesions import MEASURABLE, MEASURABLE_NODE

__all__ = ["select_targets"]


def select_targets(
    diameter: ArrayLike,
    *,
    node: ArrayLike = False,
    organ: ArrayLike | None = None,
    most: int = 5,
    most_of_an_organ: int = 2,
) -> Mask:
    """Choose target lesions among those of the baseline: the largest that can be measured.

    Parameters
    ----------
    diameter
        (patients, lesions), in mm, as measured at the baseline; NaN or 0 for none.
    node, organ
        In the same shape, or one for all: lymph nodes, which are measured along their short axis,
        and a number for each organ.
    most, most_of_an_organ
        How many, in all and in one organ.

    Returns
    -------
    numpy.ndarray
        (patients, lesions) of truth values: lesions of 10 mm and more, lymph nodes of 15 mm and
        more, the largest first.

    References
    ----------
    Eisenhauer et al., Eur J Cancer 45:228-247 (2009), sections 3.1 and 4.2.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.select_targets([[9, 40, 30, 12, 14]], node=[[0, 0, 0, 0, 1]], organ=[[0, 0, 0, 0, 1]]).tolist()
    [[False, True, True, False, False]]
    """
    size = np.asarray(diameter, dtype=float)
    if size.ndim != 2:
        raise DataError(f"select_targets(): diameter has the shape {size.shape}; expected (patients, lesions).")
    least = np.where(np.broadcast_to(np.asarray(node, dtype=bool), size.shape), MEASURABLE_NODE, MEASURABLE)
    organs = None if organ is None else np.broadcast_to(np.asarray(organ, dtype=np.int64), size.shape)
    with np.errstate(invalid="ignore"):
        measurable = size >= least
    chosen = np.zeros(size.shape, dtype=bool)
    order = np.argsort(-np.where(measurable, size, -1.0), axis=1, kind="stable")
    everyone = np.arange(len(size))
    for lesion in order.T:
        crowded = np.zeros(len(size), dtype=bool)
        if organs is not None:
            crowded = (chosen & (organs == organs[everyone, lesion][:, None])).sum(axis=1) >= most_of_an_organ
        chosen[everyone, lesion] = measurable[everyone, lesion] & ~crowded & (chosen.sum(axis=1) < most)
    return chosen
