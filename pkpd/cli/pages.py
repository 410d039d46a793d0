"""`pkpd show` and `pkpd page`: the page of a model, on the terminal and in files."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pkpd.cli.tables import print_table

if TYPE_CHECKING:
    from pkpd.symbolic.pages import Block, Page

__all__ = ["print_page", "write_pages"]


def print_page(page: Page) -> None:
    """Print a page to stdout, without the LaTeX of its equations."""
    from pkpd.symbolic.pages import Code

    typer.echo(f"{page.title}\n{page.name}")
    for section in page.sections:
        typer.secho(f"\n{section.title}", bold=True)
        for block in section.blocks:
            if not (isinstance(block, Code) and block.language == "math"):
                typer.echo()
                _print_block(block)


def _print_block(block: Block) -> None:
    from pkpd.symbolic.pages import Code, Table

    if isinstance(block, Table):
        print_table(block.columns, block.rows)
    elif isinstance(block, Code):
        typer.echo(textwrap.indent(block.text, "    "))
    else:
        typer.echo(textwrap.fill(block.text, 100, break_long_words=False, break_on_hyphens=False))


def write_pages(names: Iterable[str], folder: Path, *, index: bool) -> Iterator[Path]:
    """Write the page of each model to ``folder/NAME.md``, and an `index` of them to ``folder/index.md``."""
    from pkpd.storage import write_atomically
    from pkpd.symbolic.pages import index_of, page

    folder.mkdir(parents=True, exist_ok=True)

    def written(name: str, text: str) -> Path:
        return write_atomically(folder / f"{name}.md", lambda path: path.write_text(text, encoding="utf-8"))

    made = []
    for name in names:
        made.append(page(name))
        yield written(name, made[-1].markdown())
    if index:
        yield written("index", index_of(made))
