"""Figures that no window shows: made without pyplot, so that a thread of a server can draw them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pkpd.figures.style import COLUMN, PANEL, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["off_screen", "share_legend"]

WIDE = (4.2, 3.0)  # a panel with a bar of colors beside it

_DRAWING = threading.Lock()  # the settings of matplotlib are those of the process


@contextmanager
def off_screen(count: int, *, panel: tuple[float, float] | None = None) -> Iterator[tuple[Figure, list[Axes]]]:
    """A new figure of `count` panels, of `panel` inches each, two in a row, in the house style; one at a time.

    Examples
    --------
    >>> with off_screen(3) as (figure, axes):
    ...     len(axes)
    3
    """
    from matplotlib.figure import Figure

    columns = min(count, 2)
    rows = -(-count // columns)
    width, height = panel or (COLUMN if count == 1 else PANEL)
    with _DRAWING, house_style():
        figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for spare in grid.flat[count:]:
            spare.remove()
        yield figure, list(grid.flat[:count])


def share_legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """The legend that panels repeat, once and below them; nothing for a single panel."""
    legends = [legend for ax in axes if (legend := ax.get_legend()) is not None]
    if len(axes) < 2 or not legends:
        return
    handles: Any = legends[0].legend_handles
    texts = [text.get_text() for text in legends[0].get_texts()]
    for legend in legends:
        legend.remove()
    figure.legend(handles, texts, loc="outside lower center", ncols=min(3, len(texts)))
