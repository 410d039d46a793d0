"""The figure of a published result computed again."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from pkpd.figures import labels
from pkpd.figures.style import grid_canvas
from pkpd.library import reproductions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Reproduction", "reproduction_figure"]


def reproduction_figure(reproduction: reproductions.Reproduction) -> Figure:
    """The panels of a reproduction, two in a row, lettered where there are several.

    Parameters
    ----------
    reproduction
        As `reproduce` returns it.

    Examples
    --------
    >>> import pkpd
    >>> figure = reproduction_figure(pkpd.reproduce("growth_gompertz"))
    >>> len(figure.axes)
    2
    """
    panels = reproduction.panels
    with grid_canvas(len(panels)) as (figure, axes):
        for letter, ax, paint in zip("ABCDEFGH", axes, panels, strict=False):
            paint(ax)
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_label_text(labels.sentence(axis.get_label_text()))
            if len(panels) > 1:
                ax.set_title(letter, loc="left", fontweight="bold", fontsize=9)
    return figure


class Reproduction(reproductions.Reproduction):
    __doc__ = reproductions.Reproduction.__doc__

    def figure(self) -> Figure:
        """Use `reproduction_figure` instead; this method goes with 0.3."""
        warnings.warn(
            "Reproduction.figure() is now reproduction_figure(reproduction).", DeprecationWarning, stacklevel=2
        )
        return reproduction_figure(self)
