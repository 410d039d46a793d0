"""From the best regimen of a grid to the best between the values of the grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.streams import check_seed
from pkpd.errors import DataError, SimulationError
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.preparing import prepare
from pkpd.trials.goals import Goal
from pkpd.trials.response_surfaces import ResponseSurface, surface_of

__all__ = ["RefinedRegimen", "refine_regimen"]

Method = Literal["differential_evolution", "slsqp"]
BROKEN = 1e-4  # of a limit: by more than that a constraint counts as broken


@dataclass(frozen=True, eq=False)
class RefinedRegimen:
    """The result of `refine_regimen`; frozen.

    Attributes
    ----------
    decisions
        The value of each decision.
    objective
        Its value there; `from_grid` at the best regimen of the grid.
    constraints
        By label the value of each constrained quantity.
    success, message
        Whether the search converged, and what it says.
    evaluations
        The regimens that were integrated, each for all members.
    """

    decisions: Mapping[str, Any]
    objective: float
    from_grid: float
    constraints: Mapping[str, float]
    success: bool
    message: str
    evaluations: int

    def report(self) -> str:
        """The regimen in words, and what the search gained over the grid."""
        chosen = ", ".join(f"{k} {v:.6g}" if isinstance(v, float) else f"{k} {v}" for k, v in self.decisions.items())
        lines = [f"{chosen}: objective {self.objective:.6g} (grid {self.from_grid:.6g})"]
        lines += [f"  {label}: {value:.6g}" for label, value in self.constraints.items()]
        return "\n".join([*lines, f"  {'converged' if self.success else 'not converged'}: {self.message}"])

    def __str__(self) -> str:
        return self.report()


def refine_regimen(
    surface: ResponseSurface,
    *,
    method: Method = "differential_evolution",
    seed: int = 0,
    generations: int = 60,
    points: int = 10,
) -> RefinedRegimen:
    """Go on from the best regimen of a grid to the best between its values, within the range of the grid.

    Decisions that are parameters of the regimen or model move; what the function of a regimen
    takes stays as it is at the optimum of the grid.

    Parameters
    ----------
    surface
        From `optimize_regimen`.
    method
        ``"differential_evolution"`` of scipy searches the whole range, all points of a generation with
        all members as one ensemble; for any objective.  ``"slsqp"`` follows exact derivatives by the
        decisions, integrated with the model, from the optimum of the grid; for means over members of
        numbers of the kind ``last``.
    seed
        Of the random points of differential evolution.
    generations, points
        The most generations, and the points of each for every decision that moves.

    Raises
    ------
    DataError
        If members are kept apart, no decision can move, or the objective has no exact derivative.
    SimulationError
        If nothing on the grid is feasible.

    References
    ----------
    Storn R, Price K. Differential evolution. J Global Optim 11:341-359 (1997).  Kraft D. A software
    package for sequential quadratic programming. DFVLR-FB 88-28 (1988).

    Examples
    --------
    The least dose with a trough of 2 mg/L: ``2 V exp(10 CL/V)``.

    >>> import pkpd
    >>> model, amount = pkpd.load("pk_1cmt"), pkpd.param("amount", 100, "mg", "dose")
    >>> surface = pkpd.optimize_regimen(
    ...     model, pkpd.bolus(amount, "iv"), {"amount": [20, 50, 80]}, times=[0, 10], reduce={"trough": ("C", "last")},
    ...     minimize="amount", constraints=[pkpd.at_least("trough", 2)], parameters={"CL": 1, "V": 10},
    ... )
    >>> round(pkpd.refine_regimen(surface, method="slsqp").decisions["amount"], 3)
    54.366
    """
    if not isinstance(surface, ResponseSurface):
        raise DataError(f"refine_regimen() got a {type(surface).__name__}; expected what optimize_regimen() returns.")
    if surface.each:
        raise DataError(
            f"refine_regimen(): {', '.join(surface.each)} are kept apart, each with an optimum; refine them one by one."
        )
    check_seed(seed)
    search = _search(surface)
    if method == "differential_evolution":
        return _by_evolution(search, seed, generations, points)
    if method == "slsqp":
        return _by_slopes(search, generations)
    raise DataError(f"method is {method!r}; expected 'differential_evolution' or 'slsqp'.")


@dataclass(frozen=True, eq=False)
class _Search:
    """The decisions that move, about the optimum of a surface.

    Attributes
    ----------
    moved
        The names of these decisions.
    start, low, high
        (moved,): the optimum of the grid and the ends of its axes.
    calls
        How many regimens were evaluated.
    """

    surface: ResponseSurface
    held: Mapping[str, Any]
    moved: tuple[str, ...]
    start: Array
    low: Array
    high: Array
    seen: dict[bytes, tuple[Array, Array]] = field(default_factory=dict)
    calls: list[int] = field(default_factory=list)

    @property
    def sign(self) -> float:
        return 1.0 if self.surface.objective.high_is_bad else -1.0

    def values(self, points: Array) -> tuple[Array, Array]:
        """Objective (points,) and constrained quantities (constraints, points) at (moved, points)."""
        key = points.tobytes()
        if key not in self.seen:
            self.seen.clear()  # the objective and the constraints ask one after the other
            self.seen[key] = self._evaluated(points)
            self.calls.append(points.shape[1])
        return self.seen[key]

    def _evaluated(self, points: Array) -> tuple[Array, Array]:
        problem = self.surface.problem
        axes = {name: np.array([value]) for name, value in self.held.items()}
        columns = {name: (("point",), row) for name, row in zip(self.moved, points, strict=True)}
        members = Ensemble({"point": points.shape[1]}, columns) * problem.people
        one = replace(problem, decisions=axes, parameters=members)
        goals = (self.surface.objective, *self.surface.constraints)
        surface = surface_of(one, goals, ("point",), "exclude").dataset
        limits = len(self.surface.constraints)
        quantities = surface["constraint_value"].to_numpy() if limits else np.empty((0, *surface["objective"].shape))
        return surface["objective"].to_numpy().reshape(-1), quantities.reshape(limits, points.shape[1])

    def decisions(self, x: Array) -> dict[str, Any]:
        """All decisions in the order of the surface."""
        moved = dict(zip(self.moved, map(float, x), strict=True))
        return {name: moved.get(name, self.held.get(name)) for name in self.surface.decisions}


def _search(surface: ResponseSurface) -> _Search:
    problem, best = surface.problem, surface.optimum
    moved = tuple(name for name in problem.swept if len(problem.decisions[name]) > 1)
    if not moved:
        raise DataError(
            f"refine_regimen(): none of {', '.join(surface.decisions)} is a parameter of the regimen with a range to "
            "move in."
        )
    axes = [problem.decisions[name].astype(float) for name in moved]
    held = {name: best[name].item() for name in surface.decisions if name not in moved}
    start = np.array([float(best[name]) for name in moved])
    return _Search(surface, held, moved, start, np.array([a.min() for a in axes]), np.array([a.max() for a in axes]))


def _finished(search: _Search, x: Array, success: bool, message: str) -> RefinedRegimen:
    """The result at x, or at the optimum of the grid where x is no better or breaks a constraint."""
    surface = search.surface
    objective, quantities = (a[..., 0] for a in search.values(x[:, None]))
    from_grid = float(surface.optimum["objective"])
    broken = [
        goal.name
        for goal, value in zip(surface.constraints, quantities, strict=True)
        if not goal.margin(value) >= -BROKEN * max(abs(goal.limit), 1e-12)
    ]
    if broken or not search.sign * objective <= search.sign * from_grid + 1e-12 * abs(from_grid):
        why = f"the search ended where {broken[0]} breaks its limit" if broken else "the search found nothing better"
        objective, quantities = (a[..., 0] for a in search.values(search.start[:, None]))
        return _result(search, search.start, objective, quantities, False, f"{why}; this is the grid's best")
    return _result(search, x, objective, quantities, success, message)


def _result(
    search: _Search, x: Array, objective: Any, quantities: Array, success: bool, message: str
) -> RefinedRegimen:
    constraints = dict(zip(search.surface.labels, map(float, quantities), strict=True))
    grid = float(search.surface.optimum["objective"])
    return RefinedRegimen(search.decisions(x), float(objective), grid, constraints, success, message, sum(search.calls))


def _by_evolution(search: _Search, seed: int, generations: int, points: int) -> RefinedRegimen:
    from scipy.optimize import Bounds, NonlinearConstraint, differential_evolution

    def cost(x: Array) -> Array:
        objective, _ = search.values(np.atleast_2d(x.T).T)
        return np.where(np.isnan(objective), np.inf, search.sign * objective)

    limits = []
    if search.surface.constraints:

        def margins(x: Array) -> Array:
            _, quantities = search.values(x if x.ndim == 2 else x[:, None])
            pairs = zip(search.surface.constraints, quantities, strict=True)
            kept = np.stack([goal.margin(q) / max(abs(goal.limit), 1e-12) for goal, q in pairs])
            kept = np.where(np.isnan(kept), -1e6, kept)
            return kept if x.ndim == 2 else kept[:, 0]

        limits = [NonlinearConstraint(margins, 0.0, np.inf)]
    result = differential_evolution(
        cost, Bounds(search.low, search.high), maxiter=generations, popsize=points, rng=np.random.default_rng(seed),
        x0=search.start, polish=False, vectorized=True, updating="deferred", tol=1e-8, constraints=limits,
    )  # fmt: skip
    return _finished(search, np.asarray(result.x), bool(result.success), str(result.message))


# ---- exact derivatives


@dataclass(frozen=True, eq=False)
class _Slopes:
    """Means over members at the last time, with their derivatives by the decisions that move."""

    search: _Search
    prepared: Prepared

    def of(self, goal: Goal, x: Array) -> tuple[float, Array]:
        """The quantity of a goal and its slopes."""
        if goal.of in self.search.moved:  # a decision itself
            place = self.search.moved.index(str(goal.of))
            return float(x[place]), np.eye(len(x))[place]
        output = self.search.surface.problem.reduce[str(goal.of)][0]
        problem = self.search.surface.problem
        columns = {name: ((), float(v)) for name, v in zip(self.search.moved, x, strict=True)}
        values = self.prepared(Ensemble({}, columns) * problem.people)
        self.search.calls.append(1)
        if (values.status != 0).any():
            raise SimulationError(f"{problem.model.name}: a member failed at {columns}; take differential_evolution.")
        weights = self.search.surface.weights / self.search.surface.weights.sum()
        value = weights @ values[output].reshape(-1)
        slopes = weights @ values.sensitivities[output].reshape(-1, len(self.search.moved))
        return float(value), np.asarray(slopes)


def _by_slopes(search: _Search, iterations: int) -> RefinedRegimen:
    from scipy.optimize import Bounds, minimize

    goals = (search.surface.objective, *search.surface.constraints)
    for goal in goals:
        _require_slopes(search, goal)
    slopes = _slopes(search)
    span = search.high - search.low

    def scaled(goal: Goal, size: float) -> tuple[Callable[[Array], float], Callable[[Array], Array]]:
        """A goal and its slopes in decisions from 0 to 1."""
        return (
            lambda s: slopes.of(goal, search.low + span * s)[0] / size,
            lambda s: slopes.of(goal, search.low + span * s)[1] * span / size,
        )

    objective = scaled(goals[0], search.sign * max(abs(float(search.surface.optimum["objective"])), 1e-12))
    limits = []
    for goal in goals[1:]:
        size = max(abs(goal.limit), 1e-12)
        value, slope = scaled(goal, size if not goal.high_is_bad else -size)
        edge = goal.limit / size * (-1 if goal.high_is_bad else 1)
        limits.append({"type": "ineq", "fun": lambda s, v=value, e=edge: v(s) - e, "jac": slope})
    result = minimize(
        objective[0], (search.start - search.low) / span, jac=objective[1], bounds=Bounds(0, 1), method="SLSQP",
        constraints=limits, options={"maxiter": iterations, "ftol": 1e-12},
    )  # fmt: skip
    return _finished(search, search.low + span * np.clip(result.x, 0, 1), bool(result.success), str(result.message))


def _require_slopes(search: _Search, goal: Goal) -> None:
    numbers = search.surface.problem.reduce
    last = isinstance(goal.of, str) and (goal.of in search.moved or numbers.get(goal.of, ("", ""))[1] == "last")
    alone = not search.surface.several or goal.over.kind == "mean"
    if not last or not alone:
        raise DataError(
            f"refine_regimen(): {goal.label(several=search.surface.several)!r} has no exact derivative; "
            "expected means of decisions and of numbers of the kind 'last'. method='differential_evolution' takes any."
        )


def _slopes(search: _Search) -> _Slopes:
    problem = search.surface.problem
    outputs = dict.fromkeys(
        problem.reduce[str(goal.of)][0]
        for goal in (search.surface.objective, *search.surface.constraints)
        if goal.of not in search.moved
    )
    regimen = problem.regimen_of(**{name: search.held[name] for name in problem.structural})
    return _Slopes(
        search,
        prepare(
            problem.model, regimen, times=[float(np.max(problem.times))], outputs=list(outputs) or None,
            sensitivities=search.moved, solver=problem.solver,
        ),
    )  # fmt: skip
