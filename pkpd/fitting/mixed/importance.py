"""Importance sampling: the likelihood itself, its score and Louis' information, and its maximum by frozen samples.

The random components phi of every subject are sampled from a t distribution by randomized Sobol
points; all points of all subjects are one ensemble.  Only the normal density of phi and the
scatter of observations depend on most population parameters: once predicted, a sample serves any
number of Newton steps without an integration, until its weights say that it is time for another
about the posterior means and covariances that it gave.  A component without a random effect moves
the predictions themselves: within a round linearly, by its sensitivity.

References
----------
Geyer CJ, Thompson EA. Constrained Monte Carlo maximum likelihood for dependent data. J R Stat Soc B
54:657-699 (1992).
Louis TA. Finding the observed information matrix when using the EM algorithm. J R Stat Soc B
44:226-233 (1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.fitting.mixed.components import Population
from pkpd.fitting.mixed.modes import omega_of, pulled, weighted
from pkpd.fitting.mixed.subjects import Subjects

__all__ = ["Estimated", "Importance", "Sample", "Weighed", "matched"]

FREEDOM = 4.0  # of the t distribution
WIDER = 1.5  # its covariance against that of the posterior
AT_ONCE = 40_000  # members of one call
STEP = 1e-5


@dataclass(frozen=True, eq=False)
class Sample:
    """Points of the random components with what they predict.

    Attributes
    ----------
    phi
        (points, subjects, q).
    log_density
        (points, subjects): of the distribution that they come from.
    z
        (points, subjects, width, channels).
    own
        The slopes of the channels by integrated components without a random effect; None without any.
    at
        (nu,): u when they were predicted.
    """

    phi: Array
    log_density: Array
    z: Array
    own: Array | None
    at: Array


@dataclass(frozen=True, eq=False)
class Weighed:
    """The points of a sample with their weights.

    Attributes
    ----------
    each, size
        As of `Estimated`.
    weight
        (points, subjects): normalized.
    variance
        (subjects,): the Monte Carlo variance of `each`.
    eta
        (points, subjects, q).
    z, slope, information
        (points, subjects, width, channels): what is predicted, the derivatives of -ln p by it, and their expected
        derivatives.
    """

    each: Array
    weight: Array
    size: Array
    variance: Array
    eta: Array
    z: Array
    slope: Array
    information: Array


@dataclass(frozen=True, eq=False)
class Estimated:
    """The likelihood by a sample.

    Attributes
    ----------
    value, each, error
        -2 ln L without n ln(2 pi), by subject, and the Monte Carlo standard error of the sum, as if
        the points were independent.
    size
        (subjects,): the effective number of points.
    score
        (subjects, nu): of -2 ln L.
    information
        (nu, nu): Louis' observed information of -2 ln L.
    noise
        (nu, nu): the Monte Carlo covariance of the score.
    mean, covariance
        Of the random components given the observations.
    shares
        (classes, subjects): of a mixture the chance of each class given the observations; then `size`,
        `mean` and `covariance` have all subjects of the first class, of the second, and so on.
    """

    value: float
    each: Array
    error: float
    size: Array
    score: Array
    information: Array
    noise: Array
    mean: Array
    covariance: Array
    shares: Array | None = None


@dataclass(frozen=True, eq=False)
class Importance:
    """Importance sampling of the subjects of a fit with so many points each."""

    subjects: Subjects
    wanted: int
    seed: int

    @property
    def points(self) -> int:
        """A power of 2, as Sobol points want it."""
        return 1 << (self.wanted - 1).bit_length()

    @cached_property
    def own(self) -> Index:
        """Integrated components that have no random effect and are estimated."""
        population = self.subjects.population
        every = np.setdiff1d(np.arange(self.subjects.parameters), population.random)
        A = population.mu_slopes(population.start[: population.nb])[..., population.free[: population.nb]]
        return np.array([i for i in every if (A[:, i] != 0).any()], dtype=np.int64)

    @cached_property
    def _standard(self) -> tuple[Array, Array]:
        """Points of the standard t distribution, (points, subjects, q), and their log-density."""
        from scipy.special import ndtri
        from scipy.stats import chi2, qmc

        q = self.subjects.population.q
        uniform = np.stack(
            [
                qmc.Sobol(q + 1, scramble=True, rng=np.random.default_rng([self.seed, s])).random(self.points)
                for s in range(self.subjects.count)
            ],
            axis=1,
        )
        uniform = np.clip(uniform, 1e-12, 1 - 1e-12)
        x = ndtri(uniform[..., :q]) / np.sqrt(chi2.ppf(uniform[..., q:], FREEDOM) / FREEDOM)
        return x, _log_t(x)

    # ---- sampling

    def draw(self, u: Array, mean: Array, covariance: Array) -> Sample:
        """A sample about mean (subjects, q) with covariance (subjects, q, q), predicted at u."""
        population = self.subjects.population
        factor = np.linalg.cholesky(covariance) * np.sqrt(WIDER)
        x, log_density = self._standard
        phi = mean + np.einsum("sab,ksb->ksa", factor, x)
        size = np.log(np.abs(np.diagonal(factor, axis1=-2, axis2=-1))).sum(-1)
        whole = np.repeat(population.mu(u[None, : population.nb]), len(phi), axis=0)
        whole[..., population.random] = phi
        together = max(1, AT_ONCE // self.subjects.count)
        parts = [self._predicted(whole[i : i + together]) for i in range(0, len(phi), together)]
        slopes = [own for _, own in parts if own is not None]
        own = np.concatenate(slopes) if slopes else None
        return Sample(phi, log_density - size, np.concatenate([part[0] for part in parts]), own, u.copy())

    def _predicted(self, phi: Array) -> tuple[Array, Array | None]:
        if not len(self.own):
            return self.subjects.channels(phi), None
        z, slopes = self.subjects.slopes(phi, self.own)
        return z, slopes

    # ---- the likelihood

    def evaluate(self, u: Array, sample: Sample) -> Estimated:
        """At u (nu,), by a frozen sample."""
        return self.estimated(u, sample, self.weighed(u, sample))

    def weighed(self, u: Array, sample: Sample) -> Weighed:
        """The likelihood at u (nu,), by a frozen sample, with the weight of each point."""
        from scipy.special import logsumexp

        subjects, population = self.subjects, self.subjects.population
        beta, l = population.split(u)
        omega = omega_of(population, l[None])
        mu = population.mu(beta[None])
        eta = sample.phi - mu[..., population.random]
        z = self._moved(u, sample, mu)
        terms = subjects.observations.terms(z)
        normal = omega.squared(eta) + omega.log_determinant + population.q * np.log(2 * np.pi)
        log_weight = -terms.value - 0.5 * normal - sample.log_density
        log_weight = np.where(np.isfinite(log_weight), log_weight, -np.inf)
        top = logsumexp(log_weight, axis=0)
        each = -2 * (top - np.log(len(eta))) - subjects.observations.constants
        with np.errstate(all="ignore"):
            weight = np.nan_to_num(np.exp(log_weight - top))
        size = 1 / np.maximum((weight**2).sum(0), 1e-300)
        return Weighed(
            each, weight, size, 4 * (1 / size - 1 / len(eta)).clip(0), eta, z, terms.slope, terms.information
        )

    def estimated(self, u: Array, sample: Sample, found: Weighed, share: Array | None = None) -> Estimated:
        """With scores and information, to which subjects contribute by their `share`, (subjects,)."""
        population, weight = self.subjects.population, found.weight
        share = np.ones(self.subjects.count) if share is None else share
        mean = np.einsum("ks,ksa->sa", weight, sample.phi)
        away = sample.phi - mean
        covariance = np.einsum("ks,ksa,ksb->sab", weight, away, away, optimize=True)
        inverse = omega_of(population, population.split(u)[1][None]).inverse[0]
        score, spread, noise = self._scores(u, sample, found, inverse, share)
        information = self._complete(u, mean, covariance, share) - spread
        information = information + self._own_information(u, sample, weight * share, found)
        return Estimated(
            float(found.each.sum()), found.each, float(np.sqrt(found.variance.sum())), found.size, score,
            0.5 * (information + information.T), noise, mean, covariance,
        )  # fmt: skip

    def _moved(self, u: Array, sample: Sample, mu: Array) -> Array:
        """The channels at u: numbers of error models exactly, predictions to first order."""
        population, subjects = self.subjects.population, self.subjects
        z = sample.z
        if sample.own is not None and not np.array_equal(u, sample.at):
            shift = (mu - population.mu(sample.at[None, : population.nb]))[0][:, self.own]
            z = z + np.einsum("ksncp,sp->ksnc", sample.own, shift)
        whole = np.repeat(mu, len(z), axis=0)
        whole[..., population.random] = sample.phi
        return subjects.renumbered(z, whole)

    def _slopes(self, sample: Sample, shape: tuple[int, ...]) -> tuple[Index, Array]:
        """The components without a random effect, and the slopes of the channels by them."""
        subjects = self.subjects
        numbers = np.setdiff1d(
            np.arange(subjects.parameters, len(subjects.population.components)), subjects.population.random
        )
        slopes = np.broadcast_to(subjects.number_slopes((1, *shape[1:]), numbers), (*shape, len(numbers)))
        if sample.own is None:
            return numbers, slopes
        return np.concatenate([self.own, numbers]), np.concatenate([sample.own, slopes], axis=-1)

    def _scores(
        self, u: Array, sample: Sample, found: Weighed, inverse: Array, share: Array
    ) -> tuple[Array, Array, Array]:
        """The expected score of the complete data by subject, its spread within them, and its Monte Carlo noise."""
        weight, eta, z, slope = found.weight, found.eta, found.z, found.slope
        population = self.subjects.population
        beta, l = population.split(u)
        A = population.mu_slopes(beta)
        dOmega = population.omega_slopes(l)
        pulled_eta = eta @ inverse
        components, slopes = self._slopes(sample, z.shape)
        by_own = 2 * pulled(slopes, slope)
        score = np.empty((*weight.shape, population.nu))
        score[..., : population.nb] = np.einsum("ksp,spb->ksb", by_own, A[:, components])
        score[..., : population.nb] -= 2 * np.einsum("ksq,sqb->ksb", pulled_eta, A[:, population.random])
        trace = np.einsum("ab,oba->o", inverse, dOmega)
        score[..., population.nb :] = trace - np.einsum(
            "ksa,oab,ksb->kso", pulled_eta, dOmega, pulled_eta, optimize=True
        )
        score = np.where(weight[..., None] > 0, score, 0.0)
        mean = np.einsum("ks,ksu->su", weight, score)
        away = (score - mean) * np.sqrt(weight * share)[..., None]
        flat = away.reshape(-1, population.nu)
        noisy = (away * np.sqrt(weight * share)[..., None]).reshape(-1, population.nu)
        return mean, 0.5 * flat.T @ flat, noisy.T @ noisy

    def _complete(self, u: Array, mean: Array, covariance: Array, share: Array) -> Array:
        """The curvature of -2 ln of the density of the random components, expected given the observations."""
        population = self.subjects.population
        free = np.eye(population.nu) * STEP
        around = np.concatenate([u + free, u - free])
        gradient = np.stack([_density_slope(population, v, mean, covariance, share) for v in around])
        half = len(u)
        return np.asarray((gradient[:half] - gradient[half:]) / (2 * STEP))

    def _own_information(self, u: Array, sample: Sample, weight: Array, found: Weighed) -> Array:
        """Twice the expected information about components without a random effect, their scatter aside."""
        population = self.subjects.population
        information = np.zeros((population.nu, population.nu))
        components, slopes = self._slopes(sample, found.z.shape)
        if not len(components):
            return information
        whole = np.zeros((self.subjects.count, len(components), len(components)))
        for k in range(len(found.z)):  # one point at a time: the slopes of all would fill the memory
            bent = weighted(slopes[k], found.information[k], slopes[k])
            whole += np.where(weight[k][:, None, None] > 0, weight[k][:, None, None] * bent, 0.0)
        A = population.mu_slopes(u[: population.nb])[:, components]
        information[: population.nb, : population.nb] = 2 * np.einsum("spb,spq,sqc->bc", A, whole, A)
        return information


def _density_slope(population: Population, u: Array, mean: Array, covariance: Array, share: Array) -> Array:
    """The gradient of -2 ln of the normal density of phi, expected where phi has this mean and covariance."""
    beta, l = population.split(u)
    omega = omega_of(population, l[None])
    inverse = omega.inverse[0]
    away = mean - population.mu(beta[None])[0][:, population.random]
    A = population.mu_slopes(beta)[:, population.random]
    slope = np.empty(population.nu)
    slope[: population.nb] = -2 * np.einsum("sqb,qr,sr->b", A, inverse, share[:, None] * away)
    moment = (share[:, None, None] * (covariance + away[:, :, None] * away[:, None, :])).sum(0)
    dOmega = population.omega_slopes(l)
    inside = share.sum() * inverse - inverse @ moment @ inverse
    slope[population.nb :] = np.einsum("ab,oba->o", inside, dOmega)
    return slope


def matched(now: Estimated, mean: Array, covariance: Array, points: int) -> tuple[Array, Array]:
    """Posterior means and covariances for the next sample, held back where a subject's weights say little of them."""
    trust = np.clip((now.size / points - 0.02) / 0.1, 0.0, 1.0)[:, None]
    new_mean = trust * now.mean + (1 - trust) * 0.5 * (now.mean + mean)
    shift = (now.mean - mean)[..., :, None] * (now.mean - mean)[..., None, :]
    careful = 0.5 * (now.covariance + covariance) + 0.25 * shift
    new = trust[..., None] * now.covariance + (1 - trust[..., None]) * careful
    values, vectors = np.linalg.eigh(new)
    values = np.maximum(values, 1e-6 * values[..., -1:])
    return new_mean, (vectors * values[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def _log_t(x: Array) -> Array:
    from scipy.special import gammaln

    q, nu = x.shape[-1], FREEDOM
    constant = gammaln((nu + q) / 2) - gammaln(nu / 2) - q / 2 * np.log(nu * np.pi)
    return np.asarray(constant - (nu + q) / 2 * np.log1p((x**2).sum(-1) / nu))
