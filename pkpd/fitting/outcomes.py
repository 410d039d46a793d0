"""Likelihoods of what is counted rather than measured: responders, counts, times to an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError, FitError
from pkpd.fitting.likelihoods import BlqMethod, Density, Observed

__all__ = ["Binomial", "EventTime", "Poisson", "binomial_error", "event_time", "poisson_error"]


@dataclass(frozen=True)
class _Counted:
    """What has no number of its own to estimate."""

    blq: BlqMethod = "M3"

    @property
    def numbers(self) -> Mapping[str, float]:
        return {}

    @property
    def further(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Binomial(_Counted):
    """So many of `trials` respond; the output is the chance of one."""

    trials: str = "n"

    def density(self, predicted: Array, observed: Observed, numbers: Array) -> Density:
        from scipy.special import gammaln, xlog1py, xlogy

        k, n = observed.value, self._trials(observed)
        p = np.where((predicted[..., 0] >= 0) & (predicted[..., 0] <= 1), predicted[..., 0], np.nan)
        constant = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        with np.errstate(all="ignore"):
            return _of_one(constant + xlogy(k, p) + xlog1py(n - k, -p), (k - n * p) / (p * (1 - p)), n / (p * (1 - p)))

    def drawn(self, predicted: Array, observed: Observed, numbers: Array, rng: np.random.Generator) -> Array:
        return rng.binomial(self._trials(observed).astype(int), predicted[:, 0]).astype(float)

    def standardized(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        """Pearson residuals."""
        p, n = predicted[:, 0], self._trials(observed)
        with np.errstate(all="ignore"):
            return np.asarray((observed.value - n * p) / np.sqrt(n * p * (1 - p)))

    def spread(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        p = predicted[:, 0]
        return np.asarray(np.sqrt(self._trials(observed) * p * (1 - p)))

    def __str__(self) -> str:
        return f"binomial, responders among {self.trials!r}"

    def _trials(self, observed: Observed) -> Array:
        if self.trials not in observed.columns:
            raise FitError(
                f"fit: binomial_error(trials={self.trials!r}) needs a column {self.trials!r} of numbers in the data: "
                "of how many the value is the number that responded."
            )
        n, k = observed.columns[self.trials], observed.value
        wrong = ~((n >= k) & (k >= 0) & (n == np.floor(n)) & (k == np.floor(k)))
        if wrong.any():
            i = int(np.argmax(wrong))
            raise DataError(
                f"fit: a binomial observation says that {k[i]:g} of {n[i]:g} responded; expected whole numbers, the "
                "first no more than the second."
            )
        return n


@dataclass(frozen=True)
class Poisson(_Counted):
    """A count; the output is its mean."""

    def density(self, predicted: Array, observed: Observed, numbers: Array) -> Density:
        from scipy.special import gammaln, xlogy

        k, mean = observed.value, np.where(predicted[..., 0] >= 0, predicted[..., 0], np.nan)
        if ((k < 0) | (k != np.floor(k))).any():
            wrong = k[(k < 0) | (k != np.floor(k))][0]
            raise DataError(f"fit: a Poisson count is {wrong:g}; expected a whole number of 0 or more.")
        with np.errstate(all="ignore"):
            return _of_one(xlogy(k, mean) - mean - gammaln(k + 1), k / mean - 1, 1 / mean)

    def drawn(self, predicted: Array, observed: Observed, numbers: Array, rng: np.random.Generator) -> Array:
        return rng.poisson(predicted[:, 0]).astype(float)

    def standardized(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        """Pearson residuals."""
        with np.errstate(all="ignore"):
            return np.asarray((observed.value - predicted[:, 0]) / np.sqrt(predicted[:, 0]))

    def spread(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        return np.sqrt(predicted[:, 0])

    def __str__(self) -> str:
        return "Poisson"


@dataclass(frozen=True)
class EventTime(_Counted):
    """The time of an event, or of the last time without it; the output is the cumulative hazard."""

    hazard: str = "h"

    @property
    def further(self) -> tuple[str, ...]:
        return (self.hazard,)

    def density(self, predicted: Array, observed: Observed, numbers: Array) -> Density:
        cumulative, hazard = predicted[..., 0], predicted[..., 1]
        event = observed.value
        if not np.isin(event, (0, 1)).all():
            wrong = event[~np.isin(event, (0, 1))][0]
            raise DataError(
                f"fit: an event-time observation is {wrong:g}; expected 1 for an event, 0 for a time censored."
            )
        with np.errstate(all="ignore"):
            value = -cumulative + np.where(event == 1, np.log(np.where(hazard > 0, hazard, np.nan)), 0.0)
            score = np.stack(np.broadcast_arrays(-np.ones_like(hazard), event / hazard), axis=-1)
        return Density(value, score, score[..., None] * score[..., None, :])

    def drawn(self, predicted: Array, observed: Observed, numbers: Array, rng: np.random.Generator) -> Array:
        raise FitError(
            "fit: times to an event are not simulated anew at their own times; bootstrap them by case, by='subject'."
        )

    def standardized(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        """Martingale residuals: the event less the cumulative hazard."""
        return np.asarray(observed.value - predicted[:, 0])

    def spread(self, predicted: Array, observed: Observed, numbers: Array) -> Array:
        """Of a martingale residual: the root of the cumulative hazard."""
        return np.sqrt(predicted[:, 0])

    def __str__(self) -> str:
        return f"time to an event with the hazard {self.hazard!r}"


def _of_one(value: Array, score: Array, information: Array) -> Density:
    return Density(value, score[..., None], information[..., None, None])


def binomial_error(trials: str = "n") -> Binomial:
    """Responders out of so many: the output of the model is the chance to respond, from 0 to 1.

    The value is the number of responders, and the column `trials` of the data of how many.
    """
    return Binomial(trials=trials)


def poisson_error() -> Poisson:
    """A count, whose mean is the output of the model."""
    return Poisson()


def event_time(hazard: str) -> EventTime:
    """Times to an event: the observed output is the cumulative hazard, `hazard` the output that is its rate.

    The time of an observation is that of the event, with the value 1, or the last time without
    it (right-censored), with the value 0.  The log-likelihood is ``d ln h(t) - H(t)``.

    Examples
    --------
    A model of survival has a state H with the rate h, and h among its outputs:

    >>> import pkpd
    >>> errors = {"H": pkpd.event_time(hazard="h")}
    """
    return EventTime(hazard=hazard)
