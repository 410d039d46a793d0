"""A plain function as a model: what is fitted where no differential equation is needed."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError, unknown_name
from pkpd.records.observations import Dataset
from pkpd.symbolic.declarations import Given, GivenDeclaration
from pkpd.units import parse_unit

__all__ = ["Curve", "as_curve", "curve", "in_units_of"]


@dataclass(frozen=True, eq=False, repr=False)
class Curve:
    """A function ``f(time, parameter, ...)`` with the names and units that a fit tells; see `curve`.

    It has what a fit asks of a model: a name, parameters, outputs, units.

    Attributes
    ----------
    function
        Of an array of times and numbers, to an array.
    output
        The name of what it predicts; empty for whatever the data observe.
    time
        The unit of time.
    unit
        The unit of the output.
    parameter_units
        By name the units of parameters; the others are pure numbers.
    """

    function: Callable[..., Any]
    output: str = ""
    unit: str = "1"
    time: str = "1"
    parameter_units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameter_units", MappingProxyType(dict(self.parameter_units)))
        for name in self.parameter_units:
            if name not in self._signature:
                raise unknown_name(self.name, "parameter", str(name), self._signature)
        for unit in (self.unit, self.time, *self.parameter_units.values()):
            parse_unit(unit)

    def __reduce__(self) -> tuple[Any, ...]:
        return Curve, (self.function, self.output, self.unit, self.time, dict(self.parameter_units))

    # ---- what a fit asks of a model

    @property
    def name(self) -> str:
        """The function's own name."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    @property
    def title(self) -> str:
        """The first line of the function's docstring, or its name."""
        return (inspect.getdoc(self.function) or self.name).splitlines()[0]

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the function's text, where it has one, and of the units."""
        try:
            text = inspect.getsource(self.function)
        except (OSError, TypeError):
            text = repr(self)
        return hashlib.sha256(repr((text, self.output, self.units, self.time)).encode()).hexdigest()

    def equations(self) -> str:
        """The signature, as a line."""
        return f"{self.output or 'y'} = {self.name}(time, {', '.join(self._signature)})"

    @property
    def states(self) -> tuple[Any, ...]:
        """None: a function is no system of differential equations."""
        return ()

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The name of what is predicted, with the words for it."""
        return {self.output: self.meaning(self.output)}

    @cached_property
    def settable(self) -> tuple[Given, ...]:
        """The parameters in the order of the function's arguments; a default value is where they start."""
        return tuple(
            Given(GivenDeclaration(name, self.parameter_units.get(name, "1"), f"parameter of {self.name}", default))
            for name, default in self._signature.items()
        )

    @property
    def units(self) -> Mapping[str, str]:
        """The unit of each parameter and of the output."""
        return {s.name: s.unit for s in self.settable} | {self.output: self.unit}

    def meaning(self, name: str) -> str:
        """In words: the first line of the function's docstring, or its name."""
        if name != self.output:
            return f"parameter of {self.name}"
        return self.title

    def require_closed(self) -> None:
        """A function lacks no part."""

    @cached_property
    def _signature(self) -> dict[str, float | None]:
        """The parameters by name with their defaults: the arguments after the first one."""
        return _parameters(self.function, self.name)

    def __call__(self, time: Array, **values: Any) -> Any:
        return self.function(time, **values)

    def __repr__(self) -> str:
        return f"<Curve {self.name}(time, {', '.join(self._signature)})>"


