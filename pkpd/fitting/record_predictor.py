"""Predictions for the subjects of a NONMEM table: prepared once, every point and subject in one ensemble."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import DataError, FailedMembersWarning, FitError, ParameterError, RegimenError
from pkpd.fitting.covariates import check_within
from pkpd.fitting.predictor import ROUGH, Predictor, moments
from pkpd.fitting.record_observations import RecordObservations
from pkpd.prediction import predict
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.preparing import prepare
from pkpd.prepared.values import Values
from pkpd.records.covariates import covariate_columns
from pkpd.records.nonmem import UNKNOWN_IF_MISSING
from pkpd.records.records import Records
from pkpd.solvers.problem import Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["RecordPredictor"]


@dataclass(frozen=True, eq=False)
class RecordPredictor(Predictor):
    """A model under the records of each subject, an arm each."""

    observed: RecordObservations = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in (*(c.parameter for c in self.coordinates), *self.constants):
            if name in self._columns:
                raise FitError(
                    f"fit: parameter {name!r} is set by the column {self._columns[name]!r} of {self.data.name}, record "
                    "by record; it can be neither free nor held."
                )
        records, symbols = self.observed.records, {s.name: s for s in self.model.settable}
        for name, column in self._columns.items():
            if records[column].dtype == object:
                row = next(i for i, cell in enumerate(records[column]) if not _is_number(cell))
                raise FitError(
                    f"fit: {records.place(row)}, column {column!r} is {records[column][row]!r}, and the parameter "
                    f"{name!r} that it sets needs a number; write one for each category, or name the column otherwise."
                )
            check_within(symbols[name], column, records[column], records.place)

    @cached_property
    def _columns(self) -> dict[str, str]:
        """By the name of a parameter the column that sets it."""
        return covariate_columns(self.observed.records, [s.name for s in self.model.settable])

    @property
    def by_column(self) -> tuple[str, ...]:
        return tuple(self._columns)

    @property
    def unused(self) -> tuple[str, ...]:
        used = {*self._columns.values()}
        return tuple(c for c in self.observed.records.covariates if c not in used and c.lower() != "sd")

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_settled"}  # made again when needed

    def predictions(self, parameters: Mapping[str, Array]) -> Array:
        points = len(next(iter(parameters.values())))
        values = self._values(self._by_subject(parameters, points), derivatives=False)
        predicted = self._observed(values.columns)
        for rows in self._failed(values, predicted):
            predicted[rows] = np.nan
        return predicted

    def jacobian(self, x: Array) -> Array:
        """The derivatives of the predictions by the coordinates of a point, (observations, coordinates).

        They are exact: integrated with the states.  Where that fails, or a rate jumps in a way
        that derivatives do not follow, they are differences.
        """
        try:
            _, slopes = self._exact(x[None])
        except ParameterError:
            return super().jacobian(x)
        return slopes[0] if np.isfinite(slopes).all() else super().jacobian(x)

    def linearized(self, points: Array) -> tuple[Array, Array]:
        return self._linearized(points, 1.0)

    @property
    def at_once(self) -> bool:
        return True

    @property
    def looser(self) -> float:
        return max(ROUGH / self.solver.rtol, 1.0)

    def roughly(self, points: Array) -> tuple[Array, Array]:
        return self._linearized(points, self.looser)

    def _linearized(self, points: Array, looser: float) -> tuple[Array, Array]:
        try:
            predicted, slopes = self._exact(points, looser)
        except ParameterError:
            return super().linearized(points)
        return self.mended(points, predicted, slopes)

    def _exact(self, points: Array, looser: float = 1.0) -> tuple[Array, Array]:
        natural = self.by_label(points)
        values = self._values(self._by_subject(natural, len(points)), looser, derivatives=True)
        predicted, by_name = self._observed(values.columns), self._observed(values.sensitivities)
        slopes = np.zeros((*by_name.shape[:2], len(self.coordinates)))
        for i, (c, acts) in enumerate(zip(self.coordinates, self.acts, strict=True)):
            scale = natural[c.label] if c.log else np.ones(len(points))
            slopes[:, acts, i] = by_name[:, acts, self._names.index(c.parameter)] * scale[:, None]
        for rows in self._failed(values, by_name):
            predicted[rows] = np.nan
            slopes[rows] = np.nan
        return predicted, slopes

    # ---- one call

    @property
    def _names(self) -> list[str]:
        """The parameters that move, each once."""
        return list(dict.fromkeys(c.parameter for c in self.coordinates))

    @cached_property
    def _settled(self) -> dict[tuple[bool, float], Prepared]:
        return {}

    def _values(self, matrix: Array, looser: float = 1.0, *, derivatives: bool) -> Values:
        """What is seen at all records; `matrix` has a row for each moved parameter and each constant."""
        key = (derivatives, looser)
        try:
            if key not in self._settled:
                self._settled[key] = prepare(
                    self.model,
                    self.observed.records,
                    outputs=self.data.outputs,
                    parameters=[*self._names, *self._held],
                    sensitivities=self._names if derivatives else (),
                    solver=self.solver,
                    bounds="ignore",  # those of the fit are in force
                ).loosened(looser)
            prepared = self._settled[key]
            return prepared.linearized(matrix) if derivatives else prepared(matrix)
        except (DataError, RegimenError) as error:
            raise FitError(f"fit: {error}") from error

    def _observed(self, columns: Mapping[str, Array]) -> Array:
        """The values at the observations, (points, observations, ...), of arrays by output, (points, records, ...)."""
        return np.stack([columns[o][:, i] for o, i in zip(self.data.output, self.observed.rows, strict=True)], axis=1)

    def _failed(self, values: Values, observed: Array) -> Iterator[Any]:
        """Count trajectories by arm, and give where in (points, observations) those that failed are."""
        good = np.isfinite(observed).reshape(*observed.shape[:2], -1).all(axis=2)
        ok = (values.status[:, self.observed.rows] == Status.ok) & good
        for arm in self.data.arms:
            rows = self.data.rows(arm)
            failed: Mask = np.asarray(~ok[:, rows].all(axis=1))
            self.count(arm, failed)
            if failed.any():
                yield np.ix_(failed, rows)

    def doses(self, arm: str) -> int:
        records, rows = self.observed.records, self._rows_of(arm)
        dosed = rows[np.isin(records["EVID"][rows], (1, 4))]
        return int((1 + records["ADDL"][dosed]).sum())

    def _rows_of(self, arm: str) -> Index:
        records = self.observed.records
        first = records.first_rows[self.data.arms.index(arm)]
        return np.flatnonzero(records["ID"] == records["ID"][first])

    def curve(self, arm: str, x: Array, times: Any, outputs: Sequence[str]) -> xr.Dataset:
        import xarray as xr

        wanted = moments(times)
        records, rows = self.with_times(arm, wanted)
        values = {c.label: c.natural(x[[i]]) for i, c in enumerate(self.coordinates)}
        of_subject = self._by_subject(values, 1)[:, 0, self.data.arms.index(arm)]
        table = self._predict(records, dict(zip((*self._names, *self._held), of_subject.tolist(), strict=True)))
        there = rows >= 0
        variables = {}
        for name in outputs:
            course = np.full(len(wanted), np.nan)
            course[there] = _column(table, name)[rows[there]]
            about = {"units": self.model.units[name], "long_name": self.model.meaning(name)}
            variables[name] = ("time", course, about)
        return xr.Dataset(variables, {"time": ("time", wanted, {"units": self.model.time, "long_name": "time"})})

    def _predict(self, records: Records, parameters: Mapping[str, Any]) -> pd.DataFrame:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FailedMembersWarning)  # failures are counted instead
            try:
                return predict(self.model, records, parameters=parameters, solver=self.solver, bounds="ignore")
            except (DataError, RegimenError) as error:
                raise FitError(f"fit: {error}") from error

    @cached_property
    def _held(self) -> dict[str, float]:
        """The constants, as numbers in their units; they are the same for all subjects."""
        return dict(self.held(self.data.arms[0]))

    def _by_subject(self, parameters: Mapping[str, Array], points: int) -> Array:
        """What a prepared table takes, (parameters, points, subjects): those that move, then the constants."""
        table = np.empty((len(self._names) + len(self._held), points, len(self.data.arms)))
        table[len(self._names) :] = np.array([*self._held.values()])[:, None, None]
        for c in self.coordinates:
            subjects = slice(None) if c.arm is None else self.data.arms.index(c.arm)
            table[self._names.index(c.parameter), :, subjects] = np.reshape(
                parameters[c.label], (points, 1) if c.arm is None else points
            )
        return table

    def with_times(self, arm: str, times: Array) -> tuple[Records, Index]:
        """The records of one subject with a row that does nothing at each time, and where these rows are (-1: none)."""
        records, own = self.observed.records, self._rows_of(arm)
        clock = records["TIME"][own]
        if (np.diff(clock) < 0).any():
            raise FitError(
                f"fit: the records of subject {arm!r} go back in time (a reset); a course over time has no place there."
            )
        there = np.flatnonzero(times >= clock[0])
        place = np.searchsorted(clock, times[there], side="left")
        standard = {k: np.insert(v[own], place, _silent(k, v[own], times[there])) for k, v in records.standard.items()}
        covariates = {k: np.insert(v[own], place, _missing(v)) for k, v in records.covariates.items()}
        rows = np.full(len(times), -1)
        order = np.argsort(place, kind="stable")
        rows[there[order]] = np.sort(place) + np.arange(len(place))
        return Records(standard, covariates, records.compartments, records.name), rows


def _silent(key: str, column: NDArray[Any], times: Array) -> Any:
    """What a row that does nothing has in a data item: EVID 2, MDV 1, the subject's ID, and nothing else."""
    if key == "TIME":
        return times
    if key == "ID":
        return column[0]
    if column.dtype == object or key in UNKNOWN_IF_MISSING:
        return _missing(column)
    return {"EVID": 2, "MDV": 1}.get(key, 0)


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return cell is None
    return True


def _missing(column: NDArray[Any]) -> Any:
    return None if column.dtype == object else np.nan


def _column(table: pd.DataFrame, name: str) -> Array:
    predicted = f"{name}_predicted"
    return table[predicted if predicted in table.columns else name].to_numpy(dtype=float)
