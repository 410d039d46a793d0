"""Figures as files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError
from pkpd.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["save"]

# A date in the file would make two runs of one script differ.
_METADATA: dict[str, dict[str, Any]] = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}

# Text stays text in vector files, and an SVG's identifiers are the same every time.
_RC: Any = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "pkpd"}


def save(drawing: Axes | Figure | tuple[Axes, ...], path: str | os.PathLike[str], *, dpi: float = 300) -> Path:
    """Write a figure and close it.

    The file appears whole or not at all: it is written under another name beside `path` and
    then renamed.

    Parameters
    ----------
    drawing
        A figure, its axes, or the tuple of axes that `fit_overlay` returns.
    path
        Ends in ``.png``, ``.pdf`` or ``.svg``; its folder must exist.
    dpi
        Dots per inch of a PNG.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    DataError
        If the suffix is another one, or the folder does not exist.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    target = Path(path)
    kind = target.suffix.lower()
    if kind not in _METADATA:
        raise DataError(f"a figure is saved as .png, .pdf or .svg, not as {target.name!r}.")
    if not target.parent.is_dir():
        raise DataError(f"the folder {str(target.parent)!r} for the figure {target.name!r} does not exist.")
    if not isinstance(dpi, int | float) or not dpi > 0:
        raise DataError(f"dpi is {dpi!r}; expected more than 0 dots per inch.")
    figure = _figure(drawing)
    try:
        with mpl.rc_context(_RC):
            return write_atomically(
                target, lambda temporary: figure.savefig(temporary, dpi=dpi, metadata=_METADATA[kind])
            )
    finally:
        plt.close(figure)


def _figure(drawing: Any) -> Figure:
    from matplotlib.figure import Figure

    first = drawing[0] if isinstance(drawing, tuple | list | np.ndarray) and len(drawing) else drawing
    figure = first if isinstance(first, Figure) else getattr(first, "figure", None)
    if not isinstance(figure, Figure):
        raise DataError(f"save() got {drawing!r}; expected a matplotlib figure or its axes.")
    return figure
