"""How a search goes on, on the terminal or told to a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from pkpd.arrays import Array
from pkpd.fitting.mixed.classes import Numbers
from pkpd.fitting.mixed.natural import natural
from pkpd.fitting.mixed.searching import Report

__all__ = ["Told", "reporter"]

Told = bool | Callable[[int, float, Mapping[str, float]], object] | None
"""True for the terminal; or called with the iteration, the objective (NaN where there is none) and the estimates."""


@contextmanager
def reporter(numbers: Numbers, progress: Told) -> Iterator[Report | None]:
    """What a search is to call at each iteration."""
    if not progress:
        yield None
        return
    if callable(progress):
        told = progress

        def tell(iteration: int, objective: float, u: Array) -> None:
            told(iteration, objective, _read(numbers, u))

        yield tell
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status("") as status:

        def show(iteration: int, objective: float, u: Array) -> None:
            values = "  ".join(f"{k} {v:.4g}" for k, v in _read(numbers, u).items())
            value = f"  objective {objective:.3f}" if np.isfinite(objective) else ""
            status.update(f"iteration {iteration}{value}  {values}")

        yield show


def _read(numbers: Numbers, u: Array) -> dict[str, float]:
    free = numbers.free
    values = natural(numbers, u)
    return {label: float(v) for label, v, f in zip(numbers.labels, values, free, strict=True) if f}
