"""Everything about a fit that is settled: population model, records, observations; phi in, channels and slopes out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.fitting.mixed.classes import Classes, Numbers
from pkpd.fitting.mixed.components import Population
from pkpd.fitting.mixed.observed import Observations, Terms
from pkpd.fitting.mixed.predictions import Trajectories

__all__ = ["Subjects"]


@dataclass(frozen=True, eq=False)
class Subjects:
    """The subjects of a fit.

    The components of the population are the parameters of the trajectories, then the numbers of
    the error models.

    Attributes
    ----------
    names
        (subjects,): their labels in the data.
    classes
        Those of a mixture, of which `population` is one; None without a mixture.
    """

    population: Population
    trajectories: Trajectories
    observations: Observations
    names: tuple[str, ...]
    classes: Classes | None = None

    @property
    def numbers(self) -> Numbers:
        """What the vector u of the search holds."""
        return self.population if self.classes is None else self.classes

    def class_vectors(self, u: Array) -> Array:
        """What `population` takes for each class, (classes, numbers), of u (nu,); without a mixture u itself."""
        return u[None] if self.classes is None else self.classes.of(u)

    def phi(self, u: Array, eta: Array, which: Index) -> Array:
        """(copies, subjects, components) of eta (copies, subjects, q).

        Parameters
        ----------
        which
            The number of the class, of each subject or copy of one: (subjects,) or (copies, subjects).
        """
        population = self.population
        beta, _ = population.split(self.class_vectors(u))
        if len(beta) == 1:
            return population.phi(beta, eta)
        phi = np.array(
            np.broadcast_to(
                population.mu(beta)[which, np.arange(self.count)], (*eta.shape[:2], len(population.components))
            )
        )
        phi[..., population.random] += eta
        return phi

    @property
    def count(self) -> int:
        return len(self.names)

    @cached_property
    def parameters(self) -> int:
        """How many of the components are parameters of the trajectories."""
        return len(self.trajectories.names)

    def channels(self, phi: Array) -> Array:
        """What observations depend on, (copies, subjects, width, channels), at phi (copies, subjects, components)."""
        values = self.trajectories.values(self._psi(phi))
        return self._with_numbers(self._observed(values), phi)

    def slopes(self, phi: Array, by: Index) -> tuple[Array, Array]:
        """The same and its derivatives by the components in `by`, (..., channels, len(by))."""
        own = [int(i) for i in by if i < self.parameters]
        if not own:
            z = self.channels(phi)
            return z, self.number_slopes(z.shape, by)
        values, slopes = self.trajectories.slopes(self._psi(phi), own)
        z = self._with_numbers(self._observed(values), phi)
        derivatives = self.number_slopes(z.shape, by)
        scale = self.population.psi_slopes(phi)[..., own]
        at = np.flatnonzero(by < self.parameters)
        with np.errstate(all="ignore"):
            by_phi = self._observed(slopes) * scale[:, :, None, None, :]
        derivatives[..., : self.observations.predictions, at] = by_phi
        derivatives[~self.observations.mask[None].repeat(len(phi), 0)] = 0.0
        return z, derivatives

    def terms(self, phi: Array) -> Terms:
        """The chance of all observations, without slopes."""
        return self.observations.terms(self.channels(phi), slopes=False)

    def _psi(self, phi: Array) -> Array:
        components = self.population.components[: self.parameters]
        return np.stack([c.scale.natural(phi[..., i]) for i, c in enumerate(components)], axis=-1)

    def _observed(self, columns: dict[str, Array]) -> Array:
        """The values at the observations, (copies, subjects, width, predictions, ...)."""
        seen, outputs = self.observations, self.trajectories.outputs
        if seen.plain:
            values = columns[outputs[int(seen.outputs[seen.mask][0, 0])]][:, seen.rows]
        else:
            shape = (len(next(iter(columns.values()))), *seen.rows.shape)
            values = np.zeros((*shape, *next(iter(columns.values())).shape[2:]))
            for i, name in enumerate(outputs):
                at = seen.outputs == i
                values[:, at] = columns[name][:, seen.rows[at]]
        return values

    def _with_numbers(self, predicted: Array, phi: Array) -> Array:
        seen = self.observations
        number = np.where(seen.number < 0, 0, seen.number) + self.parameters
        subject = np.arange(self.count)[:, None, None]
        if not number.shape[-1]:
            return predicted
        return np.concatenate([predicted, phi[:, subject, number]], axis=-1)

    def renumbered(self, z: Array, phi: Array) -> Array:
        """Channels with the numbers of error models that phi has."""
        return self._with_numbers(z[..., : self.observations.predictions], phi)

    def number_slopes(self, shape: tuple[int, ...], by: Index) -> Array:
        """The derivatives of the channels by components that are numbers of error models; 0 by others."""
        slopes = np.zeros((*shape, len(by)))
        slopes[..., self.observations.predictions :, :] = self._unit[..., by]
        return slopes

    @cached_property
    def _unit(self) -> Array:
        """The derivatives of the channels of numbers by the components, (subjects, width, numbers, components)."""
        seen, p = self.observations, len(self.population.components)
        unit = (seen.number[..., None] + self.parameters == np.arange(p)) & (seen.number[..., None] >= 0)
        return np.asarray((unit & seen.mask[:, :, None, None]).astype(float))
