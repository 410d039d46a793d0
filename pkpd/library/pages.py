"""The page of a model: all that is to be said of it, once, for the terminal and for Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sympy

from pkpd.library import examples
from pkpd.library.lint import lint
from pkpd.library.probing import start_value
from pkpd.symbolic import writing
from pkpd.symbolic.model import require_model
from pkpd.symbolic.symbols import Given, Parameter

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model, Route

__all__ = ["Block", "Code", "Page", "Picture", "Prose", "Section", "Table", "index_of", "page"]


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Lines shown as they are; `language` is ``text``, ``python``, ``sh`` or ``math`` (LaTeX)."""

    text: str
    language: str


@dataclass(frozen=True)
class Table:
    """Rows of text under the names of their columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A figure in the file `path`, beside the page."""

    path: str
    meaning: str


Block = Prose | Code | Table | Picture


@dataclass(frozen=True)
class Section:
    """A title and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """The page of a model; see `page`."""

    name: str
    title: str
    sections: tuple[Section, ...]

    def joined(self, section: Section, before: str) -> Page:
        """This page with a further section before the one titled `before`, or at the end."""
        titles = [s.title for s in self.sections]
        at = titles.index(before) if before in titles else len(titles)
        return replace(self, sections=(*self.sections[:at], section, *self.sections[at:]))

    def markdown(self) -> str:
        """The page as Markdown, its equations also as LaTeX."""
        parts = [f"# {_escaped(self.title)}", f"`{self.name}`"]
        for section in self.sections:
            parts += [f"## {section.title}", *map(_as_markdown, section.blocks)]
        return "\n\n".join(parts) + "\n"


def page(model: Model | str) -> Page:
    """All that is to be said of a model.

    Parameters
    ----------
    model
        The name of a model in the library, or a model.  How to run it is said of models of
        the library only.

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
    """
    from pkpd.library.catalog import load

    found = load(model) if isinstance(model, str) else require_model(model, "page")
    findings = lint(model)
    sections = [
        *_words(found),
        Section("Equations", (Code("\n".join(writing.equation_lines(found, folded=True)), "text"), _tex(found))),
        _section("States", _states(found)),
        _section("Parameters", _parameters(found)),
        _section("Outputs", _outputs(found)),
        _section("Routes", _routes(found)),
        _section("Events", _events(found)),
        *([_running(found)] if isinstance(model, str) else []),
        Section("Lint", tuple(Prose(str(f)) for f in findings) or (Prose("No findings."),)),
        Section("Identity", (Prose(f"SHA-256 {found.hash}"),)),
    ]
    return Page(found.name, found.title, tuple(s for s in sections if s.blocks))


def index_of(pages: Iterable[Page]) -> str:
    """A list of pages as Markdown, each linked as ``NAME.md``."""
    lines = [f"- [{found.name}]({found.name}.md): {_escaped(found.title)}" for found in pages]
    return "\n".join(["# Models", "", *lines]) + "\n"


# ---- the sections


def _words(model: Model) -> Iterator[Section]:
    """The description in three: what it is, its source, and what comes after (changes, defects, validity)."""
    paragraphs = re.split(r"\n\s*\n", model.description.strip("\n"))[1:]
    source = next((i for i, p in enumerate(paragraphs) if p.startswith("Source:")), len(paragraphs))
    yield Section("Description", tuple(_paragraph(p) for p in paragraphs[:source]))
    yield Section("Source", tuple(_paragraph(p.removeprefix("Source:")) for p in paragraphs[source : source + 1]))
    yield Section("Changes, defects and validity", tuple(_paragraph(p) for p in paragraphs[source + 1 :]))


def _paragraph(text: str) -> Block:
    """Indented lines are equations, and stay as they are."""
    lines = text.rstrip().splitlines()
    if all(line.startswith("    ") for line in lines if line.strip()):
        return Code("\n".join(line[4:] for line in lines), "text")
    return Prose(" ".join(text.split()))


def _tex(model: Model) -> Code:
    return Code(writing.latex(model, folded=True).strip("$").replace(r" \\ ", " \\\\\n"), "math")


def _section(title: str, table: Table) -> Section:
    return Section(title, (table,) if table.rows else ())


def _states(model: Model) -> Table:
    rows = []
    for s in model.states:
        open_start = any(g.default is None for g in s.start.atoms(Given))
        rows.append((s.name, s.unit, s.meaning, _text(s.start), "" if open_start else f"{start_value(s):.4g}"))
    return Table(("name", "unit", "meaning", "start", "at the defaults"), tuple(rows))


def _parameters(model: Model) -> Table:
    columns = ("name", "value", "unit", "meaning", "bounds", "omega", "source", "alternatives")
    rows = [_parameter(s) for s in model.settable]
    # A column in which no parameter has anything to say is left out.
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    return Table(tuple(columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows))


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


def _outputs(model: Model) -> Table:
    rows = tuple((name, model.units[name], model.meaning(name)) for name in model.outputs)
    return Table(("name", "unit", "meaning"), rows)


def _routes(model: Model) -> Table:
    rows = tuple((n, r.unit(model.time), _kind(r), ", ".join(_reached(model, r))) for n, r in model.routes.items())
    return Table(("name", "unit of a dose", "how it enters", "into"), rows)


def _kind(route: Route) -> str:
    if route.rate is not None:
        return "at a constant rate: every dose has a duration"
    return "added: at once, or as an infusion" if route.additive is not None else "a jump: at once"


def _reached(model: Model, route: Route) -> list[str]:
    rates = (*model.rates.items(), *model.terms.items())
    return [s.name for s in route.jumps] or [s.name for s, rate in rates if rate.has(route.rate)]


def _events(model: Model) -> Table:
    rows = tuple((_text(e.when), ", ".join(f"{s.name} = {_text(v)}" for s, v in e.then.items())) for e in model.events)
    return Table(("when", "sets"), rows)


def _running(model: Model) -> Section:
    blocks: list[Block] = [Code(examples.snippet(model), "python")]
    if model.routes:
        blocks.insert(0, Prose("The amounts are of a usual size, not a published regimen."))
    line = examples.command(model)
    if line is not None:
        blocks += [Prose("Or on the command line:"), Code(line, "sh")]
    return Section("How to run it", tuple(blocks))


def _text(expression: sympy.Basic) -> str:
    return str(sympy.sstr(expression, full_prec=False))


# ---- Markdown


def _as_markdown(block: Block) -> str:
    if isinstance(block, Prose):
        return _escaped(block.text)
    if isinstance(block, Code):
        return f"```{block.language}\n{block.text}\n```"
    if isinstance(block, Picture):
        return f"![{_escaped(block.meaning)}]({block.path})"
    rule = ["---"] * len(block.columns)
    rows = [[_escaped(cell) for cell in row] for row in (block.columns, *block.rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], rule, *rows[1:]))


def _escaped(text: str) -> str:
    """Text in which nothing is read as markup, save for what stands between backticks.

    An underscore between letters (``k_RT``) is no markup.
    """
    pieces = re.split(r"(`[^`]*`)", text)
    markup = r"[\\*<>$|#\[\]]|(?<!\w)_|_(?!\w)"
    return "".join(p if p.startswith("`") else re.sub(markup, r"\\\g<0>", p) for p in pieces)
