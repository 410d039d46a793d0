"""Population parameters as one reads them: typical values, standard deviations and correlations of etas."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.mixed.classes import Classes, Numbers
from pkpd.fitting.mixed.components import Population

__all__ = [
    "from_natural", "interval", "natural", "natural_slopes", "require_holdable", "sd_places", "spread_places",
]  # fmt: skip

STEP = 1e-6


def sd_places(population: Population) -> list[int]:
    """For each eta the number of u that is the logarithm of its Cholesky diagonal."""
    diagonal = {
        int(r): int(w) for r, c, w in zip(population.rows, population.cols, population.which, strict=True) if r == c
    }
    return [population.nb + diagonal[i] for i in range(population.q)]


def natural(numbers: Numbers, u: Array) -> Array:
    """(..., nu): typical values and coefficients, then sds and correlations of etas, in the order of the labels.

    Of a mixture those of every class, and the probabilities.
    """
    if isinstance(numbers, Classes):
        values = np.array(u, dtype=float)
        for own in numbers.select:
            values[..., own] = natural(numbers.population, u[..., own])
        values[..., numbers.first_probability :] = np.exp(numbers.log_probabilities(u))[..., 1:]
        return values
    population = numbers
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


def natural_slopes(numbers: Numbers, u: Array) -> Array:
    """d natural/du, (nu, nu), by central differences of what is in closed form."""
    steps = STEP * np.eye(len(u))
    around = natural(numbers, np.concatenate([u + steps, u - steps]))
    return np.asarray(((around[: len(u)] - around[len(u) :]) / (2 * STEP)).T)


def require_holdable(numbers: Numbers) -> None:
    """Refuse to hold a number of Omega that moves with those that are estimated.

    Raises
    ------
    FitError
    """
    if isinstance(numbers, Classes):
        for own in numbers.select:
            _require_holdable(numbers.population, numbers.free[own])
    else:
        _require_holdable(numbers, numbers.free)


def _require_holdable(population: Population, free: Mask) -> None:
    own = free[population.nb :]
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


def from_natural(numbers: Numbers, values: Mapping[str, float], start: Array | None = None) -> Array:
    """u of values by label; what is not named is as in `start`.

    Raises
    ------
    UnknownNameError
        If there is no such label.
    FitError
        If a value has no place on its scale, or the correlations make no covariance.
    """
    base = numbers.start if start is None else start
    now = natural(numbers, base)
    named = np.zeros(len(base), dtype=bool)
    for label, value in values.items():
        if label not in numbers.labels:
            raise unknown_name("the mixed-effects model", "label", label, numbers.labels)
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise FitError(f"fit: {label!r} starts at {value!r}; expected a number, in the unit of the estimate.")
        if label.startswith("omega") and not value > 0:
            raise FitError(f"fit: {label!r} starts at {value:g}; a standard deviation is above 0.")
        place = numbers.labels.index(label)
        named[place] = True
        now[place] = float(value)
    u = np.array(base, dtype=float)
    if isinstance(numbers, Classes):
        for own in numbers.select:
            u[own] = _placed(numbers.population, now[own], named[own], base[own])
        first = numbers.first_probability
        if named[first:].any():
            u[first:] = numbers.numbers_of(now[first:])
    else:
        u = _placed(numbers, now, named, base)
    if not np.isfinite(u).all():
        i = int(np.argmin(np.isfinite(u)))
        raise FitError(f"fit: {numbers.labels[i]!r} cannot start at {now[i]:g}; give a value that its scale admits.")
    return u


def _placed(population: Population, now: Array, named: Mask, base: Array) -> Array:
    """u where the numbers that are named are as in `now`, and others as in `base`."""
    u = np.array(base, dtype=float)
    for i, c in enumerate(population.components):
        if named[i]:
            u[i] = c.scale.of(now[i])
    p, nb = len(population.components), population.nb
    u[p:nb] = now[p:nb]
    if named[nb:].any():
        u[nb:] = _cholesky_numbers(population, now[nb:])
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


def interval(numbers: Numbers, u: Array, value: Array, se: Array, se_u: Array, z: float) -> Array:
    """Confidence intervals, (nu, 2): symmetric on the scale of the search, of correlations on Fisher's.

    Those of standard deviations are symmetric in the logarithm, of probabilities in the logit.
    """
    ends = np.stack([u - z * se_u, u + z * se_u])
    bounds = natural(numbers, ends).T
    for i in spread_places(numbers):
        with np.errstate(all="ignore"):
            if numbers.labels[i].startswith("correlation"):
                half = z * se[i] / (1 - value[i] ** 2)
                bounds[i] = np.tanh(np.arctanh(value[i]) + np.array([-half, half]))
            else:
                bounds[i] = value[i] * np.exp(np.array([-z, z]) * se[i] / value[i])
    for i in range(numbers.first_probability if isinstance(numbers, Classes) else numbers.nu, numbers.nu):
        with np.errstate(all="ignore"):
            odds = value[i] / (1 - value[i]) * np.exp(np.array([-z, z]) * se[i] / (value[i] * (1 - value[i])))
            bounds[i] = 1 - 1 / (1 + odds)
    return np.sort(bounds, axis=1)


def spread_places(numbers: Numbers) -> list[int]:
    """The numbers of u that make up the spreads and correlations of etas."""
    if isinstance(numbers, Classes):
        return [int(i) for i in np.unique(numbers.select[:, numbers.population.nb :])]
    return list(range(numbers.nb, numbers.nu))
