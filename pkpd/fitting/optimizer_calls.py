"""What an optimizer calls while it searches, and where it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.fitting.groups import Expansion
from pkpd.fitting.objective import Objective

__all__ = ["Optimum", "Search", "optimum_at"]

GONE = np.log(1e-6)  # of a standard deviation that is estimated, relative to where it starts
KNOWN = 3  # points whose derivatives are kept
NEXT_TO = 1e-6  # of a span: where derivatives are the same


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where a search ended.

    Attributes
    ----------
    x
        (coordinates,): the best point.
    log_posterior
        There.
    success, message
        Whether the minimizer converged, and what it says.
    evaluations, jacobians
        How often it asked for values, and for derivatives.
    result
        What the minimizer itself returned.
    predicted
        (rows,): what the predictor has at the point; None where it could not be asked.
    slopes
        (rows, coordinates): its derivatives there, where the search has asked for them.
    """

    x: Array
    log_posterior: float
    success: bool
    message: str
    evaluations: int
    jacobians: int
    result: Any = None
    predicted: Array | None = None
    slopes: Array | None = None


@dataclass(frozen=True, eq=False)
class Search:
    """What a minimizer calls, at its own numbers: the coordinates that vary; pickles.

    Attributes
    ----------
    base
        (coordinates,): the values of those that do not.
    vary
        (coordinates,): which do.
    rough
        Whether the model is integrated with larger tolerances, see `Predictor.roughly`.
    """

    objective: Objective
    base: Array
    vary: Mask
    calls: Counter[str] = field(default_factory=Counter)
    last: dict[str, Any] = field(default_factory=dict)
    progress: Callable[[int], object] | None = None
    rough: bool = False

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"last": {}, "progress": None}

    @property
    def best(self) -> Array:
        """The best point so far, (coordinates,); where the search began as long as there is none."""
        x: Array = self.last.get("best", (-np.inf, self.base))[1]
        return x

    def ended(self, result: Any) -> Array:
        """The numbers at which lmfit ended; the best so far where it gave up, of which it keeps only the last."""
        if not result.success:
            return self.best[self.vary]
        return np.array([result.params[f"p_{i}"].value for i in np.flatnonzero(self.vary)])

    def _note(self, x: Array, height: float) -> None:
        """Keep the best point, for an interruption, and say how many there were."""
        self.calls["values"] += 1
        if height > self.last.get("best", (-np.inf, x))[0]:
            self.last["best"] = height, x
        if self.progress is not None:
            self.progress(self.calls["values"])

    def point(self, numbers: Any) -> Array:
        """The coordinates on the scale of the search, (coordinates,), from the numbers of the minimizer."""
        if hasattr(numbers, "valuesdict"):
            numbers = [numbers[f"p_{i}"].value for i in np.flatnonzero(self.vary)]
        x = np.array(self.base, dtype=float)
        x[self.vary] = numbers
        return x

    def linearized(self, x: Array) -> tuple[Array, Array]:
        """What the predictor has at a point, (1, rows) and (1, rows, coordinates); of the last points it is known."""
        known, key = self.last.setdefault("linearized", {}), x.tobytes()
        if key not in known:
            if len(known) >= KNOWN:
                del known[next(iter(known))]
            known[key] = self.objective.linearized(x[None], roughly=self.rough)
        point: tuple[Array, Array] = known[key]
        return point

    def slopes_near(self, x: Array) -> Array | None:
        """The derivatives at the last point that was linearized, (rows, coordinates), if it is next to `x`."""
        for key, (_, slopes) in reversed(self.last.get("linearized", {}).items()):
            if (np.abs(np.frombuffer(key) - x) <= NEXT_TO * self._all_spans(x)).all():
                return np.asarray(slopes[0])
        return None

    def _all_spans(self, x: Array) -> Array:
        return np.array([c.span(v) for c, v in zip(self.objective.coordinates, x, strict=True)])

    def residuals(self, numbers: Any) -> Array:
        x = self.point(numbers)
        at_once = self.objective.predictor.at_once
        predicted = self.linearized(x)[0] if at_once else self.objective.predictions(x[None])
        residuals = np.asarray(self.objective.residuals_from(predicted)[0])
        self._note(x, -float((residuals**2).sum()))
        return residuals

    def jacobian(self, numbers: Any) -> Array:
        self.calls["derivatives"] += 1
        return np.asarray(self.objective.jacobian_from(self.linearized(self.point(numbers))[1])[0][:, self.vary])

    def cost(self, numbers: Any) -> float:
        """Minus the log-posterior; large where a trajectory fails."""
        x = self.point(numbers)
        height = self.objective.log_posterior(x[None])[0]
        self._note(x, height)
        return self._finite(height)

    def costs(self, points: Array) -> Array:
        """`cost` at many points, (numbers, points), which are one ensemble."""
        x = np.tile(self.base, (points.shape[1], 1))
        x[:, self.vary] = points.T
        heights = self.objective.log_posterior(x)
        for point, height in zip(x, heights, strict=True):
            self._note(point, height)
        return np.array([self._finite(height) for height in heights])

    def cost_expanded(self, numbers: Any) -> tuple[float, Array, Array]:
        """Minus the log-posterior, its slopes and what stands for its curvature; one integration for a point."""
        x = self.point(numbers)
        key = x.tobytes()
        if self.last.get("key") != key:
            self.calls["derivatives"] += 1
            self.last.update(key=key, expansion=self.objective.expanded_from(x[None], *self.linearized(x)))
            self._note(x, self.last["expansion"].value[0])
        expansion: Expansion = self.last["expansion"]
        value = self._finite(expansion.value[0])
        gradient = np.nan_to_num(-expansion.gradient[0][self.vary], nan=0.0, posinf=0.0, neginf=0.0)
        information = np.nan_to_num(expansion.information[0][np.ix_(self.vary, self.vary)], posinf=0.0, neginf=0.0)
        return value, gradient, information

    def _finite(self, log_posterior: float) -> float:
        """A trust region compares values; an infinite one would leave it without a model of the step."""
        return float(-log_posterior) if np.isfinite(log_posterior) else 1e100


def _vanished(objective: Objective, x: Array, predicted: Array) -> list[str]:
    """The standard deviations that went to 0 and left an observation without any error."""
    fallen = [
        i for i, c in enumerate(objective.coordinates) if c in objective.errors and c.log and x[i] < c.start + GONE
    ]
    if not fallen:
        return []
    begun = np.concatenate([x[: len(x) - len(objective.errors)], [c.start for c in objective.errors]])
    without_error = objective.standardized(x, predicted)[1] < np.exp(GONE) * objective.standardized(begun, predicted)[1]
    return [objective.coordinates[i].label for i in fallen] if without_error.any() else []


def optimum_at(search: Search, numbers: Array, success: bool, message: str, result: Any) -> Optimum:
    objective = search.objective
    x = search.point(np.clip(numbers, objective.lower[search.vary], objective.upper[search.vary]))
    predicted = objective.predicted(x[None])
    value = float(objective.log_posterior_from(x[None], predicted)[0])
    vanished = _vanished(objective, x, predicted[0])
    if vanished:
        success, verb = False, "goes" if len(vanished) == 1 else "go"
        message = (
            f"the likelihood has no maximum: {' and '.join(vanished)} {verb} to 0, where the model meets a value "
            "exactly. Leave out values that are exact, or hold the standard deviation with .fixed()"
        )
    return Optimum(
        x, value, success, message, search.calls["values"], search.calls["derivatives"], result, predicted[0],
        search.slopes_near(x),
    )  # fmt: skip
