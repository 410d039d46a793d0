"""What a notebook shows of a value: a title, tables, and text."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["shown", "text_block"]

_ROWS = 60  # of a table; the middle of a longer one is left out


def shown(title: str, *parts: pd.DataFrame | str) -> str:
    """HTML of a title, escaped, and of what stands below it: tables, and HTML as it is."""
    pieces = [f"<p><b>{html.escape(title)}</b></p>"]
    for part in parts:
        pieces.append(part if isinstance(part, str) else part.to_html(max_rows=_ROWS, na_rep="", float_format=_number))
    return "\n".join(pieces)


def text_block(summary: str, text: str) -> str:
    """Text as it is, folded under a summary."""
    return f"<details><summary>{html.escape(summary)}</summary><pre>{html.escape(text)}</pre></details>"


def _number(value: float) -> str:
    return f"{value:.5g}"
