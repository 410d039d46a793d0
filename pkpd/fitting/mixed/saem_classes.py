"""SAEM of a mixture: the class of a subject is simulated with its random effects.

A proposal is a class and random effects in it at once.  The class is drawn by its chance where the
likelihood of each class is that of FOCEI at the present modes, and the random effects about the
mode in that class, so that a chain changes its class as readily as the observations allow.

References
----------
Lavielle M, Mbogning C. An improved SAEM algorithm for maximum likelihood estimation in mixtures of
non linear mixed effects models. Stat Comput 24:693-707 (2014).
"""

from __future__ import annotations

import math

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.fitting.mixed.classes import Classes, posterior_shares
from pkpd.fitting.mixed.mixing import approximation_of
from pkpd.fitting.mixed.modes import modes, omega_of, pulled, weighted
from pkpd.fitting.mixed.natural import sd_places
from pkpd.fitting.mixed.saem_steps import ANNEALED, FREEDOM, WANTED, newton
from pkpd.fitting.mixed.subjects import Subjects

__all__ = ["ClassState"]

DEFENSIVE = 0.1  # of the draws of a class, by its probability in the population
RAREST = 1e-4  # probability of a class


class ClassState:
    """What the chains of a mixture are at; as `saem` has one without a mixture.

    Attributes
    ----------
    which
        (chains, subjects): the number of the class.
    eta
        (chains, subjects, q): the random effects in that class.
    """

    def __init__(
        self, subjects: Subjects, classes: Classes, u: Array, modes: Array, copies: int, rng: np.random.Generator
    ) -> None:
        population, n = subjects.population, subjects.count
        self.subjects, self.classes, self.population, self.u, self.rng = subjects, classes, population, u, rng
        every = np.arange(len(population.components))
        self.own: Index = np.setdiff1d(every, population.random)
        self.integrated: Mask = self.own < subjects.parameters
        self.mode = modes.reshape(classes.count, n, -1).copy()
        self.chance = np.repeat(np.exp(classes.log_probabilities(u))[:, None], n, axis=1)
        self.jump = 2.38 / math.sqrt(population.q)
        self.counts: dict[str, tuple[int, int]] = {}
        self.member = np.zeros((classes.count, n))
        self.first = np.zeros((classes.count, n, population.q))
        self.second = np.zeros((classes.count, population.q, population.q))
        self.own_information = np.zeros((classes.nu, classes.nu))
        self.which: Index = self._drawn(copies)
        self.eta = np.zeros((copies, n, population.q))
        self._settle_population()
        self.z = subjects.channels(self._phi(self.which, self.eta))
        self.random = self._random(self.which, self.eta)

    def _settle_population(self) -> None:
        """What u makes of every class."""
        population = self.population
        vectors = self.classes.of(self.u)
        self.omega = omega_of(population, vectors[:, population.nb :])
        self.mu = population.mu(vectors[:, : population.nb])
        self.log_probability = self.classes.log_probabilities(self.u)

    def _phi(self, which: Index, eta: Array) -> Array:
        return self.subjects.phi(self.u, eta, which)

    def _random(self, which: Index, eta: Array) -> Array:
        """The random components, (chains, subjects, q)."""
        at = np.arange(self.subjects.count)
        return np.asarray(self.mu[which, at][..., self.population.random] + eta)

    def _drawn(self, copies: int) -> Index:
        """Classes by their present chances, (copies, subjects)."""
        ends = np.cumsum(self.chance, axis=0)[:-1]
        drawn: Index = (self.rng.random((copies, self.subjects.count))[:, None] > ends).sum(axis=1)
        return drawn

    # ---- simulation

    def simulate(self, often: bool, follow: bool) -> None:
        """Some kernels one after another; each proposes for all subjects and chains at once."""
        population, rng = self.population, self.rng
        at = np.arange(self.subjects.count)
        self._settle_population()
        self.eta = self.random - self.mu[self.which, at][..., population.random]
        phi = self._phi(self.which, self.eta)
        self.z = self.subjects.channels(phi) if self.integrated.any() else self.subjects.renumbered(self.z, phi)
        self.value = self.subjects.observations.terms(self.z, slopes=False).value
        self.prior = self._prior(self.which, self.eta)
        if follow:
            self._follow()
        which = self._drawn(len(self.which))
        scale = np.sqrt(rng.chisquare(FREEDOM, which.shape) / FREEDOM)
        draw = rng.standard_normal(self.eta.shape) / scale[..., None]
        proposal = self.mode[which, at] + np.einsum("csab,csb->csa", self.half[which, at], draw)
        old = np.einsum("csab,csb->csa", self.half_inverse[self.which, at], self.eta - self.mode[self.which, at])
        back = self._log_proposal(self.which, old) - self._log_proposal(which, draw)
        self._settle("laplace", which, proposal, back)
        step = np.einsum("csab,csb->csa", self.half[self.which, at], rng.standard_normal(self.eta.shape)) * self.jump
        rate = self._settle("walk", self.which, self.eta + step, np.zeros(self.which.shape))
        self.jump *= 1 + 0.4 * (rate - WANTED)
        if often:
            self._from_prior()
        self.random = self._random(self.which, self.eta)

    def _from_prior(self) -> None:
        share = np.exp(self.log_probability)
        which = self.rng.choice(len(share), size=self.which.shape, p=share / share.sum())
        factor = np.linalg.cholesky(self.omega.matrix)[which]
        proposal = np.einsum("csab,csb->csa", factor, self.rng.standard_normal(self.eta.shape))
        self._settle("prior", which, proposal, self.prior - self._prior(which, proposal))

    def _prior(self, which: Index, eta: Array) -> Array:
        """ln of the chance of a class and of random effects in it, without constants, (chains, subjects)."""
        squared = np.einsum("csa,csab,csb->cs", eta, self.omega.inverse[which], eta)
        return np.asarray(self.log_probability[which] - 0.5 * (squared + self.omega.log_determinant[which]))

    def _log_proposal(self, which: Index, x: Array) -> Array:
        """ln of the density by which a class and the standardized random effects x in it are proposed."""
        at = np.arange(self.subjects.count)
        q = x.shape[-1]
        log = -(FREEDOM + q) / 2 * np.log1p((x**2).sum(-1) / FREEDOM)
        return np.asarray(log + np.log(self.chance[which, at]) - self.half_size[which, at])

    def _settle(self, name: str, which: Index, proposal: Array, extra: Array) -> float:
        """Metropolis-Hastings; `extra` is the log-density of the way back less that of the way there."""
        z = self.subjects.channels(self._phi(which, proposal))
        value, prior = self.subjects.observations.terms(z, slopes=False).value, self._prior(which, proposal)
        with np.errstate(all="ignore"):
            log = self.value - value + prior - self.prior + extra
        accepted = np.log(self.rng.random(log.shape)) < log
        self.which = np.where(accepted, which, self.which)
        self.eta = np.where(accepted[..., None], proposal, self.eta)
        self.z = np.where(accepted[..., None, None], z, self.z)
        self.value, self.prior = np.where(accepted, value, self.value), np.where(accepted, prior, self.prior)
        taken, tried = self.counts.get(name, (0, 0))
        self.counts[name] = (taken + int(accepted.sum()), tried + accepted.size)
        return float(accepted.mean())

    def seek_modes(self, seed: int) -> None:
        """Look for the modes of all subjects in all classes anew."""
        approximation = approximation_of(self.subjects, "focei")
        flat = self.mode.reshape(-1, self.population.q)
        self.mode = approximation.elsewhere(self.u, flat, seed=seed, restarts=4)[0].reshape(self.mode.shape)

    def _follow(self) -> None:
        """A step of each mode to where it is now; proposals have the shape and the class the chance that it says."""
        reached = modes(self.subjects, self.classes.of(self.u), self.mode, tol=1e-3, most=1)
        lost = ~np.isfinite(reached.objective) | ~np.isfinite(reached.curvature).all((-2, -1))
        self.mode = np.where(lost[..., None], 0.0, reached.eta)
        curvature = np.where(lost[..., None, None], self.omega.inverse[:, None], reached.curvature)
        self.half = np.linalg.cholesky(np.linalg.inv(curvature))
        self.half_inverse = np.linalg.inv(self.half)
        self.half_size = np.log(np.diagonal(self.half, axis1=-2, axis2=-1)).sum(-1)
        objective = reached.objective + self.omega.log_determinant[:, None] - 2 * self.half_size
        _, shares = posterior_shares(objective, self.log_probability)
        shares = np.where(np.isfinite(shares).all(axis=0), shares, np.exp(self.log_probability)[:, None])
        self.chance = (1 - DEFENSIVE) * shares + DEFENSIVE * np.exp(self.log_probability)[:, None]

    # ---- maximization

    def maximize(self, gain: float, annealing: bool) -> None:
        """The sufficient statistics of each class, and Newton steps of what has no random effect."""
        random, classes = self.random, self.classes
        inside = np.stack([self.which == k for k in range(classes.count)]).astype(float)
        self.member += gain * (inside.mean(1) - self.member)
        self.first += gain * (np.einsum("kcs,csa->ksa", inside, random) / len(random) - self.first)
        second = np.einsum("kcs,csa,csb->kab", inside, random, random, optimize=True) / len(random)
        self.second += gain * (second - self.second)
        u = self.u.copy()
        self._fixed_effects(u)
        self._own(u, gain, inside, annealing)
        self._spreads(u, annealing)
        self._probabilities(u)
        self.u = u

    def mean(self) -> Array:
        """Where random effects are in every class, (classes x subjects, q)."""
        return self.mode.reshape(-1, self.population.q)

    def _slopes(self, u: Array, components: Index) -> Array:
        """d mu/du of the components in each class, (classes, subjects, components, nu)."""
        population, classes = self.population, self.classes
        each = []
        for beta, own in zip(classes.of(u)[:, : population.nb], classes.select[:, : population.nb], strict=True):
            slopes = np.zeros((self.subjects.count, len(components), classes.nu))
            slopes[..., own] = population.mu_slopes(beta)[:, components]
            each.append(slopes)
        return np.stack(each)

    def _fixed_effects(self, u: Array) -> None:
        """Generalized least squares for typical values and coefficients of components with a random effect."""
        population, inverse = self.population, self.omega.inverse
        A = self._slopes(u, population.random)
        acts = np.flatnonzero((A != 0).any((0, 1, 2)) & self.classes.free)
        if not len(acts):
            return
        A = A[..., acts]
        away = self.first - self.member[..., None] * self.mu[..., population.random]
        left = np.einsum("ks,ksqb,kqr,ksrc->bc", self.member, A, inverse, A, optimize=True)
        right = np.einsum("ksqb,kqr,ksr->b", A, inverse, away, optimize=True)
        u[acts] += np.linalg.lstsq(left, right, rcond=None)[0]

    def _own(self, u: Array, gain: float, inside: Array, annealing: bool) -> None:
        """A stochastic Newton step for what has no random effect, numbers of error models among it."""
        subjects, classes = self.subjects, self.classes
        if not len(self.own):
            return
        if self.integrated.any():
            z, D = subjects.slopes(self._phi(self.which, self.eta), self.own)
        else:
            z, D = self.z, subjects.number_slopes(self.z.shape, self.own)
        A = self._slopes(self.u, self.own)
        acts = np.flatnonzero((A != 0).any((0, 1, 2)) & classes.free)
        if not len(acts):
            return
        A, terms, copies = A[..., acts], subjects.observations.terms(z), len(z)
        gradient = np.einsum("kcs,csp,kspb->b", inside, pulled(D, terms.slope), A, optimize=True) / copies
        bent = np.einsum("kcs,cspq->kspq", inside, weighted(D, terms.information, D)) / copies
        information = np.einsum("kspb,kspq,ksqc->bc", A, bent, A, optimize=True)
        if not (np.isfinite(gradient).all() and np.isfinite(information).all()):
            return
        at, now = np.ix_(acts, acts), (gradient, information)
        u[acts], self.own_information[at] = newton(classes, u, acts, self.own_information[at], now, gain, annealing)

    def _spreads(self, u: Array, annealing: bool) -> None:
        """Omega of every class, by the scatter in all classes that share its numbers."""
        population, classes = self.population, self.classes
        mu = population.mu(classes.of(u)[:, : population.nb])[..., population.random]
        cross = np.einsum("ksa,ksb->kab", self.first, mu)
        scatter = self.second - cross - np.swapaxes(cross, -1, -2)
        scatter = scatter + np.einsum("ks,ksa,ksb->kab", self.member, mu, mu, optimize=True)
        members = self.member.sum(-1)
        for k, own in enumerate(classes.select[:, population.nb :]):
            covariance = np.zeros(scatter.shape[1:])
            for r, c, w in zip(population.rows, population.cols, population.which, strict=True):
                sharing = classes.select[:, population.nb + w] == own[w]
                value = scatter[sharing, r, c].sum() / max(members[sharing].sum(), RAREST)
                covariance[r, c] = covariance[c, r] = value
            l = self._numbers_of(covariance, k, annealing)
            u[own] = np.where(classes.free[own], l, u[own])

    def _numbers_of(self, covariance: Array, k: int, annealing: bool) -> Array:
        """The numbers of one class for a covariance that is kept from falling too low or too fast."""
        population = self.population
        covariance = population.patterned(covariance)
        least = np.exp(2 * population.lowest[sd_places(population)])
        if annealing:
            least = np.maximum(least, ANNEALED * np.diagonal(self.omega.matrix[k]))
        now = np.diagonal(covariance)
        stretch = np.sqrt(np.maximum(now, least) / np.maximum(now, 1e-300))
        try:
            l = population.l_of(covariance * np.outer(stretch, stretch))
        except np.linalg.LinAlgError:  # correlations beyond 1 by the pattern: let them wait
            return np.asarray(self.u[self.classes.select[k, population.nb :]])
        return np.maximum(l, population.floor)

    def _probabilities(self, u: Array) -> None:
        """The share of the members of each class; those that are held stay, others share what they leave."""
        classes = self.classes
        free = classes.free[classes.first_probability :]
        if not free.any():
            return
        now = np.exp(self.log_probability)
        searched = np.concatenate([[True], free])
        members = np.maximum(self.member.sum(-1), RAREST * self.subjects.count)
        share = np.where(searched, members / members[searched].sum() * now[searched].sum(), now)
        number = classes.numbers_of(share[1:] / share.sum())
        u[classes.first_probability :][free] = number[free]
