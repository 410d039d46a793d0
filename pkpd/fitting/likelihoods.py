"""The chance of each observation, given what the model predicts: its logarithm, its slopes, its information."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.measures.residual_error import ResidualError

__all__ = ["BlqMethod", "Density", "KnownSd", "Likelihood", "Moments", "NormalError", "Observed"]

BlqMethod = Literal["M1", "M3", "M4"]

LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True, eq=False)
class Density:
    """Log-densities at points, with their slopes along what they depend on.

    Attributes
    ----------
    value
        (points, observations).
    score
        (points, observations, c + m): the derivatives by the c predictions an observation has
        and the m numbers of its error model.
    information
        (points, observations, c + m, c + m): the expected information where there is a closed
        form, otherwise the outer product of the score (Berndt et al. 1974).
    """

    value: Array
    score: Array
    information: Array


@dataclass(frozen=True, eq=False)
class Observed:
    """The observations of one output: their values, and which lie beyond a limit (1 below, -1 above the value)."""

    value: Array
    censored: Index
    sd: Array
    columns: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Moments:
    """A normal error on its scale, each (points, observations).

    Attributes
    ----------
    mean, by_prediction
        The mean, and its slope by the prediction.
    sd, sd_slopes
        The standard deviation, and its slopes by the prediction and the m numbers, (..., 1 + m).
    value, jacobian
        What was observed, on that scale, and the logarithm of the Jacobian of the scale there.
    """

    mean: Array
    by_prediction: Array
    sd: Array
    sd_slopes: Array
    value: Array
    jacobian: Array


class Likelihood(Protocol):
    """What the observations of one output differ by from its predictions.

    Attributes
    ----------
    numbers
        The numbers that are estimated, by name, with where they start.
    further
        The names of outputs that are needed beside the one observed.
    """

    @property
    def numbers(self) -> Mapping[str, float]: ...

    @property
    def further(self) -> tuple[str, ...]: ...

    def density(self, predicted: Array, observed: Observed, numbers: Array) -> Density:
        """At predictions (points, observations, c) and numbers (points, m)."""

    def drawn(self, predicted: Array, observed: Observed, numbers: Array, rng: np.random.Generator) -> Array:
        """Observations drawn at one point: predictions (observations, c), numbers (m,)."""

    def standardized(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        """Residuals over their standard deviations at one point, (observations,)."""

    def spread(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        """The standard deviations at one point, (observations,), on the scale of the error."""


@dataclass(frozen=True)
class NormalError:
    """A normal or log-normal error, with observations beyond a limit by M3 or M4 of Beal.

    References
    ----------
    Beal SL. Ways to fit a PK model with some data below the quantification limit.
    J Pharmacokinet Pharmacodyn 28:481-504 (2001).
    """

    error: ResidualError
    blq: BlqMethod = "M3"

    @property
    def further(self) -> tuple[str, ...]:
        return ()

    @property
    def numbers(self) -> Mapping[str, float]:
        return {} if self.error.held else self.error.numbers

    def density(self, predicted: Array, observed: Observed, numbers: Array) -> Density:
        height, mean, by_height, value, jacobian = self._on_scale(predicted[..., 0], observed.value)
        sd, slopes = self._sd(height, numbers)
        normal = _normal(mean, sd, slopes, value, observed.censored)
        if self.blq == "M4" and self.error.scale == "linear":
            normal = _given_positive(normal, mean, sd, slopes, value, observed.censored)
        scale = np.ones_like(normal.score)
        scale[..., 0] = by_height
        measured = observed.censored == 0
        return Density(
            normal.value + np.where(measured, jacobian, 0.0),
            normal.score * scale,
            normal.information * scale[..., None] * scale[..., None, :],
        )

    def drawn(self, predicted: Array, observed: Observed, numbers: Array, rng: np.random.Generator) -> Array:
        return self.at_scores(predicted[:, 0], numbers, rng.standard_normal(len(predicted)))

    def at_scores(self, predicted: Array, numbers: Array, scores: Array) -> Array:
        """Observations at standard normal scores, (observations,), at numbers (m,)."""
        error = self.error.with_numbers(dict(zip(self.numbers, numbers, strict=True)))
        return error.observed(predicted, scores)

    def standardized(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        height, mean, _, value, _ = self._on_scale(predicted[None, :, 0], observed.value)
        return np.asarray(((value - mean) / self._sd(height, numbers[None])[0])[0])

    def spread(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        return np.asarray(self._sd(predicted[None, :, 0], numbers[None])[0][0])

    def moments(self, predicted: Array, value: Array, numbers: Array) -> Moments:
        """Of measured values, at predictions (points, observations) and numbers (points, m)."""
        height, mean, by_height, on_scale, jacobian = self._on_scale(predicted, value)
        return Moments(mean, by_height, *self._sd(height, numbers), on_scale, jacobian)

    def __str__(self) -> str:
        return str(self.error)

    def _on_scale(self, predicted: Array, value: Array) -> tuple[Array, Array, Array, Array, Array]:
        """The prediction, its mean on the scale of the error, the slope of that, the value, the log of its Jacobian."""
        if self.error.scale == "linear":
            return predicted, predicted, np.ones_like(predicted), value, np.zeros_like(value)
        with np.errstate(all="ignore"):
            positive = np.where(predicted > 0, predicted, np.nan)
            return predicted, np.log(positive), 1 / positive, np.log(value), -np.log(value)

    def _sd(self, height: Array, numbers: Array) -> tuple[Array, Array]:
        """The standard deviation, (points, observations), and its slopes by the prediction and the numbers."""
        fixed = self.error.numbers
        free = dict(zip(self.numbers, numbers.T[:, :, None], strict=True))
        own = {name: free.get(name, np.full((len(height), 1), value)) for name, value in fixed.items()}
        if self.error.scale == "log":
            parts = {"sd_log": np.ones_like(height)}
            sd = np.broadcast_to(own["sd_log"], height.shape)
            by_height = np.zeros_like(height)
        else:
            sd, by_height, parts = _linear_sd(height, own, self.error)
        slopes = [by_height, *(parts[name] for name in self.numbers)]
        return sd, np.stack(np.broadcast_arrays(*slopes), axis=-1)


def _linear_sd(
    height: Array, numbers: Mapping[str, Array], error: ResidualError
) -> tuple[Array, Array, dict[str, Array]]:
    """The standard deviation of additive, proportional and power parts, and its slopes."""
    additive, proportional = numbers.get("sd_additive", 0.0), numbers.get("sd_proportional", 0.0)
    power = numbers.get("power", 1.0)
    size, sign = np.abs(height), np.sign(height)
    with np.errstate(all="ignore"):
        raised = size**power
        rising = np.asarray(proportional * power * np.where(size > 0, raised / size, 1.0 * (power == 1.0)) * sign)
        by_power = np.asarray(proportional * np.where(size > 0, raised * np.log(size), 0.0))
    relative = proportional * raised
    if error.adds == "sd":
        sd, from_additive, from_relative = additive + relative, np.ones_like(height), np.ones_like(height)
    else:
        sd = np.hypot(additive, relative)
        with np.errstate(all="ignore"):
            from_additive, from_relative = additive / sd, relative / sd
    parts = {
        "sd_additive": np.asarray(from_additive),
        "sd_proportional": np.asarray(from_relative * raised),
        "power": np.asarray(from_relative * by_power),
    }
    return np.asarray(sd), np.asarray(from_relative * rising), parts


@dataclass(frozen=True)
class KnownSd:
    """A normal error whose standard deviation is a column of the data."""

    blq: BlqMethod = "M3"

    @property
    def further(self) -> tuple[str, ...]:
        return ()

    @property
    def numbers(self) -> Mapping[str, float]:
        return {}

    def density(self, predicted: Array, observed: Observed, numbers: Array) -> Density:
        mean = predicted[..., 0]
        sd, slopes = np.broadcast_to(observed.sd, mean.shape), np.zeros((*mean.shape, 1))
        normal = _normal(mean, sd, slopes, observed.value, observed.censored)
        if self.blq == "M4":
            return _given_positive(normal, mean, sd, slopes, observed.value, observed.censored)
        return normal

    def drawn(self, predicted: Array, observed: Observed, numbers: Array, rng: np.random.Generator) -> Array:
        return np.asarray(predicted[:, 0] + observed.sd * rng.standard_normal(len(predicted)))

    def standardized(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        return np.asarray((observed.value - predicted[:, 0]) / observed.sd)

    def spread(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        return observed.sd

    def __str__(self) -> str:
        return "normal, standard deviations of the data"


def _normal(mean: Array, sd: Array, slopes: Array, value: Array, censored: Index) -> Density:
    """Normal densities of measured values, and the chance of lying beyond the value where censored."""
    with np.errstate(all="ignore"):
        z = (value - mean) / sd
        dz = _dz(z, sd, slopes)
        measured = -(z**2 + LOG_2PI) / 2 - np.log(sd)
        by_sd = slopes / sd[..., None]
        score = -z[..., None] * dz - by_sd
        mean_slope = _unit_slope(slopes) / sd[..., None]
        information = _outer(mean_slope) + 2 * _outer(by_sd)
        if not censored.any():
            return Density(measured, score, information)
        side = np.sign(censored)
        log_chance, hazard = _log_cdf(side * z)
        tail = (side * hazard)[..., None] * dz
        curvature = hazard * (side * z + hazard)
        beyond = censored != 0
        return Density(
            np.where(beyond, log_chance, measured),
            np.where(beyond[:, None], tail, score),
            np.where(beyond[:, None, None], curvature[..., None, None] * _outer(dz), information),
        )


def _given_positive(normal: Density, mean: Array, sd: Array, slopes: Array, value: Array, censored: Index) -> Density:
    """M4: the same given that an observation is positive."""
    with np.errstate(all="ignore"):
        zero = -mean / sd
        dzero = _dz(zero, sd, slopes)
        log_positive, hazard = _log_cdf(-zero)
        value_of, score = normal.value - log_positive, normal.score + hazard[..., None] * dzero
        below = censored == 1
        if below.any():
            z = (value - mean) / sd
            log_z, hazard_z = _log_cdf(z)
            log_zero, hazard_zero = _log_cdf(zero)
            share = np.exp(log_zero - log_z)
            between = log_z + np.log1p(-share)
            dbetween = (hazard_z[..., None] * _dz(z, sd, slopes) - (share * hazard_zero)[..., None] * dzero) / (
                1 - share
            )[..., None]
            value_of = np.where(below, between - log_positive, value_of)
            score = np.where(below[:, None], dbetween + hazard[..., None] * dzero, score)
        information = np.where((censored != 0)[:, None, None], _outer(score), normal.information)
    return Density(value_of, score, information)


def _log_cdf(z: Array) -> tuple[Array, Array]:
    """ln Phi(z), and its derivative."""
    from scipy.special import log_ndtr

    log_chance = log_ndtr(z)
    return log_chance, np.exp(-(z**2 + LOG_2PI) / 2 - log_chance)


def _unit_slope(slopes: Array) -> Array:
    unit = np.zeros_like(slopes)
    unit[..., 0] = 1.0
    return unit


def _dz(z: Array, sd: Array, slopes: Array) -> Array:
    """The slopes of ``(value - mean)/sd`` by the mean and whatever the standard deviation depends on."""
    return np.asarray(-(_unit_slope(slopes) + z[..., None] * slopes) / sd[..., None])


def _outer(vector: Array) -> Any:
    return vector[..., None] * vector[..., None, :]
