"""Figures that no window shows: made without pyplot, so that a thread of a server can draw them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pkpd.figures.style import COLUMN, PANEL, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["off_screen"]

_DRAWING = threading.Lock()  # the settings of matplotlib are those of the process


@contextmanager
def off_screen(count: int) -> Iterator[tuple[Figure, list[Axes]]]:
    """A new figure of `count` panels, two in a row, in the house style; one at a time.

    Examples
    --------
    >>> with off_screen(3) as (figure, axes):
    ...     len(axes)
    3
    """
    from matplotlib.figure import Figure

    columns = min(count, 2)
    rows = -(-count // columns)
    size = COLUMN if count == 1 else (columns * PANEL[0], rows * PANEL[1])
    with _DRAWING, house_style():
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for spare in grid.flat[count:]:
            spare.remove()
        yield figure, list(grid.flat[:count])
