"""Markdown: how a page writes a paragraph, lines of code, a table and a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["code", "escaped", "picture", "prose", "table"]


def prose(text: str) -> str:
    """A paragraph, its white space folded; one that begins like an item of a list is none."""
    return re.sub(r"^(\d*)([-+.)])(?= )", r"\1\\\2", escaped(" ".join(text.split())))


def code(text: str, language: str) -> str:
    """Lines that stay as they are; `language` is ``text``, ``python``, ``sh`` or ``math`` (LaTeX)."""
    return f"```{language}\n{text}\n```"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under the names of their columns; nothing where there are no rows."""
    cells = [[escaped(cell) for cell in row] for row in rows]
    if not cells:
        return ""
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, ["---"] * len(columns), *cells))


def picture(path: str, meaning: str) -> str:
    """A figure in the file `path`, beside the page."""
    return f"![{escaped(meaning)}]({path})"


def escaped(text: str) -> str:
    """Text in which nothing is read as markup, save for what stands between backticks.

    An underscore between letters (``k_RT``) is no markup.
    """
    pieces = re.split(r"(`[^`]*`)", text)
    markup = r"[\\*<>$|#\[\]]|(?<!\w)_|_(?!\w)"
    return "".join(piece if piece.startswith("`") else re.sub(markup, r"\\\g<0>", piece) for piece in pieces)
