"""Bins of time in which observations are compared: those of the sampling schedule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError

__all__ = ["sampling_bins"]

_BINS = 8  # where times follow no schedule
_CLEAR = 2.0  # a gap between visits is so many times as wide as one within a visit
_ENOUGH = 3  # observations of a visit, on average


def sampling_bins(time: Array, bins: int | Sequence[float] | None = None) -> Index:
    """The bin of each time, numbered from 0 in order.

    By default each time of the schedule is a bin of its own: each distinct time where times recur, else
    each cluster of times about a planned one, which clear gaps set apart.  Only where times follow no
    schedule are they cut into 8 bins of about as many observations.

    Parameters
    ----------
    time
        (observations,).
    bins
        Their number, each holding about as many observations, or their edges; the schedule by default.

    Raises
    ------
    DataError
        If `bins` is neither, or edges do not hold all times.
    """
    if bins is None:
        scheduled = _schedule(time)
        edges = np.unique(np.quantile(time, np.linspace(0, 1, _BINS + 1)[1:-1])) if scheduled is None else scheduled
    elif isinstance(bins, int) and bins > 0:
        edges = np.unique(np.quantile(time, np.linspace(0, 1, bins + 1)[1:-1]))
    else:
        edges = _checked_edges(time, bins)
    group = np.searchsorted(edges, time, side="right")
    return np.asarray(np.unique(group, return_inverse=True)[1])


def _schedule(time: Array) -> Array | None:
    """The borders between planned times; None where there is no schedule."""
    distinct, counts = np.unique(time, return_counts=True)
    if len(distinct) == 1:
        return np.empty(0)
    if len(distinct) <= _BINS or np.median(counts) > 1:
        return np.asarray((distinct[1:] + distinct[:-1]) / 2)
    linear, clearness = _clusters(distinct, distinct, len(time))
    least = distinct[distinct > 0][0] / 2
    logarithmic, log_clearness = _clusters(np.log(np.maximum(distinct, least)), distinct, len(time))
    best, how_clear = (linear, clearness) if clearness >= log_clearness else (logarithmic, log_clearness)
    return best if how_clear >= _CLEAR else None


def _clusters(scaled: Array, distinct: Array, observations: int) -> tuple[Array, float]:
    """Borders in the wide gaps, and how many times as wide they are as the narrow ones."""
    gaps = np.diff(scaled)
    order = np.argsort(gaps)[::-1]
    most = min(len(gaps) - 1, observations // _ENOUGH - 1)
    if most < 1:
        return np.empty(0), 0.0
    ratios = gaps[order[:most]] / gaps[order[1 : most + 1]]
    cuts = np.sort(order[: int(np.argmax(ratios)) + 1])
    return np.asarray((distinct[cuts] + distinct[cuts + 1]) / 2), float(ratios.max())


def _checked_edges(time: Array, bins: object) -> Array:
    """The inner ones of edges that hold all times."""
    edges = np.asarray(bins, dtype=float) if np.ndim(bins) and np.asarray(bins).dtype.kind in "iuf" else np.empty(0)  # type: ignore[arg-type]
    if edges.ndim != 1 or len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise DataError(f"bins is {bins!r}; expected a number of bins, or their edges in increasing order.")
    if time.min() < edges[0] or time.max() > edges[-1]:
        raise DataError(
            f"the bins reach from {edges[0]:g} to {edges[-1]:g}, "
            f"the observations from {time.min():g} to {time.max():g}."
        )
    return np.asarray(edges[1:-1])
