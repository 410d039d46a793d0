"""Objective functions that expand about the modes of the random effects: FOCEI, FOCE and Laplace.

For one subject, with p(y, eta) the joint density and eta* its mode,

    O = -2 ln p(y, eta*) + ln|H| - q ln(2 pi),   H = Omega^-1 + D' w D,

where D are the slopes of the channels of observations by eta, and w their expected information
(FOCE, FOCEI) or H the curvature itself (Laplace).  That is NONMEM's objective function but for
n ln(2 pi).  The gradient by the population parameters takes account of how eta* moves with them.

References
----------
Lindstrom MJ, Bates DM. Nonlinear mixed effects models for repeated measures data. Biometrics
46:673-687 (1990).
Wang Y. Derivation of various NONMEM estimation methods. J Pharmacokinet Pharmacodyn 34:575-593 (2007).
Almquist J, Leander J, Jirstrand M. Using sensitivity equations for computing gradients of the FOCE
and FOCEI approximations to the population likelihood. J Pharmacokinet Pharmacodyn 42:191-209 (2015).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.fitting.mixed.linearized import first_order_objective
from pkpd.fitting.mixed.modes import Modes, Omega, elsewhere, modes, omega_of, pulled, weighted
from pkpd.fitting.mixed.observed import Terms
from pkpd.fitting.mixed.subjects import Subjects

__all__ = ["Approximation", "Kind", "Point"]

Kind = Literal["fo", "foce", "focei", "laplace"]

STEP = 1e-3  # of phi, for central differences of slopes: rounding and truncation are about equal
OUTER_STEP = 1e-4  # of u, for central differences of a whole objective
AT_ONCE = 4096  # subjects x copies of an ensemble of differences


@dataclass(frozen=True, eq=False)
class Point:
    """The objective at one or more guesses of u, and how it and the modes change.

    Attributes
    ----------
    u, value, each
        (copies, nu), (copies,) and (copies, subjects).
    eta, converged
        The modes.
    hessian
        H of each subject, (copies, subjects, q, q).
    gradient, gradients
        (copies, nu) and by subject (copies, subjects, nu).
    motion
        d eta*/du, (copies, subjects, q, nu).
    information
        (copies, nu, nu): twice the expected information of the linearized model, a metric for searches.
    shares
        Of a mixture the chance of each class given the observations, (copies, classes, subjects);
        `eta`, `converged`, `hessian` and `motion` then have all subjects of the first class, of
        the second, and so on.
    """

    u: Array
    value: Array
    each: Array
    eta: Array
    converged: Mask
    hessian: Array
    gradient: Array | None = None
    gradients: Array | None = None
    motion: Array | None = None
    information: Array | None = None
    shares: Array | None = None


@dataclass(frozen=True, eq=False)
class Approximation:
    """One of the objective functions, of the subjects of a fit."""

    subjects: Subjects
    kind: Kind = "focei"

    def evaluate(self, u: Array, eta: Array, *, gradient: bool = True, tol: float = 1e-10) -> Point:
        """At u (copies, nu), looking for the modes from eta (copies, subjects, q)."""
        point = self._value(u, eta, tol)
        return self.differentiated(point) if gradient else point

    def differentiated(self, point: Point, weight: Array | None = None) -> Point:
        """With gradients, motion and information, to which subjects contribute by their weight (copies, subjects)."""
        if self.kind != "focei":
            return self._differenced(point, weight)
        moves = 2 * self.subjects.parameters + 1
        together = max(1, AT_ONCE // (moves * self.subjects.count))
        slices = [slice(i, i + together) for i in range(0, len(point.u), together)]
        parts = [self._gradients(_part(point, own), None if weight is None else weight[own]) for own in slices]
        return replace(
            point,
            gradients=np.concatenate([p[0] for p in parts]),
            gradient=np.concatenate([p[0] for p in parts]).sum(1),
            motion=np.concatenate([p[1] for p in parts]),
            information=np.concatenate([p[2] for p in parts]),
        )

    def elsewhere(self, u: Array, eta: Array, *, seed: int, restarts: int) -> tuple[Array, Mask]:
        """The modes of one guess, sought from many places: see `modes.elsewhere`."""
        return elsewhere(self.subjects, u, eta, seed=seed, restarts=restarts, sd=self.sd(u[None], eta[None]))

    def sd(self, u: Array, eta: Array) -> Array | None:
        """The standard deviations that FOCE without interaction keeps, those of the typical subject."""
        if self.kind != "foce":
            return None
        population = self.subjects.population
        beta, _ = population.split(u)
        return self.subjects.observations.spread(self.subjects.channels(population.phi(beta, np.zeros_like(eta))))

    # ---- the value

    def _value(self, u: Array, eta: Array, tol: float) -> Point:
        subjects, population = self.subjects, self.subjects.population
        beta, l = population.split(u)
        omega = omega_of(population, l)
        if self.kind == "fo":
            each = first_order_objective(subjects, beta, omega)
            nobody = np.zeros_like(eta)
            hessian = np.broadcast_to(omega.inverse[:, None], (*eta.shape, eta.shape[-1]))
            return Point(u, each.sum(-1), each, nobody, np.isfinite(each), hessian)
        sd = self.sd(u, eta)
        reached = modes(subjects, u, eta, sd=sd, tol=tol)
        hessian = self._curvature(beta, reached, omega) if self.kind == "laplace" else reached.curvature
        return self._point(u, reached, omega, hessian)

    def _point(self, u: Array, reached: Modes, omega: Omega, hessian: Array) -> Point:
        good = np.isfinite(reached.objective) & np.isfinite(hessian).all((-2, -1))
        hessian = np.where(good[..., None, None], hessian, np.eye(hessian.shape[-1]))
        sign, log = np.linalg.slogdet(hessian)
        log_determinant = omega.log_determinant[:, None] + log
        each = np.where(good & (sign > 0), reached.objective + log_determinant, np.inf)
        each = each - self.subjects.observations.constants
        return Point(u, each.sum(-1), each, reached.eta, reached.converged, hessian)

    def _curvature(self, beta: Array, reached: Modes, omega: Omega) -> Array:
        """The second derivatives of the individual objective by eta, by differences of its slopes; halved."""
        population = self.subjects.population
        phi = population.phi(beta, reached.eta)
        around = _Around(self.subjects, phi, population.random, population.random)
        slope, _ = around.differences()
        curvature = slope + omega.inverse[:, None]
        return 0.5 * (curvature + np.swapaxes(curvature, -1, -2))

    # ---- the gradient of FOCEI

    def _gradients(self, point: Point, weight: Array | None) -> tuple[Array, Array, Array]:
        subjects, population = self.subjects, self.subjects.population
        beta, l = population.split(point.u)
        omega = omega_of(population, l)
        prior, slopes_of_omega = omega.inverse[:, None], population.omega_slopes(l)
        phi = population.phi(beta, point.eta)
        every = np.arange(len(population.components))
        z, D = subjects.slopes(phi, every)
        terms = subjects.observations.terms(z)
        around = _Around(subjects, phi, every, population.random)
        dslope, dcurvature = around.differences()
        inverse = np.asarray(np.linalg.inv(point.hessian), dtype=float)
        # of ln|H| by phi, whether the typical value moves or eta does
        v = np.einsum("ksab,ksbap->ksp", inverse, dcurvature)
        A = np.stack([population.mu_slopes(b) for b in beta])
        curvature = dslope[..., population.random] + prior
        motion = _motion(curvature, point.hessian, dslope, A, prior, slopes_of_omega, point.eta)
        direct = (2 * pulled(D, terms.slope) + v)[:, :, None, :] @ A
        moved = v[:, :, None, population.random] @ motion
        gradients = np.concatenate([direct[:, :, 0], _by_omega(omega, slopes_of_omega, point.eta, inverse)], axis=-1)
        gradients = gradients + moved[:, :, 0]
        return gradients, motion, 2 * self._information(D, terms, A, omega, slopes_of_omega, inverse, weight)

    def _information(
        self, D: Array, terms: Terms, A: Array, omega: Omega, slopes_of_omega: Array, inverse: Array,
        weight: Array | None,
    ) -> Array:  # fmt: skip
        """The expected information of the model linearized at the modes, (copies, nu, nu)."""
        population = self.subjects.population
        random, nb = population.random, population.nb
        whole = weighted(D, terms.information, D)
        mixed, own = whole[..., random], whole[..., random, :][..., random]
        left = whole - mixed @ inverse @ np.swapaxes(mixed, -1, -2)
        information = np.zeros((len(D), population.nu, population.nu))
        seen = own - own @ inverse @ own
        if weight is not None:
            some = (weight > 0)[..., None, None]
            left = np.where(some, weight[..., None, None] * left, 0.0)
            seen = np.where(some, np.sqrt(weight)[..., None, None] * seen, 0.0)  # of which there are two factors
        information[:, :nb, :nb] = (np.swapaxes(A, -1, -2) @ left @ A).sum(1)
        product = np.einsum("ksab,kobc->ksoac", seen, slopes_of_omega)
        information[:, nb:, nb:] = 0.5 * np.einsum("ksoab,kspba->kop", product, product)
        return information

    # ---- gradients of the others

    def _differenced(self, point: Point, weight: Array | None = None) -> Point:
        """Central differences of the whole objective, with the modes of every guess; all are one ensemble."""
        population = self.subjects.population
        free = np.flatnonzero(population.free)
        gradients = np.full((*point.each.shape, population.nu), 0.0)
        steps = np.zeros((len(free), population.nu))
        steps[np.arange(len(free)), free] = OUTER_STEP
        guesses = point.u[:, None, None, :] + np.stack([steps, -steps])
        eta = np.broadcast_to(point.eta[:, None, None], (*guesses.shape[:3], *point.eta.shape[1:]))
        flat = guesses.reshape(-1, population.nu)
        around = self._value(flat, eta.reshape(len(flat), *point.eta.shape[1:]), 1e-16)
        each = around.each.reshape(len(point.u), 2, len(free), -1)
        with np.errstate(all="ignore"):
            gradients[..., free] = np.moveaxis((each[:, 0] - each[:, 1]) / (2 * OUTER_STEP), 1, -1)
        by_eta = (around.eta.reshape(*guesses.shape[:3], *point.eta.shape[1:])) / (2 * OUTER_STEP)
        motion = np.zeros((*point.eta.shape, population.nu))
        motion[..., free] = np.moveaxis(by_eta[:, 0] - by_eta[:, 1], 1, -1)
        information = self._metric(point, weight)
        return replace(point, gradients=gradients, gradient=gradients.sum(1), motion=motion, information=information)

    def _metric(self, point: Point, weight: Array | None) -> Array:
        population = self.subjects.population
        beta, l = population.split(point.u)
        every = np.arange(len(population.components))
        z, D = self.subjects.slopes(population.phi(beta, point.eta), every)
        terms, omega = self.subjects.observations.terms(z), omega_of(population, l)
        own = D[..., population.random]
        inverse = np.asarray(np.linalg.inv(weighted(own, terms.information, own) + omega.inverse[:, None]), dtype=float)
        A = np.stack([population.mu_slopes(b) for b in beta])
        return 2 * self._information(D, terms, A, omega, population.omega_slopes(l), inverse, weight)


@dataclass(frozen=True, eq=False)
class _Around:
    """Slopes and curvatures of the observations' part at points about phi, one pair of them along each component."""

    subjects: Subjects
    phi: Array
    along: Index
    random: Index

    def differences(self) -> tuple[Array, Array]:
        """The derivatives along the components of D'g, (copies, subjects, q, along), and of D'wD, (.., q, q, along)."""
        sizes = np.array([c.size for c in self.subjects.population.components])[self.along] * STEP
        copies = len(self.phi)
        moves = np.zeros((2, len(self.along), self.phi.shape[-1]))
        moves[0, np.arange(len(self.along)), self.along] = sizes
        moves[1] = -moves[0]
        moved = (self.phi + moves.reshape(-1, 1, 1, self.phi.shape[-1])).reshape(-1, *self.phi.shape[1:])
        z, slopes = self._slopes(moved)
        terms = self.subjects.observations.terms(z)
        pulls = pulled(slopes, terms.slope).reshape(2, len(self.along), copies, *self._shape)
        bends = weighted(slopes, terms.information, slopes).reshape(
            2, len(self.along), copies, *self._shape, len(self.random)
        )
        half = 1 / (2 * sizes)
        by_slope = np.moveaxis(pulls[0] - pulls[1], 0, -1) * half
        return by_slope, np.moveaxis(bends[0] - bends[1], 0, -1) * half

    @property
    def _shape(self) -> tuple[int, int]:
        return self.phi.shape[1], len(self.random)

    def _slopes(self, moved: Array) -> tuple[Array, Array]:
        """The numbers of error models move nothing that has to be integrated."""
        subjects, copies = self.subjects, len(self.phi)
        own = self.along < subjects.parameters
        if own.all():
            return subjects.slopes(moved, self.random)
        needed = np.concatenate([np.repeat(np.tile(own, 2), copies), np.ones(copies, dtype=bool)])
        z, slopes = subjects.slopes(np.concatenate([moved, self.phi])[needed], self.random)
        place = np.where(needed[: len(moved)], np.cumsum(needed[: len(moved)]) - 1, 0)
        here = len(z) - copies + np.tile(np.arange(copies), len(moved) // copies)
        place = np.where(needed[: len(moved)], place, here)
        return subjects.renumbered(z[place], moved), slopes[place]


def _motion(
    curvature: Array, hessian: Array, dslope: Array, A: Array, prior: Array, slopes_of_omega: Array, eta: Array
) -> Array:
    """d eta*/du by the implicit function theorem, (copies, subjects, q, nu)."""
    lowest = np.linalg.eigvalsh(np.where(np.isfinite(curvature), 0.5 * (curvature + np.swapaxes(curvature, -1, -2)), 0))
    curvature = np.where((lowest[..., 0] > 1e-10)[..., None, None], curvature, hessian)
    pulled_eta = (prior @ eta[..., None])[..., 0]
    by_omega = -np.einsum("ksab,kobc,ksc->ksao", np.broadcast_to(prior, hessian.shape), slopes_of_omega, pulled_eta)
    cross = np.concatenate([dslope @ A, by_omega], axis=-1)
    return np.asarray(-np.linalg.solve(curvature, cross))


def _by_omega(omega: Omega, slopes: Array, eta: Array, inverse: Array) -> Array:
    """The derivatives of eta'Omega^-1 eta + ln|Omega| + ln|H| by l, eta held, (copies, subjects, numbers)."""
    pulled_eta = eta @ omega.inverse
    turned = np.einsum("kab,kobc->koac", omega.inverse, slopes)
    trace = np.einsum("koaa->ko", turned)[:, None]
    quadratic = np.einsum("ksa,koab,ksb->kso", pulled_eta, slopes, pulled_eta)
    both = np.einsum("koab,kbc->koac", turned, omega.inverse)
    return np.asarray(trace - quadratic - np.einsum("ksab,koba->kso", inverse, both))


def _part(point: Point, part: slice) -> Point:
    return Point(
        point.u[part], point.value[part], point.each[part], point.eta[part], point.converged[part], point.hessian[part]
    )
