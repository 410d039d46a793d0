"""The search for the best point: lmfit for sums of squares, scipy's trust region for other likelihoods."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.objective import Objective
from pkpd.fitting.optimizer_calls import Optimum, Search, optimum_at
from pkpd.fitting.polish import DONE, polished
from pkpd.fitting.populations import evolved
from pkpd.fitting.squares import least_squares
from pkpd.fitting.trust_region import by_trust_region
from pkpd.solvers.problem import Progress

__all__ = ["OPTIMIZERS", "Optimum", "Search", "minimize"]


SETTLED = 1e4  # times the tolerance: a step, in spans, after which nothing is integrated anew

# lmfit's methods that take a function of one value; those for residuals are `least_squares` and `leastsq`.
OPTIMIZERS = (
    "least_squares", "leastsq", "trust-exact", "trust-constr", "nelder", "powell", "cobyla", "slsqp", "lbfgsb", "tnc",
    "bfgs", "cg", "differential_evolution", "basinhopping", "dual_annealing", "shgo",
)  # fmt: skip
OF_RESIDUALS = ("least_squares", "leastsq")
SEEDED = ("basinhopping", "dual_annealing")


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
        return optimum_at(search, base[moved], True, "nothing varies", None)
    try:
        if name in ("trust-exact", "trust-constr"):
            return by_trust_region(search, name, limit)
        if name == "least_squares":
            return _of_squares(search, *least_squares(search, limit, scale_covariance))
        if name == "differential_evolution":
            return _by_evolution(search, limit, scale_covariance, seed)
        return _by_lmfit(search, name, limit, scale_covariance, seed)
    except KeyboardInterrupt:
        return optimum_at(search, search.best[moved], False, "interrupted; this is the best point so far", None)


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
    numbers = search.ended(result)
    if name in OF_RESIDUALS:
        return _of_squares(search, numbers, result)
    return optimum_at(search, numbers, bool(result.success), str(result.message), result)


def _of_squares(search: Search, numbers: Array, result: Any, curvature: Array | None = None) -> Optimum:
    """Where a method for residuals ended, some digits better."""
    if result.success:
        done = max(DONE, SETTLED * search.objective.predictor.tolerance)
        numbers = polished(search, numbers, np.asarray(result.residual), curvature, done=done).numbers
    return optimum_at(search, numbers, bool(result.success), str(result.message), result)


def _by_evolution(search: Search, limit: int, scale_covariance: bool, seed: int) -> Optimum:
    """The best of a population, taken to the end by the minimizer that is the default."""
    result = evolved(search, limit, seed)
    if not result.success:
        return optimum_at(search, result.x, False, str(result.message), result)
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
