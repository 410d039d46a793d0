"""The residuals of a fit and their derivatives, each from one ensemble for each arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import FitError
from pkpd.fitting.predictions import Predictor

__all__ = ["Objective"]


# The step of a central difference that balances its truncation, of order STEP**2, against
# the integrator's error over STEP, at relative tolerances of 1e-8 and below.
STEP = 1e-3


@dataclass(frozen=True, eq=False)
class Objective:
    """Residuals ``(predicted - observed)/sd`` as functions of the free parameters.

    A point where an integration fails has infinite residuals: the minimizer refuses the
    step and tries a shorter one.
    """

    predictor: Predictor

    def residuals(self, x: Array) -> Array:
        """(observations,)."""
        data = self.predictor.data
        scaled = (self.predictor(x[None])[0] - data.value) / data.sd
        return scaled if np.isfinite(scaled).all() else np.full(len(data), np.inf)

    def first_residuals(self, x: Array) -> Array:
        """The residuals at the start.

        Raises
        ------
        FitError
            If an arm cannot be solved there.
        """
        found = self.residuals(x)
        failed = [arm for arm, n in self.predictor.failures.items() if n]
        if failed:
            at = ", ".join(
                f"{c.label} = {c.natural(v):.6g}" for c, v in zip(self.predictor.coordinates, x, strict=True)
            )
            raise FitError(
                f"fit: {self.predictor.model.name} cannot be solved at the start in arm {failed[0]!r} ({at}). "
                "Start elsewhere, or try another method of simulate()."
            )
        return found

    def jacobian(self, x: Array) -> Array:
        """The derivatives of the residuals, (observations, coordinates), by central differences.

        All perturbed points are one ensemble.  A point beyond a bound is moved onto it; where
        a perturbed point fails, its side is replaced by the center.
        """
        low, high = self._neighbors(x)
        k = len(x)
        points = np.tile(x, (2 * k + 1, 1))
        points[range(k), range(k)] = low
        points[range(k, 2 * k), range(k)] = high
        predicted = self.predictor(points)
        bad: Mask = np.asarray(np.isnan(predicted).any(axis=1))
        predicted[bad] = predicted[-1]
        width = np.where(bad[k:-1], x, high) - np.where(bad[:k], x, low)
        if bad[-1] or not width.all():
            raise self._stuck(int(np.argmin(width)), x)
        slopes: Array = ((predicted[k:-1] - predicted[:k]) / width[:, None]).T / self.predictor.data.sd[:, None]
        return slopes

    def _stuck(self, which: int, x: Array) -> FitError:
        moved = self.predictor.coordinates[which]
        return FitError(
            f"fit: {self.predictor.model.name} cannot be solved on either side of {moved.label} = "
            f"{moved.natural(x[which]):.6g}. Narrow its bounds, or try another method of simulate()."
        )

    def _neighbors(self, x: Array) -> tuple[Array, Array]:
        """The two points of each difference, within the bounds."""
        each = list(zip(self.predictor.coordinates, x, strict=True))
        low = np.array([max(v - STEP * c.span(v), c.lower) for c, v in each])
        high = np.array([min(v + STEP * c.span(v), c.upper) for c, v in each])
        return low, high

    def without_effect(self, jacobian: Array, x: Array) -> Any:
        """Which coordinates change no prediction by more than the solver's error, (coordinates,)."""
        data = self.predictor.data
        spans = np.array([c.span(v) for c, v in zip(self.predictor.coordinates, x, strict=True)])
        size = np.linalg.norm(data.value / data.sd)
        return np.linalg.norm(jacobian, axis=0) * spans <= 1e-5 * size
