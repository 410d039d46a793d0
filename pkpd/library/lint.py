"""Semantic lint: what is well formed, and all the same not what its author meant.

The rules catch the classes of defects found in published models and in their public code:

==================== ======== ==================================================================
code                 severity what was found
==================== ======== ==================================================================
time-factor          error    a bare 24, 7, 60, 1/24, ... multiplies a rate: a conversion of time
                              by hand, next to a unit that already says the time
other-time-unit      warning  a parameter in a time unit that is neither the model's nor that of
                              another symbol of the same expression
mixed-units          error    a unit that names one dimension in two units (``mg day/hour``), so
                              that a factor hides in the number
bare-conversion      warning  a bare power of ten, 1000 or more, multiplies a quantity with a unit
dead-route           error    a dose on a route changes nothing, because a default is zero
overwritten-state    warning  a dose sets a state whatever it was before, and its route does not say
                              that it replaces
zero-input           warning  a term that does nothing, because a parameter in it is zero by default
frozen-state         error    a state whose rate is zero and that no route and no event sets
stuck-at-zero        error    a state that starts at zero and that nothing can lift from there
frozen-start         warning  a rate that uses the start of a state, but not the state: an
                              assignment that was evaluated once
frozen-output        warning  an output that is a number or a parameter
negative-state       warning  at zero a state can fall, or a jump, an event or its start is below
                              zero; an error where the state is declared nonnegative
out-of-bounds        error    a default or an alternative outside the bounds of its parameter
no-source            warning  a parameter that does not say where its value is from
no-meaning           warning  a symbol or an output without words for what it is
unused               error    a symbol that was declared, but that the model does not use
unneeded-allowance   warning  an allowance in the description that meets no finding
==================== ======== ==================================================================

The rules on routes, states and signs look at sampled points where every parameter has its
default, no state is negative, and none is above a ceiling that it cannot pass (a fraction stays
below 1): a sign found there may lie where no trajectory goes, hence the mere warning.  A part
whose states other parts feed is judged in their company: lint the composition.

A model that has such a defect in print, and keeps it, says so in its description, in a
paragraph of its own that begins with ``Allowed:``, names the code and the place, and says why::

    Allowed: negative-state of x, which the paper states too.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from types import CodeType
from typing import TYPE_CHECKING

from pkpd.library.findings import Finding
from pkpd.library.lint_dynamics import (
    dead_routes,
    frozen_outputs,
    frozen_starts,
    frozen_states,
    negative_states,
    overwritten_states,
    zero_inputs,
)
from pkpd.library.lint_numbers import bare_conversions, mixed_units, other_time_units, time_factors
from pkpd.symbolic.descriptions import parse_description
from pkpd.symbolic.model import require_model
from pkpd.symbolic.symbols import Clock, Declared, Dose, Given, InputRate, Parameter, State

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["Finding", "lint"]


def lint(model: Model | str, declared: Iterable[object] = ()) -> list[Finding]:
    """Look for defects that units and well-formedness do not show.

    Parameters
    ----------
    model
        Any model or part, or the name of one in the library; then its file is looked at as
        well, for symbols that it declares and does not use.
    declared
        For a model of your own, what its author declared, such as ``globals().values()``.

    Returns
    -------
    list of Finding
        Errors first.  What the description allows is left out.  The codes are explained at
        the head of `pkpd.library.lint`.

    Raises
    ------
    UnknownNameError
        If the library has no model of this name.

    Examples
    --------
    >>> lint("pk_2cmt")
    []
    """
    if isinstance(model, str):
        from pkpd.library.catalog import load

        model, declared = load(model), [*declared, *_declared_in(f"pkpd.models.{model}")]
    require_model(model, "lint")
    findings = [finding for rule in _RULES for finding in rule(model)] + list(_unused(model, declared))
    distinct = list(dict.fromkeys(findings))
    return sorted(_not_allowed(model, distinct), key=lambda f: (f.severity, f.code, f.where))


def _out_of_bounds(model: Model) -> Iterator[Finding]:
    for symbol in model.settable:
        if not isinstance(symbol, Parameter):
            continue
        low, high = symbol.declaration.bounds
        values = [("its value", symbol.value)]
        values += [(f"the alternative {a[0]!r}", a[1]) for a in symbol.declaration.alternatives]
        for what, value in values:
            if not low <= value <= high:
                yield Finding(
                    "out-of-bounds", "error", f"parameter {symbol.name!r}",
                    f"{what} {value:g} {symbol.unit} is outside its bounds {low:g} to {high:g}.",
                )  # fmt: skip


def _missing_words(model: Model) -> Iterator[Finding]:
    for symbol in model.symbols.values():
        if not symbol.meaning.strip():
            yield Finding("no-meaning", "warning", f"symbol {symbol.name!r}", f"{symbol.name!r} has no meaning.")
        if isinstance(symbol, Parameter) and not symbol.declaration.source.strip():
            sentence = f"{symbol.name!r} has no source; name one, or call it illustrative."
            yield Finding("no-source", "warning", f"parameter {symbol.name!r}", sentence)
    for name, out in model.outputs.items():
        if not out.meaning.strip() and not getattr(out.expression, "meaning", ""):
            sentence = f"{name!r} has no meaning; write output(expression, meaning)."
            yield Finding("no-meaning", "warning", f"output {name!r}", sentence)


def _declared_in(module: str) -> list[object]:
    """What a file of the library declares, save for what its functions take to other models."""
    names = vars(sys.modules[module])
    functions = [f for f in names.values() if inspect.isfunction(f) and f.__module__ == module]
    taken = {name for f in functions for name in _global_names(f.__code__)}
    return [value for name, value in names.items() if name not in taken]


def _global_names(code: CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*(_global_names(c) for c in inner))


def _unused(model: Model, declared: Iterable[object]) -> Iterator[Finding]:
    for symbol in dict.fromkeys(s for s in declared if isinstance(s, Declared)):
        if isinstance(symbol, Dose | Clock) or symbol.name in (*model.symbols, *model.outputs):
            continue
        kind = "state" if isinstance(symbol, State) else "given" if isinstance(symbol, Given) else "parameter"
        kind = "input rate" if isinstance(symbol, InputRate) else kind
        yield Finding(
            "unused", "error", f"{kind} {symbol.name!r}",
            f"{symbol.name!r} is declared, but no rate, start, output, route, event or dosing uses it.",
        )  # fmt: skip


_RULES: tuple[Callable[[Model], Iterator[Finding]], ...] = (
    time_factors, other_time_units, mixed_units, bare_conversions,
    dead_routes, overwritten_states, zero_inputs, frozen_states, frozen_starts, frozen_outputs, negative_states,
    _out_of_bounds, _missing_words,
)  # fmt: skip


def _not_allowed(model: Model, findings: list[Finding]) -> Iterator[Finding]:
    allowances = parse_description(model.description).allowances
    met = set()
    for finding in findings:
        meets = {a for a in allowances if a.code == finding.code and re.search(rf"\b{a.place}\b", finding.where)}
        met |= meets
        if not meets:
            yield finding
    for allowance in allowances:
        if allowance not in met:
            sentence = f"no {allowance.code} was found there."
            yield Finding("unneeded-allowance", "warning", f"allowance of {allowance.place!r}", sentence)