def curve(
    function: Callable[..., Any],
    *,
    output: str = "",
    unit: str = "1",
    time: str = "1",
    units: Mapping[str, str] | None = None,
) -> Curve:
    """Name what a plain function predicts, and its units, to fit it as a model is fitted.

    Parameters
    ----------
    function
        ``f(time, b1, b2, ...)``: of an array of times, or of whatever else the column ``time``
        of the data holds, and of a number for each parameter, to an array like the times.  The
        names of the arguments are those of the parameters; a default is where a parameter
        starts.  An argument that has the name of a column of the data is given that column, an
        array, so that a function may have several independent variables.
    output
        The name of what it predicts; whatever the data observe by default.
    unit, time, units
        Of the output, of the time, and by name of parameters, for tables and figures.  Data with a
        column ``unit`` are converted to `unit`.

    Raises
    ------
    FitError
        If the function has no arguments by name.
    UnitError
        If a unit is not known.

    Examples
    --------
    >>> import numpy as np, pandas as pd, pkpd
    >>> def decay(time, C0, k):
    ...     return C0 * np.exp(-k * time)
    >>> table = pd.DataFrame({"arm": "a", "time": [0, 1, 2], "output": "C", "value": [8, 4, 2]})
    >>> free = {"C0": pkpd.free(10, log=True), "k": pkpd.free(1, log=True)}
    >>> named = pkpd.curve(decay, unit="mg/L", time="h", units={"C0": "mg/L", "k": "1/h"})
    >>> pkpd.fit(named, pkpd.read_observations(table, {"a": None}), free).estimates[["estimate", "unit"]].round(4)
               estimate  unit
    parameter
    C0           8.0000  mg/L
    k            0.6931   1/h
    """
    if not callable(function):
        raise FitError(f"curve: got {function!r}; expected a function f(time, b1, b2, ...).")
    return Curve(function, output, unit, time, dict(units or {}))


def as_curve(function: Any, data: Any) -> Curve:
    """A function, or a curve, that predicts the one output of the data.

    Raises
    ------
    FitError
        If the data are no table of observations, have several outputs, or arms with doses.
    """
    named = function if isinstance(function, Curve) else curve(function)
    if not isinstance(data, Dataset):
        raise FitError(
            f"fit: got a {type(data).__name__} as the data of the function {named.name}; read them with "
            "pkpd.read_observations(...)."
        )
    if len(data.outputs) > 1:
        raise FitError(
            f"fit: the function {named.name} predicts one output, and {data.name} observes {', '.join(data.outputs)}."
        )
    dosed = next((arm for arm, regimen in data.regimens.items() if regimen is not None), None)
    if dosed is not None:
        raise FitError(f"fit: the function {named.name} takes no doses, and arm {dosed!r} has a regimen; give it None.")
    output = named.output or data.outputs[0]
    return Curve(named.function, output, named.unit, named.time, named.parameter_units)


def in_units_of(named: Curve, data: Dataset) -> Dataset:
    """The data in the unit of a curve; as they are where the curve has none and the data have one.

    Raises
    ------
    FitError
        If the data have several units, and the curve says none to convert them to.
    UnitError
        If a unit of the data is not one of what the curve predicts.
    """
    units = list(dict.fromkeys(data.unit))
    if named.unit == "1" and len(units) == 1:
        return data.in_units({})
    if named.unit == "1" and len(units) > 1:
        raise FitError(
            f"fit: {data.name} has values in {', '.join(units)}, and the function {named.name} does not say its unit; "
            f"give pkpd.curve({named.name}, unit={units[0]!r}), to which they are converted."
        )
    return data.in_units({named.output: named.unit})


def _parameters(function: Callable[..., Any], name: str) -> dict[str, float | None]:
    try:
        arguments = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise FitError(
            f"curve: {name} does not say its arguments; wrap it in a function f(time, b1, b2, ...)."
        ) from None
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    by_name = {a.name: a.default for a in arguments[1:] if a.kind in kinds}
    if not arguments or not by_name or len(by_name) < len(arguments) - 1:
        raise FitError(
            f"curve: {name}{inspect.signature(function)} has arguments without a name of their own; expected "
            "f(time, b1, b2, ...)."
        )
    return {key: _default(name, key, value) for key, value in by_name.items()}


def _default(function: str, name: str, value: Any) -> float | None:
    if value is inspect.Parameter.empty:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise FitError(f"curve: the argument {name!r} of {function} is {value!r} by default; expected a finite number.")
    return float(value)
