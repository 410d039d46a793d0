"""Published results computed again: numbers beside those in print, and the figure."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

from pkpd.errors import unknown_name
from pkpd.figures.style import grid_canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Claim", "Reproduction", "described", "reproduce", "reproduced"]


@dataclass(frozen=True)
class Claim:
    """A number or a word that a source gives, beside what the model gives here.

    Parameters
    ----------
    what
        The quantity, with its unit.
    published
        As the source has it; a word stands for a sentence of it, and what counts as that is decided here.
    found
        As computed here.
    where
        The place in the source: a table, a figure, a sentence, a public file.  A closed form follows from the
        equations and is not in print; an input is read back, which checks the code and not the model.
    within
        The relative error up to which the two agree: that of rounding in print, or of reading a figure.
    """

    what: str
    published: float | str
    found: float | str
    where: str
    within: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the two agree."""
        if isinstance(self.published, str) or isinstance(self.found, str):
            return self.published == self.found
        return abs(self.found - self.published) <= self.within * abs(self.published)


@dataclass(frozen=True)
class Reproduction:
    """What a published result comes to here; see `reproduce`.

    Parameters
    ----------
    claims
        The numbers in print and ours.
    panels
        Each draws on the axes it is given.
    """

    claims: tuple[Claim, ...]
    panels: tuple[Callable[[Axes], None], ...]

    def figure(self) -> Figure:
        """The panels, two in a row, lettered where there are several."""
        many = len(self.panels) > 1
        with grid_canvas(len(self.panels)) as (figure, axes):
            for letter, ax, paint in zip("ABCDEFGH", axes, self.panels, strict=False):
                paint(ax)
                if many:
                    ax.set_title(letter, loc="left", fontweight="bold", fontsize=9)
        return figure


@lru_cache(maxsize=1)
def reproduced() -> tuple[str, ...]:
    """The models of which a published result is computed again, by name."""
    package = importlib.import_module("pkpd.fits.reproductions")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__)))


def described(name: str) -> str:
    """What is computed again of a model, and from which source; as `reproduce`, without computing it."""
    return inspect.cleandoc(_module(name).__doc__ or "")


def reproduce(name: str) -> Reproduction:
    """Compute a published result of a model of the library again.

    Parameters
    ----------
    name
        The model; ``fits/reproductions/NAME.py`` does it.

    Returns
    -------
    Reproduction
        ``claims`` with the numbers in print and ours, and ``figure()``.

    Raises
    ------
    UnknownNameError
        If no published result of such a model is computed; the message lists those that are.
    """
    found: Reproduction = _module(name).reproduction()
    return found


def _module(name: str) -> ModuleType:
    if name not in reproduced():
        raise unknown_name("fits/reproductions", "reproduction of", str(name), reproduced())
    return importlib.import_module(f"pkpd.fits.reproductions.{name}")
