"""The walkers of an ensemble sampler: the density that they see, where they begin, and their steps."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import FitError, MissingExtraError
from pkpd.fitting.objective import Objective
from pkpd.solvers.problem import Progress

__all__ = ["FEWEST", "Density", "extra", "sampled", "scattered"]

TRIES = 200  # of a walker's start
FEWEST = 4  # draws of which R-hat can be told


def extra(name: str) -> Any:
    """A package of the extra `bayes`.

    Raises
    ------
    MissingExtraError
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # arviz announces its next version
            return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"sample_posterior() needs {name}, which is not installed; pip install 'pkpd[bayes]' brings it."
        ) from error


@dataclass(frozen=True, eq=False)
class Density:
    """The logarithm of the posterior density on the scale of the search, at points, (points, coordinates)."""

    objective: Objective

    def __call__(self, points: Array) -> Array:
        o = self.objective
        inside = ((points >= o.lower) & (points <= o.upper)).all(axis=1)
        values = np.full(len(points), -np.inf)
        if inside.any():
            values[inside] = o.log_posterior(points[inside]) + points[inside][:, self._stretched].sum(axis=1)
        return np.where(np.isnan(values), -np.inf, values)

    @cached_property
    def _stretched(self) -> Index:
        """The coordinates whose prior is a density of the parameter and whose search is in its logarithm."""
        return np.array([i for i in self.objective.priors.of if self.objective.coordinates[i].log], dtype=np.int64)


def scattered(density: Density, x: Array, walkers: int, rng: np.random.Generator) -> Array:
    """Starts of walkers, (walkers, coordinates): normal by the information at the estimates, no wider than their size.

    One outside the bounds is reflected; one where the density is 0 is drawn anew, ever closer to the estimates.
    """
    objective = density.objective
    spans = np.array([c.span(v) for c, v in zip(objective.coordinates, x, strict=True)])
    information = objective.information(x[None])[0] * np.outer(spans, spans)
    values, vectors = np.linalg.eigh((information + information.T) / 2)
    spread = spans[:, None] * vectors / np.sqrt(np.maximum(values, 0.0) + 1.0)
    starts, waiting, width = np.tile(x, (walkers, 1)), np.arange(walkers), 1.0
    for _ in range(TRIES):
        starts[waiting] = x + width * rng.standard_normal((len(waiting), len(x))) @ spread.T
        starts[waiting] = _folded(starts[waiting], objective.lower, objective.upper)
        waiting = waiting[~np.isfinite(density(starts[waiting]))]
        width *= 0.9
        if not len(waiting):
            return starts
    raise FitError(
        f"sample_posterior: around the estimates the posterior is 0 for {len(waiting)} of {walkers} walkers."
    )


def _folded(points: Array, lower: Array, upper: Array) -> Array:
    """Points within bounds: reflected at each of them as often as it takes."""
    with np.errstate(invalid="ignore"):  # of infinite bounds
        width = upper - lower
        between = width - np.abs((points - lower) % (2 * width) - width) + lower
        above, below = lower + np.abs(points - lower), upper - np.abs(points - upper)
    one_sided = np.where(np.isfinite(lower), above, np.where(np.isfinite(upper), below, points))
    return np.asarray(np.where(np.isfinite(width), between, one_sided))


def sampled(sampler: Any, state: Any, steps: int, progress: Progress | None) -> bool:
    """Let the sampler take its steps; whether Ctrl-C ended them."""
    step = 0
    try:
        for step, _ in enumerate(sampler.sample(state, iterations=steps, skip_initial_state_check=True), 1):
            if progress is not None:
                progress(step, steps)
    except KeyboardInterrupt:
        if step < 2 * FEWEST:
            raise
        return True
    return False
