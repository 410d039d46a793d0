"""Figures as files."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError
from pkpd.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["drawn", "save"]

# A date in the file would make two runs of one script differ.
_METADATA: dict[str, dict[str, Any]] = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}

# Text stays text in vector files, and an SVG's identifiers are the same every time.
_RC: Any = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "pkpd"}


def save(drawing: Axes | Figure | Sequence[Axes | Figure], path: str | os.PathLike[str], *, dpi: float = 300) -> Path:
    """Write a figure, or several as the pages of a PDF, and close it.

    The file appears whole or not at all: it is written under another name beside `path` and
    then renamed.

    Parameters
    ----------
    drawing
        A figure, its axes, or the axes that `fit_overlay` returns; or a list of figures, such as the
        pages of `individual_fits`.
    path
        Ends in ``.png``, ``.pdf`` or ``.svg``, for several pages in ``.pdf``; its folder must exist.
    dpi
        Dots per inch of a PNG.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    DataError
        If the suffix is another one, cannot hold several pages, or the folder does not exist.

    Examples
    --------
    >>> import pkpd, tempfile
    >>> run = pkpd.simulate(pkpd.load("growth_logistic"), times=range(31))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(pkpd.time_course(run, "T"), f"{folder}/growth.pdf").name
    'growth.pdf'
    """
    import matplotlib.pyplot as plt

    target = Path(path)
    kind = target.suffix.lower()
    if kind not in _METADATA:
        raise DataError(f"a figure is saved as .png, .pdf or .svg, not as {target.name!r}.")
    if not target.parent.is_dir():
        raise DataError(f"the folder {str(target.parent)!r} for the figure {target.name!r} does not exist.")
    if not isinstance(dpi, int | float) or not dpi > 0:
        raise DataError(f"dpi is {dpi!r}; expected more than 0 dots per inch.")
    figures = _figures(drawing)
    if len(figures) > 1 and kind != ".pdf":
        raise DataError(
            f"{target.name!r} holds one figure, and there are {len(figures)}; save them as .pdf, or one by one."
        )
    try:
        return write_atomically(target, lambda temporary: _write(figures, temporary, kind, dpi))
    finally:
        for figure in figures:
            plt.close(figure)


def drawn(figure: Figure, kind: str, *, dpi: float = 200) -> bytes:
    """The bytes of a figure's file, ``".svg"`` or ``".png"``; the figure stays open."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context(_RC):
        figure.savefig(buffer, format=kind[1:], dpi=dpi, metadata=_METADATA[kind])
    return buffer.getvalue()


def _write(figures: Sequence[Figure], path: Path, kind: str, dpi: float) -> None:
    import matplotlib as mpl

    with mpl.rc_context(_RC):
        if len(figures) == 1:
            figures[0].savefig(path, dpi=dpi, metadata=_METADATA[kind])
            return
        from matplotlib.backends.backend_pdf import PdfPages

        with PdfPages(path, metadata=_METADATA[kind]) as pages:
            for figure in figures:
                pages.savefig(figure, dpi=dpi)


def _figures(drawing: Any) -> list[Figure]:
    """The figures of what is drawn, each once."""
    from matplotlib.figure import Figure

    parts = list(drawing) if isinstance(drawing, tuple | list | np.ndarray) else [drawing]
    figures = [part if isinstance(part, Figure) else getattr(part, "figure", None) for part in parts]
    if not figures or not all(isinstance(figure, Figure) for figure in figures):
        raise DataError(f"save() got {drawing!r}; expected a matplotlib figure or its axes.")
    return list(dict.fromkeys(figure for figure in figures if figure is not None))
