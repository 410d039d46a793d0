"""Distributions of one parameter or covariate; what is left out is taken from the model."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from pkpd.ensembles.box_cox import BoxCox
from pkpd.ensembles.inputs import number, shortened
from pkpd.ensembles.marginals import Discrete, Distribution, FromScipy, Scale, TransformedNormal, Truncated
from pkpd.errors import ParameterError

__all__ = [
    "Distribution",
    "as_distribution",
    "boxcox",
    "categorical",
    "empirical",
    "logitnormal",
    "lognormal",
    "normal",
    "probitnormal",
    "truncated",
]

_LARGE = 3.0  # a coefficient of variation of 300 %; larger ones are percents that were meant as fractions


def normal(mean: float | None = None, *, sd: float) -> Distribution:
    """Normal; `mean` is the model's value unless given.

    Parameters
    ----------
    mean, sd
        In the parameter's unit; `sd` 0 or more, and with 0 it does not vary.

    Raises
    ------
    ParameterError
        If a number is not finite, or `sd` is negative.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.normal(3, sd=0.5).frozen().mean()
    np.float64(3.0)
    """
    return TransformedNormal("linear", _optional("mean", mean), _spread("sd", sd))


def lognormal(median: float | None = None, *, omega: float | None = None, cv: float | None = None) -> Distribution:
    """Log-normal; `median` is the model's value, and the spread its declared ``iiv``, unless given.

    Parameters
    ----------
    median
        In the parameter's unit.
    omega
        The standard deviation of the logarithm; with 0 it does not vary.
    cv
        Instead of `omega` the coefficient of variation (0.3 for 30 %):
        ``omega**2 = ln(1 + cv**2)``.  Papers that print ``100*omega`` as CV mean `omega`.

    Raises
    ------
    ParameterError
        If both `omega` and `cv` are given, the median is not positive, or a spread is negative.

    Warns
    -----
    UserWarning
        If a spread is more than 3: a percent was probably given for a fraction.

    Examples
    --------
    >>> lognormal(5, cv=0.3).center
    5.0
    """
    if omega is not None and cv is not None:
        raise ParameterError("lognormal() takes omega= or cv=, not both.")
    center, spread, ratio = _optional("median", median), _spread("omega", omega), _spread("cv", cv)
    if center is not None and center <= 0:
        raise ParameterError(f"the median of a distribution is {center:g}; expected more than 0.")
    for what, size in (("omega", spread), ("cv", ratio)):
        if size is not None and size > _LARGE:
            warnings.warn(
                f"lognormal({what}={size:g}): {what} is a fraction, 0.3 for 30 %; this is {100 * size:g} %. "
                f"Was {what}={size / 100:g} meant?",
                stacklevel=2,
            )
    return TransformedNormal("log", center, spread if ratio is None else math.sqrt(math.log1p(ratio**2)))


def logitnormal(median: float | None = None, *, omega: float, lower: float = 0.0, upper: float = 1.0) -> Distribution:
    """Logit-normal: for a fraction, or another quantity between two limits.

    Parameters
    ----------
    median
        The model's value unless given.
    omega
        The standard deviation of ``ln((x - lower)/(upper - x))``; with 0 it does not vary.
    lower, upper
        The limits, in the parameter's unit.

    Raises
    ------
    ParameterError
        If `omega` is negative, or the limits are not finite and in order.

    Examples
    --------
    >>> logitnormal(0.8, omega=0.5).center
    0.8
    """
    return _between_limits("logit", median, omega, lower, upper)


def probitnormal(median: float | None = None, *, omega: float, lower: float = 0.0, upper: float = 1.0) -> Distribution:
    """Probit-normal: ``lower + (upper - lower) Phi(z)`` of a normal z, for a quantity between two limits.

    Parameters
    ----------
    median
        The model's value unless given.
    omega
        The standard deviation of the probit, ``Phi^-1((x - lower)/(upper - lower))``; with 0 it does not vary,
        and with 1 about the middle of the limits every value between them is as likely.
    lower, upper
        The limits, in the parameter's unit.

    Raises
    ------
    ParameterError
        If `omega` is negative, or the limits are not finite and in order.

    Examples
    --------
    >>> import pkpd
    >>> print(f"{pkpd.probitnormal(0.5, omega=1).cdf(0.3):.3f}")
    0.300
    """
    return _between_limits("probit", median, omega, lower, upper)


def _between_limits(scale: Scale, median: Any, omega: Any, lower: Any, upper: Any) -> Distribution:
    call = f"{scale}normal()"
    low, high = number(lower, f"{call}: the lower limit"), number(upper, f"{call}: the upper limit")
    _check_order(call, low, high)
    return TransformedNormal(scale, _optional("median", median), _spread("omega", omega), low, high)


def boxcox(median: float | None = None, *, omega: float | None = None, shape: float) -> Distribution:
    """Log-normal with a skewed eta: ``median exp((exp(shape eta) - 1)/shape)``.

    The semiparametric distribution of Petersson KJF et al., Pharm Res 26:2174-2185 (2009), as NONMEM
    users write it; a `shape` of 0 is `lognormal`, a negative one has the longer tail below.

    Parameters
    ----------
    median
        In the parameter's unit; the model's value unless given.
    omega
        The standard deviation of eta; the model's declared ``iiv`` unless given.
    shape
        The power.

    Raises
    ------
    ParameterError
        If a number is not finite, the median is not positive, or `omega` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> import pkpd
    >>> pkpd.boxcox(2, omega=1, shape=-0.5).at(np.array([-1.0, 0.0, 1.0])).round(3)
    array([0.546, 2.   , 4.393])
    """
    center = _optional("median", median)
    if center is not None and center <= 0:
        raise ParameterError(f"the median of a distribution is {center:g}; expected more than 0.")
    return BoxCox(center, _spread("omega", omega), number(shape, "boxcox(): the shape"))


def categorical(probabilities: Mapping[float, float]) -> Distribution:
    """Categories by number, each with its probability: ``{0: 0.6, 1: 0.4}``.

    Raises
    ------
    ParameterError
        If a probability is negative, or they do not sum to 1.

    Examples
    --------
    >>> categorical({0: 0.6, 1: 0.4})
    Discrete(values=(0.0, 1.0), cumulative=(0.6, 1.0))
    """
    if not isinstance(probabilities, Mapping) or not probabilities:
        raise ParameterError(f"categorical() got {probabilities!r}; expected {{value: probability, ...}}.")
    values = [number(v, "a category") for v in probabilities]
    shares = [number(p, f"categorical(): the probability of {v!r}") for v, p in probabilities.items()]
    return Discrete.of("categorical()", values, shares)


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

    Examples
    --------
    >>> import pkpd
    >>> people = pkpd.population(pkpd.load("pk_1cmt"), 50, seed=1, variability={"CL": empirical([0.2, 0.3, 0.5])})
    >>> float(people["CL"].max())
    0.5
    """
    observed = _each("value", values)
    shares = [1.0] * len(observed) if weights is None else _each("weight", weights)
    if not observed or len(shares) != len(observed):
        raise ParameterError(f"empirical() got {len(observed)} values and {len(shares)} weights; expected as many.")
    total = math.fsum(shares)
    if not total > 0:
        raise ParameterError(f"empirical(): the weights sum to {total:g}; expected more than 0.")
    return Discrete.of("empirical()", observed, [w / total for w in shares])


