"""The observations that a NONMEM table holds: which rows, of which output, by subject."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError, FitError, unknown_name
from pkpd.fitting.outcomes import EventTime
from pkpd.records.observations import Dataset
from pkpd.records.records import Records
from pkpd.records.tidy_tables import as_text
from pkpd.symbolic.model import Model

__all__ = ["RecordObservations", "observed_values", "record_observations", "require_risk"]

FLAGS = ("blq", "bql")  # names of columns that say what NONMEM's CENS says


@dataclass(frozen=True, eq=False)
class RecordObservations:
    """Records, their observations as a `Dataset` with a subject an arm, and the row of each.

    Every subject of the records is observed, so that the arms are the subjects, in their order.
    """

    records: Records
    data: Dataset
    rows: Index

    def take(self, wanted: Any) -> RecordObservations:
        """The observations at which `wanted` is true, with all records of the subjects that are left."""
        return _of_observed(self.records, self.data.take(wanted), self.rows[wanted])


def _of_observed(records: Records, data: Dataset, rows: Index) -> RecordObservations:
    number = np.cumsum(np.isin(np.arange(len(records)), records.first_rows)) - 1
    kept = np.isin(number, number[rows])
    if kept.all():
        return RecordObservations(records, data, rows)
    standard, covariates = (
        {name: column[kept] for name, column in columns.items()} for columns in (records.standard, records.covariates)
    )
    left = replace(records, standard=standard, covariates=covariates)
    return RecordObservations(left, data, (np.cumsum(kept) - 1)[rows])


def record_observations(model: Model, records: Records, outputs: Any, *, with_sd: bool = True) -> RecordObservations:
    """The rows with EVID 0 and MDV 0, each with the output that its DV measures.

    Parameters
    ----------
    model
        Its only output is meant where `outputs` says nothing.
    records
        From `pkpd.read_nonmem`.
    outputs
        The name of a state or output, or ``{DVID: name}``; observations of other DVIDs are
        left out then.
    with_sd
        Whether a column ``sd`` holds standard deviations; else it is a column like any other.

    Raises
    ------
    FitError
        If nothing is observed, or which output is meant is not said.
    DataError
        If a standard deviation (a column ``sd``, in any case) is missing or not positive.
    UnknownNameError
        If the model has no such output.
    """
    rows = np.flatnonzero((records["EVID"] == 0) & (records["MDV"] == 0))
    output = _outputs(model, records, rows, outputs)
    rows, output = rows[output != ""], output[output != ""]
    if not len(rows) and isinstance(outputs, Mapping) and outputs:
        there = sorted({as_text(v) for v in records["DVID"].tolist()} - {"nan", "None"})
        has = (
            f"its DVID are {', '.join(there)}" if there else "it has no column DVID: give the name of the output alone"
        )
        raise FitError(f"fit: {records.name} has no observation of {dict(outputs)!r}; {has}.")
    if not len(rows):
        raise FitError(f"fit: {records.name} has no observation: no row with EVID 0, MDV 0 and a DV of {outputs!r}.")
    subjects = [as_text(subject) for subject in records.subjects]
    number = np.cumsum(np.isin(np.arange(len(records)), records.first_rows)) - 1
    sd = _sd(records, rows) if with_sd else None
    value, censored = observed_values(records, rows)
    _warn_of_flags(records, rows[censored == 0])
    data = Dataset(
        arm=tuple(subjects[i] for i in number[rows]),
        time=records["TIME"][rows],
        output=tuple(output.tolist()),
        value=value,
        sd=np.ones(len(rows)) if sd is None else sd,
        regimens=dict.fromkeys(subjects[i] for i in number[rows]),
        sd_given=sd is not None,
        name=records.name,
        censored=censored,
        columns={} if np.isnan(records["LLOQ"][rows]).all() else {"lloq": records["LLOQ"][rows]},
    )
    return _of_observed(records, data, rows)


def require_risk(observed: RecordObservations, chosen: Mapping[str, Any]) -> None:
    """Refuse a time to an event at the record with which its subject, and with it the cumulative hazard, begins.

    Raises
    ------
    FitError
    """
    timed = {name for name, likelihood in chosen.items() if isinstance(likelihood, EventTime)}
    first = set(observed.records.first_rows.tolist())
    for row, output in zip(observed.rows.tolist(), observed.data.output, strict=True):
        if output in timed and row in first:
            raise FitError(
                f"fit: {observed.records.place(row)} is a time to an event, and the first record of its subject: the "
                f"model begins there, so that nobody was at risk before. Add a record with EVID 2 at the time from "
                "which on the subject is at risk, such as 0."
            )


def observed_values(records: Records, rows: Index) -> tuple[Array, Index]:
    """What was observed at some records, and what lies beyond a limit (1 below, -1 above), which is then the value.

    A limit stands in DV, as in Monolix and nlmixr2, or in LLOQ.  Where nothing has CENS, what LLOQ says to
    lie below is below, as in a tidy table.
    """
    value, censored, limit = (records[name][rows] for name in ("DV", "CENS", "LLOQ"))
    if not (records["CENS"] != 0).any():
        censored = (value < limit).astype(np.int64)
    return np.where(censored == 1, np.fmax(value, limit), value), censored


def _outputs(model: Model, records: Records, rows: Index, outputs: Any) -> Any:
    """The output of each row, an empty text where it is none of those asked for."""
    observables = [*(s.name for s in model.states), *model.outputs]
    dvid = records["DVID"][rows]
    kinds = {as_text(v) for v in dvid.tolist()} - {"nan", "None"}
    if outputs is None and len(model.outputs) == 1 and len(kinds) <= 1:
        outputs = next(iter(model.outputs))
    if isinstance(outputs, str) and len(kinds) <= 1:
        names = np.full(len(rows), outputs, dtype=object)
    elif isinstance(outputs, Mapping) and outputs:
        by_kind = {as_text(kind): name for kind, name in outputs.items()}
        names = np.array([by_kind.get(as_text(v), "") for v in dvid.tolist()], dtype=object)
    else:
        known = f"its DVID are {', '.join(sorted(kinds))}, and " if kinds else ""
        raise FitError(
            f"fit: outputs is {outputs!r}; {records.name} does not say which output DV is: {known}{model.name} has the "
            f"outputs {', '.join(model.outputs)}. Give outputs='NAME', or outputs={{DVID: 'NAME'}}."
        )
    for name in dict.fromkeys(names.tolist()):
        if name and name not in observables:
            raise unknown_name(model.name, "state or output", str(name), observables)
    return names


def _warn_of_flags(records: Records, measured: Index) -> None:
    """Warn of columns by which other programs flag a limit, where they are not followed."""
    for name, column in records.covariates.items():
        flagged = measured[column[measured] == 1] if name.lower() in FLAGS and column.dtype != object else measured[:0]
        if len(flagged):
            warnings.warn(
                f"fit: column {name!r} is 1 for {len(flagged)} observations of {records.name}, which count as measured "
                f"values (first: {records.place(int(flagged[0]))}). If they are below a limit, read the table with "
                f"columns={{{name!r}: 'CENS'}}; if not, drop the column.",
                UserWarning,
                stacklevel=3,
            )


def _sd(records: Records, rows: Index) -> Array | None:
    name = next((column for column in records.covariates if column.lower() == "sd"), None)
    if name is None:
        return None
    column = records[name][rows]
    for row, sd in zip(rows.tolist(), column.tolist(), strict=True):
        if not isinstance(sd, float) or not sd > 0:
            raise DataError(f"{records.place(row)}, column {name!r} is {sd!r}; a standard deviation is more than 0.")
    return np.asarray(column, dtype=float)
