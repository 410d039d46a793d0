"""How far the log-likelihood falls at the ends of a confidence interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np

from pkpd.errors import FitError
from pkpd.fitting.objective import Objective

__all__ = ["Threshold", "check_confidence", "threshold"]


@dataclass(frozen=True)
class Threshold:
    """Twice the fall of the log-posterior at the ends of an interval, and the rule in words."""

    fall: float
    rule: str


def check_confidence(confidence: object) -> None:
    """Refuse what is no probability between 0 and 1.

    Raises
    ------
    FitError
    """
    if not isinstance(confidence, Real) or isinstance(confidence, bool) or not 0 < float(confidence) < 1:
        raise FitError(f"confidence is {confidence!r}; expected a number between 0 and 1, such as 0.95.")


def threshold(objective: Objective, confidence: float) -> Threshold:
    """The threshold of one parameter.

    The quantile of chi-square with one degree of freedom, by Wilks' theorem; where one common
    factor of the standard deviations is estimated, ``n ln(1 + t**2/(n - p))`` with the quantile
    t of Student's distribution with n - p degrees of freedom.  The two agree for many observations; the
    second is exact for a linear model.

    Raises
    ------
    FitError
        If `confidence` is not between 0 and 1, or n is not more than p.
    """
    from scipy.special import stdtrit
    from scipy.stats import chi2

    check_confidence(confidence)
    if not objective.relative:
        rule = f"{100 * confidence:g} % by chi-square with 1 degree of freedom"
        return Threshold(float(chi2.ppf(confidence, 1)), rule)
    n = float(np.broadcast_to(objective.weights, len(objective.data)).sum())
    freedom = n - len(objective.coordinates)
    if freedom <= 0:
        raise FitError(
            f"{n:g} observations and {len(objective.coordinates)} free parameters leave no residual that tells how "
            "large the errors are. Observe more, free fewer parameters, or give the data a column 'sd'."
        )
    t = float(stdtrit(freedom, 0.5 + confidence / 2))
    return Threshold(
        n * math.log1p(t**2 / freedom),
        f"{100 * confidence:g} % by Student's t with {freedom:g} degrees of freedom (the size of errors is estimated)",
    )
