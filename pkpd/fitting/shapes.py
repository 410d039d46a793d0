"""Which sides of an estimate the data bound, in words; the same words for profiles, bootstrap and posterior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.objective import Objective

__all__ = ["Interval", "Shape", "beyond_reach", "chosen", "combinations", "interval_table", "reach"]

Shape = Literal["bounded", "bounded below only", "bounded above only", "not bounded"]

REACH_LOG = math.log(1000.0)  # a parameter that may be 1000 times its estimate is not known
REACH = 100.0  # spans, on a linear scale
SINGULAR = 1e-5  # of singular values, with columns scaled to length 1


@dataclass(frozen=True)
class Interval:
    """A confidence interval of a coordinate on the scale of the search, and whether its sides are open.

    Attributes
    ----------
    low, high
        The ends; of an open side the bound of the coordinate, infinite where there is none.
    low_open, high_open
        Whether the data do not bound the side.
    """

    coordinate: Coordinate
    estimate: float
    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    @property
    def shape(self) -> Shape:
        if self.low_open:
            return "not bounded" if self.high_open else "bounded above only"
        return "bounded below only" if self.high_open else "bounded"

    def sentence(self, confidence: float) -> str:
        """The interval in words, with values in the parameter's unit."""
        name, unit = self.coordinate.label, "" if self.coordinate.unit in ("", "1") else f" {self.coordinate.unit}"
        low, high = (f"{float(self.coordinate.natural(end)):.4g}{unit}" for end in (self.low, self.high))
        level = f"({100 * confidence:g} %)"
        if self.shape == "bounded":
            return f"{name} is between {low} and {high} {level}."
        if self.shape == "not bounded":
            return f"{name} is not bounded on either side {level}: the data do not identify it."
        if self.shape == "bounded below only":
            return f"{name} is bounded below only: it is above {low} {level}."
        return f"{name} is bounded above only: it is below {high} {level}."

    def row(self) -> dict[str, Any]:
        """The interval in the parameter's unit."""
        c = self.coordinate
        low, high = (float(c.natural(end)) for end in (self.low, self.high))
        return {
            "estimate": float(c.natural(self.estimate)),
            "ci_low": low,
            "ci_high": high,
            "unit": c.unit,
            "shape": self.shape,
        }


def interval_table(intervals: Sequence[Interval]) -> Any:
    """The intervals as a table by parameter: estimate, ci_low, ci_high, unit, shape."""
    import pandas as pd

    rows = {interval.coordinate.label: interval.row() for interval in intervals}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")


def reach(coordinate: Coordinate, estimate: float) -> float:
    """How far from the estimate a value counts as unknown, on the scale of the search."""
    return REACH_LOG if coordinate.log else REACH * coordinate.span(estimate)


def beyond_reach(coordinate: Coordinate, estimate: float, low: float, high: float) -> Interval:
    """An interval by percentiles; a side is open whose end is a bound, or as far off as `reach`."""
    far = reach(coordinate, estimate)
    low_open = low <= coordinate.lower or low < estimate - far
    high_open = high >= coordinate.upper or high > estimate + far
    return Interval(
        coordinate,
        estimate,
        coordinate.lower if low_open else low,
        coordinate.upper if high_open else high,
        low_open,
        high_open,
    )


def combinations(objective: Objective, x: Array) -> str:
    """In words what the data do not tell apart near a point, to first order; empty where they do."""
    labels = [c.label for c in objective.coordinates]
    information = objective.information(np.asarray(x, dtype=float)[None])[0]
    spans = np.array([c.span(v) for c, v in zip(objective.coordinates, x, strict=True)])
    lengths = np.sqrt(np.clip(np.diag(information), 0.0, None))
    idle = lengths * spans <= 1e-5 * math.sqrt(len(objective.data))
    sentences = [f"{labels[i]} has no effect on any observation." for i in np.flatnonzero(idle)]
    used = np.flatnonzero(~idle)
    if len(used) > 1:
        scaled = information[np.ix_(used, used)] / np.outer(lengths[used], lengths[used])
        values, vectors = np.linalg.eigh(scaled)
        for vector in vectors.T[values <= SINGULAR**2 * values[-1]]:
            mixed = [labels[used[i]] for i in np.flatnonzero(np.abs(vector) > 0.1)]
            sentences.append(f"The data fix only a combination of {', '.join(mixed)}.")
    return " ".join(sentences)


def chosen(objective: Objective, wanted: Any, who: str) -> list[int]:
    """The positions of coordinates by label, or by parameter for those of all arms; all where none is named.

    Raises
    ------
    UnknownNameError
        If there is no such coordinate.
    """
    from pkpd.errors import unknown_name

    coordinates = objective.coordinates
    if wanted is None:
        return list(range(len(coordinates)))
    names = [wanted] if isinstance(wanted, str) else [str(name) for name in wanted]
    positions: list[int] = []
    for name in names:
        same = [i for i, c in enumerate(coordinates) if name in (c.label, c.parameter)]
        if not same:
            raise unknown_name(who, "free parameter", name, [c.label for c in coordinates])
        positions += [i for i in same if i not in positions]
    return positions
