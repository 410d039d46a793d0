"""The model: rates, outputs, routes and events over declared symbols, frozen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sympy

from pkpd.errors import ModelError, unknown_name
from pkpd.notebook import shown
from pkpd.symbolic import checks, retiming, variants, writing
from pkpd.symbolic.descriptions import parse_description
from pkpd.symbolic.elements import Dosing, Event, Output, Route, check_mapping, expressions_by_state, output
from pkpd.symbolic.symbols import Declared, Given, InputRate, Parameter, State, as_expression

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dosing", "Event", "Model", "Output", "Route", "output", "require_model"]


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A system of ordinary differential equations over declared symbols.

    Parameters
    ----------
    name
        An identifier.
    rates
        The time derivative of each state the model owns.
    outputs
        Observables by name: an expression, or `output` with a meaning.
    routes
        How doses enter, by name: ``{state: expression of dose(unit)}`` for a jump, or an
        `input_rate` for a zero-order input.
    events
        State-triggered jumps.
    terms
        What this part adds to the rate of a state that another part owns.
    dosing
        For the compartments that have them: bioavailability, lag time, and the rate and
        duration of a dose that a table of records leaves to the model; see `Dosing`.
    time
        The unit of time.
    description
        Text for people: the title on the first line, then equations and sources.

    Raises
    ------
    ModelError
        If a symbol is undeclared or declared twice differently, a name is reserved, a
        route, an event or a dosing attribute is not well formed, or a start uses a state.
    UnitError
        If the units of a rate, term, jump, output, event or dosing attribute do not balance.
    """

    name: str
    rates: Mapping[State, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    routes: Mapping[str, Any] = field(default_factory=dict)
    events: Iterable[Event] = ()
    terms: Mapping[State, Any] = field(default_factory=dict)
    time: str = "day"
    description: str = ""
    dosing: Mapping[State, Dosing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, form in _FIELDS.items():
            check_mapping(getattr(self, name), f"{self.name}: {name}", form)
        normalized = {
            "rates": expressions_by_state(self.rates, f"{self.name}: rates"),
            "terms": expressions_by_state(self.terms, f"{self.name}: terms"),
            "outputs": MappingProxyType({k: _as_output(self.name, k, v) for k, v in self.outputs.items()}),
            "routes": MappingProxyType({k: _as_route(self.name, k, v) for k, v in self.routes.items()}),
            "events": _events(self.events, self.name),
            "dosing": MappingProxyType(dict(self.dosing)),
        }
        for key, value in normalized.items():
            object.__setattr__(self, key, value)
        checks.check_model(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (
            self.name,
            dict(self.rates),
            dict(self.outputs),
            dict(self.routes),
            self.events,
            dict(self.terms),
            self.time,
            self.description,
            dict(self.dosing),
        )

    # ---- what it is made of

    @property
    def states(self) -> tuple[State, ...]:
        """The states the model owns, in the order of their rates."""
        return tuple(self.rates)

    @cached_property
    def symbols(self) -> Mapping[str, Declared]:
        """Every named symbol of the model, its states first, then by name."""
        named = {s.name: s for s in self.states}
        others = sorted(checks.declared_symbols(self), key=lambda s: (s.name.lower(), s.name))
        return MappingProxyType(named | {s.name: s for s in others})

    @cached_property
    def settable(self) -> tuple[Parameter | Given, ...]:
        """What a simulation may set: the parameters, and the givens that nothing supplies."""
        return tuple(s for s in self.symbols.values() if isinstance(s, Parameter | Given))

    @property
    def free(self) -> tuple[Parameter | Given, ...]:
        """The former name of `settable`."""
        import warnings

        warnings.warn("Model.free is now Model.settable.", DeprecationWarning, stacklevel=2)
        return self.settable

    @property
    def foreign(self) -> tuple[State, ...]:
        """States that the model uses and another part must own."""
        return tuple(s for s in self.symbols.values() if isinstance(s, State) and s not in self.rates)

    @cached_property
    def units(self) -> Mapping[str, str]:
        """The unit of every state, parameter and output by name."""
        units = {name: symbol.unit for name, symbol in self.symbols.items()}
        return MappingProxyType(units | {k: checks.output_unit(self, k) for k in self.outputs})

    def lag(self, route: str) -> sympy.Expr:
        """How long after its time a dose on `route` arrives: the lag of the compartments it reaches."""
        return checks.lag(self, self.routes[route])

    def bioavailability(self, route: str) -> sympy.Expr:
        """The part of a dose on `route` that arrives: F of what it reaches, where the route does not say."""
        return checks.bioavailability(self, self.routes[route])

    def meaning(self, name: str) -> str:
        """The meaning of a state, parameter or output, in words."""
        if name in self.outputs:
            out = self.outputs[name]
            return out.meaning or getattr(out.expression, "meaning", "") or str(out.expression)
        return self[name].meaning

    def __getitem__(self, name: str) -> Declared:
        """The symbol of this name, to be used in a regimen (``10*model["WT"]``)."""
        if name not in self.symbols:
            raise unknown_name(self.name, "symbol", name, self.symbols)
        return self.symbols[name]

    @property
    def parameters(self) -> pd.DataFrame:
        """A table by name: value, unit, meaning, source, lower, upper, iiv, alternatives."""
        import pandas as pd

        columns = ["value", "unit", "meaning", "source", "lower", "upper", "iiv", "alternatives"]
        rows = {s.name: writing.parameter_row(s) for s in self.settable}
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("name")

    @property
    def title(self) -> str:
        """The first line of the description, or the name."""
        return parse_description(self.description).title or self.name

    # ---- variants of it

    def using(self, **values: Any) -> Model:
        """The same model with other default values: a number, ``"0.4 nM"``, or the name of an alternative."""
        return variants.with_defaults(self, values)

    def renamed(self, names: str | Mapping[str, str]) -> Model:
        """The same model under other names: a prefix for all of its own names, or a mapping."""
        return variants.renamed(self, names)

    def in_time(self, unit: str) -> Model:
        """The same model in another unit of time: ``pkpd.load("pk_1cmt_oral").in_time("h")``.

        Everything whose unit contains the model's time is declared anew in `unit`, with the
        number that is the same quantity: a clearance of 0.24 L/day is 0.01 L/h, its bounds
        and alternatives with it.  Names, sources, variability and amounts stay.  See
        `pkpd.symbolic.retiming.in_time`.

        Raises
        ------
        UnitError
            If `unit` is no unit of time, or the model's time has none.
        """
        return retiming.in_time(self, unit)

    def require_closed(self) -> None:
        """Refuse a part that lacks a given or a state.

        Raises
        ------
        ModelError
            Naming what is missing and what to do.
        """
        checks.check_closed(self)

    # ---- identity and text

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of everything that the model means; its description is not part of it."""
        return hashlib.sha256(json.dumps(writing.content(self), sort_keys=True).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.hash == other.hash

    def __hash__(self) -> int:
        return int(self.hash[:15], 16)

    def equations(self, *, folded: bool = True) -> str:
        """The equations as text, one a line.

        Parameters
        ----------
        folded
            Whether an output stands by its name wherever its expression occurs, as a paper has it.

        Examples
        --------
        >>> import pkpd
        >>> print(pkpd.load("pk_1cmt").equations().splitlines()[0])
        dcentral/dt = -CL*C
        """
        return "\n".join(writing.equation_lines(self, folded=folded))

    def _repr_latex_(self) -> str:
        return writing.latex(self, folded=True)

    def _repr_html_(self) -> str:
        table = self.parameters[["value", "unit", "meaning", "source"]]
        return shown(f"{self.name}: {self.title}", self._repr_latex_(), table)

    def __repr__(self) -> str:
        return f"<Model {self.name}: {len(self.states)} states, {len(self.settable)} parameters>"


_FIELDS = {
    "rates": "{state: its rate}",
    "outputs": "{name: expression}",
    "routes": "{name: {state: expression of dose(unit)}} or {name: input_rate}",
    "terms": "{state: what is added to its rate}",
    "dosing": "{state: Dosing(...)}",
}


def _events(value: Any, model: str) -> tuple[Event, ...]:
    events = tuple(value) if isinstance(value, Iterable) else (value,)
    if not isinstance(value, Iterable) or not all(isinstance(event, Event) for event in events):
        raise ModelError(f"{model}: events is {value!r}; expected a list of Event(when=..., then={{state: value}}).")
    return events


def require_model(value: Any, who: str) -> Model:
    """`value` itself, if it is a model; `who` asks for one.

    Raises
    ------
    ModelError
        If it is not.
    """
    if not isinstance(value, Model):
        raise ModelError(f"{who}() got {value!r} as a model; load one with pkpd.load(name).")
    return value


def _rebuilt(*fields: Any) -> Model:
    return Model(*fields)


def _as_output(model: str, name: str, value: Any) -> Output:
    declared = value if isinstance(value, Output) else Output(value)
    return replace(declared, expression=as_expression(declared.expression, f"{model}: output {name!r}"))


def _as_route(model: str, name: str, value: Any) -> Route:
    if isinstance(value, Route):
        return replace(value, name=name)
    if isinstance(value, InputRate):
        return Route(name, rate=value)
    if isinstance(value, Mapping) and value:
        return Route(name, jumps=expressions_by_state(value, f"{model}: route {name!r}"))
    raise ModelError(
        f"{model}: route {name!r} is {value!r}; expected {{state: expression of dose(unit)}} or an input_rate."
    )
