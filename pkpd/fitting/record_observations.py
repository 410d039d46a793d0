"""The observations that a NONMEM table holds: which rows, of which output, by subject."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError, FitError, unknown_name
from pkpd.records.observations import Dataset
from pkpd.records.records import Records
from pkpd.records.tidy_tables import as_text
from pkpd.symbolic.model import Model

__all__ = ["RecordObservations", "record_observations"]

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
    left = Records(standard, covariates, records.compartments, records.name)
    return RecordObservations(left, data, (np.cumsum(kept) - 1)[rows])


def record_observations(model: Model, records: Records, outputs: Any) -> RecordObservations:
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
    if not len(rows):
        raise FitError(f"fit: {records.name} has no observation: no row with EVID 0, MDV 0 and a DV of {outputs!r}.")
    subjects = [as_text(subject) for subject in records.subjects]
    number = np.cumsum(np.isin(np.arange(len(records)), records.first_rows)) - 1
    sd = _sd(records, rows)
    censored, value = _limited(records, rows)
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


def _limited(records: Records, rows: Index) -> tuple[Index, Array]:
    """CENS and DV of the observations; the limit of what is flagged is LLOQ where that is known.

    Where nothing is flagged a DV below LLOQ is below the limit, as in a tidy table.
    """
    flags, value, lloq = records["CENS"][rows], records["DV"][rows], records["LLOQ"][rows]
    if not flags.any():
        flags = (value < lloq).astype(np.int64)
    _warn_of_flags(records, rows[flags == 0])
    return flags, np.where(flags == 1, np.fmax(value, lloq), value)


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
                stacklevel=4,
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
