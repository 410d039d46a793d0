"""Residuals of a mixed-effects fit: of the population and of individuals, weighted and by simulation.

References
----------
Hooker AC, Staatz CE, Karlsson MO. Conditional weighted residuals (CWRES): a model diagnostic for
the FOCE method. Pharm Res 24:2187-2197 (2007).
Brendel K, Comets E, Laffont C, Laveille C, Mentre F. Metrics for external model evaluation with an
application to the population pharmacokinetics of gliclazide. Pharm Res 23:2036-2049 (2006).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.fitting.likelihoods import KnownSd, NormalError
from pkpd.fitting.mixed.linearized import Linearized, linearized
from pkpd.fitting.mixed.replicates import replicates
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.fitting.outcomes import Binomial, Poisson

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["average_predictions", "npde", "residual_table"]


def residual_table(subjects: Subjects, u: Array, eta: Array, records_time: Array, which: Index) -> pd.DataFrame:
    """A row for each observation, in the order of the data: see `MixedFit.residuals`.

    Parameters
    ----------
    which
        (subjects,): the number of the class of each.
    """
    import pandas as pd

    seen = subjects.observations
    typical = subjects.channels(subjects.phi(u, np.zeros_like(eta)[None], which))
    own = subjects.channels(subjects.phi(u, eta[None], which))
    conditional = _conditional(subjects, u, eta, which)
    order = seen.order
    subject, _ = np.divmod(order, seen.shape[1])
    value, censored, output = (np.empty(seen.mask.size, dtype=kind) for kind in (float, np.int64, object))
    for e in seen.endpoints:
        value[e.places], censored[e.places], output[e.places] = e.observed.value, e.observed.censored, e.output

    def column(padded: Any) -> Any:
        return padded.reshape(-1)[order]

    measured = censored[order] == 0
    weighted = np.where(measured, column(seen.standardized(own)[0]), np.nan)
    return pd.DataFrame(
        {
            "subject": [subjects.names[i] for i in subject],
            "time": records_time[column(seen.rows[..., 0])],
            "output": output[order],
            "observed": value[order],
            "measured": measured,
            "pred": column(typical[0, ..., 0]),
            "ipred": column(own[0, ..., 0]),
            "iwres": weighted,
            "cwres": column(conditional),
        }
    )


def average_predictions(subjects: Subjects, u: Array) -> Array:
    """Predictions of the typical subject, in the order of the data: of a mixture the mean over its classes."""
    seen, classes = subjects.observations, subjects.classes
    share = np.ones(1) if classes is None else np.exp(classes.log_probabilities(u))
    beta, _ = subjects.population.split(subjects.class_vectors(u))
    nothing = np.zeros((len(beta), subjects.count, subjects.population.q))
    typical = subjects.channels(subjects.population.phi(beta, nothing))[..., 0]
    return np.asarray(np.einsum("k,ksn->sn", share, typical).reshape(-1)[seen.order])


def _normal_places(subjects: Subjects) -> Mask:
    """(subjects, width): measured values with a normal error."""
    seen = subjects.observations
    normal = np.zeros(seen.mask.size, dtype=bool)
    for e in seen.endpoints:
        if isinstance(e.likelihood, NormalError | KnownSd):
            normal[e.places] = e.observed.censored == 0
    return normal.reshape(seen.shape)


def _conditional(subjects: Subjects, u: Array, eta: Array, which: Index) -> Array:
    """V^-1/2 (y - f(eta) + D eta) with V = D Omega D' + R(eta), by subject; NaN where no normal value was measured.

    R has the correlations of errors that depend on others.
    """
    population, kept = subjects.population, _normal_places(subjects)
    beta, l = population.split(subjects.class_vectors(u))
    model = linearized(subjects, beta, np.repeat(eta[None], len(beta), axis=0))
    own = which, np.arange(subjects.count)
    slopes = np.where(kept[..., None], np.nan_to_num(model.slopes[own]), 0.0)
    residual = np.where(kept, np.nan_to_num(model.residual[own]), 0.0) + np.einsum("snq,sq->sn", slopes, eta)
    variance = np.where(kept, np.nan_to_num(model.variance[own], nan=1.0), 1.0)
    correlation = None if model.correlation is None else model.correlation[own][:, None]
    seen = Linearized(residual[:, None], slopes[:, None], variance[:, None], correlation)
    covariance = seen.covariance(population.omega(l)[which])[:, 0]
    values, vectors = np.linalg.eigh(covariance)
    turned = np.einsum("sab,sa->sb", vectors, residual) / np.sqrt(values)
    return np.where(kept, np.einsum("sab,sb->sa", vectors, turned), np.nan)


def npde(subjects: Subjects, u: Array, n: int, seed: int) -> tuple[Array, Array]:
    """Normalized prediction distribution errors and prediction discrepancies, in the order of the data.

    Parameters
    ----------
    n
        How many times the trial is simulated.
    """
    from scipy.special import ndtri

    seen = subjects.observations
    drawn = replicates(subjects, u, n, seed)
    observed = np.full(seen.mask.size, np.nan)
    jitter = np.random.default_rng([seed, 1])
    for e in seen.endpoints:
        observed[e.places] = np.where(e.observed.censored == 0, e.observed.value, np.nan)
        if isinstance(e.likelihood, Binomial | Poisson):  # as if continuous: whole numbers would tie
            whole = np.zeros(drawn.shape[1:], dtype=bool)
            whole.reshape(-1)[e.places] = True
            observed[e.places] += jitter.uniform(-0.5, 0.5, len(e.places))
            drawn[:, whole] += jitter.uniform(-0.5, 0.5, (n, len(e.places)))
    observed = observed.reshape(seen.shape)
    errors, discrepancies = np.full(seen.shape, np.nan), np.full(seen.shape, np.nan)
    for s in range(subjects.count):
        at = np.flatnonzero(np.isfinite(observed[s]))
        sample = drawn[:, s, at]
        sample = sample[np.isfinite(sample).all(axis=1)]
        if not len(at) or len(sample) <= len(at) + 1:
            continue
        factor = np.linalg.cholesky(np.atleast_2d(np.cov(sample, rowvar=False)))
        mean = sample.mean(axis=0)
        simulated = np.linalg.solve(factor, (sample - mean).T).T
        own = np.linalg.solve(factor, observed[s, at] - mean)
        errors[s, at] = ndtri(_rank(simulated < own))
        discrepancies[s, at] = _rank(sample < observed[s, at])
    return errors.reshape(-1)[seen.order], discrepancies.reshape(-1)[seen.order]


def _rank(below: Mask) -> Array:
    """The share of simulated values below, never 0 or 1."""
    n = len(below)
    return np.asarray(np.clip(below.mean(axis=0), 0.5 / n, 1 - 0.5 / n))
