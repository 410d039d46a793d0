"""Values for the parameters of a model and its treatment: names in, one matrix out."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.ensembles import Ensemble, members
from pkpd.errors import ParameterError, unknown_name
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import numbered_system
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Parameter
from pkpd.symbolic.values import Bounds, bound_limits, check_bounds, parameter_value
from pkpd.treatment.regimens import Regimen

__all__ = ["KnownParameters", "ParameterValues", "known_parameters"]


@dataclass(frozen=True, eq=False)
class ParameterValues:
    """A value of every parameter for every member.

    Attributes
    ----------
    matrix
        (parameters, members), in the order of `KnownParameters.names`; (parameters, arms, members)
        where arms differ in their parameters.
    varied
        The names whose value was given by member.
    starts
        By state, the value at time 0 where one was set: a number, (members,) or (arms, members).
    ensemble
        How the members are labelled.
    """

    matrix: Array
    varied: frozenset[str]
    starts: Mapping[str, Any]
    ensemble: Ensemble

    @property
    def members(self) -> int:
        return int(self.matrix.shape[-1])

    @property
    def by_arm(self) -> bool:
        """Whether arms differ in their parameters."""
        return self.matrix.ndim == 3

    def take(self, members: Index) -> ParameterValues:
        """The values of some of the members."""
        starts = {name: value[..., members] if np.ndim(value) else value for name, value in self.starts.items()}
        return ParameterValues(self.matrix[..., members], self.varied, starts, _members(len(members)))

    def of_arm(self, arm: int) -> ParameterValues:
        """The values in one arm."""
        if not self.by_arm:
            return self
        starts = {name: value[arm] if np.ndim(value) == 2 else value for name, value in self.starts.items()}
        return ParameterValues(self.matrix[:, arm], self.varied, starts, self.ensemble)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a bare array: where they stand in the matrix of all parameters, and their limits.

    Attributes
    ----------
    starts
        Whether one sets the start of a state.
    low, high
        (names, 1): finite, so that what is within them is a finite number.
    """

    names: frozenset[str]
    place: Index
    starts: bool
    low: Array
    high: Array

    def accept(self, table: Array) -> bool:
        """Whether all values, of (names, ...), are within their limits; NaN is not."""
        wide = table.reshape(len(table), -1)
        return int(np.count_nonzero((wide >= self.low) & (wide <= self.high))) == table.size


