"""The cases: an ensemble of one model under one regimen, with a reference solution."""

from collections.abc import Callable

from benchmarks.cases import hill, tipd, tmdd
from benchmarks.cases.barrier import barrier
from benchmarks.cases.case import Case
from benchmarks.cases.lesions import lesions

__all__ = ["CASES", "Case", "find"]

SIZED: dict[str, Callable[[int], Case]] = {"barrier": barrier, "lesions": lesions}  # by the number of states
CASES: dict[str, Case] = {case.name: case for case in (tipd.case, tmdd.case, hill.case)}


def find(name: str) -> Case:
    """The case of this name; ``lesions_50`` is made when it is asked for."""
    kind, _, states = name.partition("_")
    return SIZED[kind](int(states)) if kind in SIZED else CASES[name]
