"""Personalization: the parameters of each patient, given early observations and how patients vary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.streams import check_seed
from pkpd.errors import FitError
from pkpd.fitting.mixed.estimation import SOLVER, start_of
from pkpd.fitting.mixed.modes import elsewhere, modes, omega_of
from pkpd.fitting.mixed.results import MixedFit
from pkpd.fitting.mixed.settling import settled
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.mixed.subjects import Subjects
from pkpd.fitting.observation_models import blq_method
from pkpd.prepared.solver import Solver
from pkpd.records.records import Records

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["PatientPosteriors", "personalize"]

FREEDOM = 4.0  # of the t distribution that posterior draws are proposed from
WIDER = 1.5  # its covariance against that of the Laplace approximation
PROPOSALS = 20  # for each posterior draw
AT_ONCE = 40_000  # trajectories in one call


@dataclass(frozen=True, eq=False, repr=False)
class PatientPosteriors:
    """What is known of each patient's parameters; see `personalize`.

    Attributes
    ----------
    subjects
        The population and the observations, settled.
    u
        The population parameters that were taken as known.
    eta
        (patients, q): the most probable random effects.
    eta_covariance
        (patients, q, q): the inverse of the curvature there (Laplace's approximation).
    converged
        (patients,).
    """

    subjects: Subjects
    u: Array
    eta: Array
    eta_covariance: Array
    converged: Mask

    @property
    def patients(self) -> tuple[str, ...]:
        """Their labels in the records."""
        return self.subjects.names

    @property
    def varying(self) -> tuple[str, ...]:
        """The parameters that differ between patients."""
        population = self.subjects.population
        return tuple(population.components[i].label for i in population.random)

    @cached_property
    def dataset(self) -> xr.Dataset:
        """By patient the most probable parameters, their etas, and how much of the population's variance is left.

        ``variance_left[CL]`` is 1 where the observations say nothing of CL.
        """
        import xarray as xr

        population = self.subjects.population
        psi = self._natural(self.eta[None])[0]
        prior = np.diag(population.omega(population.split(self.u)[1]))
        variables: dict[str, Any] = {}
        for i, name in self._parameters:
            about = {"units": population.components[i].unit, "long_name": f"most probable {name}"}
            variables[name] = ("patient", psi[:, i], about)
        for i, name in enumerate(self.varying):
            variance = self.eta_covariance[:, i, i]
            about = {"units": "1", "long_name": f"random effect on {name}"}
            variables[f"eta[{name}]"] = ("patient", self.eta[:, i], about)
            variables[f"eta_sd[{name}]"] = (
                "patient", np.sqrt(variance), {"units": "1", "long_name": f"standard deviation of eta[{name}]"}
            )  # fmt: skip
            left = {"units": "1", "long_name": f"share of the population's variance of {name} that is left"}
            variables[f"variance_left[{name}]"] = ("patient", variance / prior[i], left)
        variables["converged"] = (
            "patient",
            self.converged,
            {"units": "1", "long_name": "whether the search converged"},
        )
        return xr.Dataset(variables, {"patient": ("patient", list(self.patients))})

    @cached_property
    def most_probable(self) -> Ensemble:
        """The patients at their most probable parameters (MAP), over ``patient``."""
        psi = self._natural(self.eta[None])[0]
        return self._ensemble({name: (("patient",), psi[:, i]) for i, name in self._parameters}, {})

    def draws(self, n: int = 100, *, seed: int, method: Literal["importance", "laplace"] = "importance") -> Ensemble:
        """Draws from the posterior of each patient, over ``patient`` and ``draw``.

        Parameters
        ----------
        n
            How many for each patient.
        seed
            A whole number.
        method
            ``"importance"`` proposes 20 times as many from a wider t distribution and resamples them by
            posterior over proposal, which is exact as their number grows; ``"laplace"`` draws from the
            normal approximation of the etas.

        Returns
        -------
        Ensemble
            With the label ``effective_draws`` by patient: how many independent draws the proposals were worth.

        Raises
        ------
        FitError
            If `n` or the method is not possible.

        References
        ----------
        Rubin DB. Using the SIR algorithm to simulate posterior distributions. Bayesian Statistics
        3:395-402 (1988).
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise FitError(f"draws(): n is {n!r}; expected a whole number of 1 or more.")
        check_seed(seed)
        rng = np.random.default_rng(seed)
        if method == "laplace":
            etas, effective = self._proposed(n, rng, heavy=False)[0], np.full(len(self.patients), float(n))
        elif method == "importance":
            etas, effective = self._resampled(n, rng)
        else:
            raise FitError(f"draws(): method is {method!r}; expected 'importance' or 'laplace'.")
        psi = self._natural(etas)
        columns = {name: (("patient", "draw"), psi[:, :, i].T) for i, name in self._parameters}
        labels = {"draw": (("draw",), np.arange(n)), "effective_draws": (("patient",), effective)}
        return self._ensemble(columns, labels, draw=n)

    # ---- draws

    def _proposed(self, count: int, rng: np.random.Generator, *, heavy: bool) -> tuple[Array, Array]:
        """Etas (count, patients, q) about the modes and the logarithm of their density up to a constant."""
        q = self.eta.shape[1]
        z = rng.standard_normal((count, *self.eta.shape))
        factor = np.linalg.cholesky(self.eta_covariance)
        if not heavy:
            return self.eta + np.einsum("sab,ksb->ksa", factor, z), -0.5 * (z**2).sum(-1)
        x = z / np.sqrt(rng.chisquare(FREEDOM, (count, len(self.eta), 1)) / FREEDOM)
        log_density = -0.5 * (FREEDOM + q) * np.log1p((x**2).sum(-1) / FREEDOM)
        return self.eta + np.sqrt(WIDER) * np.einsum("sab,ksb->ksa", factor, x), log_density

    def _resampled(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Etas (n, patients, q) from the posterior, and the effective number of proposals."""
        etas, log_density = self._proposed(PROPOSALS * n, rng, heavy=True)
        log_weight = self._log_posterior(etas) - log_density
        weight = np.exp(log_weight - log_weight.max(0))
        weight /= weight.sum(0)
        marks = (np.arange(n)[:, None] + rng.random((1, len(self.eta)))) / n
        cumulative = weight.cumsum(0)
        cumulative[-1] = 1.0
        chosen = np.stack(
            [etas[np.searchsorted(cumulative[:, s], marks[:, s]), s] for s in range(len(self.eta))], axis=1
        )
        return chosen, 1 / (weight**2).sum(0)

    def _log_posterior(self, etas: Array) -> Array:
        """(draws, patients), up to a constant; -inf where a trajectory fails."""
        population = self.subjects.population
        beta, l = population.split(self.u[None])
        omega = omega_of(population, l)
        step = max(1, AT_ONCE // len(self.eta))
        parts = []
        for first in range(0, len(etas), step):
            part = etas[first : first + step]
            value = self.subjects.terms(population.phi(np.repeat(beta, len(part), 0), part)).value
            parts.append(-value - 0.5 * omega.squared(part))
        log = np.concatenate(parts)
        return np.where(np.isfinite(log), log, -np.inf)

    # ---- parameters

    @cached_property
    def _parameters(self) -> tuple[tuple[int, str], ...]:
        """The components that are parameters of the model, by position."""
        components = self.subjects.population.components
        return tuple((i, c.parameter) for i, c in enumerate(components) if c.parameter is not None)

    def _natural(self, etas: Array) -> Array:
        """(draws, patients, components)."""
        population = self.subjects.population
        beta, _ = population.split(np.repeat(self.u[None], len(etas), 0))
        return population.psi(population.phi(beta, etas))

    def _ensemble(self, columns: dict[str, Any], labels: dict[str, Any], **sizes: int) -> Ensemble:
        held = {name: ((), float(value)) for name, value in self.subjects.trajectories.held.items()}
        who = {"patient": (("patient",), np.array(self.patients))}
        return Ensemble({"patient": len(self.patients), **sizes}, {**held, **columns}, {**who, **labels})

    def __repr__(self) -> str:
        return f"<PatientPosteriors of {', '.join(self.varying)} for {len(self.patients)} patients>"


def personalize(
    population: MixedEffects | MixedFit,
    records: Records,
    *,
    outputs: Any = None,
    blq: Any = None,
    restarts: int = 8,
    seed: int = 0,
    solver: Solver | None = None,
) -> PatientPosteriors:
    """Update the parameters of each patient from observations: empirical Bayes.

    The population's variability is the prior; the most probable random effects of each patient
    given the observations are found from several starts, all patients as one ensemble, with exact
    derivatives.  The population parameters are taken as known.

    Parameters
    ----------
    population
        From `mixed_effects`, whose medians, spreads and errors are those of the population; or a
        fitted one from `pkpd.fit`.
    records
        Doses and observations of the new patients, from `read_nonmem` or `scan_records`.
    outputs, blq, solver
        As for `pkpd.fit`.
    restarts, seed
        How many draws of the random effects a mode is also sought from, and what they follow from.

    Returns
    -------
    PatientPosteriors
        ``.most_probable`` and ``.draws(n, seed=1)`` are ensembles over ``patient`` (and ``draw``), which
        `optimize_regimen` takes with ``each="patient"``; ``.dataset`` has the parameters, and how much
        of the population's variance the observations have left.

    Raises
    ------
    FitError
        If a patient has no observation or no likelihood, or a parameter changes within a patient.

    References
    ----------
    Sheiner LB, Rosenberg B, Melmon KL. Modelling of individual pharmacokinetics for computer-aided
    drug dosage. Comput Biomed Res 5:441-459 (1972).

    Examples
    --------
    >>> import pandas as pd, pkpd
    >>> model = pkpd.load("pk_1cmt")
    >>> people = pkpd.mixed_effects(model, {"CL": pkpd.lognormal(0.2, omega=0.4)}, error=pkpd.lognormal_error(0.1))
    >>> rows = pd.DataFrame({"ID": 1, "TIME": [0, 10], "AMT": [100, 0], "DV": [0, 10], "EVID": [1, 0]})
    >>> posterior = pkpd.personalize(people, pkpd.read_nonmem(rows))
    >>> posterior.dataset["CL"].round(3).values.tolist()
    [0.355]
    """
    if not isinstance(population, MixedEffects | MixedFit):
        raise FitError(f"personalize() got {population!r}; expected mixed_effects(...), or a fit of such a model.")
    statement = population.statement if isinstance(population, MixedFit) else population
    if statement.occasions:
        raise FitError(
            f"personalize(): {', '.join(statement.occasions)} changes from occasion to occasion; no one value holds."
        )
    if statement.mixture:
        raise FitError(
            f"personalize(): {statement.model.name} is a mixture of {', '.join(statement.mixture)}, and a plan needs "
            "one population; give empirical_bayes() the patients, and the statement of their most probable class."
        )
    chosen = solver or SOLVER
    subjects = settled(statement, records, outputs=outputs, blq=blq_method(blq, statement.error), solver=chosen)
    _require_constant(statement, subjects)
    u, _ = start_of(subjects, population if isinstance(population, MixedFit) else None)
    check_seed(seed)
    start = np.zeros((subjects.count, subjects.population.q))
    eta, _ = elsewhere(subjects, u, start, seed=seed, restarts=restarts)
    reached = modes(subjects, u[None], eta[None])
    lost = ~np.isfinite(reached.objective[0])
    if lost.any():
        raise FitError(
            f"personalize(): the observations of patient {subjects.names[int(np.argmax(lost))]} have no likelihood "
            f"under {statement.model.name} (so of {int(lost.sum())} of {subjects.count} patients)."
        )
    covariance = np.linalg.inv(reached.curvature[0])
    return PatientPosteriors(subjects, u, reached.eta[0], covariance, reached.converged[0])


def _require_constant(statement: MixedEffects, subjects: Subjects) -> None:
    known = {s.name for s in statement.model.settable}
    for component in subjects.population.components:
        if component.parameter is not None and component.parameter not in known:
            raise FitError(
                f"personalize(): {component.label!r} acts through a covariate that changes within a patient, who then "
                "has no one value to plan with."
            )
