"""The modes of the random effects of all subjects, for any number of guesses of the population at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.fitting.mixed.components import Population
from pkpd.fitting.mixed.observed import Terms
from pkpd.fitting.mixed.subjects import Subjects

__all__ = ["Modes", "Omega", "elsewhere", "modes", "omega_of", "pulled", "weighted"]

LONGEST = 4.0
"""How far a step goes at most, in standard deviations of the random effects."""

GAUSS_NEWTON = 5
"""The first steps; those that follow learn of the residuals' curvature, without which some creep (BFGS)."""

NOISE = 1e-9
"""The relative error of an objective by the integrator's: a step that loses less is not refused."""

MOST_DAMPED = 1e5


@dataclass(frozen=True, eq=False)
class Omega:
    """The covariance of the random effects of each copy, its inverse and the logarithm of its determinant."""

    matrix: Array
    inverse: Array
    log_determinant: Array

    def squared(self, eta: Array) -> Array:
        """eta' Omega^-1 eta, (copies, subjects)."""
        return np.asarray((eta * (eta @ self.inverse)).sum(-1))


def omega_of(population: Population, l: Array) -> Omega:
    """At l (copies, numbers)."""
    factor = population.cholesky(l)
    matrix = factor @ np.swapaxes(factor, -1, -2)
    diagonal = np.abs(np.diagonal(factor, axis1=-2, axis2=-1))
    half = np.linalg.inv(factor)
    return Omega(matrix, np.swapaxes(half, -1, -2) @ half, 2 * np.log(diagonal).sum(-1))


@dataclass(frozen=True, eq=False)
class Modes:
    """Where the individual objective -2 ln p(y, eta) of each subject is least.

    Attributes
    ----------
    eta
        (copies, subjects, q).
    objective
        (copies, subjects): without the constants and ln|Omega|; infinite where a solution failed.
    curvature
        (copies, subjects, q, q): half the expected second derivatives of the objective there.
    converged
        (copies, subjects).
    """

    eta: Array
    objective: Array
    curvature: Array
    converged: Mask


def weighted(left: Array, weight: Array, right: Array) -> Array:
    """The sum over observations of left' weight right.

    (..., n, c, a), (..., n, c, c), (..., n, c, b) -> (..., a, b).
    """
    product = weight * right if weight.shape[-1] == 1 else weight @ right
    shape = (*left.shape[:-3], left.shape[-3] * left.shape[-2])
    flat = left.reshape(*shape, left.shape[-1])
    return np.asarray(np.swapaxes(flat, -1, -2) @ product.reshape(*shape, right.shape[-1]))


def pulled(slopes: Array, slope: Array) -> Array:
    """The sum over observations of slopes' slope: (..., n, c, a), (..., n, c) -> (..., a)."""
    shape = (*slopes.shape[:-3], slopes.shape[-3] * slopes.shape[-2])
    flat = slopes.reshape(*shape, slopes.shape[-1])
    return np.asarray((np.swapaxes(flat, -1, -2) @ slope.reshape(*shape, 1))[..., 0])


@dataclass(frozen=True, eq=False)
class _Place:
    """Where all subjects stand: eta, the terms there, the slopes by eta, and the objective."""

    eta: Array
    terms: Terms
    slopes: Array
    objective: Array

    def where(self, better: Mask, other: _Place) -> _Place:
        """`other` where it is better."""

        def chosen(new: Array, old: Array) -> Array:
            return np.where(better.reshape(*better.shape, *[1] * (new.ndim - 2)), new, old)

        terms = Terms(
            chosen(other.terms.value, self.terms.value),
            chosen(other.terms.slope, self.terms.slope),
            chosen(other.terms.information, self.terms.information),
        )
        return _Place(
            chosen(other.eta, self.eta), terms, chosen(other.slopes, self.slopes),
            chosen(other.objective, self.objective),
        )  # fmt: skip


