"""The house style: sizes, fonts and colors, kept inside a context and never set globally."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "APART_IN_GRAY",
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
    "dress",
    "grid_canvas",
    "house_style",
    "note",
    "ordered_colors",
    "ordered_map",
    "paired_canvas",
]

COLUMN = (3.4, 2.6)  # inches; the width of a column in most journals
PAIR = (3.4, 3.4)
PANEL = (3.2, 2.4)  # one of several

# Okabe M, Ito K. Color universal design (2008), without the yellow, which is faint on white.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
BLUE, RED, BLACK, GRAY, PALE = "#0072B2", "#D55E00", "#000000", "#6e6e6e", "#bdbdbd"
APART_IN_GRAY = tuple(OKABE_ITO[i] for i in (0, 4, 6, 2, 3, 1, 5))  # the same, neighbors of different luminance
_NOTE = 48  # letters that fit on one line above a column's axes
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def _read_style() -> dict[str, Any]:
    """The settings of the style sheet, as text, which matplotlib checks when they are set."""
    text = Path(__file__).with_name("house.mplstyle").read_text(encoding="utf-8")
    pairs = (line.split(":", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


STYLE: Any = _read_style()  # matplotlib's own type of a style lists every key


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
    """The style of pkpd's figures, for whatever is drawn within it.

    Axes to be passed as ``ax=`` are best made within it.  As a style sheet it is
    ``plt.style.use("pkpd.figures.house")``.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> with house_style():
    ...     figure, axes = plt.subplots()
    >>> axes.spines["top"].get_visible()
    False
    >>> plt.close(figure)
    """
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        yield


def dress(ax: Axes) -> None:
    """Give axes that were made outside `house_style` its spines, ticks and letters, and room for their labels."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for spine in ax.spines.values():
        spine.set_linewidth(float(STYLE["axes.linewidth"]))
    ax.tick_params(labelsize=float(STYLE["xtick.labelsize"]), width=float(STYLE["xtick.major.width"]))
    for text in (ax.xaxis.label, ax.yaxis.label):
        text.set_fontsize(float(STYLE["axes.labelsize"]))
    ax.set_axisbelow(True)
    figure: Any = ax.figure
    if hasattr(figure, "set_layout_engine") and figure.get_layout_engine() is None and _untouched(figure):
        figure.set_layout_engine("constrained")


def _untouched(figure: Any) -> bool:
    """Whether nobody has set the margins by hand."""
    import matplotlib as mpl

    settings: Any = mpl.rcParams
    margins = ("left", "right", "bottom", "top", "wspace", "hspace")
    return all(getattr(figure.subplotpars, m) == settings[f"figure.subplot.{m}"] for m in margins)


@contextmanager
def _canvas(existing: Any, make: Callable[[Any], tuple[Figure, Any]]) -> Iterator[Any]:
    with house_style():
        if existing is not None:
            for ax in np.atleast_1d(np.asarray(existing, dtype=object)).flat:
                if hasattr(ax, "spines"):
                    dress(ax)
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
