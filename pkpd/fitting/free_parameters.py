"""Which parameters a fit may move: where they start, how far they go, on which scale, in which arms."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.errors import FitError, unknown_name
from pkpd.records.observations import Dataset
from pkpd.symbolic.composition import parameter_value
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Given, Parameter

__all__ = ["Coordinate", "Free", "coordinates", "free", "known_parameters"]


@dataclass(frozen=True)
class Free:
    """How one parameter is estimated; see `free`."""

    start: Any = None
    bounds: tuple[float | None, float | None] | None = None
    log: bool = False
    per_arm: bool = False
    prior: Any = None


def free(
    start: Any = None,
    bounds: tuple[float | None, float | None] | None = None,
    *,
    log: bool = False,
    per_arm: bool = False,
    prior: Any = None,
) -> Free:
    """Declare how one parameter is estimated.

    Parameters
    ----------
    start
        Where the search starts: a number in the parameter's unit, text with a unit
        (``"0.4 nM"``), or the name of an alternative; the model's value by default.
    bounds
        The lowest and highest value, in the parameter's unit, None for no bound; those
        that the parameter declares by default.
    log
        Whether the search, the standard error and the confidence interval are on the
        scale of ln(parameter), which is then positive.
    per_arm
        Whether each arm has a value of its own; all arms share one by default.
    prior
        What is known beforehand, such as ``pkpd.lognormal(3, cv=0.3)``, in the parameter's unit:
        the fit then finds the most probable values (MAP), within the bounds and where the prior has a
        density.  A center that is left out is the model's value.

    Examples
    --------
    >>> free(0.1, (0, 1), log=True).start
    0.1
    """
    return Free(start, bounds, log, per_arm, prior)


@dataclass(frozen=True)
class Coordinate:
    """One number the minimizer moves.

    `start`, `lower` and `upper` are on the scale of the search: ln(parameter) where `log`.
    """

    parameter: str
    arm: str | None
    unit: str
    start: float
    lower: float
    upper: float
    log: bool
    prior: Any = None

    @property
    def label(self) -> str:
        return self.parameter if self.arm is None else f"{self.parameter}[{self.arm}]"

    def natural(self, x: Any) -> Any:
        """Values on the parameter's own scale, from those on the scale of the search."""
        with np.errstate(over="ignore"):  # a step too far of a search: infinite
            return np.exp(x) if self.log else x

    def slope(self, x: float) -> float:
        """The derivative of `natural`."""
        return math.exp(x) if self.log else 1.0

    def span(self, x: float) -> float:
        """A change in x that counts as one: a factor e on the log scale, else the size of the number.

        Near 0, where a number has no size of its own, a tenth of the start's.
        """
        return 1.0 if self.log else max(abs(x), 0.1 * abs(self.start)) or 1.0


def known_parameters(model: Model, data: Dataset, arm: str) -> dict[str, Parameter | Given]:
    """What can be set in one arm: the parameters of the model and of the arm's regimen."""
    regimen = data.regimens[arm]
    used = () if regimen is None else regimen.parameters
    return {s.name: s for s in (*used, *model.settable)}


def coordinates(model: Model, data: Dataset, wanted: Any) -> tuple[Coordinate, ...]:
    """The numbers to be moved, in the order in which `wanted` names their parameters.

    Raises
    ------
    UnknownNameError
        If neither the model nor a regimen has the parameter.
    FitError
        If there is nothing to estimate, or a start, bound or scale is not possible.
    """
    arms_of: dict[str, list[str]] = {}
    symbols: dict[str, Parameter | Given] = {}
    for arm in data.arms:
        for name, symbol in known_parameters(model, data, arm).items():
            arms_of.setdefault(name, []).append(arm)
            symbols.setdefault(name, symbol)
    moved: list[Coordinate] = []
    for name, choice in _choices(wanted).items():
        if name not in symbols:
            raise unknown_name(model.name, "parameter", name, symbols)
        own = arms_of[name] if choice.per_arm else [None]
        moved += [_coordinate(model, symbols[name], choice, arm) for arm in own]
    return tuple(moved)


