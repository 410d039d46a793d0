"""Draws from the posterior of a fit, by emcee; convergence by arviz."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.streams import check_seed
from pkpd.errors import FitError
from pkpd.fitting.multistart import several_optima
from pkpd.fitting.results import Fit
from pkpd.fitting.shapes import (
    Interval,
    combinations,
    combinations_in_words,
    interval_table,
    limits,
    percentile_interval,
)
from pkpd.fitting.thresholds import check_confidence
from pkpd.fitting.walkers import FEWEST, Density, extra, sampled, scattered
from pkpd.solvers.problem import Progress

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Posterior", "sample_posterior"]

CONVERGED = 1.05  # of R-hat
ENOUGH = 200.0  # of effective draws, for the ends of a 95 % interval
AT_BOUND = float(np.exp(-3.841458820694124 / 2))  # of the highest density: as much as at the ends of a profile
BINS = 20  # of a range between two bounds


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """The result of `sample_posterior`; frozen.

    Attributes
    ----------
    fit
        Whose posterior this is.
    x
        (walkers, draws, coordinates): on the scale of the search, after the warm-up.
    log_posterior
        (walkers, draws): up to a constant, of the density on the scale of the search.
    acceptance
        The mean share of proposals that were accepted.
    warmup, seed
        Steps before the draws, and what the random numbers follow from.
    undetermined
        What the data do not tell apart near the estimates, by label; a label alone has no effect.
    interrupted
        Whether Ctrl-C ended the sampling.
    """

    fit: Fit
    x: Array
    log_posterior: Array
    acceptance: float
    warmup: int
    seed: int
    undetermined: tuple[tuple[str, ...], ...]
    interrupted: bool = False

    @property
    def draws(self) -> Array:
        """All draws as rows on the scale of the search, (walkers*draws, coordinates)."""
        return self.x.reshape(-1, self.x.shape[-1])

    @property
    def dataset(self) -> xr.Dataset:
        """The draws by ``chain`` (a walker each) and ``draw``, in the parameters' units: what arviz takes."""
        import xarray as xr

        values = {
            c.label: (("chain", "draw"), c.natural(self.x[..., i]), {"units": c.unit})
            for i, c in enumerate(self.fit.coordinates)
        }
        chains, draws = self.x.shape[:2]
        return xr.Dataset(values, {"chain": np.arange(chains), "draw": np.arange(draws)})

    @property
    def table(self) -> pd.DataFrame:
        """A row for each draw: chain, draw, the parameters in their units, log_posterior."""
        import pandas as pd

        chains, draws = self.x.shape[:2]
        columns = {"chain": np.repeat(np.arange(chains), draws), "draw": np.tile(np.arange(draws), chains)}
        values = {c.label: c.natural(self.draws[:, i]) for i, c in enumerate(self.fit.coordinates)}
        return pd.DataFrame({**columns, **values, "log_posterior": self.log_posterior.reshape(-1)})

    @cached_property
    def _diagnostics(self) -> tuple[Array, Array, Array]:
        """R-hat, and the effective number of draws in the bulk and in the tails, (coordinates,) each."""
        az = extra("arviz")
        each = [np.ascontiguousarray(self.x[..., i]) for i in range(self.x.shape[-1])]
        r_hat = np.array([float(az.rhat(x)) for x in each])
        bulk = np.array([float(az.ess(x, method="bulk")) for x in each])
        return r_hat, bulk, np.array([float(az.ess(x, method="tail")) for x in each])

    @property
    def converged(self) -> bool:
        """Whether R-hat is at most 1.05 and the effective number of draws at least 200, for all parameters."""
        r_hat, bulk, tail = self._diagnostics
        return bool((r_hat <= CONVERGED).all() and (np.minimum(bulk, tail) >= ENOUGH).all())

    def intervals(self, confidence: float = 0.95) -> pd.DataFrame:
        """Credible intervals between quantiles of equal tails: estimate (median), ci_low, ci_high, unit, shape.

        A side is open where the density at the bound is 0.147 of the highest or more, which is
        where a profile would end; a parameter without a bound has one at 1000 times its median or a
        1000th of it on a log scale, and at 100 times its size otherwise.
        """
        table: pd.DataFrame = interval_table(self._intervals(confidence))
        return table

    def summary(self, confidence: float = 0.95) -> pd.DataFrame:
        """By parameter: mean, sd, median, ci_low, ci_high in its unit; r_hat, ess_bulk, ess_tail, unit, shape."""
        intervals = self.intervals(confidence)
        draws = self.table[list(intervals.index)]
        r_hat, bulk, tail = self._diagnostics
        front = {"mean": draws.mean(), "sd": draws.std(ddof=1), "median": intervals.pop("estimate")}
        table = intervals.assign(**front, r_hat=r_hat, ess_bulk=bulk, ess_tail=tail)
        return table[["mean", "sd", "median", "ci_low", "ci_high", "r_hat", "ess_bulk", "ess_tail", "unit", "shape"]]

    def _intervals(self, confidence: float) -> list[Interval]:
        check_confidence(confidence)
        low, middle, high = np.quantile(self.draws, [(1 - confidence) / 2, 0.5, (1 + confidence) / 2], axis=0)
        intervals = []
        for i, c in enumerate(self.fit.coordinates):
            piled_low, piled_high = self._piled(i)
            a, b = (-np.inf if piled_low else float(low[i])), (np.inf if piled_high else float(high[i]))
            intervals.append(percentile_interval(c, float(middle[i]), a, b))
        return intervals

    def _piled(self, i: int) -> tuple[bool, bool]:
        """Whether the density is high at the lower and at the upper limit of a coordinate."""
        c, x = self.fit.coordinates[i], self.draws[:, i]
        counts, _ = np.histogram(x, bins=BINS, range=limits(c, float(np.median(x))))
        high = counts >= AT_BOUND * counts.max()
        return bool(high[0]), bool(high[-1])

    def report(self, confidence: float = 0.95) -> str:
        """The intervals in words, how far the sampling converged, and what is not determined."""
        r_hat, bulk, tail = self._diagnostics
        walkers, draws = self.x.shape[:2]
        worst = self.fit.coordinates[int(np.argmax(r_hat))].label
        first = (
            f"Posterior, {walkers} walkers of {draws} draws; acceptance {self.acceptance:.2f}; R-hat at most "
            f"{r_hat.max():.3f} ({worst}); effective draws {min(bulk.min(), tail.min()):.0f} or more."
        )
        not_yet = [
            f"The sampling has not converged: R-hat should be at most {CONVERGED:g} and effective draws {ENOUGH:g}."
        ]
        intervals = [interval.sentence(confidence) for interval in self._intervals(confidence)]
        mixed = combinations_in_words(self.undetermined)
        why = [f"{mixed} Priors and bounds decide the rest."] if mixed else []
        why += several_optima(self.fit)
        return "\n".join([first, *([] if self.converged else not_yet), *intervals, *why])

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        walkers, draws = self.x.shape[:2]
        labels = ", ".join(c.label for c in self.fit.coordinates)
        return f"<Posterior of {self.fit.model.name}: {walkers} walkers of {draws} draws of {labels}>"


