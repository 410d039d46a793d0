"""What is typed after an option: doses, times, values and axes, read by small grammars of our own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import Ensemble, grid
from pkpd.errors import ParameterError, RegimenError, SimulationError
from pkpd.treatment.regimens import Regimen, bolus, infusion

__all__ = ["distinct", "parse_assignment", "parse_axes", "parse_dose", "parse_numbers", "parse_regimen"]

T = TypeVar("T")

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_DOSE = re.compile(
    rf"\s*(?P<amount>{_NUMBER}\s*\S*?)\s+(?P<route>[A-Za-z]\w*)"
    rf"(?:\s+at\s+(?P<at>{_NUMBER}(?:\s*,\s*{_NUMBER})*))?"
    rf"(?:\s+over\s+(?P<over>{_NUMBER}(?:\s*(?!every\b)[A-Za-z]+)?))?"
    rf"(?:\s+every\s+(?P<every>{_NUMBER})\s*x\s*(?P<n>\d+))?\s*"
)
_DOSE_EXAMPLE = "'1500 mg iv over 1 h every 28 x 13' or '2 Gy radiation at 7,8,9'"


def parse_dose(text: str) -> Regimen:
    """Read ``AMOUNT [UNIT] ROUTE [at T,T,...] [over DURATION] [every INTERVAL x N]``.

    Raises
    ------
    RegimenError
        If the text is not of that form, or says something impossible.
    """
    found = _DOSE.fullmatch(text)
    if found is None:
        raise RegimenError(f"the dose {text!r} is not understood; expected something like {_DOSE_EXAMPLE}.")
    at = [float(t) for t in found["at"].split(",")] if found["at"] else 0
    every = float(found["every"]) if found["every"] else None
    n = int(found["n"]) if found["every"] else None
    if found["over"]:
        return infusion(found["amount"], found["route"], found["over"], at=at, every=every, n=n)
    return bolus(found["amount"], found["route"], at=at, every=every, n=n)


def parse_regimen(texts: list[str]) -> Regimen:
    """The doses of several texts together; see `parse_dose`."""
    regimen = Regimen()
    for text in texts:
        regimen += parse_dose(text)
    return regimen


def parse_numbers(text: str, what: str) -> Array:
    """Read ``0,1,7``, ``FROM:TO:STEP`` for times, both ends included.

    Raises
    ------
    SimulationError
        If the text is neither, or the step does not lead from one end to the other.
    """
    parts = text.split(":")
    try:
        if len(parts) == 1:
            return np.array([float(x) for x in text.split(",")])
        first, last, step = (float(x) for x in parts)
    except ValueError:
        raise SimulationError(f"{what} is {text!r}; expected numbers as 0,1,7 or FROM:TO:STEP as 0:365:1.") from None
    if not (step > 0 and last >= first and (last - first) / step <= 1e7):
        raise SimulationError(f"{what} is {text!r}; a step of {step:g} does not lead from {first:g} to {last:g}.")
    count = int(np.floor((last - first) / step * (1 + 1e-12))) + 1
    return np.asarray(first + step * np.arange(count), dtype=np.float64)


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
    """What an option gave by name.

    Raises
    ------
    ParameterError
        If it gave a name twice.
    """
    found: dict[str, T] = {}
    for name, value in pairs:
        if name in found:
            raise ParameterError(f"{option} gives {name!r} twice.")
        found[name] = value
    return found


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
