"""Doses of radiation compared by their effect: BED, EQD2, and the effect of protraction."""

from __future__ import annotations

from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError

__all__ = ["bed", "eqd2", "protraction"]


def bed(dose: Any, n: Any = 1, *, alpha_beta: Any, protraction: Any = 1.0) -> Array:
    """Biologically effective dose of `n` fractions: ``n d (1 + G d/(alpha/beta))``.

    Parameters
    ----------
    dose
        One fraction's dose d, in Gy.
    n
        The number of fractions, far enough apart for repair to be complete.
    alpha_beta
        alpha/beta of the tissue, in Gy.
    protraction
        The Lea-Catcheside factor G of one fraction: 1 if it is short; see `protraction`.

    Returns
    -------
    numpy.ndarray
        In Gy, of the shape to which the arguments broadcast.

    Raises
    ------
    ParameterError
        If a dose or a number of fractions is negative, or alpha/beta is not positive.

    References
    ----------
    Fowler JF. The linear-quadratic formula and progress in fractionated radiotherapy. Br J
    Radiol 62:679-694 (1989).

    Examples
    --------
    >>> float(bed(2, 30, alpha_beta=10))
    72.0
    """
    d, ratio = _numbers("dose", dose), _numbers("alpha_beta", alpha_beta)
    number, factor = _numbers("n", n), _numbers("protraction", protraction)
    _require(bool((d >= 0).all()), "dose", dose, "0 Gy or more")
    _require(bool((ratio > 0).all()), "alpha_beta", alpha_beta, "more than 0 Gy")
    _require(bool((number >= 0).all()), "n", n, "0 fractions or more")
    return np.asarray(number * d * (1 + factor * d / ratio))


def eqd2(dose: Any, n: Any = 1, *, alpha_beta: Any, protraction: Any = 1.0) -> Array:
    """The dose in fractions of 2 Gy that has the effect of `n` fractions of `dose`.

    ``EQD2 = BED/(1 + 2 Gy/(alpha/beta))``; arguments and errors are those of `bed`.

    Examples
    --------
    >>> float(eqd2(3, 20, alpha_beta=10))
    65.0
    """
    return np.asarray(bed(dose, n, alpha_beta=alpha_beta, protraction=protraction) / (1 + 2 / np.asarray(alpha_beta)))


def protraction(duration: Any, repair: Any) -> Array:
    """The Lea-Catcheside factor G of a constant dose rate: ``2 (x - 1 + exp(-x))/x^2``, with x = repair*duration.

    Parameters
    ----------
    duration
        How long one fraction lasts.
    repair
        The rate of repair, ln 2 over its half-time, per the same unit of time.

    Raises
    ------
    ParameterError
        If either is negative.

    References
    ----------
    Lea DE, Catcheside DG. The mechanism of the induction by radiation of chromosome
    aberrations in Tradescantia. J Genet 44:216-245 (1942).

    Examples
    --------
    >>> round(float(protraction(0.5, 24)), 3)
    0.153
    """
    lasting, rate = _numbers("duration", duration), _numbers("repair", repair)
    _require(bool((lasting >= 0).all()), "duration", duration, "0 or more")
    _require(bool((rate >= 0).all()), "repair", repair, "0 or more")
    x = lasting * rate
    series = 1 - x / 3 + x**2 / 12 - x**3 / 60  # the closed form cancels to nothing near 0
    large = np.maximum(x, 1e-2)
    return np.asarray(np.where(x < 1e-2, series, 2 * (large + np.expm1(-large)) / large**2))


def _numbers(name: str, value: Any) -> Array:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} is {value!r}; expected a number, or an array of numbers.") from None


def _require(holds: bool, name: str, value: Any, expected: str) -> None:
    if not holds:
        raise ParameterError(f"{name} is {value!r}; expected {expected}.")
