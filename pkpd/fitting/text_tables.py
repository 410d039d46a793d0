"""Numbers and columns as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

__all__ = ["number", "table"]


def number(value: float, digits: int = 4) -> str:
    """A number, a dash where there is none."""
    return f"{value:.{digits}g}" if np.isfinite(value) else "-"


def table(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Columns under each other, the first `left` of them flush left."""
    return "\n".join(_lines(rows, left))


def _lines(rows: Sequence[Sequence[str]], left: int) -> Iterator[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        yield ("  " + "  ".join(cells)).rstrip()