@dataclass(frozen=True, eq=False)
class KnownParameters:
    """What may be set: the parameters of the model, then those of the regimens alone, and the states' starts.

    Attributes
    ----------
    symbols
        The declarations by name; their order is that of the rows of a matrix.
    defaults
        (parameters,), NaN where there is none.
    bounds
        Whether a value outside its declared bounds is refused.
    """

    model: Model
    symbols: Mapping[str, Any]
    defaults: Array
    bounds: Bounds = "refuse"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.symbols)

    @property
    def units(self) -> dict[str, str]:
        """The unit of each parameter and of each state, which stands for its start."""
        return {name: s.unit for name, s in self.symbols.items()} | {s.name: s.unit for s in self.model.states}

    def default_of(self, name: str) -> float:
        """The default of a parameter, or what a state starts with by default; NaN where there is none."""
        if name in self.symbols:
            return float(self.defaults[self.names.index(name)])
        return float(self.default_starts[[s.name for s in self.model.states].index(name)])

    @cached_property
    def default_starts(self) -> Array:
        """(states,): the states at time 0 with the default parameters."""
        with np.errstate(all="ignore"):
            starts = numpy_code(numbered_system(self.model)).starts(self.defaults[: len(self.model.settable), None])
        return starts[:, 0]

    def require(self, name: Any) -> None:
        """Refuse a name that is neither a parameter nor a state.

        Raises
        ------
        UnknownNameError
        """
        if name not in self.symbols and not self.is_start(name):
            raise unknown_name(self.model.name, "parameter", str(name), self.symbols)

    def is_start(self, name: Any) -> bool:
        """Whether the name is that of a state, whose start it sets."""
        return any(state.name == name for state in self.model.states)

    def values(self, parameters: Any) -> ParameterValues:
        """The values that a mapping or an ensemble sets, over the defaults.

        Raises
        ------
        ParameterError, UnknownNameError, UnitError
            If a name or a value is not acceptable, or a parameter has no value at all.
        """
        if isinstance(parameters, Ensemble):
            columns: Mapping[Any, Any] = {name: parameters[name] for name in parameters.columns}
            ensemble = parameters
        else:
            columns = _mapping(parameters)
            for name in columns:
                self.require(name)
            varied = {name: value for name, value in columns.items() if np.ndim(value) > 0}
            ensemble = members(**varied) if varied else Ensemble({})
        return self._filled(columns, ensemble)

    def rows(self, names: Sequence[str], array: Array, arms: int = 0) -> ParameterValues:
        """The values that the rows of `array` set over the defaults.

        Its shape is (names, members) or (names,), or (names, arms, members).
        """
        if np.asarray(array).dtype.kind not in "iufb" or np.ma.is_masked(array):
            raise ParameterError(f"parameters is an array of {np.asarray(array).dtype}; expected real numbers.")
        table = np.asarray(array, dtype=float)
        by_arm = arms and table.ndim == 3 and table.shape[1] == arms
        if (table.ndim not in (1, 2) and not by_arm) or len(table) != len(names) or 0 in table.shape[1:]:
            shapes = f"({len(names)}, members)" + (f" or ({len(names)}, {arms} arms, members)" if arms else "")
            raise ParameterError(
                f"parameters has the shape {table.shape}; expected {shapes}: a row for each of {', '.join(names)}."
            )
        ensemble = _members(table.shape[-1] if table.ndim > 1 else None)
        settled = self._rows(tuple(names))
        if settled.starts or not settled.accept(table):
            return self._filled(dict(zip(names, table, strict=True)), ensemble, table.shape[1:-1])
        self._require_values(names)
        wide = table if table.ndim > 1 else table[:, None]
        matrix = np.empty((len(self.defaults), *wide.shape[1:]))
        matrix[:] = self.defaults.reshape(-1, *[1] * (wide.ndim - 1))
        matrix[settled.place] = wide
        return ParameterValues(matrix, settled.names if table.ndim > 1 else frozenset(), {}, ensemble)

    def check_rows(self, names: Sequence[str], table: Array) -> None:
        """Refuse rows of parameters, (names, ...), with a value outside its bounds.

        Raises
        ------
        ParameterError
        """
        if not self._rows(tuple(names)).accept(table):
            for name, row in zip(names, table, strict=True):
                check_bounds(self.model, self.symbols[name], row, bounds=self.bounds)

    def _rows(self, names: tuple[str, ...]) -> _Rows:
        if names not in self._settled:
            number = {name: i for i, name in enumerate(self.symbols)}
            own = [name for name in names if name in number]
            limits = np.array([bound_limits(self.symbols[name], self.bounds) for name in own]).reshape(-1, 2)
            self._settled[names] = _Rows(
                frozenset(names),
                np.array([number[name] for name in own], dtype=np.int64),
                len(own) < len(names),
                *np.nan_to_num(limits.T)[:, :, None],
            )
        return self._settled[names]

    @cached_property
    def _settled(self) -> dict[tuple[str, ...], _Rows]:
        return {}

    def _filled(self, columns: Mapping[Any, Any], ensemble: Ensemble, arms: tuple[int, ...] = ()) -> ParameterValues:
        shape = (len(self.defaults), *arms, len(ensemble))
        matrix = np.array(np.broadcast_to(np.expand_dims(self.defaults, tuple(range(1, len(shape)))), shape))
        number = {name: i for i, name in enumerate(self.symbols)}
        starts: dict[str, Any] = {}
        for name, value in columns.items():
            self.require(name)
            symbol = self.symbols[name] if name in number else self.model[name]
            if np.ndim(value) == 0:
                value = parameter_value(self.model, symbol, value, bounds=self.bounds)
            elif not np.isfinite(value).any():
                raise ParameterError(
                    f"{self.model.name}: parameter {name!r} is {np.ravel(value)[0]} for every member; "
                    f"give finite numbers in {symbol.unit}."
                )
            else:
                check_bounds(self.model, symbol, value, bounds=self.bounds)
            if name in number:
                matrix[number[name]] = value
            else:
                starts[name] = value
        self._require_values(columns)
        varied = frozenset(name for name, value in columns.items() if np.ndim(value) > 0)
        return ParameterValues(matrix, varied, starts, ensemble)

    @cached_property
    def _complete(self) -> bool:
        return not np.isnan(self.defaults).any()

    def _require_values(self, columns: Container[Any]) -> None:
        if self._complete:
            return
        for name, default in zip(self.symbols, self.defaults, strict=True):
            if np.isnan(default) and name not in columns:
                symbol = self.symbols[name]
                raise ParameterError(
                    f"the regimen's parameter {name!r} ({symbol.meaning}, {symbol.unit}) has no value; "
                    f"give parameters={{{name!r}: ...}}."
                )


@lru_cache(maxsize=64)
def _members(count: int | None) -> Ensemble:
    """So many members side by side, or a single one without a dimension."""
    return Ensemble({}) if count is None else Ensemble({"member": count})


def known_parameters(model: Model, regimens: Sequence[Regimen], bounds: Bounds = "refuse") -> KnownParameters:
    """The parameters of a model and of the regimens it is given.

    Raises
    ------
    ParameterError
        If a regimen declares a parameter differently, or under the name of a state or output.
    """
    if bounds not in ("refuse", "ignore"):
        raise ParameterError(f"bounds is {bounds!r}; expected 'refuse' or 'ignore'.")
    symbols: dict[str, Any] = {s.name: s for s in model.settable}
    own = set(symbols)
    for symbol in (s for regimen in regimens for s in regimen.parameters):
        if symbols.setdefault(symbol.name, symbol) != symbol:
            raise ParameterError(
                f"the regimen's parameter {symbol.name!r} is declared differently in {model.name}; "
                f"use model[{symbol.name!r}] in the regimen, or another name."
            )
        if symbol.name in model.units and symbol.name not in own:
            raise ParameterError(
                f"the regimen's parameter {symbol.name!r} has the name of a state or output of {model.name}."
            )
    values = [s.value if isinstance(s, Parameter) else s.default for s in symbols.values()]
    defaults = np.array([np.nan if v is None else v for v in values], dtype=float)
    return KnownParameters(model, symbols, defaults, bounds)


def _mapping(parameters: Any) -> Mapping[Any, Any]:
    if parameters is None:
        return {}
    if isinstance(parameters, Mapping):
        return parameters
    what = f"a {type(parameters).__name__}" if hasattr(parameters, "columns") else repr(parameters)
    raise ParameterError(
        f"parameters is {what}; expected a mapping of names to values, or an Ensemble; "
        "the columns of a table are members(**table)."
    )
