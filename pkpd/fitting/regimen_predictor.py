"""Predictions for arms with regimens: prepared once, arms with the same parameters in one ensemble."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import FailedMembersWarning, FitError, ParameterError, RegimenError
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.predictor import Predictor, moments
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.preparing import prepare
from pkpd.prepared.values import Values
from pkpd.records.observations import SIDES, Side
from pkpd.simulation import simulate
from pkpd.symbolic.symbols import Clock
from pkpd.treatment.regimens import Regimen

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RegimenPredictor"]


@dataclass(frozen=True, eq=False)
class _Batch:
    """Arms that have all their parameters in common, so that one ensemble serves them all."""

    arms: tuple[str, ...]
    coordinates: tuple[Coordinate, ...]
    held: Mapping[str, float]

    def matrix(self, points: Array) -> Array:
        """What a prepared model takes, (parameters, points), at the own coordinates (points, coordinates)."""
        constants = np.array(list(self.held.values()))
        return np.concatenate([points.T, np.repeat(constants[:, None], len(points), axis=1)])


@dataclass(frozen=True, eq=False)
class _Samples:
    """Observations of a batch on one side of doses: of each its row in the data, and its arm, time and output."""

    rows: Index
    arms: tuple[str, ...]
    arm: Index
    times: Array
    time: Index
    outputs: tuple[str, ...]

    def of(self, columns: Mapping[str, Array]) -> Array:
        """The values at the observations, (points, rows, ...), of arrays by output, (arms, points, times, ...)."""
        each = zip(self.outputs, self.arm, self.time, strict=True)
        return np.stack([columns[name][arm, :, time] for name, arm, time in each], axis=1)


@dataclass(frozen=True, eq=False)
class RegimenPredictor(Predictor):
    """A model under the regimen of each arm.

    Where the data begin before time 0 the model starts at their first time: data and
    regimens are moved, and a model that reads the clock is refused.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data.start < 0 and _reads_clock(self.model):
            raise FitError(
                f"fit: {self.data.name} begins at time {self.data.start:g}, and the rates of {self.model.name} depend "
                f"on the time since its start; shift the times of the table and the regimens by {-self.data.start:g}, "
                "or leave out what is before 0."
            )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_settled"}  # made again when needed

    def predictions(self, parameters: Mapping[str, Array]) -> Array:
        points = len(next(iter(parameters.values())))
        predicted = np.full((points, len(self.data)), np.nan)
        for batch in self._batches:
            rows = np.concatenate([self.data.rows(arm) for arm in batch.arms])
            predicted[:, rows] = self._of_batch(batch, parameters, points)[:, rows]
        return predicted

    def jacobian(self, x: Array) -> Array:
        """The derivatives of the predictions by the coordinates of a point, (observations, coordinates).

        They are exact: integrated with the states.  Where that fails they are differences,
        which may succeed on one side.
        """
        slopes = np.zeros((len(self.data), len(x)))
        for batch in self._batches:
            if batch.coordinates:
                self._fill_slopes(batch, x, slopes)
        return slopes if np.isfinite(slopes).all() else super().jacobian(x)

    # ---- one batch of arms

    def _of_batch(self, batch: _Batch, parameters: Mapping[str, Array], points: int) -> Array:
        """(points, observations), NaN but for those of the batch."""
        # A point that moves another arm's parameter only is not solved again.
        distinct, back = np.zeros((1, 0)), np.zeros(points, dtype=np.int64)
        if batch.coordinates:
            columns = np.stack([parameters[c.label] for c in batch.coordinates], axis=1)
            distinct, back = np.unique(columns, axis=0, return_inverse=True)
        observed = np.full((len(distinct), len(self.data)), np.nan)
        broken = {arm: np.zeros(len(distinct), dtype=bool) for arm in batch.arms}
        for samples, values in self._solved(batch, batch.matrix(distinct)):
            observed[:, samples.rows] = samples.of(values.columns)
            for arm, status in zip(samples.arms, values.status, strict=True):
                broken[arm] |= np.asarray(status != 0)
        for arm, failed in broken.items():
            rows = self.data.rows(arm)
            failed |= ~np.isfinite(observed[:, rows]).all(axis=1)
            self.count(arm, failed)
            observed[np.ix_(failed, rows)] = np.nan
        return np.asarray(observed[back.reshape(-1)])

    def _fill_slopes(self, batch: _Batch, x: Array, slopes: Array) -> None:
        """Write the derivatives of the batch's observations into `slopes`; NaN where the integration failed."""
        own = np.array([self.coordinates.index(c) for c in batch.coordinates])
        point = np.array([[self.coordinates[i].natural(x[i]) for i in own]])
        scale = np.array([self.coordinates[i].slope(x[i]) for i in own])
        broken = dict.fromkeys(batch.arms, False)
        for samples, values in self._solved(batch, batch.matrix(point), derivatives=True):
            slopes[np.ix_(samples.rows, own)] = samples.of(values.sensitivities)[0] * scale
            for arm, status in zip(samples.arms, values.status[:, 0], strict=True):
                broken[arm] |= bool(status != 0)
        for arm, failed in broken.items():
            self.count(arm, np.array([failed]))
            if failed:
                slopes[np.ix_(self.data.rows(arm), own)] = np.nan

    def _solved(self, batch: _Batch, matrix: Array, derivatives: bool = False) -> Iterator[tuple[_Samples, Values]]:
        """The observations before and after doses, each with what the prepared model has for them."""
        for side, samples in self._sides[batch.arms]:
            yield samples, self._values(batch, samples, side, matrix, derivatives)

    def _values(self, batch: _Batch, samples: _Samples, side: Side, matrix: Array, derivatives: bool) -> Values:
        key = (batch.arms, side, derivatives)
        try:
            if key not in self._settled:
                self._settled[key] = self._prepare(batch, samples.arms, samples.times, side, derivatives)
            return self._settled[key](matrix)
        except (RegimenError, ParameterError):
            for arm in samples.arms:  # which of them is it?
                with self._arm_named(arm):
                    self._prepare(batch, (arm,), samples.times, side, derivatives)(matrix)
            raise

    # ---- what is settled once

    @cached_property
    def _settled(self) -> dict[tuple[tuple[str, ...], Side, bool], Prepared]:
        return {}

    @cached_property
    def _batches(self) -> tuple[_Batch, ...]:
        groups: dict[tuple[Any, ...], list[str]] = {}
        for arm in self.data.arms:
            regimen = self.data.regimens[arm]
            symbols = () if regimen is None else regimen.parameters
            groups.setdefault((tuple(self.own(arm)), tuple(self.held(arm).items()), symbols), []).append(arm)
        return tuple(_Batch(tuple(arms), own, dict(held)) for (own, held, _), arms in groups.items())

    def _prepare(self, batch: _Batch, arms: Sequence[str], times: Array, side: Side, derivatives: bool) -> Prepared:
        names = [c.parameter for c in batch.coordinates]
        return prepare(
            self.model,
            {arm: self._treatment(arm) for arm in arms},
            times=times - self.data.start,
            outputs=self.data.outputs,
            parameters=[*names, *batch.held],
            sensitivities=names if derivatives else (),
            solver=self.solver,
            at_dose=side,
            bounds="ignore",  # those of the fit are in force
        )

    @cached_property
    def _sides(self) -> Mapping[tuple[str, ...], list[tuple[Side, _Samples]]]:
        """For the arms of each batch the sides of doses that were observed."""
        both = {batch.arms: [(side, self._samples(batch, side)) for side in SIDES] for batch in self._batches}
        return {arms: [(side, samples) for side, samples in pair if len(samples.rows)] for arms, pair in both.items()}

    def _samples(self, batch: _Batch, side: Side) -> _Samples:
        sides = [name or "before" for name in self.data.at_dose]
        of_arm = {arm: [i for i in self.data.rows(arm) if sides[i] == side] for arm in batch.arms}
        arms = tuple(arm for arm, rows in of_arm.items() if rows)
        rows = np.array([i for arm in arms for i in of_arm[arm]], dtype=np.int64)
        times, time = np.unique(self.data.time[rows], return_inverse=True)
        arm = np.repeat(np.arange(len(arms)), [len(of_arm[arm]) for arm in arms])
        return _Samples(rows, arms, arm, times, time, tuple(self.data.output[i] for i in rows))

    def _treatment(self, arm: str) -> Regimen | None:
        regimen = self.data.regimens[arm]
        return regimen if regimen is None or not self.data.start else regimen.shift(-self.data.start)

    @contextmanager
    def _arm_named(self, arm: str) -> Iterator[None]:
        """Name the arm in what goes wrong with its doses and parameters."""
        try:
            yield
        except (RegimenError, ParameterError) as error:
            raise FitError(
                f"fit: arm {arm!r}: {error} The free parameters are {', '.join(c.label for c in self.own(arm))}; "
                "give them bounds within which this cannot happen."
            ) from error

    # ---- with labels

    def run(
        self, arm: str, parameters: Mapping[str, Array], times: Any, outputs: Sequence[str], at_dose: Side = "before"
    ) -> xr.Dataset:
        """`simulate` for one arm, at the values by label (points,) of its coordinates; times are the data's."""
        start = self.data.start
        values: dict[str, Any] = {**self.held(arm), **{c.parameter: parameters[c.label] for c in self.own(arm)}}
        with warnings.catch_warnings(), self._arm_named(arm):
            warnings.simplefilter("ignore", FailedMembersWarning)  # failures are counted instead
            shifted = simulate(
                self.model,
                self._treatment(arm),
                times=moments(times) - start,
                parameters=values,
                outputs=outputs,
                at_dose=at_dose,
                solver=self.solver,
                bounds="ignore",
            )
        return shifted.assign_coords(time=(shifted["time"] + start).assign_attrs(shifted["time"].attrs))

    def curve(self, arm: str, x: Array, times: Any, outputs: Sequence[str]) -> xr.Dataset:
        own = {c.label: c.natural(x[[i]]) for i, c in enumerate(self.coordinates) if c in self.own(arm)}
        run = self.run(arm, own, times, outputs)
        single = run.isel(member=0) if "member" in run.dims else run
        return single[list(outputs)].drop_vars([c for c in single.coords if c != "time"])


def _reads_clock(model: Any) -> bool:
    expressions = [*model.rates.values(), *(output.expression for output in model.outputs.values())]
    expressions += [event.when for event in model.events]
    return any(expression.atoms(Clock) for expression in expressions)
