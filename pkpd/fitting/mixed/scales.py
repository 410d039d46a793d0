"""The scales on which parameters are normal: psi = h(phi), with phi the typical value plus eta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pkpd.arrays import Array

__all__ = ["Kind", "Scale"]

Kind = Literal["linear", "log", "logit", "probit"]

SQRT_2PI = np.sqrt(2 * np.pi)
FARTHEST = 300.0  # exp(300): numbers of a step too far stay finite


@dataclass(frozen=True)
class Scale:
    """One scale.

    Attributes
    ----------
    kind
        ``"linear"``: psi = phi; ``"log"``: psi = sign exp(phi); ``"logit"`` and ``"probit"``: psi between `lower` and
        `upper`.
    """

    kind: Kind = "log"
    lower: float = 0.0
    upper: float = 1.0
    sign: float = 1.0

    def natural(self, phi: Array) -> Array:
        """h(phi)."""
        if self.kind == "linear":
            return np.asarray(phi)
        if self.kind == "log":
            return np.asarray(self.sign * np.exp(np.clip(phi, -FARTHEST, FARTHEST)))
        return np.asarray(self.lower + (self.upper - self.lower) * (_expit if self.kind == "logit" else _ndtr)(phi))

    def slope(self, phi: Array) -> Array:
        """dh/dphi."""
        if self.kind == "linear":
            return np.ones_like(phi)
        if self.kind == "log":
            return self.natural(phi)
        if self.kind == "probit":
            return np.asarray((self.upper - self.lower) * np.exp(-(np.asarray(phi) ** 2) / 2) / SQRT_2PI)
        share = _expit(phi)
        return np.asarray((self.upper - self.lower) * share * (1 - share))

    def of(self, psi: Array) -> Array:
        """The phi of a natural value; NaN where it has none."""
        if self.kind == "linear":
            return np.asarray(psi, dtype=float)
        with np.errstate(all="ignore"):
            if self.kind == "log":
                return np.asarray(np.log(np.asarray(psi) / self.sign))
            if self.kind == "logit":
                return np.asarray(np.log((psi - self.lower) / (self.upper - psi)))
            from scipy.special import ndtri

            return np.asarray(ndtri((np.asarray(psi) - self.lower) / (self.upper - self.lower)))


def _expit(phi: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(phi))


def _ndtr(phi: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(phi))