def truncated(distribution: Any, lower: float = -math.inf, upper: float = math.inf) -> Distribution:
    """A distribution given that the value lies between `lower` and `upper`, in the parameter's unit.

    The probability outside is spread over the inside; nothing piles up at the limits.

    Raises
    ------
    ParameterError
        If the limits are not in order, or (when it is drawn from) hold less than a
        millionth of the probability.

    Examples
    --------
    >>> import pkpd
    >>> weight = truncated(pkpd.lognormal(70, cv=0.2), 40, 120)
    >>> weight.lower, weight.upper
    (40.0, 120.0)
    """
    low, high = (_limit("truncated()", edge, lower, upper) for edge in (lower, upper))
    _check_order("truncated()", low, high)
    base = as_distribution("truncated()", distribution)
    return base.between(low, high) if isinstance(base, Discrete) else Truncated(base, low, high)


def as_distribution(name: str, distribution: Any) -> Distribution:
    """One of this module's as it is, or a frozen one of ``scipy.stats`` wrapped.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if isinstance(distribution, Distribution) and not hasattr(distribution, "ppf"):
        return distribution
    if all(hasattr(distribution, what) for what in ("ppf", "isf", "cdf")) and not getattr(distribution, "numargs", 0):
        return FromScipy(distribution)
    raise ParameterError(
        f"the distribution of {name!r} is {distribution!r}; expected lognormal(), normal(), logitnormal(), "
        "probitnormal(), empirical(), categorical(), truncated(), or a frozen scipy.stats one."
    )


# ---- numbers


def _optional(what: str, value: Any) -> float | None:
    return None if value is None else number(value, f"the {what} of a distribution")


def _spread(what: str, value: Any) -> float | None:
    size = _optional(what, value)
    if size is not None and size < 0:
        raise ParameterError(f"the {what} of a distribution is {size:g}; expected 0 or more.")
    return size


def _each(what: str, values: Any) -> list[float]:
    """The numbers of a sequence, each refused by its position."""
    cells = np.ravel(np.asanyarray(values, dtype=None if np.ma.isMaskedArray(values) else object))
    return [number(cell, f"empirical(): {what} {i}") for i, cell in enumerate(cells)]


def _limit(where: str, edge: Any, lower: Any, upper: Any) -> float:
    try:
        return edge if isinstance(edge, float) and math.isinf(edge) else number(edge, "a limit")
    except ParameterError:
        raise ParameterError(
            f"{where} got the limits {shortened(lower)} and {shortened(upper)}; expected numbers."
        ) from None


def _check_order(where: str, low: float, high: float) -> None:
    if not low < high:
        raise ParameterError(f"{where} got the limits {low:g} and {high:g}; expected the lower one first.")