def modes(
    subjects: Subjects, u: Array, eta: Array, *, sd: Array | None = None, tol: float = 1e-10, most: int = 40
) -> Modes:
    """Gauss-Newton, then BFGS, with Levenberg-Marquardt damping, subject by subject, all in one ensemble.

    Parameters
    ----------
    u
        (copies, nu): guesses of the population parameters.
    eta
        (copies, subjects, q): where to start.
    sd
        (copies, subjects, width): standard deviations that do not follow eta (FOCE without interaction).
    tol
        Until the gain that a step promises is less.
    """
    population = subjects.population
    beta, l = population.split(u)
    omega = omega_of(population, l)
    prior = omega.inverse[:, None]

    def look(eta: Array) -> _Place:
        z, slopes = subjects.slopes(population.phi(beta, eta), population.random)
        terms = subjects.observations.terms(z, sd=sd)
        return _Place(eta, terms, slopes, 2 * terms.value + omega.squared(eta))

    def gradient_at(place: _Place) -> Array:
        return pulled(place.slopes, place.terms.slope) + place.eta @ omega.inverse

    place = look(eta)
    damping = np.zeros(eta.shape[:2])
    curvature = np.zeros((*eta.shape, eta.shape[-1]))
    for turn in range(most):
        gradient = gradient_at(place)
        if turn < GAUSS_NEWTON:
            curvature = weighted(place.slopes, place.terms.information, place.slopes) + prior
        step, promised = _step(gradient, curvature, damping, place.eta, omega)
        converged = (promised < tol) & np.isfinite(place.objective)
        moving = ~(converged | (damping > MOST_DAMPED))
        if not moving.any():
            break
        trial = look(np.where(moving[..., None], place.eta + step, place.eta))
        room = NOISE * (np.abs(place.objective) + 10)
        better = moving & ((trial.objective <= place.objective + room) | _saved(place.objective, trial.objective))
        if turn >= GAUSS_NEWTON - 1:
            learnt = _updated(curvature, trial.eta - place.eta, gradient_at(trial) - gradient, better)
            anew = weighted(place.slopes, place.terms.information, place.slopes) + prior
            curvature = np.where((moving & ~better)[..., None, None], anew, learnt)
        place = place.where(better, trial)
        damping = np.where(better, damping / 10, np.where(moving, np.maximum(damping * 10, 1e-2), damping))
        damping = np.where(damping < 1e-4, 0.0, damping)
    curvature = weighted(place.slopes, place.terms.information, place.slopes) + prior
    return Modes(place.eta, place.objective, curvature, converged)


def _updated(curvature: Array, step: Array, change: Array, better: Mask) -> Array:
    """The BFGS update of each subject's matrix by a step that was taken and the change of the gradient along it."""
    across = (step * change).sum(-1)
    pushed = (curvature @ step[..., None])[..., 0]
    along = (step * pushed).sum(-1)
    good = better & (across > 1e-10 * along) & (along > 0)
    with np.errstate(all="ignore"):
        more = change[..., :, None] * change[..., None, :] / across[..., None, None]
        less = pushed[..., :, None] * pushed[..., None, :] / along[..., None, None]
    return np.where(good[..., None, None], curvature + more - less, curvature)


def _saved(old: Array, new: Array) -> Mask:
    """Where a solution failed and does no more."""
    return np.asarray(~np.isfinite(old) & np.isfinite(new))


def _step(gradient: Array, curvature: Array, damping: Array, eta: Array, omega: Omega) -> tuple[Array, Array]:
    """A step and the gain that it promises; towards 0 where a solution failed."""
    q = eta.shape[-1]
    bad: Mask = np.asarray(~np.isfinite(curvature).all((-2, -1)) | ~np.isfinite(gradient).all(-1))
    curvature = np.where(bad[..., None, None], np.eye(q), curvature)
    gradient = np.where(bad[..., None], 0.5 * eta, gradient)
    diagonal = np.diagonal(curvature, axis1=-2, axis2=-1)
    damped = curvature + damping[..., None, None] * np.eye(q) * diagonal[..., None]
    step = np.asarray(-np.linalg.solve(damped, gradient[..., None])[..., 0], dtype=float)
    length = np.sqrt(omega.squared(step))
    step = step * np.minimum(1.0, LONGEST / np.maximum(length, 1e-300))[..., None]
    return step, np.where(bad, np.inf, np.abs((gradient * step).sum(-1)))


def elsewhere(
    subjects: Subjects,
    u: Array,
    eta: Array,
    *,
    seed: int,
    restarts: int = 8,
    draws: int = 64,
    sd: Array | None = None,
    tol: float = 1e-2,
) -> tuple[Array, Mask]:
    """The modes of one guess, with those subjects moved for whom a deeper one is found than theirs.

    Modes are sought from 0, from the best of many draws of the prior, and from some draws as they
    are; all of them of all subjects are one ensemble.

    Parameters
    ----------
    u, eta
        (nu,) and (subjects, q).
    tol
        How near to their modes the tries come, in units of the objective.

    Returns
    -------
    tuple
        The modes (subjects, q), and who has moved.
    """
    population = subjects.population
    beta, l = population.split(u[None])
    omega = omega_of(population, l)
    rng = np.random.default_rng(seed)
    tries = rng.standard_normal((draws, *eta.shape)) @ population.cholesky(l)[0].T
    objective = 2 * subjects.terms(population.phi(np.repeat(beta, draws, 0), tries)).value + omega.squared(tries)
    who = np.arange(len(eta))
    best = tries[objective.argmin(0), who]
    guesses = np.concatenate([eta[None], np.zeros_like(eta)[None], best[None], tries[:restarts]])
    many = np.repeat(u[None], len(guesses), 0)
    again = None if sd is None else np.repeat(sd, len(guesses), 0)
    reached = modes(subjects, many, guesses, sd=again, tol=tol, most=30)
    least = reached.objective.argmin(0)
    moved = reached.objective[0] > reached.objective[least, who] + 2 * tol
    return np.where(moved[:, None], reached.eta[least, who], eta), moved
