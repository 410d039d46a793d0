"""Observations whose error depends on that of a partner: the density given the partner, in closed form.

With residuals r = (y - mean)/sd on the scale of the errors, of standard deviation 1 each and
correlation c, an observation j with the partner p is normal given y_p with

    mean_j + c sd_j r_p   and   sd_j sqrt(1 - c^2).

A pair is p(y_p) p(y_j | y_p), an AR(1) process p(y_1) p(y_2 | y_1) p(y_3 | y_2) ..., so that one
partner for each observation gives the whole multivariate normal density.  The expected information
about what the two depend on is that of the pair less that of the partner, in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.fitting.likelihoods import LOG_2PI, NormalError

__all__ = ["Link", "Side", "correlation_matrix", "with_correlation"]


@dataclass(frozen=True, eq=False)
class Side:
    """The error model of the observations, or of their partners, and what was measured.

    Attributes
    ----------
    value
        (links,).
    logs
        Which numbers of the error model are logarithms in the channels.
    """

    likelihood: NormalError
    value: Array
    logs: Mask


@dataclass(frozen=True, eq=False)
class Link:
    """The observations of one statement of correlation that have a partner.

    Their channels are the prediction, that of the partner, the numbers of both error models, and
    that of the correlation.

    Attributes
    ----------
    label
        Of the correlation in the table of estimates.
    places, partners
        (links,): where they and their partners stand among subjects x width.
    gaps
        (links,): the times between them, of an autocorrelation; None otherwise.
    """

    label: str
    places: Index
    partners: Index
    own: Side
    other: Side
    gaps: Array | None = None

    @property
    def numbers(self) -> int:
        """How many channels of numbers they have."""
        return len(self.own.logs) + len(self.other.logs) + 1

    @cached_property
    def generations(self) -> tuple[Index, ...]:
        """The links in the order in which partners come first: those of equal distance from their first ancestor."""
        depth: dict[int, int] = {}
        position = {int(place): i for i, place in enumerate(self.places)}
        for place, partner in sorted(zip(self.places.tolist(), self.partners.tolist(), strict=True)):
            depth[place] = depth.get(partner, 0) + 1
        levels: list[list[int]] = [[] for _ in range(max(depth.values(), default=0))]
        for place, level in depth.items():
            levels[level - 1].append(position[place])
        return tuple(np.array(level, dtype=np.int64) for level in levels)

    def correlation(self, z: Array, predictions: int) -> tuple[Array, Array, Array]:
        """c, its slope by its channel, and 1 - c^2, each (copies, links), of channels (copies, links, channels)."""
        number = z[..., predictions + self.numbers - 1]
        with np.errstate(all="ignore"):
            if self.gaps is None:
                c = np.tanh(0.5 * number)
                left = 1 / np.cosh(0.5 * number) ** 2
                return c, 0.5 * left, left
            turns = self.gaps * np.exp(-number)
            c = np.exp(-turns)
            return c, c * turns, -np.expm1(-2 * turns)

    def value(self, z: Array, predictions: int, sd: tuple[Array, Array] | None = None) -> Array:
        """-ln p given the partner, (copies, links), of channels (copies, links, channels).

        With `sd`, of the observations and of their partners, these are the standard deviations of errors on
        a linear scale, whatever the channels say.
        """
        one, two = self._sides(z, predictions, sd)
        c, _, left = self.correlation(z, predictions)
        with np.errstate(all="ignore"):
            square = (one.residual - c * two.residual) ** 2 / left
            return np.asarray(0.5 * (square + np.log(left) + LOG_2PI) + one.log_sd - one.jacobian)

    def slopes(self, z: Array, predictions: int, sd: tuple[Array, Array] | None = None) -> tuple[Array, Array, Index]:
        """Its slope and expected information by channels, and the numbers of these channels."""
        one, two = self._sides(z, predictions, sd)
        c, by_number, left = self.correlation(z, predictions)
        m = len(self.own.logs)
        mean, other_mean, spread, other_spread, turn = (np.zeros((*c.shape, 2 + self.numbers)) for _ in range(5))
        mean[..., 0], other_mean[..., 1] = one.by_mean, two.by_mean
        spread[..., np.r_[0, 2 : 2 + m]] = one.by_sd
        other_spread[..., np.r_[1, 2 + m : 1 + self.numbers]] = two.by_sd
        turn[..., -1] = by_number
        c, left, r, s = (values[..., None] for values in (c, left, one.residual, two.residual))
        with np.errstate(all="ignore"):
            away = (r - c * s) / left
            residual_slope = c * (other_mean + s * other_spread) - (mean + r * spread)
            slope = away * residual_slope + spread + (away * (c * away - s) - c / left) * turn
            # the conditional mean moves by `level` and, times the partner's residual of variance 1, by `tilt`
            level = mean - c * other_mean
            tilt = c * (spread - other_spread) + turn
            width = spread - c / left * turn
            information = (_outer(level) + _outer(tilt)) / left[..., None] + 2 * _outer(width)
        return slope, information, np.r_[0:2, predictions : predictions + self.numbers]

    def _sides(self, z: Array, predictions: int, sd: tuple[Array, Array] | None) -> tuple[_Standard, _Standard]:
        first, last = predictions + len(self.own.logs), predictions + self.numbers - 1
        held = (None, None) if sd is None else sd
        return (
            _standard(self.own, z[..., 0], z[..., predictions:first], held[0]),
            _standard(self.other, z[..., 1], z[..., first:last], held[1]),
        )


@dataclass(frozen=True, eq=False)
class _Standard:
    """Residuals over their standard deviations, and relative slopes by the prediction and the numbers' channels.

    Attributes
    ----------
    residual, by_mean, log_sd, jacobian
        (copies, links): the mean's slope by the prediction is over the standard deviation.
    by_sd
        (copies, links, 1 + numbers): of the standard deviation, over itself.
    """

    residual: Array
    by_mean: Array
    by_sd: Array
    log_sd: Array
    jacobian: Array


def _standard(side: Side, predicted: Array, raw: Array, sd: Array | None) -> _Standard:
    shape = predicted.shape
    with np.errstate(all="ignore"):
        numbers = np.where(side.logs, np.exp(raw), raw)
        value = np.broadcast_to(side.value, shape).reshape(-1, 1)
        m = side.likelihood.moments(predicted.reshape(-1, 1), value, numbers.reshape(predicted.size, len(side.logs)))
        own, slopes = m.sd, m.sd_slopes
        if sd is not None and side.likelihood.error.scale == "linear":
            own, slopes = sd.reshape(-1, 1), np.zeros_like(slopes)
        scale = np.concatenate([np.ones((*shape, 1)), np.where(side.logs, numbers, 1.0)], axis=-1)
        residual = ((m.value - m.mean) / own).reshape(shape)
        by_sd = (slopes / own[..., None]).reshape(*shape, 1 + len(side.logs)) * scale
        by_mean = (m.by_prediction / own).reshape(shape)
        return _Standard(residual, by_mean, by_sd, np.log(own).reshape(shape), m.jacobian.reshape(shape))


def _outer(vector: Array) -> Array:
    return np.asarray(vector[..., :, None] * vector[..., None, :])


def with_correlation(links: Sequence[Link], scores: Array, z: Array, predictions: int) -> Array:
    """Independent standard normal scores, (copies, places), made as dependent as the links say.

    Parameters
    ----------
    z
        (copies, places, channels).
    """
    scores = scores.copy()
    for link in links:
        c, _, left = link.correlation(z[:, link.places], predictions)
        for i in link.generations:
            place, partner = link.places[i], link.partners[i]
            scores[:, place] = c[:, i] * scores[:, partner] + np.sqrt(left[:, i]) * scores[:, place]
    return scores


def correlation_matrix(links: Sequence[Link], z: Array, predictions: int) -> Array:
    """The correlations of the errors of each subject, (copies, subjects, width, width), of its channels."""
    copies, subjects, width, _ = z.shape
    flat = z.reshape(copies, subjects * width, -1)
    matrix = np.broadcast_to(np.eye(width), (copies, subjects, width, width)).copy()
    for link in links:
        c, _, _ = link.correlation(flat[:, link.places], predictions)
        for i in link.generations:
            subject, place = np.divmod(link.places[i], width)
            partner = link.partners[i] % width
            row = c[:, i, None] * matrix[:, subject, partner]
            row[:, np.arange(len(i)), place] = 1.0
            matrix[:, subject, place] = row
            matrix[:, subject, :, place] = np.moveaxis(row, 1, 0)
    return matrix
