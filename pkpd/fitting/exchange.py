"""Exchange of samples for better ones, among those that are possible."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array, Index

__all__ = ["criterion", "exchanged", "log_determinants"]


BEGINNINGS = 8
ROUNDS = 100
BETTER = 1e-9  # a smaller gain of the log-determinant is rounding


def log_determinants(information: Array) -> Array:
    """The log-determinants of symmetric matrices, -inf where one is singular."""
    sign, value = np.linalg.slogdet(information)
    return np.asarray(np.where(sign > 0, value, -np.inf))


def criterion(information: Array, nuisance: Index) -> Array:
    """The log-determinant of the information of all coordinates less that of the `nuisance` ones among them.

    It is the log-determinant of what is known of the others: the criterion of D_s-optimality; of
    D-optimality where there is no nuisance.
    """
    if not len(nuisance):
        return log_determinants(information)
    unwanted = np.linalg.slogdet(information[..., nuisance[:, None], nuisance])[1]
    return np.asarray(log_determinants(information) - unwanted)


def exchanged(information: Array, times: Array, n: int, gap: float, rng: np.random.Generator, nuisance: Index) -> Index:
    """The candidates of each group, `n` of them in order of time, whose information is best by `criterion`.

    From several random beginnings each sample in turn is exchanged for the best candidate, until
    no exchange is better (Fedorov's algorithm, as modified by Cook and Nachtsheim 1980).

    Parameters
    ----------
    information
        (groups, candidates, coordinates, coordinates): that of each candidate.
    times
        (candidates,): increasing.
    gap
        The shortest time between two samples of a group.
    nuisance
        The coordinates that are of no interest.

    Returns
    -------
    numpy.ndarray
        (groups, n).
    """
    # Parameters in very different units would make determinants of nearly singular matrices meaningless.
    scale = np.sqrt(np.einsum("gtii->i", information))
    scaled = information / scale[:, None] / scale[None, :]
    best, best_value = np.empty((0, 0), dtype=np.int64), -np.inf
    for _ in range(BEGINNINGS):
        begin = np.array([_beginning(times, n, gap, rng) for _ in information])
        chosen, value = _improved(scaled, times, begin, gap, nuisance)
        if value > best_value or not len(best):
            best, best_value = chosen, value
    return np.sort(best, axis=1)


def _beginning(times: Array, n: int, gap: float, rng: np.random.Generator) -> Index:
    """Random candidates that keep their distance: what is left of the interval is shared out at random."""
    rest = (times[-1] - times[0]) - gap * (n - 1)
    at = times[0] + np.sort(rng.uniform(0.0, 1.0, n)) * rest + gap * np.arange(n)
    if gap:
        return np.asarray(np.minimum(np.searchsorted(times, at), len(times) - 1))
    return np.asarray(np.sort(rng.integers(0, len(times), n)))


def _improved(information: Array, times: Array, begin: Index, gap: float, nuisance: Index) -> tuple[Index, float]:
    """Exchange until nothing is better.  A ridge keeps a singular beginning comparable, and leaves with it."""
    ridge = 1e-8 * np.eye(information.shape[-1])
    chosen, value = begin.copy(), -np.inf
    groups = np.arange(len(chosen))[:, None]
    for _ in range(ROUNDS):
        before = value
        for group, slot in np.ndindex(chosen.shape):
            others = np.delete(chosen[group], slot)
            rest = information[groups, chosen].sum(axis=(0, 1)) - information[group, chosen[group, slot]]
            values = criterion(information[group] + rest + ridge, nuisance)
            if gap:
                near = np.abs(times[:, None] - times[others][None, :]) < gap * (1 - 1e-9)
                values = np.where(near.any(axis=1), -np.inf, values)
            if values.max() > value + BETTER:
                chosen[group, slot] = int(np.argmax(values))
                value = float(values.max())
        if value <= before + BETTER:
            break
    return chosen, float(criterion(information[groups, chosen].sum(axis=(0, 1))[None], nuisance)[0])
