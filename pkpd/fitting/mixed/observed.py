"""Observations of all subjects side by side, and minus the logarithm of the chance of each with its slopes.

What an observation depends on stands in `channels`: the predictions that it has (one; two for an
event time), then the numbers of its error model.  A standard deviation is there by its logarithm,
so that a random effect on it, or a fit of it, is like one on any parameter.  An observation whose
error depends on that of a partner (`Link`) has the partner's prediction and numbers among its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.fitting.likelihoods import LOG_2PI, KnownSd, Likelihood, NormalError, Observed
from pkpd.fitting.mixed.links import Link, correlation_matrix, with_correlation

__all__ = ["Endpoint", "Observations", "Terms"]


@dataclass(frozen=True, eq=False)
class Endpoint:
    """The observations of one output.

    Attributes
    ----------
    places
        (observations,): where they stand among subjects x width.
    numbers
        Which of the subjects' numbers its error model has, in order.
    logs
        Which of these are logarithms.
    """

    output: str
    likelihood: Likelihood
    observed: Observed
    places: Index
    numbers: Index
    logs: Mask


@dataclass(frozen=True, eq=False)
class Terms:
    """-ln p of observations with its derivatives by their channels.

    Attributes
    ----------
    value
        (copies, subjects): summed; infinite where a prediction failed.
    slope
        (copies, subjects, width, channels).
    information
        (copies, subjects, width, channels, channels): expected.
    """

    value: Array
    slope: Array
    information: Array


@dataclass(frozen=True, eq=False)
class Observations:
    """The observations by subject, padded to the width of the subject who has most.

    Attributes
    ----------
    rows
        (subjects, width, predictions): the record of each prediction of an observation.
    outputs
        (subjects, width, predictions): the number of its output; -1 where there is none.
    mask
        (subjects, width): where there is an observation.
    number
        (subjects, width, numbers): which number of the subject its error model has; -1 for none.
    order
        (observations,): the place among subjects x width of each observation of the data.
    links
        Which observations have errors that depend on those of others.
    """

    endpoints: tuple[Endpoint, ...]
    rows: Index
    outputs: Index
    mask: Mask
    number: Index
    order: Index = field(repr=False)
    links: tuple[Link, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        return self.mask.shape[0], self.mask.shape[1]

    @property
    def predictions(self) -> int:
        return int(self.rows.shape[-1])

    @property
    def channels(self) -> int:
        return self.predictions + int(self.number.shape[-1])

    @cached_property
    def count(self) -> int:
        return int(self.mask.sum())

    @cached_property
    def constants(self) -> Array:
        """(subjects,): ln(2 pi) for each measured value with a normal error, which objectives leave out."""
        total = np.zeros(self.mask.size)
        for e in self.endpoints:
            if isinstance(e.likelihood, NormalError | KnownSd):
                total[e.places] = np.where(e.observed.censored == 0, LOG_2PI, 0.0)
        return np.asarray(total.reshape(self.shape).sum(-1))

    @cached_property
    def jacobian(self) -> Array:
        """(subjects,): -2 ln of the Jacobian of the scale of the error, for log-normal errors."""
        total = np.zeros(self.mask.size)
        for e in self.endpoints:
            if isinstance(e.likelihood, NormalError) and e.likelihood.error.scale == "log":
                total[e.places] = 2 * np.log(e.observed.value)
        return np.asarray(total.reshape(self.shape).sum(-1))

    @cached_property
    def plain(self) -> bool:
        """Whether every observation has one prediction, of one output."""
        return self.predictions == 1 and len(np.unique(self.outputs[self.mask])) == 1

    def terms(self, z: Array, slopes: bool = True, sd: Array | None = None) -> Terms:
        """At channels (copies, subjects, width, channels).

        With `sd`, (copies, subjects, width), that is the standard deviation whatever the channels say.
        """
        copies = len(z)
        flat = z.reshape(copies, -1, self.channels)
        value = np.zeros((copies, flat.shape[1]))
        slope = np.zeros(flat.shape) if slopes else np.empty(0)
        information = np.zeros((*flat.shape, self.channels)) if slopes else np.empty(0)
        for endpoint in self.endpoints:
            held = None if sd is None else sd.reshape(copies, -1)[:, endpoint.places]
            self._add(endpoint, flat[:, endpoint.places], held, value, slope, information)
        for link in self.links:
            self._link(link, flat, None if sd is None else sd.reshape(copies, -1), value, slope, information)
        with np.errstate(all="ignore"):
            total = value.reshape(copies, *self.shape).sum(-1)
        shape = (copies, *self.shape, self.channels)
        return Terms(
            np.where(np.isfinite(total), total, np.inf),
            slope.reshape(shape) if slopes else slope,
            information.reshape(*shape, self.channels) if slopes else information,
        )

    def _add(
        self, endpoint: Endpoint, z: Array, sd: Array | None, value: Array, slope: Array, information: Array
    ) -> None:
        """The terms of one output, at z (copies, observations, channels)."""
        copies, count, _ = z.shape
        c = 1 + len(endpoint.likelihood.further)
        if sd is None and not slope.size and _plain(endpoint.likelihood, endpoint.observed):
            numbers = z[..., self.predictions : self.predictions + len(endpoint.numbers)]
            value[:, endpoint.places] = _minus_log(endpoint, z[..., 0], numbers)
            return
        predicted, numbers, scale = self._parts(endpoint, z, c)
        observed, likelihood, m = _tiled(endpoint.observed, copies, count), endpoint.likelihood, numbers.shape[1]
        if sd is not None and isinstance(likelihood, NormalError) and likelihood.error.scale == "linear":
            observed = Observed(observed.value, observed.censored, sd.reshape(-1, 1))
            likelihood, numbers, m = KnownSd(likelihood.blq), numbers[:, :0], 0
        places = endpoint.places
        density = likelihood.density(predicted, observed, numbers)
        value[:, places] = -density.value.reshape(copies, count)
        if not slope.size:
            return
        scale, every = scale[:, : c + m], np.arange(copies)
        at = np.r_[0:c, self.predictions : self.predictions + m]
        own = -(density.score[:, 0] * scale).reshape(copies, count, c + m)
        slope[np.ix_(every, places, at)] = own
        bent = density.information[:, 0] * scale[:, :, None] * scale[:, None, :]
        information[np.ix_(every, places, at, at)] = bent.reshape(copies, count, c + m, c + m)

    def _link(self, link: Link, z: Array, sd: Array | None, value: Array, slope: Array, information: Array) -> None:
        """The terms of observations with a partner take the place of those without."""
        own, every = z[:, link.places], np.arange(len(z))
        held = None if sd is None else (sd[:, link.places], sd[:, link.partners])
        value[:, link.places] = link.value(own, self.predictions, held)
        if slope.size:
            by_channel, bent, at = link.slopes(own, self.predictions, held)
            slope[np.ix_(every, link.places, at)] = by_channel
            information[np.ix_(every, link.places, at, at)] = bent

    def correlations(self, z: Array) -> Array:
        """Of the errors of each subject on their scales, (copies, subjects, width, width)."""
        return correlation_matrix(self.links, z, self.predictions)

    def scores(self, z: Array, rng: np.random.Generator) -> Array | None:
        """Standard normal scores of dependent errors, (copies, places), at z (copies, places, channels).

        None where no errors depend on others.
        """
        if not self.links:
            return None
        return with_correlation(self.links, rng.standard_normal(z.shape[:2]), z, self.predictions)

    def _parts(self, endpoint: Endpoint, z: Array, c: int) -> tuple[Array, Array, Array]:
        """Predictions (points, 1, c), numbers (points, m) and the slopes of both by their channels, (points, c + m)."""
        points = z.shape[0] * z.shape[1]
        flat = z.reshape(points, -1)
        m = len(endpoint.numbers)
        raw = flat[:, self.predictions : self.predictions + m]
        with np.errstate(over="ignore"):
            numbers = np.where(endpoint.logs, np.exp(raw), raw)
        scale = np.concatenate([np.ones((points, c)), np.where(endpoint.logs, numbers, 1.0)], axis=1)
        return flat[:, None, :c], numbers, scale

    def spread(self, z: Array) -> Array:
        """The standard deviations, (copies, subjects, width)."""
        return self._each(z, "spread")

    def standardized(self, z: Array) -> Array:
        """Residuals over their standard deviations, (copies, subjects, width)."""
        return self._each(z, "standardized")

    def _each(self, z: Array, what: str) -> Array:
        copies = len(z)
        result = np.full((copies, self.mask.size), np.nan)
        flat = z.reshape(copies, -1, self.channels)
        for e in self.endpoints:
            predicted, numbers, _ = self._parts(e, flat[:, e.places], 1 + len(e.likelihood.further))
            observed = _tiled(e.observed, copies, len(e.places))
            result[:, e.places] = _pointwise(e.likelihood, what, predicted, observed, numbers).reshape(copies, -1)
        return result.reshape(copies, *self.shape)


def _plain(likelihood: Likelihood, observed: Observed) -> bool:
    """Whether the density is a normal one of measured values, without a condition."""
    if not isinstance(likelihood, NormalError) or observed.censored.any():
        return False
    return likelihood.blq != "M4" or likelihood.error.scale == "log"


def _minus_log(endpoint: Endpoint, predicted: Array, numbers: Array) -> Array:
    """-ln of a plain normal density, without the slopes that `Likelihood.density` has too, (copies, observations).

    Parameters
    ----------
    numbers
        (copies, observations, m): the channels of the numbers, some of which are logarithms.
    """
    likelihood, observed = endpoint.likelihood, endpoint.observed
    assert isinstance(likelihood, NormalError)
    error = likelihood.error
    own: dict[str, float | Array] = dict(error.numbers)
    with np.errstate(all="ignore"):
        for i, (name, log) in enumerate(zip(likelihood.numbers, endpoint.logs, strict=True)):
            own[name] = np.exp(numbers[..., i]) if log else numbers[..., i]
        if error.scale == "log":
            z = (np.log(observed.value) - np.log(np.where(predicted > 0, predicted, np.nan))) / own["sd_log"]
            return np.asarray(0.5 * (z**2 + LOG_2PI) + np.log(own["sd_log"]) + np.log(observed.value))
        sd = additive = own.get("sd_additive", 0.0)
        if "sd_proportional" in own:
            size = np.abs(predicted)
            relative = own["sd_proportional"] * (size if error.power is None else size ** own["power"])
            sd = additive + relative if error.adds == "sd" else np.sqrt(additive**2 + relative**2)
        z = (observed.value - predicted) / sd
        return np.asarray(0.5 * (z**2 + LOG_2PI) + np.log(sd))


def _pointwise(likelihood: Likelihood, what: str, predicted: Array, observed: Observed, numbers: Array) -> Array:
    """`spread` or `standardized` where the numbers of the error model may differ from observation to observation."""
    distinct, of = np.unique(numbers, axis=0, return_inverse=True)
    result = np.empty(len(predicted))
    of = of.reshape(-1)
    for i, own in enumerate(distinct):
        at = of == i
        part = Observed(
            observed.value[at, 0], observed.censored[at, 0], observed.sd[at, 0],
            {name: column[at, 0] for name, column in observed.columns.items()},
        )  # fmt: skip
        result[at] = getattr(likelihood, what)(predicted[at, 0], part, own)
    return result


def _tiled(observed: Observed, copies: int, count: int) -> Observed:
    """The observations of all copies as points with one observation each."""

    def column(values: Array) -> Array:
        return np.broadcast_to(values, (copies, count)).reshape(-1, 1)

    return Observed(
        column(observed.value), np.broadcast_to(observed.censored, (copies, count)).reshape(-1, 1), column(observed.sd),
        {name: column(values) for name, values in observed.columns.items()},
    )  # fmt: skip
