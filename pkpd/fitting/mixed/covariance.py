"""How certain population parameters are: the matrices R and S, their inverses and the sandwich of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import FitError
from pkpd.fitting.mixed.classes import Numbers
from pkpd.fitting.mixed.conditional import Point
from pkpd.fitting.mixed.mixing import AnyApproximation
from pkpd.fitting.mixed.natural import natural_slopes
from pkpd.fitting.mixed.searching import Penalty

__all__ = ["Certainty", "CovarianceKind", "bend_of", "certainty"]

CovarianceKind = Literal["R", "S", "sandwich"]

STEP = 1e-3  # of u, for central differences of gradients
STRONG = 0.95  # correlations from here on are named


@dataclass(frozen=True, eq=False)
class Certainty:
    """The uncertainty of u at the end of a search.

    Attributes
    ----------
    population
        Whose labels these are.
    u
        (nu,).
    free
        (nu,): what was estimated, without what stands at its floor.
    r, s
        (free, free): half the Hessian of the objective, and the sum of the squares of half the
        subjects' gradients.
    """

    population: Numbers
    u: Array
    free: Mask
    r: Array
    s: Array

    def covariance(self, kind: CovarianceKind) -> Array:
        """The covariance of u, (nu, nu): NaN for what was not estimated, or where a matrix has no inverse."""
        if kind not in get_args(CovarianceKind):
            raise FitError(f"covariance is {kind!r}; expected 'R', 'S' or 'sandwich'.")
        whole = np.full((len(self.u), len(self.u)), np.nan)
        inverse = self._inverse(self.s if kind == "S" else self.r)
        if kind == "sandwich":
            inverse = inverse @ self.s @ inverse
        whole[np.ix_(self.free, self.free)] = inverse
        return whole

    def natural(self, kind: CovarianceKind) -> Array:
        """The covariance of the estimates as one reads them, by the delta method."""
        slopes = natural_slopes(self.population, self.u)
        filled = np.nan_to_num(self.covariance(kind))
        whole = slopes @ filled @ slopes.T
        missing = ~self.free | ~np.isfinite(np.diag(self.covariance(kind)))
        whole[missing] = np.nan
        whole[:, missing] = np.nan
        return np.asarray(whole)

    def missing(self, kind: CovarianceKind) -> str:
        """Why there is no covariance; empty where there is one."""
        matrix, name = (self.s, "S") if kind == "S" else (self.r, "R")
        if not np.isfinite(matrix).all():
            return f"The matrix {name} has no value: a solution near the estimates failed; no standard errors by it."
        values, vectors = np.linalg.eigh(_scaled(matrix))
        if values[0] > 1e-12 * values[-1] and np.isfinite(values).all():
            return ""
        labels = np.array(self.population.labels)[self.free]
        share = np.abs(vectors[:, 0])
        guilty = [str(labels[i]) for i in np.argsort(-share)[:3] if share[i] > 0.1 * share.max()]
        lacking = f"do not tell {' and '.join(guilty)} apart" if len(guilty) > 1 else f"say nothing of {guilty[0]}"
        return (
            f"The matrix {name} is not positive definite: the data {lacking} (its least eigenvalue, scaled, is "
            f"{values[0]:.2g}); no standard errors by it."
        )

    def condition_number(self, kind: CovarianceKind) -> float:
        """The ratio of the largest to the least eigenvalue of the correlation of the estimates."""
        covariance = self.natural(kind)[np.ix_(self.free, self.free)]
        if not np.isfinite(covariance).all():
            return np.nan
        sd = np.sqrt(np.diag(covariance))
        values = np.linalg.eigvalsh(covariance / np.outer(sd, sd))
        return float(values[-1] / max(values[0], 1e-300))

    def confounded(self, kind: CovarianceKind) -> list[tuple[str, str, float]]:
        """The pairs of estimates that are strongly correlated."""
        covariance = self.natural(kind)
        labels, sd = self.population.labels, np.sqrt(np.diag(covariance))
        pairs = []
        for i, j in zip(*np.tril_indices(len(labels), -1), strict=True):
            with np.errstate(all="ignore"):
                correlation = covariance[i, j] / (sd[i] * sd[j])
            if abs(correlation) >= STRONG:
                pairs.append((labels[j], labels[i], float(correlation)))
        return pairs

    def _inverse(self, matrix: Array) -> Array:
        try:
            np.linalg.cholesky(matrix)
            return np.asarray(np.linalg.inv(matrix))
        except np.linalg.LinAlgError:
            return np.full_like(matrix, np.nan)


def _scaled(matrix: Array) -> Array:
    size = np.sqrt(np.abs(np.diag(matrix)))
    size = np.where(size > 0, size, 1.0)
    return np.asarray(np.nan_to_num(matrix / np.outer(size, size)))


def bend_of(penalty: Penalty, u: Array, where: Index) -> Array:
    """The second derivatives of priors by the numbers of u at `where`, that of their scale among them."""
    steps = np.zeros((len(where), len(u)))
    steps[np.arange(len(where)), where] = STEP
    rows = [(penalty(u + step)[1] - penalty(u - step)[1])[where] / (2 * STEP) for step in steps]
    bend = np.stack(rows)
    return np.asarray(0.5 * (bend + bend.T))


def certainty(approximation: AnyApproximation, point: Point, free: Mask, penalty: Penalty | None = None) -> Certainty:
    """From the gradients at points about the end of a search, all in one ensemble.

    Parameters
    ----------
    free
        (nu,): what was estimated and does not stand at its floor.
    penalty
        -2 ln of priors, whose curvature counts too.
    """
    population, where = approximation.subjects.numbers, np.flatnonzero(free)
    u, k = point.u[0], len(where)
    assert point.motion is not None
    assert point.gradients is not None
    steps = np.zeros((2, k, len(u)))
    steps[0, np.arange(k), where] = STEP
    steps[1] = -steps[0]
    guesses = (u + steps).reshape(2 * k, -1)
    eta = point.eta + np.einsum("squ,ku->ksq", point.motion[0], guesses - u)
    around = approximation.evaluate(guesses, eta, tol=1e-12)
    assert around.gradient is not None
    gradient = around.gradient[:, where]
    with np.errstate(invalid="ignore"):  # a neighbor that failed leaves no matrix
        hessian = (gradient[:k] - gradient[k:]) / (2 * STEP)
    if penalty is not None:
        hessian = hessian + bend_of(penalty, u, where)
    half = 0.5 * point.gradients[0][:, where]
    return Certainty(population, u, free, 0.25 * (hessian + hessian.T), half.T @ half)
