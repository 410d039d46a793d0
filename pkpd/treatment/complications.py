"""Chances of complications by the dose to normal tissue: published forms of dose and response."""

from __future__ import annotations

from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError

__all__ = ["lyman_ntcp", "pneumonitis_odds"]

_V20 = 1.03  # Palma 2013, abstract: odds ratios for 1 %, for the doublet, and for ten years
_CARBOPLATIN_PACLITAXEL = 3.33
_DECADE = 1.24


def lyman_ntcp(dose: Any, *, TD50: Any = 31.4, m: Any = 0.45) -> Array:
    """Lyman's normal-tissue complication probability of an organ's equivalent uniform dose.

    With the defaults, the chance of symptomatic pneumonitis by the mean dose to both lungs.

    Parameters
    ----------
    dose
        In Gy, in fractions of about 2 Gy; see `eqd2` for others.
    TD50
        The dose with a chance of one half, in Gy.
    m
        The flatness: the standard deviation of tolerance over `TD50`.

    Returns
    -------
    numpy.ndarray
        Between 0 and 1, of the shape to which the arguments broadcast.

    Raises
    ------
    ParameterError
        If a dose is negative, or `TD50` or `m` not positive.

    References
    ----------
    Lyman JT. Radiat Res 104:S13-S19 (1985).  The defaults: Marks LB et al., Radiation
    dose-volume effects in the lung, Int J Radiat Oncol Biol Phys 76:S70-S76 (2010).  Seppenwoolde
    Y et al., ibid. 55:724-735 (2003), have 30.8 Gy and 0.37.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.lyman_ntcp([7, 13, 20, 24, 27]).round(2).tolist()  # QUANTEC's table: 5, 10, 20, 30, 40 %
    [0.04, 0.1, 0.21, 0.3, 0.38]
    """
    from scipy.special import ndtr

    D, middle, flat = (np.asarray(value, dtype=float) for value in (dose, TD50, m))
    if not (D >= 0).all():
        raise ParameterError(f"lyman_ntcp: the dose is {dose!r}; expected 0 Gy or more.")
    if not ((middle > 0) & (flat > 0)).all():
        raise ParameterError(f"lyman_ntcp: TD50 is {TD50!r} and m is {m!r}; expected more than 0.")
    return np.asarray(ndtr((D - middle) / (flat * middle)))


def pneumonitis_odds(
    V20: Any, *, carboplatin_paclitaxel: Any = False, age: Any = 65.0, reference: tuple[float, float] = (30.0, 65.0)
) -> Array:
    """The odds of symptomatic pneumonitis after chemoradiation, relative to those of a reference patient.

    The odds ratios were published and no intercept was: multiply the odds of your own series.

    Parameters
    ----------
    V20
        The share of lung that receives 20 Gy or more, in percent.
    carboplatin_paclitaxel
        Whether the chemotherapy was that doublet.
    age
        In years; its effect was a trend (p = 0.09).
    reference
        V20 and age of the patient with odds of 1, who had another doublet.

    Returns
    -------
    numpy.ndarray
        Of the shape to which the arguments broadcast.

    Raises
    ------
    ParameterError
        If `V20` is not a percentage, or an age is negative.

    References
    ----------
    Palma DA et al. Int J Radiat Oncol Biol Phys 85:444-450 (2013), abstract: of 836 patients 29.8 % had
    symptomatic pneumonitis; odds ratios 1.03 for 1 % of V20, 3.33 for carboplatin and paclitaxel, 1.24
    for ten years.

    Examples
    --------
    >>> import pkpd
    >>> round(float(pkpd.pneumonitis_odds(40, carboplatin_paclitaxel=True)), 2)
    4.48
    """
    share, years = np.asarray(V20, dtype=float), np.asarray(age, dtype=float)
    if not ((share >= 0) & (share <= 100)).all():
        raise ParameterError(f"pneumonitis_odds: V20 is {V20!r}; expected a percentage.")
    if not (years >= 0).all():
        raise ParameterError(f"pneumonitis_odds: the age is {age!r}; expected 0 years or more.")
    doublet = _CARBOPLATIN_PACLITAXEL ** np.asarray(carboplatin_paclitaxel, dtype=float)
    return np.asarray(_V20 ** (share - reference[0]) * _DECADE ** ((years - reference[1]) / 10) * doublet)
