"""The page of a model: all that there is to say about it, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy

from pkpd.library import examples
from pkpd.library.catalog import load
from pkpd.library.lint import lint
from pkpd.library.markdown import code, escaped, prose, table
from pkpd.library.probing import start_value
from pkpd.symbolic import writing
from pkpd.symbolic.descriptions import parse_description
from pkpd.symbolic.model import require_model
from pkpd.symbolic.symbols import Given, Parameter

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model, Route

__all__ = ["RUNNING", "Page", "index_of", "page"]

RUNNING = "How to run it"


@dataclass(frozen=True)
class Page:
    """The page of a model; see `page`.

    Parameters
    ----------
    name, title
        Of the model.
    sections
        Markdown by the title of its section, in order.
    """

    name: str
    title: str
    sections: Mapping[str, str]

    def joined(self, title: str, text: str, before: str) -> Page:
        """This page with a further section before the one titled `before`, or at the end."""
        titles = list(self.sections)
        at = titles.index(before) if before in titles else len(titles)
        sections = list(self.sections.items())
        return Page(self.name, self.title, dict([*sections[:at], (title, text), *sections[at:]]))

    def extended(self, title: str, text: str) -> Page:
        """This page with `text` at the end of the section of this title."""
        return Page(self.name, self.title, {**self.sections, title: f"{self.sections[title]}\n\n{text}"})

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def markdown(self) -> str:
        """The page as Markdown, its equations also as LaTeX."""
        parts = [f"# {escaped(self.title)}", f"`{self.name}`"]
        for title, text in self.sections.items():
            parts += [f"## {title}", text]
        return "\n\n".join(parts) + "\n"


def page(model: Model | str) -> Page:
    """All that there is to say about a model.

    Parameters
    ----------
    model
        The name of a model in the library, or a model.  Only a page of the library's models
        says how to run them.

    Returns
    -------
    Page
        Description, source, changes and validity, equations, states, parameters with their
        sources and alternatives, outputs, routes, events, how to run it, what lint finds, and
        the hash.  ``page(...).markdown()`` is text to publish.

    Raises
    ------
    UnknownNameError
        If the library has no model of this name.

    Examples
    --------
    >>> list(page("pk_2cmt").sections)[0]
    'Description'
    """
    described = load(model) if isinstance(model, str) else require_model(model, "page")
    sections = {
        **_words(described),
        "Equations": _equations(described),
        "States": _states(described),
        "Parameters": _parameters(described),
        "Outputs": _outputs(described),
        "Routes": _routes(described),
        "Events": _events(described),
        RUNNING: _running(described) if isinstance(model, str) else "",
        "Lint": "\n\n".join(prose(str(finding)) for finding in lint(model)) or "No findings.",
        "Identity": f"SHA-256 {described.hash}",
    }
    return Page(described.name, described.title, {title: text for title, text in sections.items() if text})


def index_of(pages: Iterable[Page]) -> str:
    """A list of pages as Markdown, each linked as ``NAME.md``."""
    lines = [f"- [{one.name}]({one.name}.md): {escaped(one.title)}" for one in pages]
    return "\n".join(["# Models", "", *lines]) + "\n"


# ---- the sections


def _words(model: Model) -> dict[str, str]:
    """The description in three: what it is, its source, and what comes after (changes, defects, validity)."""
    description = parse_description(model.description)
    return {
        "Description": "\n\n".join(map(_paragraph, description.body)),
        "Source": prose(description.source),
        "Changes, defects and validity": "\n\n".join(map(_paragraph, description.notes)),
    }


def _paragraph(text: str) -> str:
    """Indented lines are equations, and stay as they are."""
    lines = text.rstrip().splitlines()
    if all(line.startswith("    ") for line in lines if line.strip()):
        return code("\n".join(line[4:] for line in lines), "text")
    return prose(text)


def _equations(model: Model) -> str:
    tex = writing.latex(model, folded=True).strip("$").replace(r" \\ ", " \\\\\n")
    return code("\n".join(writing.equation_lines(model, folded=True)), "text") + "\n\n" + code(tex, "math")


def _states(model: Model) -> str:
    rows = []
    for s in model.states:
        open_start = any(g.default is None for g in s.start.atoms(Given))
        rows.append((s.name, s.unit, s.meaning, _text(s.start), "" if open_start else f"{start_value(s):.4g}"))
    return table(("name", "unit", "meaning", "start", "at the defaults"), rows)


def _parameters(model: Model) -> str:
    columns = ("name", "value", "unit", "meaning", "bounds", "omega", "source", "alternatives")
    rows = [_parameter(s) for s in model.settable]
    # A column in which no parameter has anything to say is left out.
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    return table([columns[i] for i in kept], [[row[i] for i in kept] for row in rows])


def _parameter(symbol: Parameter | Given) -> tuple[str, ...]:
    if isinstance(symbol, Given):
        value = "" if symbol.default is None else f"{symbol.default:g}"
        return symbol.name, value, symbol.unit, symbol.meaning, "", "", "given by another part", ""
    d = symbol.declaration
    others = "; ".join(f"{name}: {value:g} ({source})" for name, value, _, source in d.alternatives)
    omega = "" if d.iiv is None else f"{d.iiv:.3g}"
    return d.name, f"{d.value:g}", d.unit, d.meaning, _bounds(*d.bounds), omega, d.source, others


def _bounds(low: float, high: float) -> str:
    below, above = low == float("-inf"), high == float("inf")
    if below and above:
        return ""
    return f"from {low:g}" if above else f"to {high:g}" if below else f"{low:g} to {high:g}"


def _outputs(model: Model) -> str:
    rows = [(name, model.units[name], model.meaning(name)) for name in model.outputs]
    return table(("name", "unit", "meaning"), rows)


def _routes(model: Model) -> str:
    rows = [(n, r.unit(model.time), _kind(r), ", ".join(_reached(model, r))) for n, r in model.routes.items()]
    return table(("name", "unit of a dose", "how it enters", "into"), rows)


def _kind(route: Route) -> str:
    if route.rate is not None:
        return "at a constant rate: every dose has a duration"
    return "added: at once, or as an infusion" if route.additive is not None else "a jump: at once"


def _reached(model: Model, route: Route) -> list[str]:
    rates = (*model.rates.items(), *model.terms.items())
    return [s.name for s in route.jumps] or [s.name for s, rate in rates if rate.has(route.rate)]


def _events(model: Model) -> str:
    rows = [(_text(e.when), ", ".join(f"{s.name} = {_text(v)}" for s, v in e.then.items())) for e in model.events]
    return table(("when", "sets"), rows)


def _running(model: Model) -> str:
    parts = ["The amounts are of a usual size, not a published regimen."] if model.routes else []
    parts.append(code(examples.snippet(model), "python"))
    line = examples.command(model)
    if line is not None:
        parts += ["Or on the command line:", code(line, "sh")]
    return "\n\n".join(parts)


def _text(expression: sympy.Basic) -> str:
    return str(sympy.sstr(expression, full_prec=False))
