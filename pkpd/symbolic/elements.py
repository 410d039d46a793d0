"""What a model is made of beside its rates: outputs, events, routes, and how compartments take a dose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import sympy

from pkpd.errors import ModelError
from pkpd.symbolic.symbols import Dose, InputRate, State, as_expression
from pkpd.units import amount_factor, label, parse_unit

__all__ = ["Dosing", "Event", "Output", "Route", "check_mapping", "expressions_by_state", "output"]


@dataclass(frozen=True)
class Output:
    """An observable: an expression with a unit and a meaning; see `output`."""

    expression: sympy.Expr
    meaning: str = ""
    unit: str | None = None


def output(expression: sympy.Expr, meaning: str, unit: str | None = None) -> Output:
    """Declare an output with its meaning; its unit follows from the expression unless given.

    Examples
    --------
    >>> import pkpd
    >>> A, V = pkpd.state("A", "mg", "drug"), pkpd.param("V", 3, "L", "volume")
    >>> output(A / V, "concentration").meaning
    'concentration'
    """
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
        check_mapping(self.then, f"what the event {self.when} does", "{state: its new value}")
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

    A model takes ``{state: expression of dose(unit)}`` or an `input_rate` for it; a `Route`
    itself is needed only to say that a dose replaces what is there.

    Parameters
    ----------
    name
        The name in the model.
    jumps
        The new value of each state that a dose changes.  One that adds to its states an
        amount proportional to the dose (`additive`) also takes a duration: it is then an
        infusion.
    rate
        The zero-order input, in the place of jumps.
    replaces
        Whether a dose may overwrite a state, ``{A: dose("mg")}``: without it such a jump is
        taken for one that forgot ``A +``, and refused.

    Raises
    ------
    ModelError
        If a jump is no expression, or its key no state.
    """

    name: str
    jumps: Mapping[State, sympy.Expr] = field(default_factory=dict)
    rate: InputRate | None = None
    replaces: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "jumps", expressions_by_state(self.jumps, f"route {self.name!r}"))

    def __reduce__(self) -> tuple[Any, ...]:
        return Route, (self.name, dict(self.jumps), self.rate, self.replaces)

    @property
    def doses(self) -> set[Dose]:
        """The dose symbols of its jumps; one, in a model that is well formed."""
        return set().union(*(e.atoms(Dose) for e in self.jumps.values()))

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

    @property
    def molar_mass(self) -> float | None:
        """The molar mass of what is dosed, in g/mol, where one is declared."""
        symbol = self.rate if self.rate is not None else next(iter(self.doses))
        return getattr(symbol.declaration, "molar_mass", None)

    def amount_factor(self, unit: str, time: str, what: str) -> float:
        """The factor from an amount in `unit` to the unit of a dose on this route.

        Parameters
        ----------
        unit
            Of the amount, such as ``"mg"``; a mass into a route of moles, or the reverse,
            is converted by the molar mass.
        time
            The model's unit of time.
        what
            Begins a message: ``"a dose on 'iv' is 1500 mg"``.

        Raises
        ------
        UnitError
            If the one cannot be converted to the other; the message says what is missing.
        """
        return amount_factor(unit, self.unit(time), self.molar_mass, what)


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


def check_mapping(value: Any, what: str, form: str) -> None:
    """Refuse what is no mapping.

    Raises
    ------
    ModelError
        With `what` it is, and the `form` that was expected.
    """
    if not isinstance(value, Mapping):
        raise ModelError(f"{what} is {value!r}; expected {form}.")


def expressions_by_state(table: Mapping[State, Any], where: str) -> Mapping[State, sympy.Expr]:
    """`table` frozen, with its values as expressions.

    Raises
    ------
    ModelError
        If a key is not a state, or a value no expression; `where` says in which table.
    """
    for key in table:
        if not isinstance(key, State):
            raise ModelError(f"{where} has the key {key!r}, which is not a state; declare it with state().")
    return MappingProxyType({key: as_expression(value, f"{where} of {key.name}") for key, value in table.items()})
