"""Sampling importance resampling: how certain estimates are, without a quadratic approximation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.streams import check_seed
from pkpd.errors import FitError
from pkpd.fitting.mixed.mixing import approximation_of, modes_of
from pkpd.fitting.mixed.natural import natural
from pkpd.fitting.mixed.priors import penalty_of
from pkpd.fitting.mixed.results import MixedFit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Resampled", "sir"]

AT_ONCE = 20_000  # members of one call


@dataclass(frozen=True, eq=False)
class Resampled:
    """Vectors of estimates, resampled by their likelihood.

    Attributes
    ----------
    table
        A row for each vector, the estimates by label.
    effective
        How many independent vectors the sample is worth.
    """

    table: pd.DataFrame
    effective: float

    def interval(self, confidence: float = 0.95) -> pd.DataFrame:
        """By label the median, the standard deviation and the percentile interval."""
        import pandas as pd

        if not 0 < confidence < 1:
            raise FitError(f"sir: confidence is {confidence!r}; expected a number between 0 and 1.")
        tail = (1 - confidence) / 2
        table = self.table
        return pd.DataFrame(
            {"median": table.median(), "sd": table.std(), "low": table.quantile(tail), "high": table.quantile(1 - tail)}
        )


def sir(
    fit: MixedFit, samples: int = 1000, resamples: int = 500, *, seed: int = 0, inflation: float = 1.2
) -> Resampled:
    """Draw vectors of estimates from their covariance, weigh them by the likelihood, and draw of them anew.

    Parameters
    ----------
    fit
        By FO, FOCE, FOCEI or Laplace, with a covariance.
    samples, resamples
        How many vectors are drawn, and how many of them are kept, without replacement.
    inflation
        By which the standard deviations of the drawing exceed those of the fit.

    Returns
    -------
    Resampled

    Raises
    ------
    FitError
        If the fit has no covariance, or its objective is not that of an approximation.

    References
    ----------
    Dosne AG, Bergstrand M, Harling K, Karlsson MO. Improving the estimation of parameter uncertainty
    distributions in nonlinear mixed effects models using sampling importance resampling.
    J Pharmacokinet Pharmacodyn 43:583-596 (2016).
    """
    _check(fit, samples, resamples)
    check_seed(seed)
    assert fit.certainty is not None
    free = fit.certainty.free
    covariance = fit.certainty.covariance(fit.options.covariance or "R")[np.ix_(free, free)]
    if not np.isfinite(covariance).all():
        raise FitError(f"sir: {fit.certainty.missing(fit.options.covariance or 'R')}")
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((samples, int(free.sum())))
    u = np.repeat(fit.u[None], samples, axis=0)
    u[:, free] += inflation * z @ np.linalg.cholesky(covariance).T
    log_weight = -0.5 * _objective(fit, u) + 0.5 * (z**2).sum(axis=1)
    log_weight = np.where(np.isfinite(log_weight), log_weight, -np.inf)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    # Of Gumbel's noise on the logarithms the largest are a draw without replacement.
    with np.errstate(divide="ignore"):
        order = np.argsort(-(np.log(weight) + rng.gumbel(size=samples)))[:resamples]
    return Resampled(_table(fit, u[order]), float(1 / (weight**2).sum()))


def _table(fit: MixedFit, u: Array) -> pd.DataFrame:
    import pandas as pd

    numbers = fit.subjects.numbers
    table = pd.DataFrame(natural(numbers, u), columns=list(numbers.labels))
    return table[[label for label, free in zip(numbers.labels, numbers.free, strict=True) if free]]


def _objective(fit: MixedFit, u: Array) -> Array:
    """The objective of each vector with its modes, as many at once as fit into an ensemble."""
    kind: Any = fit.method
    approximation, penalty = approximation_of(fit.subjects, kind), penalty_of(fit.statement, fit.subjects.numbers)
    together = max(1, AT_ONCE // fit.n_subjects)
    values = []
    for first in range(0, len(u), together):
        part = u[first : first + together]
        eta = np.repeat(_modes(fit)[None], len(part), axis=0)
        values.append(approximation.evaluate(part, eta, gradient=False, tol=1e-8).value)
    objective = np.concatenate(values)
    return objective if penalty is None else objective + np.array([penalty(one)[0] for one in u])


def _modes(fit: MixedFit) -> Array:
    """Where the modes are sought from; those of a mixture in other classes than the most probable are found anew."""
    return fit.eta if fit.subjects.classes is None else modes_of(fit.subjects)


def _check(fit: Any, samples: Any, resamples: Any) -> None:
    if not isinstance(fit, MixedFit):
        raise FitError(f"sir() got {fit!r}; expected the result of a fit of a mixed-effects model.")
    if fit.method in ("saem", "importance"):
        raise FitError(
            f"sir: this fit is by {fit.method}, whose likelihood is itself sampled; fit with method='focei', start= it."
        )
    if fit.certainty is None:
        raise FitError(f"sir: this fit of {fit.statement.model.name} has no covariance; fit with covariance='R'.")
    for what, count in (("samples", samples), ("resamples", resamples)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 2:
            raise FitError(f"sir: {what} is {count!r}; expected a whole number of 2 or more.")
    if resamples > samples:
        raise FitError(f"sir: resamples is {resamples}, more than the {samples} samples that they are drawn from.")
