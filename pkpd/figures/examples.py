"""How a model runs: what its page shows, drawn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pkpd.figures.style import grid_canvas
from pkpd.figures.time_courses import time_course
from pkpd.library.catalog import load
from pkpd.library.examples import command, courses, horizon
from pkpd.simulation import simulate
from pkpd.treatment.regimens import Regimen, bolus, infusion
from pkpd.units import conversion_factor, parse_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pkpd.library.examples import DoseSeries
    from pkpd.symbolic.model import Model

__all__ = ["example"]

KINDS = ("mm^3", "mm", "mg/L", "nmol/L", "cell", "1")  # tumors first, then drugs, then cells and shares
PANELS = 4
POINTS = 400  # along time
MARKED = 3  # routes whose doses can be told apart by their marks


def example(name: str) -> Figure | None:
    """The first outputs of a model of the library under the doses of its page; None where it does not run alone.

    Raises
    ------
    UnknownNameError
        If the library has no model of this name.
    """
    model = load(name)
    if command(model) is None:
        return None
    regimen = sum(map(_doses, courses(model)), Regimen())
    last = horizon(model)
    outputs = _telling(model)[:PANELS]
    run = simulate(model, regimen, times=[last * i / POINTS for i in range(POINTS + 1)], outputs=outputs)
    with grid_canvas(len(outputs)) as (figure, axes):
        for output, ax in zip(outputs, axes, strict=True):
            marked = regimen if ax is axes[0] and len(model.routes) <= MARKED else None
            time_course(run, output, regimen=marked, ax=ax)
    return figure


def _telling(model: Model) -> list[str]:
    """Outputs, then states: one of each kind before a second of any, in the order of `KINDS`."""
    names = [*model.outputs, *(s.name for s in model.states if s.name not in model.outputs)]
    kinds = [_kind(model.units[name]) for name in names]
    turns = [kinds[:i].count(kind) for i, kind in enumerate(kinds)]
    return [name for _, _, name in sorted(zip(turns, kinds, names, strict=True), key=lambda row: row[:2])]


def _kind(unit: str) -> int:
    alike = (conversion_factor(parse_unit(unit), parse_unit(kind)) is not None for kind in KINDS)
    return next((i for i, same in enumerate(alike) if same), len(KINDS))


def _doses(series: DoseSeries) -> Regimen:
    amount = series.amount if series.unit == "1" else f"{series.amount:g} {series.unit}"
    give = bolus if series.duration is None else partial(infusion, duration=series.duration)
    return give(amount, series.route, at=series.start, every=series.every, n=series.n)
