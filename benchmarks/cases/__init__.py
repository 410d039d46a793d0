"""The cases: an ensemble of one model under one regimen, with a reference solution."""

from benchmarks.cases import hill, tipd, tmdd
from benchmarks.cases.case import Case

__all__ = ["CASES", "Case"]

CASES: dict[str, Case] = {case.name: case for case in (tipd.case, tmdd.case, hill.case)}
