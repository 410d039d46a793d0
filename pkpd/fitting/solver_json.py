"""The options of an integration as plain values for a JSON file, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pkpd.json_files import Fields, json_number
from pkpd.prepared.solver import Solver

__all__ = ["solver_as_json", "solver_from_json"]


def solver_as_json(solver: Solver) -> dict[str, Any]:
    """All options."""
    atol = dict(solver.atol) if isinstance(solver.atol, Mapping) else solver.atol
    values = {f.name: json_number(getattr(solver, f.name)) for f in dataclasses.fields(solver)}
    return {**values, "atol": atol}


def solver_from_json(part: Fields) -> Solver:
    """The options that were written; a machine's own device is not among them."""
    atol: Any = part.entry("atol", "a number, numbers by state, or null")
    if isinstance(atol, dict):
        by_state = part.part("atol")
        atol = {name: by_state.number(name) for name in atol}
    threads = part.entry("threads", "a whole number or null")
    return Solver(
        method=part.text("method"),
        rtol=part.number("rtol"),
        atol=atol,
        max_steps=part.integer("max_steps"),
        threads=None if threads is None else part.integer("threads"),
    )
