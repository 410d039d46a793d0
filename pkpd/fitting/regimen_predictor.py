"""Predictions for arms with regimens: each arm prepared once, its derivatives integrated beside its states."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import FailedMembersWarning, FitError, ParameterError, RegimenError
from pkpd.fitting.predictor import Predictor, moments
from pkpd.prepared.prepared import Prepared, prepare
from pkpd.records.observations import Side
from pkpd.simulation import simulate
from pkpd.symbolic.symbols import Clock
from pkpd.treatment.regimens import Regimen

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RegimenPredictor"]


@dataclass(frozen=True)
class _Samples:
    """Observations of an arm on one side of doses: the times to store, and the time and output of each row."""

    rows: Index
    times: Array
    at: Index
    outputs: tuple[str, ...]

    def of(self, columns: Mapping[str, Array]) -> Array:
        """The values at the observations, (points, rows, ...), of arrays by output, (points, times, ...)."""
        return np.stack([columns[name][:, i] for name, i in zip(self.outputs, self.at, strict=True)], axis=1)


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
        for arm in self.data.arms:
            predicted[:, self.data.rows(arm)] = self._of_arm(arm, parameters, points)
        return predicted

    def jacobian(self, x: Array) -> Array:
        """The derivatives of the predictions by the coordinates of a point, (observations, coordinates).

        They are exact: integrated with the states.  Where that fails they are differences,
        which may succeed on one side.
        """
        slopes = np.zeros((len(self.data), len(x)))
        for arm in self.data.arms:
            own = [i for i, c in enumerate(self.coordinates) if c in self.own(arm)]
            if own:
                slopes[np.ix_(self.data.rows(arm), np.array(own))] = self._slopes_of_arm(arm, x, own)
        return slopes if np.isfinite(slopes).all() else super().jacobian(x)

    # ---- one arm

    def _of_arm(self, arm: str, parameters: Mapping[str, Array], points: int) -> Array:
        labels = [c.label for c in self.own(arm)]
        # A point that moves another arm's parameter only is not solved again.
        distinct, back = np.zeros((1, 0)), np.zeros(points, dtype=np.int64)
        if labels:
            columns = np.stack([parameters[name] for name in labels], axis=1)
            distinct, back = np.unique(columns, axis=0, return_inverse=True)
        observed = np.full((len(distinct), len(self.data.rows(arm))), np.nan)
        failed: Mask = np.zeros(len(distinct), dtype=bool)
        with self._arm_named(arm):
            for samples, prepared in self._prepared(arm):
                values = prepared(self._matrix(arm, distinct))
                observed[:, samples.rows] = samples.of(values.columns)
                failed |= np.asarray(values.status != 0)
        failed |= ~np.isfinite(observed).all(axis=1)
        self.count(arm, failed)
        observed[failed] = np.nan
        return np.asarray(observed[back.reshape(-1)])

    def _slopes_of_arm(self, arm: str, x: Array, own: list[int]) -> Array:
        """(observations of the arm, own coordinates); NaN where the integration failed."""
        coordinates = [self.coordinates[i] for i in own]
        point = np.array([[c.natural(x[i]) for i, c in zip(own, coordinates, strict=True)]])
        scale = np.array([c.slope(x[i]) for i, c in zip(own, coordinates, strict=True)])
        slopes = np.full((len(self.data.rows(arm)), len(own)), np.nan)
        failed = False
        with self._arm_named(arm):
            for samples, prepared in self._prepared(arm, derivatives=True):
                values = prepared(self._matrix(arm, point))
                slopes[samples.rows] = samples.of(values.sensitivities)[0] * scale
                failed |= bool((values.status != 0).any())
        self.count(arm, np.array([failed]))
        return np.full_like(slopes, np.nan) if failed else slopes

    def _matrix(self, arm: str, points: Array) -> Array:
        """What a prepared model takes, (parameters, points): the own coordinates, then the constants."""
        held = np.array(list(self.held(arm).values()))
        return np.concatenate([points.T, np.repeat(held[:, None], len(points), axis=1)])

    # ---- what is settled once

    @cached_property
    def _settled(self) -> dict[tuple[str, bool], list[tuple[_Samples, Prepared]]]:
        return {}

    def _prepared(self, arm: str, derivatives: bool = False) -> list[tuple[_Samples, Prepared]]:
        """The observations of an arm before and after doses, each with the model prepared for their times."""
        key = (arm, derivatives)
        if key not in self._settled:
            self._settled[key] = [
                (samples, self._prepare(arm, samples, side, derivatives)) for side, samples in self._sides(arm)
            ]
        return self._settled[key]

    def _prepare(self, arm: str, samples: _Samples, side: Side, derivatives: bool) -> Prepared:
        names = [c.parameter for c in self.own(arm)]
        return prepare(
            self.model,
            self._treatment(arm),
            times=samples.times - self.data.start,
            outputs=list(dict.fromkeys(samples.outputs)),
            parameters=[*names, *self.held(arm)],
            sensitivities=names if derivatives else (),
            solver=self.solver,
            at_dose=side,
        )

    def _sides(self, arm: str) -> Iterator[tuple[Side, _Samples]]:
        rows = self.data.rows(arm)
        after = np.array([self.data.at_dose[i] == "after" for i in rows])
        sides: tuple[tuple[Side, Mask], ...] = (("before", ~after), ("after", after))
        for side, chosen in sides:
            if chosen.any():
                times, at = np.unique(self.data.time[rows[chosen]], return_inverse=True)
                outputs = tuple(self.data.output[i] for i in rows[chosen])
                yield side, _Samples(np.flatnonzero(chosen), times, at, outputs)

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
