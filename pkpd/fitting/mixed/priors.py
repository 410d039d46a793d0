"""Priors of population parameters as a part of the objective."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array
from pkpd.fitting.mixed.classes import Numbers
from pkpd.fitting.mixed.natural import natural, natural_slopes
from pkpd.fitting.mixed.searching import Penalty
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.priors import settled_prior

__all__ = ["penalty_of"]

STEP = 1e-4  # of a spread


def penalty_of(statement: MixedEffects, numbers: Numbers) -> Penalty | None:
    """-2 ln of the priors, of u, with gradient and curvature; None without priors.

    The density is that of the numbers as one reads them, whatever the scale of the search.

    Raises
    ------
    FitError
        If a prior is no continuous distribution.
    """
    wanted = {**{k: f.prior for k, f in statement.free.items() if f.prior is not None}, **statement.priors}
    if not wanted:
        return None
    start = natural(numbers, numbers.start)
    places = [numbers.labels.index(label) for label in wanted]
    distributions = [
        settled_prior(label, prior, float(start[i])) for i, (label, prior) in zip(places, wanted.items(), strict=True)
    ]

    def penalty(u: Array) -> tuple[float, Array, Array]:
        value, slopes = natural(numbers, u), natural_slopes(numbers, u)
        total, gradient, curvature = 0.0, np.zeros(len(u)), np.zeros((len(u), len(u)))
        for i, distribution in zip(places, distributions, strict=True):
            low, high = distribution.ppf([0.25, 0.75])
            step = STEP * float(high - low)
            before, here, after = (float(distribution.logpdf(value[i] + s)) for s in (-step, 0.0, step))
            total -= 2 * here
            gradient -= (after - before) / step * slopes[i]
            bent = max((2 * here - before - after) / step**2, 0.0)
            curvature += 2 * bent * np.outer(slopes[i], slopes[i])
        return total, gradient, curvature

    return penalty
