"""What a fit maximizes: the log-likelihood of the observations, and the log-density of priors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.groups import Expansion, Group
from pkpd.fitting.likelihoods import LOG_2PI, Density, KnownSd, Observed
from pkpd.fitting.predictor import Predictor
from pkpd.fitting.priors import Priors
from pkpd.records.observations import Dataset

__all__ = ["Objective"]


@dataclass(frozen=True, eq=False)
class Objective:
    """The log-likelihood of observations, as a function of the free parameters.

    Every method takes points on the scale of the search, (points, coordinates), and answers
    them as one ensemble.  Where the standard deviations are known, or known up to one common
    factor (`relative`), the likelihood is a sum of squares; the common factor is then at its
    most likely value.

    Attributes
    ----------
    predictor
        What predicts: first the observations, then further outputs that likelihoods need.
    data
        The observations.
    groups
        The observations by output.
    errors
        The coordinates that are numbers of error models; they follow those of the predictor.
    priors
        Of the coordinates that have one.
    relative
        Whether the standard deviations are known up to a common factor.
    weights
        (observations,): how often each counts.
    """

    predictor: Predictor
    data: Dataset
    groups: tuple[Group, ...]
    errors: tuple[Coordinate, ...] = ()
    priors: Priors = field(default_factory=Priors)
    relative: bool = False
    weights: Array = field(default_factory=lambda: np.ones(1))

    # ---- coordinates

    @cached_property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """The free parameters, then the numbers of error models."""
        return (*self.predictor.coordinates, *self.errors)

    @cached_property
    def start(self) -> Array:
        return np.array([c.start for c in self.coordinates])

    @cached_property
    def lower(self) -> Array:
        return np.array([c.lower for c in self.coordinates])

    @cached_property
    def upper(self) -> Array:
        return np.array([c.upper for c in self.coordinates])

    @property
    def squares(self) -> bool:
        """Whether the posterior is a sum of squares, so that `residuals` serve."""
        known = all(isinstance(group.likelihood, KnownSd) for group in self.groups)
        return known and not self.data.censored.any() and not self.priors

    @cached_property
    def _count(self) -> float:
        """The number of observations, each as often as it counts."""
        return float(np.broadcast_to(self.weights, len(self.data)).sum())

    # ---- the likelihood

    def predictions(self, points: Array) -> Array:
        """The predicted values of the observations, (points, observations)."""
        return self.predicted(points)[:, : len(self.data)]

    def log_likelihood(self, points: Array) -> Array:
        """(points,): -inf where a trajectory fails."""
        return self.log_likelihood_from(points, self.predicted(points))

    def log_likelihood_from(self, points: Array, predicted: Array) -> Array:
        """`log_likelihood`, from what `predicted` has for the points."""
        if self.relative:
            return self._profiled(self._scaled(predicted))
        total = np.zeros(len(points))
        for group in self.groups:
            total += self._weighed(group, self.density(group, predicted, points).value)
        return np.where(np.isfinite(total), total, -np.inf)

    def log_posterior(self, points: Array) -> Array:
        """The log-likelihood and the logarithm of the priors' densities, (points,)."""
        return self.log_posterior_from(points, self.predicted(points))

    def log_posterior_from(self, points: Array, predicted: Array) -> Array:
        """`log_posterior`, from what `predicted` has for the points."""
        prior = self.priors.log_density(points, self.coordinates)
        return np.asarray(self.log_likelihood_from(points, predicted) + prior)

    def gradient(self, points: Array) -> Array:
        """The derivatives of `log_posterior`, (points, coordinates); NaN where a trajectory fails."""
        return self.expanded(points).gradient

    def information(self, points: Array) -> Array:
        """What stands for minus its second derivatives, (points, coordinates, coordinates)."""
        return self.expanded(points).information

    def expanded(self, points: Array) -> Expansion:
        """The log-posterior with its derivatives, of one integration."""
        return self.expanded_from(points, *self.linearized(points))

    def linearized(self, points: Array, *, roughly: bool = False) -> tuple[Array, Array]:
        """What the predictor has for its rows, and the derivatives; see `Predictor.linearized` and `roughly`."""
        own = points[:, : len(self.predictor.coordinates)]
        answer = self.predictor.roughly if roughly else self.predictor.linearized
        return cast("tuple[Array, Array]", self._where_finite(answer, own))

    def expanded_from(self, points: Array, predicted: Array, slopes: Array) -> Expansion:
        """`expanded`, from what `linearized` has for the points."""
        likelihood = self._of_squares(predicted, slopes) if self.relative else self._summed(points, predicted, slopes)
        prior = self.priors.expanded(points, self.coordinates)
        return Expansion(*(np.asarray(a + b) for a, b in zip(likelihood, prior, strict=True)))

    def _summed(self, points: Array, predicted: Array, slopes: Array) -> tuple[Array, Array, Array]:
        k = points.shape[1]
        value, gradient, information = np.zeros(len(points)), np.zeros((len(points), k)), np.zeros((len(points), k, k))
        for group in self.groups:
            density = self.density(group, predicted, points)
            along = self._chain(group, points, slopes)
            value += self._weighed(group, density.value)
            weights = self._weights_of(group)
            with np.errstate(all="ignore"):  # a standard deviation that goes to 0
                gradient += np.einsum("n,pna,pnak->pk", weights, density.score, along)
                information += np.einsum(
                    "n,pnab,pnak,pnbl->pkl", weights, density.information, along, along, optimize=True
                )
        return np.where(np.isfinite(value), value, -np.inf), gradient, information

    def density(self, group: Group, predicted: Array, points: Array) -> Density:
        return group.likelihood.density(
            predicted[:, group.sources], self._observations[group.output], self._numbers(group, points)
        )

    def _numbers(self, group: Group, points: Array) -> Array:
        """The numbers of the error model of a group, (points, m)."""
        columns = [self.coordinates[i].natural(points[:, i]) for i in group.numbers]
        return np.stack(columns, axis=1) if columns else np.empty((len(points), 0))

    def _chain(self, group: Group, points: Array, slopes: Array) -> Array:
        """The derivatives of predictions and error numbers by all coordinates, (points, observations, c + m, k)."""
        c, k = group.sources.shape[1], points.shape[1]
        along = np.zeros((len(points), len(group.rows), c + len(group.numbers), k))
        along[:, :, :c, : slopes.shape[2]] = slopes[:, group.sources]
        numbers = self._numbers(group, points)
        for j, i in enumerate(group.numbers):
            along[:, :, c + j, i] = numbers[:, [j]] if self.coordinates[i].log else 1.0
        return along

    def _weighed(self, group: Group, values: Array) -> Array:
        weighted = np.ascontiguousarray(values * self._weights_of(group))
        return np.asarray(weighted.sum(axis=1))  # row by row: a product of matrices rounds by their shape

    def _weights_of(self, group: Group) -> Array:
        return np.broadcast_to(self.weights, len(self.data))[group.rows]

    @cached_property
    def _observations(self) -> Mapping[str, Observed]:
        data = self.data
        return {
            g.output: Observed(
                data.value[g.rows],
                data.censored[g.rows],
                data.sd[g.rows],
                {name: column[g.rows] for name, column in data.columns.items()},
            )
            for g in self.groups
        }

    def predicted(self, points: Array) -> Array:
        """What the predictor has for its rows, (points, rows): the observations, and what else likelihoods need."""
        own = points[:, : len(self.predictor.coordinates)]
        return self._where_finite(lambda usable: (self.predictor(usable),), own)[0]

    def _where_finite(self, answer: Callable[[Array], tuple[Array, ...]], points: Array) -> tuple[Array, ...]:
        """What the predictor has for points, NaN where a parameter overflows: a step too far on a log scale."""
        usable: Mask = np.asarray(np.isfinite(self.predictor.natural(points)).all(axis=1))
        if usable.all():
            return answer(points)
        arrays = answer(np.where(usable[:, None], points, self.start[: points.shape[1]]))
        for array in arrays:
            array[~usable] = np.nan
        return arrays

    # ---- sums of squares

    def residuals(self, points: Array) -> Array:
        """``(predicted - observed)/sd`` times the root of the weights, (points, observations).

        A point where an integration fails has infinite residuals: the minimizer refuses the
        step and tries a shorter one.
        """
        return self.residuals_from(self.predictions(points))

    def residuals_from(self, predicted: Array) -> Array:
        """`residuals`, from what `predicted` has for the points."""
        scaled = self._scaled(predicted)
        return np.where(np.isfinite(scaled).all(axis=1, keepdims=True), scaled, np.inf)

    def jacobian(self, points: Array) -> Array:
        """The derivatives of the residuals, (points, observations, coordinates)."""
        return self.jacobian_from(self.linearized(points)[1])

    def jacobian_from(self, slopes: Array) -> Array:
        """`jacobian`, from what `linearized` has for the points."""
        return np.asarray(slopes[:, : len(self.data)] * self._scale[:, None])

    @cached_property
    def _scale(self) -> Array:
        return np.asarray(np.sqrt(np.broadcast_to(self.weights, len(self.data))) / self.data.sd)

    def _scaled(self, predicted: Array) -> Array:
        return np.asarray((predicted[:, : len(self.data)] - self.data.value) * self._scale)

    def _profiled(self, residuals: Array) -> Array:
        """The log-likelihood with the common factor of the standard deviations at its most likely value."""
        with np.errstate(over="ignore"):
            n, squares = self._count, (residuals**2).sum(axis=1)
        constant = n * LOG_2PI / 2 + float(np.broadcast_to(self.weights, len(self.data)) @ np.log(self.data.sd))
        with np.errstate(divide="ignore"):
            value = -n / 2 * (np.log(squares / n) + 1) - constant
        return np.where(np.isfinite(squares), value, -np.inf)

    def _of_squares(self, predicted: Array, slopes: Array) -> tuple[Array, Array, Array]:
        residuals, jacobian = self._scaled(predicted), self.jacobian_from(slopes)
        # Residuals smaller than the rounding of the data are none, and their precision would be endless.
        rounding = np.finfo(float).eps ** 2 * float(((self.data.value * self._scale) ** 2).sum())
        with np.errstate(over="ignore"):
            precision = self._count / np.maximum((residuals**2).sum(axis=1), rounding or 1.0)
        gradient = -precision[:, None] * np.einsum("pn,pnk->pk", residuals, jacobian)
        information = precision[:, None, None] * np.einsum("pnk,pnl->pkl", jacobian, jacobian)
        return self._profiled(residuals), gradient, information

    # ---- variants

    def with_weights(self, weights: Array) -> Objective:
        """The same with each observation counted so often, (observations,)."""
        return dataclasses.replace(self, weights=np.asarray(weights, dtype=float))

    def with_values(self, values: Array) -> Objective:
        """The same with other observed values, (observations,); one beyond a limit of its own is censored there."""
        low, high = self._limits
        data = dataclasses.replace(
            self.data,
            value=np.clip(values, low, high),
            censored=np.where(values < low, 1, np.where(values > high, -1, 0)),
        )
        return dataclasses.replace(self, data=data)

    @cached_property
    def _limits(self) -> tuple[Array, Array]:
        """The lowest and the highest value that each observation can have, infinite where none is known."""
        known = self.data.columns.get("lloq", np.full(len(self.data), np.nan))
        low = np.where(np.isnan(known), -np.inf, known)
        low = np.where(self.data.censored == 1, self.data.value, low)
        return low, np.where(self.data.censored == -1, self.data.value, np.inf)

    def simulated(self, x: Array, predicted: Array, rng: np.random.Generator) -> Array:
        """Observations drawn from the error models at one point, where `predicted` has (1, rows), (observations,)."""
        points = np.asarray(x, dtype=float)[None]
        values = np.array(self.data.value)
        for group in self.groups:
            rows = predicted[0, group.sources]
            drawn = group.likelihood.drawn(rows, self._observations[group.output], self._numbers(group, points)[0], rng)
            values[group.rows] = drawn
        if self.relative:
            freedom = max(self._count - len(self.coordinates), 1.0)
            spread = np.sqrt((self._scaled(predicted) ** 2).sum() / freedom)
            mean = predicted[0, : len(self.data)]
            values = mean + spread * (values - mean)
        return values

    def standardized(self, x: Array, predicted: Array) -> tuple[Array, Array]:
        """Residuals over their standard deviations at one point, and these, on the scale of each error model.

        `predicted` is what the predictor has for its rows at `x`.  Both have the shape
        (observations,); a residual is ``(observed - predicted)/sd``, NaN beyond a limit.
        """
        residuals, sd = np.empty(len(self.data)), np.empty(len(self.data))
        for g in self.groups:
            what = predicted[g.sources], self._observations[g.output], self._numbers(g, np.asarray(x)[None])[0]
            residuals[g.rows] = g.likelihood.standardized(*what)
            sd[g.rows] = g.likelihood.spread(*what)
        return np.where(self.data.censored == 0, residuals, np.nan), sd

    def without_effect(self, information: Array, x: Array) -> Mask:
        """Which coordinates change no prediction by more than the solver's error, (coordinates,)."""
        spans = np.array([c.span(v) for c, v in zip(self.coordinates, x, strict=True)])
        size = np.linalg.norm(self.data.value / self.data.sd) if self.squares else np.sqrt(len(self.data))
        idle: Mask = np.sqrt(np.diag(information)) * spans <= 1e-5 * size
        return idle
