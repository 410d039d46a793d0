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
from pkpd.symbolic import checks, writing
from pkpd.symbolic.symbols import Declared, Dose, Given, InputRate, Parameter, State, as_expression
from pkpd.units import label, parse_unit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dosing", "Event", "Model", "Output", "Route", "output", "require_model"]


@dataclass(frozen=True)
class Output:
    """An observable: an expression with a unit and a meaning; see `output`."""

    expression: sympy.Expr
    meaning: str = ""
    unit: str | None = None


def output(expression: sympy.Expr, meaning: str, unit: str | None = None) -> Output:
    """Declare an output with its meaning; its unit follows from the expression unless given."""
    return Output(expression, meaning, unit)


@dataclass(frozen=True)
class Event:
    """What happens when a condition becomes true.

    Parameters
    ----------
    when
        A comparison, such as ``T < T_min``.  The event fires at the moment the
        condition turns from false to true, never because it holds from the start.
    then
        The new value of each state it changes, such as ``{T: 0}``.
    """

    when: sympy.Basic
    then: Mapping[State, Any]

    def __post_init__(self) -> None:
        if not isinstance(self.when, sympy.Basic):
            raise ModelError(f"an event is triggered by {self.when!r}; expected one comparison, such as T < T_min.")
        _check_mapping(self.then, f"what the event {self.when} does", "{state: its new value}")
        for target in self.then:
            if not isinstance(target, State):
                raise ModelError(f"the event {self.when} sets {target!r}, which is not a state.")
        then = {s: as_expression(e, f"what the event {self.when} sets {s} to") for s, e in self.then.items()}
        object.__setattr__(self, "then", MappingProxyType(then))

    def __reduce__(self) -> tuple[Any, ...]:
        return Event, (self.when, dict(self.then))


@dataclass(frozen=True)
class Route:
    """How a dose enters: by a jump of states, or as the rate of a zero-order input.

    Exactly one of `jumps` and `rate` is given.  A jump that adds to its states an amount
    proportional to the dose (`additive`) also takes a duration: it is then an infusion.
    """

    name: str
    jumps: Mapping[State, sympy.Expr] = field(default_factory=dict)
    rate: InputRate | None = None

    @property
    def doses(self) -> set[Dose]:
        found: set[Dose] = set().union(*(e.atoms(Dose) for e in self.jumps.values()))
        return found

    @property
    def additive(self) -> Mapping[State, sympy.Expr] | None:
        """What one unit of dose adds to each state, or None where the jump is not of that kind."""
        (amount,) = self.doses or (None,)
        added = {}
        for target, jump in self.jumps.items():
            increment = sympy.expand(jump - target)
            slope = sympy.diff(increment, amount)
            if slope.atoms(State, Dose) or increment.xreplace({amount: sympy.S.Zero}) != 0:
                return None
            added[target] = slope
        return added or None

    def unit(self, time: str) -> str:
        """The unit of a dose on this route, in a model whose time is in `time`."""
        if self.rate is not None:
            return label(parse_unit(self.rate.unit) * parse_unit(time))
        return next(iter(self.doses)).unit


