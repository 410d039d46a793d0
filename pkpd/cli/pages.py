"""`pkpd show` and `pkpd page`: the page of a model, on the terminal and in files."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pkpd.cli.tables import print_table

if TYPE_CHECKING:
    from pkpd.figures.reproductions import Claim
    from pkpd.library.pages import Block, Page, Section, Table

__all__ = ["print_page", "write_pages"]

RUNNING = "How to run it"
KNOWN = "A known result, computed again"


def print_page(name: str) -> None:
    """Print the page of a model to stdout, without the LaTeX of its equations."""
    from pkpd.library.pages import Code, Prose, page

    found = page(name)
    if (again := _published(name)) is not None:
        told = Prose(f"`pkpd page {name}` computes it and draws the figure.")
        found = found.joined(_with(again, told), before=RUNNING)
    typer.echo(f"{found.title}\n{found.name}")
    for section in found.sections:
        typer.secho(f"\n{section.title}", bold=True)
        for block in section.blocks:
            if not (isinstance(block, Code) and block.language == "math"):
                typer.echo()
                _print_block(block)


def _print_block(block: Block) -> None:
    from pkpd.library.pages import Code, Picture, Table

    if isinstance(block, Table):
        print_table(block.columns, block.rows)
    elif isinstance(block, Code):
        typer.echo(textwrap.indent(block.text, "    "))
    elif not isinstance(block, Picture):
        typer.echo(textwrap.fill(block.text, 100, break_long_words=False, break_on_hyphens=False))


def write_pages(names: Iterable[str], folder: Path, *, index: bool) -> Iterator[Path]:
    """Write ``NAME.md`` and its figure ``NAME.png`` for each model, and an `index`, ``index.md``."""
    from pkpd.figures.saving import save
    from pkpd.library.pages import index_of
    from pkpd.storage import write_atomically

    folder.mkdir(parents=True, exist_ok=True)

    def written(name: str, text: str) -> Path:
        return write_atomically(folder / f"{name}.md", lambda path: path.write_text(text, encoding="utf-8"))

    made = []
    for name in names:
        found, figure = _illustrated(name)
        if figure is not None:
            yield save(figure, folder / f"{name}.png")
        made.append(found)
        yield written(name, found.markdown())
    if index:
        yield written("index", index_of(made))


def _illustrated(name: str) -> tuple[Page, Any]:
    """The page of a model and its figure: of a published result where there is one, otherwise of how it runs."""
    from pkpd.figures.examples import example
    from pkpd.figures.reproductions import reproduce
    from pkpd.library.pages import Picture, page

    found = page(name)
    picture = Picture(f"{name}.png", f"{name}")
    if (section := _published(name)) is not None:
        again = reproduce(name)
        return found.joined(_with(section, picture, _claims(again.claims)), before=RUNNING), again.figure()
    figure = example(name)
    if figure is not None:
        (running,) = (s for s in found.sections if s.title == RUNNING)
        sections = tuple(_with(s, picture) if s is running else s for s in found.sections)
        found = type(found)(found.name, found.title, sections)
    return found, figure


def _published(name: str) -> Section | None:
    """What is computed again of a model, in words."""
    from pkpd.figures.reproductions import described, reproduced
    from pkpd.library.pages import Prose, Section

    if name not in reproduced():
        return None
    paragraphs = re.split(r"\n\s*\n", described(name))
    return Section(KNOWN, tuple(Prose(" ".join(p.split())) for p in paragraphs))


def _with(section: Section, *blocks: Block) -> Section:
    return type(section)(section.title, (*section.blocks, *blocks))


def _claims(claims: Iterable[Claim]) -> Table:
    from pkpd.library.pages import Table

    rows = tuple((c.what, _said(c.published), _said(c.found), c.where) for c in claims)
    return Table(("quantity", "known", "here", "where"), rows)


def _said(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
