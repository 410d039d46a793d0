"""What a subject has a value of: parameters of the model and numbers of error models, typical values and etas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.fitting.mixed.scales import Scale

__all__ = ["Coefficient", "Component", "Population"]


@dataclass(frozen=True)
class Coefficient:
    """The effect of a covariate on the typical value of one component: a factor.

    Attributes
    ----------
    kind
        ``"power"``: (x/reference)**c; ``"exponential"``: exp(c (x - reference)); ``"linear"``:
        1 + c (x - reference); ``"category"``: 1 + c x, of x 0 or 1.
    """

    component: int
    kind: str
    covariate: str
    reference: float
    start: float
    free: bool
    label: str
    unit: str = "1"

    def factor(self, x: Array, c: float) -> tuple[Array, Array]:
        """The factor for each subject, and its derivative by c."""
        with np.errstate(all="ignore"):
            if self.kind == "power":
                size = np.log(x / self.reference)
                factor = np.exp(c * size)
                return factor, size * factor
            away = x - self.reference
            if self.kind == "exponential":
                factor = np.exp(c * away)
                return factor, away * factor
            if self.kind == "linear":
                return 1 + c * away, away
            return 1 + c * x, x


@dataclass(frozen=True)
class Component:
    """One number that a subject has: a parameter of the model, or a number of an error model.

    Attributes
    ----------
    label
        Its name in the table of estimates.
    parameter
        The parameter of the model; None for a number of an error model.
    start
        Where the typical value starts, in `unit`.
    size
        What counts as a change of phi of 1.
    random
        Of a number that only carries a random effect: what that acts on.
    lowest
        The floor of phi in a search.
    """

    label: str
    scale: Scale
    start: float
    unit: str
    parameter: str | None = None
    free: bool = True
    size: float = 1.0
    random: str = ""
    lowest: float = -np.inf


@dataclass(frozen=True, eq=False)
class Population:
    """The population model as numbers: what is estimated, and what it makes of a subject.

    The vector of estimation is u = (beta, l): beta holds the typical values on their scales, then
    the coefficients of covariates; l the distinct numbers of the Cholesky factor of Omega, those
    of its diagonal as logarithms.  With eta ~ N(0, Omega)

        phi = mu(beta, covariates) + B eta,   psi = h(phi).

    Attributes
    ----------
    random
        (q,): the component that each eta acts on.
    rows, cols, which
        The places of the Cholesky factor that are not 0, and the number of l in each.
    start_l
        Where l starts.
    free_l
        Which of l are estimated.
    labels_l
        The names of the etas or pairs of them that l stands for.
    floor
        The least standard deviation of each diagonal number of l; -inf elsewhere.
    """

    subjects: int
    components: tuple[Component, ...]
    coefficients: tuple[Coefficient, ...]
    covariates: Mapping[str, Array] = field(repr=False)
    random: Index
    rows: Index
    cols: Index
    which: Index
    start_l: Array
    free_l: Mask
    labels_l: tuple[str, ...]
    floor: Array

    # ---- the vector

    @property
    def q(self) -> int:
        return len(self.random)

    @property
    def nb(self) -> int:
        return len(self.components) + len(self.coefficients)

    @property
    def nu(self) -> int:
        return self.nb + len(self.start_l)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The names in the order of u."""
        return (*(c.label for c in self.components), *(c.label for c in self.coefficients), *self.labels_l)

    def alone(self, label: str) -> str:
        """The label itself; of a mixture (`Classes`) without the name of a class."""
        return label

    @cached_property
    def free(self) -> Mask:
        """(nu,): which are estimated."""
        own = [c.free for c in self.components] + [c.free for c in self.coefficients]
        return np.concatenate([np.array(own, dtype=bool), self.free_l])

    @cached_property
    def start(self) -> Array:
        beta = [float(c.scale.of(np.asarray(c.start))) for c in self.components]
        return np.concatenate([beta + [c.start for c in self.coefficients], self.start_l])

    @cached_property
    def lowest(self) -> Array:
        """(nu,): bounds of the search from below, for what goes to 0."""
        own = np.array([c.lowest for c in self.components])
        return np.concatenate([own, np.full(len(self.coefficients), -np.inf), self.floor])

    def split(self, u: Array) -> tuple[Array, Array]:
        return u[..., : self.nb], u[..., self.nb :]

    # ---- Omega

    @cached_property
    def diagonal(self) -> Mask:
        """Which of l are logarithms of diagonal numbers."""
        diagonal = np.zeros(len(self.start_l), dtype=bool)
        diagonal[self.which[self.rows == self.cols]] = True
        return diagonal

    def cholesky(self, l: Array) -> Array:
        """The Cholesky factor of Omega, (..., q, q)."""
        factor = np.zeros((*l.shape[:-1], self.q, self.q))
        with np.errstate(over="ignore"):
            factor[..., self.rows, self.cols] = np.where(self.diagonal, np.exp(l), l)[..., self.which]
        return factor

    def omega(self, l: Array) -> Array:
        factor = self.cholesky(l)
        return factor @ np.swapaxes(factor, -1, -2)

    def omega_slopes(self, l: Array) -> Array:
        """dOmega/dl, (..., numbers, q, q)."""
        factor = self.cholesky(l)
        by_number = np.zeros((*l.shape, self.q, self.q))
        with np.errstate(over="ignore"):
            change = np.where(self.diagonal, np.exp(l), 1.0)
        by_number[..., self.which, self.rows, self.cols] = change[..., self.which]
        half = by_number @ np.swapaxes(factor, -1, -2)[..., None, :, :]
        return np.asarray(half + np.swapaxes(half, -1, -2))

    def l_of(self, omega: Array) -> Array:
        """l of `omega` in the pattern of this one, entries that are one averaged."""
        factor = np.linalg.cholesky(self.patterned(omega))
        total = np.bincount(self.which, weights=factor[self.rows, self.cols], minlength=len(self.start_l))
        l = total / np.bincount(self.which, minlength=len(self.start_l))
        return np.asarray(np.where(self.diagonal, np.log(np.maximum(np.abs(l), 1e-150)), l))

    def patterned(self, omega: Array) -> Array:
        """`omega` with zeros where this one has them, and equal numbers where this one has."""
        count = np.bincount(self.which, minlength=len(self.start_l))
        mean = np.bincount(self.which, weights=omega[self.rows, self.cols], minlength=len(self.start_l)) / count
        whole = np.zeros_like(omega)
        whole[self.rows, self.cols] = whole[self.cols, self.rows] = mean[self.which]
        return whole

    # ---- typical values

    def mu(self, beta: Array) -> Array:
        """The typical phi of each subject, (copies, subjects, components), of beta (copies, nb)."""
        base = np.repeat(beta[:, None, : len(self.components)], self.subjects, axis=1)
        for component, effects in self._by_component.items():
            scale = self.components[component].scale
            factor = np.stack([self._product(effects, b)[0] for b in beta])
            with np.errstate(all="ignore"):
                if scale.kind == "log":
                    base[..., component] += np.log(factor)
                else:
                    base[..., component] = scale.of(scale.natural(base[..., component]) * factor)
        return base

    def mu_slopes(self, beta: Array) -> Array:
        """dmu/dbeta of one beta, (subjects, components, nb)."""
        p = len(self.components)
        slopes = np.zeros((self.subjects, p, self.nb))
        slopes[:, range(p), range(p)] = 1.0
        mu = self.mu(beta[None])[0] if self._by_component else np.empty(0)
        for component, effects in self._by_component.items():
            scale = self.components[component].scale
            factor, derivatives = self._product(effects, beta)
            with np.errstate(all="ignore"):
                here = scale.slope(mu[:, component])
                slopes[:, component, component] = factor * scale.slope(beta[component]) / here
                for k, derivative in derivatives.items():
                    slopes[:, component, p + k] = scale.natural(beta[component]) * derivative / here
        return slopes

    def psi(self, phi: Array) -> Array:
        return np.stack([c.scale.natural(phi[..., i]) for i, c in enumerate(self.components)], axis=-1)

    def psi_slopes(self, phi: Array) -> Array:
        return np.stack([c.scale.slope(phi[..., i]) for i, c in enumerate(self.components)], axis=-1)

    def phi(self, beta: Array, eta: Array) -> Array:
        """(copies, subjects, components), of beta (copies, nb) and eta (copies, subjects, q)."""
        phi = np.broadcast_to(self.mu(beta), (*eta.shape[:2], len(self.components))).copy()
        phi[..., self.random] += eta
        return phi

    @cached_property
    def _by_component(self) -> dict[int, list[int]]:
        effects: dict[int, list[int]] = {}
        for k, c in enumerate(self.coefficients):
            effects.setdefault(c.component, []).append(k)
        return effects

    def _product(self, effects: list[int], beta: Array) -> tuple[Array, dict[int, Array]]:
        """The factor on one component for each subject, and its derivative by each of its coefficients."""
        each = {}
        for k in effects:
            coefficient = self.coefficients[k]
            each[k] = coefficient.factor(self.covariates[coefficient.covariate], float(beta[len(self.components) + k]))
        product = np.prod([factor for factor, _ in each.values()], axis=0)
        derivatives = {}
        for k, (_, derivative) in each.items():
            others = [factor for other, (factor, _) in each.items() if other != k]
            derivatives[k] = derivative * np.prod(others, axis=0) if others else derivative
        return product, derivatives
