"""Stochastic approximation of EM, with every proposal of all subjects and chains in one ensemble.

The latent numbers of a subject are the random components of phi.  They are simulated by
independent proposals from a t distribution about the mode with the curvature there (Karimi et
al. 2020), by a random walk of that shape whose length adapts to an acceptance of 0.3, and now
and then from the prior.  Modes follow by Gauss-Newton steps on first-order sensitivities.  In the
first phase each iteration takes the present sample alone; in the second it averages.

References
----------
Delyon B, Lavielle M, Moulines E. Convergence of a stochastic approximation version of the EM
algorithm. Ann Stat 27:94-128 (1999).
Kuhn E, Lavielle M. Maximum likelihood estimation in nonlinear mixed effects models. Comput Stat
Data Anal 49:1020-1038 (2005).
Karimi B, Lavielle M, Moulines E. f-SAEM: a fast stochastic approximation of the EM algorithm for
nonlinear mixed effects models. Comput Stat Data Anal 141:123-138 (2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.fitting.mixed.modes import elsewhere, modes, omega_of, pulled, weighted
from pkpd.fitting.mixed.natural import sd_places
from pkpd.fitting.mixed.saem_classes import ClassState
from pkpd.fitting.mixed.saem_steps import ANNEALED, FREEDOM, WANTED, newton
from pkpd.fitting.mixed.searching import Report
from pkpd.fitting.mixed.subjects import Subjects

__all__ = ["Averaged", "saem"]

MEMBERS = 50  # chains times subjects, at least
ANEW = 40  # iterations of the first phase after which modes are sought anew


@dataclass(frozen=True, eq=False)
class Averaged:
    """How SAEM ended.

    Attributes
    ----------
    u
        (nu,).
    mean
        (subjects, q): the conditional means of the random effects; of a mixture where they are in each
        class, (classes x subjects, q).
    acceptance
        The share of proposals that was accepted, by kernel.
    trace
        (iterations, nu).
    """

    u: Array
    mean: Array
    acceptance: dict[str, float]
    trace: Array
    iterations: int
    interrupted: bool


def saem(
    subjects: Subjects, u: Array, eta: Array, *, seed: int, phases: tuple[int, int], chains: int | None = None,
    report: Report | None = None,
) -> Averaged:  # fmt: skip
    """Maximum likelihood from u and random effects eta (subjects, q)."""
    copies = chains or max(1, math.ceil(MEMBERS / subjects.count))
    rng, begin = np.random.default_rng(seed), np.array(u, dtype=float)
    state: _State | ClassState
    if subjects.classes is None:
        state = _State(subjects, begin, np.repeat(eta[None], copies, 0), rng)
    else:
        state = ClassState(subjects, subjects.classes, begin, eta, copies, rng)
    trace, interrupted = [], False
    try:
        for iteration in range(sum(phases)):
            first = iteration < phases[0]
            if first and iteration % ANEW == 0:
                state.seek_modes(seed + iteration)
            state.simulate(often=iteration < 20 or iteration % 10 == 0, follow=iteration < 50 or iteration % 3 == 0)
            gain = 1.0 if first else 1.0 / (iteration - phases[0] + 1)
            state.maximize(gain, annealing=iteration < phases[0] // 2)
            trace.append(state.u.copy())
            if report is not None:
                report(iteration, np.nan, state.u)
    except KeyboardInterrupt:
        interrupted = True
    rates = {name: taken / tried for name, (taken, tried) in state.counts.items()}
    return Averaged(state.u, state.mean(), rates, np.array(trace), len(trace), interrupted)


class _State:
    """What the chain is at: the one object here that changes."""

    def __init__(self, subjects: Subjects, u: Array, eta: Array, rng: np.random.Generator) -> None:
        population = subjects.population
        self.subjects, self.population, self.u, self.rng = subjects, population, u, rng
        every = np.arange(len(population.components))
        self.own: Index = np.setdiff1d(every, population.random)
        self.integrated: Mask = self.own < subjects.parameters
        self.mode, self.jump = eta[0].copy(), 2.38 / math.sqrt(population.q)
        self.counts: dict[str, tuple[int, int]] = {}
        self.first = np.zeros(eta.shape[1:])
        self.second = np.zeros((population.q, population.q))
        self.own_information = np.zeros((population.nb, population.nb))
        self.started = False
        self.phi = population.phi(self.beta[None], eta)
        self.z = subjects.channels(self.phi)

    @property
    def beta(self) -> Array:
        return np.asarray(self.u[: self.population.nb])

    # ---- simulation

    def simulate(self, often: bool, follow: bool) -> None:
        """Some kernels one after another; each proposes for all subjects and chains at once.

        Now and then (`often`) from the prior too; modes are followed in some iterations.
        """
        population, rng = self.population, self.rng
        self.omega = omega_of(population, self.u[None, population.nb :])
        mu = population.mu(self.beta[None])[..., population.random]
        self.eta = self.phi[..., population.random] - mu
        self._evaluate()
        if follow:
            self._follow()
        scale = np.sqrt(rng.chisquare(FREEDOM, self.eta.shape[:2]) / FREEDOM)
        draw = rng.standard_normal(self.eta.shape) / scale[..., None]
        proposal = self.mode + np.einsum("sab,csb->csa", self.half, draw)
        old = np.einsum("sab,csb->csa", self.half_inverse, self.eta - self.mode)
        self._settle("laplace", proposal, _log_t(old) - _log_t(draw))
        step = np.einsum("sab,csb->csa", self.half, rng.standard_normal(self.eta.shape)) * self.jump
        rate = self._settle("walk", self.eta + step, np.zeros(self.eta.shape[:2]))
        self.jump *= 1 + 0.4 * (rate - WANTED)
        if often:
            prior = rng.standard_normal(self.eta.shape) @ np.linalg.cholesky(self.omega.matrix[0]).T
            self._settle("prior", prior, 0.5 * (self.omega.squared(prior) - self.quadratic))

    def seek_modes(self, seed: int) -> None:
        """Look for the modes of all subjects anew: a chain that is caught at a lower one then finds its way."""
        self.mode, _ = elsewhere(self.subjects, self.u, self.mode, seed=seed, restarts=4)

    def _evaluate(self) -> None:
        """The likelihood of the present sample; integrated only where a component without random effect moved."""
        if self.integrated.any() and self.started:
            self.z = self.subjects.channels(self.phi)
        else:
            self.z = self.subjects.renumbered(self.z, self.phi)
        self.value = self.subjects.observations.terms(self.z, slopes=False).value
        self.quadratic = self.omega.squared(self.eta)
        self.started = True

    def _settle(self, name: str, proposal: Array, extra: Array) -> float:
        """Metropolis-Hastings; `extra` is the log-density of the way back less that of the way there."""
        phi = self.phi.copy()
        phi[..., self.population.random] += proposal - self.eta
        z = self.subjects.channels(phi)
        value, quadratic = self.subjects.observations.terms(z, slopes=False).value, self.omega.squared(proposal)
        with np.errstate(all="ignore"):
            log = self.value - value + 0.5 * (self.quadratic - quadratic) + extra
        accepted = np.log(self.rng.random(log.shape)) < log
        self.eta = np.where(accepted[..., None], proposal, self.eta)
        self.phi = np.where(accepted[..., None], phi, self.phi)
        self.z = np.where(accepted[..., None, None], z, self.z)
        self.value = np.where(accepted, value, self.value)
        self.quadratic = np.where(accepted, quadratic, self.quadratic)
        taken, tried = self.counts.get(name, (0, 0))
        self.counts[name] = (taken + int(accepted.sum()), tried + accepted.size)
        return float(accepted.mean())

    def _follow(self) -> None:
        """A step of each mode to where it is now; the shape of proposals is the curvature there."""
        reached = modes(self.subjects, self.u[None], self.mode[None], tol=1e-3, most=1)
        lost = ~np.isfinite(reached.objective[0]) | ~np.isfinite(reached.curvature[0]).all((-2, -1))
        self.mode = np.where(lost[:, None], self.eta.mean(0), reached.eta[0])
        curvature = np.where(lost[:, None, None], self.omega.inverse, reached.curvature[0])
        self.half = np.linalg.cholesky(np.linalg.inv(curvature))
        self.half_inverse = np.linalg.inv(self.half)

    # ---- maximization

    def maximize(self, gain: float, annealing: bool) -> None:
        """The sufficient statistics of the random components, and Newton steps of the others."""
        population = self.population
        random = self.phi[..., population.random]
        self.first += gain * (random.mean(0) - self.first)
        self.second += gain * (np.einsum("csa,csb->ab", random, random) / len(random) - self.second)
        u = self.u.copy()
        self._fixed_effects(u)
        self._own(u, gain, annealing)
        mu = population.mu(u[None, : population.nb])[0][:, population.random]
        cross = self.first.T @ mu
        covariance = (self.second - cross - cross.T + mu.T @ mu) / self.subjects.count
        self._spreads(u, covariance, annealing)
        self.u = u
        phi = population.phi(self.beta[None], np.zeros_like(self.eta))
        self.phi[..., self.own] = phi[..., self.own]

    def mean(self) -> Array:
        """The conditional means of the random effects."""
        mu = self.population.mu(self.beta[None])[0][:, self.population.random]
        return np.asarray(self.first - mu)

    def _fixed_effects(self, u: Array) -> None:
        """Generalized least squares for typical values and coefficients of components with a random effect."""
        population = self.population
        A = population.mu_slopes(self.beta)[:, population.random]
        acts = np.flatnonzero((A != 0).any((0, 1)) & population.free[: population.nb])
        if not len(acts):
            return
        A = A[..., acts]
        away = self.first - population.mu(self.beta[None])[0][:, population.random]
        inverse = self.omega.inverse[0]
        left = np.einsum("sqb,qr,src->bc", A, inverse, A)
        u[acts] += np.linalg.lstsq(left, np.einsum("sqb,qr,sr->b", A, inverse, away), rcond=None)[0]

    def _own(self, u: Array, gain: float, annealing: bool) -> None:
        """A stochastic Newton step for what has no random effect, numbers of error models among it."""
        population, subjects = self.population, self.subjects
        if not len(self.own):
            return
        if self.integrated.any():
            z, D = subjects.slopes(self.phi, self.own)
        else:
            z, D = self.z, subjects.number_slopes(self.z.shape, self.own)
        A = population.mu_slopes(self.beta)[:, self.own]
        acts = np.flatnonzero((A != 0).any((0, 1)) & population.free[: population.nb])
        if not len(acts):
            return
        terms, copies = subjects.observations.terms(z), len(z)
        gradient = np.einsum("csp,spb->b", pulled(D, terms.slope), A[..., acts]) / copies
        bent = weighted(D, terms.information, D).mean(0)
        information = np.einsum("spb,spq,sqc->bc", A[..., acts], bent, A[..., acts])
        if not (np.isfinite(gradient).all() and np.isfinite(information).all()):
            return
        at, now = np.ix_(acts, acts), (gradient, information)
        u[acts], self.own_information[at] = newton(population, u, acts, self.own_information[at], now, gain, annealing)

    def _spreads(self, u: Array, covariance: Array, annealing: bool) -> None:
        population = self.population
        covariance = population.patterned(covariance)
        now = np.diagonal(self.omega.matrix[0])
        least = np.exp(2 * population.lowest[sd_places(population)])
        if annealing:
            least = np.maximum(least, ANNEALED * now)
        new = np.diagonal(covariance)
        wanted = np.maximum(new, least)
        stretch = np.sqrt(wanted / np.maximum(new, 1e-300))
        covariance = covariance * np.outer(stretch, stretch)
        try:
            l = population.l_of(covariance)
            l = self._with_held(l)
        except np.linalg.LinAlgError:  # correlations beyond 1 by the pattern: let them wait
            return
        u[population.nb :] = np.where(population.free_l, np.maximum(l, population.floor), u[population.nb :])

    def _with_held(self, l: Array) -> Array:
        """l with the standard deviations that are held, and what others covary with them in proportion."""
        population = self.population
        square = population.rows == population.cols
        held = population.rows[square][~population.free_l[population.which[square]]]
        if not len(held) or square.all():
            return l
        others = np.setdiff1d(np.arange(population.q), held)
        new, known = population.cholesky(l), population.cholesky(self.u[population.nb :])
        at, below = np.ix_(held, held), np.ix_(others, held)
        new[below] = new[below] @ np.linalg.inv(new[at]) @ known[at]
        off = ~square
        l = l.copy()
        l[population.which[off]] = new[population.rows[off], population.cols[off]]
        return l


def _log_t(x: Array) -> Array:
    q = x.shape[-1]
    return np.asarray(-(FREEDOM + q) / 2 * np.log1p((x**2).sum(-1) / FREEDOM))
