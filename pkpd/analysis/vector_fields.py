"""The rates of some states of a model, the others held: a field, its Jacobian and its equilibria."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.inputs import number
from pkpd.errors import DataError, ModelError, ParameterError, unknown_name
from pkpd.prepared.parameters import known_parameters
from pkpd.solvers.equations.numpy_code import NumpyCode, numpy_code
from pkpd.solvers.equations.system import TIME, numbered_system
from pkpd.symbolic.model import Model, require_model

__all__ = ["Equilibrium", "VectorField", "checked_ranges", "vector_field"]

_CONVERGED = 1e-9  # of the ranges: what one more step of Newton may move
_SAME = 1e-6  # of the ranges
_NEUTRAL = 1e-9  # of the largest eigenvalue
_MOST_STARTS = 20_000
_TURNING = 1e-6  # of the largest eigenvalue; rounding alone makes two equal ones turn by 1e-8
_LOGS = 1e-6  # where the starts that are spaced by a factor begin, of the upper end


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """A point at which nothing changes, (states,), and the eigenvalues of the Jacobian there."""

    at: Array
    eigenvalues: Any

    @property
    def leading(self) -> float:
        """The largest real part."""
        return float(self.eigenvalues.real.max())

    @property
    def kind(self) -> str:
        """Stable or unstable node or focus, saddle, or not hyperbolic, where linearization does not tell."""
        real = self.eigenvalues.real
        if (np.abs(real) <= _NEUTRAL * max(np.abs(self.eigenvalues).max(), 1e-300)).any():
            return "not hyperbolic"
        if (real > 0).any() and (real < 0).any():
            return "saddle"
        turns = (np.abs(self.eigenvalues.imag) > _TURNING * np.abs(self.eigenvalues).max()).any()
        return f"{'stable' if (real < 0).all() else 'unstable'} {'focus' if turns else 'node'}"

    @property
    def stable(self) -> bool:
        return self.kind.startswith("stable")


@dataclass(frozen=True, eq=False)
class VectorField:
    """See `vector_field`.

    Attributes
    ----------
    model, names
        The model, and the states that move.
    low, high
        (moving states,): the part of space that is looked at.
    parameters
        (parameters, 1), all of the model's.
    held
        (states, 1), all of the model's; those that move are replaced.
    """

    model: Model
    names: tuple[str, ...]
    low: Array
    high: Array
    parameters: Array
    held: Array

    @property
    def place(self) -> list[int]:
        states = [s.name for s in self.model.states]
        return [states.index(name) for name in self.names]

    @property
    def span(self) -> Array:
        return self.high - self.low

    @property
    def code(self) -> NumpyCode:
        return numpy_code(numbered_system(self.model))

    def rates(self, points: Array) -> Array:
        """(moving states, points) at points of that shape."""
        with np.errstate(all="ignore"):
            return self.code.rates(0.0, *self._arguments(points))[self.place]

    def jacobian(self, point: Array) -> Array:
        """(moving states, moving states) at a point (moving states,)."""
        with np.errstate(all="ignore"):
            whole = self.code.jacobian(0.0, *self._arguments(point[:, None])).reshape(len(self.held), len(self.held))
        square: Array = whole[np.ix_(self.place, self.place)]
        return square

    def _arguments(self, points: Array) -> tuple[Array, Array, Array]:
        y = np.repeat(self.held, points.shape[1], axis=1)
        y[self.place] = points
        return y, np.repeat(self.parameters, points.shape[1], axis=1), np.empty((0, points.shape[1]))

    def at(self, parameter: str, value: float) -> VectorField:
        """The same with another value of one parameter."""
        parameters = self.parameters.copy()
        parameters[[s.name for s in self.model.settable].index(parameter)] = value
        return replace(self, parameters=parameters)

    # ---- equilibria

    def equilibrium_near(self, start: Array) -> Equilibrium | None:
        """The equilibrium to which the search from a point leads; None where it does not converge.

        In units of the ranges, and converged where one more step of Newton would move by next to nothing:
        rates alone do not tell, for each has its own unit.
        """
        from scipy.optimize import root

        span = self.span

        def scaled(u: Array) -> Array:
            return self.rates((u * span)[:, None])[:, 0] / span

        def slopes(u: Array) -> Array:
            return self.jacobian(u * span) * span[None, :] / span[:, None]

        first = start / span
        if not np.isfinite(scaled(first)).all() or not np.isfinite(slopes(first)).all():
            return None
        with np.errstate(all="ignore"):
            u = root(scaled, first, jac=slopes, method="hybr", options={"xtol": 1e-13}).x
            jacobian, left = slopes(u), scaled(u)
            if not np.isfinite(jacobian).all() or not np.isfinite(left).all():
                return None
            step = np.linalg.lstsq(jacobian, left, rcond=None)[0]
        if not np.abs(step).max() <= _CONVERGED * max(1.0, float(np.abs(u).max())):
            return None
        if np.linalg.norm(jacobian @ step - left) > 1e-6 * np.linalg.norm(left) + 1e-14 * np.abs(jacobian).max():
            return None  # a minimum of the rates' size, and no root
        return Equilibrium(u * span, np.linalg.eigvals(self.jacobian(u * span)))

    def equilibria(self, starts: int) -> list[Equilibrium]:
        """All equilibria within the ranges to which `starts` values a state lead, each once, in order of the states."""
        points = [_spread(low, high, starts) for low, high in zip(self.low, self.high, strict=True)]
        count = math.prod(map(len, points))
        if count > _MOST_STARTS:
            raise DataError(
                f"{self.model.name}: {starts} starts of each of {len(points)} states are {count:,} searches; "
                f"expected {_MOST_STARTS:,} at most. Take fewer starts, or hold some states."
            )
        reached: list[Equilibrium] = []
        for start in itertools.product(*points):
            point = self.equilibrium_near(np.array(start))
            if point is not None and self.contains(point.at) and not self.is_among(point.at, [e.at for e in reached]):
                reached.append(point)
        return sorted(reached, key=lambda e: tuple(np.round((e.at - self.low) / self.span, 6)))

    def contains(self, point: Array, slack: float = 1e-9) -> bool:
        """Whether a point lies within the ranges."""
        margin = slack * self.span
        return bool(((point >= self.low - margin) & (point <= self.high + margin)).all())

    def is_among(self, point: Array, others: Sequence[Array]) -> bool:
        """Whether a point is one of the others."""
        return any(self.distance(point, other) < _SAME for other in others)

    def distance(self, point: Array, other: Array) -> float:
        """The largest difference, in units of the ranges."""
        return float(np.abs((point - other) / self.span).max())


def _spread(low: float, high: float, count: int) -> Array:
    """Values over a range, evenly; of a range from 0 or more also evenly on a logarithmic scale, down to near 0."""
    even = np.linspace(low, high, count)
    if low < 0 or high <= 0:
        return even
    return np.unique(np.concatenate([even, np.geomspace(max(low, _LOGS * high), high, count)]))


def vector_field(
    who: str,
    model: Any,
    ranges: Mapping[str, tuple[float, float]],
    parameters: Mapping[str, Any] | None,
    held: Mapping[str, float] | None,
) -> VectorField:
    """The field of the states named in `ranges`, without doses; the others are held.

    Raises
    ------
    ModelError
        If the model is not closed, or a rate of a state that moves depends on time.
    ParameterError, UnknownNameError, DataError
        If a name or a value is not acceptable.
    """
    require_model(model, who)
    model.require_closed()
    states = [s.name for s in model.states]
    low, high = checked_ranges(who, ranges, states, model.name)
    values = known_parameters(model, ()).values(dict(parameters or {}))
    if values.ensemble.dims:
        raise ParameterError(f"{who}() takes one value of each parameter; {', '.join(values.varied)} have several.")
    matrix = np.asarray(values.matrix, dtype=float).reshape(len(values.matrix), -1)[:, :1]
    system = numbered_system(model)
    place = [states.index(name) for name in ranges]
    timed = [states[i] for i in place if TIME in system.rates[i].free_symbols]
    if timed:
        raise ModelError(f"{model.name}: d {timed[0]}/dt depends on time, so that {who}() finds no equilibria.")
    start = numpy_code(system).starts(matrix)[:, 0]
    for name, value in (held or {}).items():
        if name not in states or name in ranges:
            raise unknown_name(model.name, "state to hold", str(name), [s for s in states if s not in ranges])
        start[states.index(name)] = number(value, f"the held value of {name!r}")
    return VectorField(model, tuple(ranges), low, high, matrix, start[:, None])


def checked_ranges(who: str, ranges: Any, states: Sequence[str], where: str) -> tuple[Array, Array]:
    """The lower and upper ends of ranges by state."""
    if not isinstance(ranges, Mapping) or not ranges:
        raise DataError(f"{who}() got {ranges!r} as ranges; expected {{state: (low, high)}}.")
    ends = []
    for name, pair in ranges.items():
        if name not in states:
            raise unknown_name(where, "state", str(name), states)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise DataError(f"{who}(): the range of {name!r} is {pair!r}; expected (low, high).")
        low, high = (number(end, f"an end of the range of {name!r}") for end in pair)
        if not low < high:
            raise DataError(f"{who}(): the range of {name!r} is {low:g} to {high:g}; expected the lower end first.")
        ends.append((low, high))
    table = np.array(ends)
    return table[:, 0], table[:, 1]
