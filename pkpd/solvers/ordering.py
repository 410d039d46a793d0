"""Looking up among sorted keys, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Index

__all__ = ["count_before"]

Keys = Sequence[NDArray[Any]]


def count_before(keys: Keys, queries: Keys) -> Index:
    """For each query how many of the entries sort before it or equal it.

    Parameters
    ----------
    keys, queries
        Arrays over entries and over queries, the most significant first.
    """
    merged = [np.concatenate([k, q]) for k, q in zip(keys, queries, strict=True)]
    is_query = np.zeros(len(merged[0]), dtype=np.int8)
    is_query[len(keys[0]) :] = 1
    order = np.lexsort((is_query, *reversed(merged)))
    passed = np.cumsum(1 - is_query[order].astype(np.int64))
    found = np.empty(len(order), dtype=np.int64)
    found[order] = passed
    return found[len(keys[0]) :]
