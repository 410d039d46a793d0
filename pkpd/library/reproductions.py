"""Published results computed again: the numbers beside those in print."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

from pkpd.errors import unknown_name
from pkpd.notebook import shown

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
    """A published result as this library computes it; see `reproduce`.

    Parameters
    ----------
    claims
        The numbers in print and ours.
    panels
        Each draws one panel on matplotlib axes; `reproduction_figure` joins them.
    """

    claims: tuple[Claim, ...]
    panels: tuple[Callable[[Any], None], ...]

    def _repr_html_(self) -> str:
        """Each number in print beside the one computed here."""
        import pandas as pd

        rows = [(c.what, _told(c.published), _told(c.found), "yes" if c.holds else "no", c.where) for c in self.claims]
        columns = ["quantity", "published", "computed", "agrees", "where"]
        return shown(f"{len(rows)} published results", pd.DataFrame(rows, columns=columns).set_index("quantity"))


def _told(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


@lru_cache(maxsize=1)
def reproduced() -> tuple[str, ...]:
    """The names of the models with a published result that is computed again."""
    package = importlib.import_module("pkpd.fits.reproductions")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__)))


def described(name: str) -> str:
    """Which published result of a model is computed again, and from which source, in words."""
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
        ``claims`` with the numbers in print and ours, and the panels of a figure; see `reproduction_figure`.

    Raises
    ------
    UnknownNameError
        If there is no reproduction for a model of this name; the message lists those there are.

    Examples
    --------
    >>> all(claim.holds for claim in reproduce("growth_gompertz").claims)
    True
    """
    computed: Reproduction = _module(name).reproduction()
    return computed


def _module(name: str) -> ModuleType:
    if name not in reproduced():
        raise unknown_name("fits/reproductions", "reproduction of", str(name), reproduced())
    return importlib.import_module(f"pkpd.fits.reproductions.{name}")
