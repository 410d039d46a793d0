"""A log-normal distribution whose eta is transformed by Box and Cox's power: skewed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError

__all__ = ["BoxCox"]


@dataclass(frozen=True)
class BoxCox:
    """``center exp((exp(shape eta) - 1)/shape)`` with a normal eta; see `boxcox`.

    Attributes
    ----------
    center
        The median, in the parameter's unit; None stands for the model's value.
    sd
        The standard deviation of eta; None stands for the model's declared ``iiv``.
    shape
        The power; with 0 it is log-normal.
    """

    center: Any
    sd: Any
    shape: float

    def settled(self, name: str, value: float | None, omega: float | None) -> BoxCox:
        center, sd = (value if self.center is None else self.center), ((omega or None) if self.sd is None else self.sd)
        if center is None or not center > 0:
            raise ParameterError(f"the distribution of {name!r} has the median {center}; boxcox() needs more than 0.")
        if sd is None:
            raise ParameterError(f"the distribution of {name!r} has no spread; give omega.")
        return replace(self, center=center, sd=sd)

    def at(self, z: Array) -> Array:
        eta = self.sd * np.asarray(z, dtype=float)
        skewed = eta if self.shape == 0 else np.expm1(self.shape * eta) / self.shape
        return np.asarray(self.center * np.exp(skewed))

    def quantile(self, p: Array) -> Array:
        from scipy.special import ndtri

        return self.at(ndtri(p))

    def cdf(self, x: float) -> float:
        from scipy.special import ndtr

        if not x > 0:
            return 0.0
        skewed = math.log(x / self.center)
        if self.sd == 0 or self.shape * skewed <= -1:  # beyond the limit of the transform
            return float(skewed >= 0)
        eta = skewed if self.shape == 0 else math.log1p(self.shape * skewed) / self.shape
        return float(ndtr(eta / self.sd))
