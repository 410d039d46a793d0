"""Distributions of one parameter or covariate; what is left out is taken from the model.

Each turns a standard normal score into a value, so that correlated scores make correlated
values: on the scale on which it is normal for a normal, log-normal or logit-normal one, by
ranks (a Gaussian copula) for any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError
from pkpd.symbolic.symbols import finite_number

__all__ = [
    "Distribution",
    "as_distribution",
    "categorical",
    "empirical",
    "logitnormal",
    "lognormal",
    "normal",
    "truncated",
]


@runtime_checkable
class Distribution(Protocol):
    """What a population draws one column from."""

    def settled(self, name: str, value: float | None, omega: float | None) -> Distribution:
        """Itself, with the model's typical value and declared omega where its own were left out."""

    def at(self, z: Array) -> Array:
        """The values that belong to standard normal scores."""

    def cdf(self, x: float) -> float:
        """The probability of a value of at most `x`."""


# ---- normal on some scale


@dataclass(frozen=True)
class _Identity:
    def forward(self, x: Any) -> Any:
        return x

    def inverse(self, y: Array) -> Array:
        return y

    def refusal(self, center: float) -> str:
        return ""


@dataclass(frozen=True)
class _Log:
    def forward(self, x: Any) -> Any:
        return np.log(x)

    def inverse(self, y: Array) -> Array:
        return np.exp(y)

    def refusal(self, center: float) -> str:
        return "" if center > 0 else "a log-normal median is more than 0"


@dataclass(frozen=True)
class _Logit:
    lower: float
    upper: float

    def forward(self, x: Any) -> Any:
        return np.log((x - self.lower) / (self.upper - x))

    def inverse(self, y: Array) -> Array:
        return self.lower + (self.upper - self.lower) / (1 + np.exp(-y))

    def refusal(self, center: float) -> str:
        if self.lower < center < self.upper:
            return ""
        return f"a logit-normal median lies between its limits {self.lower:g} and {self.upper:g}"


@dataclass(frozen=True)
class _Gaussian:
    """Normal with standard deviation `sd` about `center`, both on the scale of `link`."""

    link: _Identity | _Log | _Logit
    center: Any  # a number, or None until it is settled
    sd: Any

    def settled(self, name: str, value: float | None, omega: float | None) -> _Gaussian:
        center = value if self.center is None else self.center
        declared = omega or None if isinstance(self.link, _Log) else None
        sd = declared if self.sd is None else self.sd
        if center is None:
            raise ParameterError(f"the distribution of {name!r} has no center, and the model has no value of it.")
        if sd is None:
            raise ParameterError(f"the distribution of {name!r} has no spread; give omega, cv or sd.")
        refused = self.link.refusal(center)
        if refused:
            raise ParameterError(f"the distribution of {name!r} is centered at {center:g}; {refused}.")
        return replace(self, center=center, sd=sd)

    def at(self, z: Array) -> Array:
        return self.link.inverse(self.link.forward(self.center) + self.sd * z)

    def cdf(self, x: float) -> float:
        from scipy.special import ndtr

        with np.errstate(all="ignore"):
            score = (self.link.forward(np.float64(x)) - self.link.forward(self.center)) / self.sd
        outside = 1.0 if x > self.center else 0.0  # beyond a limit of the scale
        return outside if np.isnan(score) else float(ndtr(score))


def normal(mean: float | None = None, *, sd: float) -> Distribution:
    """Normal; `mean` is the model's value unless given.

    Parameters
    ----------
    mean, sd
        In the parameter's unit; `sd` more than 0.

    Raises
    ------
    ParameterError
        If a number is not finite, or `sd` is not positive.
    """
    return _Gaussian(_Identity(), _finite("mean", mean), _positive("sd", sd))


