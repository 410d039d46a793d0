"""A model as text: equations, LaTeX, and the canonical content behind its hash."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sympy

from pkpd.symbolic.checks import every_symbol
from pkpd.symbolic.symbols import Given, Parameter

if TYPE_CHECKING:
    from pkpd.symbolic.elements import Route
    from pkpd.symbolic.model import Model

__all__ = ["content", "equation_lines", "latex", "parameter_row"]

_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta kappa mu nu xi rho sigma tau phi chi psi omega".split()  # noqa: SIM905
)


def parameter_row(symbol: Parameter | Given) -> list[Any]:
    """The row of `Model.parameters` for a parameter, or for a given that stands in as one."""
    if isinstance(symbol, Given):
        default = float("nan") if symbol.default is None else symbol.default
        return [default, symbol.unit, symbol.meaning, "given by another part", float("-inf"), float("inf"), None, ""]
    d = symbol.declaration
    names = ", ".join(f"{name}: {value:g}" for name, value, _, _ in d.alternatives)
    return [d.value, d.unit, d.meaning, d.source, *d.bounds, d.iiv, names]


def equation_lines(model: Model, *, folded: bool = False) -> list[str]:
    """The equations of `model` as lines of text: rates, starts, outputs, routes, events.

    Where they are `folded`, an output stands by its name wherever its expression occurs.
    """
    named = _folded if folded else _as_written

    def text(expression: sympy.Basic, own: str = "") -> str:
        return str(sympy.sstr(named(model, expression, own), full_prec=False))

    lines = [f"d{s.name}/dt = {text(rate)}" for s, rate in model.rates.items()]
    lines += [f"d{s.name}/dt += {text(term)}" for s, term in model.terms.items()]
    lines += [f"{s.name}(0) = {text(s.start)}" for s in model.rates if s.start != 0]
    lines += [f"{name} = {text(out.expression, name)}" for name, out in model.outputs.items()]
    for name, route in model.routes.items():
        if route.rate is not None:
            lines.append(f"route {name}: {route.rate.name} = dose/duration")
        lines += [f"route {name}: {s.name} -> {text(jump)}" for s, jump in route.jumps.items()]
    for event in model.events:
        lines += [f"when {text(event.when)}: {s.name} -> {text(value)}" for s, value in event.then.items()]
    for s, dosing in model.dosing.items():
        lines.append(f"dose into {s.name}: " + ", ".join(f"{k} = {text(e)}" for k, e in dosing.attributes.items()))
    return lines


def _as_written(model: Model, expression: sympy.Basic, own: str) -> sympy.Basic:
    return expression


@lru_cache(maxsize=1024)
def _folded(model: Model, expression: sympy.Basic, own: str) -> sympy.Basic:
    """`expression` with the names of outputs for their expressions, save for the output `own` itself."""
    outputs = [(out.expression, name) for name, out in model.outputs.items() if name != own and out.expression.args]
    # The largest first: once a part of one has a name, the whole would no longer be found.  subs, unlike
    # xreplace, finds A1/V1 in CL*A1/V1.
    for whole, name in sorted(outputs, key=lambda o: -int(sympy.count_ops(o[0]))):
        twin = own and whole == model.outputs[own].expression
        if not twin and whole.free_symbols <= expression.free_symbols:
            expression = expression.subs(whole, sympy.Symbol(name, real=True))
    return expression


def latex(model: Model, *, folded: bool = False) -> str:
    """The equations of `model` as one block of LaTeX; `folded` as for `equation_lines`."""
    named = _folded if folded else _as_written
    names = {s: _latex_name(s.name) for s in model.symbols.values()}
    names |= {sympy.Symbol(name, real=True): _latex_name(name) for name in model.outputs}

    def tex(expression: sympy.Basic, own: str = "") -> str:
        written = named(model, expression, own)
        others = {s: _latex_name(s.name) for s in written.free_symbols}  # the amount of a dose
        return str(sympy.latex(written, symbol_names=others | names))

    lines = [rf"\frac{{d {names[s]}}}{{dt}} &= {tex(rate)}" for s, rate in model.rates.items()]
    lines += [rf"\frac{{d {names[s]}}}{{dt}} &\mathrel{{+}}= {tex(term)}" for s, term in model.terms.items()]
    lines += [rf"{names[s]}(0) &= {tex(s.start)}" for s in model.rates if s.start != 0]
    lines += [rf"{_latex_name(name)} &= {tex(out.expression, name)}" for name, out in model.outputs.items()]
    for route in model.routes.values():
        lines += [rf"{names[s]} &\to {tex(jump)}" for s, jump in route.jumps.items()]
    for event in model.events:
        lines += [rf"{names[s]} &\to {tex(v)} \quad ({tex(event.when)})" for s, v in event.then.items()]
    return r"$\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}$"


def _latex_name(name: str) -> str:
    base, _, subscript = name.partition("_")
    digits = re.fullmatch(r"([A-Za-z]+)(\d+)", base)
    if digits and not subscript:
        base, subscript = digits.groups()
    text = "\\" + base if base in _GREEK else base if len(base) == 1 else rf"\mathrm{{{base}}}"
    return text + (rf"_{{\mathrm{{{subscript.replace('_', ',')}}}}}" if subscript else "")


def content(model: Model) -> dict[str, Any]:
    """Everything a model means, as JSON; the order in which things were written plays no part."""
    plain = {s: sympy.Symbol(s.name, real=True) for s in every_symbol(model)}

    def text(expression: sympy.Basic) -> str:
        return str(sympy.srepr(expression.xreplace(plain)))

    return {
        "name": model.name,
        "time": model.time,
        "symbols": {s.name: [type(s).__name__, repr(s.declaration)] for s in plain},
        "rates": {s.name: text(e) for s, e in model.rates.items()},
        "terms": {s.name: text(e) for s, e in model.terms.items()},
        "outputs": {k: [text(o.expression), o.meaning, o.unit] for k, o in model.outputs.items()},
        "routes": {k: _route_content(r, text) for k, r in model.routes.items()},
        "dosing": {s.name: {k: text(e) for k, e in d.attributes.items()} for s, d in model.dosing.items()},
        "events": sorted([text(e.when), sorted([s.name, text(v)] for s, v in e.then.items())] for e in model.events),
    }


def _route_content(route: Route, text: Callable[[sympy.Basic], str]) -> Any:
    if route.rate is not None:
        return route.rate.name
    jumps = {s.name: text(e) for s, e in route.jumps.items()}
    return {"replaces": jumps} if route.replaces else jumps
