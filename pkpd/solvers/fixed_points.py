"""The linear equations of a fixed point, solved also where the map keeps something, such as a total."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array, Mask

__all__ = ["fixed_point"]

NULL = 1e-10  # of the largest singular value: below it a direction is kept by the map


def fixed_point(derivative: Array, right: Array, scale: Array, kept: Array | None = None) -> Array:
    """Solve ``(1 - derivative) x = right`` for each member.

    Where the map keeps a combination w of states (the total of free and bound receptors, or a
    state at rest), one singular value is zero and the solutions are many: of them the one that
    changes each w as `kept` does.  Where even that does not decide, it is the shortest in units
    of `scale`.

    Parameters
    ----------
    derivative
        (members, states, states): of the map.
    right, kept
        (members, states, K); `kept` is zero by default.
    scale
        (members, states): the unit of each state.

    Returns
    -------
    numpy.ndarray
        (members, states, K), NaN for a member of whom something is not finite.

    Examples
    --------
    A map that halves the difference of two states and keeps their total: a change of one of
    them by 1 ends as a change of both by a half.

    >>> halves = np.array([[[0.75, 0.25], [0.25, 0.75]]])
    >>> changed = fixed_point(halves, np.zeros((1, 2, 1)), np.ones((1, 2)), kept=np.array([[[1.0], [0.0]]]))
    >>> changed.round(6).tolist()
    [[[0.5], [0.5]]]
    """
    scaled = (np.eye(derivative.shape[1]) - derivative) * scale[:, None, :] / scale[:, :, None]
    wanted = right / scale[:, :, None]
    keeps = np.zeros_like(wanted) if kept is None else kept / scale[:, :, None]
    good: Mask = np.asarray(np.isfinite(scaled).all(axis=(1, 2)) & np.isfinite(wanted).all(axis=(1, 2)))
    there = good[:, None, None]
    U, sizes, Vh = np.linalg.svd(np.where(there, scaled, 0.0))
    null = sizes <= NULL * sizes.max(axis=1, keepdims=True)
    inverse = np.where(null, 0.0, 1 / np.where(null, 1.0, sizes))
    left, V = np.swapaxes(U, 1, 2), np.swapaxes(Vh, 1, 2)
    x = V @ (inverse[:, :, None] * (left @ np.where(there, wanted, 0.0)))
    left, V = np.where(null[:, :, None], left, 0.0), np.where(null[:, None, :], V, 0.0)
    x += V @ (np.linalg.pinv(left @ V, rcond=1e-6) @ (left @ (keeps - x)))
    solved: Array = np.where(there, x * scale[:, :, None], np.nan)
    return solved
