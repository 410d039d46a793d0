"""Tables and Markdown on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.console import Console
from rich.constrain import Constrain
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement, Paragraph, TableElement
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderResult

__all__ = ["print_markdown", "print_table"]

_LINE = 100  # letters of a line of prose


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    widest: int | None = None,
    limits: Mapping[str, int] | None = None,
) -> None:
    """Print rows under the names of their columns; long cells are folded, never cut.

    Lines are `widest` at most, and the columns of `limits` no wider than that.
    """
    console = _console()
    width = None if widest is None else min(widest, console.width)
    table = _table(map(str, columns), ([Text(str(cell)) for cell in row] for row in rows))
    for column, name in zip(table.columns, columns, strict=True):
        column.max_width = (limits or {}).get(name)
    console.print(table, width=width)


def print_markdown(text: str) -> None:
    """Print Markdown without its LaTeX; code stays as it is, so that it can be copied and run."""
    _console().print(_Page(text))


def _console() -> Console:
    console = Console(highlight=False)
    # A pipe has no width: let no line be cut there.
    return console if console.is_terminal else Console(width=240, highlight=False)


def _table(columns: Iterable[str], rows: Iterable[Sequence[Text]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


class _Heading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.text.plain, style="bold")


class _Prose(Paragraph):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Constrain(self.text, _LINE)


class _Code(CodeBlock):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.lexer_name != "math":
            yield Text(textwrap.indent(str(self.text).rstrip(), "    "), no_wrap=True, overflow="ignore")


class _Rows(TableElement):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [] if self.header is None or self.header.row is None else self.header.row.cells
        rows = [] if self.body is None else self.body.rows
        yield _table((cell.content.plain for cell in names), ([cell.content for cell in row.cells] for row in rows))


class _Page(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "paragraph_open": _Prose,
        "fence": _Code,
        "table_open": _Rows,
    }
