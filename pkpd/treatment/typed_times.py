"""Times as typed: numbers, or numbers with a unit, in the model's unit of time."""

from __future__ import annotations

import math
import re

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import SimulationError
from pkpd.units import convert, parse_quantity

__all__ = ["LONGEST_UNIT", "MOST_TIMES", "NUMBER", "in_unit", "parse_times"]

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
MOST_TIMES = 10_000_000
LONGEST_UNIT = 40  # letters; a longer one would take long to look up


def in_unit(text: str, unit: str | None, what: str) -> float:
    """The number in ``8``, or in ``8 h`` converted to `unit`, the model's unit of time.

    Raises
    ------
    UnitError
        If the text is no quantity, or its unit is not one of time.
    SimulationError
        If it has a unit, and there is no model to say in which unit it is wanted.
    """
    if _is_number(text):
        return float(text)
    value, typed = parse_quantity(text, what)
    if typed is None:
        return value
    if unit is None:
        raise SimulationError(f"{what} is {text!r}; expected a number without a unit here.")
    return convert(value, typed, unit, what)


def parse_times(text: str, what: str, unit: str | None = None) -> Array:
    """Read ``0,1,7`` or ``FROM:TO:STEP``, both ends included; each number may carry a unit of time (``8 h``).

    Raises
    ------
    SimulationError
        If the text is neither, the step does not lead from one end to the other, or it asks for more than
        `MOST_TIMES` times.
    """
    parts = text.split(":")
    items = text.split(",") if len(parts) == 1 else parts
    if len(parts) not in (1, 3) or len(items) > MOST_TIMES or not all(map(_is_quantity, items)):
        raise SimulationError(
            f"{what} is {_cut(text)!r}; expected numbers as 0,1,7 or FROM:TO:STEP as 0:365:1, "
            "each with a unit of time if need be, as 0:3 days:8 h."
        )
    values = [in_unit(item.strip(), unit, f"a time of {what}") for item in items]
    return np.array(values) if len(parts) == 1 else _steps(text, what, *values)


def _steps(text: str, what: str, first: float, last: float, step: float) -> Array:
    if not (step > 0 and math.isfinite(first) and math.isfinite(last) and last >= first):
        raise SimulationError(f"{what} is {text!r}; a step of {step:g} does not lead from {first:g} to {last:g}.")
    steps = (last - first) / step * (1 + 1e-12)
    if steps >= MOST_TIMES:
        raise SimulationError(f"{what} is {text!r}, which is {steps:.4g} times; expected at most {MOST_TIMES:,}.")
    return np.asarray(first + step * np.arange(math.floor(steps) + 1), dtype=np.float64)


def _is_quantity(item: str) -> bool:
    number = NUMBER.match(item.strip())
    return _is_number(item) or (number is not None and len(item.strip()) - number.end() <= LONGEST_UNIT)


def _is_number(item: str) -> bool:
    try:
        float(item)
    except ValueError:
        return False
    return True


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
