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

__all__ = [
    "Interval",
    "Shape",
    "at_bounds",
    "chosen",
    "combinations",
    "combinations_in_words",
    "interval_table",
    "limits",
    "percentile_interval",
]

Shape = Literal["bounded", "bounded below only", "bounded above only", "not bounded", "undetermined"]

REACH_LOG = math.log(1000.0)  # a parameter that may be 1000 times its estimate is not known
REACH = 100.0  # spans, on a linear scale
AT = 1e-3  # of the size of a coordinate: so near a bound it is at it
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
    undetermined
        Whether the data fix only a combination of the parameter with others, so that ends by
        percentiles are not what the data say.
    """

    coordinate: Coordinate
    estimate: float
    low: float
    high: float
    low_open: bool = False
    high_open: bool = False
    undetermined: bool = False

    @property
    def shape(self) -> Shape:
        if self.undetermined:
            return "undetermined"
        if self.low_open:
            return "not bounded" if self.high_open else "bounded above only"
        return "bounded below only" if self.high_open else "bounded"

    def sentence(self, confidence: float) -> str:
        """The interval in words, with values in the parameter's unit."""
        name, unit = self.coordinate.label, "" if self.coordinate.unit in ("", "1") else f" {self.coordinate.unit}"
        low, high = (f"{float(self.coordinate.natural(end)):.4g}{unit}" for end in (self.low, self.high))
        level = f"({100 * confidence:g} %)"
        if self.shape == "undetermined":
            return f"{name} is not determined: searches stopped between {low} and {high} {level}."
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


def limits(coordinate: Coordinate, estimate: float) -> tuple[float, float]:
    """The values, on the scale of the search, beyond which a parameter counts as unknown.

    They are the bounds; where there is none, 1000 times the estimate or a 1000th of it on a log
    scale, and 100 times its size above or below it otherwise.
    """
    far = REACH_LOG if coordinate.log else REACH * coordinate.span(estimate)
    lower = coordinate.lower if np.isfinite(coordinate.lower) else estimate - far
    upper = coordinate.upper if np.isfinite(coordinate.upper) else estimate + far
    return lower, upper


def percentile_interval(
    coordinate: Coordinate, estimate: float, low: float, high: float, undetermined: bool = False
) -> Interval:
    """An interval by percentiles; a side is open whose end is at or beyond one of the `limits`."""
    lower, upper = limits(coordinate, estimate)
    near = AT * coordinate.span(estimate)
    low_open, high_open = low <= lower + near, high >= upper - near
    return Interval(
        coordinate,
        estimate,
        coordinate.lower if low_open else low,
        coordinate.upper if high_open else high,
        low_open,
        high_open,
        undetermined,
    )


def at_bounds(coordinates: Sequence[Coordinate], x: Array) -> list[str]:
    """The labels of the coordinates that are at a bound."""
    near = [AT * c.span(v) for c, v in zip(coordinates, x, strict=True)]
    each = zip(coordinates, x, near, strict=True)
    return [c.label for c, v, width in each if v <= c.lower + width or v >= c.upper - width]


def combinations(objective: Objective, x: Array) -> tuple[tuple[str, ...], ...]:
    """The labels of what the data do not tell apart near a point, to first order; a label alone has no effect."""
    labels = [c.label for c in objective.coordinates]
    information = objective.information(np.asarray(x, dtype=float)[None])[0]
    spans = np.array([c.span(v) for c, v in zip(objective.coordinates, x, strict=True)])
    lengths = np.sqrt(np.clip(np.diag(information), 0.0, None))
    idle = lengths * spans <= 1e-5 * math.sqrt(len(objective.data))
    mixed = [(labels[i],) for i in np.flatnonzero(idle)]
    used = np.flatnonzero(~idle)
    if len(used) > 1:
        scaled = information[np.ix_(used, used)] / np.outer(lengths[used], lengths[used])
        values, vectors = np.linalg.eigh(scaled)
        for vector in vectors.T[values <= SINGULAR**2 * values[-1]]:
            mixed.append(tuple(labels[used[i]] for i in np.flatnonzero(np.abs(vector) > 0.1)))
    return tuple(mixed)


def combinations_in_words(mixed: Sequence[tuple[str, ...]]) -> str:
    """A sentence for each of `combinations`."""
    return " ".join(
        f"The data fix only a combination of {', '.join(labels)}."
        if len(labels) > 1
        else f"{labels[0]} has no effect on any observation near the estimates."
        for labels in mixed
    )


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
