"""A model as the text of a file that is read back as the same model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pkpd.errors import ModelError
from pkpd.model_text.expressions import expression_text
from pkpd.model_text.reading import model_of
from pkpd.storage import write_atomically
from pkpd.symbolic.checks import every_symbol
from pkpd.symbolic.elements import Output, Route
from pkpd.symbolic.model import Model, require_model
from pkpd.symbolic.symbols import Clock, Dose, Given, InputRate, Parameter, State
from pkpd.toml_files import TomlFile, toml_key, toml_text
from pkpd.units import convert

__all__ = ["model_tables", "model_text", "write_model"]


def write_model(model: Model, path: str | Path) -> Path:
    """Write a model to a text file, whole or not at all; `read_model` reads it back as the same model.

    Raises
    ------
    ModelError
        If the model has a function that has no text, such as one of your own.
    DataError
        If the file cannot be written.

    Examples
    --------
    >>> import pkpd, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = pkpd.read_model(write_model(pkpd.load("pk_1cmt"), f"{folder}/model.toml"))
    >>> again == pkpd.load("pk_1cmt")
    True
    """
    text = model_text(model)
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def model_text(model: Model) -> str:
    """The text of a model, as `write_model` writes it.

    Raises
    ------
    ModelError
        If the text would not be read back as the same model.

    Examples
    --------
    >>> import pkpd
    >>> print(model_text(pkpd.load("pk_1cmt")).splitlines()[0])
    [model]
    """
    tables = model_tables(require_model(model, "write_model"))
    reread = model_of(TomlFile(model.name, {"model": tables}, {}), ("model",))
    if reread.hash != model.hash:
        raise ModelError(f"{model.name} has no text that means the same: an expression of it is not in sympy's form.")
    return "\n".join(_lines(tables)) + "\n"


def model_tables(model: Model) -> dict[str, Any]:
    """A model as tables of plain values, those of the section ``[model]`` of a file."""
    symbols = sorted(every_symbol(model), key=lambda s: (s.name.lower(), s.name))
    clocks = {s.unit for s in symbols if isinstance(s, Clock)} - {model.time}
    if len(clocks) > 1:
        raise ModelError(f"{model.name} has clocks in {', '.join(sorted(clocks))}; a file has one.")
    states = [*model.states, *(s for s in symbols if isinstance(s, State) and s not in model.rates)]
    tables: dict[str, Any] = {
        "name": model.name,
        "time": model.time,
        "clock": next(iter(clocks), None),
        "description": model.description or None,
        "parameters": {s.name: _parameter(s) for s in symbols if isinstance(s, Parameter)},
        "given": {s.name: _given(s) for s in symbols if isinstance(s, Given)},
        "inputs": {s.name: _described(s) | _molar_mass(s) for s in symbols if isinstance(s, InputRate)},
        "states": {s.name: _state(s) for s in states},
        "rates": {s.name: _formula(e) for s, e in model.rates.items()},
        "terms": {s.name: _formula(e) for s, e in model.terms.items()},
        "outputs": {name: _output(o) for name, o in model.outputs.items()},
        "routes": {name: _route(r) for name, r in model.routes.items()},
        "events": [{"when": _formula(e.when), "then": _formulas(e.then)} for e in model.events],
        "dosing": {s.name: {k: _formula(v) for k, v in d.attributes.items()} for s, d in model.dosing.items()},
    }
    return {key: value for key, value in tables.items() if value not in (None, {}, [])}


# ---- the parts


def _formula(e: Any) -> str | int:
    """A whole number as it is, all else as text."""
    return int(e) if e.is_Integer else expression_text(e)


def _formulas(table: Mapping[State, Any]) -> dict[str, Any]:
    return {s.name: _formula(e) for s, e in table.items()}


def _described(symbol: Any) -> dict[str, Any]:
    return {"unit": symbol.unit, "meaning": symbol.meaning}


def _molar_mass(symbol: InputRate | Dose) -> dict[str, Any]:
    mass = getattr(symbol.declaration, "molar_mass", None)
    return {} if mass is None else {"molar_mass": mass}


def _parameter(symbol: Parameter) -> dict[str, Any]:
    d = symbol.declaration
    row: dict[str, Any] = {"value": d.value, **_described(symbol)}
    if d.source:
        row["source"] = d.source
    if d.bounds != (-math.inf, math.inf):
        row["bounds"] = list(d.bounds)
    if d.iiv is not None:
        row["iiv"] = float(d.iiv)
    if d.alternatives:
        row["alternatives"] = {
            name: {"value": _in_unit(value, d.unit, unit), "unit": unit, "source": source}
            for name, value, unit, source in d.alternatives
        }
    return row


def _in_unit(value: float, of: str, unit: str) -> float:
    """The number in `unit` that is converted to exactly `value`."""
    near = convert(value, of, unit, "an alternative")
    below = above = near
    for _ in range(16):
        for candidate in (below, above):
            if convert(candidate, unit, of, "an alternative") == value:
                return candidate
        below, above = math.nextafter(below, -math.inf), math.nextafter(above, math.inf)
    return near


def _given(symbol: Given) -> dict[str, Any]:
    return _described(symbol) | ({} if symbol.default is None else {"default": symbol.default})


def _state(symbol: State) -> dict[str, Any]:
    row: dict[str, Any] = _described(symbol)
    if symbol.start != 0:
        row["start"] = _formula(symbol.start)
    if symbol.declaration.nonnegative:
        row["nonnegative"] = True
    return row


def _output(declared: Output) -> Any:
    if not declared.meaning and declared.unit is None:
        return _formula(declared.expression)
    row = {"expression": _formula(declared.expression), "meaning": declared.meaning, "unit": declared.unit}
    return {key: value for key, value in row.items() if value not in (None, "")}


def _route(route: Route) -> dict[str, Any]:
    if route.rate is not None:
        return {"input": route.rate.name}
    (amount,) = route.doses
    row: dict[str, Any] = {"dose": amount.unit, **_molar_mass(amount), "jumps": _formulas(route.jumps)}
    return row | ({"replaces": True} if route.replaces else {})


# ---- the text


def _lines(tables: Mapping[str, Any]) -> Iterator[str]:
    plain = {k: v for k, v in tables.items() if not isinstance(v, dict | list)}
    yield "[model]"
    yield from (f"{key} = {toml_text(value)}" for key, value in plain.items())
    for section, table in tables.items():
        if isinstance(table, dict):
            yield from ("", f"[model.{section}]")
            yield from (f"{toml_key(key)} = {toml_text(value)}" for key, value in table.items())
        elif isinstance(table, list):
            for row in table:
                yield from ("", f"[[model.{section}]]")
                yield from (f"{key} = {toml_text(value)}" for key, value in row.items())
