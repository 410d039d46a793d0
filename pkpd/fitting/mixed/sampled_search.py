"""Maximum likelihood by frozen samples: rounds of a sample and Newton steps on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.fitting.mixed.importance import Estimated, matched
from pkpd.fitting.mixed.sampled_classes import AnyImportance
from pkpd.fitting.mixed.searching import Penalty, Report

__all__ = ["Maximum", "maximize"]

ROUNDS = 30
SETTLED = 5  # from this round on points stay where they are, and so does the answer
REACH = 0.5  # a round ends when the effective size of its sample has fallen to this part
LEAST = 2  # rounds
NEWTON_STEPS = 20


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where a search by samples ended; `mean` and `covariance` are where the last sample was taken."""

    u: Array
    estimate: Estimated
    rounds: int
    evaluations: int
    converged: bool
    message: str
    trace: Array
    interrupted: bool = False


def maximize(
    importance: AnyImportance, u: Array, mean: Array, covariance: Array, *, penalty: Penalty | None = None,
    tol: float = 1e-4, report: Report | None = None,
) -> Maximum:  # fmt: skip
    """From u, with samples about mean (subjects, q) and covariance (subjects, q, q) of the random components."""
    population = importance.subjects.numbers
    u = np.maximum(u, population.lowest)
    trace, evaluations, message, rounds, interrupted = [], 0, "the most rounds were made", 0, False
    now = importance.evaluate(u, importance.draw(u, mean, covariance))
    try:
        for rounds in range(1, ROUNDS + 1):
            sample = importance.draw(u, mean, covariance)
            u, now, moved, ended, tried = _newton(importance, u, sample, penalty, tol)
            evaluations += tried
            trace.append(np.append(u, now.value))
            if report is not None:
                report(rounds, now.value, u)
            if rounds <= SETTLED:
                mean, covariance = matched(now, mean, covariance, importance.points)
            if ended and rounds >= LEAST and moved < max(10 * tol, 0.02 * _noise(now, _moving(importance, u, now))):
                message = "converged"
                break
    except KeyboardInterrupt:
        message, interrupted = "interrupted", True
    return Maximum(u, now, rounds, evaluations, message == "converged", message, np.array(trace), interrupted)


def _newton(
    importance: AnyImportance, u: Array, sample: Any, penalty: Penalty | None, tol: float
) -> tuple[Array, Estimated, float, bool, int]:
    """Newton steps on one sample: u, the estimate there, the gain, whether they ended, and evaluations."""
    population = importance.subjects.numbers
    now, tried, moved = importance.evaluate(u, sample), 1, 0.0
    first = float(np.median(now.size))
    for _ in range(NEWTON_STEPS):
        at = _moving(importance, u, now)
        gradient, metric, value = _parts(now, u, at, penalty)
        step = _step(metric, gradient)
        promised = float(-(gradient @ step))
        if promised < tol:
            return u, now, moved, True, tried
        size = min(1.0, (0.3 if len(importance.own) else 1.0) / float(np.abs(step).max()))
        for _ in range(12):
            new = u.copy()
            new[at] = np.maximum(new[at] + size * step, population.lowest[at])
            trial = importance.evaluate(new, sample)
            tried += 1
            gained = value - trial.value - (0.0 if penalty is None else penalty(new)[0])
            if gained >= 1e-4 * size * promised - 1e-9 * abs(value) and np.median(trial.size) > 0.5 * REACH * first:
                break
            size *= 0.4
        else:
            return u, now, moved, True, tried
        moved += promised
        u, now = new, trial
        if np.median(now.size) < REACH * first or len(importance.own):
            return u, now, moved, promised < 10 * tol, tried
    return u, now, moved, False, tried


def _parts(now: Estimated, u: Array, at: Index, penalty: Penalty | None) -> tuple[Array, Array, float]:
    gradient, information = now.score.sum(0), now.information
    scatter = 0.5 * now.score.T @ now.score
    value = now.value
    if penalty is not None:
        more, slope, curvature = penalty(u)
        gradient, information, value = gradient + slope, information + curvature, value + more
        scatter = scatter + curvature
    square = np.ix_(at, at)
    values = np.linalg.eigvalsh(information[square])
    if values[0] <= 1e-3 * np.median(np.abs(values)):  # Louis' information is not definite here: squares of the score
        return gradient[at], scatter[square] + 1e-3 * np.diag(np.abs(np.diag(information[square]))), value
    return gradient[at], information[square], value


def _step(metric: Array, gradient: Array) -> Array:
    values, vectors = np.linalg.eigh(0.5 * (metric + metric.T))
    values = np.maximum(values, 1e-8 * max(values.max(), 1e-300))
    return np.asarray(-(vectors / values) @ (vectors.T @ gradient))


def _moving(importance: AnyImportance, u: Array, now: Estimated) -> Index:
    population = importance.subjects.numbers
    held = (u <= population.lowest + 1e-12) & (now.score.sum(0) > 0)
    return np.flatnonzero(population.free & ~held)


def _noise(now: Estimated, at: Index) -> float:
    """How far the sampling error moves the objective's maximum, in units of the objective."""
    square = np.ix_(at, at)
    try:
        return float(np.trace(np.linalg.solve(now.information[square], now.noise[square])))
    except np.linalg.LinAlgError:
        return 0.0