def lognormal(median: float | None = None, *, omega: float | None = None, cv: float | None = None) -> Distribution:
    """Log-normal; `median` is the model's value, and the spread its declared ``iiv``, unless given.

    Parameters
    ----------
    median
        In the parameter's unit.
    omega
        The standard deviation of the logarithm.
    cv
        Instead of `omega` the coefficient of variation (0.3 for 30 %):
        ``omega**2 = ln(1 + cv**2)``.  Papers that print ``100*omega`` as CV mean `omega`.

    Raises
    ------
    ParameterError
        If both `omega` and `cv` are given, or a number is not positive.
    """
    if omega is not None and cv is not None:
        raise ParameterError("lognormal() takes omega= or cv=, not both.")
    spread = _positive("omega", omega)
    if cv is not None:
        spread = math.sqrt(math.log1p(_positive("cv", cv) ** 2))
    return _Gaussian(_Log(), _positive("median", median), spread)


def logitnormal(median: float | None = None, *, omega: float, lower: float = 0.0, upper: float = 1.0) -> Distribution:
    """Logit-normal: for a fraction, or another quantity between two limits.

    Parameters
    ----------
    median
        The model's value unless given.
    omega
        The standard deviation of ``ln((x - lower)/(upper - x))``.
    lower, upper
        The limits, in the parameter's unit.

    Raises
    ------
    ParameterError
        If `omega` is not positive, or the limits are not in order.
    """
    low, high = _ordered("logitnormal()", lower, upper)
    return _Gaussian(_Logit(low, high), _finite("median", median), _positive("omega", omega))


# ---- given by values


@dataclass(frozen=True)
class _Discrete:
    """Values in increasing order and the probability of a value of at most each."""

    values: tuple[float, ...]
    cumulative: tuple[float, ...]

    def settled(self, name: str, value: float | None, omega: float | None) -> _Discrete:
        return self

    def at(self, z: Array) -> Array:
        from scipy.special import ndtr

        found: Array = np.array(self.values)[np.searchsorted(np.array(self.cumulative[:-1]), ndtr(z), side="right")]
        return found

    def between(self, lower: float, upper: float) -> _Discrete:
        shares = np.diff(self.cumulative, prepend=0.0)
        inside = [(v, p) for v, p in zip(self.values, shares.tolist(), strict=True) if lower <= v <= upper]
        total = math.fsum(p for _, p in inside)
        if not total > 0:
            raise ParameterError(f"truncated(): none of the values lies between {lower:g} and {upper:g}.")
        return _discrete("truncated()", [v for v, _ in inside], [p / total for _, p in inside])

    def cdf(self, x: float) -> float:
        below = int(np.searchsorted(np.array(self.values), x, side="right"))
        return self.cumulative[below - 1] if below else 0.0


def categorical(probabilities: Mapping[float, float]) -> Distribution:
    """Categories by number, each with its probability: ``{0: 0.6, 1: 0.4}``.

    Raises
    ------
    ParameterError
        If a probability is negative, or they do not sum to 1.
    """
    if not isinstance(probabilities, Mapping) or not probabilities:
        raise ParameterError(f"categorical() got {probabilities!r}; expected {{value: probability, ...}}.")
    values = [finite_number(v, "a category") for v in probabilities]
    shares = [finite_number(p, f"categorical(): the probability of {v!r}") for v, p in probabilities.items()]
    return _discrete("categorical()", values, shares)


def empirical(values: Any, *, weights: Any = None) -> Distribution:
    """One of the given values, each as likely as its weight says (equally likely by default).

    Parameters
    ----------
    values, weights
        Sequences of one length; weights need not sum to 1.

    Raises
    ------
    ParameterError
        If a value is not a finite number, or a weight is negative.
    """
    numbers = [
        finite_number(v, f"empirical(): value {i}") for i, v in enumerate(np.ravel(np.asarray(values, dtype=object)))
    ]
    given = [1.0] * len(numbers) if weights is None else weights
    shares = [finite_number(w, f"empirical(): weight {i}") for i, w in enumerate(given)]
    if not numbers or len(shares) != len(numbers):
        raise ParameterError(f"empirical() got {len(numbers)} values and {len(shares)} weights; expected as many.")
    total = math.fsum(shares)
    if not total > 0:
        raise ParameterError(f"empirical(): the weights sum to {total:g}; expected more than 0.")
    return _discrete("empirical()", numbers, [w / total for w in shares])


