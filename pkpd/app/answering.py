"""A request in, an answer out: what each kind of request asks of which room."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pkpd.app.describing import described, listed
from pkpd.app.exploring import Explorer
from pkpd.app.exporting import exported
from pkpd.app.frames import Frame
from pkpd.app.observed import observed
from pkpd.app.shelf import Shelf
from pkpd.version import __version__

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["Desk"]

FIRST = "kosinsky_2018"  # where no model is named: quick to prepare, with a drug and radiation


class Desk:
    """Answers requests; serves every page of this server.

    Parameters
    ----------
    own
        The model that the page begins with.
    """

    def __init__(self, own: Model | None = None) -> None:
        self.shelf = Shelf(own)
        self.explorer = Explorer(self.shelf)
        self._listed: list[dict[str, Any]] = []
        self._answers: dict[str, Callable[[Any], Frame]] = {
            "start": lambda ask: Frame({"start": self.shelf.start or FIRST, "version": __version__}),
            "catalog": lambda ask: self._catalog(),
            "describe": lambda ask: self._described(ask.model),
            "open": lambda ask: self._described(self.shelf.open(ask.text)),
            "courses": lambda ask: self.explorer.courses(ask.scene),
            "population": lambda ask: self.explorer.members(ask.scene, ask.population),
            "response": lambda ask: self.explorer.response(ask.scene, ask.response),
            "data": lambda ask: Frame(observed(self.shelf, ask.scene, ask.text)),
            "export": lambda ask: exported(self.explorer, ask),
        }

    def answer(self, ask: Any) -> Frame:
        """The answer to one request.

        Raises
        ------
        PkpdError
            If it asks for something that is not possible.
        """
        return self._answers[ask.kind](ask)

    def _catalog(self) -> Frame:
        self._listed = self._listed or listed()
        return Frame({"models": self._listed})

    def _described(self, reference: str) -> Frame:
        return Frame(described(self.shelf.model(reference), reference))
