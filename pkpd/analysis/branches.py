"""Branches of equilibria over one parameter, followed in small steps, and the folds at which they end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pkpd.analysis.vector_fields import Equilibrium, VectorField
from pkpd.arrays import Array

__all__ = ["Branch", "Fold", "follow_all", "settle", "stable_course"]

_NEAR = 0.02  # of the ranges: how far from where the last two steps point the next equilibrium may lie
_EVALUATIONS = 10_000
_HALVINGS = 12  # of a step, before a branch counts as ended


@dataclass(frozen=True, eq=False)
class Fold:
    """Where two branches meet and end: the value of the parameter and the states."""

    value: float
    at: Array


@dataclass(frozen=True, eq=False)
class Branch:
    """Equilibria by the number of the parameter's value, and the folds at its ends."""

    points: dict[int, Equilibrium]
    folds: tuple[Fold, ...]


def follow_all(field: VectorField, parameter: str, values: Array, starts: int, seeds: int) -> list[Branch]:
    """Every branch that an equilibrium at one of `seeds` values of the parameter belongs to, both ends first."""
    branches: list[Branch] = []
    numbers = np.unique(np.linspace(0, len(values) - 1, seeds).round().astype(int))
    inner = numbers[1:-1]
    for k in (numbers[0], numbers[-1], *inner):
        for point in field.at(parameter, values[k]).equilibria(starts):
            if not any(k in b.points and field.is_among(point.at, [b.points[k].at]) for b in branches):
                branches.append(_follow(field, parameter, values, int(k), point))
    return sorted(branches, key=lambda b: (min(b.points), tuple(b.points[min(b.points)].at)))


def _follow(field: VectorField, parameter: str, values: Array, start: int, point: Equilibrium) -> Branch:
    """The branch through an equilibrium, up and down from its value of the parameter."""
    points, folds = {start: point}, []
    for way in (1, -1):
        walk = _Walk(field, parameter, values[start], point.at)
        for k in range(start + way, len(values) if way > 0 else -1, way):
            reached = walk.to(values[k])
            if reached is None:
                fold = _fold(field, parameter, walk.value, walk.at, abs(values[1] - values[0]))
                folds += [] if fold is None else [fold]
                break
            points[k] = reached
    return Branch(points, tuple(folds))


class _Walk:
    """Where on a branch one stands, and the direction in which it goes on."""

    def __init__(self, field: VectorField, parameter: str, value: float, at: Array) -> None:
        self.field, self.parameter, self.value, self.at = field, parameter, value, at
        self.slope = np.zeros_like(at)

    def to(self, target: float) -> Equilibrium | None:
        """The equilibrium at another value of the parameter, by steps as small as they must be; None where it ends."""
        step, least = target - self.value, abs(target - self.value) / 2**_HALVINGS
        reached: Equilibrium | None = None
        while self.value != target:
            nearer = target if abs(target - self.value) <= abs(step) * (1 + 1e-9) else self.value + step
            reached = self._step(nearer)
            if reached is None:
                step /= 2
                if abs(step) < least:
                    return None
        return reached

    def _step(self, value: float) -> Equilibrium | None:
        guess = self.at + self.slope * (value - self.value)
        there = self.field.at(self.parameter, value)
        reached = there.equilibrium_near(guess)
        if reached is None or there.distance(reached.at, guess) > _NEAR or not there.contains(reached.at, 1e-3):
            return None
        self.slope = (reached.at - self.at) / (value - self.value)
        self.value, self.at = value, reached.at
        return reached


def _fold(field: VectorField, parameter: str, value: float, at: Array, step: float) -> Fold | None:
    """The fold near the end of a branch: rates and the Jacobian's determinant are 0; None where there is none."""
    from scipy.optimize import root

    span = field.span

    def conditions(unknown: Array) -> Array:
        there, point = field.at(parameter, value + unknown[-1] * step), unknown[:-1] * span
        slopes = there.jacobian(point) * span[None, :] / span[:, None]
        return np.append(there.rates(point[:, None])[:, 0] / span, np.linalg.det(slopes))

    with np.errstate(all="ignore"):
        first = np.append(at / span, 0.0)
        if not np.isfinite(conditions(first)).all():
            return None
        solved = root(conditions, first, method="hybr", options={"xtol": 1e-12})
    near = abs(solved.x[-1]) <= 1.0 and field.distance(solved.x[:-1] * span, at) < 0.1
    return Fold(value + float(solved.x[-1]) * step, solved.x[:-1] * span) if solved.success and near else None


def stable_course(
    field: VectorField, parameter: str, values: Array, branches: list[Branch], *, up: bool, highest: bool
) -> Array:
    """(values, states): where the model stands while the parameter is changed slowly, up or down.

    It begins on a stable branch at one end, the one with the lowest or highest first state; where that ends or
    turns unstable, the trajectory from the last point leads to the next.  NaN from where it comes to no stable
    equilibrium.
    """
    order = range(len(values)) if up else range(len(values) - 1, -1, -1)
    course = np.full((len(values), len(field.names)), np.nan)
    stable = [b for b in branches if order[0] in b.points and b.points[order[0]].stable]
    sign = -1.0 if highest else 1.0
    branch = min(stable, key=lambda b: sign * float(b.points[order[0]].at[0]), default=None)
    for last, k in _pairs(order):
        point = None if branch is None else branch.points.get(k)
        if branch is not None and (point is None or not point.stable) and last is not None:
            at = settle(field.at(parameter, values[k]), branch.points[last].at)
            branch = None if at is None else _branch_at(field, branches, k, at)
            point = None if branch is None else branch.points[k]
        if branch is None or point is None or not point.stable:
            break
        course[k] = point.at
    return course


def _pairs(order: range) -> Iterator[tuple[int | None, int]]:
    yield from zip([None, *order], order, strict=False)


def _branch_at(field: VectorField, branches: list[Branch], k: int, at: Array) -> Branch | None:
    near = [b for b in branches if k in b.points and field.distance(b.points[k].at, at) < 1e-3 and b.points[k].stable]
    return min(near, key=lambda b: field.distance(b.points[k].at, at), default=None)


def settle(field: VectorField, start: Array) -> Array | None:
    """The stable equilibrium to which the trajectory from beside a point leads; None where it comes to none.

    A trajectory that turns for ever, as on a limit cycle, is given up after `_EVALUATIONS` of the rates.
    """
    from scipy.integrate import LSODA

    y, pace, steps = start + 1e-6 * field.span, _pace(field, start), 0
    solver = LSODA(
        lambda _, y: field.rates(y[:, None])[:, 0], 0, y, 1e6 / pace, rtol=1e-6, atol=1e-9 * field.span
    )  # fmt: skip
    while solver.status == "running" and solver.nfev < _EVALUATIONS:
        solver.step()
        steps += 1
        if not np.isfinite(solver.y).all():
            return None
        if steps % 50 == 0 or solver.status == "finished":
            reached = field.equilibrium_near(solver.y)
            if reached is not None and reached.stable and field.distance(reached.at, solver.y) < 1e-3:
                return reached.at
    return None


def _pace(field: VectorField, at: Array) -> float:
    """How fast things go near a point: the size of the largest eigenvalue."""
    return float(max(np.abs(np.linalg.eigvals(field.jacobian(at))).max(), 1e-300))
