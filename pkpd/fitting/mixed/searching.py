"""The outer search: quasi-Newton steps on the population parameters, with the modes of all subjects following."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.fitting.mixed.conditional import Point
from pkpd.fitting.mixed.mixing import AnyApproximation

__all__ = ["Objective", "Penalty", "Report", "Searched", "minimize", "search"]

Report = Callable[[int, float, Array], object]
"""Called with the iteration, the objective and u."""

Penalty = Callable[[Array], tuple[float, Array, Array]]
"""-2 ln of priors with its gradient and curvature, of u."""

MEMORY = 12
LONGEST = 1.5  # of a step, in units of u
SUFFICIENT = 1e-4  # the share of the promised gain that a step has to bring (Armijo)
NEAR = 1e-6  # relative: a gain that is promised and lost in the noise of the integration
FEW = 3  # draws from which modes are sought at the start, where they will move; at the end it is all
ROUNDS = 6  # of looking for modes elsewhere


@dataclass(frozen=True, eq=False)
class Searched:
    """How a search ended.

    Attributes
    ----------
    point
        One guess, with its gradient and information.
    converged
        Whether the gain that a step promised fell below the tolerance.
    floored
        (nu,): the standard deviations that stand at their floor.
    interrupted
        Whether Ctrl-C ended it.
    """

    point: Point
    converged: bool
    iterations: int
    evaluations: int
    message: str
    floored: Mask
    trace: Array
    interrupted: bool = False

    @property
    def u(self) -> Array:
        u: Array = self.point.u[0]
        return u

    @property
    def value(self) -> float:
        return float(self.point.value[0])


@dataclass(frozen=True, eq=False)
class Objective:
    """What is minimized: an approximation, with the priors of u.

    Attributes
    ----------
    penalty
        -2 ln of the priors with its gradient and curvature, of u (nu,); None without priors.
    """

    approximation: AnyApproximation
    penalty: Penalty | None = None

    def at(self, u: Array, eta: Array) -> Point:
        """One guess u (nu,) and the modes to start from, (subjects, q)."""
        try:
            point = self.approximation.evaluate(u[None], eta[None])
        except np.linalg.LinAlgError:  # numbers too large to invert are as bad as a failed solution
            nothing = np.full((1, len(eta)), np.inf)
            return Point(u[None], nothing.sum(-1), nothing, eta[None], nothing < 0, np.empty(0))
        if point.gradient is not None and not np.isfinite(point.gradient).all():  # a neighbor failed: no place to be
            return replace(point, value=np.full(1, np.inf))
        if self.penalty is None or point.gradient is None or point.information is None:
            return point
        value, gradient, curvature = self.penalty(u)
        return replace(
            point, value=point.value + value, gradient=point.gradient + gradient,
            information=point.information + curvature,
        )  # fmt: skip


def search(
    objective: Objective, start: Array, eta: Array, *, seed: int, restarts: int = 8, report: Report | None = None,
    most: int = 200, tol: float = 1e-5,
) -> Searched:  # fmt: skip
    """`minimize`, with a look elsewhere for the modes of every subject before, and after until none is missed.

    A mode that is missed is a step in the objective that no gradient sees, up or down: ln|H| at the
    wrong mode may make its objective the lower one.  So the modes are chosen by the individual
    objective, not by that of the population.
    """
    approximation = objective.approximation
    if restarts and approximation.kind != "fo":
        eta, _ = approximation.elsewhere(start, eta, seed=seed, restarts=min(restarts, FEW))
    done = minimize(objective, start, eta, report=report, most=most, tol=tol)
    if not restarts or approximation.kind == "fo":
        return done
    for turn in range(ROUNDS):
        if done.interrupted or not np.isfinite(done.value):
            break
        eta, moved = approximation.elsewhere(done.u, done.point.eta[0], seed=seed + 1 + turn, restarts=restarts)
        if not moved.any():
            break
        more = minimize(objective, done.u, eta, report=report, most=most, tol=tol)
        done = replace(
            more, iterations=more.iterations + done.iterations, evaluations=more.evaluations + done.evaluations,
            trace=np.concatenate([done.trace, more.trace]),
        )  # fmt: skip
    return done


def minimize(
    objective: Objective, start: Array, eta: Array, *, most: int = 200, tol: float = 1e-5, report: Report | None = None
) -> Searched:
    """L-BFGS about the information matrix of the linearized model.

    Parameters
    ----------
    start, eta
        (nu,) and (subjects, q).
    tol
        Until the gain that a step promises is less, in units of the objective.
    """
    population = objective.approximation.subjects.numbers
    lowest = population.lowest
    u = np.maximum(start, lowest)
    point, evaluations, trace = objective.at(u, eta), 1, []
    if not np.isfinite(point.value[0]):
        return Searched(point, False, 0, 1, "the objective has no value at the start", u < lowest, np.empty((0, 1)))
    pairs: list[tuple[Array, Array]] = []
    message, iteration, interrupted = "the most iterations were made", 0, False
    free = _moving(point, lowest, population.free)
    try:
        for iteration in range(most):
            free_now = _moving(point, lowest, population.free)
            if not np.array_equal(free_now, free):
                free, pairs = free_now, []
            step = _step(point, free, pairs)
            promised = float(-(_of(point.gradient)[free] @ step))
            trace.append(np.append(u, point.value[0]))
            if report is not None:
                report(iteration, float(point.value[0]), u)
            if promised < tol:
                message = "converged"
                break
            trial, tried = _along(objective, point, free, step, lowest)
            evaluations += tried
            if trial is None and pairs:  # the memory of curvature may be what misleads
                pairs = []
                continue
            if trial is None:
                near = promised < NEAR * (abs(point.value[0]) + 100)
                message = "converged to the accuracy of the integration" if near else "no step improves"
                break
            pairs = _remembered(pairs, (trial.u[0] - u)[free], (_of(trial.gradient) - _of(point.gradient))[free])
            u, point = trial.u[0], trial
    except KeyboardInterrupt:
        message, interrupted = "interrupted", True
    floored = (u <= lowest) & population.free
    return Searched(
        point,
        message.startswith("converged"),
        iteration + 1,
        evaluations,
        message,
        floored,
        np.array(trace),
        interrupted,
    )


def _of(gradient: Array | None) -> Array:
    assert gradient is not None
    first: Array = gradient[0]
    return first


def _moving(point: Point, lowest: Array, free: Mask) -> Index:
    """What may move: a standard deviation at its floor stays there while the objective falls below it."""
    held = (point.u[0] <= lowest + 1e-12) & (_of(point.gradient) > 0)
    return np.flatnonzero(free & ~held)


def _step(point: Point, free: Index, pairs: list[tuple[Array, Array]]) -> Array:
    gradient = _of(point.gradient)[free]
    assert point.information is not None
    metric = point.information[0][np.ix_(free, free)]
    values, vectors = np.linalg.eigh(0.5 * (metric + metric.T))
    values = np.maximum(values, 1e-6 * max(values.max(), 1e-300))

    def solved(g: Array) -> Array:
        return np.asarray(vectors @ ((vectors.T @ g) / values))

    step = -_two_loops(gradient, pairs, solved)
    if gradient @ step > 0:
        pairs.clear()
        step = -solved(gradient)
    return step


def _two_loops(gradient: Array, pairs: list[tuple[Array, Array]], solved: Callable[[Array], Array]) -> Array:
    """The product of the inverse Hessian of L-BFGS with the gradient (Nocedal 1980)."""
    left, shares = gradient.copy(), []
    for s, y in reversed(pairs):
        share = (s @ left) / (s @ y)
        left -= share * y
        shares.append(share)
    product = solved(left)
    for (s, y), share in zip(pairs, reversed(shares), strict=True):
        product = product + s * (share - (y @ product) / (s @ y))
    return product


def _remembered(pairs: list[tuple[Array, Array]], s: Array, y: Array) -> list[tuple[Array, Array]]:
    if s @ y > 1e-10 * np.linalg.norm(s) * np.linalg.norm(y):
        return [*pairs, (s, y)][-MEMORY:]
    return pairs


def _along(objective: Objective, point: Point, free: Index, step: Array, lowest: Array) -> tuple[Point | None, int]:
    """The point that a search along a step accepts, and how many were looked at."""
    u, gradient = point.u[0], _of(point.gradient)
    slope = float(gradient[free] @ step)
    size = min(1.0, LONGEST / float(np.abs(step).max()))
    for tried in range(1, 26):
        new = u.copy()
        new[free] += size * step
        new = np.maximum(new, lowest)
        trial = objective.at(new, _followed(point, new))
        gain = point.value[0] - trial.value[0]
        if gain >= -SUFFICIENT * size * slope - 1e-9 * abs(point.value[0]):
            return trial, tried
        curvature = -gain - size * slope
        finite = np.isfinite(trial.value[0]) and curvature > 0
        size *= float(np.clip(-size * slope / (2 * curvature), 0.1, 0.5)) if finite else 0.25
    return None, 25


def _followed(point: Point, u: Array) -> Array:
    """Where the modes of another u are, to first order."""
    assert point.motion is not None
    shift = point.motion[0] @ (u - point.u[0])
    near = np.abs(shift).max(-1, keepdims=True) < 2
    return np.asarray(point.eta[0] + np.where(near & np.isfinite(shift), shift, 0.0))
