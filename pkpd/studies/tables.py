"""What a study file says, key by key."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from pkpd.library.compositions import CompositionTable
from pkpd.model_text.tables import ModelTable
from pkpd.studies.endpoint_tables import Endpoint
from pkpd.studies.samples import SampleTable
from pkpd.toml_files import Expected, Table

__all__ = [
    "AxisTable", "EnsembleTable", "SolverTable", "StoreTable", "StudyTable",
    "study_schema",
]  # fmt: skip

DoseText = str | list[str]
Finite = Annotated[float, Field(allow_inf_nan=False), Expected("a finite number")]


class AxisTable(Table):
    """Values of an axis at even distances, on a log scale where asked."""

    first: Finite
    last: Finite
    count: Annotated[int, Field(ge=1, le=10_000_000)]
    log: bool = False


class EnsembleTable(Table):
    """Who: every combination of the axes, with every member of the sample."""

    axes: dict[str, list[float] | AxisTable] = {}
    sample: SampleTable | None = None


class SolverTable(Table):
    """How; see `pkpd.Solver`."""

    method: str = "auto"
    rtol: float = 1e-8
    atol: float | dict[str, float] | None = None
    max_steps: int = 100_000
    threads: int | None = None


class StoreTable(Table):
    """Where the results go, relative to the file, and in pieces of how many members."""

    path: str | None = None
    chunk: Annotated[int, Field(ge=1)] | None = None
    parameters: bool = True


class StudyTable(Table):
    """A sweep.

    Attributes
    ----------
    model
        A name of the library, the name of a model file beside the study, a model as a table, or ``parts`` of the
        library that are joined, as in `pkpd.library.compositions.CompositionTable`.
    regimen, regimens
        The doses of all, or by arm, as typed for ``pkpd simulate --dose``; or as tables.
    times
        Text such as ``"0:365:7"``, or a list of numbers.
    reduce
        As `pkpd.simulate` takes it: ``nadir = ["V", "min"]``.
    endpoints
        Numbers that are read from courses at `times`: ``best = { kind = "best_change", of = "V" }``.
    """

    title: str | None = None
    model: str | dict[str, Any]
    time: str | None = None
    regimen: DoseText | list[dict[str, Any]] | None = None
    regimens: dict[str, DoseText | list[dict[str, Any]]] | None = None
    parameters: dict[str, float | str] = {}
    ensemble: EnsembleTable = EnsembleTable()
    times: str | list[float]
    outputs: list[str] | None = None
    reduce: dict[str, list[str | float]] = {}
    endpoints: dict[str, Endpoint] = {}
    at_dose: Literal["before", "after"] = "before"
    solver: SolverTable = SolverTable()
    store: StoreTable = StoreTable()


def study_schema() -> dict[str, Any]:
    """The JSON Schema of a study file, by which editors complete its keys; a model as a table has its own.

    Examples
    --------
    >>> sorted(study_schema()["required"])
    ['model', 'times']
    """
    schema = StudyTable.model_json_schema()
    model = ModelTable.model_json_schema(ref_template="#/$defs/{model}")
    joined = CompositionTable.model_json_schema(ref_template="#/$defs/{model}")
    definitions = {**schema.pop("$defs", {}), **model.pop("$defs", {}), **joined.pop("$defs", {})}
    definitions |= {"ModelTable": model, "CompositionTable": joined}
    forms = [{"$ref": "#/$defs/ModelTable"}, {"$ref": "#/$defs/CompositionTable"}]
    schema["properties"]["model"] = {"anyOf": [{"type": "string"}, *forms]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": definitions}