@dataclass(frozen=True)
class Dosing:
    """How a compartment takes a dose; the names are those of NONMEM's additional parameters.

    Each is a number or an expression of parameters and givens.

    Parameters
    ----------
    F
        Bioavailability: the fraction of a dose that arrives, by a route or from a table of
        records.  A route that says itself what arrives, ``{depot: depot + F*dose("mg")}``, has
        applied it.
    lag
        How long after its time a dose arrives (ALAG), in the model's time; for every dose
        that reaches the compartment, by a route or from a table.
    rate
        The rate of a dose with RATE -1, in the unit of the compartment per time.
    duration
        The duration of a dose with RATE -2, in the model's time.  A regimen uses it by
        name: ``infusion(100, "iv", duration=model["D"])``.
    """

    F: Any = 1
    lag: Any = 0
    rate: Any = None
    duration: Any = None

    def __post_init__(self) -> None:
        for key, value in self.attributes.items():
            if not isinstance(value, int | float | sympy.Expr):
                raise ModelError(f"the dosing attribute {key} is {value!r}; expected a number or an expression.")
            object.__setattr__(self, key, sympy.sympify(value))

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes that are there, by name."""
        return {k: getattr(self, k) for k in ("F", "lag", "rate", "duration") if getattr(self, k) is not None}


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
            _check_mapping(getattr(self, name), f"{self.name}: {name}", form)
        normalized = {
            "rates": _expressions(self.rates, f"{self.name}: rates"),
            "terms": _expressions(self.terms, f"{self.name}: terms"),
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
            {k: dict(r.jumps) if r.rate is None else r.rate for k, r in self.routes.items()},
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
            found = self.outputs[name]
            return found.meaning or getattr(found.expression, "meaning", "") or str(found.expression)
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
        return self.description.strip().partition("\n")[0].rstrip(".") or self.name

    # ---- variants of it

    def using(self, **values: Any) -> Model:
        """The same model with other default values: a number, ``"0.4 nM"``, or the name of an alternative."""
        from pkpd.symbolic.composition import with_defaults

        return with_defaults(self, values)

    def renamed(self, names: str | Mapping[str, str]) -> Model:
        """The same model under other names: a prefix for all of its own names, or a mapping."""
        from pkpd.symbolic.composition import renamed

        return renamed(self, names)

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

    def equations(self) -> str:
        """The equations as text, one a line."""
        return "\n".join(writing.equation_lines(self))

    def _repr_latex_(self) -> str:
        return writing.latex(self)

    def __repr__(self) -> str:
        return f"<Model {self.name}: {len(self.states)} states, {len(self.settable)} parameters>"


_FIELDS = {
    "rates": "{state: its rate}",
    "outputs": "{name: expression}",
    "routes": "{name: {state: expression of dose(unit)}} or {name: input_rate}",
    "terms": "{state: what is added to its rate}",
    "dosing": "{state: Dosing(...)}",
}


def _check_mapping(given: Any, what: str, form: str) -> None:
    if not isinstance(given, Mapping):
        raise ModelError(f"{what} is {given!r}; expected {form}.")


def _events(given: Any, model: str) -> tuple[Event, ...]:
    events = tuple(given) if isinstance(given, Iterable) else (given,)
    if not isinstance(given, Iterable) or not all(isinstance(event, Event) for event in events):
        raise ModelError(f"{model}: events is {given!r}; expected a list of Event(when=..., then={{state: value}}).")
    return events


def require_model(given: Any, who: str) -> Model:
    """`given` itself, if it is a model; `who` asks for one.

    Raises
    ------
    ModelError
        If it is not.
    """
    if not isinstance(given, Model):
        raise ModelError(f"{who}() got {given!r} as a model; load one with pkpd.load(name).")
    return given


def _rebuilt(*fields: Any) -> Model:
    return Model(*fields)


def _expressions(table: Mapping[State, Any], where: str) -> Mapping[State, sympy.Expr]:
    for key in table:
        if not isinstance(key, State):
            raise ModelError(f"{where} has the key {key!r}, which is not a state; declare it with state().")
    return MappingProxyType({key: as_expression(value, f"{where} of {key.name}") for key, value in table.items()})


def _as_output(model: str, name: str, value: Any) -> Output:
    given = value if isinstance(value, Output) else Output(value)
    return replace(given, expression=as_expression(given.expression, f"{model}: output {name!r}"))


def _as_route(model: str, name: str, value: Any) -> Route:
    if isinstance(value, Route):
        return value
    if isinstance(value, InputRate):
        return Route(name, rate=value)
    if isinstance(value, Mapping) and value:
        return Route(name, jumps=_expressions(value, f"{model}: route {name!r}"))
    raise ModelError(
        f"{model}: route {name!r} is {value!r}; expected {{state: expression of dose(unit)}} or an input_rate."
    )
