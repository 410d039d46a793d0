"""What a population draws one column from: frozen descriptions that rest on ``scipy.stats``.

Each turns a standard normal score into a value, so that correlated scores make correlated
values: on the scale on which it is normal for a normal, log-normal or logit-normal one, by
ranks (a Gaussian copula) for any other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError

__all__ = ["Discrete", "Distribution", "FromScipy", "Scale", "TransformedNormal", "Truncated"]

Scale = Literal["linear", "log", "logit", "probit"]


@runtime_checkable
class Distribution(Protocol):
    """What a population draws one column from."""

    def settled(self, name: str, value: float | None, omega: float | None) -> Distribution:
        """Itself, with the model's typical value and declared omega where its own were left out."""

    def at(self, z: Array) -> Array:
        """The values that belong to standard normal scores."""

    def quantile(self, p: Array) -> Array:
        """The values below which lie the probabilities `p`."""

    def cdf(self, x: float) -> float:
        """The probability of a value of at most `x`."""


@dataclass(frozen=True)
class TransformedNormal:
    """Normal on a scale: ``center + eta``, ``center exp(eta)``, or the first of the logit or the probit.

    Attributes
    ----------
    scale
        On which it is normal.
    center
        The value at the score 0, in the parameter's unit; None stands for the model's value.
    sd
        The standard deviation of eta; None stands for the model's declared ``iiv``, and with 0
        every value is `center`.
    lower, upper
        The limits of a logit or probit scale.
    """

    scale: Scale
    center: Any
    sd: Any
    lower: float = -math.inf
    upper: float = math.inf

    def settled(self, name: str, value: float | None, omega: float | None) -> TransformedNormal:
        center = value if self.center is None else self.center
        sd = (omega or None if self.scale == "log" else None) if self.sd is None else self.sd
        if center is None:
            raise ParameterError(f"the distribution of {name!r} has no center, and the model has no value of it.")
        if sd is None:
            raise ParameterError(f"the distribution of {name!r} has no spread; give omega, cv or sd.")
        if self.scale in ("logit", "probit") and not self.lower < center < self.upper:
            raise ParameterError(
                f"the distribution of {name!r} is centered at {center:g}; a {self.scale}-normal median lies between "
                f"its limits {self.lower:g} and {self.upper:g}."
            )
        return replace(self, center=center, sd=sd)

    @property
    def constant(self) -> bool:
        """Whether every value is the center."""
        return self.sd == 0 or (self.scale == "log" and self.center == 0)

    def frozen(self) -> Any:
        """The same as a frozen distribution of ``scipy.stats``, with its pdf, moments and the rest.

        Raises
        ------
        ParameterError
            If it does not vary, is log-normal about a negative value, or probit-normal: scipy has none of these.
        """
        from scipy import stats

        if self.constant or self._negative or self.scale == "probit":
            raise ParameterError(f"{self!r} is no distribution of scipy.stats.")
        if self.scale == "linear":
            return stats.norm(self.center, self.sd)
        if self.scale == "log":
            return stats.lognorm(self.sd, scale=self.center)
        # Johnson's SB is the logit-normal, in units of its spread.
        return stats.johnsonsb(-self._score() / self.sd, 1 / self.sd, loc=self.lower, scale=self.upper - self.lower)

    def at(self, z: Array) -> Array:
        # On the scale itself: by way of a probability the upper tail would lose its digits.
        if self.constant:
            return np.full(np.shape(z), float(self.center))
        if self.scale == "linear":
            return np.asarray(self.center + self.sd * z)
        if self.scale == "log":  # unlike scipy's also about a negative value
            return np.asarray(self.center * np.exp(self.sd * z))
        from scipy.special import expit, ndtr

        share = (expit if self.scale == "logit" else ndtr)(self._score() + self.sd * z)
        return np.asarray(self.lower + (self.upper - self.lower) * share)

    def quantile(self, p: Array) -> Array:
        if self.constant:
            return np.full(np.shape(p), float(self.center))
        if self.scale == "probit":
            from scipy.special import ndtri

            return self.at(ndtri(p))
        return np.asarray(-self._mirrored().isf(p) if self._negative else self.frozen().ppf(p))

    def cdf(self, x: float) -> float:
        if self.constant:
            return float(x >= self.center)
        if self.scale == "probit":
            return self._probit_cdf(x)
        return float(self._mirrored().sf(-x) if self._negative else self.frozen().cdf(x))

    @property
    def _negative(self) -> bool:
        return self.scale == "log" and bool(self.center < 0)

    def _mirrored(self) -> Any:
        return replace(self, center=-self.center).frozen()

    def _probit_cdf(self, x: float) -> float:
        from scipy.special import ndtr, ndtri

        share = min(max((x - self.lower) / (self.upper - self.lower), 0.0), 1.0)
        return float(ndtr((ndtri(share) - self._score()) / self.sd))

    def _score(self) -> float:
        """The logit or probit of the center."""
        if self.scale == "logit":
            return math.log((self.center - self.lower) / (self.upper - self.center))
        from scipy.special import ndtri

        return float(ndtri((self.center - self.lower) / (self.upper - self.lower)))


