"""Study files: what `pkpd fit study.toml` reads, key by key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pkpd.toml_files import Expected, Table, checked, read_toml

__all__ = ["Study", "read_study"]

Quantity = Annotated[float | str, Expected("a number, or text with a unit")]
Doses = Annotated[str | list[str], Expected("a dose as text, such as '4 Gy radiation at 8', or a list of them")]
Bounds = Annotated[
    list[float],
    Field(min_length=2, max_length=2),
    Expected("two numbers, the lower one first (inf for no bound)"),
]


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

    start: Quantity | None = None
    bounds: Bounds | None = None
    log: bool = False
    per_arm: bool = False
    prior: Prior | None = None


class RecordsTable(Table):
    """How the data are read where they are a NONMEM table; see `pkpd.read_nonmem`."""

    compartments: dict[str, str] | None = None
    columns: dict[str, str] | None = None
    comment: str | None = None
    sort: bool = False
    outputs: Annotated[
        str | dict[str, str] | None, Expected("the name of an output, or a table from DVID to names")
    ] = None


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
    regimens: dict[str, Doses] = Field(default_factory=dict)
    records: RecordsTable | None = None
    free: Annotated[
        dict[str, FreeTable],
        Field(min_length=1),
        Expected("a table [free.NAME] for each parameter that is to be estimated"),
    ]
    parameters: dict[str, Quantity] = Field(default_factory=dict)
    error: dict[str, ErrorModel] = Field(default_factory=dict)
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
        key, its line and what was expected.
    UnknownNameError
        If it has a key that means nothing, with the nearest one that does.
    """
    return checked(Study, read_toml(path))
