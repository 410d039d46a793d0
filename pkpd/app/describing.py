"""A model in the words of its sliders: ranges, groups, sources, and a scene to begin with."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pkpd.app.messages import Arm, DoseRow, Scene
from pkpd.app.shelf import runs_alone
from pkpd.library.catalog import catalog, load, source_of
from pkpd.library.examples import DoseSeries, courses, horizon
from pkpd.symbolic.symbols import Declared, Parameter
from pkpd.units import conversion_factor, parse_unit

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["described", "listed", "slider_range"]

DECADE = 10.0  # how far a slider goes from a value above 0 whose bounds are wider
WIDE = 50.0  # a range whose ends differ by more is on a log scale

# What a pharmacologist looks at first, by words of its meaning, or by its name.
_FIRST = (
    (r"lesion diameters|longest diameters", r"tumou?r (volume|size|burden|cells)|living tumor"),
    (r"effectors in|T cells|lymphocytes", r"effector"),
    (r"^C$", r"concentration|in plasma|in serum", r"^RO$", r"occup"),
)


def listed() -> list[dict[str, Any]]:
    """The models of the library that run alone, for the list to choose from."""
    table = catalog()
    rows = []
    for name in table.index:
        if runs_alone(load(name)):
            row = table.loc[name]
            rows.append({"name": name, "title": row["title"], "states": int(row["states"]), "routes": row["routes"]})
    return rows


def described(model: Model, reference: str) -> dict[str, Any]:
    """All that the page shows of a model, and the scene that it begins with."""
    return {
        "model": reference,
        "name": model.name,
        "title": model.title,
        "source": source_of(model),
        "time": model.time,
        "parameters": _parameters(model),
        "observables": [
            {"name": name, "unit": model.units[name], "meaning": model.meaning(name)} for name in _observables(model)
        ],
        "routes": [_route(model, series) for series in courses(model)],
        "scene": first_scene(model, reference).model_dump(mode="json"),
    }


def first_scene(model: Model, reference: str) -> Scene:
    """An untreated arm, and one with a usual course of a drug and of radiation where the model has them."""
    rows = tuple(_row(series) for series in _usual(courses(model)))
    arms = (Arm(name="untreated"), Arm(name="treated", doses=rows)) if rows else (Arm(name="model"),)
    return Scene(model=reference, arms=arms, outputs=tuple(_first_outputs(model)), end=2.0 * horizon(model))


def slider_range(value: float, bounds: tuple[float, float]) -> tuple[float, float, bool]:
    """The ends of a slider, and whether it is on a log scale.

    A bound that is known is an end where it is near enough; otherwise a slider goes a decade to either side.

    Examples
    --------
    >>> slider_range(0.2, (0.0, 1.0))
    (0.0, 1.0, False)
    >>> slider_range(3.0, (0.0, float("inf")))
    (0.3, 30.0, True)
    """
    low, high = bounds
    if math.isfinite(low) and math.isfinite(high) and high > low and (low <= 0 or high / low <= WIDE):
        return low, high, False
    if value > 0:
        first, last = max(low, value / DECADE), min(high, value * DECADE)
        return first, last, first > 0 and last / first > WIDE
    size = max(abs(value), 1.0)
    return max(low, value - size), min(high, value + size), False


# ---- parameters


def _parameters(model: Model) -> list[dict[str, Any]]:
    groups = _groups(model)
    return [_parameter(s, groups.get(s.name, "Other")) for s in sorted(model.settable, key=lambda s: _rank(s, groups))]


def _rank(symbol: Declared, groups: Mapping[str, str]) -> tuple[int, str]:
    order = list(dict.fromkeys(groups.values()))
    group = groups.get(symbol.name)
    return (len(order) if group is None else order.index(group), symbol.name.lower())


def _parameter(symbol: Any, group: str) -> dict[str, Any]:
    declared = isinstance(symbol, Parameter)
    value = symbol.value if declared else symbol.default
    bounds = symbol.declaration.bounds if declared else (-math.inf, math.inf)
    low, high, log = slider_range(value, bounds)
    omega = symbol.declaration.iiv if declared else None
    return {
        "name": symbol.name,
        "value": value,
        "unit": symbol.unit,
        "meaning": symbol.meaning,
        "source": symbol.declaration.source if declared else "",
        "low": low,
        "high": high,
        "log": log,
        "bounds": [b if math.isfinite(b) else None for b in bounds],
        "cv": None if omega is None else math.sqrt(math.expm1(omega**2)),
        "alternatives": [
            {"name": name, "value": v, "source": source}
            for name, v, _, source in (symbol.declaration.alternatives if declared else ())
        ],
        "group": group,
    }


def _groups(model: Model) -> dict[str, str]:
    """By parameter where it acts first: the start or the rate of a state, a route, or an output."""
    groups: dict[str, str] = {}

    def add(expressions: Iterable[Any], group: str) -> None:
        for expression in expressions:
            for symbol in expression.atoms(Declared):
                groups.setdefault(symbol.name, group)

    for state in model.states:
        if state in model.rates:
            heading = f"{_capital(state.meaning)} ({state.name})" if state.meaning else state.name
            add([model.rates[state], state.start], heading)
    for state, dosing in model.dosing.items():
        add(dosing.attributes.values(), f"Doses into {state.name}")
    for route in model.routes.values():
        add(route.jumps.values(), "Routes")
    add((output.expression for output in model.outputs.values()), "Outputs")
    for event in model.events:
        add([event.when, *event.then.values()], "Events")
    return groups


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# ---- what is shown first


def _observables(model: Model) -> list[str]:
    return [*model.outputs, *(s.name for s in model.states if s in model.rates)]


def _first_outputs(model: Model) -> list[str]:
    names = _observables(model)
    chosen = [next(filter(None, (_first(model, names, p) for p in patterns)), None) for patterns in _FIRST]
    return list(dict.fromkeys(name for name in chosen if name)) or names[:2]


def _first(model: Model, names: Iterable[str], pattern: str) -> str | None:
    sizes = (name for name in names if not model.units[name].endswith(f"/{model.time}"))  # not rates
    return next((name for name in sizes if _speaks_of(model, name, pattern)), None)


def _speaks_of(model: Model, name: str, pattern: str) -> bool:
    text = name if pattern.startswith("^") else model.meaning(name) or ""
    return re.search(pattern, text, re.IGNORECASE) is not None


def _usual(series: list[DoseSeries]) -> list[DoseSeries]:
    """The first drug, one given intravenously before others, and all radiation."""
    radiation = [s for s in series if s.unit == "Gy"]
    drugs = sorted((s for s in series if s.unit != "Gy"), key=lambda s: (not _is_amount(s.unit), s.route != "iv"))
    return drugs[:1] + radiation


def _is_amount(unit: str) -> bool:
    """Whether it is one of mass or of substance."""
    return any(conversion_factor(parse_unit(unit), parse_unit(amount)) is not None for amount in ("mg", "nmol"))


def _row(series: DoseSeries) -> DoseRow:
    return DoseRow(
        route=series.route, amount=float(series.amount), start=float(series.start), every=float(series.every),
        n=series.n, duration=series.duration, weekdays=series.fractions,
    )  # fmt: skip


def _route(model: Model, series: DoseSeries) -> dict[str, Any]:
    route = model.routes[series.route]
    return {
        "name": series.route,
        "unit": series.unit,
        "timed": route.rate is not None,
        "row": _row(series).model_dump(mode="json"),
    }
