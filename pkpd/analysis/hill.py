"""The Hill curve and its fit by least squares."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array

__all__ = ["HillFit", "fit_hill", "hill", "hill_dose"]


@dataclass(frozen=True, eq=False)
class HillFit:
    """Estimates of a Hill curve; NaN throughout where the fit did not converge.

    Attributes
    ----------
    E0, Emax, EC50, hill
        The effect without drug and with the most, the dose at half of the way, and the steepness.
    errors
        (4,): the standard errors of E0, Emax, ln(EC50) and ln(hill); 0 of what was held.
    free
        Doses less estimated numbers.
    """

    E0: float
    Emax: float
    EC50: float
    hill: float
    errors: Array
    free: int

    @property
    def values(self) -> Array:
        """(4,): E0, Emax, EC50, hill."""
        return np.array([self.E0, self.Emax, self.EC50, self.hill])

    def limits(self, confidence: float) -> Array:
        """(4, 2): intervals by Student's t, of EC50 and hill on their logarithm; NaN without degrees of freedom."""
        from scipy.special import stdtrit

        reach = (stdtrit(self.free, 0.5 + confidence / 2) if self.free > 0 else np.nan) * self.errors
        ends = np.stack([self.values[:2] - reach[:2], self.values[:2] + reach[:2]], axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            factors = np.exp(reach[2:])
            logged = np.stack([self.values[2:] / factors, self.values[2:] * factors], axis=1)
        return np.concatenate([ends, logged])


def hill(dose: Array, E0: float, Emax: float, EC50: float, steepness: float) -> Array:
    """``E0 + (Emax - E0) dose^h/(EC50^h + dose^h)``."""
    with np.errstate(divide="ignore", over="ignore"):
        share = 1 / (1 + (EC50 / dose) ** steepness)
    return np.asarray(E0 + (Emax - E0) * share)


def hill_dose(effect: Array, E0: Array, Emax: Array, EC50: Array, steepness: Array) -> Array:
    """The dose with this effect; infinite at Emax and beyond, 0 at E0 and before."""
    share = np.clip((effect - E0) / np.where(Emax == E0, np.nan, Emax - E0), 0, 1)
    with np.errstate(divide="ignore", over="ignore"):
        dose = EC50 * (share / (1 - share)) ** (1 / steepness)
    return np.asarray(np.where(np.isnan(share), np.inf, dose))


def fit_hill(dose: Array, effect: Array, E0: float | None = None) -> HillFit:
    """The Hill curve of least squares through effects at doses; `E0` is held where it is given."""
    from scipy.optimize import OptimizeWarning, curve_fit

    held = E0 is not None

    def predicted(x: Array, *free: float) -> Array:
        start, end, log_EC50, log_hill = free if E0 is None else (E0, *free)
        return hill(x, start, end, float(np.exp(log_EC50)), float(np.exp(log_hill)))

    first = _start(dose, effect, E0)[held:]
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", OptimizeWarning)  # a covariance that is missing is infinite below
            free, covariance = curve_fit(predicted, dose, effect, p0=first, maxfev=2000)
    except (RuntimeError, TypeError):  # no convergence; fewer doses than numbers
        return HillFit(np.nan, np.nan, np.nan, np.nan, np.full(4, np.nan), 0)
    errors = np.sqrt(np.diag(covariance))
    values = np.concatenate([[E0] if held else [], free])
    with np.errstate(over="ignore"):
        EC50, steepness = np.exp(values[2:])
    padded = np.concatenate([[0.0], errors]) if held else errors
    low, high = map(float, values[:2])
    return HillFit(low, high, float(EC50), float(steepness), padded, len(dose) - len(first))


def _start(dose: Array, effect: Array, E0: float | None) -> Array:
    """Where the search begins: the ends of the curve, and the dose that comes nearest to half of the way."""
    order = np.argsort(dose)
    x, y = dose[order], effect[order]
    low, high = (y[0] if E0 is None else E0), y[-1]
    positive = x > 0
    if not positive.any():
        return np.array([low, high, 0.0, 0.0])
    nearest = x[positive][np.abs(y[positive] - (low + high) / 2).argmin()]
    return np.array([low, high, np.log(nearest), 0.0])
