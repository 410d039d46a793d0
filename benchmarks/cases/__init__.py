"""The cases: an ensemble of one model under one regimen, with a reference solution."""

from benchmarks.cases import hill, tipd, tmdd
from benchmarks.cases.case import Case
from benchmarks.cases.lesions import lesions

__all__ = ["CASES", "Case", "find"]

CASES: dict[str, Case] = {case.name: case for case in (tipd.case, tmdd.case, hill.case)}


def find(name: str) -> Case:
    """The case of this name; ``lesions_50`` is made when it is asked for."""
    kind, _, states = name.partition("_")
    return lesions(int(states)) if kind == "lesions" else CASES[name]
