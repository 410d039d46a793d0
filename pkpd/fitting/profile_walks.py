"""One walk along a profile: away from the estimate, until the deviance passes its threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError
from pkpd.fitting.objective import Objective
from pkpd.fitting.ranges import search_ranges
from pkpd.fitting.search import minimize
from pkpd.fitting.shapes import at_bounds, limits

__all__ = ["BETTER", "Walk", "tangents", "walk"]

STEPS = 4.0  # from the estimate to the threshold, where the deviance is quadratic
GROWTH = 2.5  # of a step at most
POINTS = 60  # of a walk at most
SHORTENED = 12  # halvings of a step into what cannot be solved
JUMP = 0.5  # of a span: companions so far from where they were expected belong to another optimum
NOTICED = 8  # searches for the best optimum where one jumps
RESOLVED = 1e-5  # of the bracket of a root
BETTER = 1e-3  # of log-posterior: a gain that the tolerances of a minimizer do not explain


@dataclass(frozen=True, eq=False)
class Walk:
    """Points of a profile from the estimate on, in one direction.

    Attributes
    ----------
    points
        (n, coordinates): the first is the estimate; on the scale of the search.
    log_posterior
        (n,): the highest with the profiled coordinate held.
    end
        Where the deviance is at the threshold; None where it is not met.
    note
        What a reader should know of the end; mostly empty.
    """

    points: Array
    log_posterior: Array
    end: float | None
    note: str = ""


def tangents(objective: Objective, x: Array) -> Array:
    """How all coordinates move along the profile of each, (coordinates, coordinates), a standard error at a time.

    By the expected information at the estimates; where that is singular, by the least change
    that does, and no step is longer than the size of the coordinate.
    """
    spans = np.array([c.span(v) for c, v in zip(objective.coordinates, x, strict=True)])
    information = objective.information(x[None])[0] * np.outer(spans, spans)
    rows = []
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        row = np.zeros(len(x))
        row[i] = 1.0
        row[others] = -np.linalg.lstsq(information[np.ix_(others, others)], information[others, i], rcond=1e-10)[0]
        curvature = float(row @ information @ row)
        rows.append(row * spans / np.sqrt(max(curvature, 1.0)))
    return np.array(rows)


def walk(
    objective: Objective,
    x: Array,
    log_posterior: float,
    position: int,
    sign: int,
    tangent: Array,
    fall: float,
    limit: int,
    starts: int = 1,
) -> Walk:
    """Walk from the estimate `x` until twice the log-posterior has fallen by `fall`, or nothing is further.

    Where the others jump to another optimum, and with several `starts` where the threshold is passed, the best
    of many searches counts; the walk goes on from it, and back along it as far as it is the better one.
    """
    held = _Held(objective, position, limit)
    trail = _Trail(held, x, log_posterior, fall)
    c = objective.coordinates[position]
    last = limits(c, float(x[position]))[0 if sign < 0 else 1]
    step, ahead = tangent * sign / STEPS * np.sqrt(fall), 1.0
    shortened = 0
    while len(trail.points) < POINTS and trail.value != last:
        value = trail.value + ahead * step[position]
        if sign * (value - last) >= 0:
            value = last
        guess = trail.points[-1] + step * (value - trail.value) / step[position]
        point, height = held.best(value, guess)
        if not np.isfinite(height):
            shortened += 1
            ahead /= 4
            if shortened > SHORTENED:
                return trail.ended(None, f"Beyond {float(c.natural(trail.value)):.4g} the model cannot be solved.")
            continue
        jumped = trail.jumps(point, guess)
        if jumped or (starts > 1 and trail.depth(height) >= 1):
            point, height = held.best_of(value, max(starts, NOTICED if jumped else 1), (point, height))
            jumped = trail.jumps(point, guess)
        if trail.depth(height) >= 1:
            return trail.crossed(point, height)
        trail.add(point, height, jumped=jumped)
        step, ahead = trail.step(), trail.ahead()
    if trail.value == last == (c.lower if sign < 0 else c.upper):
        return trail.ended(
            None, "" if np.isinf(last) else f"Its bound {float(c.natural(last)):.4g} is within the interval."
        )
    return trail.ended(None, f"The search ended at {float(c.natural(trail.value)):.4g}.")


@dataclass(frozen=True, eq=False)
class _Held:
    """Searches with one coordinate held."""

    objective: Objective
    position: int
    limit: int

    @property
    def label(self) -> str:
        return self.objective.coordinates[self.position].label

    def best(self, value: float, guess: Array) -> tuple[Array, float]:
        """The best point with the coordinate at `value`, from a guess of the others; -inf where none is found."""
        start = np.clip(guess, self.objective.lower, self.objective.upper)
        start[self.position] = value
        vary = np.arange(len(start)) != self.position
        try:
            if not np.isfinite(self.objective.log_posterior(start[None])[0]):
                return start, -np.inf
            optimum = minimize(self.objective, start, vary=vary, limit=self.limit)
        except FitError:
            return start, -np.inf
        return optimum.x, optimum.log_posterior

    def best_of(self, value: float, starts: int, known: tuple[Array, float]) -> tuple[Array, float]:
        """The best of what is known and of searches from starts all over the ranges of the others."""
        from scipy.stats import qmc

        lower, upper = search_ranges(self.objective)
        cube = qmc.LatinHypercube(len(lower), rng=np.random.default_rng(0)).random(starts)
        ends = [known, *(self.best(value, guess) for guess in lower + cube * (upper - lower))]
        best = max(ends, key=lambda end: end[1])
        return best if best[1] > known[1] + BETTER else known


class _Trail:
    """The points of a walk so far, and how deep they lie: 1 at the threshold, in the root of the deviance."""

    def __init__(self, held: _Held, x: Array, log_posterior: float, fall: float) -> None:
        self.held = held
        self.points, self.heights = [x], [log_posterior]
        self.fall = fall
        self.jumped = False

    @property
    def value(self) -> float:
        return float(self.points[-1][self.held.position])

    def depth(self, height: float) -> float:
        return float(np.sqrt(max(2 * (self.heights[0] - height), 0.0) / self.fall))

    def add(self, point: Array, height: float, *, jumped: bool = False) -> None:
        self.points.append(point)
        self.heights.append(height)
        self.jumped = jumped
        if jumped:
            self._go_back()

    def jumps(self, point: Array, guess: Array) -> bool:
        """Whether a point belongs to another optimum than the one followed."""
        spans = np.array([c.span(v) for c, v in zip(self.held.objective.coordinates, point, strict=True)])
        return bool((np.abs(point - guess) > JUMP * spans).any())

    def _go_back(self) -> None:
        """Follow the optimum of the last point back, as long as it is better than the one that was followed."""
        for i in range(len(self.points) - 2, 0, -1):
            point, height = self.held.best(float(self.points[i][self.held.position]), self.points[i + 1])
            if height <= self.heights[i] + BETTER:
                return
            self.points[i], self.heights[i] = point, height

    def step(self) -> Array:
        """From the point before the last one to the last one; of the profiled coordinate alone after a jump."""
        step = np.asarray(self.points[-1] - self.points[-2])
        if self.jumped:
            step[np.arange(len(step)) != self.held.position] = 0.0
        return step

    def ahead(self) -> float:
        """How many of the last steps go down by what one step should."""
        gain = self.depth(self.heights[-1]) - self.depth(self.heights[-2])
        return float(np.clip(1 / STEPS / gain if gain > 0 else GROWTH, 0.3, GROWTH))

    def _wall(self, labels: Sequence[str]) -> str:
        if not labels:
            return ""
        return f"An end is where a bound holds {' and '.join(labels)}; without that bound it may lie further out."

    def ended(self, end: float | None, note: str = "") -> Walk:
        return Walk(np.array(self.points), np.array(self.heights), end, note)

    def crossed(self, point: Array, height: float) -> Walk:
        """The walk with its end: the root between the last point and one beyond the threshold."""
        from scipy.optimize import brentq

        near, far = (self.points[-1], self.heights[-1]), (point, height)
        position = self.held.position
        refined: dict[float, tuple[Array, float]] = {near[0][position]: near, far[0][position]: far}

        def excess(value: float) -> float:
            if value not in refined:
                share = (value - near[0][position]) / (far[0][position] - near[0][position])
                refined[value] = self.held.best(value, near[0] + share * (far[0] - near[0]))
            depth = self.depth(refined[value][1])
            return min(depth, 1e6) - 1.0

        width = abs(far[0][position] - near[0][position])
        end = float(brentq(excess, near[0][position], far[0][position], xtol=RESOLVED * width))
        excess(end)  # which is mostly among those refined
        self.add(*refined[end])
        others = set(at_bounds(self.held.objective.coordinates, refined[end][0]))
        others -= {*at_bounds(self.held.objective.coordinates, self.points[0]), self.held.label}
        if np.isfinite(height):
            self.add(*far)
        return self.ended(end, self._wall(sorted(others)))
