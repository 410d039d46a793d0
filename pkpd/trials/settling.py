"""A model and a protocol settled once, for any patients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pkpd.arrays import Array, Index
from pkpd.errors import SimulationError, unknown_name
from pkpd.prepared.parameters import ParameterValues
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.preparing import prepare
from pkpd.prepared.solver import Solver
from pkpd.symbolic.model import Model, require_model
from pkpd.treatment.conditions import Happened, Measured
from pkpd.treatment.protocols import Protocol
from pkpd.trials.cycles import CycleRule, cycle_rule, dosing_of
from pkpd.trials.imaging import Imaging, readings_of
from pkpd.trials.rules import SettledRules, settled_rules
from pkpd.trials.starts import drawn_starts
from pkpd.trials.treated import Treated
from pkpd.trials.walking import Walk, walk
from pkpd.units import time_in

__all__ = ["SettledProtocol", "settled_protocol"]


@dataclass(frozen=True, eq=False)
class SettledProtocol:
    """A protocol for one model, with everything settled but the patients.

    Attributes
    ----------
    imaging
        What is scanned; None for nothing.
    events
        The number of each event of the model that a condition, `leaving` or `watched` names.
    leaving
        The events with which a patient leaves.
    """

    protocol: Protocol
    prepared: Prepared
    cycles: CycleRule
    rules: SettledRules
    imaging: Imaging | None
    events: Mapping[str, int]
    leaving: tuple[str, ...]

    def treat(self, values: ParameterValues, numbers: Index, until: Array, seed: int) -> Treated:
        """Treat patients.

        Parameters
        ----------
        values
            As ``prepared.values_of`` makes them.
        numbers
            (patients,): numbers that decide, with the seed, what is drawn for each.
        until
            (patients,): how long each is followed from entry, in the model's unit of time.
        """
        cycles = self.cycles(values)
        setting = Walk(
            prepared=self.prepared,
            values=values,
            cycles=cycles,
            rules=self.rules,
            starts=drawn_starts(self.protocol.starts, self.prepared.model.time, seed, numbers),
            events=self.events,
            leaving=self.leaving,
            until=until,
        )
        walked = walk(setting, readings_of(self.imaging, self.prepared.model, self.protocol, numbers, seed))
        return Treated(
            per_day=time_in("1 day", self.prepared.model.time, "a day"),
            therapies=tuple(self.protocol.therapies),
            routes=tuple(cycle.routes for cycle in cycles),
            reasons=self.rules.reasons,
            toxic=self.rules.toxic,
            events=self.events,
            numbers=numbers,
            walked=walked,
        )


def settled_protocol(
    model: Model,
    protocol: Protocol,
    *,
    imaging: Imaging | None = None,
    leaving: Iterable[str] = (),
    watched: Iterable[str] = (),
    solver: Solver | None = None,
) -> SettledProtocol:
    """Settle a model and a protocol; see `treat`.

    Parameters
    ----------
    watched
        Further events of the model whose days are wanted.

    Raises
    ------
    SimulationError, UnknownNameError, RegimenError
        If a name of the protocol does not fit the model.
    """
    _check(model, protocol, imaging)
    named = dict(imaging.lesions if imaging is not None else {})
    away = (leaving,) if isinstance(leaving, str) else tuple(leaving)
    outputs = dict.fromkeys([*named.values(), *_measured(model, protocol)])
    prepared = prepare(model, dosing_of(protocol, list(named)), times=[0.0], outputs=list(outputs), solver=solver)
    happened = [rule.when.event for rule in protocol.rules if isinstance(rule.when, Happened)]
    events = {name: event_number(model, name) for name in dict.fromkeys((*away, *happened, *watched))}
    return SettledProtocol(
        protocol,
        prepared,
        cycle_rule(protocol, list(named), prepared),
        settled_rules(protocol, model.time),
        imaging,
        MappingProxyType(events),
        away,
    )


def _check(model: Any, protocol: Any, imaging: Any) -> None:
    require_model(model, "treat")
    if not isinstance(protocol, Protocol):
        raise SimulationError(f"the protocol is {protocol!r}; expected pkpd.Protocol({{name: pkpd.therapy(...)}}).")
    if not isinstance(imaging, Imaging | None):
        raise SimulationError(f"imaging is {imaging!r}; expected pkpd.Imaging(lesions, visits).")


def event_number(model: Model, name: str) -> int:
    """The number of the event of a model that sets the state of this name.

    Raises
    ------
    UnknownNameError, SimulationError
        If there is none, or more than one.
    """
    setting = [[state.name for state in event.then] for event in model.events]
    numbers = [i for i, states in enumerate(setting) if name in states]
    if not numbers:
        raise unknown_name(model.name, "event that sets", name, {state for states in setting for state in states})
    if len(numbers) > 1:
        raise SimulationError(f"{model.name} has {len(numbers)} events that set {name!r}; expected one.")
    return numbers[0]


def _measured(model: Model, protocol: Protocol) -> list[str]:
    """The states and outputs that conditions name."""
    names = [rule.when.of for rule in protocol.rules if isinstance(rule.when, Measured)]
    known = [*(state.name for state in model.states), *model.outputs]
    for name in names:
        if name not in known:
            raise unknown_name(model.name, "state or output", name, known)
    return names
