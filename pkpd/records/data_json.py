"""Observations and records as plain values for a JSON file, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.errors import DataError, RegimenError
from pkpd.json_files import Fields, json_number, json_numbers
from pkpd.records.observations import Dataset
from pkpd.records.records import STANDARD, Records
from pkpd.treatment.regimen_json import regimen_as_json, regimen_from_json
from pkpd.treatment.regimens import Regimen

__all__ = ["data_as_json", "data_from_json", "records_as_json", "records_from_json"]

UNWRITTEN = "not_written"


def data_as_json(data: Dataset) -> dict[str, Any]:
    """Everything that a `Dataset` holds; of a regimen that a file cannot hold, why."""
    return {
        "name": data.name,
        "source": data.source,
        "unused": list(data.unused),
        "sd_given": data.sd_given,
        "arm": list(data.arm),
        "subject": list(data.subject),
        "time": json_numbers(data.time),
        "output": list(data.output),
        "value": json_numbers(data.value),
        "sd": json_numbers(data.sd),
        "censored": json_numbers(data.censored),
        "at_dose": list(data.at_dose),
        "columns": {name: json_numbers(column) for name, column in data.columns.items()},
        "regimens": {arm: _regimen_as_json(regimen) for arm, regimen in data.regimens.items()},
    }


def _regimen_as_json(regimen: Regimen | None) -> Any:
    if regimen is None:
        return None
    try:
        return regimen_as_json(regimen)
    except RegimenError as error:
        return {UNWRITTEN: str(error)}


def data_from_json(fields: Fields, replacement: Dataset | None = None) -> Dataset:
    """The `Dataset` that was written.

    Parameters
    ----------
    fields
        What `data_as_json` made.
    replacement
        The same observations, whose regimens are taken in the place of those in the file.

    Raises
    ------
    DataError
        If an entry is missing or of a wrong kind, columns differ in length, or a regimen was not
        written and there is no `replacement`.
    """
    arm = fields.texts("arm")
    n = len(arm)
    columns = fields.part("columns")
    data = Dataset(
        arm=arm,
        time=fields.numbers("time", n),
        output=fields.texts("output"),
        value=fields.numbers("value", n),
        sd=fields.numbers("sd", n),
        regimens=_regimens(fields, replacement),
        sd_given=fields.flag("sd_given"),
        name=fields.text("name"),
        source=fields.text("source"),
        unused=fields.texts("unused"),
        subject=fields.texts("subject"),
        censored=fields.integers("censored"),
        at_dose=fields.texts("at_dose"),
        columns={name: columns.numbers(name, n) for name in columns.content},
    )
    for name in ("output", "subject", "at_dose", "censored"):
        if len(getattr(data, name)) not in ((0, n) if name == "subject" else (n,)):
            raise fields.wrong(name, f"{n} entries, one for each observation")
    if set(arm) != set(data.regimens):
        raise fields.wrong("regimens", f"one for each of the arms {', '.join(dict.fromkeys(arm))}")
    return data


def _regimens(fields: Fields, replacement: Dataset | None) -> dict[str, Regimen | None]:
    regimens = fields.part("regimens")
    if replacement is not None:
        missing = next((arm for arm in regimens.content if arm not in replacement.arms), None)
        if missing is not None:
            raise DataError(f"{fields.where}: data has no arm {missing!r}; give the observations that were fitted.")
        return {arm: replacement.regimens[arm] for arm in regimens.content}
    return {arm: _regimen(regimens, arm) for arm in regimens.content}


def _regimen(regimens: Fields, arm: str) -> Regimen | None:
    value = regimens.content[arm]
    if value is None:
        return None
    if isinstance(value, dict) and UNWRITTEN in value:
        raise DataError(
            f"{regimens.where}: the regimen of arm {arm!r} was not written: {value[UNWRITTEN]} Give data=, the "
            "observations that were fitted, with their regimens."
        )
    return regimen_from_json(regimens.parts(arm))


# ---- records


def records_as_json(records: Records) -> dict[str, Any]:
    """Everything that `Records` hold."""
    return {
        "name": records.name,
        "time": records.time,
        "clock": records.clock,
        "compartments": {str(number): name for number, name in records.compartments.items()},
        "standard": {name: _column_as_json(column) for name, column in records.standard.items()},
        "covariates": {name: _column_as_json(column) for name, column in records.covariates.items()},
    }


def records_from_json(fields: Fields) -> Records:
    """The `Records` that were written.

    Raises
    ------
    DataError
        If an entry is missing or of a wrong kind, or columns differ in length.
    """
    standard = {name: _column(fields.part("standard"), name) for name in STANDARD}
    covariates = {name: _column(fields.part("covariates"), name) for name in fields.part("covariates").content}
    rows = len(standard["ID"])
    for name, column in (*standard.items(), *covariates.items()):
        if len(column) != rows:
            raise DataError(f"{fields.where}: column {name!r} has {len(column)} rows and ID has {rows}.")
    compartments = fields.part("compartments")
    if not all(number.lstrip("-").isdigit() for number in compartments.content):
        raise fields.wrong("compartments", "states or routes by number")
    return Records(
        standard,
        covariates,
        {int(number): compartments.text(number) for number in compartments.content},
        fields.text("name"),
        fields.text_or_none("time"),
        fields.flag("clock"),
    )


_KINDS = {"f": "numbers", "i": "whole numbers", "u": "whole numbers", "b": "flags"}


def _column_as_json(column: NDArray[Any]) -> dict[str, Any]:
    kind = _KINDS.get(column.dtype.kind, "any")
    return {"kind": kind, "values": [json_number(value) for value in column.tolist()]}


def _column(columns: Fields, name: str) -> NDArray[Any]:
    column = columns.part(name)
    kind = column.choice("kind", ("numbers", "whole numbers", "flags", "any"))
    if kind == "numbers":
        return column.numbers("values")
    if kind == "whole numbers":
        return column.integers("values")
    if kind == "flags":
        return np.array(column.flags("values"), dtype=bool)
    values = column.entry("values", "a list")
    if not isinstance(values, list) or not all(isinstance(v, str | int | float | None) for v in values):
        raise column.wrong("values", "a list of texts and numbers")
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    return cells
