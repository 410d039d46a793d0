"""What a fit of a mixed-effects model found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.ensembles.mixtures import Subpopulation
from pkpd.ensembles.streams import check_seed
from pkpd.ensembles.variability import Variability
from pkpd.errors import FitError
from pkpd.fitting.mixed.covariance import Certainty, CovarianceKind
from pkpd.fitting.mixed.estimates import estimates_table, omega_errors
from pkpd.fitting.mixed.eta_covariates import categories, covariate, eta_covariates
from pkpd.fitting.mixed.individuals import individuals, shrinkage
from pkpd.fitting.mixed.options import Estimator, Options
from pkpd.fitting.mixed.residuals import npde, residual_table
from pkpd.fitting.mixed.simulating import mixture_of, model_of, variability_of
from pkpd.fitting.mixed.starts import MixedStarts
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.records.records import Records

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Estimator", "MixedFit", "Options"]


@dataclass(frozen=True, eq=False, repr=False)
class MixedFit:
    """A fitted mixed-effects model; see `pkpd.fit`.

    Attributes
    ----------
    statement, records, options
        What was fitted to what, and how.
    subjects
        The same, settled.
    u
        (nu,): the estimates on the scale of the search.
    objective
        -2 ln L without n ln(2 pi), as NONMEM prints it: of the approximation, or by importance sampling.
    objective_error
        Its Monte Carlo standard error; 0 for an approximation.
    each
        (subjects,): the contribution of each subject.
    eta
        (subjects, q): the modes of the random effects.
    eta_covariance
        (subjects, q, q): the inverse of the curvature there.
    certainty
        How certain the estimates are; None where it was not asked for or not possible.
    converged, message, iterations, evaluations, interrupted
        How the search ended.
    floored
        (nu,): the standard deviations and time constants that went to 0 and stand at their floor.
    trace
        (iterations, nu + 1): u and the objective.
    failed
        The subjects whose integration failed at the estimates.
    starts
        Where the searches ended, if there were several.
    shares
        (classes, subjects): of a mixture the chance of each class given the observations; `eta` is
        that in the most probable one.
    """

    statement: MixedEffects
    records: Records
    options: Options
    subjects: Subjects
    u: Array
    objective: float
    each: Array
    eta: Array
    eta_covariance: Array
    certainty: Certainty | None
    converged: bool
    message: str
    iterations: int
    evaluations: int
    floored: Mask
    trace: Array
    objective_error: float = 0.0
    interrupted: bool = False
    failed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    starts: MixedStarts | None = None
    shares: Array | None = None

    # ---- numbers

    @property
    def method(self) -> Estimator:
        """How it was estimated."""
        return self.options.method

    @property
    def n_subjects(self) -> int:
        return self.subjects.count

    @property
    def n_observations(self) -> int:
        return self.subjects.observations.count

    @property
    def n_free(self) -> int:
        """How many numbers were estimated."""
        return int(self.subjects.numbers.free.sum())

    @property
    def log_likelihood(self) -> float:
        """With all constants."""
        return -0.5 * (self.objective + float(self.subjects.observations.constants.sum()))

    @property
    def aic(self) -> float:
        """2 k - 2 ln L."""
        return 2 * self.n_free - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """k ln(observations) - 2 ln L."""
        return float(self.n_free * np.log(self.n_observations) - 2 * self.log_likelihood)

    # ---- estimates

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """A row for each number: estimate, se, rse_percent, ci_low, ci_high, unit, fixed, at_floor.

        ``omega[CL]`` is the standard deviation of the eta of CL, ``correlation[CL,V]`` that of two
        etas; ``residual_correlation[C,E]`` and ``autocorrelation_time[C]`` are of residual errors.
        Intervals are of 95 %.
        """
        return estimates_table(self)

    def standard_errors(self, covariance: CovarianceKind = "R", *, log: bool = False) -> dict[str, float]:
        """The standard errors by label, by R, by S or by the sandwich of both.

        Parameters
        ----------
        log
            On the scale of the search, where positive numbers are logarithms.
        """
        certainty = self.known_certainty()
        matrix = certainty.covariance(covariance) if log else certainty.natural(covariance)
        return dict(zip(self.subjects.numbers.labels, np.sqrt(np.diag(matrix)).tolist(), strict=True))

    def covariance(self, kind: CovarianceKind = "R") -> pd.DataFrame:
        """The covariance of the estimates by R, by S, or by the sandwich R^-1 S R^-1."""
        import pandas as pd

        labels = list(self.subjects.numbers.labels)
        return pd.DataFrame(self.known_certainty().natural(kind), index=labels, columns=labels)

    def correlation(self, kind: CovarianceKind = "R") -> pd.DataFrame:
        """The correlation of the estimates."""
        covariance = self.covariance(kind)
        sd = np.sqrt(np.diag(covariance.to_numpy()))
        with np.errstate(all="ignore"):
            return covariance.div(sd, axis=0).div(sd, axis=1)

    def condition_number(self, kind: CovarianceKind = "R") -> float:
        """Of the correlation of the estimates; more than 1000 says that some can hardly be told apart."""
        return self.known_certainty().condition_number(kind)

    @cached_property
    def omega(self) -> pd.DataFrame:
        """The covariance of the etas; of a mixture that of its first class."""
        import pandas as pd

        names = list(self.eta_names)
        return pd.DataFrame(self.omegas[0], index=names, columns=names)

    def omega_standard_errors(self, kind: CovarianceKind = "R") -> pd.DataFrame:
        """Of the variances and covariances of etas, as NONMEM prints them; NaN for what is not estimated."""
        return omega_errors(self, kind)

    @property
    def eta_names(self) -> tuple[str, ...]:
        """The component that each eta acts on."""
        population = self.subjects.population
        carriers = (population.components[i] for i in population.random)
        return tuple(c.random or c.label for c in carriers)

    @property
    def omegas(self) -> Array:
        """The covariances of the etas of all classes, (classes, q, q); of one without a mixture."""
        population = self.subjects.population
        return np.asarray(population.omega(population.split(self.class_vectors)[1]))

    @property
    def class_vectors(self) -> Array:
        """(classes, numbers): u as the population model of each class takes it; one without a mixture."""
        return self.subjects.class_vectors(self.u)

    def known_certainty(self) -> Certainty:
        """How certain the estimates are.

        Raises
        ------
        FitError
            If the fit has no covariance.
        """
        if self.certainty is None:
            raise FitError(
                f"this fit of {self.statement.model.name} by {self.method} has no covariance: fit with covariance='R'."
            )
        return self.certainty

    # ---- subjects

    @cached_property
    def class_of(self) -> Index:
        """(subjects,): the number of the most probable class of each; 0 without a mixture."""
        if self.shares is None:
            return np.zeros(self.n_subjects, dtype=np.int64)
        most: Index = self.shares.argmax(axis=0)
        return most

    @cached_property
    def individuals(self) -> xr.Dataset:
        """By subject the parameters at the mode, the etas with their standard deviations, and the objective.

        Of a mixture also ``probability[slow]`` of each class, given the observations, and the most
        probable class, ``subpopulation``, in which parameters and etas are.
        """
        return individuals(self)

    @cached_property
    def shrinkage(self) -> dict[str, float]:
        """Of each eta, 1 - sd(eta)/omega; and of epsilon by output, 1 - sd(IWRES).

        Subjects without an occasion do not count for its eta.

        References
        ----------
        Savic RM, Karlsson MO. Importance of shrinkage in empirical Bayes estimates for
        diagnostics. AAPS J 11:558-569 (2009).
        """
        return shrinkage(self)

    @cached_property
    def residuals(self) -> pd.DataFrame:
        """A row for each observation: subject, time, output, observed, measured, pred, ipred, iwres, cwres.

        ``pred`` is the prediction of the typical subject with these covariates, ``ipred`` that of
        the subject; ``iwres`` the individual residual over its standard deviation, ``cwres`` the
        conditional weighted residual.  Values beyond a limit have no residual.  Errors that are
        correlated (`correlated`, `autocorrelated`) leave their correlation in ``iwres``; ``cwres``
        take it out with the whole covariance of the subject.  Of a mixture all are those of the
        subject's most probable class.

        References
        ----------
        Hooker AC, Staatz CE, Karlsson MO. Conditional weighted residuals (CWRES): a model
        diagnostic for the FOCE method. Pharm Res 24:2187-2197 (2007).
        """
        times = self.subjects.trajectories.records["TIME"]
        return residual_table(self.subjects, self.u, self.eta, times, self.class_of)

    def npde(self, n: int = 1000, seed: int = 0) -> pd.DataFrame:
        """The residuals with normalized prediction distribution errors, from `n` simulations of the trial.

        Of data that the model describes ``npde`` is standard normal, and ``pd`` uniform; counts are
        spread evenly about their whole numbers for that.  The classes of a mixture are drawn by their
        probabilities.

        References
        ----------
        Brendel K, Comets E, Laffont C, Laveille C, Mentre F. Metrics for external model evaluation
        with an application to the population pharmacokinetics of gliclazide. Pharm Res
        23:2036-2049 (2006).
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 100:
            raise FitError(f"npde: n is {n!r}; expected 100 simulations or more.")
        check_seed(seed)
        errors, discrepancies = npde(self.subjects, self.u, n, seed)
        return self.residuals.assign(npde=errors, pd=discrepancies)

    def covariate(self, name: str) -> Array:
        """A column of the records at the first record of each subject, (subjects,); a text by its code."""
        return covariate(self, name)

    def categories(self, name: str) -> list[str]:
        """What the codes of a column of text stand for, 0 first; none where the column has numbers."""
        return categories(self, name)

    def eta_covariates(self) -> pd.DataFrame:
        """How random effects hang together with the columns of the records: eta, covariate, correlation, p.

        The strongest first; columns that do not vary between subjects, or are not known of all, are
        left out.  Of a text with more than two categories `correlation` is the correlation ratio, and p
        that of an analysis of variance: their codes have no order.
        """
        return eta_covariates(self)

    # ---- the same language to simulate

    @cached_property
    def variability(self) -> Variability:
        """The estimated variability, as `pkpd.population` takes it with `model`; of a mixture its first class's."""
        return variability_of(self)

    @cached_property
    def mixture(self) -> Mapping[str, Subpopulation] | None:
        """The estimated subpopulations, as `pkpd.population` takes them with `model` and `variability`."""
        return mixture_of(self)

    @cached_property
    def model(self) -> Any:
        """The structural model with the typical values for defaults; of a mixture those of its first class."""
        return model_of(self)

    # ---- text

    def report(self) -> str:
        """The fit as text."""
        from pkpd.fitting.mixed.reports import report

        return report(self)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        state = "converged" if self.converged else "did not converge"
        return f"<MixedFit {self.statement.model.name} by {self.method}: objective {self.objective:.4f}, {state}>"
