"""Scipy's trust regions for likelihoods, with the expected information as their Hessian."""

from __future__ import annotations

from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError
from pkpd.fitting.optimizer_calls import Optimum, Search, optimum_at

__all__ = ["by_trust_region"]

FLAT = 1e-5  # a slope of the log-posterior along a span of a coordinate: below is the solver's error
LEFT = 1e-6  # what a Newton step may still promise of log-posterior at a maximum ...
TOO_MUCH = 1e-2  # ... and what belies a minimizer that says it converged


def by_trust_region(search: Search, name: str, limit: int) -> Optimum:
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
    return optimum_at(search, numbers, (stopped and left <= TOO_MUCH) or left < LEFT, message, result)


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
