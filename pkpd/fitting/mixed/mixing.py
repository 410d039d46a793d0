"""Objective functions of a mixture: every class has its own approximation of every subject's likelihood.

With O_k the objective of a subject in class k,

    O = -2 ln sum_k p_k exp(-O_k/2),   dO = sum_k w_k (dO_k - 2 d ln p_k),

where w_k is the chance of class k given the observations.  All classes of all subjects and guesses
are one ensemble.

References
----------
McLachlan G, Peel D. Finite mixture models. Wiley, New York (2000).
Louis TA. Finding the observed information matrix when using the EM algorithm. J R Stat Soc B
44:226-233 (1982).
Wang X, Schumitzky A, D'Argenio DZ. Nonlinear random effects mixture models: maximum likelihood
estimation via the EM algorithm. Comput Stat Data Anal 51:6614-6623 (2007).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.fitting.mixed.classes import Classes, posterior_shares
from pkpd.fitting.mixed.conditional import Approximation, Kind, Point
from pkpd.fitting.mixed.subjects import Subjects

__all__ = ["AnyApproximation", "ClassApproximation", "approximation_of", "mixed_gradients", "modes_of", "most_probable"]

LEAST = 0.1  # of the information that would be there were the classes known: a metric for searches is definite


@dataclass(frozen=True, eq=False)
class ClassApproximation:
    """One of the objective functions, of the subjects of a mixture; as `Approximation` is without one.

    The modes of all subjects in the first class come first, then those in the second, and so on.
    """

    subjects: Subjects
    classes: Classes
    kind: Kind = "focei"

    @property
    def alone(self) -> Approximation:
        """That of one class."""
        return Approximation(self.subjects, self.kind)

    def evaluate(self, u: Array, eta: Array, *, gradient: bool = True, tol: float = 1e-10) -> Point:
        """At u (copies, nu), looking for the modes from eta (copies, classes x subjects, q)."""
        classes, count, n = self.classes, self.classes.count, self.subjects.count
        v = classes.of(u).reshape(len(u) * count, -1)
        point = self.alone.evaluate(v, eta.reshape(len(u) * count, n, -1), gradient=False, tol=tol)
        each, shares = posterior_shares(point.each.reshape(len(u), count, n), classes.log_probabilities(u))

        def together(values: Any) -> Any:
            return values.reshape(len(u), count * n, *values.shape[2:])

        mixed = Point(
            u, each.sum(-1), each, together(point.eta), together(point.converged), together(point.hessian),
            shares=shares,
        )  # fmt: skip
        if not gradient:
            return mixed
        point = self.alone.differentiated(point, weight=shares.reshape(len(u) * count, n))
        assert point.gradients is not None
        assert point.motion is not None
        assert point.information is not None
        by_class = point.gradients.reshape(len(u), count, n, -1)
        gradients, missing = mixed_gradients(classes, u, by_class, shares)
        q = eta.shape[-1]
        motion = classes.spread_slopes(point.motion.reshape(len(u), count, n * q, -1))
        complete = classes.spread_information(point.information.reshape(len(u), count, *point.information.shape[1:]))
        first = classes.first_probability
        complete[:, first:, first:] += classes.information(u, n)
        return replace(
            mixed, gradients=gradients, gradient=gradients.sum(1), motion=motion.reshape(len(u), count * n, q, -1),
            information=_metric(complete, missing),
        )  # fmt: skip

    def elsewhere(self, u: Array, eta: Array, *, seed: int, restarts: int) -> tuple[Array, Mask]:
        """The modes of one guess in every class, sought from many places: see `modes.elsewhere`."""
        parts = eta.reshape(self.classes.count, self.subjects.count, -1)
        found = [
            self.alone.elsewhere(v, part, seed=seed, restarts=restarts)
            for v, part in zip(self.classes.of(u), parts, strict=True)
        ]
        return np.concatenate([modes for modes, _ in found]), np.concatenate([moved for _, moved in found])


AnyApproximation = Approximation | ClassApproximation


def approximation_of(subjects: Subjects, kind: Kind) -> AnyApproximation:
    """The objective function of the subjects of a fit, with or without a mixture."""
    if subjects.classes is None:
        return Approximation(subjects, kind)
    return ClassApproximation(subjects, subjects.classes, kind)


def modes_of(subjects: Subjects) -> Array:
    """Random effects of 0 as searches begin with them, (subjects, q) or (classes x subjects, q)."""
    count = 1 if subjects.classes is None else subjects.classes.count
    return np.zeros((count * subjects.count, subjects.population.q))


def mixed_gradients(classes: Classes, u: Array, by_class: Array, shares: Array) -> tuple[Array, Array]:
    """The gradients of a mixture, and the information that is missing because classes are unknown.

    Parameters
    ----------
    by_class
        dO_k by the numbers of each class, (copies, classes, subjects, numbers of v).
    shares
        (copies, classes, subjects).

    Returns
    -------
    tuple
        (copies, subjects, nu) and (copies, nu, nu).
    """
    whole = classes.spread_slopes(by_class)
    whole[..., classes.first_probability :] -= 2 * classes.probability_slopes(u)[..., None, :]
    whole = np.where(shares[..., None] > 0, whole, 0.0)
    mean = np.einsum("cks,cksu->csu", shares, whole)
    away = (whole - mean[:, None]) * np.sqrt(shares)[..., None]
    flat = np.moveaxis(away, 1, 2).reshape(len(u), -1, classes.nu)
    return mean, 0.5 * np.swapaxes(flat, -1, -2) @ flat


def _metric(complete: Array, missing: Array) -> Array:
    """The information less what is missing, kept definite, (copies, nu, nu)."""
    if not (np.isfinite(complete).all() and np.isfinite(missing).all()):
        return complete
    values, vectors = np.linalg.eigh(0.5 * (complete + np.swapaxes(complete, -1, -2)))
    values = np.maximum(values, 1e-12 * np.maximum(values[..., -1:], 1e-300))
    root = vectors * np.sqrt(values)[..., None, :]
    back = vectors / np.sqrt(values)[..., None, :]
    share, turn = np.linalg.eigh(np.swapaxes(back, -1, -2) @ missing @ back)
    kept = root @ turn
    return np.asarray((kept * np.maximum(1 - share, LEAST)[..., None, :]) @ np.swapaxes(kept, -1, -2))


def most_probable(shares: Array, by_class: Array) -> Array:
    """What each subject has in its most probable class, (subjects, ...), of (classes x subjects, ...)."""
    count, n = shares.shape
    which: Index = shares.argmax(axis=0)
    return np.asarray(by_class.reshape(count, n, *by_class.shape[1:])[which, np.arange(n)])


def individual_modes(point: Point, shares: Array | None) -> tuple[Array, Array]:
    """The modes of one guess and the inverse of the curvature there; of a mixture in the most probable class."""
    eta, spread = point.eta[0], np.linalg.inv(point.hessian[0])
    if shares is None:
        return eta, spread
    return most_probable(shares, eta), most_probable(shares, spread)


def without_members(subjects: Subjects, u: Array) -> Mask:
    """(nu,): the numbers of classes of which less than half a subject is expected, and which no data determine."""
    numbers = subjects.numbers
    nothing = np.zeros(numbers.nu, dtype=bool)
    return nothing if subjects.classes is None else subjects.classes.without_members(u, subjects.count)
