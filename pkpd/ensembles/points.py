"""Points of the unit cube, one for each member: random, Latin hypercube or Sobol."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.streams import by_runs, check_seed, uniforms
from pkpd.errors import ParameterError

__all__ = ["PointKind", "Points"]

_WHOLE = 2**26  # points that are drawn at once without a thought for memory

PointKind = Literal["random", "latin", "sobol"]


@dataclass(frozen=True)
class Points:
    """A rule from a member's number to its coordinates between 0 and 1, by name.

    Random ones are a stream for each name.  Sobol points depend on which names there are, a
    Latin hypercube on the number of members `size` too.
    """

    kind: PointKind
    seed: int
    names: tuple[str, ...]
    size: int
    first: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.kind not in ("random", "latin", "sobol"):
            raise ParameterError(f"points is {self.kind!r}; expected 'random', 'latin' or 'sobol'.")
        if self.kind == "latin" and self.first:
            raise ParameterError("a Latin hypercube is drawn whole; first= cannot be used with it.")
        if self.kind == "latin" and self.size > _WHOLE:
            raise ParameterError(
                f"a Latin hypercube is drawn whole, and {self.size} points are too many; use points='sobol'."
            )
        if self.kind == "sobol" and self.first + self.size > 2**30:
            raise ParameterError(f"member {self.first + self.size - 1} is beyond the 2**30 points of a Sobol sequence.")

    def at(self, positions: Index) -> dict[str, Array]:
        """The coordinates of the members at these positions, (positions,) by name."""
        numbers = positions + self.first
        if self.kind == "latin":
            cube = self._latin()[:, numbers]
        else:
            cube = by_runs(numbers, self._sobol if self.kind == "sobol" else self._random)
        return dict(zip(self.names, cube, strict=True))

    def _random(self, first: int, n: int) -> Array:
        return np.stack([uniforms(self.seed, name, n, first) for name in self.names])

    def _sobol(self, first: int, n: int) -> Array:
        from scipy.stats import qmc

        engine = qmc.Sobol(len(self.names), rng=self.seed)
        if first:
            engine.fast_forward(first)
        with warnings.catch_warnings():  # any n is allowed, balanced (a power of two) or not
            warnings.filterwarnings("ignore", "The balance properties of Sobol", UserWarning)
            return _inside(engine.random(n))

    def _latin(self) -> Array:
        from scipy.stats import qmc

        return _inside(qmc.LatinHypercube(len(self.names), rng=self.seed).random(self.size))


def _inside(cube: Array) -> Array:
    """A row for each dimension, off the faces of the cube, where a distribution without limits is infinite."""
    return np.clip(cube, 1e-12, 1 - 1e-12).T