def _choices(wanted: Any) -> dict[str, Free]:
    if isinstance(wanted, str):
        wanted = [wanted]
    if not isinstance(wanted, Mapping):
        if not isinstance(wanted, Iterable) or (isinstance(wanted, np.ndarray) and wanted.ndim != 1):
            raise FitError(f"fit: free is {wanted!r}; expected {{name: free(...)}} or a list of names.")
        names = [str(name) for name in wanted]
        twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
        if twice is not None:
            raise FitError(f"fit: {twice!r} is named twice among the free parameters.")
        wanted = dict.fromkeys(names, Free())
    if not wanted:
        raise FitError("fit: no parameter is free; name at least one.")
    for name, choice in wanted.items():
        if not isinstance(choice, Free):
            raise FitError(f"fit: free[{name!r}] is {choice!r}; expected free(start=..., bounds=(low, high), ...).")
        for option in ("log", "per_arm"):
            if not isinstance(getattr(choice, option), bool):
                raise FitError(f"fit: {option} of {name!r} is {getattr(choice, option)!r}; expected True or False.")
    return {str(name): choice for name, choice in wanted.items()}


def _coordinate(model: Model, symbol: Parameter | Given, choice: Free, arm: str | None) -> Coordinate:
    start = _start(model, symbol, choice)
    lower, upper = _bounds(symbol, choice)
    if not lower <= start <= upper:
        raise FitError(
            f"fit: parameter {symbol.name!r} starts at {start:g} {symbol.unit}, outside its bounds "
            f"{lower:g} to {upper:g}."
        )
    if choice.log:
        lower = _check_log(symbol, choice, start, lower)
        start, lower, upper = (_ln(number) for number in (start, lower, upper))
    return Coordinate(symbol.name, arm, symbol.unit, start, lower, upper, choice.log, choice.prior)


def _start(model: Model, symbol: Parameter | Given, choice: Free) -> float:
    if choice.start is not None:
        return parameter_value(model, symbol, choice.start)
    if isinstance(symbol, Parameter):
        return symbol.value
    if symbol.default is None:
        raise FitError(f"fit: {symbol.name!r} has no value to start from; give free(start=...).")
    return symbol.default


def _bounds(symbol: Parameter | Given, choice: Free) -> tuple[float, float]:
    if choice.bounds is None:
        declared = getattr(symbol.declaration, "bounds", (-math.inf, math.inf))
        return float(declared[0]), float(declared[1])
    try:
        low, high = choice.bounds
        if np.ma.is_masked(choice.bounds) or isinstance(low, complex) or isinstance(high, complex):
            raise TypeError("no real numbers")
        lower = -math.inf if low is None else float(low)
        upper = math.inf if high is None else float(high)
    except (TypeError, ValueError, OverflowError):
        raise FitError(
            f"fit: the bounds of {symbol.name!r} are {reprlib.repr(choice.bounds)}; expected (low, high)."
        ) from None
    if not lower < upper:
        raise FitError(f"fit: the bounds of {symbol.name!r} are {lower:g} to {upper:g}; the low one comes first.")
    return lower, upper


def _check_log(symbol: Parameter | Given, choice: Free, start: float, lower: float) -> float:
    """The lower bound of a positive parameter."""
    if start <= 0:
        raise FitError(
            f"fit: parameter {symbol.name!r} is on a log scale and starts at {start:g} {symbol.unit}; "
            "a start on a log scale is more than 0."
        )
    if lower < 0 and choice.bounds is not None and choice.bounds[0] is not None:
        raise FitError(
            f"fit: parameter {symbol.name!r} is on a log scale with the lower bound {lower:g} {symbol.unit}; "
            "a bound on a log scale is 0 or more."
        )
    return max(lower, 0.0)


def _ln(number: float) -> float:
    return math.log(number) if number > 0 else -math.inf
