"""What a file says of a model, key by key."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pkpd.toml_files import Table

__all__ = ["ModelTable"]

Number = float
Formula = str | float
Bounds = Annotated[list[float], Field(min_length=2, max_length=2)]


class AlternativeTable(Table):
    """Another published value."""

    value: Number
    unit: str
    source: str = ""


class ParameterTable(Table):
    """A parameter; see `pkpd.param`."""

    value: Number
    unit: str = "1"
    meaning: str = ""
    source: str = ""
    bounds: Bounds | None = None
    iiv: Number | None = None
    alternatives: dict[str, AlternativeTable] = {}


class GivenTable(Table):
    """What another part supplies; see `pkpd.given`."""

    unit: str = "1"
    meaning: str = ""
    default: Number | None = None


class StateTable(Table):
    """A state; see `pkpd.state`."""

    unit: str = "1"
    meaning: str = ""
    start: Formula = 0.0
    nonnegative: bool = False


class InputTable(Table):
    """A zero-order input; see `pkpd.input_rate`."""

    unit: str
    meaning: str = ""
    molar_mass: float | str | None = None


class OutputTable(Table):
    """An output; see `pkpd.output`."""

    expression: Formula
    meaning: str = ""
    unit: str | None = None


class RouteTable(Table):
    """How a dose enters: by jumps, in which ``dose`` is its amount in the unit `dose`, or as an input."""

    dose: str | None = None
    molar_mass: float | str | None = None
    jumps: dict[str, Formula] = {}
    input: str | None = None
    replaces: bool = False


class EventTable(Table):
    """What happens when a condition becomes true; see `pkpd.Event`."""

    when: str
    then: dict[str, Formula]


class DosingTable(Table):
    """How a compartment takes a dose; see `pkpd.Dosing`."""

    F: Formula | None = None
    lag: Formula | None = None
    rate: Formula | None = None
    duration: Formula | None = None


class ModelTable(Table):
    """A model as text.

    Attributes
    ----------
    quantities
        Names for expressions that stand in the others: ``C = "A1/V1"``.
    clock
        The unit of ``t``, the time since the start, in expressions; the model's unit of time by default.
    """

    name: str
    time: str = "day"
    clock: str | None = None
    description: str = ""
    parameters: dict[str, ParameterTable] = {}
    given: dict[str, GivenTable] = {}
    states: dict[str, StateTable] = {}
    inputs: dict[str, InputTable] = {}
    quantities: dict[str, Formula] = {}
    rates: dict[str, Formula] = {}
    terms: dict[str, Formula] = {}
    outputs: dict[str, Formula | OutputTable] = {}
    routes: dict[str, RouteTable] = {}
    events: list[EventTable] = []
    dosing: dict[str, DosingTable] = {}
