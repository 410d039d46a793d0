"""Published forms of times to an event, as frozen distributions of scipy, and draws from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.inputs import numbers
from pkpd.ensembles.streams import check_counts, uniforms
from pkpd.errors import ParameterError

__all__ = [
    "Cured", "draw_times", "exponential_times", "gompertz_times", "loglogistic_times", "lognormal_times",
    "weibull_times", "with_cure",
]  # fmt: skip


def exponential_times(hazard: Any) -> Any:
    """Times of a constant hazard: S = exp(-hazard t).

    Parameters
    ----------
    hazard
        More than 0, in 1/time; a number, or one for each patient.

    Returns
    -------
    scipy.stats.rv_frozen

    Raises
    ------
    ParameterError
        If the hazard is not positive.

    Examples
    --------
    >>> import pkpd
    >>> round(float(pkpd.exponential_times(0.01).sf(100)), 4)
    0.3679
    """
    from scipy.stats import expon

    return expon(scale=1 / _positive("exponential_times", hazard=hazard)[0])


def weibull_times(shape: Any, scale: Any) -> Any:
    """Weibull times: S = exp(-(t/scale)^shape); the hazard falls for a shape below 1.

    Parameters
    ----------
    shape, scale
        More than 0; numbers, or one for each patient: ``scale*np.exp(beta @ x)`` is a covariate
        that accelerates time.

    Returns
    -------
    scipy.stats.rv_frozen

    Raises
    ------
    ParameterError
        If one is not positive.

    Examples
    --------
    >>> import pkpd
    >>> round(float(pkpd.weibull_times(1.235, 51.6).sf(24)), 3)  # PACIFIC, durvalumab, months
    0.678
    """
    from scipy.stats import weibull_min

    c, size = _positive("weibull_times", shape=shape, scale=scale)
    return weibull_min(c, scale=size)


def gompertz_times(hazard: Any, growth: Any) -> Any:
    """Gompertz times: the hazard is hazard exp(growth t).

    Parameters
    ----------
    hazard
        At time 0, more than 0, in 1/time.
    growth
        Of the hazard, more than 0, in 1/time.

    Returns
    -------
    scipy.stats.rv_frozen

    Raises
    ------
    ParameterError
        If one is not positive.

    Examples
    --------
    >>> import pkpd
    >>> round(float(pkpd.gompertz_times(0.001, 0.01).median()), 1)
    207.1
    """
    from scipy.stats import gompertz

    h, g = _positive("gompertz_times", hazard=hazard, growth=growth)
    return gompertz(h / g, scale=1 / g)


def lognormal_times(mu: Any, sigma: Any) -> Any:
    """Log-normal times: ln t is normal with mean `mu` and standard deviation `sigma`.

    Parameters
    ----------
    mu
        A number, or one for each patient, such as the linear predictor of a published
        accelerated failure-time model; exp(mu) is the median.
    sigma
        More than 0.

    Returns
    -------
    scipy.stats.rv_frozen

    Raises
    ------
    ParameterError
        If `sigma` is not positive, or `mu` not finite.

    Examples
    --------
    >>> import pkpd
    >>> round(float(pkpd.lognormal_times(6.94, 0.718).median()), 1)
    1032.8
    """
    from scipy.stats import lognorm

    (s,) = _positive("lognormal_times", sigma=sigma)
    mean = numbers("the mu of lognormal_times() is", mu)
    if not np.isfinite(mean).all():
        raise ParameterError(f"lognormal_times(): mu is {mean}; expected finite numbers.")
    return lognorm(s, scale=np.exp(mean))


def loglogistic_times(shape: Any, scale: Any) -> Any:
    """Log-logistic times: S = 1/(1 + (t/scale)^shape); `scale` is the median.

    Parameters
    ----------
    shape, scale
        More than 0; numbers, or one for each patient.

    Returns
    -------
    scipy.stats.rv_frozen

    Raises
    ------
    ParameterError
        If one is not positive.

    Examples
    --------
    >>> import pkpd
    >>> float(pkpd.loglogistic_times(2, 10).sf(10))
    0.5
    """
    from scipy.stats import fisk

    c, size = _positive("loglogistic_times", shape=shape, scale=scale)
    return fisk(c, scale=size)


@dataclass(frozen=True)
class Cured:
    """Times of which a fraction never comes: S = cured + (1 - cured) S0; see `with_cure`.

    It has the methods of a frozen distribution that survival needs: `sf`, `cdf`, `pdf`, `isf`
    and `ppf`.
    """

    of: Any
    cured: Array

    def sf(self, t: Any) -> Array:
        """The fraction without the event by `t`."""
        return np.asarray(self.cured + (1 - self.cured) * self.of.sf(t))

    def cdf(self, t: Any) -> Array:
        """The fraction with the event by `t`, less than 1 for ever."""
        return np.asarray((1 - self.cured) * self.of.cdf(t))

    def pdf(self, t: Any) -> Array:
        """The density of the event."""
        return np.asarray((1 - self.cured) * self.of.pdf(t))

    def isf(self, q: Any) -> Array:
        """When the fraction without the event has fallen to `q`; infinite where it stays above."""
        rest = (np.asarray(q) - self.cured) / np.where(self.cured < 1, 1 - self.cured, np.nan)
        return np.where(rest > 0, self.of.isf(np.clip(rest, 0, 1)), np.inf)

    def ppf(self, q: Any) -> Array:
        """When the fraction with the event has risen to `q`."""
        return self.isf(1 - np.asarray(q))


def with_cure(distribution: Any, cured: Any) -> Cured:
    """A mixture in which a fraction never has the event: the plateau of a survival curve.

    Parameters
    ----------
    distribution
        Of the others' times, such as `weibull_times`.
    cured
        The fraction, 0 to 1; a number, or one for each patient.

    Raises
    ------
    ParameterError
        If it is out of range, or `distribution` is none.

    References
    ----------
    Berkson J, Gage RP. J Am Stat Assoc 47:501-515 (1952).

    Examples
    --------
    >>> import pkpd
    >>> times = pkpd.with_cure(pkpd.exponential_times(0.1), 0.3)
    >>> float(times.isf(0.3)), round(float(times.sf(1000)), 6)
    (inf, 0.3)
    """
    if not all(hasattr(distribution, what) for what in ("sf", "isf", "pdf")):
        raise ParameterError(f"with_cure() got {distribution!r}; expected a distribution, such as weibull_times().")
    fraction = numbers("the cured fraction is", cured)
    if not ((fraction >= 0) & (fraction <= 1)).all():
        raise ParameterError(f"with_cure(): the cured fraction is {fraction}; expected 0 to 1.")
    return Cured(distribution, fraction)


def draw_times(distribution: Any, n: int, seed: int, *, name: str = "event", after: Any = 0.0, first: int = 0) -> Array:
    """Draw the time of an event for each of `n` patients, (n,), infinite for those who never have it.

    Parameters
    ----------
    distribution
        Of one of the forms of this module, or another frozen one of scipy; its parameters are
        numbers or hold one value for each patient.
    n
        The number of patients.
    seed
        Patient i has the same number whatever `n`, `first` and the other events drawn, and so a
        longer life wherever the distribution is longer.
    name
        Of the event: two events of one patient are independent draws under two names.
    after
        A time that each patient has reached without the event (a landmark); times are drawn given
        that.
    first
        The number of the first patient.

    Raises
    ------
    ParameterError
        If a count or the seed is out of range, the parameters are those of other patients, or
        `after` cannot have been reached.

    Examples
    --------
    >>> import pkpd
    >>> times = pkpd.draw_times(pkpd.exponential_times(0.1), 10_000, seed=1, after=30)
    >>> bool(times.min() > 30), round(float(times.mean()) - 30, 1)
    (True, 10.1)
    """
    check_counts("draw_times", n, first)
    if not all(hasattr(distribution, what) for what in ("sf", "isf")):
        raise ParameterError(f"draw_times() got {distribution!r}; expected a distribution, such as weibull_times().")
    start = numbers("the time after which draw_times() draws is", after)
    reached = np.asarray(distribution.sf(start))
    if reached.shape not in ((), (n,)):
        raise ParameterError(f"draw_times(): the parameters have the shape {reached.shape}; expected {n} patients.")
    if not (reached > 0).all():
        raise ParameterError(f"draw_times(): nobody is without the event at {start.max():g}, after which to draw.")
    times = np.asarray(distribution.isf(uniforms(seed, f"time of {name}", n, first) * reached), dtype=float)
    later: Array = np.maximum(times, start)
    return later


def _positive(who: str, **values: Any) -> list[Array]:
    arrays = []
    for name, value in values.items():
        array = numbers(f"the {name} of {who}() is", value)
        if not (np.isfinite(array) & (array > 0)).all():
            raise ParameterError(f"{who}(): {name} is {array}; expected finite numbers of more than 0.")
        arrays.append(array)
    return arrays
