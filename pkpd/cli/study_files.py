"""Study files: what `pkpd fit study.toml` reads, key by key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pkpd.errors import DataError, unknown_name

__all__ = ["Study", "read_study"]


class Table(BaseModel):
    """A table of the file: its keys are those declared, and their values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# ---- priors and error models, by their kind


class NormalPrior(Table):
    kind: Literal["normal"]
    mean: float | None = None
    sd: float


class LognormalPrior(Table):
    kind: Literal["lognormal"]
    median: float | None = None
    omega: float | None = None
    cv: float | None = None


class LogitnormalPrior(Table):
    kind: Literal["logitnormal"]
    median: float | None = None
    omega: float
    lower: float = 0.0
    upper: float = 1.0


Prior = Annotated[NormalPrior | LognormalPrior | LogitnormalPrior, Field(discriminator="kind")]


class OneSdError(Table):
    kind: Literal["additive", "proportional", "lognormal"]
    sd: float
    fixed: bool = False


class CombinedError(Table):
    kind: Literal["combined"]
    additive: float
    proportional: float
    adds: Literal["variance", "sd"] = "variance"
    fixed: bool = False


class PowerError(Table):
    kind: Literal["power"]
    proportional: float
    power: float = 0.5
    fixed: bool = False


class BinomialError(Table):
    kind: Literal["binomial"]
    trials: str = "n"


class PoissonError(Table):
    kind: Literal["poisson"]


class EventTimeError(Table):
    kind: Literal["event_time"]
    hazard: str


ErrorModel = Annotated[
    OneSdError | CombinedError | PowerError | BinomialError | PoissonError | EventTimeError, Field(discriminator="kind")
]


# ---- the tables


class FreeTable(Table):
    """How one parameter is estimated; see `pkpd.free`."""

    start: float | str | None = None
    bounds: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    log: bool = False
    per_arm: bool = False
    prior: Prior | None = None


class RecordsTable(Table):
    """How the data are read where they are a NONMEM table; see `pkpd.read_nonmem`."""

    compartments: dict[str, str] | None = None
    columns: dict[str, str] | None = None
    comment: str | None = None
    sort: bool = False
    outputs: str | dict[str, str] | None = None


class SearchTable(Table):
    """Options of `pkpd.fit`."""

    starts: int = 1
    seed: int = 0
    optimizer: str | None = None
    max_evaluations: int = 1000
    blq: Literal["M1", "M3", "M4"] | None = None
    sd_is: Literal["known", "relative"] | None = None
    at_dose: Literal["before", "after"] | None = None
    method: str | None = None
    rtol: float | None = None


class ProfileTable(Table):
    """Options of `pkpd.profile`."""

    parameters: list[str] | None = None
    confidence: float = 0.95


class BootstrapTable(Table):
    """Options of `pkpd.bootstrap`."""

    replicates: int = 200
    by: Literal["subject", "arm", "parametric"] = "subject"
    seed: int = 0
    confidence: float = 0.95


class ReportTable(Table):
    """Where the results go, relative to the file, and on which axes."""

    folder: str
    log: bool = False


class Study(Table):
    """A fit from model to report.

    Attributes
    ----------
    model
        The name of a model of the library.
    time
        The unit of time in which it is told, such as ``"h"``; its own by default.
    data
        The table, relative to the file.
    regimens
        For each arm its doses, as typed for ``pkpd simulate --dose``; arms that are not named were not treated.
    """

    title: str | None = None
    model: str
    time: str | None = None
    data: str
    regimens: dict[str, str | list[str]] = {}
    records: RecordsTable | None = None
    free: Annotated[dict[str, FreeTable], Field(min_length=1)]
    parameters: dict[str, float | str] = {}
    error: dict[str, ErrorModel] = {}
    fit: SearchTable = SearchTable()
    profile: ProfileTable | None = None
    bootstrap: BootstrapTable | None = None
    report: ReportTable | None = None


def read_study(path: Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    DataError
        If it is not there or not TOML, or a value is not what is expected: the message names the
        key and what was expected.
    UnknownNameError
        If it has a key that means nothing, with the nearest one that does.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"there is no file {str(path)!r}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} is not TOML: {error}.") from None
    try:
        return Study.model_validate(raw)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        # A key that is misspelled is also one that is missing.
        first = min(errors, key=lambda e: e["type"] != "extra_forbidden")
        raise _told(path.name, raw, first["type"], first["loc"], first.get("ctx", {}), first["msg"]) from None


