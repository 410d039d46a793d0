"""What a fit asks of a model: the predicted values of the observations, and their derivatives."""

from __future__ import annotations

import contextlib
import reprlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.free_parameters import Coordinate, known_parameters
from pkpd.prepared.solver import Solver
from pkpd.records.observations import Dataset
from pkpd.symbolic.composition import parameter_value
from pkpd.symbolic.model import Model

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Predictor", "moments"]


# The step of a central difference that balances its truncation, of order STEP**2, against
# the integrator's error over STEP, at relative tolerances of 1e-8 and below.
STEP = 1e-3

ROUGH = 1e-4  # the relative tolerance of the first steps of a search


@dataclass(frozen=True, eq=False)
class Predictor(ABC):
    """A model, observations, and the parameters that a fit moves.

    What is behind it (regimens through `simulate`, records through `predict`) is a subclass,
    which has `predictions` and `curve`; `jacobian` is by differences of `predictions` unless
    the subclass knows better.

    Attributes
    ----------
    constants
        Parameters held at a value other than the model's.
    solver
        How to integrate.
    solves, failures
        The trajectories integrated in each arm, and those of them that failed.
    """

    model: Model
    data: Dataset
    coordinates: Sequence[Coordinate]
    constants: Mapping[str, Any]
    solver: Solver
    solves: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        known: dict[str, Any] = {}
        for arm in self.data.arms:
            known |= known_parameters(self.model, self.data, arm)
        for name in self.constants:
            if name not in known:
                raise unknown_name(self.model.name, "parameter", str(name), known)
            if any(c.parameter == name for c in self.coordinates):
                raise FitError(f"fit: parameter {name!r} is both free and held at {self.constants[name]!r}.")
        observables = {*(s.name for s in self.model.states), *self.model.outputs}
        for name in self.data.outputs:
            if name not in observables:
                raise unknown_name(
                    self.model.name, f"state or output (observed in {self.data.name})", name, observables
                )

    # ---- what the objective asks

    @abstractmethod
    def predictions(self, parameters: Mapping[str, Array]) -> Array:
        """The predicted value of every observation, (points, observations).

        Parameters
        ----------
        parameters
            For the label of each coordinate its values in the parameter's unit, (points,).

        Returns
        -------
        numpy.ndarray
            NaN throughout an arm whose integration failed or gave what is not finite.
        """

    @abstractmethod
    def curve(self, arm: str, x: Array, times: Any, outputs: Sequence[str]) -> xr.Dataset:
        """The trajectory of one arm at one point `x`, (coordinates,), by time alone."""

    def __call__(self, points: Array) -> Array:
        """`predictions` at points on the scale of the search, (points, coordinates)."""
        return self.predictions(self.by_label(points))

    def natural(self, points: Array) -> Array:
        """Points in the parameters' own units, (points, coordinates)."""
        with np.errstate(over="ignore"):  # a step too far of a search: infinite
            return np.where(self._log, np.exp(points, where=self._log, out=np.zeros_like(points)), points)

    @cached_property
    def _log(self) -> Mask:
        return np.array([c.log for c in self.coordinates], dtype=bool)

    def by_label(self, points: Array) -> dict[str, Array]:
        """The values of each coordinate in its own unit, (points,), by label."""
        natural = self.natural(points)
        return {c.label: natural[:, i] for i, c in enumerate(self.coordinates)}

    def jacobian(self, x: Array) -> Array:
        """The derivatives of the predictions by the coordinates of a point, (observations, coordinates).

        By central differences on the scale of the search, all perturbed points as one
        ensemble.  A point beyond a bound is moved onto it; where a perturbed point fails, its
        side is replaced by the center.

        Raises
        ------
        FitError
            If the model cannot be solved on either side.
        """
        low, high = self._neighbors(x)
        k = len(x)
        points = np.tile(x, (2 * k + 1, 1))
        points[range(k), range(k)] = low
        points[range(k, 2 * k), range(k)] = high
        predicted = self(points)
        bad: Mask = np.asarray(np.isnan(predicted).any(axis=1))
        predicted[bad] = predicted[-1]
        width = np.where(bad[k:-1], x, high) - np.where(bad[:k], x, low)
        if bad[-1] or not width.all():
            raise self._stuck(int(np.argmin(width)), x)
        return np.asarray(((predicted[k:-1] - predicted[:k]) / width[:, None]).T)

    def linearized(self, points: Array) -> tuple[Array, Array]:
        """The predictions at points and their derivatives by the coordinates.

        Returns
        -------
        tuple of numpy.ndarray
            (points, observations), NaN throughout an arm that failed, and (points,
            observations, coordinates), NaN there too.
        """
        slopes = np.full((len(points), len(self.data), len(self.coordinates)), np.nan)
        for i, x in enumerate(points):
            with contextlib.suppress(FitError):
                slopes[i] = self.jacobian(x)
        return self(points), slopes

    @property
    def at_once(self) -> bool:
        """Whether values come with derivatives at no further price."""
        return False

    @property
    def looser(self) -> float:
        """How many times larger the tolerances of `roughly` are; 1 where nothing is gained by it."""
        return 1.0

    def roughly(self, points: Array) -> tuple[Array, Array]:
        """As `linearized`, with tolerances `looser` times larger: for the first steps of a search."""
        return self.linearized(points)

    @property
    def tolerance(self) -> float:
        """The relative change of the cost below which a search may end: as small as errors of the integration allow."""
        return max(0.1 * self.solver.rtol, 1e-15)

    @property
    def unused(self) -> tuple[str, ...]:
        """The columns of the data that have no part in the fit."""
        return self.data.unused

    def course(self, times: Any) -> Array:
        """The times of a course as numbers, see `moments`.

        Raises
        ------
        FitError
            If the model does not start so early.
        """
        return moments(times)

    @property
    def by_column(self) -> tuple[str, ...]:
        """The parameters that columns of the data set."""
        return ()

    def doses(self, arm: str) -> int:
        """How many doses an arm was given."""
        regimen = self.data.regimens[arm]
        return 0 if regimen is None else len(regimen.doses)

    # ---- for subclasses

    def mended(self, points: Array, predicted: Array, slopes: Array) -> tuple[Array, Array]:
        """Both, anew at the points whose derivatives could not be integrated: these are differences there."""
        lost = np.flatnonzero(~(np.isfinite(predicted).all(axis=1) & np.isfinite(slopes).all(axis=(1, 2))))
        if len(lost):
            predicted[lost] = self(points[lost])
        for i in lost[np.isfinite(predicted[lost]).all(axis=1)]:
            with contextlib.suppress(FitError):
                slopes[i] = Predictor.jacobian(self, points[i])
        return predicted, slopes

    @cached_property
    def acts(self) -> list[Index]:
        """For each coordinate the observations that it acts on."""
        arms = np.array(self.data.arm)
        return [np.flatnonzero((arms == c.arm) | (c.arm is None)) for c in self.coordinates]

    def own(self, arm: str) -> Sequence[Coordinate]:
        """The coordinates that act in an arm."""
        return self._acting[arm][0]

    def held(self, arm: str) -> Mapping[str, float]:
        """The constants that act in an arm, as numbers in their units."""
        return self._acting[arm][1]

    @cached_property
    def _acting(self) -> Mapping[str, tuple[tuple[Coordinate, ...], dict[str, float]]]:
        acting = {}
        for arm in self.data.arms:
            known = known_parameters(self.model, self.data, arm)
            own = tuple(c for c in self.coordinates if c.arm in (None, arm) and c.parameter in known)
            constants = {
                name: parameter_value(self.model, known[name], value)
                for name, value in self.constants.items()
                if name in known
            }
            acting[arm] = own, constants
        return acting

    def count(self, arm: str, failed: Mask) -> None:
        """Note the trajectories integrated for an arm, and those that failed."""
        self.solves[arm] += len(failed)
        self.failures[arm] += int(failed.sum())

    def _neighbors(self, x: Array) -> tuple[Array, Array]:
        """The two points of each difference, within the bounds."""
        each = list(zip(self.coordinates, x, strict=True))
        low = np.array([max(v - STEP * c.span(v), c.lower) for c, v in each])
        high = np.array([min(v + STEP * c.span(v), c.upper) for c, v in each])
        return low, high

    def _stuck(self, which: int, x: Array) -> FitError:
        moved = self.coordinates[which]
        return FitError(
            f"fit: {self.model.name} cannot be solved on either side of {moved.label} = "
            f"{moved.natural(x[which]):.6g}. Narrow its bounds, or try another method of simulate()."
        )


def moments(times: Any) -> Array:
    """The times of a course as numbers.

    Raises
    ------
    FitError
        If they are not finite, increasing numbers.
    """
    try:
        numbers = np.empty(0) if np.iscomplexobj(times) or np.ma.is_masked(times) else np.array(times, dtype=float)
    except (TypeError, ValueError, OverflowError):
        numbers = np.empty(0)
    if numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all() or (np.diff(numbers) <= 0).any():
        raise FitError(f"times is {reprlib.repr(times)}; expected one or more increasing numbers.")
    return numbers
