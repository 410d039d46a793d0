"""What a peer is: how it is called, what it needs, and on which problems it makes sense."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case

__all__ = ["Job", "Load", "Peer", "Run"]

Array = NDArray[np.float64]
Run = Callable[[], Array]  # integrates, and gives (members, times, states)
Load = Callable[[int, float], Run]  # takes a number of members and an rtol; what it does is not timed


@dataclass(frozen=True)
class Peer:
    """One method of one package.

    Attributes
    ----------
    label, method
        As tables say them, and as the package does.
    module
        In `benchmarks.peers`; its ``prepare(case, method, threads)`` returns a `Load`.
    packages
        What it imports beyond pkpd's own dependencies.
    problems
        ``"not stiff"`` for explicit methods, ``"stiff"`` for implicit ones without an
        explicit mode, ``"any"`` for those that nobody has to choose.
    threads
        Whether it can use more than one.
    """

    label: str
    method: str
    module: str
    packages: tuple[str, ...] = ()
    problems: Literal["any", "not stiff", "stiff"] = "any"
    threads: bool = False

    @property
    def ours(self) -> bool:
        return self.module == "ours"

    def suits(self, case: Case) -> bool:
        return self.problems == "any" or (self.problems == "stiff") == case.stiff

    def missing(self) -> str | None:
        """The first package that is not installed."""
        for package in self.packages:
            try:
                spec = importlib.util.find_spec(package)
            except ModuleNotFoundError:
                spec = None
            if spec is None:
                return package
        return None

    def prepare(self, case: Case, threads: int) -> Load:
        load: Load = importlib.import_module(f"benchmarks.peers.{self.module}").prepare(case, self.method, threads)
        return load


@dataclass(frozen=True)
class Job:
    """A peer at work on the case of this name."""

    peer: Peer
    case: str
    threads: int = 1

    def __str__(self) -> str:
        return f"{self.peer.label} {self.peer.method}, {self.case}, {self.threads} thread{'s' * (self.threads > 1)}"
