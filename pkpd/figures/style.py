"""The house style: sizes, fonts and colors, kept inside a context and never set globally."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLACK",
    "BLUE",
    "COLUMN",
    "GRAY",
    "MARKERS",
    "OKABE_ITO",
    "PALE",
    "RED",
    "STYLE",
    "canvas",
    "grid_canvas",
    "house_style",
    "note",
    "ordered_colors",
    "ordered_map",
    "paired_canvas",
]

COLUMN = (3.5, 2.6)  # inches; 3.5 is the width of a column in most journals
PAIR = (3.5, 3.4)
PANEL = (3.2, 2.4)  # one of several

# Okabe M, Ito K. Color universal design (2008), without the yellow, which is faint on white.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
BLUE, RED, BLACK, GRAY, PALE = "#0072B2", "#D55E00", "#000000", "#6e6e6e", "#bdbdbd"
_NOTE = 48  # letters that fit on one line above a column's axes
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

STYLE: Any = {  # matplotlib's own type of a style lists every key
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans"],
    "font.size": 8,
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": 8,
    "axes.titlesize": 7,
    "axes.titlepad": 4,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.limits": (-3, 5),
    "axes.formatter.use_mathtext": True,
    "axes.axisbelow": True,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "figure.dpi": 150,
    "figure.constrained_layout.use": True,
}


@contextmanager
def canvas(ax: Axes | None, size: tuple[float, float] = COLUMN) -> Iterator[Axes]:
    """The axes to draw on, under the house style: those given, or those of a new figure.

    A figure made here is closed again when what is drawn on it fails.
    """
    with _canvas(ax, lambda plt: plt.subplots(figsize=size)) as axes:
        yield axes


@contextmanager
def paired_canvas(ax: tuple[Axes, Axes] | None) -> Iterator[tuple[Axes, Axes]]:
    """As `canvas`: a large panel and a small one below it that share their horizontal axis."""
    if ax is not None and (not isinstance(ax, tuple | list | np.ndarray) or len(ax) != 2):
        raise DataError(f"ax is {ax!r}; expected two axes, one above the other.")
    ratios = {"height_ratios": [3, 1]}
    with _canvas(ax, lambda plt: plt.subplots(2, 1, figsize=PAIR, sharex=True, gridspec_kw=ratios)) as axes:
        yield axes[0], axes[1]


@contextmanager
def grid_canvas(count: int) -> Iterator[tuple[Figure, list[Axes]]]:
    """As `canvas`: a new figure of `count` panels, two in a row."""
    columns = min(count, 2)
    rows = -(-count // columns)
    size = COLUMN if count == 1 else (columns * PANEL[0], rows * PANEL[1])
    with _canvas(None, lambda plt: plt.subplots(rows, columns, figsize=size, squeeze=False)) as axes:
        for spare in axes.flat[count:]:
            spare.remove()
        yield axes.flat[0].figure, list(axes.flat[:count])


@contextmanager
def house_style() -> Iterator[None]:
    """The house style for whatever is drawn within it."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        yield


@contextmanager
def _canvas(existing: Any, make: Callable[[Any], tuple[Figure, Any]]) -> Iterator[Any]:
    with house_style():
        if existing is not None:
            yield existing
            return
        import matplotlib.pyplot as plt

        figure, axes = make(plt)
        try:
            yield axes
        except BaseException:
            plt.close(figure)
            raise


def ordered_map() -> Any:
    """The color map of ordered values, dark to light without the faintest yellow."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    return ListedColormap(mpl.colormaps["viridis"](np.linspace(0, 0.85, 256)), "pkpd_ordered")


def ordered_colors(shares: Any) -> list[Any]:
    """Colors for shares of a range, from 0 to 1; told apart in gray and by the color-blind."""
    return [tuple(color) for color in ordered_map()(np.asarray(shares, dtype=float))]


def note(ax: Axes, *sentences: str, pad: float = 4) -> None:
    """What a reader must know about the data, in small gray letters above the axes."""
    stated = [s for s in sentences if s]
    if stated:
        joined = "; ".join(stated)
        text = joined if len(joined) <= _NOTE else "\n".join(stated)
        ax.set_title(text, loc="left", color=GRAY, fontsize=7, pad=pad)
