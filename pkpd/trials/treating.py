"""Patients treated by a protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Codes, Index, Mask
from pkpd.ensembles.ensembles import Ensemble
from pkpd.ensembles.streams import check_seed
from pkpd.errors import SimulationError, unknown_name
from pkpd.measures.recist_rules import RecistRules
from pkpd.measures.scan_data import NEW, NON_TARGET, TARGET
from pkpd.prepared.parameters import ParameterValues
from pkpd.prepared.prepared import Prepared
from pkpd.prepared.preparing import prepare
from pkpd.prepared.solver import Solver
from pkpd.symbolic.model import Model
from pkpd.treatment.conditions import IRECIST, Happened, Measured, Seen
from pkpd.treatment.protocols import Protocol
from pkpd.trials.cycles import cycles_of, dosing_of
from pkpd.trials.readings import Readings
from pkpd.trials.rules import settled_rules
from pkpd.trials.scans import collect_scans
from pkpd.trials.walking import Walk, Walked, drawn_starts, walk
from pkpd.units import time_in

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Treated", "treat"]


@dataclass(frozen=True, eq=False)
class Treated:
    """Patients after a protocol: what was given, decided, scanned, and what happened.

    Days are those of the model, but for those of `scans`, which count from entry.

    Attributes
    ----------
    entry, left
        (patients,): the day of entry into the trial, infinite where none came to it, and the last
        day under observation.
    status
        (patients,): how the integration went, see `Status`; 0 for well.
    """

    unit: str
    therapies: tuple[str, ...]
    routes: tuple[tuple[str, ...], ...]
    reasons: tuple[str, ...]
    events: tuple[str, ...]
    event_numbers: tuple[int, ...]
    numbers: Index
    walked: Walked

    @property
    def entry(self) -> Array:
        return self.walked.entry

    @property
    def left(self) -> Array:
        return self.walked.left

    @property
    def status(self) -> Index:
        return self.walked.reached.status

    @cached_property
    def doses(self) -> pd.DataFrame:
        """The treatment that was given, a row for each dose: patient, day, route, amount, duration, therapy, cycle, and
        the reason why the therapy was begun."""
        import pandas as pd

        doses = self.walked.doses
        doses = doses.take(np.lexsort((doses.dose, doses.therapy, doses.day, doses.patient)))
        routes = [self.routes[t][d] for t, d in zip(doses.therapy.tolist(), doses.dose.tolist(), strict=True)]
        return pd.DataFrame(
            {
                "patient": self.numbers[doses.patient],
                "day": doses.day,
                "route": routes,
                "amount": doses.amount,
                "duration": doses.duration,
                "therapy": np.array(self.therapies, dtype=object)[doses.therapy],
                "cycle": doses.cycle,
                "reason": np.array(self.reasons, dtype=object)[doses.why],
            }
        )

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """What rules decided, in time: patient, day, therapy, action (start, delay, stop), reason."""
        import pandas as pd

        parts = [
            pd.DataFrame(
                {
                    "patient": self.numbers[d.patient],
                    "day": d.day,
                    "therapy": np.array(self.therapies, dtype=object)[d.therapy],
                    "action": d.action,
                    "reason": self.reasons[d.reason],
                }
            )
            for d in self.walked.decisions
        ]
        columns = ["patient", "day", "therapy", "action", "reason"]
        table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
        return table.sort_values(["patient", "day"], kind="stable", ignore_index=True)

    @cached_property
    def scans(self) -> xr.Dataset:
        """What was scanned, for `recist` and `irecist`; days from entry."""
        seen = self.walked.readings
        return collect_scans(
            seen.day,
            seen.diameter,
            seen.role,
            node=seen.node,
            too_small=seen.too_small,
            scheduled=seen.planned,
            patient=self.numbers,
        )

    def day_of(self, event: str) -> Array:
        """(patients,): the day on which an event of the model happened under observation, NaN where it did not.

        Raises
        ------
        UnknownNameError
            If no condition or `leaving` named it.
        """
        if event not in self.events:
            raise unknown_name("the treated patients", "event", event, self.events)
        day = self.walked.reached.event_days[self.event_numbers[self.events.index(event)]]
        return np.where(day <= self.left, day, np.nan)


def treat(
    model: Model,
    protocol: Protocol,
    patients: Mapping[str, Any] | Ensemble | None = None,
    *,
    until: Any,
    visits: Any = (),
    lesions: Mapping[str, str] | None = None,
    criteria: RecistRules | None = None,
    leaving: Iterable[str] = (),
    seed: int = 0,
    solver: Solver | None = None,
) -> Treated:
    """Treat patients by a protocol, whose rules look at what their own visits show.

    Parameters
    ----------
    model
        Its routes take the doses; it starts at time 0.
    protocol
        Therapies and rules.
    patients
        Parameters by name, an array over patients or one value for all, or an `Ensemble`.
    until
        How long each patient is followed from entry: a number, text such as ``"3 years"``, or
        (patients,).
    visits
        Days of scans from entry, the first of which is the baseline: (visits,) for all alike or
        (patients, visits), where a missed visit is NaN.
    lesions
        By name the output of the model that is the diameter of a lesion, in mm.
    criteria
        What RECIST and iRECIST leave to the protocol; the defaults of `RecistRules`.
    leaving
        The events of the model with which a patient leaves: death, dropout.  No dose and no scan
        after them.
    seed
        Of what is drawn for each patient, by the number that labels a member of the ensemble.
    solver
        How to integrate.

    Returns
    -------
    Treated
        The doses that were given, what was decided and why, the scans, and the days of events.

    Raises
    ------
    SimulationError, UnknownNameError, RegimenError, ParameterError
        If an argument does not fit the model or the protocol.

    Notes
    -----
    Patients are integrated from decision to decision: visits, and before each dose of a therapy
    that a rule on measurements or events stops or delays.  A visit comes before a dose of the
    same day.

    Examples
    --------
    >>> import pkpd
    >>> protocol = pkpd.Protocol({"weekly": pkpd.therapy(pkpd.bolus(100, "iv"), every=7, cycles=3)})
    >>> treated = pkpd.treat(pkpd.load("pk_1cmt"), protocol, {"CL": [1.0, 2.0]}, until=28)
    >>> treated.doses.query("patient == 1").day.tolist()
    [0.0, 7.0, 14.0]
    """
    check_seed(seed)
    measured = _measured(model, protocol)
    named = dict(lesions or {})
    prepared = prepare(
        model, dosing_of(protocol, list(named)), times=[0.0], outputs=[*dict.fromkeys([*named.values(), *measured])],
        solver=solver,
    )  # fmt: skip
    values = prepared.values_of(patients)
    numbers = _numbers(values)
    plan = _walk(prepared, protocol, values, numbers, list(named), tuple(leaving), until, seed)
    readings = _readings(protocol, values, numbers, named, visits, criteria or RecistRules())
    return _treated(plan, protocol, numbers, walk(plan, readings))


def _walk(
    prepared: Prepared,
    protocol: Protocol,
    values: ParameterValues,
    numbers: Index,
    lesions: Sequence[str],
    leaving: tuple[str, ...],
    until: Any,
    seed: int,
) -> Walk:
    model = prepared.model
    last = np.array(time_in(until, model.time, "until") if np.ndim(until) == 0 else until, dtype=float)
    if last.shape not in ((), (values.members,)) or not (np.isfinite(last) & (last >= 0)).all():
        raise SimulationError(f"until is {until!r}; expected a time of 0 or more, one or each of {values.members}.")
    happened = [rule.when.event for rule in protocol.rules if isinstance(rule.when, Happened)]
    return Walk(
        prepared=prepared,
        values=values,
        cycles=tuple(cycles_of(protocol, lesions, prepared, values).values()),
        rules=settled_rules(protocol, model.time),
        starts=drawn_starts(protocol.starts, model.time, seed, numbers),
        events={name: event_number(model, name) for name in (*leaving, *happened)},
        leaving=leaving,
        until=np.array(np.broadcast_to(last, values.members)),
    )


def _treated(plan: Walk, protocol: Protocol, numbers: Index, walked: Walked) -> Treated:
    return Treated(
        unit=plan.prepared.model.time,
        therapies=tuple(protocol.therapies),
        routes=tuple(cycle.routes for cycle in plan.cycles),
        reasons=plan.rules.reasons,
        events=tuple(plan.events),
        event_numbers=tuple(plan.events.values()),
        numbers=numbers,
        walked=walked,
    )


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


def _numbers(values: ParameterValues) -> Index:
    labels = values.ensemble.labels
    if "member" not in list(labels):
        return np.arange(values.members)
    return np.asarray(labels["member"][1], dtype=np.int64)


def _readings(
    protocol: Protocol,
    values: ParameterValues,
    numbers: Index,
    lesions: Mapping[str, str],
    visits: Any,
    criteria: RecistRules,
) -> Readings:
    days = np.asarray(visits, dtype=float)
    planned = np.array(np.broadcast_to(days, (values.members, days.shape[-1])))
    asked = [rule.when for rule in protocol.rules if isinstance(rule.when, Seen)]
    if asked and not (lesions and planned.size):
        raise SimulationError(f"a rule looks at {asked[0]}; give lesions= and visits=.")
    immune = any(name in IRECIST for condition in asked for name in condition.responses)
    node = np.zeros((values.members, len(lesions)), dtype=bool)
    return Readings.begun(
        tuple(lesions.values()), numbers, planned, node, _exact, _roles, immune=immune, criteria=criteria
    )


def _exact(truth: Array, numbers: Index, visit: Index) -> tuple[Array, Mask]:
    return truth, np.zeros(truth.shape, dtype=bool)


def _roles(diameter: Array, node: Mask) -> Codes:
    return np.where(diameter >= 10, TARGET, np.where(diameter > 0, NON_TARGET, NEW)).astype(np.int8)
