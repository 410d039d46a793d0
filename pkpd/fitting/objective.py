"""The residuals of a fit and their derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError
from pkpd.fitting.predictor import Predictor

__all__ = ["Objective"]


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

    def check_start(self, x: Array) -> None:
        """Refuse a start at which an arm cannot be solved.

        Raises
        ------
        FitError
            Naming the first such arm.
        """
        self.residuals(x)
        failed = [arm for arm, n in self.predictor.failures.items() if n]
        if failed:
            at = ", ".join(
                f"{c.label} = {c.natural(v):.6g}" for c, v in zip(self.predictor.coordinates, x, strict=True)
            )
            raise FitError(
                f"fit: {self.predictor.model.name} cannot be solved at the start in arm {failed[0]!r} ({at}). "
                "Start elsewhere, or try another method of simulate()."
            )

    def jacobian(self, x: Array) -> Array:
        """The derivatives of the residuals, (observations, coordinates)."""
        return np.asarray(self.predictor.jacobian(x) / self.predictor.data.sd[:, None])

    def without_effect(self, jacobian: Array, x: Array) -> Any:
        """Which coordinates change no prediction by more than the solver's error, (coordinates,)."""
        data = self.predictor.data
        spans = np.array([c.span(v) for c, v in zip(self.predictor.coordinates, x, strict=True)])
        size = np.linalg.norm(data.value / data.sd)
        return np.linalg.norm(jacobian, axis=0) * spans <= 1e-5 * size
