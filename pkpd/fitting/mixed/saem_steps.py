"""What SAEM does alike with and without a mixture: how fast it goes, and its step for what has no random effect."""

from __future__ import annotations

import math

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.fitting.mixed.classes import Numbers

__all__ = ["ANNEALED", "FREEDOM", "LONGEST", "WANTED", "newton"]

FREEDOM = 5.0  # of the t distribution of independent proposals
WANTED = 0.3  # acceptance of the random walk
ANNEALED = 0.95  # a variance falls to this part of itself at most, in the first half of the first phase
LONGEST = 0.5  # of a Newton step of a component without a random effect


def newton(
    numbers: Numbers,
    u: Array,
    acts: Index,
    learnt: Array,
    now: tuple[Array, Array],
    gain: float,
    annealing: bool,
) -> tuple[Array, Array]:
    """A stochastic Newton step of the numbers `acts` of u.

    Parameters
    ----------
    learnt
        Their information as iterations so far have it, (acts, acts).
    now
        The gradient and the information of this iteration.
    annealing
        Whether standard deviations of errors may fall but slowly.

    Returns
    -------
    tuple
        The numbers `acts`, and their information with this iteration.
    """
    gradient, information = now
    learnt = learnt + gain * (information - learnt)
    ridge = 1e-8 * np.trace(learnt) * np.eye(len(acts))
    step = gain * np.clip(np.linalg.solve(learnt + ridge, gradient), -LONGEST, LONGEST)
    if annealing:
        sds = np.array([numbers.labels[i].startswith("sd_") for i in acts])
        step = np.where(sds, np.minimum(step, -0.5 * math.log(ANNEALED)), step)
    return np.maximum(u[acts] - step, numbers.lowest[acts]), learnt
