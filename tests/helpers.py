"""What tests measure with: errors in units of the tolerance, and models made to run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from pkpd import Model, compose, state
from pkpd.cli.main import main
from pkpd.symbolic.symbols import Given


def tolerance_error(value, reference, *, rtol, atol):
    """The largest ``|value - reference| / (atol + rtol |reference|)``; NaN where any value is NaN."""
    value, reference = np.asarray(value, float), np.asarray(reference, float)
    return float(np.max(np.abs(value - reference) / (atol + rtol * np.abs(reference))))


def relative_error(value, reference):
    """The largest ``|value/reference - 1|``."""
    return tolerance_error(value, reference, rtol=1.0, atol=0.0)


def closed(model: Model) -> Model:
    """`model` itself, or joined with a constant state of value 1 for each given it lacks."""
    missing = [s for s in model.settable if isinstance(s, Given) and s.default is None]
    stand_ins = [
        Model(f"constant_{s.name}", rates={state(s.name, s.unit, s.meaning, start=1): 0}, time=model.time)
        for s in missing
    ]
    return compose(model.name, model, *stand_ins) if stand_ins else model


def run_here(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The command in this process: exit code, stdout, stderr."""
    code = 0
    before, sys.argv = sys.argv, ["pkpd", *arguments]
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = before
    out, err = capsys.readouterr()
    return code, out, err


def mostly_slow(cases: Iterable[Any], fast: int = 3) -> list[Any]:
    """Every `fast`-th case as it is, the others as slow tests, which CI runs too."""
    marked = []
    for i, case in enumerate(cases):
        values = case if isinstance(case, tuple) else (case,)
        marked.append(pytest.param(*values, marks=pytest.mark.slow if i % fast else ()))
    return marked


def sampled(cases: Iterable[Any], every: int) -> list[Any]:
    """Every so many-th case; all where PKPD_ALL_CASES is set, which takes longer than CI has."""
    return list(cases)[:: 1 if os.environ.get("PKPD_ALL_CASES") else every]
