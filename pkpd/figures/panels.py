"""Many small panels on pages that can be printed."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pkpd.figures.style import BLACK, COLUMN, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PAGE_PANELS", "WIDTH", "Sheet", "each_page", "pages", "panel_title", "sheet"]

PAGE_PANELS = 24  # on a page: 4 in a row, 6 rows
WIDTH = 7.0  # inches of a page between its margins
_HEIGHT = 1.38  # of a panel on a full page
_LOOSE = {1: COLUMN, 2: (6.4, 2.4), 3: (WIDTH, 2.2), 4: (6.4, 4.4), 5: (WIDTH, 3.9), 6: (WIDTH, 3.9)}

T = TypeVar("T")


@dataclass(frozen=True)
class Sheet:
    """A figure of panels, row by row, and the one below them where there is one."""

    figure: Figure
    axes: list[Axes]
    below: Axes | None


def pages(things: Sequence[T], most: int = PAGE_PANELS) -> list[Sequence[T]]:
    """`things` in their order, on as few pages as hold `most` each, with about as many on each."""
    count = -(-len(things) // most)
    size = -(-len(things) // count) if count else 0
    return [things[i * size : (i + 1) * size] for i in range(count)]


@contextmanager
def sheet(count: int, *, shared: bool = True, below: bool = False) -> Iterator[Sheet]:
    """A new figure of `count` panels, under the house style; closed again when what is drawn on it fails.

    Parameters
    ----------
    count
        How many panels.
    shared
        Whether they have their axes in common; the inner ones then have no numbers.
    below
        Whether a flat panel as wide as all of them follows.
    """
    columns = _columns(count)
    rows = -(-count // columns)
    width, height = _LOOSE.get(count, (WIDTH, 0.5 + _HEIGHT * rows))
    with house_style():
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(width, height + (1.3 if below else 0)))
        try:
            yield _laid_out(figure, count, columns, shared, below)
        except BaseException:
            plt.close(figure)
            raise


def _columns(count: int) -> int:
    return {1: 1, 2: 2, 3: 3, 4: 2}.get(count, 3 if count <= 9 else 4)


def _laid_out(figure: Figure, count: int, columns: int, shared: bool, below: bool) -> Sheet:
    rows = -(-count // columns)
    heights = [1.0] * rows + [0.8] * below
    cells = figure.add_gridspec(rows + below, columns, height_ratios=heights)
    axes: list[Axes] = []
    for i in range(count):
        first: dict[str, Any] = {"sharex": axes[0], "sharey": axes[0]} if axes and shared else {}
        axes.append(figure.add_subplot(cells[i // columns, i % columns], **first))
    if shared:
        for i, ax in enumerate(axes):
            ax.tick_params(which="both", labelleft=i % columns == 0, labelbottom=i + columns >= count)
    return Sheet(figure, axes, figure.add_subplot(cells[rows, :]) if below else None)


def panel_title(ax: Axes, text: str, *, letters: int = 30, color: str = BLACK) -> None:
    """What a panel shows, small and above it, in two lines at most."""
    lines = textwrap.wrap(text, letters, max_lines=2, placeholder=" …") or [""]
    ax.set_title("\n".join(lines), loc="left", fontsize=6.5, pad=2.5, color=color)


def each_page(things: Sequence[T], draw: Callable[[Sequence[T]], Figure]) -> list[Figure]:
    """A figure for each page of `things`; none stays open when one fails."""
    figures: list[Figure] = []
    try:
        for page in pages(things):
            figures.append(draw(page))
    except BaseException:
        import matplotlib.pyplot as plt

        for figure in figures:
            plt.close(figure)
        raise
    return figures
