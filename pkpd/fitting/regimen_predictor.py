"""Predictions for arms with regimens: prepared once, every arm, covariate and point in one ensemble."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import FailedMembersWarning, FitError, ParameterError, RegimenError
from pkpd.fitting.covariates import covariates
from pkpd.fitting.free_parameters import known_parameters
from pkpd.fitting.predictor import ROUGH, Predictor, moments
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
class _Case:
    """An arm, or the subjects of an arm that have the same covariates: what is integrated once for a point."""

    arm: str
    covariates: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class _Samples:
    """Observations on one side of doses: of each its row in the data, and its case, time and output.

    `cases` are the numbers of those that were observed there; `case` counts among them.
    `parameters` are the rows of a table of parameters that there are in their arms, `moving` the
    names of those that move.
    """

    rows: Index
    cases: Index
    case: Index
    times: Array
    time: Index
    outputs: tuple[str, ...]
    parameters: Index
    moving: tuple[str, ...]

    def of(self, columns: Mapping[str, Array]) -> Array:
        """The values at the observations, (points, rows, ...), of arrays by output, (cases, points, times, ...)."""
        first = next(iter(columns.values()))
        values = np.empty((first.shape[1], len(self.rows), *first.shape[3:]))
        for name, which in self._by_output.items():
            values[:, which] = columns[name][self.case[which], :, self.time[which]].swapaxes(0, 1)
        return values

    @cached_property
    def _by_output(self) -> dict[str, Index]:
        names = np.array(self.outputs)
        return {name: np.flatnonzero(names == name) for name in dict.fromkeys(self.outputs)}


@dataclass(frozen=True, eq=False)
class RegimenPredictor(Predictor):
    """A model under the regimen of each arm, with the covariates of its subjects.

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
        natural = np.stack([parameters[c.label] for c in self.coordinates], axis=1)
        return self._solved(self._matrix(natural), derivatives=False)[0]

    def jacobian(self, x: Array) -> Array:
        """The derivatives of the predictions by the coordinates of a point, (observations, coordinates).

        They are exact: integrated with the states.  Where that fails they are differences,
        which may succeed on one side.
        """
        _, slopes = self._exact(x[None])
        return slopes[0] if np.isfinite(slopes).all() else super().jacobian(x)

    def linearized(self, points: Array) -> tuple[Array, Array]:
        return self.mended(points, *self._exact(points))

    @property
    def at_once(self) -> bool:
        return True

    @property
    def looser(self) -> float:
        return max(ROUGH / self.solver.rtol, 1.0)

    def roughly(self, points: Array) -> tuple[Array, Array]:
        return self.mended(points, *self._exact(points, self.looser))

    def _exact(self, points: Array, looser: float = 1.0) -> tuple[Array, Array]:
        natural = self.natural(points)
        predicted, by_name = self._solved(self._matrix(natural), looser, derivatives=True)
        rows, coordinates, names = self._entries
        slopes = np.zeros((*predicted.shape, len(self.coordinates)))
        scale = np.where(self._log, natural, 1.0)
        slopes[:, rows, coordinates] = by_name[:, rows, names] * scale[:, coordinates]
        return predicted, slopes

    @cached_property
    def _entries(self) -> tuple[Index, Index, Index]:
        """The observations and coordinates of the derivatives that are not 0, and the parameter of each, by number."""
        number = {name: i for i, name in enumerate(dict.fromkeys(c.parameter for c in self.coordinates))}
        lengths = [len(acts) for acts in self.acts]
        names = [number[c.parameter] for c in self.coordinates]
        return np.concatenate(self.acts), np.repeat(np.arange(len(names)), lengths), np.repeat(names, lengths)

    # ---- all arms and points as one ensemble

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """The parameters that move, each once, then those that are held, then covariates."""
        moved = [c.parameter for c in self.coordinates]
        held = [name for arm in self.data.arms for name in self.held(arm)]
        return tuple(dict.fromkeys([*moved, *held, *self._covariates]))

    @cached_property
    def _template(self) -> Array:
        """(parameters, cases): what is held and the covariates, by `_names`; 0 where something moves."""
        table, number = np.zeros((len(self._names), len(self._cases))), self._number
        anywhere: dict[str, Any] = {name: value for arm in self.data.arms for name, value in self.held(arm).items()}
        for name, value in anywhere.items():  # in arms without the parameter any value does
            table[number[name]] = value
        for i, case in enumerate(self._cases):
            for name, value in (*self.held(case.arm).items(), *case.covariates.items()):
                table[number[name], i] = value
        return table

    @cached_property
    def _movers(self) -> tuple[Index, Index]:
        """The rows of `_names` that move, and for each of them and each case the coordinate that moves it."""
        number, last = self._number, {c.parameter: i for i, c in enumerate(self.coordinates)}
        movers = np.array([[i] * len(self._cases) for i in last.values()], dtype=np.int64).reshape(len(last), -1)
        place, order = {name: i for i, name in enumerate(last)}, {c: i for i, c in enumerate(self.coordinates)}
        for i, case in enumerate(self._cases):
            for c in self.own(case.arm):
                movers[place[c.parameter], i] = order[c]
        return np.array([number[name] for name in last], dtype=np.int64), movers

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self._names)}

    def _matrix(self, natural: Array) -> Array:
        """(parameters, cases, points), by `_names`, of coordinates in their units, (points, coordinates)."""
        rows, movers = self._movers
        table = np.repeat(self._template[:, :, None], len(natural), axis=2)
        table[rows] = natural.T[movers]
        return table

    def _solved(self, table: Array, looser: float = 1.0, *, derivatives: bool) -> tuple[Array, Array]:
        """The predictions, (points, observations), NaN where a case failed, and their derivatives by parameter."""
        shape, moved = (table.shape[2], len(self.data)), list(dict.fromkeys(c.parameter for c in self.coordinates))
        predicted, slopes = np.full(shape, np.nan), np.zeros((*shape, len(moved) if derivatives else 0))
        broken = np.zeros(table.shape[1:], dtype=bool)
        for side, samples in self._sides:
            values = self._values(samples, side, table, derivatives, looser)
            predicted[:, samples.rows] = samples.of(values.columns)
            broken[samples.cases] |= values.status != 0
            if derivatives and samples.moving:
                places = np.array([moved.index(name) for name in samples.moving])
                slopes[:, samples.rows[:, None], places] = samples.of(values.sensitivities)
        return predicted, self._without_failures(predicted, broken, slopes)

    def _without_failures(self, predicted: Array, broken: Mask, slopes: Array) -> Array:
        """Count the failures of each arm, and write NaN over what belongs to them."""
        np.logical_or.at(broken, self._case_of, ~np.isfinite(predicted.T))
        for i, case in enumerate(self._cases):
            self.count(case.arm, broken[i])
        if broken.any():
            lost = broken[self._case_of].T
            predicted[lost] = np.nan
            slopes[lost] = np.nan
        return slopes

    def _values(self, samples: _Samples, side: Side, table: Array, derivatives: bool, looser: float = 1.0) -> Values:
        key, cases = (side, derivatives, looser), samples.cases
        try:
            if key not in self._settled:
                self._settled[key] = self._prepare(samples, side, derivatives, looser)
            prepared, matrix = self._settled[key], table[np.ix_(samples.parameters, cases)]
            return prepared.linearized(matrix) if derivatives else prepared(matrix)
        except (RegimenError, ParameterError):
            for case in cases:  # which of them is it?
                with self._arm_named(self._cases[case].arm):
                    alone = replace(samples, **self._known(np.array([case])))
                    self._first_prepared(alone, side)(table[np.ix_(alone.parameters, [case])])
            raise

    # ---- what is settled once

    @cached_property
    def _settled(self) -> dict[tuple[Side, bool, float], Prepared]:
        return {}

    def _known(self, cases: Index) -> dict[str, Any]:
        """The cases, the rows of the parameters that there are in their arms, and those that move, by name."""
        arms = {self._cases[case].arm for case in cases}
        known = {name for arm in arms for name in known_parameters(self.model, self.data, arm)}
        moved = dict.fromkeys(c.parameter for c in self.coordinates)
        return {
            "cases": cases,
            "parameters": np.array([i for i, name in enumerate(self._names) if name in known], dtype=np.int64),
            "moving": tuple(name for name in moved if name in known),
        }

    def _prepare(self, samples: _Samples, side: Side, derivatives: bool, looser: float) -> Prepared:
        key = (side, False, 1.0)
        if key not in self._settled:
            self._settled[key] = self._first_prepared(samples, side)
        prepared = self._settled[key]
        return (prepared.differentiated(samples.moving) if derivatives else prepared).loosened(looser)

    def _first_prepared(self, samples: _Samples, side: Side) -> Prepared:
        return prepare(
            self.model,
            {str(case): self._treatment(self._cases[case].arm) for case in samples.cases},
            times=samples.times - self.data.start,
            outputs=self.data.outputs,
            parameters=[self._names[i] for i in samples.parameters],
            solver=self.solver,
            at_dose=side,
            bounds="ignore",  # those of the fit are in force
        )

    @cached_property
    def _sides(self) -> list[tuple[Side, _Samples]]:
        """The sides of doses that were observed, each with its observations."""
        return [(side, samples) for side in SIDES if len((samples := self._samples(side)).rows)]

    def _samples(self, side: Side) -> _Samples:
        rows = np.flatnonzero([(name or "before") == side for name in self.data.at_dose])
        times, time = np.unique(self.data.time[rows], return_inverse=True)
        cases, case = np.unique(self._case_of[rows], return_inverse=True)
        outputs = tuple(self.data.output[i] for i in rows)
        return _Samples(rows=rows, case=case, times=times, time=time, outputs=outputs, **self._known(cases))

    def _treatment(self, arm: str) -> Regimen | None:
        regimen = self.data.regimens[arm]
        return regimen if regimen is None or not self.data.start else regimen.shift(-self.data.start)

    # ---- covariates

    @cached_property
    def _covariates(self) -> dict[str, Array]:
        """The columns of the data that set a parameter, by its name; not one that is free or held."""
        spoken_for = {*(c.parameter for c in self.coordinates), *self.constants}
        return covariates(self.model, self.data, spoken_for)

    @property
    def by_column(self) -> tuple[str, ...]:
        return tuple(self._covariates)

    @property
    def unused(self) -> tuple[str, ...]:
        used = {name.lower() for name in self._covariates}
        return tuple(column for column in self.data.unused if column.lower() not in used)

    @cached_property
    def _numbered(self) -> tuple[tuple[_Case, ...], Index]:
        numbers: dict[tuple[Any, ...], int] = {}
        columns = list(self._covariates.values())
        order = {arm: i for i, arm in enumerate(self.data.arms)}
        keys = [(order[arm], *(column[i] for column in columns)) for i, arm in enumerate(self.data.arm)]
        for key in sorted(set(keys)):
            numbers[key] = len(numbers)
        cases = tuple(
            _Case(self.data.arms[arm], dict(zip(self._covariates, values, strict=True))) for arm, *values in numbers
        )
        return cases, np.array([numbers[key] for key in keys], dtype=np.int64)

    @property
    def _cases(self) -> tuple[_Case, ...]:
        return self._numbered[0]

    @property
    def _case_of(self) -> Index:
        """(observations,): the case of each."""
        return self._numbered[1]

    def _typical(self, arm: str) -> dict[str, float]:
        """The means of the covariates over the observations of an arm."""
        return {name: float(column[self.data.rows(arm)].mean()) for name, column in self._covariates.items()}

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

    def course(self, times: Any) -> Array:
        wanted = moments(times)
        if wanted[0] < self.data.start:
            raise FitError(
                f"times[0] is {wanted[0]:g}, and {self.model.name} starts at {self.data.start:g}; there is no course "
                "before that."
            )
        return wanted

    def run(
        self, arm: str, parameters: Mapping[str, Array], times: Any, outputs: Sequence[str], at_dose: Side = "before"
    ) -> xr.Dataset:
        """`simulate` for one arm, at the values by label (points,) of its coordinates; times are the data's."""
        start = self.data.start
        moved = {c.parameter: parameters[c.label] for c in self.own(arm)}
        values: dict[str, Any] = {**self.held(arm), **self._typical(arm), **moved}
        with warnings.catch_warnings(), self._arm_named(arm):
            warnings.simplefilter("ignore", FailedMembersWarning)  # failures are counted instead
            shifted = simulate(
                self.model,
                self._treatment(arm),
                times=self.course(times) - start,
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
