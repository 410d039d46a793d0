"""Population parameters as one reads them: typical values, standard deviations and correlations of etas."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.mixed.components import Population

__all__ = ["from_natural", "interval", "natural", "natural_slopes", "require_holdable", "sd_places"]

STEP = 1e-6


def sd_places(population: Population) -> list[int]:
    """For each eta the number of u that is the logarithm of its Cholesky diagonal."""
    diagonal = {
        int(r): int(w) for r, c, w in zip(population.rows, population.cols, population.which, strict=True) if r == c
    }
    return [population.nb + diagonal[i] for i in range(population.q)]


def natural(population: Population, u: Array) -> Array:
    """(..., nu): typical values and coefficients, then sds and correlations of etas, in the order of the labels."""
    beta, l = population.split(u)
    p = len(population.components)
    values = np.array(u, dtype=float)
    for i, c in enumerate(population.components):
        values[..., i] = c.scale.natural(beta[..., i])
    values[..., p : population.nb] = beta[..., p:]
    omega = population.omega(l)
    sd = np.sqrt(np.diagonal(omega, axis1=-2, axis2=-1))
    for r, c, w in zip(population.rows, population.cols, population.which, strict=True):
        with np.errstate(all="ignore"):
            value = sd[..., r] if r == c else omega[..., r, c] / (sd[..., r] * sd[..., c])
        values[..., population.nb + w] = value
    return values


def natural_slopes(population: Population, u: Array) -> Array:
    """d natural/du, (nu, nu), by central differences of what is in closed form."""
    steps = STEP * np.eye(len(u))
    around = natural(population, np.concatenate([u + steps, u - steps]))
    return np.asarray(((around[: len(u)] - around[len(u) :]) / (2 * STEP)).T)


def require_holdable(population: Population) -> None:
    """Refuse to hold a number of Omega that moves with those that are estimated.

    Raises
    ------
    FitError
    """
    own = population.free[population.nb :]
    if own.all() or population.diagonal.all():
        return
    u = population.start.copy()
    l = u[population.nb :]
    size = float(np.exp(l[population.diagonal]).min())
    l[~population.diagonal] = size * (0.3 + 0.1 * np.arange(int((~population.diagonal).sum())))
    moving = natural_slopes(population, u)[population.nb :, population.nb :][:, own]
    for label, held, slopes in zip(population.labels_l, ~own, moving, strict=True):
        if held and (np.abs(slopes) > 1e-4 * size).any():
            raise FitError(
                f"fit: fixed= holds {label!r}, within a block of which other numbers are estimated, and it would move "
                "with them; hold standard deviations alone, or those of some etas with all correlations between these."
            )


def from_natural(population: Population, values: Mapping[str, float], start: Array | None = None) -> Array:
    """u of values by label; what is not named is as in `start`.

    Raises
    ------
    UnknownNameError
        If there is no such label.
    FitError
        If a value has no place on its scale, or the correlations make no covariance.
    """
    base = population.start if start is None else start
    now = natural(population, base)
    for label, value in values.items():
        if label not in population.labels:
            raise unknown_name("the mixed-effects model", "label", label, population.labels)
        place = population.labels.index(label)
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise FitError(f"fit: {label!r} starts at {value!r}; expected a number, in the unit of the estimate.")
        if label.startswith("omega") and not value > 0:
            raise FitError(f"fit: {label!r} starts at {value:g}; a standard deviation is above 0.")
        now[place] = float(value)
    u = np.array(base, dtype=float)
    for i, c in enumerate(population.components):
        if c.label in values:
            u[i] = c.scale.of(now[i])
    p, nb = len(population.components), population.nb
    u[p:nb] = now[p:nb]
    if set(values) & set(population.labels_l):
        u[nb:] = _cholesky_numbers(population, now[nb:])
    if not np.isfinite(u).all():
        i = int(np.argmin(np.isfinite(u)))
        raise FitError(f"fit: {population.labels[i]!r} cannot start at {now[i]:g}; give a value that its scale admits.")
    return u


def _cholesky_numbers(population: Population, numbers: Array) -> Array:
    matrix = np.eye(population.q)
    diagonal = population.rows == population.cols
    sd = np.ones(population.q)
    sd[population.rows[diagonal]] = numbers[population.which[diagonal]]
    for r, c, w in zip(population.rows, population.cols, population.which, strict=True):
        if r != c:
            matrix[r, c] = matrix[c, r] = numbers[w]
    try:
        return population.l_of(matrix * np.outer(sd, sd))
    except np.linalg.LinAlgError:
        raise FitError(
            f"fit: the standard deviations and correlations {np.round(numbers, 4).tolist()} of the etas make no "
            "positive definite covariance."
        ) from None


def interval(population: Population, u: Array, value: Array, se: Array, se_u: Array, z: float) -> Array:
    """Confidence intervals, (nu, 2): symmetric on the scale of the search, of correlations on Fisher's."""
    ends = np.stack([u - z * se_u, u + z * se_u])
    bounds = natural(population, ends).T
    for w, label in enumerate(population.labels_l):
        i = population.nb + w
        with np.errstate(all="ignore"):
            if label.startswith("correlation"):
                half = z * se[i] / (1 - value[i] ** 2)
                bounds[i] = np.tanh(np.arctanh(value[i]) + np.array([-half, half]))
            else:
                bounds[i] = value[i] * np.exp(np.array([-z, z]) * se[i] / value[i])
    return np.sort(bounds, axis=1)