def sample_posterior(
    fit: Fit,
    draws: int = 1000,
    *,
    warmup: int = 500,
    walkers: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Posterior:
    """Draw from the posterior of a fit by emcee's ensemble sampler, all walkers of a move as one ensemble.

    The moves are those of differential evolution, one in ten from mode to mode.

    A parameter with a prior has that prior, in its own unit; on a log scale the density is
    multiplied by the parameter, as the change of variables demands.  One without a prior is uniform
    within its bounds on the scale of its search: uniform in the logarithm on a log scale, and so
    are the numbers of error models.  Where the standard deviations are known up to one common
    factor, the factor is integrated out under the prior 1/sigma.

    Parameters
    ----------
    fit
        The result of `pkpd.fit`; the walkers begin around its estimates.
    draws, warmup
        Steps of each walker that are kept, and steps before them that are not.
    walkers
        An even number, more than twice that of the parameters; 4 for each parameter and at least
        32 by default.
    seed
        A whole number.
    progress
        Called with the number of steps done and of all.

    Returns
    -------
    Posterior
        With `summary()`, whose R-hat and effective numbers of draws take the walkers for chains, as
        ``arviz.from_emcee`` does.

    Raises
    ------
    MissingExtraError
        If emcee or arviz is not installed: ``pip install 'pkpd[bayes]'``.
    FitError
        If a number is out of range, or no walker can begin.

    References
    ----------
    Foreman-Mackey D et al. emcee: the MCMC hammer. PASP 125:306-312 (2013).  ter Braak CJF. A
    Markov chain Monte Carlo version of the genetic algorithm differential evolution. Stat Comput
    16:239-249 (2006).  Vehtari A et al.
    Rank-normalization, folding, and localization: an improved R-hat. Bayesian Analysis
    16:667-718 (2021).

    Examples
    --------
    >>> import pandas as pd, pkpd
    >>> rows = {"arm": "a", "time": [1.0, 2.0, 5.0, 10.0], "output": "C", "value": [9.2, 8.1, 6.1, 3.6], "sd": 0.2}
    >>> data = pkpd.read_observations(pd.DataFrame(rows), {"a": pkpd.bolus(100, "iv")})
    >>> wanted = {"CL": pkpd.free(0.5, log=True), "V": pkpd.free(8, log=True)}
    >>> result = pkpd.fit(pkpd.load("pk_1cmt"), data, wanted)
    >>> pkpd.sample_posterior(result, 20, warmup=10).x.shape
    (32, 20, 2)
    """
    if not isinstance(fit, Fit):
        raise FitError(f"sample_posterior() got {fit!r}; expected what pkpd.fit() returns.")
    k = len(fit.coordinates)
    count = max(32, 4 * k) if walkers is None else walkers
    _check(draws=draws, warmup=warmup, walkers=count)
    if count % 2 or count <= 2 * k:
        raise FitError(f"sample_posterior: walkers is {count}; expected an even number of more than {2 * k}.")
    check_seed(seed)
    emcee = extra("emcee")
    extra("arviz")
    density = Density(fit.objective)
    begin = scattered(density, np.array(fit.x), count, np.random.default_rng(seed))
    sampler = emcee.EnsembleSampler(
        count, k, density, vectorize=True, moves=[(emcee.moves.DEMove(), 0.9), (emcee.moves.DEMove(gamma0=1.0), 0.1)]
    )
    state = emcee.State(begin, random_state=np.random.RandomState(seed % 2**32).get_state())
    interrupted = sampled(sampler, state, warmup + draws, progress)
    chain, values = sampler.get_chain(), sampler.get_log_prob()  # (steps, walkers, ...)
    kept = slice(warmup if len(chain) > warmup + FEWEST else len(chain) // 2, None)  # the latter if interrupted
    return Posterior(
        fit=fit,
        x=np.ascontiguousarray(chain[kept].transpose(1, 0, 2)),
        log_posterior=np.ascontiguousarray(values[kept].T),
        acceptance=float(np.mean(sampler.acceptance_fraction)),
        warmup=warmup,
        seed=int(seed),
        undetermined=combinations(fit.objective, np.array(fit.x)),
        interrupted=interrupted,
    )


def _check(**numbers: Any) -> None:
    for name, value in numbers.items():
        lowest = FEWEST if name == "draws" else 0
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < lowest:
            raise FitError(f"sample_posterior: {name} is {value!r}; expected a whole number of {lowest} or more.")