def _discrete(where: str, values: list[float], probabilities: list[float]) -> _Discrete:
    shares = np.array(probabilities, dtype=float)
    if not (shares >= 0).all() or abs(math.fsum(probabilities) - 1) > 1e-9:
        raise ParameterError(
            f"{where}: the probabilities are {', '.join(f'{p:g}' for p in probabilities[:8])}; "
            "expected 0 or more, with the sum 1."
        )
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(shares[order])
    return _Discrete(tuple(np.array(values)[order].tolist()), (*cumulative[:-1].tolist(), 1.0))


# ---- made of another


@dataclass(frozen=True)
class _Truncated:
    base: Distribution
    lower: float
    upper: float

    def settled(self, name: str, value: float | None, omega: float | None) -> _Truncated:
        base = self.base.settled(name, value, omega)
        inside = base.cdf(self.upper) - base.cdf(self.lower)
        if not inside > 1e-6:
            raise ParameterError(
                f"the distribution of {name!r} has {inside:.1e} of its probability between the limits {self.lower:g} "
                f"and {self.upper:g}; expected at least 1e-6."
            )
        return replace(self, base=base)

    def at(self, z: Array) -> Array:
        from scipy.special import ndtr, ndtri

        low, high = self.base.cdf(self.lower), self.base.cdf(self.upper)
        inner = ndtri(np.clip(low + (high - low) * ndtr(z), 2.0**-54, 1 - 2.0**-53))
        return np.clip(self.base.at(inner), self.lower, self.upper)

    def cdf(self, x: float) -> float:
        low, high = self.base.cdf(self.lower), self.base.cdf(self.upper)
        return (min(max(self.base.cdf(x), low), high) - low) / (high - low)


def truncated(distribution: Any, lower: float = -math.inf, upper: float = math.inf) -> Distribution:
    """A distribution given that the value lies between `lower` and `upper`, in the parameter's unit.

    The probability outside is spread over the inside; nothing piles up at the limits.

    Raises
    ------
    ParameterError
        If the limits are not in order, or (when it is drawn from) hold less than a
        millionth of the probability.
    """
    low, high = _ordered("truncated()", lower, upper)
    base = as_distribution("truncated()", distribution)
    return base.between(low, high) if isinstance(base, _Discrete) else _Truncated(base, low, high)


@dataclass(frozen=True)
class _Scipy:
    frozen: Any

    def settled(self, name: str, value: float | None, omega: float | None) -> _Scipy:
        return self

    def at(self, z: Array) -> Array:
        from scipy.special import ndtr

        return np.asarray(self.frozen.ppf(ndtr(z)), dtype=float)

    def cdf(self, x: float) -> float:
        return float(self.frozen.cdf(x))


def as_distribution(name: str, given: Any) -> Distribution:
    """`given` as a distribution: one of this module's, or a frozen one of ``scipy.stats``.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if isinstance(given, Distribution) and not hasattr(given, "ppf"):
        return given
    if hasattr(given, "ppf") and hasattr(given, "cdf"):
        return _Scipy(given)
    raise ParameterError(
        f"the distribution of {name!r} is {given!r}; expected lognormal(), normal(), logitnormal(), empirical(), "
        "categorical(), truncated(), or a frozen scipy.stats one."
    )


# ---- numbers


def _finite(what: str, value: Any) -> float | None:
    return None if value is None else finite_number(value, f"the {what} of a distribution")


def _positive(what: str, value: Any) -> Any:
    if value is None:
        return None
    number = finite_number(value, f"the {what} of a distribution")
    if number <= 0:
        raise ParameterError(f"the {what} of a distribution is {number:g}; expected more than 0.")
    return number


def _ordered(where: str, lower: Any, upper: Any) -> tuple[float, float]:
    try:
        low, high = float(lower), float(upper)
    except (TypeError, ValueError):
        raise ParameterError(f"{where} got the limits {lower!r} and {upper!r}; expected numbers.") from None
    if not low < high:
        raise ParameterError(f"{where} got the limits {low:g} and {high:g}; expected the lower one first.")
    return low, high
