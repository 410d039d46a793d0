"""Draws of the parameters of a fit: by its covariance, from its bootstrap, from its posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError
from pkpd.fitting.bootstrap import Bootstrap
from pkpd.fitting.posterior import Posterior
from pkpd.fitting.results import Fit

__all__ = ["Draws", "parameter_draws"]


@dataclass(frozen=True, eq=False)
class Draws:
    """Parameters that the data do not rule out, and the errors of observations to come.

    Attributes
    ----------
    x
        (draws, coordinates): on the scale of the search.
    sigma
        (draws,): the common factor of the standard deviations, where it is estimated.
    scores
        (draws,): standard normal numbers, one for the error of an observation.
    """

    fit: Fit
    x: Array
    sigma: Array
    scores: Array


def parameter_draws(source: Fit | Bootstrap | Posterior, n: int, seed: int) -> Draws:
    """`n` draws, rounded up to a power of two, by the covariance of a fit; up to `n` of a bootstrap or a posterior.

    By the covariance they are normal on the scale of the search, a scrambled Sobol sequence, and within the bounds;
    Student's t where a common factor of the standard deviations is estimated.

    Raises
    ------
    FitError
        If the fit has no covariance, or nothing is left to draw from.
    """
    if isinstance(source, Fit):
        return _by_covariance(source, n, seed)
    rng = np.random.default_rng(seed)
    if isinstance(source, Bootstrap):
        x = source.x[source.success][:n]
        if not len(x):
            raise FitError(f"bands: all {len(source)} replicates of the bootstrap failed.")
        return Draws(source.fit, x, np.full(len(x), _sigma(source.fit)), _stratified(len(x), rng))
    if isinstance(source, Posterior):
        x = source.draws[rng.choice(len(source.draws), size=min(n, len(source.draws)), replace=False)]
        return Draws(source.fit, x, _sigma_given(source.fit, x, rng), _stratified(len(x), rng))
    raise FitError(f"bands: got {source!r}; expected what fit(), bootstrap() or sample_posterior() returns.")


def _by_covariance(fit: Fit, n: int, seed: int) -> Draws:
    from scipy.special import ndtri
    from scipy.stats import chi2, qmc

    known = np.isfinite(np.diag(fit.covariance_x))
    if not known.any():
        raise FitError(f"bands: the fit has no covariance. {fit.covariance_missing}")
    cube = qmc.Sobol(len(fit.x) + 2, rng=np.random.default_rng(seed)).random_base2(max(int(np.ceil(np.log2(n))), 4))
    cube = np.clip(cube, 2.0**-31, 1 - 2.0**-31)
    values, vectors = np.linalg.eigh(fit.covariance_x[np.ix_(known, known)])
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    wider = np.ones(len(cube))
    if fit.objective.relative:
        wider = np.sqrt(fit.degrees_of_freedom / chi2.ppf(cube[:, -1], fit.degrees_of_freedom))
    x = np.tile(fit.x, (len(cube), 1))
    x[:, known] += wider[:, None] * (ndtri(cube[:, : known.sum()]) @ root.T)
    sigma = _sigma(fit) * wider
    return Draws(fit, np.clip(x, fit.objective.lower, fit.objective.upper), sigma, ndtri(cube[:, -2]))


def _sigma(fit: Fit) -> float:
    """The estimate of the common factor of the standard deviations; 1 where they are known."""
    return float(np.sqrt(fit.reduced_chi_square)) if fit.objective.relative else 1.0


def _sigma_given(fit: Fit, x: Array, rng: np.random.Generator) -> Array:
    """The common factor drawn given the parameters, (draws,), under the prior 1/sigma."""
    if not fit.objective.relative:
        return np.ones(len(x))
    squares = (fit.objective.residuals(x) ** 2).sum(axis=1)
    return np.asarray(np.sqrt(squares / rng.chisquare(len(fit.data), size=len(x))))


def _stratified(n: int, rng: np.random.Generator) -> Array:
    """Normal numbers, one of each of `n` parts of equal chance, in random order."""
    from scipy.special import ndtri

    return np.asarray(ndtri((rng.permutation(n) + 0.5) / n))
