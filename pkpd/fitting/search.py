"""The search for the best point: lmfit for sums of squares, scipy's trust region for other likelihoods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.objective import Expansion, Objective
from pkpd.fitting.polish import DONE, polished
from pkpd.fitting.populations import evolved
from pkpd.fitting.squares import least_squares
from pkpd.solvers.problem import Progress

__all__ = ["OPTIMIZERS", "Optimum", "Search", "minimize"]


FLAT = 1e-5  # a slope of the log-posterior along a span of a coordinate: below is the solver's error
LEFT = 1e-6  # what a Newton step may still promise of log-posterior at a maximum ...
GONE = np.log(1e-6)  # of a standard deviation that is estimated, relative to where it starts
TOO_MUCH = 1e-2  # ... and what belies a minimizer that says it converged
SETTLED = (
    1e4  # times the relative change of cost that is due to the integration: a step, in spans, that is not worth it
)
KNOWN = 3  # points whose derivatives are kept
NEXT_TO = 1e-6  # of a span: where derivatives are the same

# lmfit's methods that take a function of one value; those for residuals are `least_squares` and `leastsq`.
OPTIMIZERS = (
    "least_squares", "leastsq", "trust-exact", "trust-constr", "nelder", "powell", "cobyla", "slsqp", "lbfgsb", "tnc",
    "bfgs", "cg", "differential_evolution", "basinhopping", "dual_annealing", "shgo",
)  # fmt: skip
OF_RESIDUALS = ("least_squares", "leastsq")
SEEDED = ("basinhopping", "dual_annealing")


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


def minimize(
    objective: Objective,
    x0: Array | None = None,
    *,
    vary: Mask | None = None,
    optimizer: str | None = None,
    limit: int = 1000,
    scale_covariance: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> Optimum:
    """Find the most likely point.

    Parameters
    ----------
    objective
        What is maximized.
    x0
        (coordinates,): where to start; the start of the coordinates by default.
    vary
        (coordinates,): which move; all by default.
    optimizer
        One of `OPTIMIZERS`: a method of lmfit, or scipy's ``"trust-exact"`` (no bounds) or
        ``"trust-constr"``, with the expected information as their Hessian, or its
        ``"differential_evolution"``, whose generations are one ensemble each.  By default
        ``"least_squares"`` for sums of squares and one of these for other likelihoods.
    limit
        The search ends without success after so many evaluations.
    seed
        Of an optimizer that draws random numbers.
    progress
        Called with the number of evaluations and `limit`.

    Returns
    -------
    Optimum
        On Ctrl-C the best point so far, without success.

    Raises
    ------
    UnknownNameError
        If there is no such optimizer.
    FitError
        If it needs a sum of squares, and the likelihood is none.
    """
    name = optimizer or _default(objective)
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise unknown_name("fit", "optimizer", str(name), OPTIMIZERS)
    if name in OF_RESIDUALS and not objective.squares:
        raise FitError(
            f"fit: optimizer {name!r} minimizes sums of squares, and the likelihood of these data is none (an error "
            "model, a prior or values beyond a limit); leave optimizer out, or take 'nelder' or another."
        )
    base = np.array(objective.start if x0 is None else x0, dtype=float)
    moved = np.ones(len(base), dtype=bool) if vary is None else np.asarray(vary, dtype=bool)
    search = Search(objective, base, moved, progress=progress and (lambda n: progress(n, limit)))
    if not moved.any():
        return _optimum(search, base[moved], True, "nothing varies", None)
    try:
        if name in ("trust-exact", "trust-constr"):
            return _by_trust_region(search, name, limit)
        if name == "least_squares":
            return _of_squares(search, *least_squares(search, limit, scale_covariance))
        if name == "differential_evolution":
            return _by_evolution(search, limit, scale_covariance, seed)
        return _by_lmfit(search, name, limit, scale_covariance, seed)
    except KeyboardInterrupt:
        return _optimum(search, search.best[moved], False, "interrupted; this is the best point so far", None)


def _by_lmfit(search: Search, name: str, limit: int, scale_covariance: bool, seed: int) -> Optimum:
    import lmfit

    start = lmfit.Parameters()
    for i in np.flatnonzero(search.vary):  # names of our own: lmfit refuses or shadows some of a user's
        c = search.objective.coordinates[i]
        start.add(f"p_{i}", value=search.base[i], min=c.lower, max=c.upper)
    options: dict[str, Any] = {"nan_policy": "propagate", "max_nfev": limit}
    function: Any = search.cost
    if name in OF_RESIDUALS:
        function, options["scale_covar"] = search.residuals, scale_covariance
    if name not in OF_RESIDUALS:
        options["calc_covar"] = False
    if name in SEEDED:
        options["seed"] = seed
    with np.errstate(all="ignore"):  # lmfit's own covariance of a singular problem; ours says why
        result = lmfit.minimize(function, start, method=name, **options)
    numbers = np.array([result.params[f"p_{i}"].value for i in np.flatnonzero(search.vary)])
    if name in OF_RESIDUALS:
        return _of_squares(search, numbers, result)
    return _optimum(search, numbers, bool(result.success), str(result.message), result)


def _of_squares(search: Search, numbers: Array, result: Any, curvature: Array | None = None) -> Optimum:
    """Where a method for residuals ended, some digits better."""
    if result.success:
        done = max(DONE, SETTLED * search.objective.predictor.tolerance)
        numbers = polished(search, numbers, np.asarray(result.residual), curvature, done=done).numbers
    return _optimum(search, numbers, bool(result.success), str(result.message), result)


def _by_evolution(search: Search, limit: int, scale_covariance: bool, seed: int) -> Optimum:
    """The best of a population, taken to the end by the minimizer that is the default."""
    result = evolved(search, limit, seed)
    if not result.success:
        return _optimum(search, result.x, False, str(result.message), result)
    end = minimize(
        search.objective, search.point(result.x), vary=search.vary, limit=limit, scale_covariance=scale_covariance
    )
    calls = search.calls["values"] + end.evaluations
    return replace(end, evaluations=calls, message=f"{result.message} {end.message}")


def _default(objective: Objective) -> str:
    if objective.squares:
        return "least_squares"
    bounded = np.isfinite(objective.lower).any() or np.isfinite(objective.upper).any()
    return "trust-constr" if bounded else "trust-exact"


def _by_trust_region(search: Search, name: str, limit: int) -> Optimum:
    from scipy.optimize import Bounds
    from scipy.optimize import minimize as by_scipy

    spans = _spans(search)
    lower, upper = (b[search.vary] / spans for b in (search.objective.lower, search.objective.upper))
    options: dict[str, Any] = {"options": {"maxiter": limit, "gtol": FLAT}}
    if name == "trust-constr":
        options["options"] |= {"xtol": 1e-9, "barrier_tol": 1e-9}
        options["bounds"] = Bounds(lower, upper)
    elif np.isfinite(lower).any() or np.isfinite(upper).any():
        raise FitError("fit: optimizer 'trust-exact' keeps no bounds; take 'trust-constr'.")

    def cost(numbers: Array) -> float:
        return search.cost_expanded(numbers * spans)[0]

    def slopes(numbers: Array) -> Array:
        return search.cost_expanded(numbers * spans)[1] * spans

    def curvature(numbers: Array) -> Array:
        return search.cost_expanded(numbers * spans)[2] * np.outer(spans, spans)

    start = search.base[search.vary] / spans
    result = by_scipy(cost, start, jac=slopes, hess=curvature, method=name, **options)
    numbers = result.x * spans
    left = _left_to_gain(search, numbers)
    stopped = bool(result.success) if name == "trust-exact" else result.status in (1, 2)
    message = str(result.message)
    if stopped and left > TOO_MUCH:
        message = f"it stopped where a Newton step still promises {left:.2g} of log-posterior; start elsewhere"
    return _optimum(search, numbers, (stopped and left <= TOO_MUCH) or left < LEFT, message, result)


def _left_to_gain(search: Search, numbers: Array) -> float:
    """How much more log-posterior a Newton step promises that goes no further than the bounds."""
    _, gradient, information = search.cost_expanded(numbers)
    if not np.isfinite(gradient).all() or not np.isfinite(information).all():
        return np.inf
    x, lower, upper = search.point(numbers)[search.vary], search.objective.lower, search.objective.upper
    full = x - np.linalg.pinv(information, hermitian=True) @ gradient
    step = np.clip(full, lower[search.vary], upper[search.vary]) - x
    return max(float(-gradient @ step - step @ information @ step / 2), 0.0)


def _spans(search: Search) -> Array:
    """How far a change of each coordinate that varies is natural."""
    each = zip(search.objective.coordinates, search.base, search.vary, strict=True)
    return np.array([c.span(v) for c, v, moved in each if moved])


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


def _optimum(search: Search, numbers: Array, success: bool, message: str, result: Any) -> Optimum:
    objective = search.objective
    x = search.point(np.clip(numbers, objective.lower[search.vary], objective.upper[search.vary]))
    predicted = objective.predicted(x[None])
    value = float(objective.log_posterior_from(x[None], predicted)[0])
    vanished = _vanished(objective, x, predicted[0])
    if vanished:
        success = False
        message = (
            f"the likelihood has no maximum: {' and '.join(vanished)} goes to 0, where the model meets a value "
            "exactly. Leave out values that are exact, or hold the standard deviation with .fixed()"
        )
    return Optimum(
        x, value, success, message, search.calls["values"], search.calls["derivatives"], result, predicted[0],
        search.slopes_near(x),
    )  # fmt: skip
