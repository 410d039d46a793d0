"""Values and axes as typed after an option."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble, grid
from pkpd.errors import ParameterError

__all__ = ["distinct", "parse_assignment", "parse_axes"]

T = TypeVar("T")


def parse_assignment(text: str) -> tuple[str, str]:
    """Read ``NAME=VALUE``.

    Raises
    ------
    ParameterError
        If there is no name or no value.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise ParameterError(f"{text!r} is not understood; expected NAME=VALUE, such as CL=0.3 or KD='0.4 nM'.")
    return name, value


def distinct(pairs: Iterable[tuple[str, T]], option: str) -> dict[str, T]:
    """The values of a repeatable option by name.

    Raises
    ------
    ParameterError
        If a name occurs twice.
    """
    values: dict[str, T] = {}
    for name, value in pairs:
        if name in values:
            raise ParameterError(f"{option} gives {name!r} twice.")
        values[name] = value
    return values


def parse_axes(texts: list[str]) -> Ensemble:
    """Read axes ``NAME=1,2,5``, ``NAME=FROM:TO:COUNT`` or ``NAME=FROM:TO:COUNT:log`` into a grid.

    Raises
    ------
    ParameterError
        If a text is none of these, or an axis is named twice.
    """
    axes: dict[str, Any] = {}
    for text in texts:
        name, value = parse_assignment(text)
        if name in axes:
            raise ParameterError(f"the axis {name!r} is given twice.")
        axes[name] = _axis(name, value)
    return grid(**axes)


def _axis(name: str, text: str) -> Array:
    parts = text.split(":")
    logarithmic = len(parts) == 4 and parts[3] == "log"
    try:
        if len(parts) == 1:
            return np.array([float(x) for x in text.split(",")])
        first, last, count = float(parts[0]), float(parts[1]), int(parts[2])
        if len(parts) > 3 and not logarithmic:
            raise ValueError(parts[3])
    except (ValueError, IndexError):
        raise ParameterError(
            f"the axis {name!r} is {text!r}; expected numbers as 1,2,5, or FROM:TO:COUNT as 0.1:1:20, "
            "with :log at the end for even spacing on a log scale."
        ) from None
    if not (1 <= count <= 10**7 and math.isfinite(first) and math.isfinite(last)):
        raise ParameterError(f"the axis {name!r} is {text!r}; expected finite ends, and 1 to 10 million points.")
    if logarithmic and min(first, last) <= 0:
        raise ParameterError(f"the axis {name!r} is {text!r}; expected ends above 0 with :log.")
    return np.geomspace(first, last, count) if logarithmic else np.linspace(first, last, count)