# ---- what is wrong, in one message


# What a value may be, where pydantic would name one of several types.
_EXPECTED = {
    ("regimens", "*"): "a dose as text, such as '4 Gy radiation at 8', or a list of them",
    ("free", "*", "start"): "a number, or text with a unit",
    ("free", "*", "bounds"): "two numbers, the lower one first (inf for no bound)",
    ("parameters", "*"): "a number, or text with a unit",
    ("records", "outputs"): "the name of an output, or a table from DVID to names",
}

_KINDS = {
    "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
    "bool_type": "true or false", "string_type": "text", "list_type": "a list", "dict_type": "a table",
    "model_type": "a table", "model_attributes_type": "a table",
}  # fmt: skip


def _told(file: str, raw: Any, kind: str, loc: Iterable[Any], context: Mapping[str, Any], message: str) -> Exception:
    keys, value = _place(raw, loc)
    where = f"{file}: [{'.'.join(keys[:-1])}]" if len(keys) > 1 else file
    if kind == "extra_forbidden":
        return unknown_name(where, "key", keys[-1], _known_keys(raw, keys[:-1]))
    if kind == "missing":
        return DataError(f"{where} lacks the key {keys[-1]!r}.")
    if kind == "union_tag_not_found":
        return DataError(f"{file}: [{'.'.join(keys)}] lacks the key 'kind'.")
    if kind == "union_tag_invalid":
        known = [name.strip(" '") for name in context["expected_tags"].split(",")]
        return unknown_name(f"{file}: [{'.'.join(keys)}]", "kind", str(context["tag"]), known)
    expected = _EXPECTED.get(_pattern(keys)) or _KINDS.get(kind) or context.get("expected")
    if kind in ("too_short", "dict_too_short") and keys == ["free"]:
        return DataError(f"{file}: [free] names no parameter; write [free.NAME] for each that is to be estimated.")
    told = f"expected {expected}" if expected else message[0].lower() + message[1:]
    return DataError(f"{where} {keys[-1]} is {value!r}; {told}.")


def _place(raw: Any, loc: Iterable[Any]) -> tuple[list[str], Any]:
    """The keys that lead to a place, without the tags of alternatives that pydantic puts between, and what is there."""
    keys: list[str] = []
    value = raw
    steps = list(loc)
    for i, step in enumerate(steps):
        if isinstance(value, Mapping) and step in value:
            keys.append(str(step))
            value = value[step]
        elif isinstance(value, Mapping) and i == len(steps) - 1:
            keys.append(str(step))
            value = None
    return keys, value


def _pattern(keys: list[str]) -> tuple[str, ...]:
    """The keys with ``*`` for a name that the user chose."""
    named = bool(keys) and keys[0] in ("regimens", "free", "parameters", "error")
    return tuple("*" if named and i == 1 else key for i, key in enumerate(keys))


_TABLES: dict[tuple[str, ...], type[Table]] = {
    (): Study, ("records",): RecordsTable, ("fit",): SearchTable, ("profile",): ProfileTable,
    ("bootstrap",): BootstrapTable, ("report",): ReportTable, ("free", "*"): FreeTable,
}  # fmt: skip
_KINDS_OF_TABLES: dict[tuple[str, ...], tuple[type[Table], ...]] = {
    ("free", "*", "prior"): (NormalPrior, LognormalPrior, LogitnormalPrior),
    ("error", "*"): (OneSdError, CombinedError, PowerError, BinomialError, PoissonError, EventTimeError),
}


def _known_keys(raw: Any, keys: list[str]) -> Iterable[str]:
    """The keys that the table at a place may have."""
    pattern, table = _pattern(keys), raw
    for key in keys:
        table = table[key]
    if pattern in _TABLES:
        return _TABLES[pattern].model_fields
    kinds = _KINDS_OF_TABLES[pattern]
    return next(k.model_fields for k in kinds if table["kind"] in get_args(k.model_fields["kind"].annotation))
