"""Variants of a model: with other expressions, other names, other defaults."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pkpd.errors import ModelError, unknown_name
from pkpd.symbolic.symbols import Declared, Parameter, State
from pkpd.symbolic.values import parameter_value

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["fields_with", "redeclared", "renamed", "with_defaults", "with_expressions"]


def redeclared(symbol: Declared, **changes: Any) -> Declared:
    """`symbol` with changes to its declaration, such as ``name="CL_2"``."""
    return type(symbol)(dataclasses.replace(symbol.declaration, **changes))


def with_expressions(model: Model, table: Mapping[Any, Any], **changes: Any) -> Model:
    """`model` with symbols replaced by symbols or expressions, everywhere that they occur.

    Parameters
    ----------
    model
        Any model or part.
    table
        What stands in the place of each symbol.  A state may be replaced by a state only;
        the start of a state that the model owns is rewritten with it.
    changes
        Other fields of the model, such as ``name="other"``.  A function is applied to the
        rewritten field: ``rates=lambda rates: rates | {x: 0}``.
    """
    fields = fields_with(model, table)
    for key, change in changes.items():
        fields[key] = change(fields[key]) if callable(change) else change
    return dataclasses.replace(model, **fields)


def fields_with(model: Model, table: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields of `model` with symbols replaced; see `with_expressions`."""
    whole = {**table, **_with_starts(model, table)}

    def new(expression: Any) -> Any:
        return expression.xreplace(whole)

    def keyed(entries: Mapping[State, Any]) -> dict[State, Any]:
        return {whole.get(s, s): new(e) for s, e in entries.items()}

    return {
        "rates": keyed(model.rates),
        "terms": keyed(model.terms),
        "outputs": {k: dataclasses.replace(o, expression=new(o.expression)) for k, o in model.outputs.items()},
        "routes": {
            k: dataclasses.replace(r, jumps=keyed(r.jumps), rate=whole.get(r.rate, r.rate))
            for k, r in model.routes.items()
        },
        "events": tuple(dataclasses.replace(e, when=new(e.when), then=keyed(e.then)) for e in model.events),
        "dosing": {
            whole.get(s, s): dataclasses.replace(d, **{k: new(e) for k, e in d.attributes.items()})
            for s, d in model.dosing.items()
        },
    }


def _with_starts(model: Model, table: Mapping[Any, Any]) -> dict[State, Declared]:
    """Every state of `model` as `table` has it; those it owns with their starts rewritten."""
    moved = {s: table.get(s, s) for s in model.symbols.values() if isinstance(s, State)}
    return {
        s: redeclared(new, start=new.start.xreplace(dict(table))) if s in model.rates else new
        for s, new in moved.items()
    }


def renamed(model: Model, names: str | Mapping[str, str]) -> Model:
    """`model` under other names.

    Parameters
    ----------
    model
        Any model or part.
    names
        A prefix for all that the model declares itself (states, parameters, givens,
        outputs, routes; not the states of other parts), or a mapping of old to new names.

    Raises
    ------
    UnknownNameError
        If the mapping names what the model does not have.
    """
    if not isinstance(names, str | Mapping):
        raise ModelError(f"{model.name}: renamed() got {names!r}; expected a prefix, or {{old name: new name}}.")
    own = {s.name for s in model.symbols.values() if s not in model.foreign}
    every = own | set(model.outputs) | set(model.routes)
    new = {name: names + name for name in every} if isinstance(names, str) else dict(names)
    known = every | {s.name for s in model.foreign}
    for name in new:
        if name not in known:
            raise unknown_name(model.name, "name", name, known)
    symbols = {s: redeclared(s, name=new[s.name]) for s in model.symbols.values() if s.name in new}
    rekeyed = partial(_rekeyed, names=new)
    name = names + model.name if isinstance(names, str) else model.name
    return with_expressions(model, symbols, name=name, outputs=rekeyed, routes=rekeyed)


def _rekeyed(entries: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): entry for key, entry in entries.items()}


def with_defaults(model: Model, values: Mapping[str, Any]) -> Model:
    """`model` with other default values (see `parameter_value`); an alternative brings its source along."""
    changed: dict[Declared, Declared] = {}
    settable = {s.name: s for s in model.settable}
    for name, value in values.items():
        if name not in settable:
            raise unknown_name(model.name, "parameter", name, settable)
        symbol = settable[name]
        key = "value" if isinstance(symbol, Parameter) else "default"
        changes = {key: parameter_value(model, symbol, value)}
        sources = {a[0]: a[3] for a in getattr(symbol.declaration, "alternatives", ())}
        source = {"source": sources[value]} if isinstance(value, str) and value in sources else {}
        changed[symbol] = redeclared(symbol, **changes, **source)
    return with_expressions(model, changed)
