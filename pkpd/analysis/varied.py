"""What a sensitivity analysis varies: ranges and distributions by parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.distributions import as_distribution
from pkpd.ensembles.inputs import number, shortened
from pkpd.ensembles.marginals import Distribution
from pkpd.errors import ParameterError
from pkpd.prepared.prepared import Prepared
from pkpd.symbolic.symbols import Parameter

__all__ = ["Range", "Varied", "unit_cube", "varied"]

Quantiles = tuple[float, float]


@dataclass(frozen=True)
class Range:
    """All values between two limits, each as likely as the others."""

    low: float
    high: float

    def quantile(self, p: Array) -> Array:
        return self.low + (self.high - self.low) * p


@dataclass(frozen=True)
class Varied:
    """The inputs of an analysis, in their order.

    Attributes
    ----------
    names
        Of the parameters.
    sources
        What each is drawn from.
    units, meanings
        Of each; a pure number without a meaning where a plain function is analyzed.
    """

    names: tuple[str, ...]
    sources: tuple[Range | Distribution, ...]
    units: tuple[str, ...]
    meanings: tuple[str, ...]

    def drawn(self, cube: Array) -> dict[str, Array]:
        """The values by name that belong to points of the unit cube, (points, parameters)."""
        return {name: source.quantile(cube[:, i]) for i, (name, source) in enumerate(self._pairs)}

    def within(self, cube: Array, quantiles: Quantiles) -> dict[str, Array]:
        """As `drawn`, where a distribution reaches from one quantile to another only."""
        low, high = _checked(quantiles)
        return {
            name: source.quantile(cube[:, i] if isinstance(source, Range) else low + (high - low) * cube[:, i])
            for i, (name, source) in enumerate(self._pairs)
        }

    @property
    def coordinates(self) -> dict[str, Any]:
        """The labels of a table by parameter."""
        return {
            "parameter": ("parameter", list(self.names), {"long_name": "parameter"}),
            "unit": ("parameter", list(self.units), {"long_name": "unit of the parameter"}),
        }

    @property
    def _pairs(self) -> list[tuple[str, Range | Distribution]]:
        return list(zip(self.names, self.sources, strict=True))


def varied(who: str, response: Any, inputs: Any) -> Varied:
    """The inputs that `who` was given for `response`, checked against it.

    Raises
    ------
    ParameterError, UnknownNameError
        If there are none, the model has no such parameter, or one is neither a range nor a distribution.
    """
    if not isinstance(inputs, Mapping) or not inputs:
        raise ParameterError(
            f"{who}() got {shortened(inputs)} as inputs; expected {{parameter: (low, high)}} or a distribution of each."
        )
    known = response.known if isinstance(response, Prepared) else None
    for name in inputs:
        if known is not None:
            known.require(name)
    return Varied(
        tuple(map(str, inputs)),
        tuple(_source(response, str(name), source) for name, source in inputs.items()),
        tuple("1" if known is None else known.units[name] for name in inputs),
        tuple("" if known is None else known.model.meaning(name) for name in inputs),
    )


def _checked(quantiles: Any) -> Quantiles:
    try:
        low, high = (float(q) for q in quantiles)
    except (TypeError, ValueError):
        low = high = math.nan
    if not 0 < low < high < 1:
        raise ParameterError(f"quantiles is {shortened(quantiles)}; expected two rising numbers between 0 and 1.")
    return low, high


def _source(response: Any, name: str, source: Any) -> Range | Distribution:
    if isinstance(source, tuple | list):
        if len(source) != 2:
            raise ParameterError(f"the range of {name!r} is {shortened(source)}; expected (low, high).")
        low, high = (number(edge, f"a limit of {name!r}") for edge in source)
        if not low < high:
            raise ParameterError(f"the range of {name!r} is {low:g} to {high:g}; expected the lower limit first.")
        return Range(low, high)
    return as_distribution(name, source).settled(name, *_typical(response, name))


def _typical(response: Any, name: str) -> tuple[float | None, float | None]:
    """The model's value of a parameter and its declared omega, where there are any."""
    if not isinstance(response, Prepared):
        return None, None
    value, symbol = response.known.default_of(name), response.known.symbols.get(name)
    omega = symbol.declaration.iiv if isinstance(symbol, Parameter) else None
    return (None if math.isnan(value) else value), omega or None


def unit_cube(n: int, dimensions: int, seed: int) -> Array:
    """`n` scrambled Sobol points, (points, dimensions), off the faces of the cube."""
    from scipy.stats import qmc

    cube: Array = np.clip(qmc.Sobol(dimensions, rng=seed).random(n), 1e-12, 1 - 1e-12)
    return cube
