"""Plausible patients: candidates kept by what they do.

The first of two steps, as in Allen, Rieger and Musante: candidates whose simulated outputs lie
within the range of what was ever observed are plausible patients; `weigh` makes them a
virtual population.

References
----------
Allen RJ, Rieger TR, Musante CJ. Efficient generation and selection of virtual populations in
quantitative systems pharmacology models. CPT Pharmacometrics Syst Pharmacol 5:140-146 (2016).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.inputs import number, numbers
from pkpd.errors import ParameterError, unknown_name

__all__ = ["PlausiblePatients", "select_plausible"]


@dataclass(frozen=True, eq=False, repr=False)
class PlausiblePatients:
    """Candidates that were accepted; see `select_plausible`.

    Attributes
    ----------
    people
        The accepted, with their labels.
    measured
        What was measured of them, (accepted,) by name.
    tried, failed
        The number of candidates, and of those for whom something could not be measured.
    outside
        By measure how many of the others lay outside its range; one candidate may count
        for several.
    """

    people: Ensemble
    measured: Mapping[str, Array]
    tried: int
    failed: int
    outside: Mapping[str, int]

    @property
    def kept(self) -> int:
        return len(self.people)

    def report(self) -> str:
        """How many were tried, failed, refused by which range, and kept, as text."""
        share = 100 * self.kept / self.tried
        lines = [f"{self.tried} candidates tried, {self.kept} kept ({share:.3g} %), {self.failed} failed"]
        return "\n".join([*lines, *(f"  outside the range of {name}: {n}" for name, n in self.outside.items())])

    def __repr__(self) -> str:
        return f"<PlausiblePatients: {self.kept} of {self.tried} candidates>"


def select_plausible(
    candidates: Ensemble, measured: Mapping[str, Any], within: Mapping[str, tuple[float | None, float | None]]
) -> PlausiblePatients:
    """Keep the candidates whose outputs lie in given ranges.

    Parameters
    ----------
    candidates
        From `population` or `sample`, over ``member``.
    measured
        By name one number for each candidate, from a run of `simulate` with them: a mapping
        or an ``xarray.Dataset``, such as ``{"trough": run["C"].sel(time=28)}``.  NaN is a
        candidate that failed; it is not kept.
    within
        By measure the lowest and highest value that was ever observed; None for no limit.

    Raises
    ------
    ParameterError
        If a measure is not one number for each candidate, a range is not in order, or nobody
        is kept; the message says which range refused how many.
    UnknownNameError
        If a range names what was not measured.
    """
    if not isinstance(candidates, Ensemble):
        raise ParameterError(
            f"select_plausible() got {candidates!r} as candidates; expected population(...) or sample(...)."
        )
    for what, mapping in (("measured", measured), ("within", within)):
        if not isinstance(mapping, Mapping):
            raise ParameterError(
                f"select_plausible() got {mapping!r} as {what}; expected a mapping by the name of a measure."
            )
    columns = {str(name): _column(str(name), values, len(candidates)) for name, values in measured.items()}
    if not columns:
        raise ParameterError("select_plausible() got nothing measured; expected {name: a number for each candidate}.")
    known = np.isfinite(np.stack(list(columns.values()))).all(axis=0)
    inside = {name: _inside(name, columns, limits) for name, limits in within.items()}
    keep = np.logical_and.reduce([known, *inside.values()])
    outside = {name: int((known & ~within_range).sum()) for name, within_range in inside.items()}
    failed = int((~known).sum())
    if not keep.any():
        refused = "".join(f", {name} refused {n}" for name, n in outside.items())
        raise ParameterError(
            f"select_plausible() keeps none of {len(candidates)} candidates: {failed} failed{refused}. "
            "Draw candidates more widely, or more of them."
        )
    kept = {name: values[keep] for name, values in columns.items()}
    return PlausiblePatients(candidates.take(keep), kept, len(candidates), failed, outside)


def _inside(name: str, columns: Mapping[str, Array], limits: Any) -> Mask:
    """Which candidates lie in the range of a measure."""
    if name not in columns:
        raise unknown_name("measured", "measure", str(name), columns)
    low, high = _range(name, limits)
    return np.asarray((columns[name] >= low) & (columns[name] <= high))


def _column(name: str, values: Any, size: int) -> Array:
    column = numbers(f"the measure {name!r} is", values)
    if column.shape != (size,):
        raise ParameterError(
            f"the measure {name!r} has the shape {column.shape}; expected one number for each of the {size} candidates."
        )
    return column


def _range(name: str, limits: Any) -> tuple[float, float]:
    if not isinstance(limits, Sequence | np.ndarray) or isinstance(limits, str) or len(limits) != 2:
        raise ParameterError(f"the range of {name!r} is {limits!r}; expected (lowest, highest).")
    low = _edge(limits[0], -math.inf, f"the lower limit of {name!r}")
    high = _edge(limits[1], math.inf, f"the upper limit of {name!r}")
    if not low <= high:
        raise ParameterError(f"the range of {name!r} is {low:g} to {high:g}; expected the lower limit first.")
    return low, high


def _edge(edge: Any, infinite: float, what: str) -> float:
    """One limit of a range; None is no limit."""
    return infinite if edge is None or (isinstance(edge, float) and edge == infinite) else number(edge, what)
