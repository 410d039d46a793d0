"""What a fit of a mixed-effects model found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.ensembles.box_cox import BoxCox
from pkpd.ensembles.correlated import block
from pkpd.ensembles.marginals import TransformedNormal
from pkpd.ensembles.streams import check_seed
from pkpd.ensembles.variability import Variability
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.mixed.covariance import Certainty, CovarianceKind
from pkpd.fitting.mixed.natural import interval, natural
from pkpd.fitting.mixed.residuals import npde, residual_table
from pkpd.fitting.mixed.starts import MixedStarts
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.records.records import Records

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Estimator", "MixedFit", "Options"]

Estimator = Literal["fo", "foce", "focei", "laplace", "saem", "importance"]

CONFIDENCE = 1.959963984540054


@dataclass(frozen=True)
class Options:
    """How a mixed-effects model was estimated, so that it can be done again.

    Attributes
    ----------
    outputs, blq, solver
        As for `pkpd.fit`.
    covariance
        Which matrix standard errors come from; None for none.
    restarts
        How many draws of the random effects the modes of each subject are also sought from.
    iterations
        The most iterations of a search; of SAEM those of its first and second phase.
    chains
        Of SAEM for each subject; by default so many that there are 50 or more in all.
    samples
        The points of importance sampling for each subject, a power of 2 or the next one.
    spread
        The factor by which every number of the further starts is off, up or down.
    """

    method: Estimator = "focei"
    outputs: Any = None
    blq: Any = "M3"
    solver: Any = None
    seed: int = 0
    covariance: CovarianceKind | None = "R"
    restarts: int = 8
    iterations: int = 200
    phases: tuple[int, int] = (200, 150)
    chains: int | None = None
    samples: int = 1024
    spread: float = 3.0


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
        (nu,): the standard deviations that went to 0 and stand at their floor.
    trace
        (iterations, nu + 1): u and the objective.
    failed
        The subjects whose integration failed at the estimates.
    starts
        Where the searches ended, if there were several.
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
        return int(self.subjects.population.free.sum())

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
        etas.  Intervals are of 95 %.
        """
        import pandas as pd

        population = self.subjects.population
        value = natural(population, self.u)
        se, se_u = self._standard_errors()
        bounds = interval(population, self.u, value, se, se_u, CONFIDENCE)
        units = [c.unit for c in population.components] + ["1"] * (population.nu - len(population.components))
        with np.errstate(all="ignore"):
            rse = 100 * se / np.abs(value)
        table = pd.DataFrame(
            {
                "estimate": value,
                "se": se,
                "rse_percent": rse,
                "ci_low": bounds[:, 0],
                "ci_high": bounds[:, 1],
                "unit": units,
                "fixed": ~population.free,
                "at_floor": self.floored,
            },
            index=pd.Index(population.labels, name="parameter"),
        )
        helpers = [c.label for c in population.components if c.random]  # which only carry random effects
        return table.drop(index=helpers)

    def standard_errors(self, covariance: CovarianceKind = "R", *, log: bool = False) -> dict[str, float]:
        """The standard errors by label, by R, by S or by the sandwich of both.

        Parameters
        ----------
        log
            On the scale of the search, where positive numbers are logarithms.
        """
        certainty = self._certainty()
        matrix = certainty.covariance(covariance) if log else certainty.natural(covariance)
        return dict(zip(self.subjects.population.labels, np.sqrt(np.diag(matrix)).tolist(), strict=True))

    def covariance(self, kind: CovarianceKind = "R") -> pd.DataFrame:
        """The covariance of the estimates by R, by S, or by the sandwich R^-1 S R^-1."""
        import pandas as pd

        labels = list(self.subjects.population.labels)
        return pd.DataFrame(self._certainty().natural(kind), index=labels, columns=labels)

    def correlation(self, kind: CovarianceKind = "R") -> pd.DataFrame:
        """The correlation of the estimates."""
        covariance = self.covariance(kind)
        sd = np.sqrt(np.diag(covariance.to_numpy()))
        with np.errstate(all="ignore"):
            return covariance.div(sd, axis=0).div(sd, axis=1)

    def condition_number(self, kind: CovarianceKind = "R") -> float:
        """Of the correlation of the estimates; more than 1000 says that some can hardly be told apart."""
        return self._certainty().condition_number(kind)

    @cached_property
    def omega(self) -> pd.DataFrame:
        """The covariance of the etas."""
        import pandas as pd

        names = list(self.eta_names)
        return pd.DataFrame(self._omega, index=names, columns=names)

    def omega_standard_errors(self, kind: CovarianceKind = "R") -> pd.DataFrame:
        """Of the variances and covariances of etas, as NONMEM prints them; NaN for what is not estimated."""
        import pandas as pd

        population, certainty = self.subjects.population, self._certainty()
        _, l = population.split(self.u)
        slopes = population.omega_slopes(l)
        covariance = certainty.covariance(kind)[population.nb :, population.nb :]
        known = np.isfinite(np.diag(covariance))
        variance = np.einsum("oab,op,pab->ab", slopes[known], covariance[np.ix_(known, known)], slopes[known])
        se = np.where(variance > 0, np.sqrt(variance), np.nan)
        return pd.DataFrame(se, index=list(self.eta_names), columns=list(self.eta_names))

    @property
    def eta_names(self) -> tuple[str, ...]:
        """The component that each eta acts on."""
        population = self.subjects.population
        carriers = (population.components[i] for i in population.random)
        return tuple(c.random or c.label for c in carriers)

    @property
    def _omega(self) -> Array:
        population = self.subjects.population
        return np.asarray(population.omega(population.split(self.u)[1]))

    def _certainty(self) -> Certainty:
        if self.certainty is None:
            raise FitError(
                f"this fit of {self.statement.model.name} by {self.method} has no covariance: fit with covariance='R'."
            )
        return self.certainty

    def _standard_errors(self) -> tuple[Array, Array]:
        """Of the estimates as one reads them, and on the scale of the search."""
        kind = self.options.covariance
        if self.certainty is None or kind is None:
            nothing = np.full(len(self.u), np.nan)
            return nothing, nothing
        return (
            np.sqrt(np.diag(self.certainty.natural(kind))),
            np.sqrt(np.diag(self.certainty.covariance(kind))),
        )

    # ---- subjects

    @cached_property
    def individuals(self) -> xr.Dataset:
        """By subject the parameters at the mode, the etas with their standard deviations, and the objective."""
        import xarray as xr

        population = self.subjects.population
        beta, _ = population.split(self.u)
        psi = population.psi(population.phi(beta[None], self.eta[None]))[0]
        variables: dict[str, Any] = {}
        for i, c in enumerate(population.components):
            if (c.parameter is not None or i in population.random) and not c.label.startswith("shape["):
                meaning = f"{c.label} of the subject, at the mode of its random effects"
                variables[c.label] = ("subject", psi[:, i], {"units": c.unit, "long_name": meaning})
        for name, column in self._box_cox(psi).items():
            _, _, about = variables[name]
            variables[name] = ("subject", column, about)
        for i, name in enumerate(self.eta_names):
            about = {"units": "1", "long_name": f"random effect on {name}"}
            variables[f"eta[{name}]"] = ("subject", self.eta[:, i], about)
            sd = np.sqrt(self.eta_covariance[:, i, i])
            variables[f"eta_sd[{name}]"] = ("subject", sd, about | {"long_name": f"standard deviation of eta[{name}]"})
        variables["objective"] = ("subject", self.each, {"units": "1", "long_name": "contribution to the objective"})
        return xr.Dataset(variables, {"subject": ("subject", list(self.subjects.names))})

    def _box_cox(self, psi: Array) -> dict[str, Array]:
        """The values of parameters that are drawn by `boxcox`, of psi (subjects, components)."""
        labels = [c.label for c in self.subjects.population.components]
        values = {}
        for i, c in enumerate(self.subjects.population.components):
            if c.random and f"shape[{c.random}]" in labels:
                shape = psi[:, labels.index(f"shape[{c.random}]")]
                values[c.random] = psi[:, labels.index(c.random)] * np.exp((psi[:, i] ** shape - 1) / shape)
        return values

    @cached_property
    def shrinkage(self) -> dict[str, float]:
        """Of each eta, 1 - sd(eta)/omega; and of epsilon by output, 1 - sd(IWRES).

        Subjects without an occasion do not count for its eta.

        References
        ----------
        Savic RM, Karlsson MO. Importance of shrinkage in empirical Bayes estimates for
        diagnostics. AAPS J 11:558-569 (2009).
        """
        sd = np.sqrt(np.diag(self._omega))
        own = {n: self.eta[self._informed[:, i], i] for i, n in enumerate(self.eta_names)}
        shrinkage = {
            f"eta[{n}]": float(1 - eta.std(ddof=1) / sd[i]) if len(eta) > 1 else np.nan
            for i, (n, eta) in enumerate(own.items())
        }
        seen = self.subjects.observations
        flat = seen.standardized(self._channels()).reshape(-1)
        for e in seen.endpoints:
            own = flat[e.places][e.observed.censored == 0]
            shrinkage[f"epsilon[{e.output}]"] = float(1 - own.std(ddof=1)) if len(own) > 1 else np.nan
        return shrinkage

    @cached_property
    def _informed(self) -> Mask:
        """(subjects, q): the occasions that a subject has; other etas are of everyone."""
        informed = np.ones(self.eta.shape, dtype=bool)
        records = self.subjects.trajectories.records
        for i, name in enumerate(self.eta_names):
            _, found, kind = name.rpartition("_occasion_")
            column = f"occasion_{kind}"
            if found and column in records.covariates:
                informed[:, i] = np.maximum.reduceat(records[column], records.first_rows) > 0
        return informed

    @cached_property
    def residuals(self) -> pd.DataFrame:
        """A row for each observation: subject, time, output, observed, measured, pred, ipred, iwres, cwres.

        ``pred`` is the prediction of the typical subject with these covariates, ``ipred`` that of
        the subject; ``iwres`` the individual residual over its standard deviation, ``cwres`` the
        conditional weighted residual.  Values beyond a limit have no residual.

        References
        ----------
        Hooker AC, Staatz CE, Karlsson MO. Conditional weighted residuals (CWRES): a model
        diagnostic for the FOCE method. Pharm Res 24:2187-2197 (2007).
        """
        times = self.subjects.trajectories.records["TIME"]
        return residual_table(self.subjects, self.u, self.eta, times)

    def npde(self, n: int = 1000, seed: int = 0) -> pd.DataFrame:
        """The residuals with normalized prediction distribution errors, from `n` simulations of the trial.

        Of data that the model describes ``npde`` is standard normal, and ``pd`` uniform; counts are
        spread evenly about their whole numbers for that.

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
        records = self.subjects.trajectories.records
        if name not in records.covariates:
            raise unknown_name(records.name, "covariate", name, records.covariates)
        column = records.covariates[name][records.first_rows]
        if column.dtype == object:
            return np.unique(column.astype(str), return_inverse=True)[1].astype(float)
        return np.asarray(column, dtype=float)

    def eta_covariates(self) -> pd.DataFrame:
        """How random effects hang together with the columns of the records: eta, covariate, correlation, p.

        The strongest first; columns that do not vary between subjects, or are not known of all, are
        left out.
        """
        import pandas as pd
        from scipy.stats import pearsonr

        rows = []
        for name in self.subjects.trajectories.records.covariates:
            values = self.covariate(name)
            if not np.isfinite(values).all() or len(np.unique(values)) < 2:
                continue
            for i, eta in enumerate(self.eta_names):
                correlation, p = pearsonr(values, self.eta[:, i])
                rows.append((eta, name, float(correlation), float(p)))
        table = pd.DataFrame(rows, columns=["eta", "covariate", "correlation", "p"])
        return table.sort_values("p", kind="stable", ignore_index=True)

    def _channels(self) -> Array:
        population = self.subjects.population
        beta, _ = population.split(self.u)
        return self.subjects.channels(population.phi(beta[None], self.eta[None]))

    # ---- the same language to simulate

    @cached_property
    def variability(self) -> Variability:
        """The estimated variability, as `pkpd.population` takes it with `model`."""
        values = self.estimates["estimate"]
        joints: list[Any] = []
        for joint in self.statement.variability.parameters:
            names = [n for n in joint.names if f"omega[{n}]" in values.index]
            marginals: dict[str, Any] = {}
            for name in names:
                old = self.statement.variability.distributions[name]
                assert isinstance(old, TransformedNormal | BoxCox)
                center, sd = float(values[name]), float(values[f"omega[{name}]"])
                if isinstance(old, BoxCox):
                    marginals[name] = replace(old, center=center, sd=sd, shape=float(values[f"shape[{name}]"]))
                else:
                    marginals[name] = replace(old, center=center, sd=sd)
            pairs = {
                (a, b): float(values[f"correlation[{a},{b}]"])
                for i, b in enumerate(names)
                for a in names[:i]
                if f"correlation[{a},{b}]" in values.index
            }
            joints.append(block(marginals, correlations=pairs) if len(names) > 1 else marginals)
        return Variability.of(self.model, joints)

    @cached_property
    def model(self) -> Any:
        """The structural model with the typical values for defaults."""
        values = self.estimates["estimate"]
        held = self.subjects.trajectories.held
        names = {s.name for s in self.statement.model.settable}
        return self.statement.model.using(**held, **{str(k): float(v) for k, v in values.items() if k in names})

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