@dataclass(frozen=True)
class Discrete:
    """Values in increasing order and the probability of a value of at most each."""

    values: tuple[float, ...]
    cumulative: tuple[float, ...]

    @staticmethod
    def of(where: str, values: list[float], probabilities: list[float]) -> Discrete:
        """From values in any order and their probabilities; `where` names it in a refusal."""
        shares = np.array(probabilities, dtype=float)
        if not (shares >= 0).all() or abs(math.fsum(probabilities) - 1) > 1e-9:
            raise ParameterError(
                f"{where}: the probabilities are {', '.join(f'{p:g}' for p in probabilities[:8])}; "
                "expected 0 or more, with the sum 1."
            )
        order = np.argsort(values, kind="stable")
        cumulative = np.cumsum(shares[order])
        return Discrete(tuple(np.array(values)[order].tolist()), (*cumulative[:-1].tolist(), 1.0))

    def settled(self, name: str, value: float | None, omega: float | None) -> Discrete:
        return self

    def at(self, z: Array) -> Array:
        from scipy.special import ndtr

        return self.quantile(ndtr(z))

    def quantile(self, p: Array) -> Array:
        # scipy's rv_discrete compares every draw with every value: too much for a thousand of them.
        return np.asarray(np.array(self.values)[np.searchsorted(np.array(self.cumulative[:-1]), p, side="right")])

    def cdf(self, x: float) -> float:
        below = int(np.searchsorted(np.array(self.values), x, side="right"))
        return self.cumulative[below - 1] if below else 0.0

    def between(self, lower: float, upper: float) -> Discrete:
        shares = np.diff(self.cumulative, prepend=0.0)
        inside = [(v, p) for v, p in zip(self.values, shares.tolist(), strict=True) if lower <= v <= upper]
        total = math.fsum(p for _, p in inside)
        if not total > 0:
            raise ParameterError(f"truncated(): none of the values lies between {lower:g} and {upper:g}.")
        return Discrete.of("truncated()", [v for v, _ in inside], [p / total for _, p in inside])


@dataclass(frozen=True)
class Truncated:
    """Another, given that the value lies between limits."""

    base: Distribution
    lower: float
    upper: float

    def settled(self, name: str, value: float | None, omega: float | None) -> Distribution:
        base = self.base.settled(name, value, omega)
        if isinstance(base, TransformedNormal) and base.constant and self.lower <= base.center <= self.upper:
            return base
        inside = base.cdf(self.upper) - _below(base, self.lower)
        if not inside > 1e-6:
            raise ParameterError(
                f"the distribution of {name!r} has {inside:.1e} of its probability between the limits {self.lower:g} "
                f"and {self.upper:g}; expected at least 1e-6."
            )
        return replace(self, base=base)

    def at(self, z: Array) -> Array:
        from scipy.special import ndtr

        return self.quantile(ndtr(z))

    def quantile(self, p: Array) -> Array:
        low, high = self._ends
        # Of a discrete one the probability `low` itself still belongs to the value before the lower limit.
        inner = np.clip(low + (high - low) * p, max(2.0**-54, np.nextafter(low, 1.0)), 1 - 2.0**-53)
        return np.clip(self.base.quantile(inner), self.lower, self.upper)

    def cdf(self, x: float) -> float:
        return self._inside(self.base.cdf(x))

    def below(self, x: float) -> float:
        """The probability of less than `x`."""
        return self._inside(_below(self.base, x))

    @property
    def _ends(self) -> tuple[float, float]:
        return _below(self.base, self.lower), self.base.cdf(self.upper)

    def _inside(self, p: float) -> float:
        low, high = self._ends
        return (min(max(p, low), high) - low) / (high - low)


@dataclass(frozen=True)
class FromScipy:
    """A frozen distribution of ``scipy.stats``."""

    frozen: Any

    def settled(self, name: str, value: float | None, omega: float | None) -> FromScipy:
        return self

    def at(self, z: Array) -> Array:
        from scipy.special import ndtr

        # Each half from its own end, so that neither tail loses digits.
        tail = ndtr(-np.abs(z))
        return np.asarray(np.where(z < 0, self.frozen.ppf(tail), self.frozen.isf(tail)), dtype=float)

    def quantile(self, p: Array) -> Array:
        return np.asarray(self.frozen.ppf(p), dtype=float)

    def cdf(self, x: float) -> float:
        return float(self.frozen.cdf(x))

    def below(self, x: float) -> float:
        """The probability of less than `x`, which for a discrete one is not that of at most `x`."""
        at = float(self.frozen.pmf(x)) if hasattr(self.frozen, "pmf") else 0.0
        return max(self.cdf(x) - at, 0.0)


def _below(distribution: Distribution, x: float) -> float:
    """The probability of less than `x`; others than these two are continuous."""
    return distribution.below(x) if isinstance(distribution, FromScipy | Truncated) else distribution.cdf(x)
