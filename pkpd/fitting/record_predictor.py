"""Predictions for the subjects of a NONMEM table: every point and subject in one call of `predict`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import DataError, FailedMembersWarning, FitError, RegimenError
from pkpd.fitting.predictor import Predictor, moments
from pkpd.fitting.record_observations import RecordObservations
from pkpd.prediction import predict
from pkpd.records.covariates import covariate_columns
from pkpd.records.nonmem import UNKNOWN_IF_MISSING
from pkpd.records.records import Records

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
        columns = covariate_columns(self.observed.records, [s.name for s in self.model.settable])
        for name in (*(c.parameter for c in self.coordinates), *self.constants):
            if name in columns:
                raise FitError(
                    f"fit: parameter {name!r} is set by the column {columns[name]!r} of {self.data.name}, record by "
                    "record; it can be neither free nor held."
                )

    def predictions(self, parameters: Mapping[str, Array]) -> Array:
        points = len(next(iter(parameters.values())))
        records = _repeated(self.observed.records, points) if points > 1 else self.observed.records
        table = self._predict(records, self._by_subject(parameters, points))
        at_rows = {name: _column(table, name).reshape(points, -1) for name in self.data.outputs}
        predicted = np.stack(
            [at_rows[o][:, i] for o, i in zip(self.data.output, self.observed.rows, strict=True)], axis=1
        )
        ok = (table["status"] == "ok").to_numpy().reshape(points, -1)[:, self.observed.rows]
        for arm in self.data.arms:
            rows = self.data.rows(arm)
            failed: Mask = np.asarray(~(ok & np.isfinite(predicted))[:, rows].all(axis=1))
            self.count(arm, failed)
            predicted[np.ix_(failed, rows)] = np.nan
        return np.asarray(predicted)

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
        records, rows = self._with_times(arm, wanted)
        values = {c.label: c.natural(x[[i]]) for i, c in enumerate(self.coordinates)}
        subject = self.data.arms.index(arm)
        one = {name: column[[subject]] for name, column in self._by_subject(values, 1).items()}
        table = self._predict(records, one)
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
                return predict(self.model, records, parameters=parameters, solver=self.solver)
            except (DataError, RegimenError) as error:
                raise FitError(f"fit: {error}") from error

    def _by_subject(self, parameters: Mapping[str, Array], points: int) -> dict[str, Array]:
        """What `predict` takes: each parameter by subject, (points*subjects,), the subjects of a point together."""
        columns: dict[str, Array] = {}
        arms = self.data.arms
        for name in dict.fromkeys(c.parameter for c in self.coordinates):
            by_arm = {c.arm: parameters[c.label] for c in self.coordinates if c.parameter == name}
            columns[name] = np.stack([by_arm.get(arm, by_arm.get(None)) for arm in arms], axis=1).reshape(-1)  # type: ignore[misc]
        return columns | dict(self.constants)

    def _with_times(self, arm: str, times: Array) -> tuple[Records, Index]:
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


def _missing(column: NDArray[Any]) -> Any:
    return None if column.dtype == object else np.nan


def _repeated(records: Records, times: int) -> Records:
    """The same records so many times, each time for subjects of its own."""
    number = np.cumsum(np.isin(np.arange(len(records)), records.first_rows)) - 1
    standard = {key: np.tile(column, times) for key, column in records.standard.items()}
    standard["ID"] = (number + len(records.first_rows) * np.arange(times)[:, None]).reshape(-1)
    covariates = {key: np.tile(column, times) for key, column in records.covariates.items()}
    return Records(standard, covariates, records.compartments, records.name)


def _column(table: pd.DataFrame, name: str) -> Array:
    predicted = f"{name}_predicted"
    return table[predicted if predicted in table.columns else name].to_numpy(dtype=float)
